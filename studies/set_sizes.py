"""Whether set metrics move with the number of images, on vectors of photos.

    python studies/set_sizes_samples.py .study/generators --cifar10 .study/cifar10
    python studies/set_sizes.py .study/cifar10 --into docs/studies/sets.md

The folder is that of `cifar10.py`; its vectors of the training images are taken. A GAN has
50,000 samples beside all 50,000 images. In three more laws both sides are photos, of which there
are 20,000 a side. Each figure is also taken of 2,000 a side, in all disjoint draws. A quarter of
an hour on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pages import insert
from rara import sets

ALL, MANY, FEW = 50_000, 20_000, 2_000
NEAR = 0.05
"""How far a figure of few images may be from that of the most, as a share."""
METRICS = ("fid", "fid_infinity", "kid", "cmmd", "sliced_wasserstein")
TITLES = (
    "GAN against photos",
    "animals against vehicles",
    "no cats and dogs",
    "shrunk to the mean by 0.8",
)
VEHICLES, PETS = (0, 1, 8, 9), (3, 5)
Vectors = NDArray[np.float32]


def sides(folder: Path, title: str) -> tuple[Vectors, Vectors]:
    """Samples and reference of a law, no image on both sides, in random order."""
    vectors = np.load(folder / "train.npy")
    labels = np.load(folder / "train_labels.npy")
    rng = np.random.default_rng(0)
    order = rng.permutation(len(vectors))
    vectors, labels = vectors[order], labels[order]
    if title == "GAN against photos":
        samples = np.load(folder / "gan.npy")
        return samples[rng.permutation(len(samples))], vectors
    first, second = vectors[: len(vectors) // 2], vectors[len(vectors) // 2 :]
    if title == "animals against vehicles":
        vehicles = np.isin(labels, VEHICLES)
        samples, second = vectors[~vehicles], vectors[vehicles]
    elif title == "no cats and dogs":
        samples = first[~np.isin(labels[: len(first)], PETS)]
    else:
        mean = first.mean(axis=0)
        samples = mean + np.float32(0.8) * (first - mean)
    return samples[:MANY], second[:MANY]


def table(folder: Path, titles: Sequence[str]) -> Iterator[str]:
    """One line for each law and metric."""
    sizes = f"{ALL:,} a side, 95 % | {MANY:,} a side, 95 % | {FEW:,} a side: mean of"
    yield f"| laws | metric | {sizes} draws (deviation) | difference | draws within 5 % |\n"
    yield "|---|---|--:|--:|--:|--:|--:|\n"
    for title in titles:
        yield from lines(folder, title)


def lines(folder: Path, title: str) -> Iterator[str]:
    """The figures of the most images, of fewer, and of few; differences are to the first."""
    samples, reference = sides(folder, title)
    most = min(len(samples), len(reference), ALL)
    wholes = {n: figures(samples[:n], reference[:n]) for n in (ALL, MANY) if n <= most}
    parts = [slice(start, start + FEW) for start in range(0, most, FEW)]
    draws = [figures(samples[one], reference[one]) for one in parts]
    for name in METRICS:
        drawn = np.array([float(one[name]) for one in draws])
        cells = [_interval(wholes[n][name]) if n in wholes else "" for n in (ALL, MANY)]
        ratios = drawn / wholes[most][name].value
        spread = f"{len(drawn)}: {drawn.mean():.4g} ({drawn.std(ddof=1):.2g})"
        within = f"{(np.abs(ratios - 1) <= NEAR).sum()}"
        row = [title, f"`{name}`", *cells, spread, f"{100 * (ratios.mean() - 1):+.1f} %", within]
        yield f"| {' | '.join(row)} |\n"


def figures(samples: Vectors, reference: Vectors) -> dict[str, sets.SetScore]:
    return sets.MetricCollection(reference, METRICS).scores(samples)


def _interval(score: sets.SetScore) -> str:
    return f"{score.value:.4g} ({score.low:.4g} to {score.high:.4g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what studies/cifar10.py wrote")
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    parser.add_argument("--only", nargs="+", choices=TITLES, default=TITLES)
    chosen = parser.parse_args()
    found = []
    for one in table(chosen.folder, chosen.only):
        print(one, end="", flush=True)
        found.append(one)
    if chosen.into:
        insert(chosen.into, "".join(found), "set_sizes")


if __name__ == "__main__":
    main()
