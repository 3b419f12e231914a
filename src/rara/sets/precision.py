"""Precision: the share of samples that lie in a k-NN ball of the reference.

    precision = mean over samples y of [ |y - x| within r_k(x) for some reference image x ]

with r_k(x) the distance of x to its k-th nearest other reference image. Kynkäänniemi et al.,
Improved Precision and Recall Metric for Assessing Generative Models, NeurIPS 2019, arXiv
1904.06991.

Direction. Higher is more faithful, 0 to 1. Held-out real images do not reach 1: compare with
theirs.

Options. `k`: neighbours, 3 as in the paper. `boundary`: "open" (the default, as in rara's scores:
|y - x| < r, and a copy of x is in its ball), "closed" (<=, the paper's), or "official" (< alone,
as in prdc). `level`: that of the interval.

Caveats. One outlier in the reference has a huge ball that holds junk. Samples in a hole of the
reference, as in the middle of a sphere, are in many balls. Duplicates in the reference shrink
balls. The value depends on the number of reference images. The interval covers the expected value
at these numbers: `rara.sets.halves`.
"""

from __future__ import annotations

from typing import Unpack

from rara.geometry import Boundary, EngineOptions
from rara.sets.ball_metric import BallMetric
from rara.sets.base import LEVEL, Doubles, SetScore, VectorsLike
from rara.sets.neighbourhoods import Held, Neighbourhoods


class Precision(BallMetric):
    """The state of `precision`."""

    name = "precision"
    direction = "higher is more faithful"

    def __init__(self, k: int = 3, *, boundary: Boundary = "open") -> None:
        super().__init__(k, boundary)

    def value(self, balls: Neighbourhoods, radii2: Doubles, held: Held) -> float:
        """The share of samples inside."""
        return float((held.by_point() > 0).mean())


def precision(
    samples: VectorsLike,
    reference: VectorsLike,
    k: int = 3,
    *,
    boundary: Boundary = "open",
    level: float = LEVEL,
    **engine: Unpack[EngineOptions],
) -> SetScore:
    """Share of samples in a k-NN ball of the reference, 0 to 1; higher is more faithful.

    Raises FeatureError where vectors are no finite numbers of shape (n, d),
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where the
    reference has no more than k images or an option is out of range.
    """
    metric = Precision(k, boundary=boundary)
    return metric.score(samples, reference, level=level, **engine)
