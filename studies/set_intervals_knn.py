"""How often the 95 % intervals of set metrics of neighbours and of copying hold the expected value.

    python studies/set_intervals_knn.py --into docs/studies/sets.md

Three laws in 8 dimensions, 500 samples, 500 reference images and 500 fresh images, 500 replications
of all sides. The expected value is the mean over all replications. `--into` replaces the table in a
page. Ten minutes on one core.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pages import insert
from rara import sets

Vectors = NDArray[np.float32]
Sides = tuple[Vectors, Vectors]
DIMENSIONS, COUNT = 8, 500
AXES = 2 * np.float32(0.75) ** np.arange(DIMENSIONS, dtype=np.float32)
"""Deviations of the second law."""
TABLE = """\
| metric | law | expected value | deviation of the values | half the interval | held by |
|---|---|---|---|---|---|
"""


def wider(rng: np.random.Generator) -> Sides:
    """Samples over-dispersed by a fifth."""
    samples, reference = rng.normal(size=(2, COUNT, DIMENSIONS)).astype(np.float32)
    return np.float32(1.2) * samples, reference


def lost_mode(rng: np.random.Generator) -> Sides:
    """Of two modes the samples have one, and are narrower in it by a tenth; axes differ."""
    samples, reference = rng.normal(size=(2, COUNT, DIMENSIONS)).astype(np.float32) * AXES
    reference[rng.uniform(size=COUNT) < 0.5, 0] += 12
    return np.float32(0.9) * samples, reference


def copies(rng: np.random.Generator) -> Sides:
    """About a tenth of the samples are reference images with a little noise."""
    samples, reference = rng.normal(size=(2, COUNT, DIMENSIONS)).astype(np.float32)
    copied = rng.uniform(size=COUNT) < 0.1
    samples[copied] = reference[copied] + np.float32(0.05) * samples[copied]
    return samples, reference


def maps(vectors: Vectors) -> Vectors:
    """Feature maps of two channels and 2 x 2 places."""
    return vectors.reshape(-1, 2, 2, 2)


LAWS = {"wider": wider, "lost mode": lost_mode, "copies": copies}
METRICS: dict[str, Callable[[Vectors, Vectors], sets.SetScore]] = {
    "precision": partial(sets.precision, threads=1),
    "recall": partial(sets.recall, threads=1),
    "density": partial(sets.density, threads=1),
    "coverage": partial(sets.coverage, threads=1),
    "clipped density": partial(sets.clipped_density, threads=1),
    "clipped coverage": partial(sets.clipped_coverage, threads=1),
    "fidelity": partial(sets.fidelity, threads=1),
    "diversity": partial(sets.diversity, threads=1),
    "authenticity": partial(sets.authenticity, threads=1),
    "vendi q=1": lambda samples, _: sets.vendi(samples),
    "vendi q=2": lambda samples, _: sets.vendi(samples, 2),
    "rke": lambda samples, _: sets.rke(samples, bandwidth=3),
    "ken": lambda samples, reference: sets.ken(samples, reference, bandwidth=3),
    "sfid": lambda samples, reference: sets.sfid(maps(samples), maps(reference), channels=2),
    "mifid": sets.mifid,
    "mifid tau=1": partial(sets.mifid, tau=1),
}
WITH_FRESH: dict[str, Callable[[Vectors, Vectors, Vectors], sets.SetScore]] = {
    "C_T": partial(sets.c_t, threads=1),
    "FLD gap": sets.fld_gap,
}
NAMES = (*METRICS, *WITH_FRESH)


def measured(law: str, replications: int, only: list[str]) -> dict[str, NDArray[np.float64]]:
    """For each metric (replications, 3): value, low and high."""
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in only}
    for replication in range(replications):
        rng = np.random.default_rng([replication, 5])
        samples, reference = LAWS[law](rng)
        # As the reference is, whatever the samples are
        fresh = LAWS[law](rng)[1]
        for name in only:
            if name in METRICS:
                found = METRICS[name](samples, reference)
            else:
                found = WITH_FRESH[name](samples, reference, fresh)
            rows[name].append((found.value, found.low, found.high))
    return {name: np.array(row) for name, row in rows.items()}


def line(name: str, law: str, rows: NDArray[np.float64]) -> str:
    value, low, high = rows.T
    expected = value.mean()
    held = ((low <= expected) & (expected <= high)).mean()
    error = math.sqrt(0.95 * 0.05 / len(rows))
    return (
        f"| {name} | {law} | {expected:.4g} | {value.std():.3g} | {(high - low).mean() / 2:.3g} "
        f"| {100 * held:.1f} ± {100 * error:.1f} % |\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    parser.add_argument("--replications", type=int, default=500)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    chosen = parser.parse_args()
    table = TABLE
    for law in LAWS:
        found = measured(law, chosen.replications, chosen.only)
        table += "".join(line(name, law, found[name]) for name in chosen.only)
    print(table, end="")
    if chosen.into:
        insert(chosen.into, table, "set_intervals_knn")


if __name__ == "__main__":
    main()
