"""How well calibrated columns keep their word: error rates and percentiles of fresh real images.

    python studies/calibration.py --into docs/explanation/trust.md

Gaussian data in 16 dimensions, k = 3, calibrated by the reference's own images and by a fifth
of it held out: the share of fresh real images that are called at 5 % and 1 %, how far the
percentiles are from uniform, and the false discovery rate where copies are among the samples.
`--into` replaces the tables in a page. Twenty minutes on one core. `calibration_photos.py` does
the first of it on photos.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pages import insert
from rara import Features, Reference, Run, ScoreTable

DIMENSIONS = 16
SIZES = ((500, 100), (5_000, 8), (50_000, 1))
"""Images in the reference, and how many references are drawn."""
FRESH = 5_000
HELD_OUT = 0.2
METHODS = ("own", "held out")
Vectors = NDArray[np.float32]
Doubles = NDArray[np.float64]


def gaussian(rng: np.random.Generator, count: int) -> Vectors:
    return rng.normal(size=(count, DIMENSIONS)).astype(np.float32)


class Scorer:
    """A reference, calibrated by its own images or by a fifth of it that is taken out."""

    def __init__(self, features: Features, method: str, run: Run) -> None:
        self.reals, self.run = None, run
        if method == "held out":
            features, self.reals = features.split(HELD_OUT)
        self.reference = Reference.from_features(features, run=run)

    def __call__(self, samples: Vectors | Features) -> ScoreTable:
        return self.reference.score_features(samples, calibration=self.reals, run=self.run)


# -- error rates and percentiles -------------------------------------------------------

RATES = """\
| reference | calibrated by | `knn_p` <= 5 % | <= 1 % | `copy_p` <= 5 % | <= 1 % \
| `rarity_percentile` >= 95 | its largest departure from uniform |
|---|---|---|---|---|---|---|---|
"""


def rates(run: Run) -> Iterator[str]:
    """One line for each size and method, over several references."""
    for size, repeats in SIZES:
        for method in METHODS:
            rng = np.random.default_rng(0)
            tables = [
                Scorer(Features.from_arrays(gaussian(rng, size)), method, run)(gaussian(rng, FRESH))
                for _ in range(repeats)
            ]
            yield f"| {size:,} | {method} " + rates_of(tables)


def rates_of(tables: list[ScoreTable]) -> str:
    """Shares called, each with its standard error, and the percentiles' departure."""
    known = tables[0].provenance["calibration"]
    reals, within = len(tables) * known["real_images"], len(tables) * known["real_images_inside"]
    rarity = np.concatenate([table["rarity_percentile"] for table in tables]) / 100
    rarity = rarity[~np.isnan(rarity)]
    cells = []
    for column in ("knn_p", "copy_p"):
        p = np.concatenate([table[column] for table in tables])
        cells += [share(p <= level, level, reals) for level in (0.05, 0.01)]
    cells.append(share(rarity >= 0.95, 0.05, within))
    # The mean of the distance of Kolmogorov and Smirnov between two samples of one law.
    usual = math.sqrt(math.pi / 2) * math.log(2) * math.sqrt(1 / within + 1 / len(rarity))
    cells.append(f"{departure(rarity):.4f} (by chance {usual:.4f})")
    return "| " + " | ".join(cells) + " |\n"


def share(called: NDArray[np.bool_], level: float, reals: int) -> str:
    error = math.sqrt(level * (1 - level) * (1 / reals + 1 / len(called)))
    return f"{100 * called.mean():.2f} ± {100 * error:.2f} %"


def departure(levels: Doubles) -> float:
    """Largest distance between the shares of numbers in 0..1 and those of the uniform law."""
    ordered = np.sort(levels)
    steps = np.arange(len(ordered) + 1) / len(ordered)
    return float(np.maximum(steps[1:] - ordered, ordered - steps[:-1]).max())


# -- false discoveries -----------------------------------------------------------------

DISCOVERIES = """\
| calibrated by | near copies among 200 samples | falsely called, of those with `copy_q` <= 5 % \
| copies called |
|---|---|---|---|
"""
REFERENCES, BATCHES, SAMPLES = 60, 5, 200
COPIES = (0, 5, 50)


def discoveries(run: Run, size: int = 20_000) -> Iterator[str]:
    """False discovery rate and power, over many references and several batches for each."""
    for method in METHODS:
        found = np.array([batches(seed, size, method, run) for seed in range(REFERENCES)])
        for i, copies in enumerate(COPIES):
            false, right = found[:, i].T
            error = np.std(false, ddof=1) / math.sqrt(REFERENCES)
            power = f"{100 * right.mean():.1f} %" if copies else ""
            yield (
                f"| {method} | {copies} | {100 * false.mean():.2f} ± {100 * error:.2f} % "
                f"| {power} |\n"
            )


def batches(seed: int, size: int, method: str, run: Run) -> Doubles:
    """(COPIES, 2) mean false discovery proportion and power against one reference."""
    rng = np.random.default_rng(seed)
    scorer = Scorer(Features.from_arrays(gaussian(rng, size)), method, run)
    found = [[batch(rng, scorer, copies) for copies in COPIES] for _ in range(BATCHES)]
    return np.mean(found, axis=0)


def batch(rng: np.random.Generator, scorer: Scorer, copies: int) -> tuple[float, float]:
    copied = rng.choice(scorer.reference.features.vectors, copies, replace=False)
    near = copied + np.float32(0.02) * gaussian(rng, copies)
    table = scorer(np.concatenate([near, gaussian(rng, SAMPLES - copies)]))
    called = table["copy_q"] <= 0.05
    right = called[:copies].mean() if copies else 0.0
    return called[copies:].sum() / max(called.sum(), 1), right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, help="a page whose tables are replaced")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    run = Run(threads=chosen.threads)
    tables = RATES + "".join(rates(run)) + "\n" + DISCOVERIES + "".join(discoveries(run))
    print(tables, end="")
    if chosen.into:
        insert(chosen.into, tables, "calibration")


if __name__ == "__main__":
    main()
