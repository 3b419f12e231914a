"""Density: in how many k-NN balls of the reference a sample lies, divided by k.

    density = 1 / k . mean over samples y of #{ reference images x : |y - x| within r_k(x) }

Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models, ICML 2020,
arXiv 2002.09797.

Direction. Higher is more faithful. Held-out real images give 1 on average, in any law without
repeated vectors (each ball holds k others); samples in dense places give more than 1.

Options. `k`: neighbours, 5 as in the paper. `boundary`: "open" (the default, as in the paper but
for copies), "closed" or "official" (prdc's): see `precision`. `level`: that of the interval.

Caveats. It has no upper bound, so that samples in the core make up for junk: above 1 it says "too
typical", not "better". Samples in a hole of the reference are in many balls. The interval covers
the expected value at these numbers of images.
"""

from __future__ import annotations

import math
from typing import Unpack

from rara.geometry import Boundary, EngineOptions
from rara.sets.ball_metric import BallMetric
from rara.sets.base import LEVEL, Doubles, SetScore, VectorsLike
from rara.sets.neighbourhoods import Held, Neighbourhoods


class Density(BallMetric):
    """The state of `density`."""

    name = "density"
    direction = "higher is more faithful, 1 is usual"
    most = math.inf

    def __init__(self, k: int = 5, *, boundary: Boundary = "open") -> None:
        super().__init__(k, boundary)

    def value(self, balls: Neighbourhoods, radii2: Doubles, held: Held) -> float:
        """Balls a sample, divided by k."""
        return float(held.by_point().mean()) / balls.k


def density(
    samples: VectorsLike,
    reference: VectorsLike,
    k: int = 5,
    *,
    boundary: Boundary = "open",
    level: float = LEVEL,
    **engine: Unpack[EngineOptions],
) -> SetScore:
    """Mean number of reference balls that hold a sample, by k; 1 is usual, 0 none.

    Raises FeatureError where vectors are no finite numbers of shape (n, d),
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where the
    reference has no more than k images or an option is out of range.
    """
    metric = Density(k, boundary=boundary)
    return metric.score(samples, reference, level=level, **engine)
