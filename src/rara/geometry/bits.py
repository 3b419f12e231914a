"""The nearest codes of bits, at best over the eight symmetries of a square.

A code is four words of 64 bits, for even and odd rows and columns of a matrix of signs. To
mirror what it was made of inverts the odd columns, or the odd rows, so that of the bits by
which two codes differ in a word, x, the same word then has 64 - x: all four ways to mirror
follow from four counts. Turned over its diagonal, a code is transposed; that makes eight.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from rara.geometry.compiled import compiled
from rara.geometry.executors import Crew

Words = NDArray[np.uint64]
Counts = NDArray[np.int32]

NONE = 257
"""Further than any two codes are."""

_TILE = 2048
_ROWS = 256


def transposed(codes: Words) -> Words:
    """(n, 4) the codes of the same matrices of signs, each turned over its diagonal."""
    signs = np.unpackbits(codes.view(np.uint8).reshape(-1, 4, 8), axis=2).reshape(-1, 4, 8, 8)
    turned = signs[:, [0, 2, 1, 3]].transpose(0, 1, 3, 2)  # odd rows were odd columns
    return np.packbits(turned.reshape(-1, 4, 64), axis=2).view(np.uint64).reshape(-1, 4)


class ClosestCodes:
    """For each sample the k nearest codes of a reference, ascending; a tie goes to the first.

    `distance`: (m, k) bits that differ, at best over the symmetries; `NONE` where there are no
    more codes. `index`: (m, k) of which reference codes; -1 likewise. `partners`: (m,) to how many
    reference codes the sample is at the least distance, yet nearer than `others` says that they
    are to one another.
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
    progress: Callable[[int], None] | None = None,
) -> ClosestCodes:
    """The k nearest of (n, 4) reference codes for each of (m, 4); all distances are exact.

    `own`: which reference code each sample is, and must not be compared with. `others`: (n,)
    the distance of each reference code to its nearest other one. `progress` is told of samples.
    """
    found = ClosestCodes(len(samples), k)
    itself = np.full(len(samples), -1, np.int32) if own is None else own
    nearest = np.zeros(len(reference), np.int32) if others is None else others
    views = np.ascontiguousarray(np.stack([samples, transposed(samples)], axis=1))
    columns = np.ascontiguousarray(reference.T)

    def scan(rows: slice, _: int) -> None:
        answers = found.distance[rows], found.index[rows], found.partners[rows]
        _scan(views[rows], columns, itself[rows], nearest, *answers)
        if progress:
            progress(len(itself[rows]))

    with Crew(threads) as crew:
        crew.each(scan, (slice(i, i + _ROWS) for i in range(0, len(samples), _ROWS)))
    return found


@intrinsic
def _ones(_: Any, word: Any) -> Any:
    """How many bits of a word are set."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(word), generate


@compiled
def _half(word: np.uint64, other: np.uint64) -> np.int32:
    """Bits that differ, less the half that chance would give."""
    return np.int32(_ones(word ^ other)) - np.int32(32)  # type: ignore[call-arg]


@compiled
def _mirrored(s0: np.int32, s1: np.int32, s2: np.int32, s3: np.int32) -> np.int32:
    """The least of s0 + s1 + s2 + s3 with odd columns, odd rows, or both, of opposite sign."""
    return min(s0 + s3 - abs(s1 + s2), s0 - s3 - abs(s2 - s1))


@compiled
def _insert(value: np.int32, j: int, distance: Counts, index: Counts) -> None:
    """Into an ascending list, behind its equals; the last one falls out."""
    place = len(distance)
    while place > 0 and distance[place - 1] > value:
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
    c0, c1, c2, c3 = columns[0], columns[1], columns[2], columns[3]
    row = np.empty(_TILE, np.int32)
    for start in range(0, len(c0), _TILE):
        width = min(_TILE, len(c0) - start)
        for i in range(len(views)):
            a, b = views[i, 0], views[i, 1]
            a0, a1, a2, a3 = a[0], a[1], a[2], a[3]
            b0, b1, b2, b3 = b[0], b[1], b[2], b[3]
            least = np.int32(NONE)
            for t in range(width):
                w0, w1, w2, w3 = c0[start + t], c1[start + t], c2[start + t], c3[start + t]
                upright = _mirrored(_half(a0, w0), _half(a1, w1), _half(a2, w2), _half(a3, w3))
                turned = _mirrored(_half(b0, w0), _half(b1, w1), _half(b2, w2), _half(b3, w3))
                row[t] = np.int32(128) + min(upright, turned)
                least = min(least, row[t])
            if least <= distance[i, -1]:
                for t in range(width):
                    j = start + t
                    if j != own[i] and row[t] <= distance[i, -1]:
                        if row[t] < distance[i, 0]:
                            partners[i] = 0
                        if row[t] <= distance[i, 0]:
                            partners[i] += others[j] > row[t]
                        _insert(row[t], j, distance[i], index[i])
