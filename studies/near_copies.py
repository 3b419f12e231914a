"""Near copies of known noise in Gaussian data, beside the best that any test could do.

    python studies/near_copies.py

4,000 images from a standard normal law in 16 dimensions, 4,000 fresh ones, 1,500 copies with
noise added, five times; thresholds at 1 % false alarms on the fresh ones. `likelihood` is the
ratio of the true densities of copies and fresh images, noise and all: by Neyman and Pearson
no test finds more. `place` is told the true density, but neither the noise nor whether such a
sample would be fresh at all: how many of 4,000 images would come as near to that very place.
Writes the table between the markers of docs/explanation/copies.md; a minute on one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import ncx2

from rara import Reference, Run

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "copies.md"
BEGIN, END = "<!-- Gaussian: begin -->", "<!-- Gaussian: end -->"
NOISES = (0.05, 0.2, 0.35, 0.5, 0.7, 1.0)
LEVEL = 0.01
COLUMNS = {"distance": "nearest_distance", "ratio": "copy_ratio", "volume": "copy_volume"}
METHODS = ("distance", "ratio of 50", "ratio", "volume", "place", "likelihood")
Vectors = NDArray[np.float64]


def scores(reference: Reference, samples: Vectors, noise: float) -> dict[str, Vectors]:
    """Of each method; lower is more like a copy."""
    table = reference.score_features(samples, run=Run(threads=1))
    known = {name: table[column] for name, column in COLUMNS.items()}
    images = np.asarray(reference.features.vectors, float)
    norms = np.sum(samples**2, axis=1)
    d2 = norms[:, None] + np.sum(images**2, axis=1) - 2 * samples @ images.T
    near = np.sqrt(np.partition(d2, 50, axis=1)[:, :50])
    dimension = samples.shape[1]
    copied = logsumexp(-d2 / (2 * noise**2), axis=1)
    return {
        **known,
        "ratio of 50": near.min(axis=1) / near.mean(axis=1),
        "place": ncx2.logcdf(d2.min(axis=1), dimension, norms),
        "likelihood": -norms / 2 - copied,
    }


def found(seed: int) -> NDArray[np.float64]:
    """Share found, by noise and method."""
    rng = np.random.default_rng(seed)
    images, fresh = rng.normal(size=(2, 4000, 16))
    reference = Reference.from_features(images, run=Run(threads=1))
    shares = np.zeros((len(NOISES), len(METHODS)))
    for i, noise in enumerate(NOISES):
        sources = images[rng.integers(0, len(images), 1500)]
        copies = scores(reference, sources + noise * rng.normal(size=sources.shape), noise)
        reals = scores(reference, fresh, noise)
        for j, method in enumerate(METHODS):
            limit = np.quantile(reals[method], LEVEL)
            shares[i, j] = np.mean(copies[method] <= limit)
    return shares


def main() -> None:
    shares = np.mean([found(seed) for seed in range(5)], axis=0)
    lines = [
        "| noise | " + " | ".join(METHODS) + " |",
        "|---|" + "---|" * len(METHODS),
        *(
            f"| {noise} | " + " | ".join(f"{share:.3f}" for share in row) + " |"
            for noise, row in zip(NOISES, shares, strict=True)
        ),
    ]
    head, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END)[1]
    table = "\n".join(lines)
    PAGE.write_text(f"{head}{BEGIN}\n{table}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
