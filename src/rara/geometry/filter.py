"""The filter: a lower and an upper bound on every distance at the price of a float32 product.

Vectors are moved by the reference's mean and scaled by a power of two, which
changes no comparison between distances, then rounded to float32 codes. For
codes x and y with a = |x|^2 and b = |y|^2 the float32 product p of the codes gives

    low  = a (1 - kappa) - eta  +  b (1 - kappa) - eta  -  2 p
    high = a (1 + kappa) + eta  +  b (1 + kappa) + eta  -  2 p

and low <= d^2 <= high holds for the exact distance and for its float64 value;
docs/design/filter.md derives it. `sift` keeps the pairs whose low does not
exceed what some answer still needs; every comparison is written so that a NaN
(from an overflow) keeps its pair.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.geometry.compiled import compiled

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int32]

UNIT = 2.0**-24
"""Unit roundoff of float32."""
MOST_DIMENSIONS = 2**17
"""Up to here dimensions * UNIT <= 2^-7, as the derivation assumes; beyond, all pairs stay."""
_STRIPE = 64
_MARGIN = np.float32(1 + 2.0**-20)
"""Covers the roundings of a weight (up), of the quotient and of gain * weight."""
_SMALLEST_WEIGHT = np.float32(2.0**-100)
"""Of smaller weights and quotients a rounding need not be relative."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Rounded vectors of a block, with each one's share of the bounds."""

    vectors: Floats
    low: Floats
    high: Floats

    @classmethod
    def empty(cls, count: int, dimensions: int) -> Codes:
        """Room for the codes of a block."""
        return cls(
            np.empty((count, dimensions), np.float32),
            np.empty(count, np.float32),
            np.empty(count, np.float32),
        )

    def __len__(self) -> int:
        return len(self.low)

    def __getitem__(self, block: slice) -> Codes:
        return Codes(self.vectors[block], self.low[block], self.high[block])


@dataclass(frozen=True, slots=True)
class Frame:
    """The coordinates in which the filter works: x -> (x - center) / 2^exponent."""

    center: Doubles
    exponent: int

    @classmethod
    def of(cls, reference: Floats) -> Frame:
        """Centre on the mean; scale so that the largest coordinate is about 1."""
        total, least, most = _columns(reference)
        center = total / len(reference)
        spread = max(float(np.max(most - center)), float(np.max(center - least)))
        return cls(center, math.frexp(spread)[1])

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self.center.size

    def encode(self, vectors: Floats, *, into: Codes) -> None:
        """Make the codes of a block of vectors."""
        within = self.dimensions <= MOST_DIMENSIONS
        kappa = 1.01 * (self.dimensions + 16) * UNIT if within else math.inf
        eta = self.dimensions * 2.0**-120
        scale = math.ldexp(1.0, -self.exponent)
        _encode(vectors, self.center, scale, kappa, eta, into.vectors, into.low, into.high)

    def raise_to_code(self, d2: Doubles) -> Floats:
        """Squared distances in the units of the codes, rounded up."""
        scaled = np.ldexp(d2, -2 * self.exponent)
        with np.errstate(over="ignore"):
            return np.nextafter(scaled.astype(np.float32), np.float32(np.inf))


def multiply(rows: Codes, columns: Codes, out: Floats) -> None:
    """The product that the bounds need, into `out` (len(rows), len(columns))."""
    with np.errstate(over="ignore", invalid="ignore"):
        np.dot(rows.vectors, columns.vectors.T, out=out)


@compiled
def _columns(vectors: Floats) -> tuple[Doubles, Doubles, Doubles]:
    """Sum, least and largest value of every column."""
    total = np.zeros(vectors.shape[1])
    least = np.full(vectors.shape[1], np.inf)
    most = np.full(vectors.shape[1], -np.inf)
    for i in range(vectors.shape[0]):
        for c in range(vectors.shape[1]):
            value = np.float64(vectors[i, c])
            total[c] += value
            least[c] = min(least[c], value)
            most[c] = max(most[c], value)
    return total, least, most


@compiled
def _encode(
    vectors: Floats,
    center: Doubles,
    scale: float,
    kappa: float,
    eta: float,
    codes: Floats,
    low: Floats,
    high: Floats,
) -> None:
    for i in range(vectors.shape[0]):
        norm2 = 0.0
        for c in range(vectors.shape[1]):
            code = np.float32((np.float64(vectors[i, c]) - center[c]) * scale)
            codes[i, c] = code
        for c in range(vectors.shape[1]):
            norm2 += np.float64(codes[i, c]) * np.float64(codes[i, c])
        low[i] = np.nextafter(np.float32(norm2 * (1.0 - kappa) - eta), np.float32(-np.inf))
        high[i] = np.nextafter(np.float32(norm2 * (1.0 + kappa) + eta), np.float32(np.inf))


@compiled
def _lower(row: Floats, value: np.float32) -> None:
    """Put a value into an ascending row whose last value it displaces."""
    place = row.size - 1
    while place > 0 and row[place - 1] > value:
        row[place] = row[place - 1]
        place -= 1
    row[place] = value


@compiled
def sift(
    product: Floats,
    start: int,
    own: Integers,
    row_low: Floats,
    row_high: Floats,
    column_low: Floats,
    column_high: Floats,
    nearest: Floats,
    reach: Floats,
    gain: Floats,
    weight: Floats,
    assured: Floats,
    rows: Integers,
    columns: Integers,
    lows: Floats,
) -> tuple[int, int]:
    """Collect the pairs of a tile that may still matter, from row `start` on.

    A pair (i, j) stays if low <= max(nearest[i, -1], reach[j], gain[i] * weight[j]), where
    `nearest` (rows, k) holds ascending upper bounds on each row's k smallest distances so
    far and `gain` (rows,) upper bounds on 1 / the largest weight / d2 so far; both tighten
    on the way. A weight of -1 leaves a column out; `assured` is what of a weight is sure to
    count. `own` is the column that each row must not see, or -1.

    Returns the number of pairs and the row to go on from: the buffers hold whole rows only.
    """
    count = 0
    k = nearest.shape[1]
    width = product.shape[1]
    for i in range(start, product.shape[0]):
        if count + width > rows.size:
            return count, i
        bound = nearest[i, k - 1] if k else np.float32(-np.inf)
        for first in range(0, width, _STRIPE):
            last = min(first + _STRIPE, width)
            if not _any_wanted(
                product[i, first:last], row_low[i], column_low[first:last],
                bound, reach[first:last], gain[i], weight[first:last],
            ):  # fmt: skip
                continue
            for j in range(first, last):
                twice = product[i, j] + product[i, j]
                low = (row_low[i] + column_low[j]) - twice
                by_ratio = not low > gain[i] * weight[j]
                if (low > bound and low > reach[j] and not by_ratio) or j == own[i]:
                    continue
                rows[count], columns[count], lows[count] = i, j, low
                count += 1
                high = (row_high[i] + column_high[j]) - twice
                if k and high < bound:
                    _lower(nearest[i], high)
                    bound = nearest[i, k - 1]
                if by_ratio and assured[j] > _SMALLEST_WEIGHT:
                    gain[i] = min(gain[i], max(high / assured[j] * _MARGIN, _SMALLEST_WEIGHT))
    return count, product.shape[0]


@compiled
def _any_wanted(
    product: Floats,
    row_low: np.float32,
    column_low: Floats,
    bound: np.float32,
    reach: Floats,
    gain: np.float32,
    weight: Floats,
) -> bool:
    """Whether a stripe holds a wanted pair; no branch and indices from 0, so that it vectorises."""
    hits = np.int32(0)
    for j in range(product.size):
        low = (row_low + column_low[j]) - (product[j] + product[j])
        dropped = (low > bound) & (low > reach[j]) & (low > gain * weight[j])
        hits += np.int32(not dropped)
    return bool(hits)


@compiled
def sift_mutual(
    product: Floats,
    start: int,
    triangle: bool,
    row_low: Floats,
    row_high: Floats,
    column_low: Floats,
    column_high: Floats,
    row_nearest: Floats,
    column_nearest: Floats,
    row_bound: Floats,
    column_bound: Floats,
    rows: Integers,
    columns: Integers,
    lows: Floats,
) -> tuple[int, int]:
    """`sift` for a tile of one set against itself: a pair serves both its row and its column.

    `triangle` is set on the diagonal, where only columns beyond the row count. The bounds
    are at most the last columns of `row_nearest` and `column_nearest`: what other threads
    have seen may make them tighter.
    """
    count = 0
    last_place = row_nearest.shape[1] - 1
    width = product.shape[1]
    for i in range(start, product.shape[0]):
        if count + width > rows.size:
            return count, i
        beyond = i + 1 if triangle else 0
        for first in range(beyond - beyond % _STRIPE, width, _STRIPE):
            last = min(first + _STRIPE, width)
            bound = row_bound[i]
            if not _any_near(
                product[i, first:last], row_low[i], column_low[first:last],
                bound, column_bound[first:last],
            ):  # fmt: skip
                continue
            for j in range(max(first, beyond), last):
                twice = product[i, j] + product[i, j]
                low = (row_low[i] + column_low[j]) - twice
                if low > row_bound[i] and low > column_bound[j]:
                    continue
                rows[count], columns[count], lows[count] = i, j, low
                count += 1
                high = (row_high[i] + column_high[j]) - twice
                if high < row_nearest[i, last_place]:
                    _lower(row_nearest[i], high)
                    row_bound[i] = min(row_bound[i], row_nearest[i, last_place])
                if high < column_nearest[j, last_place]:
                    _lower(column_nearest[j], high)
                    column_bound[j] = min(column_bound[j], column_nearest[j, last_place])
    return count, product.shape[0]


@compiled
def _any_near(
    product: Floats,
    row_low: np.float32,
    column_low: Floats,
    bound: np.float32,
    column_bound: Floats,
) -> bool:
    """`_any_wanted` for `sift_mutual`."""
    hits = np.int32(0)
    for j in range(product.size):
        low = (row_low + column_low[j]) - (product[j] + product[j])
        dropped = (low > bound) & (low > column_bound[j])
        hits += np.int32(not dropped)
    return bool(hits)


@compiled
def keep(
    count: int,
    rows: Integers,
    columns: Integers,
    lows: Floats,
    row_bound: Floats,
    column_bound: Floats,
    gain: Floats,
    weight: Floats,
) -> int:
    """Drop collected pairs that the bounds have overtaken meanwhile; how many stay.

    `lows` is read and left as it was: it no longer goes with the pairs.
    """
    kept = 0
    for p in range(count):
        i, j, low = rows[p], columns[p], lows[p]
        if low > row_bound[i] and low > column_bound[j] and low > gain[i] * weight[j]:
            continue
        rows[kept], columns[kept] = i, j
        kept += 1
    return kept


@compiled
def keep_mutual(count: int, rows: Integers, columns: Integers, lows: Floats, bound: Floats) -> int:
    """`keep` for pairs within one set; `lows` stays with its pairs."""
    kept = 0
    for p in range(count):
        i, j, low = rows[p], columns[p], lows[p]
        if low > bound[i] and low > bound[j]:
            continue
        rows[kept], columns[kept], lows[kept] = i, j, low
        kept += 1
    return kept
