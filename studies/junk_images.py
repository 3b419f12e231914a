"""Images that do not belong to photos, by kind: what `studies/junk.py` sets against CIFAR-10.

`kinds(photos, folder)` yields each kind with its images, the same ones in every run. Some are made
of photos (blurred, noisy, cut into tiles), some of numbers (flat colours, stripes, noise), and some
are other people's pictures: emoji from the npm package emoji-datasource-google, and clothes
from the demo. Sides and strengths are in pixels of photos of 32 x 32.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from edits import Edit, blur, jpeg, noise, rescale
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Images = Mapping[str, Pixels]

COUNT = 500
SIDE = 32
FASHION = Path(__file__).parents[1] / "examples" / "fashion" / "heldout.zip"
EMOJI = "emoji-datasource-google@16.0.0"
EMOJI_FOLDER = "package/img/google/64/"


def rounded(values: NDArray[np.float64]) -> Pixels:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)


# -- photos with damage -----------------------------------------------------------------


def edited(photo: Pixels, rng: np.random.Generator, *, by: Edit) -> Pixels:
    """As copies are edited (`edits.py`), by one that needs no other picture."""
    picture = Image.fromarray(photo)
    return np.asarray(by(picture, picture, rng))


def scrambled(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Its 16 tiles of 8 x 8 pixels in another order."""
    tiles = photo.reshape(4, 8, 4, 8, 3).swapaxes(1, 2).reshape(16, 8, 8, 3)
    mixed = tiles[rng.permutation(16)].reshape(4, 4, 8, 8, 3)
    return np.ascontiguousarray(mixed.swapaxes(1, 2).reshape(SIDE, SIDE, 3))


DAMAGES: Mapping[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
    **{
        f"blur radius {radius}": partial(edited, by=partial(blur, radius=radius / SIDE))
        for radius in (1, 2, 4)
    },
    **{
        f"noise σ {sigma}": partial(edited, by=partial(noise, sigma=sigma))
        for sigma in (10, 20, 50)
    },
    "JPEG 10": partial(edited, by=partial(jpeg, quality=10)),
    "half size and back": partial(edited, by=partial(rescale, by=0.5)),
    "tiles in another order": scrambled,
}


def averaged(photos: Pixels, rng: np.random.Generator) -> Iterator[Pixels]:
    """The mean of two photos each."""
    for one, other in zip(photos, np.roll(photos, 1, axis=0), strict=True):
        yield rounded((one.astype(float) + other) / 2)


# -- pictures made of numbers -----------------------------------------------------------


def gaussian_noise(rng: np.random.Generator) -> Pixels:
    return rounded(rng.normal(127, 60, (SIDE, SIDE, 3)))


def uniform_noise(rng: np.random.Generator) -> Pixels:
    return rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def smooth_noise(rng: np.random.Generator) -> Pixels:
    """Noise of 4 x 4 pixels, enlarged: blotches without an object."""
    small = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8))
    return np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def colours(rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.integers(0, 256, (2, 3)).astype(float)


def between(weight: NDArray[np.float64], rng: np.random.Generator) -> Pixels:
    """Two random colours, mixed by a weight per pixel."""
    one, other = colours(rng)
    return rounded(one + weight[..., None] * (other - one))


def flat(rng: np.random.Generator) -> Pixels:
    return between(np.zeros((SIDE, SIDE)), rng)


def positions(rng: np.random.Generator) -> NDArray[np.float64]:
    """How far each pixel is along a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    found: NDArray[np.float64] = np.cos(angle) * rows + np.sin(angle) * columns
    return found


def gradient(rng: np.random.Generator) -> Pixels:
    along = positions(rng)
    return between((along - along.min()) / np.ptp(along), rng)


def stripes(rng: np.random.Generator) -> Pixels:
    width = rng.integers(2, 9)
    return between((positions(rng) // width % 2).astype(float), rng)


def checkerboard(rng: np.random.Generator) -> Pixels:
    width = rng.choice([1, 2, 4, 8])
    rows, columns = np.mgrid[:SIDE, :SIDE] // width
    return between(((rows + columns) % 2).astype(float), rng)


DRAWN: Mapping[str, Callable[[np.random.Generator], Pixels]] = {
    "Gaussian noise": gaussian_noise,
    "uniform noise": uniform_noise,
    "smooth blotches": smooth_noise,
    "flat colours": flat,
    "gradients": gradient,
    "stripes": stripes,
    "checkerboards": checkerboard,
}


# -- pictures of others -----------------------------------------------------------------


def fetch_emoji(folder: Path) -> Path:
    """The package as an archive, fetched with `npm pack` if need be."""
    archive = folder / (EMOJI.replace("@", "-") + ".tgz")
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "pack", EMOJI, "--silent"], cwd=folder, check=True, capture_output=True
        )
    return archive


def on_white(encoded: bytes) -> Pixels:
    picture = Image.open(io.BytesIO(encoded)).convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(white, picture).convert("RGB"))


def emoji(folder: Path) -> Iterator[Pixels]:
    """Emoji of 64 x 64 pixels on white."""
    with tarfile.open(fetch_emoji(folder)) as archive:
        members = {one.name: one for one in archive if one.name.startswith(EMOJI_FOLDER)}
        names = np.random.default_rng(0).permutation(sorted(members))[:COUNT]
        for name in names:
            file = archive.extractfile(members[str(name)])
            assert file is not None
            yield on_white(file.read())


def clothes() -> Iterator[Pixels]:
    """Fashion-MNIST of the demo."""
    with zipfile.ZipFile(FASHION) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        for name in np.random.default_rng(0).permutation(names)[:COUNT]:
            yield np.asarray(Image.open(io.BytesIO(archive.read(str(name)))).convert("RGB"))


# -- all of them ------------------------------------------------------------------------


def named(pictures: Iterator[Pixels]) -> Images:
    return {f"{i:04d}": picture for i, picture in enumerate(pictures)}


def kinds(photos: Pixels, folder: Path) -> Iterator[tuple[str, Images]]:
    """Each kind with its images; `photos` are the ones that get damage, `folder` keeps packages."""
    for kind, damage in DAMAGES.items():
        rng = np.random.default_rng(0)
        yield kind, named(damage(photo, rng) for photo in photos)
    yield "mean of two photos", named(averaged(photos, np.random.default_rng(0)))
    for kind, draw in DRAWN.items():
        rng = np.random.default_rng(0)
        yield kind, named(draw(rng) for _ in range(COUNT))
    yield "clothes (Fashion-MNIST)", named(clothes())
    yield "emoji", named(emoji(folder))
