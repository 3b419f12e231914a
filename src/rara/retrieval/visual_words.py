"""Visual words: which features of any two pictures can be alike, and how much, in a few bytes.

A descriptor has two halves, and each half has 256 words, so that 65,536 cells hold all features:
an inverted multi-index (Babenko and Lempitsky, CVPR 2012). A signature of 64 bits says on which
side of the word's medians a feature lies in 64 directions (Hamming embedding: Jégou, Douze and
Schmid, ECCV 2008). The words were made once, by studies/visual_words.py from many kinds of
pictures, and are the same for every reference: none has to be trained, and any two fit together.
All numbers are whole and small enough to be exact in float32, so that threads change no result.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rara.geometry.hamming import bits_set
from rara.storage.compiled import compiled

TABLE: Final = "visual_words.npz"

VERSION: Final = 1
"""Of the table and of what is made with it; indices of another version do not fit."""

WORDS: Final = 256
"""Of each half of a descriptor."""

CELLS: Final = WORDS * WORDS

_HALF: Final = 64
_BITS: Final = 32
"""Of each half's signature."""

Descriptors = NDArray[np.uint8]
Halves = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Of the first and of the second half of each descriptor."""


@dataclass(frozen=True, slots=True)
class VisualWords:
    """The table: each array has a row for the first and the second half of a descriptor."""

    centroids: NDArray[np.uint8]
    """(2, 256, 64) the middles of the words."""
    directions: NDArray[np.int8]
    """(2, 32, 64) 1 and -1: directions at right angles."""
    medians: NDArray[np.int16]
    """(2, 256, 32) of each word's features, along each direction."""


@dataclass(frozen=True, slots=True)
class Coded:
    """The nearest cell of each of n features, and the signature there."""

    cells: NDArray[np.int64]
    """(n,) 256 times the word of the first half, plus that of the second."""
    signatures: NDArray[np.uint64]
    """(n,)"""


@dataclass(frozen=True, slots=True)
class Probes:
    """The nearest p cells of each of n features, and the signatures there."""

    cells: NDArray[np.int64]
    """(n, p) the nearest first; the smaller cell where two are as near."""
    signatures: NDArray[np.uint64]
    """(n, p)"""


@cache
def visual_words() -> VisualWords:
    """The table that comes with rara."""
    with files(__package__).joinpath(TABLE).open("rb") as file:
        kept: Any = np.load(file, allow_pickle=False)
        return VisualWords(*(kept[name] for name in ("centroids", "directions", "medians")))


def coded(descriptors: Descriptors) -> Coded:
    """Where (n, 128) root-SIFT descriptors go in an index; a tie goes to the smaller word."""
    first, second = _distances(descriptors)
    cells = np.argmin(first, axis=1).astype(np.int64) * WORDS + np.argmin(second, axis=1)
    return Coded(cells, _coded_in(cells[:, None], descriptors)[:, 0])


def probes(descriptors: Descriptors, count: int) -> Probes:
    """The `count` cells, at most 256, where features like these would be."""
    first, second = _distances(descriptors)
    cells = _nearest_cells(first, second, count)
    return Probes(cells, _coded_in(cells, descriptors))


def _coded_in(cells: NDArray[np.int64], descriptors: Descriptors) -> NDArray[np.uint64]:
    """(n, p) the signatures that each feature has in its cells."""
    first, second = _projected(descriptors)
    return _signatures(cells, first, second, visual_words().medians)


def _distances(descriptors: Descriptors) -> Halves:
    """(n, 256) each: squared distances to the half's words, less the feature's own square."""
    centroids = visual_words().centroids.astype(np.float32)
    squares = np.einsum("hij,hij->hi", centroids, centroids)
    first, second = _products(descriptors, centroids)
    return squares[0] - 2 * first, squares[1] - 2 * second


def _projected(descriptors: Descriptors) -> Halves:
    """(n, 32) each: the features along the half's directions."""
    return _products(descriptors, visual_words().directions.astype(np.float32))


def _products(descriptors: Descriptors, vectors: NDArray[np.float32]) -> Halves:
    halves = descriptors.astype(np.float32).reshape(-1, 2, _HALF)
    return halves[:, 0] @ vectors[0].T, halves[:, 1] @ vectors[1].T


@compiled
def _signatures(
    cells: NDArray[np.int64],
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    medians: NDArray[np.int16],
) -> NDArray[np.uint64]:
    """(n, p) bits of both halves: which projections are above the medians of the cell's words."""
    made = np.zeros(cells.shape, np.uint64)
    for row in range(cells.shape[0]):
        for place in range(cells.shape[1]):
            left, right = cells[row, place] // WORDS, cells[row, place] % WORDS
            bits = np.uint64(0)
            for bit in range(_BITS):
                if first[row, bit] > medians[0, left, bit]:
                    bits |= np.uint64(1) << np.uint64(bit)
                if second[row, bit] > medians[1, right, bit]:
                    bits |= np.uint64(1) << np.uint64(_BITS + bit)
            made[row, place] = bits
    return made


@compiled
def _nearest_cells(
    first: NDArray[np.float32], second: NDArray[np.float32], count: int
) -> NDArray[np.int64]:
    """(n, count) pairs of words by the sum of their distances.

    The pair of the a-th and the b-th nearest word has (a + 1) (b + 1) - 1 pairs before it.
    """
    made = np.empty((len(first), count), np.int64)
    most = count * 8
    sums, places = np.empty(most, np.float32), np.empty(most, np.int64)
    for row in range(len(first)):
        left, right = _nearest(first[row], count), _nearest(second[row], count)
        n = 0
        for a in range(len(left)):
            for b in range(min(len(right), count // (a + 1))):
                sums[n] = first[row, left[a]] + second[row, right[b]]
                places[n] = left[a] * WORDS + right[b]
                n += 1
        for place in range(count):
            best = place
            for other in range(place + 1, n):
                if sums[other] < sums[best] or (
                    sums[other] == sums[best] and places[other] < places[best]
                ):
                    best = other
            sums[place], sums[best] = sums[best], sums[place]
            places[place], places[best] = places[best], places[place]
            made[row, place] = places[place]
    return made


@compiled
def _nearest(distances: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """The nearest words, ascending; the smaller word where two are as near."""
    kept = min(count, len(distances))
    made, nearest = np.empty(kept, np.int64), np.empty(kept, np.float32)
    filled = 0
    for word in range(len(distances)):
        distance = distances[word]
        if filled == kept and distance >= nearest[kept - 1]:
            continue
        place = min(filled, kept - 1)
        while place > 0 and nearest[place - 1] > distance:
            nearest[place], made[place] = nearest[place - 1], made[place - 1]
            place -= 1
        nearest[place], made[place] = distance, word
        filled = min(filled + 1, kept)
    return made


@compiled
def differing(left: np.uint64, right: np.uint64) -> int:
    """Bits of two signatures that differ, from 0 to 64."""
    return int(bits_set(left ^ right))  # type: ignore[call-arg]
