"""Rarity with clipped radii: what only the largest balls hold has no rarity.

A single far outlier in the reference has a ball that reaches across all other images. Every
sample that only this ball holds would be the rarest of all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from rara.geometry import Balls, Reducer
from rara.provenance.parts import FamilyPart
from rara.scores.axis import BallGeometry, Columns


@dataclass(frozen=True, slots=True)
class ClippedRarity:
    """Rarity as if no ball were larger than the one at a quantile of all radii.

    Higher is rarer, in the units of the feature space; never above that radius. NaN where no
    clipped ball holds the sample: most of these samples have no `rarity` either.

        rarity_clipped(q) = min { min(r_k(x), c) : |q - x| < min(r_k(x), c), x in reference }

    with c the radius that 99 % of the reference's balls do not exceed. Where a ball with a
    radius of at most c holds the sample, `rarity_clipped` equals `rarity`.
    """

    quantile: float = 0.99

    def check(self) -> None:
        """Always available: it needs no further package."""

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The smallest of the clipped balls."""
        return (self._clipped(geometry).balls(samples),)

    def answer(self, geometry: BallGeometry, reducers: tuple[Balls]) -> Columns:
        """`rarity_clipped`."""
        (balls,) = reducers
        return {"rarity_clipped": np.sqrt(balls.radius2)}

    def describe(self, geometry: BallGeometry) -> FamilyPart:
        """The quantile, its radius, and how many balls are larger."""
        largest2 = self._clipped(geometry).largest2
        clipped = int(np.count_nonzero(geometry.radii2 > largest2))
        radius = math.sqrt(largest2)
        return {"quantile": self.quantile, "largest_radius": radius, "clipped": clipped}

    def _clipped(self, geometry: BallGeometry) -> BallGeometry:
        return replace(geometry, clip=min(self.quantile, geometry.clip or 1.0))
