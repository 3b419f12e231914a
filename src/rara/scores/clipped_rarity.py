"""Rarity with clipped radii: what the largest balls would have let in has none.

A single far outlier in the reference owns a ball that reaches across everything, and makes
whatever lies in it the rarest of all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rara.geometry import Balls, Reducer
from rara.scores.axis import BallGeometry, Columns


@dataclass(frozen=True, slots=True)
class ClippedRarity:
    """Rarity as if no ball were larger than the one at a quantile of all radii.

    Higher is rarer, in the units of the feature space; never above that radius. NaN where no
    clipped ball holds the sample, which for most is where `rarity` is NaN, too.

        rarity_clipped(q) = min { min(r_k(x), c) : |q - x| < min(r_k(x), c), x in reference }

    with c the radius that 99 % of the reference's balls do not exceed. Where any ball not
    above c holds the sample, it is `rarity`.
    """

    quantile: float = 0.99

    def check(self) -> None:
        """It needs nothing that might be missing."""

    def questions(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The smallest of the clipped balls."""
        return (self._clipped(geometry).balls(samples),)

    def columns(self, geometry: BallGeometry, answers: tuple[Balls]) -> Columns:
        """`rarity_clipped`."""
        (balls,) = answers
        return {"rarity_clipped": np.sqrt(balls.radius2)}

    def describe(self, geometry: BallGeometry) -> dict[str, Any]:
        """The quantile, its radius, and how many balls are larger."""
        largest2 = self._clipped(geometry).largest2
        clipped = int(np.count_nonzero(geometry.radii2 > largest2))
        radius = math.sqrt(largest2)
        return {"quantile": self.quantile, "largest_radius": radius, "clipped": clipped}

    def _clipped(self, geometry: BallGeometry) -> BallGeometry:
        return replace(geometry, clip=min(self.quantile, geometry.clip or 1.0))
