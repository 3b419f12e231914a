"""The audit on CIFAR-10, whose photos are known to repeat one another, for eyes to judge.

    python studies/audit_cifar10.py FOLDER --sheets sheets/ --into docs/trust.md

FOLDER holds train.npy and test.npy, features (n, d), and train_images.npy and test_images.npy,
the photos as (n, 32, 32, 3) bytes. Looks for near duplicates among the training photos, and of
test photos among them, and counts them. `--sheets` gets two pictures of each: the 40 pairs that
stand apart the most, and the 40 last ones that are still called. A minute on one core.

Barz and Denzler (Do we train on test data? Purging CIFAR of near-duplicates, Journal of
Imaging 2020, arXiv 1902.00423) found a duplicate among the training photos for 3.25 % of the
test photos, by cosine distances of a network trained on CIFAR-10 and by looking at them.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from calibration import insert
from numpy.typing import NDArray
from PIL import Image

from rara import Features, Reference, Run
from rara.distinct import alike
from rara.duplicates import close, company
from rara.geometry import Nearest, query

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


def among(features: Features, found: Nearest, photos: Bytes, run: Run) -> Found:
    """Near duplicates among the training photos."""
    same = alike(features, found, run)
    pairs, likely = same.near, np.ones(len(features))
    likely[same.rows] = same.company.chance
    order = np.argsort(np.maximum(likely[pairs.one], likely[pairs.other]), kind="stable")
    one, other = pairs.one[order], pairs.other[order]
    images = np.unique(np.concatenate([one, other]))
    return Found(photos[one], photos[other], images, len(features))


def between(samples: NDArray[np.float32], reference: Reference, photos: list[Bytes]) -> Found:
    """Test photos with near duplicates among the training photos."""
    around = Nearest.of(reference.d2, reference.index)
    found = Nearest(len(samples), around.k)
    query(samples, reference.features.vectors, [found], threads=1)
    near = company(found, around)
    called = np.flatnonzero(close(found, near, around))
    rows = called[np.argsort(near.chance[called], kind="stable")]
    train, test = photos
    return Found(test[rows], train[found.index[rows, 0]], rows, len(samples))


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
        "| photos of CIFAR-10 | of them with a near duplicate | pairs |\n|---|---|---|\n"
        f"| {train.of:,} for training, among themselves | {share(train)} | {len(train.left):,} |\n"
        f"| {test.of:,} for testing, among those | {share(test)}; published: {PUBLISHED} % "
        f"| {len(test.left):,} |\n"
    )


def share(found: Found) -> str:
    return f"{len(found.images):,} ({100 * len(found.images) / found.of:.2f} %)"


def calls(test: NDArray[np.float32], known: NDArray[np.int64], of: dict[str, Reference]) -> str:
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
    train, test = (np.load(chosen.folder / f"{name}.npy") for name in names)
    photos = [np.load(chosen.folder / f"{name}_images.npy", mmap_mode="r") for name in names]
    reference = Reference.from_features(train, run=run)
    nearest = Nearest.of(reference.d2, reference.index)
    found = {
        "train": among(reference.features, nearest, photos[0], run),
        "test": between(test, reference, photos),
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
