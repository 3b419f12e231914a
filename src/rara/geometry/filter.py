"""The filter: a lower and an upper bound on every distance at the price of a fast product.

For codes x and y the product gives D = |x|^2 + |y|^2 - 2 xy up to a share of its terms, which
`low` and `high` take in, and the triangle inequality what the codes left out:

    sqrt(D) - error(x) - error(y)  <=  distance  <=  sqrt(D) + error(x) + error(y)

docs/design/filter.md derives it. `sift` keeps the pairs whose lower bound does not exceed
what some answer still needs; every comparison is written so that a NaN (from an overflow,
or from the root of a tiny negative number) keeps its pair.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rara.geometry.codes import MARGIN, Floats, Terms
from rara.geometry.compiled import compiled

Integers = NDArray[np.int32]

STRIPE = 32
_WIDER = np.float32(MARGIN)
_GAIN_MARGIN = np.float32(1 + 2.0**-18)
"""Covers that `assured` is enlarged, and the roundings of quotient and product."""
_SMALLEST_WEIGHT = np.float32(2.0**-100)
"""Of smaller weights and quotients a rounding need not be relative."""
_ZERO = np.float32(0)


class Limits(NamedTuple):
    """What one side of a tile still wants, as distances in the units of the codes.

    A pair is wanted by a vector up to its `bound`, which is `floor`, or the last of `near` if
    that is larger: `near` (n, k) holds ascending upper bounds on the k smallest distances
    seen so far. -inf in `floor` wants nothing but those.
    """

    near: Floats
    floor: Floats
    bound: Floats


class Ratios(NamedTuple):
    """What the search for the largest weight / distance still wants: up to gain * weight.

    `gain` (rows,) are upper bounds on 1 / the largest ratio so far; `weight` (columns,) is -1
    for none, `assured` what of a weight is sure to count.
    """

    gain: Floats
    weight: Floats
    assured: Floats


class Pairs(NamedTuple):
    """Room for pairs that may matter: row, column, and lower bound of the distance."""

    rows: Integers
    columns: Integers
    lows: Floats

    def part(self, block: slice) -> Pairs:
        """Some of the room."""
        return Pairs(self.rows[block], self.columns[block], self.lows[block])


@compiled
def _tighten(near: Floats, floor: Floats, bound: Floats, i: int, high: np.float32) -> None:
    """Take in an upper bound on a distance of vector i: it displaces the last one of its row."""
    last = near.shape[1] - 1
    if last < 0 or not high < near[i, last]:
        return
    place = last
    while place > 0 and near[i, place - 1] > high:
        near[i, place] = near[i, place - 1]
        place -= 1
    near[i, place] = high
    bound[i] = min(bound[i], max(near[i, last], floor[i]))


@compiled
def _square(lengths: np.float32, twice: np.float32, scale: np.float32, product: Any) -> np.float32:
    """Squared length of the difference of two codes, from the sum of theirs."""
    return np.float32(lengths - twice * (scale * np.float32(product)))


@compiled
def _beyond(square: np.float32, errors: np.float32, bound: np.float32) -> bool:
    """Whether a distance is larger than a bound; not where nothing is known of it."""
    radius = max(bound, _ZERO) + errors
    return bool(square > radius * radius)


@compiled
def lower_bound(square: np.float32, errors: np.float32) -> np.float32:
    """A distance is at least this; NaN where it may be 0."""
    return np.float32(np.sqrt(square) - errors)


@compiled
def upper_bound(square: np.float32, errors: np.float32) -> np.float32:
    """A distance is at most this."""
    return np.float32((np.sqrt(max(square, _ZERO)) + errors) * _WIDER)


@compiled
def sift(
    product: NDArray[Any],
    start: int,
    diagonal: int,
    own: Integers,
    row: Terms,
    column: Terms,
    rows: Limits,
    columns: Limits,
    ratios: Ratios,
    pairs: Pairs,
) -> tuple[int, int]:
    """Collect the pairs of a tile that may still matter, from row `start` on.

    A pair (i, j) stays if its distance may be up to rows.bound[i], columns.bound[j] or gain[i] *
    weight[j]; bounds and gains tighten on the way. Only columns j > i + `diagonal` count, and
    not own[i].

    Returns the number of pairs and the row to go on from: `pairs` take whole rows only.
    """
    # Taking an array out of a tuple counts a reference, which in a loop costs more than the work.
    found_rows, found_columns, found_lows = pairs.rows, pairs.columns, pairs.lows
    lows, highs, scales, errors = column.low, column.high, column.scale, column.error
    bounds, reach, gains, weights = rows.bound, columns.bound, ratios.gain, ratios.weight
    row_near, row_floor, column_near, column_floor = (
        rows.near,
        rows.floor,
        columns.near,
        columns.floor,
    )
    assured = ratios.assured
    width = product.shape[1]
    count = 0
    for i in range(start, product.shape[0]):
        if count + width > found_rows.size:
            return count, i
        first, low, high, error = max(0, i + diagonal + 1), row.low[i], row.high[i], row.error[i]
        twice = row.scale[i] + row.scale[i]
        for begin in range(first - first % STRIPE, width, STRIPE):
            end = min(begin + STRIPE, width)
            bound, gain = bounds[i], gains[i]
            hits = np.uint32(0)
            # Indices that cannot be negative, and no branch: so that it vectorises.
            for j in range(np.uintp(begin), np.uintp(end)):
                square = _square(low + lows[j], twice, scales[j], product[i, j])
                wanted = max(max(bound, reach[j]), gain * weights[j])
                near = np.uint32(not _beyond(square, error + errors[j], wanted))
                hits |= near << np.uint32(j - np.uintp(begin))
            j = begin - 1
            while hits != 0:
                j += 1
                hit = hits & np.uint32(1)
                hits >>= np.uint32(1)
                if hit == 0 or j < first:
                    continue
                square = _square(low + lows[j], twice, scales[j], product[i, j])
                wanted = max(max(bounds[i], reach[j]), gains[i] * weights[j])
                left_out = error + errors[j]
                if wanted < _ZERO or _beyond(square, left_out, wanted) or j == own[i]:
                    continue
                found_rows[count], found_columns[count] = i, j
                found_lows[count] = lower_bound(square, left_out)
                count += 1
                longest = _square(high + highs[j], twice, scales[j], product[i, j])
                most = upper_bound(longest, left_out)
                _tighten(row_near, row_floor, bounds, i, most)
                _tighten(column_near, column_floor, reach, j, most)
                _improve(gains, i, most, assured[j])
    return count, product.shape[0]


@compiled
def _improve(gains: Floats, i: int, high: np.float32, assured: np.float32) -> None:
    """Take in that a weight counts at a distance of at most `high`."""
    if assured > _SMALLEST_WEIGHT and high < np.inf:
        enough = max(high / assured * _GAIN_MARGIN, _SMALLEST_WEIGHT)
        gains[i] = min(gains[i], enough)


@compiled
def keep(
    count: int, pairs: Pairs, row_bound: Floats, column_bound: Floats, gain: Floats, weight: Floats
) -> int:
    """Drop collected pairs that the bounds have overtaken meanwhile; how many stay."""
    kept = 0
    for p in range(count):
        i, j, low = pairs.rows[p], pairs.columns[p], pairs.lows[p]
        if low > row_bound[i] and low > column_bound[j] and low > gain[i] * weight[j]:
            continue
        pairs.rows[kept], pairs.columns[kept], pairs.lows[kept] = i, j, low
        kept += 1
    return kept
