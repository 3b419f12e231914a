"""Clipped density: density that neither a huge ball nor a crowded place can push up.

    count(y) = #{ reference images x : |y - x| <= min(r_k(x), median of r_k) }
    c = mean over samples of min(count(y) / k, 1)
    clipped density = min(1, c / the same mean over the reference)

where a reference image is not in its own ball. Salvy, Talbot and Thirion, Enhanced Generative
Model Evaluation with Clipped Density and Coverage, ICLR 2026, arXiv 2507.01761.

Direction. Higher is more faithful, 0 to 1; about the share of samples that are as good as real
ones.

Options. `k`: neighbours, 5 as in the paper. `boundary`: "closed" (the default, the paper's),
"open" or "official": see `precision`. `level`: that of the interval.

Caveats. Samples in a hole of the reference are in many balls. Half the reference images, those in
thin places, have a clipped ball. Where most reference images have k duplicates, no ball of theirs
has a size, and the value is NaN. The interval covers the expected value at these numbers of
images.
"""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np

from rara.geometry import Boundary, EngineOptions, holds
from rara.sets.ball_metric import BallMetric
from rara.sets.base import LEVEL, Doubles, SetScore, VectorsLike
from rara.sets.neighbourhoods import Held, Neighbourhoods


class ClippedDensity(BallMetric):
    """The state of `clipped_density`."""

    name = "clipped density"
    direction = "higher is more faithful"

    def __init__(self, k: int = 5, *, boundary: Boundary = "closed") -> None:
        super().__init__(k, boundary)

    def radii2(self, radii2: Doubles) -> Doubles:
        """No ball is larger than the median one."""
        return np.minimum(radii2, np.nanmedian(radii2))

    def value(self, balls: Neighbourhoods, radii2: Doubles, held: Held) -> float:
        """The ratio of the two means; NaN where no ball of the reference holds another image."""
        usual = own_density(balls, radii2, self.boundary)
        found = float(np.minimum(held.by_point() / balls.k, 1).mean())
        return found / usual if usual else math.nan


def own_density(balls: Neighbourhoods, radii2: Doubles, boundary: Boundary) -> float:
    """Mean of min(count / k, 1) over the reference images, none in its own ball; NaN is gone."""
    left = ~np.isnan(radii2)
    lists = balls.lists
    held = holds(lists.d2, radii2[:, None], boundary) & left[:, None]
    counts = np.bincount(lists.index[held], minlength=len(left))[left]
    return float(np.minimum(counts / balls.k, 1).mean())


def clipped_density(
    samples: VectorsLike,
    reference: VectorsLike,
    k: int = 5,
    *,
    boundary: Boundary = "closed",
    level: float = LEVEL,
    **engine: Unpack[EngineOptions],
) -> SetScore:
    """Density with clipped balls and counts, beside the reference's own, 0 to 1; higher is better.

    Raises FeatureError where vectors are no finite numbers of shape (n, d),
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where the
    reference has no more than k images or an option is out of range.
    """
    metric = ClippedDensity(k, boundary=boundary)
    return metric.score(samples, reference, level=level, **engine)
