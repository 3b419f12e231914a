"""The filter: a lower and an upper bound on every distance at the price of a fast product.

For codes x and y the product gives D = |x|^2 + |y|^2 - 2 xy up to a share of its terms, which
`low` and `high` take in, and the triangle inequality what the codes left out:

    sqrt(D) - error(x) - error(y)  <=  distance  <=  sqrt(D) + error(x) + error(y)

docs/design/filter.md derives it. `sift` keeps the pairs whose lower bound does not exceed
what some answer still needs; every comparison is written so that a NaN (from an overflow,
or from the root of a tiny negative number) keeps its pair.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.geometry.codes import MARGIN, Floats
from rara.geometry.compiled import compiled

Integers = NDArray[np.int32]

_STRIPE = 64
_WIDER = np.float32(MARGIN)
_GAIN_MARGIN = np.float32(1 + 2.0**-18)
"""Covers that `assured` is enlarged, and the roundings of quotient and product."""
_SMALLEST_WEIGHT = np.float32(2.0**-100)
"""Of smaller weights and quotients a rounding need not be relative."""
_NOTHING = np.float32(-np.inf)


@compiled
def _lower(row: Floats, value: np.float32) -> None:
    """Put a value into an ascending row whose last value it displaces."""
    place = row.size - 1
    while place > 0 and row[place - 1] > value:
        row[place] = row[place - 1]
        place -= 1
    row[place] = value


@compiled
def _lower_bound(lows: np.float32, cross: np.float32, errors: np.float32) -> np.float32:
    """A distance is at least this; NaN where it may be 0."""
    return np.float32(np.sqrt(lows - cross) - errors)


@compiled
def _upper_bound(highs: np.float32, cross: np.float32, errors: np.float32) -> np.float32:
    """A distance is at most this."""
    square = max(highs - cross, np.float32(0.0))
    return np.float32((np.sqrt(square) + errors) * _WIDER)


@compiled
def sift(
    product: NDArray[Any],
    start: int,
    own: Integers,
    row_scale: Floats,
    row_low: Floats,
    row_high: Floats,
    row_error: Floats,
    column_scale: Floats,
    column_low: Floats,
    column_high: Floats,
    column_error: Floats,
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

    A pair (i, j) stays if its lower bound <= max(nearest[i, -1], reach[j], gain[i] * weight[j]),
    all of them distances in the units of the codes: `nearest` (rows, k) holds ascending upper
    bounds on each row's k smallest distances so far and `gain` (rows,) upper bounds on
    1 / the largest weight / distance so far; both tighten on the way. -inf in `reach` and -1
    in `weight` want nothing; `assured` is what of a weight is sure to count. `own` is the
    column that each row must not see, or -1.

    Returns the number of pairs and the row to go on from: the buffers hold whole rows only.
    """
    count = 0
    k = nearest.shape[1]
    width = product.shape[1]
    for i in range(start, product.shape[0]):
        if count + width > rows.size:
            return count, i
        bound = nearest[i, k - 1] if k else _NOTHING
        twice = row_scale[i] + row_scale[i]
        for first in range(0, width, _STRIPE):
            last = min(first + _STRIPE, width)
            if not _any_wanted(
                product[i, first:last], twice, row_low[i], row_error[i],
                column_scale[first:last], column_low[first:last], column_error[first:last],
                bound, reach[first:last], gain[i], weight[first:last],
            ):  # fmt: skip
                continue
            for j in range(first, last):
                cross = twice * (column_scale[j] * np.float32(product[i, j]))
                errors = row_error[i] + column_error[j]
                low = _lower_bound(row_low[i] + column_low[j], cross, errors)
                by_ratio = not low > gain[i] * weight[j]
                if (low > bound and low > reach[j] and not by_ratio) or j == own[i]:
                    continue
                rows[count], columns[count], lows[count] = i, j, low
                count += 1
                high = _upper_bound(row_high[i] + column_high[j], cross, errors)
                if k and high < bound:
                    _lower(nearest[i], high)
                    bound = nearest[i, k - 1]
                if by_ratio and assured[j] > _SMALLEST_WEIGHT and high < np.inf:
                    gain[i] = min(gain[i], max(high / assured[j] * _GAIN_MARGIN, _SMALLEST_WEIGHT))
    return count, product.shape[0]


@compiled
def _any_wanted(
    product: NDArray[Any],
    twice: np.float32,
    row_low: np.float32,
    row_error: np.float32,
    column_scale: Floats,
    column_low: Floats,
    column_error: Floats,
    bound: np.float32,
    reach: Floats,
    gain: np.float32,
    weight: Floats,
) -> bool:
    """Whether a stripe holds a wanted pair; no branch and indices from 0, so that it vectorises."""
    hits = np.int32(0)
    for j in range(product.size):
        cross = twice * (column_scale[j] * np.float32(product[j]))
        errors = row_error + column_error[j]
        low = _lower_bound(row_low + column_low[j], cross, errors)
        dropped = (low > bound) & (low > reach[j]) & (low > gain * weight[j])
        hits += np.int32(not dropped)
    return bool(hits)


@compiled
def sift_mutual(
    product: NDArray[Any],
    start: int,
    triangle: bool,
    row_scale: Floats,
    row_low: Floats,
    row_high: Floats,
    row_error: Floats,
    column_scale: Floats,
    column_low: Floats,
    column_high: Floats,
    column_error: Floats,
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
        twice = row_scale[i] + row_scale[i]
        beyond = i + 1 if triangle else 0
        for first in range(beyond - beyond % _STRIPE, width, _STRIPE):
            last = min(first + _STRIPE, width)
            if not _any_near(
                product[i, first:last], twice, row_low[i], row_error[i],
                column_scale[first:last], column_low[first:last], column_error[first:last],
                row_bound[i], column_bound[first:last],
            ):  # fmt: skip
                continue
            for j in range(max(first, beyond), last):
                cross = twice * (column_scale[j] * np.float32(product[i, j]))
                errors = row_error[i] + column_error[j]
                low = _lower_bound(row_low[i] + column_low[j], cross, errors)
                if low > row_bound[i] and low > column_bound[j]:
                    continue
                rows[count], columns[count], lows[count] = i, j, low
                count += 1
                high = _upper_bound(row_high[i] + column_high[j], cross, errors)
                if high < row_nearest[i, last_place]:
                    _lower(row_nearest[i], high)
                    row_bound[i] = min(row_bound[i], row_nearest[i, last_place])
                if high < column_nearest[j, last_place]:
                    _lower(column_nearest[j], high)
                    column_bound[j] = min(column_bound[j], column_nearest[j, last_place])
    return count, product.shape[0]


@compiled
def _any_near(
    product: NDArray[Any],
    twice: np.float32,
    row_low: np.float32,
    row_error: np.float32,
    column_scale: Floats,
    column_low: Floats,
    column_error: Floats,
    bound: np.float32,
    column_bound: Floats,
) -> bool:
    """`_any_wanted` for `sift_mutual`."""
    hits = np.int32(0)
    for j in range(product.size):
        cross = twice * (column_scale[j] * np.float32(product[j]))
        errors = row_error + column_error[j]
        low = _lower_bound(row_low + column_low[j], cross, errors)
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
        rows[kept], columns[kept], lows[kept] = i, j, low
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
