"""Where a value stands among the reference's own images, each judged leave-one-out.

The provenance of a table keeps quantiles of the reference's own numbers, not the
numbers, so that a report can be drawn from a table alone. What quantiles say for
certain is a bound: every share given here is reached at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.provenance.parts import ReferencePart


@dataclass(frozen=True, slots=True)
class Spread:
    """Quantiles of `count` numbers at evenly spaced levels from 0 to 1, linearly interpolated."""

    quantiles: NDArray[np.float64]
    count: int

    def at(self, level: float) -> float:
        """The quantile of a level between 0 and 1."""
        return float(np.interp(level, self._levels(), self.quantiles))

    def share_below(self, value: float) -> float:
        """The share of the numbers that is surely smaller than a value."""
        smaller = int(np.searchsorted(self.quantiles, value - self._rounding(), side="left"))
        if smaller == 0:
            return 0.0
        # Quantile i of m lies between numbers floor(h) and ceil(h), h = i (n-1) / (m-1):
        # where it is smaller than the value, so are the numbers up to floor(h).
        return ((smaller - 1) * (self.count - 1) // self._steps() + 1) / self.count

    def share_above(self, value: float) -> float:
        """The share of the numbers that is surely greater than a value."""
        mirrored = Spread(-self.quantiles[::-1], self.count)
        return mirrored.share_below(-value)

    def share_up_to(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The cumulative share at each value, between the bounds: good enough to draw."""
        return np.interp(values, self.quantiles, self._levels(), left=0.0, right=1.0)

    def _levels(self) -> NDArray[np.float64]:
        return np.linspace(0.0, 1.0, len(self.quantiles))

    def _rounding(self) -> float:
        """How far a quantile may lie from what it stands for: its rank was rounded."""
        largest = float(np.abs(self.quantiles).max())
        return 4 * float(np.finfo(np.float64).eps) * self.count * largest

    def _steps(self) -> int:
        return max(1, len(self.quantiles) - 1)


def own_spreads(reference: ReferencePart) -> dict[str, Spread]:
    """Quantiles of the reference's own images, by column; rarity is of those inside."""
    own, count = reference.leave_one_out, reference.count
    if own is None:
        return {}
    columns = {
        "rarity": (own.rarity, round(own.inside * count)),
        "knn_distance": (own.knn_distance, count),
        "nearest_distance": (own.nearest_distance, count),
    }
    return {
        column: Spread(np.asarray(quantiles, dtype=np.float64), count)
        for column, (quantiles, count) in columns.items()
        if count > 0 and _usable(quantiles)
    }


def _usable(quantiles: Sequence[float]) -> bool:
    return len(quantiles) > 0 and bool(np.isfinite(quantiles).all())
