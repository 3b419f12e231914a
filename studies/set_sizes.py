"""Whether set metrics move with the number of images, on vectors of photos.

    python studies/set_sizes.py .study/cifar10 --into docs/studies/sets.md

The folder is that of `cifar10.py`; its vectors of the training images are taken. Three laws of
samples and reference, from far to near. Each figure is taken of 20,000 images a side, and of 2,000
a side in several disjoint draws. Half an hour on two cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pages import insert
from rara import sets

MANY, FEW, DRAWS = 20_000, 2_000, 5
METRICS = {
    "fid": sets.fid,
    "fid_infinity": sets.fid_infinity,
    "kid": sets.kid,
    "cmmd": sets.cmmd,
    "sliced_wasserstein": sets.sliced_wasserstein,
}
TITLES = ("animals against vehicles", "no cats and dogs", "shrunk to the mean by 0.8")
VEHICLES, PETS = (0, 1, 8, 9), (3, 5)
Vectors = NDArray[np.float32]


def laws(folder: Path) -> dict[str, tuple[Vectors, Vectors]]:
    """Samples and reference of each law, no image on both sides, in random order."""
    vectors = np.load(folder / "train.npy")
    labels = np.load(folder / "train_labels.npy")
    order = np.random.default_rng(0).permutation(len(vectors))
    vectors, labels = vectors[order], labels[order]
    first, second = vectors[: len(vectors) // 2], vectors[len(vectors) // 2 :]
    mean = first.mean(axis=0)
    vehicles = np.isin(labels, VEHICLES)
    pairs = (
        (vectors[~vehicles], vectors[vehicles]),
        (first[~np.isin(labels[: len(first)], PETS)], second),
        (mean + np.float32(0.8) * (first - mean), second),
    )
    return dict(zip(TITLES, pairs, strict=True))


def table(folder: Path, processes: int) -> Iterator[str]:
    """One line for each law and metric."""
    few = f"{FEW:,} a side: mean of {DRAWS} draws (deviation)"
    yield f"| laws | metric | {MANY:,} a side, 95 % | {few} | difference |\n|---|---|--:|--:|--:|\n"
    with ProcessPoolExecutor(processes) as pool:
        cells = [(folder, title, name) for title in TITLES for name in METRICS]
        yield from pool.map(line, *zip(*cells, strict=True))


def line(folder: Path, title: str, name: str) -> str:
    samples, reference = laws(folder)[title]
    metric = METRICS[name]
    whole = metric(samples[:MANY], reference[:MANY])
    parts = [slice(start, start + FEW) for start in range(0, FEW * DRAWS, FEW)]
    drawn = np.array([float(metric(samples[one], reference[one])) for one in parts])
    interval = f"{whole.value:.4g} ({whole.low:.4g} to {whole.high:.4g})"
    spread = f"{drawn.mean():.4g} ({drawn.std(ddof=1):.2g})"
    difference = 100 * (drawn.mean() / whole.value - 1)
    return f"| {title} | `{name}` | {interval} | {spread} | {difference:+.1f} % |\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what studies/cifar10.py wrote")
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args()
    lines = []
    for one in table(chosen.folder, chosen.processes):
        print(one, end="", flush=True)
        lines.append(one)
    if chosen.into:
        insert(chosen.into, "".join(lines), "set_sizes")


if __name__ == "__main__":
    main()
