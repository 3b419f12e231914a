"""What the classifiers see of the vectors, made without a look at the labels.

vectors --Numbers--> standardised numbers, at most a thousand an image
    --as they are--> coordinates: a side that lies elsewhere, be it in one dimension
    --Squares--> squares: a side that is narrower, wider, or correlated otherwise
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Doubles = NDArray[np.float64]
Seen = Literal["coordinates", "squares"]

COORDINATES = 1024
"""Numbers for the first view: the coordinates, or as many random directions through more."""
DIRECTIONS = 256
"""Random directions that are squared beside the coordinates; up to four a dimension."""
TILE = 2**19
"""Numbers in the vectors that are read at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """Columns minus `mean`, times `scale`; constant columns become 0.

    `origin` is taken away first: one of the rows, so that a large offset costs no digits.
    """

    origin: Vectors
    mean: Vectors
    scale: Vectors

    @classmethod
    def standardising(cls, tiles: Callable[[], Iterable[Vectors]]) -> Affine:
        """Mean 0 and deviation 1 over the rows of all tiles."""
        origin = next(iter(tiles()))[0].copy()
        count, total, squares = 0, np.zeros(len(origin)), np.zeros(len(origin))
        for tile in tiles():
            shifted = tile - origin
            count += len(tile)
            total += shifted.sum(axis=0, dtype=np.float64)
            squares += np.einsum("ij,ij->j", shifted, shifted, dtype=np.float64)
        mean = total / count
        variance = squares / count - mean**2
        varies = variance > 1e-12 * squares / count
        scale = np.zeros(len(origin))
        scale[varies] = 1 / np.sqrt(variance[varies])
        return cls(origin, mean.astype(np.float32), scale.astype(np.float32))

    def apply(self, rows: Vectors) -> None:
        """In place."""
        rows -= self.origin
        rows -= self.mean
        rows *= self.scale


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """A vector's standardised coordinates if they are few, and random directions through them.

    The first `coordinates` of them are what the first view sees.
    """

    inner: Affine
    directions: Vectors
    outer: Affine
    whole: bool
    """Whether the coordinates themselves come first."""
    coordinates: int

    @classmethod
    def over(
        cls, tiles: Callable[[], Iterable[Vectors]], count: int, seed: int
    ) -> tuple[Numbers, Vectors]:
        """Standardised over all rows of the tiles; and those rows, as numbers."""
        inner = Affine.standardising(tiles)
        dimensions = len(inner.origin)
        whole = dimensions <= COORDINATES
        drawn = min(DIRECTIONS, 4 * dimensions) if whole else COORDINATES
        rng = np.random.default_rng(seed)
        directions = rng.standard_normal((dimensions, drawn), dtype=np.float32)
        directions /= np.float32(np.sqrt(dimensions))
        width = drawn + whole * dimensions
        nothing = np.zeros(width, np.float32)
        raw = cls(
            inner, directions, Affine(nothing, nothing, nothing + 1), whole,
            dimensions if whole else drawn,
        )  # fmt: skip
        found, start = np.empty((count, width), np.float32), 0
        for tile in tiles():
            raw.fill(tile, found[start : start + len(tile)])
            start += len(tile)
        outer = Affine.standardising(lambda: blocks(found))
        for block in blocks(found):
            outer.apply(block)
        return cls(inner, directions, outer, whole, raw.coordinates), found

    def __call__(self, vectors: Vectors) -> Vectors:
        """(n, numbers) of (n, d); the vectors are used up."""
        found = np.empty((len(vectors), len(self.outer.origin)), np.float32)
        self.fill(vectors, found)
        self.outer.apply(found)
        return found

    def fill(self, vectors: Vectors, found: Vectors) -> None:
        """The numbers before the outer step, into an array; the vectors are used up."""
        self.inner.apply(vectors)
        dimensions = self.whole * vectors.shape[1]
        found[:, :dimensions] = vectors[:, :dimensions]
        found[:, dimensions:] = vectors @ self.directions


def squared(numbers: Vectors) -> Affine:
    """Square in place and standardise; what was done after the squares."""
    np.square(numbers, out=numbers)
    after = Affine.standardising(lambda: blocks(numbers))
    for block in blocks(numbers):
        after.apply(block)
    return after


def blocks(rows: Vectors) -> Iterable[Vectors]:
    """Parts of an array, a tile each."""
    step = step_of(rows.shape[1])
    return (rows[start : start + step] for start in range(0, len(rows), step))


def step_of(width: int) -> int:
    """Rows in a tile."""
    return max(1, TILE // width)
