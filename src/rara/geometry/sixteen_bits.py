"""Products of bytes within ±63 by sums of 16 bits: for x86 that has AVX2, and may have no VNNI.

AVX2 multiplies an unsigned byte with a signed one and adds pairs in 16 bits, where larger sums
saturate. A row's code + 63 is at most 126: two such pairs are at most 4 * 126 * 63 = 31,752,
which fits. So two pairs are added before they are widened to 32 bits; other products widen each
pair. Columns are first copied into panels, so that a tile reads adjacent bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic
from numpy.typing import NDArray

from rara.storage.compiled import compiled

Bytes = NDArray[np.uint8]
Signed = NDArray[np.int8]
Integers = NDArray[np.int32]

LEVELS = 63
_ROWS, _VECTORS = 2, 3
"""Size of a tile: its six vectors of sums, and the terms added to them, fit into 16 registers."""
_LANES = 8
"""Columns of a vector."""
_COLUMNS = _VECTORS * _LANES
_QUAD = 4
"""Dimensions that are added into one sum of 32 bits at once."""
_STEP = 2 * _QUAD
_DEPTH = 1200
"""Dimensions of a block, a multiple of `_STEP`: its columns stay in the first cache."""
_TALL = 128
"""Rows that stay in the second cache while all columns pass."""
_LINE = 64
"""Bytes of a line of the cache."""


@cache
def available() -> bool:
    """Whether numba compiles for AVX2 here; elsewhere the loops must not be compiled."""
    config: Any = numba.config
    if config.DISABLE_JIT:
        return False
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return "+avx2" in str(features).split(",")


def product_in_16_bits(columns: Bytes) -> Callable[[NDArray[Any], NDArray[Any]], None]:
    """Multiplies rows of codes + 128 with these columns, all codes within ±63."""
    count, dimensions = columns.shape
    padded = _STEP * -(-dimensions // _STEP)
    panels = _aligned((-(-count // _COLUMNS), padded // _QUAD, _COLUMNS, _QUAD))
    offsets = np.zeros(len(panels) * _COLUMNS, np.int32)
    _pack_columns(columns, panels, offsets)

    def multiply(rows: NDArray[Any], out: NDArray[Any]) -> None:
        room = np.zeros((_TALL + _ROWS, padded), np.uint8)
        _multiply(rows, panels.reshape(len(panels), -1), offsets, room, out)

    return multiply


def _aligned(shape: tuple[int, ...]) -> Signed:
    """Zeros that start at a cache line, because loads across two lines cost twice."""
    size = math.prod(shape)
    room = np.zeros(size + _LINE, np.int8)
    start = -room.ctypes.data % _LINE
    return room[start : start + size].reshape(shape)


@compiled
def _pack_columns(columns: Bytes, panels: Signed, offsets: Integers) -> None:
    """Four dimensions of 24 columns side by side; and what the + 63 of rows adds to a product."""
    for j in range(columns.shape[0]):
        panel = panels[j // _COLUMNS, :, j % _COLUMNS]
        total = np.int32(0)
        for c in range(columns.shape[1]):
            value = np.int32(columns[j, c]) - np.int32(128)
            panel[c // _QUAD, c % _QUAD] = np.int8(value)
            total += value
        offsets[j] = np.int32(LEVELS) * total


@compiled
def _pack_row(row: Bytes, packed: Bytes) -> None:
    """Codes + 63; the padding stays 0."""
    for c in range(row.size):
        packed[c] = row[c] - np.uint8(128 - LEVELS)


@compiled
def _multiply(rows: Bytes, columns: Signed, offsets: Integers, room: Bytes, out: Integers) -> None:
    sums = np.empty((_ROWS, _COLUMNS), np.int32)
    for top in range(0, rows.shape[0], _TALL):
        tall = min(_TALL, rows.shape[0] - top)
        for i in range(tall):
            _pack_row(rows[top + i], room[i])
        for block in range(columns.shape[0]):
            left = block * _COLUMNS
            part = out[top : top + tall, left : left + _COLUMNS]
            part[:] = -offsets[left : left + part.shape[1]]
            _multiply_block(room, columns[block], sums, part)


@compiled
def _multiply_block(rows: Bytes, columns: Signed, sums: Integers, out: Integers) -> None:
    """Add the products of packed rows with one panel of columns."""
    for first in range(0, rows.shape[1], _DEPTH):
        depth = min(_DEPTH, rows.shape[1] - first)
        panel = columns[first * _COLUMNS :]
        for i in range(0, out.shape[0], _ROWS):
            _tile(rows[i:, first:], rows.shape[1], panel, depth, sums)  # type: ignore[call-arg]
            for p in range(min(_ROWS, out.shape[0] - i)):
                _add(sums[p], out[i + p])


@compiled
def _add(sums: Integers, out: Integers) -> None:
    for j in range(out.size):
        out[j] += sums[j]


_BYTE = ir.IntType(8)
_WORD = ir.IntType(32)
_LONG = ir.IntType(64)
_BYTES = ir.VectorType(_BYTE, 32)
_HALVES = ir.VectorType(ir.IntType(16), 16)
_WORDS = ir.VectorType(_WORD, 8)


@intrinsic
def _tile(_: Any, rows: Any, stride: Any, columns: Any, depth: Any, sums: Any) -> Any:
    """Sums over the dimensions of a block of the first rows' bytes with a panel's."""
    return types.void(rows, types.int64, columns, types.int64, sums), _generate_tile


def _generate_tile(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    first, columns, sums = (
        context.make_array(signature.args[place])(context, builder, arguments[place]).data
        for place in (0, 2, 4)
    )
    rows = [builder.gep(first, [builder.mul(arguments[1], _LONG(i))]) for i in range(_ROWS)]
    entry, loop = builder.basic_block, builder.append_basic_block("tile")
    end = builder.append_basic_block("tile_end")
    builder.branch(loop)
    builder.position_at_end(loop)
    at = builder.phi(_LONG)
    at.add_incoming(_LONG(0), entry)
    before = [builder.phi(_WORDS) for _ in range(_ROWS * _VECTORS)]
    after = _step(builder, rows, columns, at, before)
    following = builder.add(at, _LONG(_STEP))
    at.add_incoming(following, loop)
    for sum_, next_sum in zip(before, after, strict=True):
        sum_.add_incoming(ir.Constant(_WORDS, [0] * _LANES), entry)
        sum_.add_incoming(next_sum, loop)
    builder.cbranch(builder.icmp_signed("<", following, arguments[3]), loop, end)
    builder.position_at_end(end)
    for place, sum_ in enumerate(after):
        target = builder.gep(sums, [_LONG(place * _LANES)])
        builder.store(sum_, builder.bitcast(target, _WORDS.as_pointer())).align = 4
    return context.get_dummy_value()


def _step(builder: Any, rows: list[Any], columns: Any, at: Any, sums: list[Any]) -> list[Any]:
    """The sums after `_STEP` more dimensions."""
    pairs = _instruction(builder, "llvm.x86.avx2.pmadd.ub.sw", _HALVES, _BYTES)
    widen = _instruction(builder, "llvm.x86.avx2.pmadd.wd", _WORDS, _HALVES)
    ones = ir.Constant(_HALVES, [1] * 16)
    quads = [[_four(builder, row, at, group) for group in (0, 1)] for row in rows]
    panel = builder.gep(columns, [builder.mul(at, _LONG(_COLUMNS))])
    results: list[Any] = [None] * len(sums)
    for j in range(_VECTORS):
        low, high = (_load(builder, panel, _BYTES, 32 * (_VECTORS * g + j)) for g in (0, 1))
        for i, (lower, upper) in enumerate(quads):
            sum_ = builder.add(
                builder.call(pairs, [lower, low]), builder.call(pairs, [upper, high])
            )
            place = i * _VECTORS + j
            results[place] = builder.add(sums[place], builder.call(widen, [sum_, ones]))
    return results


def _four(builder: Any, row: Any, at: Any, group: int) -> Any:
    """Four bytes of a row, for every column of a vector."""
    word = _load(builder, builder.gep(row, [at]), _WORD, _QUAD * group)
    first = builder.insert_element(ir.Constant(_WORDS, ir.Undefined), word, _WORD(0))
    repeated = builder.shuffle_vector(first, first, ir.Constant(_WORDS, [0] * _LANES))
    return builder.bitcast(repeated, _BYTES)


def _load(builder: Any, pointer: Any, kind: Any, offset: int) -> Any:
    place = builder.gep(pointer, [_LONG(offset)])
    value = builder.load(builder.bitcast(place, kind.as_pointer()))
    value.align = 1
    return value


def _instruction(builder: Any, name: str, result: Any, given: Any) -> Any:
    declared = builder.module.globals.get(name)
    return declared or ir.Function(builder.module, ir.FunctionType(result, (given, given)), name)
