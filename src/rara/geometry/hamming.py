"""The nearest codes of bits: the smallest distance over the eight symmetries of a square.

A code is four words of 64 bits, for even and odd rows and columns of a matrix of signs. Mirroring
the picture inverts the odd columns or the odd rows. Where two codes differ in x bits of such a
word, they then differ in 64 - x. So the distances of all four mirrored forms follow from four
counts. Transposing the code gives the other four forms.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from rara.geometry.threads import Crew
from rara.storage.compiled import compiled

Words = NDArray[np.uint64]
Counts = NDArray[np.int32]

NONE = 257
"""A distance larger than that of any two codes."""

_TILE = 2048
_ROWS = 256


def transposed(codes: Words) -> Words:
    """(n, 4) the codes of the same matrices of signs, each transposed."""
    signs = np.unpackbits(codes.view(np.uint8).reshape(-1, 4, 8), axis=2).reshape(-1, 4, 8, 8)
    turned = signs[:, [0, 2, 1, 3]].transpose(0, 1, 3, 2)  # odd rows were odd columns
    return np.packbits(turned.reshape(-1, 4, 64), axis=2).view(np.uint64).reshape(-1, 4)


class ClosestCodes:
    """For each sample the k nearest codes of a reference, ascending; a tie goes to the first.

    `distance`: (m, k) bits that differ, the smallest over the symmetries; `NONE` beyond the last
    code. `index`: (m, k) the reference codes; -1 beyond the last code. `partners`: (m,) how many
    reference codes at the sample's smallest distance are farther, by `others`, from their nearest
    other code.
    """

    def __init__(self, samples: int, k: int) -> None:
        self.distance = np.full((samples, k), NONE, np.int32)
        self.index = np.full((samples, k), -1, np.int32)
        self.partners = np.zeros(samples, np.int32)


def closest_codes(
    samples: Words,
    reference: Words,
    *,
    k: int = 1,
    own: Counts | None = None,
    others: Counts | None = None,
    threads: int | None = None,
) -> ClosestCodes:
    """The k nearest of (n, 4) reference codes for each of (m, 4); all distances are exact.

    `own`: (m,) the reference code that each sample is, and is not compared with; -1 for none.
    `others`: (n,) the distance of each reference code to its nearest other one.
    """
    closest = ClosestCodes(len(samples), k)
    itself = np.full(len(samples), -1, np.int32) if own is None else own
    nearest = np.zeros(len(reference), np.int32) if others is None else others
    views = np.ascontiguousarray(np.stack([samples, transposed(samples)], axis=1))
    columns = np.ascontiguousarray(reference.T)

    def scan(rows: slice, _: int) -> None:
        answers = closest.distance[rows], closest.index[rows], closest.partners[rows]
        _scan(views[rows], columns, itself[rows], nearest, *answers)

    _in_turn(scan, len(samples), threads)
    return closest


def closest_other_codes(
    codes: Words,
    *,
    k: int = 1,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> ClosestCodes:
    """The k nearest others of each of (n, 4) codes; each pair is computed once.

    `progress` is called with the number of codes whose pairs with all later codes are done.
    """
    views = np.ascontiguousarray(np.stack([codes, transposed(codes)], axis=1))
    columns = np.ascontiguousarray(codes.T)
    by_worker: dict[int, ClosestCodes] = {}

    def scan(rows: slice, worker: int) -> None:
        part = by_worker.setdefault(worker, ClosestCodes(len(codes), k))
        _scan_others(views, columns, rows.start, rows.stop, part.distance, part.index)

    _in_turn(scan, len(codes), threads, progress)
    whole = ClosestCodes(len(codes), k)
    for part in by_worker.values():
        _merge(part.distance, part.index, whole.distance, whole.index)
    return whole


def _in_turn(
    scan: Callable[[slice, int], None],
    rows: int,
    threads: int | None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """A few rows at a time, each by the next free thread."""
    lock = Lock()

    def work(some: slice, worker: int) -> None:
        scan(some, worker)
        if progress:
            with lock:
                progress(some.stop - some.start)

    with Crew(threads) as crew:
        starts = range(0, rows, _ROWS)
        crew.each(work, (slice(start, min(start + _ROWS, rows)) for start in starts))


@intrinsic
def bits_set(_: Any, word: Any) -> Any:
    """How many bits of a word are set."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(word), generate


@compiled
def _half(word: np.uint64, other: np.uint64) -> np.int32:
    """Bits that differ, minus 32: the mean of unrelated words."""
    return np.int32(bits_set(word ^ other)) - np.int32(32)  # type: ignore[call-arg]


@compiled
def _mirrored(s0: np.int32, s1: np.int32, s2: np.int32, s3: np.int32) -> np.int32:
    """The smallest s0 + s1 + s2 + s3 with the signs of odd columns, odd rows, or both reversed."""
    return min(s0 + s3 - abs(s1 + s2), s0 - s3 - abs(s2 - s1))


@compiled
def _distances(view: Words, columns: Words, start: int, row: Counts) -> np.int32:
    """From one code, as it is and transposed, to as many others as fit in `row`; the smallest."""
    a, b = view[0], view[1]
    a0, a1, a2, a3 = a[0], a[1], a[2], a[3]
    b0, b1, b2, b3 = b[0], b[1], b[2], b[3]
    c0, c1, c2, c3 = columns[0], columns[1], columns[2], columns[3]
    least = np.int32(NONE)
    for t in range(len(row)):
        w0, w1, w2, w3 = c0[start + t], c1[start + t], c2[start + t], c3[start + t]
        upright = _mirrored(_half(a0, w0), _half(a1, w1), _half(a2, w2), _half(a3, w3))
        turned = _mirrored(_half(b0, w0), _half(b1, w1), _half(b2, w2), _half(b3, w3))
        row[t] = np.int32(128) + min(upright, turned)
        least = min(least, row[t])
    return least


@compiled
def _insert(value: np.int32, j: int, distance: Counts, index: Counts) -> None:
    """Insert into a list sorted by distance and index, and drop its last entry."""
    place = len(distance)
    while place > 0 and (
        distance[place - 1] > value or (distance[place - 1] == value and index[place - 1] > j)
    ):
        place -= 1
    for later in range(len(distance) - 1, place, -1):
        distance[later], index[later] = distance[later - 1], index[later - 1]
    if place < len(distance):
        distance[place], index[place] = value, j


@compiled
def _scan(
    views: Words,
    columns: Words,
    own: Counts,
    others: Counts,
    distance: Counts,
    index: Counts,
    partners: Counts,
) -> None:
    count = columns.shape[1]
    tile = np.empty(_TILE, np.int32)
    for start in range(0, count, _TILE):
        row = tile[: min(_TILE, count - start)]
        for i in range(len(views)):
            if _distances(views[i], columns, start, row) <= distance[i, -1]:
                for t in range(len(row)):
                    j = start + t
                    if j != own[i] and row[t] <= distance[i, -1]:
                        if row[t] < distance[i, 0]:
                            partners[i] = 0
                        if row[t] <= distance[i, 0]:
                            partners[i] += others[j] > row[t]
                        _insert(row[t], j, distance[i], index[i])


@compiled
def _scan_others(
    views: Words, columns: Words, first: int, last: int, distance: Counts, index: Counts
) -> None:
    """Insert pairs (i, j) with first <= i < last and j > i into the lists of both."""
    count = columns.shape[1]
    tile = np.empty(_TILE, np.int32)
    farthest = distance[:, -1].copy()
    for start in range(first, count, _TILE):
        end = min(start + _TILE, count)
        for i in range(first, min(last, end - 1)):
            begin = max(start, i + 1)
            row = tile[: end - begin]
            if _distances(views[i], columns, begin, row) <= distance[i, -1]:
                for t in range(len(row)):
                    if row[t] <= distance[i, -1]:
                        _insert(row[t], begin + t, distance[i], index[i])
                farthest[i] = distance[i, -1]
            near = 0
            for t in range(len(row)):
                near += row[t] <= farthest[begin + t]
            if near:
                for t in range(len(row)):
                    j = begin + t
                    if row[t] <= distance[j, -1]:
                        _insert(row[t], i, distance[j], index[j])
                        farthest[j] = distance[j, -1]


@compiled
def _merge(more: Counts, which: Counts, distance: Counts, index: Counts) -> None:
    """Merge the lists of other pairs into those of the same rows."""
    for i in range(len(distance)):
        for place in range(more.shape[1]):
            if which[i, place] >= 0:
                _insert(more[i, place], which[i, place], distance[i], index[i])
