"""Similarities of vectors for choosing among them, all from the one float64 distance.

    s(x, y) = exp(-d2(x, y) / scale), from 0 to 1

    vectors --mean_square--> scale
    one vector, all others --near_to, similar_to--> distances and similarities, in parallel
    picks, candidates --Residuals--> what a candidate adds to log det (I + S)
    pairs of all vectors --product, most_added--> upper bounds at the price of a float32 product

Each number is computed in one fixed order, whatever the threads and the blocks are.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rara.geometry.distances import LANES, _squared_distance
from rara.geometry.matmul import trusted
from rara.geometry.quantization import UNIT, Doubles, Floats
from rara.geometry.threads import Crew
from rara.storage.compiled import compiled, compiled_freely

Rows = NDArray[np.int64]
_BLOCK = 512
"""Rows that a thread takes at a time."""
_TALL = 256
"""Rows of products that a thread makes at a time."""
_ROUNDED_UP, _SUMMED_UP = np.float32(1.000004), 1.00004
"""Cover the roundings of an exponential in float32, and of a sum of 256 numbers."""


def mean_square(vectors: Floats) -> float:
    """The mean squared distance of two different vectors; 1 where there are no two."""
    if len(vectors) < 2:
        return 1.0
    mean = _mean(vectors)
    spread = _spread(vectors, mean)
    return 2 * spread / (len(vectors) - 1) or 1.0


def near_to(vectors: Floats, one: int, crew: Crew) -> Doubles:
    """(n,) squared distances of all vectors to one of them."""
    found = np.empty(len(vectors))
    _in_blocks(crew, len(vectors), lambda a, b: _near_to(vectors[a:b], vectors[one], found[a:b]))
    return found


def to_point(vectors: Floats, point: Floats) -> Doubles:
    """(n,) squared distances of all vectors to a point."""
    found = np.empty(len(vectors))
    _near_to(vectors, point, found)
    return found


def centre(vectors: Floats) -> Floats:
    """The mean of the vectors, as float32."""
    return _mean(vectors).astype(np.float32)


def similar_to(vectors: Floats, one: int, scale: float, crew: Crew) -> Doubles:
    """(n,) similarities of all vectors to one of them."""
    found = near_to(vectors, one, crew)
    _to_similarities(found, scale)
    return found


def added(similar: Doubles, best: Doubles) -> float:
    """By how much the sum of the best similarities grows with these; summed in order."""
    return float(_added(similar, best))


class Residuals:
    """What candidates add to log det (I + S) of those that were picked: log(1 + residual).

    The residual is the variance that a Gaussian process with unit noise has left at a candidate
    (the Cholesky factor grows by one row a pick). It never grows. Those of candidates that are
    not asked for stay as they are, and are upper bounds.
    """

    def __init__(self, vectors: Floats, scale: float, most: int) -> None:
        self.vectors, self.scale, self._most = vectors, scale, most
        self.residual = np.ones(len(vectors))
        self.seen = np.zeros(len(vectors), np.int64)
        """How many of the picks each residual has met."""
        self._slot = np.full(len(vectors), -1, np.int64)
        self._factor = np.zeros((64, most))
        """Rows of the Cholesky factor, of the candidates that were asked for."""
        self._used = 0
        self._picks = np.empty(most, np.int64)
        self._diagonal = np.empty(most)
        self.count = 0

    def refresh(self, rows: Rows, crew: Crew) -> None:
        """Let the residuals of these candidates meet all picks."""
        rows = rows[self.seen[rows] < self.count]
        self._make_room(rows)
        picks, diagonal = self._picks[: self.count], self._diagonal[: self.count]

        def work(start: int, stop: int) -> None:
            _meet(self.vectors, rows[start:stop], self._slot, picks, diagonal, self._factor,
                  self.seen, self.residual, self.scale)  # fmt: skip

        _in_blocks(crew, len(rows), work, 32)

    def pick(self, row: int, crew: Crew) -> None:
        """Add a candidate to those that were picked."""
        only = np.array([row])
        self.refresh(only, crew)
        self._make_room(only)
        self._picks[self.count] = row
        self._diagonal[self.count] = math.sqrt(1 + self.residual[row])
        self.count += 1

    def _make_room(self, rows: Rows) -> None:
        new = rows[self._slot[rows] < 0]
        self._slot[new] = np.arange(self._used, self._used + len(new))
        self._used += len(new)
        if self._used > len(self._factor):
            grown = np.zeros((max(self._used, 2 * len(self._factor)), self._most))
            grown[: len(self._factor)] = self._factor
            self._factor = grown


class Bounds:
    """Upper bounds on `added` for many candidates, from float32 products of all vectors.

    Bounds on all similarities are kept where they fit into the memory that is given; else they are
    made again whenever they are asked for.
    """

    def __init__(self, vectors: Floats, scale: float, memory: int, crew: Crew) -> None:
        self._moved = vectors - centre(vectors)
        square = _squares(self._moved)
        self._square, self._length = square.astype(np.float32), np.sqrt(square).astype(np.float32)
        self._scale, self._crew = scale, crew
        self._slack = (0.6 * vectors.shape[1] + 32) * UNIT
        """Products are wrong by d roundings of |x| |y|, and moving rounds each coordinate."""
        count = len(vectors)
        self._rows = int(min(_TALL, max(8, memory // (8 * crew.threads * max(1, count)))))
        self._kept: Floats | None = None
        if 4 * count**2 + 8 * crew.threads * self._rows * count <= memory:
            self._kept = np.empty((count, count), np.float32)
            _in_blocks(crew, count, self._keep, self._rows)

    def upper(self, rows: Rows, best: Doubles) -> Doubles:
        """(rows,) at least what each would add to the sum of the best similarities."""
        found = np.empty(len(rows))
        floor = np.nextafter(best.astype(np.float32), np.float32(-1))

        def work(start: int, stop: int) -> None:
            some, kept = rows[start:stop], self._kept
            if kept is not None:
                _most_added(kept, some, floor, found[start:stop])
            else:
                _most_added(self._similar(some, 0), np.arange(len(some)), floor, found[start:stop])

        _in_blocks(self._crew, len(rows), work, self._rows)
        return found

    def _keep(self, start: int, stop: int) -> None:
        """Each pair is multiplied once, and stands on both sides of the diagonal."""
        assert self._kept is not None
        made = self._similar(np.arange(start, stop), start)
        self._kept[start:stop, start:] = made
        self._kept[stop:, start:stop] = made[:, stop - start :].T

    def _similar(self, rows: Rows, first: int) -> Floats:
        """At least the similarities of some vectors to all vectors from the first one on."""
        others, square, length = self._moved[first:], self._square, self._length
        made = _times(self._moved[rows], others)
        _to_upper(made, square[rows], square[first:], length[rows], length[first:],
                  np.float32(self._slack), np.float32(-1 / self._scale))  # fmt: skip
        return made


def _times(rows: Floats, columns: Floats) -> Floats:
    if trusted():
        product: Floats = rows @ columns.T
        return product
    return (rows.astype(np.float64) @ columns.T.astype(np.float64)).astype(np.float32)


def _in_blocks(
    crew: Crew, count: int, work: Callable[[int, int], None], size: int = _BLOCK
) -> None:
    spans = [(start, min(start + size, count)) for start in range(0, count, size)]
    if len(spans) == 1:
        work(*spans[0])
    else:
        crew.each(lambda span, _: work(*span), spans)


@compiled
def _mean(vectors: Floats) -> Doubles:
    total = np.zeros(vectors.shape[1])
    for i in range(vectors.shape[0]):
        for c in range(vectors.shape[1]):
            total[c] += np.float64(vectors[i, c])
    for c in range(total.size):
        total[c] /= max(1, vectors.shape[0])
    return total


@compiled
def _spread(vectors: Floats, mean: Doubles) -> float:
    """The sum of squared distances to the mean."""
    whole = 0.0
    lanes = np.zeros(mean.size)
    for i in range(vectors.shape[0]):
        for c in range(mean.size):
            apart = np.float64(vectors[i, c]) - mean[c]
            lanes[c] += apart * apart
    for c in range(mean.size):
        whole += lanes[c]
    return whole


@compiled
def _squares(vectors: Floats) -> Doubles:
    found = np.empty(vectors.shape[0])
    for i in range(vectors.shape[0]):
        total = 0.0
        for c in range(vectors.shape[1]):
            total += np.float64(vectors[i, c]) * np.float64(vectors[i, c])
        found[i] = total
    return found


@compiled
def _near_to(vectors: Floats, one: Floats, out: Doubles) -> None:
    lanes = np.empty(LANES)
    for i in range(vectors.shape[0]):
        out[i] = _squared_distance(vectors[i], one, lanes)


@compiled
def _to_similarities(d2: Doubles, scale: float) -> None:
    for i in range(d2.size):
        d2[i] = math.exp(-d2[i] / scale)


@compiled
def _added(similar: Doubles, best: Doubles) -> float:
    total = 0.0
    for i in range(similar.size):
        if similar[i] > best[i]:
            total += similar[i] - best[i]
    return total


@compiled
def _meet(
    vectors: Floats,
    rows: Rows,
    slot: Rows,
    picks: Rows,
    diagonal: Doubles,
    factor: Doubles,
    seen: Rows,
    residual: Doubles,
    scale: float,
) -> None:
    """Extend the factor's row of each candidate by the picks that it has not met."""
    lanes = np.empty(LANES)
    for p in range(rows.size):
        row = rows[p]
        own = factor[slot[row]]
        for q in range(seen[row], picks.size):
            other = factor[slot[picks[q]]]
            d2 = _squared_distance(vectors[row], vectors[picks[q]], lanes)
            value = math.exp(-d2 / scale)
            for r in range(q):
                value -= own[r] * other[r]
            value /= diagonal[q]
            own[q] = value
            residual[row] = max(0.0, residual[row] - value * value)
        seen[row] = picks.size


@compiled_freely
def _to_upper(
    product: Floats,
    own: Floats,
    others: Floats,
    own_length: Floats,
    other_length: Floats,
    slack: np.float32,
    per: np.float32,
) -> None:
    """Similarities from products, taken of distances that are no larger than the true ones."""
    for i in range(product.shape[0]):
        for j in range(product.shape[1]):
            both = own_length[i] + other_length[j]
            d2 = own[i] + others[j] - np.float32(2) * product[i, j] - slack * both * both
            product[i, j] = np.exp(max(np.float32(0), d2) * per) * _ROUNDED_UP


@compiled_freely
def _most_added(similar: Floats, rows: Rows, best: Floats, out: Doubles) -> None:
    """Sums of max(0, s - best), in float32 by parts and rounded up."""
    for i in range(rows.size):
        total = 0.0
        one = similar[rows[i]]
        for first in range(0, one.size, 256):
            part = np.float32(0)
            for j in range(first, min(first + 256, one.size)):
                part += max(np.float32(0), one[j] - best[j])
            total += np.float64(part)
        out[i] = total * _SUMMED_UP
