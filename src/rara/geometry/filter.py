"""The filter: a lower and an upper bound on every distance at the price of a fast product.

For codes x and y the product gives D = |x|^2 + |y|^2 - 2 xy. Its rounding errors are at most a
share of its terms, which `low` and `high` include. The triangle inequality adds what the codes
leave out:

    sqrt(D) - error(x) - error(y)  <=  distance  <=  sqrt(D) + error(x) + error(y)

docs/explanation/filter.md derives it. `filter_tile` keeps the pairs whose lower bound is at most
the distance that some answer still needs. Every comparison keeps its pair if it meets a NaN (from
an overflow, or from the root of a tiny negative number).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rara.geometry.quantization import MARGIN, Floats, Terms
from rara.storage.compiled import compiled

Integers = NDArray[np.int32]

STRIPE = 32
_WIDER = np.float32(MARGIN)
_GAIN_MARGIN = np.float32(1 + 2.0**-18)
"""Covers the enlargement of `assured`, and the roundings of quotient and product."""
_SMALLEST_WEIGHT = np.float32(2.0**-100)
"""Below it, the rounding error of weights and quotients may be larger than relative."""
_ZERO = np.float32(0)


class Limits(NamedTuple):
    """The distances that one side of a tile still needs, in the units of the codes.

    A vector needs pairs up to its `bound`: the larger of `floor` and the last of `near`. `near`
    (n, k) has ascending upper bounds on the k smallest distances so far. Where `floor` is -inf,
    only the k nearest are needed.
    """

    near: Floats
    floor: Floats
    bound: Floats


class Edge(NamedTuple):
    """One edge of a tile: the terms of its codes, and the distances that it still needs."""

    terms: Terms
    limits: Limits


class Ratios(NamedTuple):
    """The distances that the search for the largest weight / distance needs: up to gain * weight.

    `gain` (rows,): upper bounds on 1 / the largest ratio so far. `weight` (columns,): -1 for none.
    `assured`: the part of a weight that certainly counts.
    """

    gain: Floats
    weight: Floats
    assured: Floats


class Pairs(NamedTuple):
    """Room for pairs that may matter: row, column, and the bounds of the distance."""

    rows: Integers
    columns: Integers
    lows: Floats
    highs: Floats

    def part(self, block: slice) -> Pairs:
        """A slice of the room."""
        return Pairs(*(one[block] for one in self))  # type: ignore[arg-type]


@compiled
def _tighten(near: Floats, floor: Floats, bound: Floats, i: int, high: np.float32) -> None:
    """Insert an upper bound on a distance of vector i, and drop the last one of its row."""
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
    """Whether a distance is certainly larger than a bound; false for NaN."""
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
def filter_tile(
    product: NDArray[Any],
    start: int,
    diagonal: int,
    own: Integers,
    row_edge: Edge,
    column_edge: Edge,
    ratios: Ratios,
    pairs: Pairs,
) -> tuple[int, int]:
    """Collect the pairs of a tile that may still matter, from row `start` on.

    A pair (i, j) stays if its distance may be up to bound[i] of its row, bound[j] of its column, or
    gain[i] * weight[j]; bounds and gains tighten on the way. Only columns j > i + `diagonal`
    count, and not own[i].

    Returns the number of pairs and the row to go on from: `pairs` take whole rows only.
    """
    row, rows = row_edge.terms, row_edge.limits
    column, columns = column_edge.terms, column_edge.limits
    # Taking an array out of a tuple counts a reference, which in a loop costs more than the work.
    found_rows, found_columns, found_lows = pairs.rows, pairs.columns, pairs.lows
    found_highs = pairs.highs
    lows, highs, scales, errors = column.low, column.high, column.scale, column.error
    bounds, reach, gains, weights = rows.bound, columns.bound, ratios.gain, ratios.weight
    row_near, row_floor = rows.near, rows.floor
    column_near, column_floor = columns.near, columns.floor
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
                longest = _square(high + highs[j], twice, scales[j], product[i, j])
                most = upper_bound(longest, left_out)
                found_lows[count], found_highs[count] = lower_bound(square, left_out), most
                count += 1
                _tighten(row_near, row_floor, bounds, i, most)
                _tighten(column_near, column_floor, reach, j, most)
                _improve(gains, i, most, assured[j])
    return count, product.shape[0]


@compiled
def _improve(gains: Floats, i: int, high: np.float32, assured: np.float32) -> None:
    """Lower the gain of row i: a weight counts at a distance of at most `high`."""
    # A weight too large for float32 became infinite, which is not a little larger than it was.
    if _SMALLEST_WEIGHT < assured < np.inf and high < np.inf:
        enough = max(high / assured * _GAIN_MARGIN, _SMALLEST_WEIGHT)
        gains[i] = min(gains[i], enough)


@compiled
def keep(
    count: int, pairs: Pairs, row_bound: Floats, column_bound: Floats, gain: Floats, weight: Floats
) -> int:
    """Drop the collected pairs that the present bounds exclude; how many stay."""
    kept = 0
    for p in range(count):
        i, j, low = pairs.rows[p], pairs.columns[p], pairs.lows[p]
        if low > row_bound[i] and low > column_bound[j] and low > gain[i] * weight[j]:
            continue
        _move(pairs, p, kept)
        kept += 1
    return kept


class Certainty(NamedTuple):
    """Which pairs of the vectors of one side need their exact distance.

    Up to `exact` a pair needs it. Else it certainly counts below `inside`, and certainly does not
    count above `outside`. All (n,), in the units of the codes.
    """

    exact: Floats
    inside: Floats
    outside: Floats


@compiled
def split(
    count: int, pairs: Pairs, row: Certainty, column: Certainty, gain: Floats, weight: Floats
) -> int:
    """Move the pairs that need no exact distance behind those that do; how many do.

    For pairs that need none, `lows` becomes the sides for which they count: 1 the row's, 2 the
    column's, 3 both, 0 neither.
    """
    exact = 0
    for p in range(count):
        i, j = pairs.rows[p], pairs.columns[p]
        low, high = pairs.lows[p], pairs.highs[p]
        open_ = not (low > row.exact[i] and low > column.exact[j] and low > gain[i] * weight[j])
        for_row, for_column = high < row.inside[i], high < column.inside[j]
        certain = (for_row or low > row.outside[i]) and (for_column or low > column.outside[j])
        if certain and not open_:
            pairs.lows[p] = 1 * for_row + 2 * for_column
            continue
        _swap(pairs, p, exact)
        exact += 1
    return exact


@compiled
def _move(pairs: Pairs, source: int, target: int) -> None:
    pairs.rows[target], pairs.columns[target] = pairs.rows[source], pairs.columns[source]
    pairs.lows[target], pairs.highs[target] = pairs.lows[source], pairs.highs[source]


@compiled
def _swap(pairs: Pairs, p: int, q: int) -> None:
    i, j, low, high = pairs.rows[p], pairs.columns[p], pairs.lows[p], pairs.highs[p]
    _move(pairs, q, p)
    pairs.rows[q], pairs.columns[q], pairs.lows[q], pairs.highs[q] = i, j, low, high
