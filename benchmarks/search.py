"""Finding the source of a picture: what the index takes, a search, and evidence in a score.

    python benchmarks/search.py [--reference 2000] [--samples 20] [--scored 200]

Pictures are drawn: 512 x 384 pixels of coloured noise at all scales under some shapes, with as many
local features as a photo. A fifth of each picture's area, mirrored and saved as JPEG, is looked
for. The peer is what people write with OpenCV: SIFT of all images, kept in memory, brute force,
the ratio test, a homography. All features are made beforehand, and its time is without them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

import rara
from measuring import Cost, Row, apart, command, cost, interleaved, parser, save

SIZES = {"reference": 2_000, "samples": 20, "scored": 200, "repeats": 3}
WIDTH, HEIGHT = 512, 384
SHARE = 0.2
FEATURES = 600
RATIO = 0.8
PEER = "OpenCV: SIFT, brute force, homography"
Descriptors = tuple[Sequence[cv2.KeyPoint], NDArray[np.float32]]


def main() -> None:
    size = parser(__doc__, SIZES).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        pictures(place / "train", size.reference, seed=0)
        index = apart(indexed, place, size.reference)
        pictures(place / "warm", 1, seed=1)
        scored(place / "warm", place, "all")
        save(
            size.results,
            "search",
            settings=size,
            index=index,
            searches=apart(searches, place, size.reference, size.samples, size.repeats),
            scores=scores(place, size.scored, size.repeats),
        )


# -- pictures --


def pictures(folder: Path, count: int, seed: int) -> None:
    """Drawn pictures as JPEG files, named by their numbers."""
    folder.mkdir()
    for number in range(count):
        drawn(np.random.default_rng([seed, number])).save(folder / f"{number}.jpg", quality=92)


def drawn(rng: np.random.Generator) -> Image.Image:
    """Noise at scales from 4 to 256 pixels in three colours, under twelve shapes."""
    field = np.zeros((HEIGHT, WIDTH, 3))
    for scale in (4, 8, 16, 32, 64, 128, 256):
        coarse = rng.standard_normal((HEIGHT // scale + 2, WIDTH // scale + 2, 3))
        field += scale**0.5 * cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    pixels = np.clip(128 + 60 * field / field.std(), 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, w, h = (int(one) for one in rng.integers((0, 0, 10, 10), (WIDTH, HEIGHT, 120, 120)))
        shape = pen.ellipse if rng.random() < 0.5 else pen.rectangle
        shape((x, y, x + w, y + h), fill=tuple(int(c) for c in rng.integers(256, size=3)))
    return image


def altered(source: Path, rng: np.random.Generator, target: Path) -> None:
    """A part of it, mirrored and saved as a small JPEG."""
    image = Image.open(source)
    width, height = (round(side * SHARE**0.5) for side in image.size)
    left, top = int(rng.integers(WIDTH - width + 1)), int(rng.integers(HEIGHT - height + 1))
    part = ImageOps.mirror(image.crop((left, top, left + width, top + height)))
    part.save(target, quality=70)


# -- the index --


def indexed(place: Path, count: int) -> list[dict[str, object]]:
    """A saved reference without an index, and with one."""
    rows = []
    for what, options in (("without an index", ()), ("with an index", ("--index",))):
        target = place / what.replace(" ", "-")
        spent = command("reference", "build", str(place / "train"), "-o", str(target), *options,
                        cache=place / f"cache {what}")  # fmt: skip
        size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
        rows.append({"what": what, "n": count, **spent._asdict(), "bytes": size})
    return rows


# -- searches --


def searches(place: Path, count: int, samples: int, repeats: int) -> list[dict[str, object]]:
    """Of altered copies, by rara and by brute force over all features."""
    rng = np.random.default_rng(2)
    wanted = rng.choice(count, samples, replace=False)
    looked = place / "looked for"
    looked.mkdir()
    for number in wanted:
        altered(place / "train" / f"{number}.jpg", rng, looked / f"{number}.jpg")
    reference = rara.Reference.load(place / "with-an-index")
    run = rara.Run(cache=place / "cache with an index", threads=1)
    rara.search(place / "train" / "0.jpg", reference, run=run)
    every = [features(place / "train" / f"{number}.jpg") for number in range(count)]
    facts = {"n": count, "m": samples}
    mine = Row.of(partial(by_rara, looked, reference, run), who="rara search", **facts)
    other = Row.of(partial(by_hand, looked, every), who=PEER, **facts)
    return interleaved([mine, other], repeats)


def by_rara(looked: Path, reference: rara.Reference, run: rara.Run) -> tuple[Cost, str]:
    spent, found = cost(lambda: rara.search(looked, reference, run=run))
    right = sum(
        bool(one.matches) and Path(one.matches[0].source).stem == Path(one.id).stem for one in found
    )
    return spent, f"{right} of {len(found)} sources"


def by_hand(looked: Path, every: Sequence[Descriptors]) -> tuple[Cost, str]:
    cv2.setNumThreads(1)
    files = sorted(looked.iterdir())
    spent, found = cost(lambda: [nearest(file, every) for file in files])
    right = sum(int(file.stem) == one for file, one in zip(files, found, strict=True))
    return spent, f"{right} of {len(files)} sources"


def nearest(file: Path, every: Sequence[Descriptors]) -> int:
    """The image with the most inliers of a homography, for the picture or its mirror image."""
    matcher, inliers = cv2.BFMatcher(), np.zeros(len(every), int)
    for mirror in (False, True):
        points, descriptors = features(file, mirror)
        for i, (theirs, others) in enumerate(every):
            pairs = matcher.knnMatch(descriptors, others, k=2)
            good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < RATIO * p[1].distance]
            if len(good) < 4:
                continue
            own = np.array([points[one.queryIdx].pt for one in good])
            other = np.array([theirs[one.trainIdx].pt for one in good])
            kept = cv2.findHomography(own, other, cv2.RANSAC, 5.0)[1]
            inliers[i] = max(inliers[i], 0 if kept is None else int(kept.sum()))
    return int(inliers.argmax())


def features(file: Path, mirror: bool = False) -> Descriptors:
    grey = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    grey = cv2.flip(grey, 1) if mirror else grey
    found: Descriptors = cv2.SIFT_create(FEATURES).detectAndCompute(grey, None)
    return found


# -- scores --


def scores(place: Path, samples: int, repeats: int) -> list[dict[str, object]]:
    """`rara score` on samples that no cache knows, one in ten an altered copy."""
    rows = [
        Row.of(partial(fresh, place, samples, how), what=f"--evidence {how}", m=samples)
        for how in ("none", "near", "all")
    ]
    return interleaved(rows, repeats)


def fresh(place: Path, samples: int, how: str) -> tuple[Cost, str]:
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        folder = Path(scratch) / "samples"
        seed = int(np.random.default_rng().integers(2**32))
        pictures(folder, samples, seed)
        rng = np.random.default_rng(seed)
        for number in range(0, samples, 10):
            altered(place / "train" / f"{number}.jpg", rng, folder / f"{number}.jpg")
        return scored(folder, place, how), ""


def scored(folder: Path, place: Path, how: str) -> Cost:
    return command("score", str(folder), "--reference", str(place / "with-an-index"),
                   "--evidence", how, cache=place / "cache with an index")  # fmt: skip


if __name__ == "__main__":
    main()
