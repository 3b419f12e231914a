"""The audit on CIFAR-10, whose photos are known to repeat one another, for eyes to judge.

    python studies/audit_cifar10.py FOLDER --sheets sheets/ --into docs/explanation/trust.md

FOLDER is what studies/cifar10.py writes. Looks for near duplicates among the training photos,
and of test photos among them, by vectors and by pixels, and counts them. `--sheets` gets two
pictures of each: the 40 pairs that stand apart the most, and the 40 last ones that are still
called. A minute on one core.

Barz and Denzler (Do we train on test data? Purging CIFAR of near-duplicates, Journal of
Imaging 2020, arXiv 1902.00423) found a duplicate among the training photos for 3.25 % of the
test photos, by cosine distances of a network trained on CIFAR-10 and by looking at them.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cifar10 import images_of, vectors_of, with_prints
from numpy.typing import NDArray
from PIL import Image

from pages import insert
from rara import Features, Reference, Run
from rara.duplicates.find import View, alike
from rara.duplicates.members import members
from rara.geometry import Nearest

SHOWN, ACROSS, EDGE, GAP = 40, 8, 64, 8
PUBLISHED = 3.25
MARK = "audit_cifar10"
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Found:
    """Pairs that are called, the least likely by chance first."""

    left: Bytes
    right: Bytes
    images: NDArray[np.int64]
    """Rows of the images with a near duplicate."""
    of: int
    by_pixels: int
    """Pairs that only the pixels tell."""


def among(features: Features, found: Nearest, photos: Bytes, run: Run) -> Found:
    """Near duplicates among the training photos."""
    same = alike(features, found, run)
    pairs = same.near
    chance = [likely(view, len(features)) for view in (same.vectors, same.pixels) if view]
    worse = [np.maximum(one[pairs.one], one[pairs.other]) for one in chance]
    order = np.argsort(np.min(worse, axis=0), kind="stable")
    one, other = pairs.one[order], pairs.other[order]
    images = np.unique(np.concatenate([one, other]))
    told = int((same.bits >= 0).sum())
    return Found(photos[one], photos[other], images, len(features), told)


def likely(view: View, count: int) -> NDArray[np.float64]:
    """How likely the company of each image is by chance."""
    chance = np.ones(count)
    chance[view.rows] = view.company.chance
    return chance


def between(samples: Features, reference: Reference, photos: list[Bytes], run: Run) -> Found:
    """Test photos with near duplicates among the training photos."""
    nearest = Nearest.of(reference.geometry.d2, reference.geometry.index)
    same = alike(reference.features, nearest, run)
    found = members(reference.features, same, samples, run)
    rows = np.flatnonzero(found.exact | found.near)
    rows = rows[np.lexsort((found.d2[rows], found.bits[rows]))]
    train, test = photos
    told = int((found.bits[rows] >= 0).sum())
    return Found(test[rows], train[found.image[rows]], rows, len(samples), told)


def sheet(found: Found, rows: slice) -> Image.Image:
    """Pairs side by side."""
    pairs = list(zip(found.left[rows], found.right[rows], strict=True))
    down = -(-len(pairs) // ACROSS)
    page = Image.new("RGB", (ACROSS * (2 * EDGE + GAP), down * (EDGE + GAP)), "white")
    for place, pair in enumerate(pairs):
        x, y = place % ACROSS * (2 * EDGE + GAP), place // ACROSS * (EDGE + GAP)
        for side, photo in enumerate(pair):
            page.paste(Image.fromarray(photo).resize((EDGE, EDGE)), (x + side * EDGE, y))
    return page


def table(train: Found, test: Found) -> str:
    return (
        "| photos of CIFAR-10 | of them with a near duplicate | pairs | by the pixels alone |\n"
        "|---|---|---|---|\n"
        f"| {train.of:,} for training, among themselves | {share(train)} | {len(train.left):,} "
        f"| {train.by_pixels:,} |\n"
        f"| {test.of:,} for testing, among those | {share(test)}; published: {PUBLISHED} % "
        f"| {len(test.left):,} | {test.by_pixels:,} |\n"
    )


def share(found: Found) -> str:
    return f"{len(found.images):,} ({100 * len(found.images) / found.of:.2f} %)"


def calls(test: Features, known: NDArray[np.int64], of: dict[str, Reference]) -> str:
    """Test photos with copy_p <= 1 %: of those with near duplicates, and of the others."""
    lines = ["| training photos | called, of those | called, of the others |\n|---|---|---|\n"]
    for name, reference in of.items():
        called = reference.score_features(test, run=Run(threads=1))["copy_p"] <= 0.01
        those = f"{called[known].sum():,} of {len(known):,}"
        others = f"{100 * np.delete(called, known).mean():.2f} %"
        lines.append(f"| {name} | {those} | {others} |\n")
    return "".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sheets", type=Path, help="where pictures of the pairs go")
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    chosen = parser.parse_args()
    run = Run(threads=1)
    names = ("train", "test")
    photos = [images_of(chosen.folder, name) for name in names]
    train, test = (
        with_prints(vectors_of(chosen.folder, name), images)
        for name, images in zip(names, photos, strict=True)
    )
    reference = Reference.from_features(train, run=run)
    nearest = Nearest.of(reference.geometry.d2, reference.geometry.index)
    found = {
        "train": among(reference.features, nearest, photos[0], run),
        "test": between(test, reference, photos, run),
    }
    treated = Reference.from_features(train, deduplicate="near", run=run)
    of = {"all": reference, "without near duplicates": treated}
    tables = f"{table(**found)}\n{calls(test, found['test'].images, of)}"
    print(tables, end="")
    if chosen.sheets:
        chosen.sheets.mkdir(parents=True, exist_ok=True)
        for name, pairs in found.items():
            sheet(pairs, slice(0, SHOWN)).save(chosen.sheets / f"{name}-first.png")
            sheet(pairs, slice(-SHOWN, None)).save(chosen.sheets / f"{name}-last.png")
    if chosen.into:
        insert(chosen.into, tables, MARK)


if __name__ == "__main__":
    main()
