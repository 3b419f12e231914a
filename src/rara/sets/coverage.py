"""Coverage: the share of reference images whose k-NN ball holds a sample.

    coverage = mean over reference images x of [ |y - x| within r_k(x) for some sample y ]

Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models, ICML 2020,
arXiv 2002.09797.

Direction. Higher is more diverse, 0 to 1. For as many samples of the law of the reference it is
about 1 - 2^-k on average. For k = 5 that is .97.

Options. `k`: neighbours, 5 as in the paper. `boundary`: see `density`. `level`: that of the
interval.

Caveats. It grows with the number of samples: compare generators at equal numbers. A single sample
in a ball counts, so that a mode that is nearly lost counts as covered. The interval covers the
expected value at these numbers of images: `rara.sets.halves`.
"""

from __future__ import annotations

from typing import Unpack

from rara.geometry import Boundary, EngineOptions
from rara.sets.ball_metric import BallMetric
from rara.sets.base import LEVEL, Doubles, SetScore, VectorsLike
from rara.sets.neighbourhoods import Held, Neighbourhoods


class Coverage(BallMetric):
    """The state of `coverage`."""

    name = "coverage"
    direction = "higher is more diverse"

    def __init__(self, k: int = 5, *, boundary: Boundary = "open") -> None:
        super().__init__(k, boundary)

    def value(self, balls: Neighbourhoods, radii2: Doubles, held: Held) -> float:
        """The share of balls that hold a sample."""
        return float((held.by_centre() > 0).mean())


def coverage(
    samples: VectorsLike,
    reference: VectorsLike,
    k: int = 5,
    *,
    boundary: Boundary = "open",
    level: float = LEVEL,
    **engine: Unpack[EngineOptions],
) -> SetScore:
    """Share of reference images whose k-NN ball holds a sample, 0 to 1; higher is more diverse.

    Raises FeatureError where vectors are no finite numbers of shape (n, d),
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where the
    reference has no more than k images or an option is out of range.
    """
    metric = Coverage(k, boundary=boundary)
    return metric.score(samples, reference, level=level, **engine)
