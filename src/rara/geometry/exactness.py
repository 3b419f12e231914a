"""Tests of this machine: is a byte product exact, is a float32 product within its error bound?

    codes --a product--> sums --exactness--> yes or no --matmul--> the product that is used

A product is tested at many shapes: one row, one column, widths that fill no register or tile,
and the most dimensions. The values are those at which wrong products are known to fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.geometry.quantization import MOST_DIMENSIONS, UNIT, Doubles, Floats

Bytes = NDArray[np.uint8]
Run = Callable[[NDArray[Any], NDArray[Any]], None]
"""Multiplies rows with the columns that it was made for, and writes to an array."""

SHAPES = (
    (1, 1, 1),
    (1, 37, 320),
    (37, 1, 300),
    (7, 5, 3),
    (13, 18, 31),
    (17, 33, 65),
    (67, 61, 129),
    (9, 21, 2047),
    (7, 7, MOST_DIMENSIONS),
)
"""Rows, columns and dimensions."""


def exact(make: Callable[[Bytes], Run], levels: int) -> bool:
    """Whether a product of bytes within 128 ± `levels` is exact for all shapes and values."""
    rng = np.random.default_rng(0)
    return all(
        _is_exact(make, rows, columns)
        for n, m, d in SHAPES
        for rows, columns in _bytes(rng, n, m, d, levels)
    )


def _is_exact(make: Callable[[Bytes], Run], rows: Bytes, columns: Bytes) -> bool:
    out = np.full((len(rows), len(columns)), -1, np.int32)
    make(columns)(rows, out)
    expected = (rows.astype(np.int64) - 128) @ (columns.astype(np.int64) - 128).T
    return bool((out == expected).all())


def _bytes(
    rng: np.random.Generator, n: int, m: int, d: int, levels: int
) -> Iterator[tuple[Bytes, Bytes]]:
    """Every filling of rows is multiplied with every filling of columns, at every shape."""
    fillings = [
        np.full(d, levels),
        np.full(d, -levels),
        np.where(np.arange(d) % 2, levels, -levels),
        np.where(np.arange(d) // 2 % 2, levels, -levels),
        rng.choice([-levels, levels], d),
        rng.integers(-levels, levels + 1, d),
    ]
    codes = (np.stack(fillings) + 128).astype(np.uint8)
    for shift in range(len(codes) if min(n, m) < len(codes) else 1):
        yield codes[(np.arange(n) + shift) % len(codes)], codes[np.arange(m) % len(codes)]


def within_bound(make: Callable[[Floats], Run]) -> bool:
    """Whether the error of a float32 product is at most what the filter assumes."""
    rng = np.random.default_rng(0)
    return all(
        _is_within(make, _floats(rng, n, d, 0), _floats(rng, m, d, kind))
        for n, m, d in SHAPES
        for kind in range(_KINDS if min(n, m) < _KINDS else 1)
    )


def _is_within(make: Callable[[Floats], Run], rows: Floats, columns: Floats) -> bool:
    out = np.full((len(rows), len(columns)), np.nan, np.float32)
    make(columns)(rows, out)
    left, right = rows.astype(np.float64), columns.astype(np.float64)
    # Not by a matrix library: that is what is tested here.
    expected = np.einsum("ic,jc->ij", left, right)
    return bool((abs(out - expected) <= allowed(left, right)).all())  # NaN is not


def allowed(left: Doubles, right: Doubles) -> Doubles:
    """How far a float32 product may be from a float64 one: (4) of docs/explanation/filter.md.

    It is reduced by more than the error of a float64 sum in any order.
    """
    d = left.shape[1]
    gamma = d * UNIT / (1 - d * UNIT) * (1 - 2.0**-28)
    one, other = (np.sqrt(np.einsum("ic,ic->i", side, side)) for side in (left, right))
    bound: Doubles = gamma * np.outer(one, other) + d * 2.0**-125 * np.outer(1 + one, 1 + other)
    return bound


_KINDS = 7


def _floats(rng: np.random.Generator, n: int, d: int, first: int) -> Floats:
    """n vectors of all kinds in turn, starting with kind `first`."""
    drawn = rng.random(n + d, np.float32) * 2 - 1
    return np.stack([_vector(drawn[row : row + d], (row + first) % _KINDS) for row in range(n)])


def _vector(drawn: Floats, kind: int) -> Floats:
    """One vector of a kind, from numbers in [-1, 1); kind 0 leaves them as they are."""
    values = drawn.copy()
    if kind in (1, 2):  # every sum is rounded the same way; fewer bits than 24 lose the most
        values = 1 + np.float32(2.0**-12) + np.float32(2.0**-23) * (values > 0)
    if kind == 2:  # with the one above, large terms that cancel
        values[::2] *= -1
    if kind == 3:  # every product underflows
        values[:] = 0.7 * 2.0**-75
    scale = {4: 2.0**20, 5: 2.0**-40, 6: 2.0**50}.get(kind, 1.0)  # among vectors of size 1
    return values * np.float32(scale)
