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
View = Literal["coordinates", "squares"]

WHOLE = 1024
"""Coordinates that the first view sees one by one; ..."""
GROUPS = 640
"""... where there are more, it sees sums of a few, with random signs: at most so many sums."""
DIRECTIONS = 256
"""Random directions that are squared beside the coordinates; up to four a dimension, ..."""
FEWER = 64
"""... and so many beside the sums, which mix coordinates already."""
SMALLEST = 1e-70
"""A column with less variance counts as constant: its scale would be no float32."""
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
        varies = variance > np.maximum(1e-12 * squares / count, SMALLEST)
        scale = np.zeros(len(origin))
        scale[varies] = 1 / np.sqrt(variance[varies])
        return cls(origin, mean.astype(np.float32), scale.astype(np.float32))

    def apply(self, rows: Vectors) -> None:
        """In place."""
        rows -= self.origin
        rows -= self.mean
        rows *= self.scale


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """The coordinates if they are few, else signed sums of a few, each coordinate in one sum."""

    members: NDArray[np.int64]
    """(size, sums) which coordinates each sum has."""
    signs: Vectors
    """(size, sums) the sign of each; 0 where a sum has fewer."""

    @classmethod
    def drawn(cls, dimensions: int, rng: np.random.Generator) -> Sums:
        """Random ones, of equal size, except the last."""
        if dimensions <= WHOLE:
            return cls(np.arange(dimensions)[None], np.ones((1, dimensions), np.float32))
        size = -(-dimensions // GROUPS)
        count = -(-dimensions // size)
        signs = rng.choice(np.array([-1, 1], np.float32), size * count)
        signs[dimensions:] = 0
        members = np.append(rng.permutation(dimensions), np.zeros(size * count - dimensions, int))
        return cls(members.reshape(size, count), signs.reshape(size, count))

    def __len__(self) -> int:
        return len(self.signs[0])

    def fill(self, vectors: Vectors, features: Vectors) -> None:
        """(n, sums) of (n, d), into an array."""
        if len(self.members) == 1:
            features[:] = vectors
            return
        features[:] = 0
        for members, signs in zip(self.members, self.signs, strict=True):
            features += vectors[:, members] * signs


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """A vector's standardised coordinates, or sums of them, and random directions.

    The first `coordinates` of them are what the first view sees.
    """

    inner: Affine
    sums: Sums
    directions: Vectors
    outer: Affine

    @property
    def coordinates(self) -> int:
        """How many of them the first view sees."""
        return len(self.sums)

    @classmethod
    def over(
        cls, tiles: Callable[[], Iterable[Vectors]], count: int, seed: int
    ) -> tuple[Numbers, Vectors]:
        """Standardised over all rows of the tiles; and those rows, as numbers."""
        inner = Affine.standardising(tiles)
        dimensions, rng = len(inner.origin), np.random.default_rng(seed)
        sums = Sums.drawn(dimensions, rng)
        drawn = min(DIRECTIONS, 4 * dimensions) if dimensions <= WHOLE else FEWER
        directions = rng.standard_normal((dimensions, drawn), dtype=np.float32)
        directions /= np.float32(np.sqrt(dimensions))
        nothing = np.zeros(len(sums) + drawn, np.float32)
        raw = cls(inner, sums, directions, Affine(nothing, nothing, nothing + 1))
        features, start = np.empty((count, len(nothing)), np.float32), 0
        for tile in tiles():
            raw.fill(tile, features[start : start + len(tile)])
            start += len(tile)
        outer = Affine.standardising(lambda: blocks(features))
        for block in blocks(features):
            outer.apply(block)
        return cls(inner, sums, directions, outer), features

    def __call__(self, vectors: Vectors) -> Vectors:
        """(n, numbers) of (n, d); the vectors are used up."""
        features = np.empty((len(vectors), len(self.outer.origin)), np.float32)
        self.fill(vectors, features)
        self.outer.apply(features)
        return features

    def fill(self, vectors: Vectors, features: Vectors) -> None:
        """The numbers before the outer step, into an array; the vectors are used up."""
        self.inner.apply(vectors)
        self.sums.fill(vectors, features[:, : len(self.sums)])
        features[:, len(self.sums) :] = vectors @ self.directions


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
