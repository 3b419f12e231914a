"""What picks are worth together: how different they are, and how well they stand for all.

    Diverse         log2 det(I + S) / n     1 where no two picks are alike
    Representative  mean of the largest similarity of each candidate to a pick

Both are monotone and submodular: a pick is worth less, the more others there are. So old gains
are upper bounds of new ones, and greedy picks reach at least 1 - 1/e of the best (Nemhauser,
Wolsey and Fisher 1978). S are similarities exp(-d2 / usual d2).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rara.geometry.quantization import Doubles, Floats
from rara.geometry.similarities import Bounds, Residuals, added, similar_to
from rara.geometry.threads import Crew

Rows = NDArray[np.int64]
_SUM_ERROR = 1e-12
"""Relative, of sums that were rounded in another order or at another time."""


class Term(Protocol):
    """A term of the objective that hangs on all picks; candidates have numbers."""

    weight: float
    """What the term counts in the objective."""
    value: float
    """Of the picks so far."""
    upper: Doubles
    """(n,) upper bounds of what each candidate would add."""

    def tighten(self, rows: Rows) -> None:
        """Lower the bounds of some candidates, as far as that is cheap."""

    def gains(self, rows: Rows) -> Doubles:
        """What some candidates would add, exactly; their bounds become that."""

    def pick(self, row: int) -> None:
        """Add a candidate to the picks."""


class Diverse:
    """log2 det(I + S) of the picks, over their final number."""

    def __init__(self, vectors: Floats, scale: float, most: int, crew: Crew) -> None:
        self._residuals, self._most, self._crew = Residuals(vectors, scale, most), most, crew
        self.weight, self.value, self.upper = 1.0, 0.0, np.full(len(vectors), 1 / most)

    def tighten(self, rows: Rows) -> None:
        """The exact gain is cheap."""
        self.gains(rows)

    def gains(self, rows: Rows) -> Doubles:
        """What some candidates would add."""
        self._residuals.refresh(rows, self._crew)
        gains: Doubles = np.log2(1 + self._residuals.residual[rows]) / self._most
        self.upper[rows] = gains
        return gains

    def pick(self, row: int) -> None:
        """Add a candidate to the picks."""
        self.value += float(self.gains(np.array([row]))[0])
        self._residuals.pick(row, self._crew)
        self.upper *= 1 + _SUM_ERROR


class Representative:
    """The mean over all candidates of the largest similarity to a pick (facility location)."""

    def __init__(self, vectors: Floats, scale: float, bounds: Bounds, crew: Crew) -> None:
        self._vectors, self._scale, self._crew = vectors, scale, crew
        self._bounds = bounds
        self._best = np.zeros(len(vectors))
        self.weight, self.value, self.upper = 1.0, 0.0, np.full(len(vectors), 1.0 + _SUM_ERROR)

    def tighten(self, rows: Rows) -> None:
        """By float32 products, which are fast."""
        upper = self._bounds.upper(rows, self._best) / len(self._vectors)
        self.upper[rows] = np.minimum(self.upper[rows], upper)

    def gains(self, rows: Rows) -> Doubles:
        """What some candidates would add: each is compared with all others."""
        gains = np.array([added(self._similar(row), self._best) for row in rows.tolist()])
        self.upper[rows] = gains = gains / len(self._vectors)
        return gains

    def pick(self, row: int) -> None:
        """Add a candidate to the picks."""
        similar = self._similar(row)
        self.value += added(similar, self._best) / len(self._vectors)
        np.maximum(self._best, similar, out=self._best)
        self.upper *= 1 + _SUM_ERROR

    def _similar(self, row: int) -> Doubles:
        return similar_to(self._vectors, row, self._scale, self._crew)
