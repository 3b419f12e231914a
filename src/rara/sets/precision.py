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
from rara.sets.base import LEVEL, SetScore, Vectors, VectorsLike
from rara.sets.halves import Figure, Flags
from rara.sets.neighbourhoods import Neighbourhoods


class Precision(BallMetric):
    """The state of `precision`."""

    name = "precision"
    direction = "higher is more faithful"

    def __init__(self, k: int = 3, *, boundary: Boundary = "open") -> None:
        super().__init__(k, boundary)

    def figure(
        self, samples: Vectors, reference: Vectors, k: int, **engine: Unpack[EngineOptions]
    ) -> Figure:
        """The share of samples inside."""
        return share_inside(samples, reference, k, self.boundary, **engine)


def share_inside(
    points: Vectors, centres: Vectors, k: int, boundary: Boundary, **engine: Unpack[EngineOptions]
) -> Figure:
    """Share of points in any ball of the centres, by which points and which centres are kept."""
    balls = Neighbourhoods.of(centres, k, **engine)
    pairs = balls.pairs(points, **engine)

    def share(kept: Flags, left: Flags) -> float:
        held = pairs.held(balls.radii2(left), boundary, kept)
        return float((held.by_point() > 0).mean())

    return share


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
    state = Precision(k, boundary=boundary)
    state.update(samples=samples, reference=reference)
    return state.compute(level=level, **engine)
