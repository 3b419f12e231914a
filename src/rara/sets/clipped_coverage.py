"""Clipped coverage: coverage by k samples a ball instead of one, read as a share of good samples.

    c = mean over reference images x of min(#{ samples y : |y - x| <= r_k(x) } / k, 1)
    f(m) = E min(J / k, 1),   J ~ BetaBinomial(m, k, n - k)
    clipped coverage = the share m / M of the M samples at which f(m) = c, at most 1

f(m) is the mean of c if m of the samples are of the law of the n reference images, and the others
lie elsewhere. For the mass of a k-NN ball is Beta(k, n - k) in every continuous law. Salvy,
Talbot and Thirion, Enhanced Generative Model Evaluation with Clipped Density and Coverage, ICLR
2026, arXiv 2507.01761.

Direction. Higher is more diverse, 0 to 1; about the share of samples that serve to cover.

Options. `k`: neighbours, 5 as in the paper. `boundary`: "closed" (the default, the paper's),
"open" or "official": see `precision`. `level`: that of the interval.

Caveats. The paper takes the next whole m; here f is interpolated, which differs by less than 1 /
M. Duplicates in the reference shrink its balls. The interval covers the expected value at these
numbers of images.
"""

from __future__ import annotations

from typing import Unpack

import numpy as np

from rara.geometry import Boundary, EngineOptions
from rara.sets.ball_metric import BallMetric
from rara.sets.base import LEVEL, Doubles, SetScore, VectorsLike
from rara.sets.neighbourhoods import Held, Neighbourhoods, k_of


class ClippedCoverage(BallMetric):
    """The state of `clipped_coverage`."""

    name = "clipped coverage"
    direction = "higher is more diverse"

    def __init__(self, k: int = 5, *, boundary: Boundary = "closed") -> None:
        super().__init__(k, boundary)

    def value(self, balls: Neighbourhoods, radii2: Doubles, held: Held) -> float:
        """The share of samples that would cover as much."""
        found = float(np.minimum(held.by_centre() / balls.k, 1).mean())
        samples, reference = int(held.kept_points.sum()), int(held.kept_centres.sum())
        expected = expected_coverage(samples, reference, balls.k)
        return float(np.interp(found, expected, np.linspace(0, 1, len(expected))))

    def checked_k(self, samples: int, reference: int) -> int:
        """The number of neighbours; one fewer than there are others, for the law of a ball."""
        return k_of(self.k, reference - 1, "reference images beside one", self.name)


def expected_coverage(samples: int, reference: int, k: int) -> Doubles:
    """(samples + 1,) f(m) for m = 0 to the number of samples, increasing.

    P(J = 0) is the product of (n - k + i) / (n + i) over i < m, and then
    P(J = j + 1) / P(J = j) = (m - j) (k + j) / ((j + 1) (n - k + m - j - 1)).
    """
    m = np.arange(samples + 1, dtype=np.float64)
    none = np.log((reference - k + m[:-1]) / (reference + m[:-1]))
    share = np.exp(np.append(0, np.cumsum(none)))
    below = np.zeros_like(share)
    for j in range(k):
        below += share * (k - j) / k
        share *= np.maximum(m - j, 0) * (k + j)
        share /= (j + 1) * np.maximum(reference - k + m - j - 1, 1)
    return np.maximum.accumulate(1 - below)


def clipped_coverage(
    samples: VectorsLike,
    reference: VectorsLike,
    k: int = 5,
    *,
    boundary: Boundary = "closed",
    level: float = LEVEL,
    **engine: Unpack[EngineOptions],
) -> SetScore:
    """Share of good samples that would cover the reference as well, 0 to 1; higher is more diverse.

    Raises FeatureError where vectors are no finite numbers of shape (n, d),
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where the
    reference has no more than k + 1 images or an option is out of range.
    """
    metric = ClippedCoverage(k, boundary=boundary)
    return metric.score(samples, reference, level=level, **engine)
