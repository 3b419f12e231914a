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
from rara.sets.base import LEVEL, SetScore, Vectors, VectorsLike
from rara.sets.halves import Figure, Flags
from rara.sets.neighbourhoods import Neighbourhoods


class Density(BallMetric):
    """The state of `density`."""

    name = "density"
    direction = "higher is more faithful, 1 is usual"
    most = math.inf

    def __init__(self, k: int = 5, *, boundary: Boundary = "open") -> None:
        super().__init__(k, boundary)

    def figure(
        self, samples: Vectors, reference: Vectors, k: int, **engine: Unpack[EngineOptions]
    ) -> Figure:
        """Balls a sample, divided by k."""
        balls = Neighbourhoods.of(reference, k, **engine)
        pairs = balls.pairs(samples, **engine)

        def mean(kept: Flags, left: Flags) -> float:
            held = pairs.held(balls.radii2(left), self.boundary, kept)
            return float(held.by_point().mean()) / k

        return mean


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
    state = Density(k, boundary=boundary)
    state.update(samples=samples, reference=reference)
    return state.compute(level=level, **engine)
