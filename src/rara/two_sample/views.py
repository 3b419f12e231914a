"""What the classifier sees of the vectors, made without a look at which side those are from.

vectors --Standardised--> coordinates: a side that lies elsewhere, be it in one dimension
vectors --Squares--> squares: a side that is narrower, wider, or correlated otherwise
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Doubles = NDArray[np.float64]
Name = Literal["coordinates", "squares"]

DIRECTIONS = 256
"""Random directions that are squared beside the coordinates; up to four a dimension."""


class View(Protocol):
    """Features of vectors, made without a look at which side those are from."""

    def __call__(self, vectors: Vectors) -> Vectors:
        """(n, features) of (n, d)."""


@dataclass(frozen=True, slots=True, eq=False)
class Standardised:
    """The coordinates, each with mean 0 and deviation 1 over both sides; constant ones are 0."""

    mean: Doubles
    scale: Doubles

    @classmethod
    def over(cls, rows: Vectors) -> Standardised:
        """Mean 0 and deviation 1 over these."""
        varies = rows.max(axis=0) > rows.min(axis=0)
        deviation = np.where(varies, rows.std(axis=0, dtype=np.float64), np.inf)
        return cls(rows.mean(axis=0, dtype=np.float64), 1 / np.maximum(deviation, 1e-300))

    def __call__(self, vectors: Vectors) -> Vectors:
        """(n, d) of (n, d)."""
        standardised: Vectors = ((vectors - self.mean) * self.scale).astype(np.float32)
        return standardised


@dataclass(frozen=True, slots=True, eq=False)
class Squares:
    """Squares of the standardised coordinates and of some random directions through them."""

    inner: Standardised
    directions: Vectors
    outer: Standardised

    @classmethod
    def over(cls, rows: Vectors, seed: int) -> Squares:
        """Standardised over these, before and after they are squared."""
        inner, dimensions = Standardised.over(rows), rows.shape[1]
        rng = np.random.default_rng(seed)
        drawn = rng.normal(size=(dimensions, min(DIRECTIONS, 4 * dimensions)))
        directions = (drawn / np.sqrt(dimensions)).astype(np.float32)
        return cls(inner, directions, Standardised.over(_squared(inner(rows), directions)))

    def __call__(self, vectors: Vectors) -> Vectors:
        """(n, features) of (n, d)."""
        return self.outer(_squared(self.inner(vectors), self.directions))


def _squared(rows: Vectors, directions: Vectors) -> Vectors:
    squared: Vectors = np.square(np.concatenate([rows, rows @ directions], axis=1))
    return squared


def views(vectors: Vectors, seed: int) -> dict[Name, View]:
    """All that the classifier is given, by name."""
    return {"coordinates": Standardised.over(vectors), "squares": Squares.over(vectors, seed)}
