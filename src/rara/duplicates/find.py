"""Which images of a reference are alike, and the neighbour lists of those that are different.

features, neighbour lists --alike--> exact pairs, different images, near pairs among them

Near duplicates are looked for once exact ones are gone: images at distance 0 tell nothing
about how the others are strewn. Two witnesses look, in the same way: the vectors, and the pixels
where they were seen. Each finds duplicates that the other misses, as in docs/explanation/copies.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.duplicates.statistics import (
    Company,
    Doubles,
    Integers,
    Pairs,
    company,
    equal_pairs,
    first_alike,
    near_pairs,
    zero_pairs,
)
from rara.features import neighbours as neighbourhood
from rara.features.features import Features
from rara.features.pixel_hashes import PixelHashes, lists_of_others, pixel_hashes_of
from rara.geometry import Nearest, squared_distance
from rara.run import Run


@dataclass(frozen=True, slots=True)
class View:
    """Images as one witness sees them: those that it can tell apart, strewn among themselves."""

    rows: Integers
    """Which images of the reference they are."""
    nearest: Nearest
    """Their neighbour lists, as rows of `rows`."""
    company: Company
    """The company of each."""

    @classmethod
    def of(cls, rows: Integers, nearest: Nearest) -> View:
        """With the company that the lists tell of."""
        return cls(rows, nearest, company(nearest, nearest))

    def pairs(self) -> Pairs:
        """Near duplicates, as rows of the reference."""
        pairs = near_pairs(self.nearest, self.company)
        return Pairs(self.rows[pairs.one], self.rows[pairs.other], pairs.d2)


@dataclass(frozen=True, slots=True)
class Alike:
    """What `alike` finds; all rows are those of the whole reference."""

    exact: Pairs
    near: Pairs
    """By either witness; `d2` is between the vectors."""
    bits: NDArray[np.int32]
    """Of each near pair how many of 256 differ, where the pixels alone tell; -1 elsewhere."""
    vectors: View
    """Where of each group of exact duplicates the first is kept."""
    pixels: View | None
    """Likewise, without pictures that are flat; None where nobody saw the pixels."""

    @property
    def dimension(self) -> float:
        """In how many dimensions they are strewn, in the middle; NaN where nobody can tell."""
        dimension = self.vectors.company.dimension
        finite = dimension[~np.isnan(dimension)]
        return float(np.median(finite)) if finite.size else math.nan


def exact_alike(features: Features, nearest: Nearest) -> Pairs:
    """Images of the same content, or with the same vector, as the same picture has."""
    return equal_pairs(features.done["digest"].to_numpy()) + zero_pairs(nearest)


def alike(features: Features, nearest: Nearest, run: Run) -> Alike:
    """Exact and near duplicates of a whole reference, whose neighbour lists are `nearest`."""
    exact = exact_alike(features, nearest)
    kept = first_alike(len(features), exact) == np.arange(len(features))
    rows, lists = np.flatnonzero(kept), nearest
    if len(rows) < len(features):
        left = features.take(rows, features.location)
        lists = neighbourhood.shrink(left, nearest, kept, run)
    vectors = View.of(rows, lists)
    pixels = _by_pixels(pixel_hashes_of(features), rows, nearest.k, run)
    near, bits = _together(features.vectors, vectors.pairs(), pixels)
    return Alike(exact, near, bits, vectors, pixels)


def _by_pixels(hashes: PixelHashes | None, rows: Integers, k: int, run: Run) -> View | None:
    if hashes is None:
        return None
    rows = rows[~hashes.flat[rows]]
    depth = min(k, len(rows) - 1)
    if depth < 1:
        return None
    return View.of(rows, lists_of_others(hashes.take(rows), depth, run.threads))


def _together(
    vectors: NDArray[np.float32], near: Pairs, pixels: View | None
) -> tuple[Pairs, NDArray[np.int32]]:
    """Each pair once, first those by the vectors."""
    unseen = np.full(len(near), -1, np.int32)
    if pixels is None:
        return near, unseen
    more = pixels.pairs()
    listed = np.isin(_key(more, len(vectors)), _key(near, len(vectors)))
    more = Pairs(more.one[~listed], more.other[~listed], more.d2[~listed])
    bits = np.floor(more.d2).astype(np.int32)
    d2 = _squared(vectors, more)
    return near + Pairs(more.one, more.other, d2), np.concatenate([unseen, bits])


def _key(pairs: Pairs, count: int) -> Integers:
    low, high = np.minimum(pairs.one, pairs.other), np.maximum(pairs.one, pairs.other)
    key: Integers = low * count + high
    return key


def _squared(vectors: NDArray[np.float32], pairs: Pairs) -> Doubles:
    both = zip(pairs.one.tolist(), pairs.other.tolist(), strict=True)
    return np.array([squared_distance(vectors[one], vectors[other]) for one, other in both])
