"""Images that are no photos, or broken ones, beside photos: how many are called off-manifold.

    python studies/junk.py FOLDER --into docs/explanation/trust.md

FOLDER is what studies/cifar10.py writes. Training photos of CIFAR-10 are the reference, 300, 5,000
and 50,000 of them; test photos are the fresh ones. `junk_images.py` makes the others, from 500 test
photos that are not among the fresh ones where it needs photos; their vectors are kept in
FOLDER/junk. Ten minutes on one core beside those.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from families_photos import vectors_of
from junk_images import COUNT, kinds
from numpy.typing import NDArray

from pages import insert
from rara import Features, Reference, Run, ScoreTable
from rara.extractors.base import Metric
from rara.extractors.efficientnet_lite0 import SPEC

FRESH = 2_000
SIZES = (300, 5_000, 50_000)
COMPARED = 5_000
SHIP = 8
ALPHA = 0.05
HEAD = """\
| images | 300 | 5,000 | 50,000 | typical | distance alone | balls alone | cosine | Euclidean |
|---|---|---|---|---|---|---|---|---|
"""
RATES_HEAD = """\
| reference | drawn | off the manifold | by distance alone | with uncommon, rare | near copies |
|---|---|---|---|---|---|
"""
RATES = {20: 300, 300: 60, 5_000: 6, 50_000: 1}
"""Size of the reference -> how many are drawn."""

Vectors = NDArray[np.float32]


def made(vectors: Vectors) -> Features:
    """As the default network makes them, so that its usual metric is used."""
    return replace(Features.from_arrays(vectors), spec=SPEC)


def off(table: ScoreTable) -> float:
    return share(np.isin(table["verdict"], ["off-manifold", "unknown to this reference"]))


def share(flags: NDArray[np.bool_]) -> float:
    return 100 * float(np.mean(flags))


class Study:
    """References of photos, and what is judged by them."""

    def __init__(self, folder: Path, run: Run) -> None:
        self.folder, self.run = folder, run
        self.train = np.load(folder / "train.npy", mmap_mode="r")
        self.labels = np.load(folder / "train_labels.npy").ravel()
        self.test = np.load(folder / "test.npy", mmap_mode="r")
        self.test_labels = np.load(folder / "test_labels.npy").ravel()
        self.order = np.random.default_rng(0).permutation(len(self.train))
        self.known: dict[tuple[int, Metric | None], Reference] = {}

    def reference(self, size: int, metric: Metric | None = None) -> Reference:
        if (size, metric) not in self.known:
            rows = np.sort(self.order[:size])
            self.known[size, metric] = self.of(np.asarray(self.train[rows]), metric)
        return self.known[size, metric]

    def of(self, vectors: Vectors, metric: Metric | None = None) -> Reference:
        return Reference.from_features(made(vectors), metric=metric, run=self.run)

    def fresh(self) -> Vectors:
        return np.asarray(self.test[:FRESH])

    def junk(self) -> Iterator[tuple[str, Vectors]]:
        photos = np.load(self.folder / "test_images.npy", mmap_mode="r")[FRESH : FRESH + COUNT]
        kept = self.folder / "junk"
        kept.mkdir(exist_ok=True)
        for kind, images in kinds(np.asarray(photos), kept):
            place = kept / f"{kind.replace(' ', '_').replace('/', '-')}.npy"
            if not place.exists():
                np.save(place, vectors_of(images, self.run.threads or 1))
            yield kind, np.load(place)

    def judged(self, reference: Reference, vectors: Vectors) -> ScoreTable:
        return reference.score_features(made(vectors), run=self.run)

    def line(self, kind: str, vectors: Vectors) -> str:
        """By each size; then, at one of them, what else is said, and by other metrics."""
        tables = {size: self.judged(self.reference(size), vectors) for size in SIZES}
        table = tables[COMPARED]
        cells = [off(tables[size]) for size in SIZES]
        cells += [share(table["verdict"] == "typical")]
        cells += [share(table[name] <= ALPHA) for name in ("knn_p", "ball_ratio_p")]
        metrics: tuple[Metric, ...] = ("cosine", "euclidean")
        cells += [off(self.judged(self.reference(COMPARED, one), vectors)) for one in metrics]
        return f"| {kind} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |"

    def ships(self) -> str:
        """A class that the reference lacks."""
        rows = np.sort(self.order[self.labels[self.order] != SHIP][: SIZES[-1]])
        ships = np.asarray(self.test[self.test_labels == SHIP])
        cells = []
        for size in SIZES:
            chosen = np.sort(np.random.default_rng(size).permutation(rows)[:size])
            table = self.judged(self.of(np.asarray(self.train[chosen])), ships)
            cells.append(off(table))
            if size == COMPARED:
                kept = [share(table["verdict"] == "typical")]
                kept += [share(table[name] <= ALPHA) for name in ("knn_p", "ball_ratio_p")]
                others: tuple[Metric, ...] = ("cosine", "euclidean")
                vectors = np.asarray(self.train[chosen])
                kept += [off(self.judged(self.of(vectors, one), ships)) for one in others]
        figures = " | ".join(f"{cell:.1f}" for cell in cells + kept)
        return f"| ships, none in the reference | {figures} |"

    def rates(self, size: int, count: int) -> str:
        """Of fresh photos, over several references."""
        found = []
        for seed in range(count):
            rng = np.random.default_rng(seed)
            rows = np.sort(rng.permutation(len(self.train))[:size])
            fresh = np.sort(rng.permutation(len(self.test))[:FRESH])
            table = self.judged(self.of(np.asarray(self.train[rows])), np.asarray(self.test[fresh]))
            far = table["off_manifold_p"] <= ALPHA
            beyond = far | (table["knn_p"] <= (1 - ALPHA) * 0.2)
            near = share(table["verdict"] == "near copy")
            found.append((share(far), share(table["knn_p"] <= ALPHA), share(beyond), near))
        mean = np.mean(found, axis=0)
        error = np.std(found, axis=0) / np.sqrt(count - 1) if count > 1 else np.full(4, np.nan)
        pairs = zip(mean, error, strict=True)
        cells = [f"{m:.2f}" if np.isnan(e) else f"{m:.2f} ± {e:.2f}" for m, e in pairs]
        return f"| {size:,} | {count} | " + " | ".join(cells) + " |"

    def table(self) -> Iterator[str]:
        yield self.line("fresh photos", self.fresh())
        for kind, vectors in self.junk():
            yield self.line(kind, vectors)
        yield self.ships()


def shown(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines if print(line, file=sys.stderr) is None)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    study = Study(given.folder, Run(threads=given.threads))
    text = HEAD + shown(study.table())
    text += "\nFresh photos alone, in percent:\n\n" + RATES_HEAD
    text += shown(study.rates(*each) for each in RATES.items())
    if given.into:
        insert(given.into, text, "junk")


if __name__ == "__main__":
    main()
