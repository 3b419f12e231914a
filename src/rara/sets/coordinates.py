"""What single coordinates say of vectors beside a set: beyond its range, or off its grid.

A k-NN distance adds up all coordinates, so one that is out of place is lost among a thousand.
Here each coordinate is looked at by itself. See `conformity`, which uses both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.sets.base import Doubles, Vectors

Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]

FEWEST_ON_GRID = 6
"""Distinct values that show a grid; or each of fewer values occurs so many times."""
STEPS = 2**14
"""Most steps that a grid may have: finer ones are near the rounding of float32."""
FIRST_LOOK = 512
"""Vectors that rule out a grid for most coordinates, ..."""
MULTIPLES = 8
"""... as their smallest difference is a small multiple of the step."""
_TOLERANCE = 5e-3
"""Of a step, by which values may lie off a grid."""
_LOOSE = 0.05
"""The same in a first look, where the step is not known well."""
_TILE = 2**22
"""Numbers that are compared at a time."""
DENSER = 20
"""How many times denser than on average the base counts at most."""
_SIGNS = (np.float32(1), np.float32(-1))


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """The range of each coordinate over n base vectors: sides 0, the highest, and 1, the lowest.

    Values of side 1 are negative ones, so that beyond is above on either side.
    """

    first: Vectors
    """(2, d) the largest."""
    second: Vectors
    """(2, d) the second largest, equal where two share it: the largest of all others."""
    holder: Counts
    """(2, d) the base vector that is the largest."""
    scale: Doubles
    """(d,) standard deviation."""

    @classmethod
    def of(cls, base: Vectors) -> Range:
        """Of at least two vectors, some at a time."""
        shape = (2, 2, base.shape[1])
        top, place = np.full(shape, -np.inf, np.float32), np.zeros(shape, np.int64)
        total, squares = np.zeros((2, base.shape[1]))
        for part in tiles(base):
            rows = base[part]
            shifted = rows.astype(np.float64) - base[0]
            total += shifted.sum(axis=0)
            squares += (shifted**2).sum(axis=0)
            numbers = np.arange(part.start, part.start + len(rows))
            for side, sign in enumerate(_SIGNS):
                values = np.concatenate([top[side], sign * rows])
                order = np.argpartition(values, len(values) - 2, axis=0)[-2:]
                order = np.take_along_axis(
                    order, np.take_along_axis(values, order, axis=0).argsort(axis=0), axis=0
                )
                known = np.concatenate([place[side], np.broadcast_to(numbers[:, None], rows.shape)])
                top[side] = np.take_along_axis(values, order, axis=0)
                place[side] = np.take_along_axis(known, order, axis=0)
        variance = squares / len(base) - (total / len(base)) ** 2
        return cls(top[:, 1], top[:, 0], place[:, 1], np.sqrt(np.maximum(variance, 0)))

    def passed(self, vectors: Vectors) -> Counts:
        """(2, d) how many vectors lie beyond."""
        count = np.zeros(self.first.shape, np.int64)
        for part in tiles(vectors):
            for side, sign in enumerate(_SIGNS):
                count[side] += (sign * vectors[part] > self.first[side]).sum(axis=0)
        return count

    def often(self, passed: Counts, vectors: int, share: Doubles) -> Flags:
        """(2, d) sides that more vectors passed than vectors of the same support would.

        The m vectors may be denser here and thinner there. `share`: (n,) the share of them near
        each base vector. Where the base is highest it has N = 1 / share vectors for all of
        them, at least a twentieth of n. Of N + m vectors of one law the c highest all belong to
        the m with a probability of about (m / (N + m))^c. A side counts where that is at most
        1 / (2 d): one of all sides is expected to count for nothing.
        """
        size = np.maximum(1 / share[self.holder], len(share) / DENSER)
        found: Flags = passed * np.log1p(size / vectors) >= np.log(passed.size)
        return found

    def excess(self, vectors: Vectors, chosen: Flags) -> Doubles:
        """(m,) how far beyond, in deviations of the coordinate that shows most; else 0."""
        return self._largest(vectors, chosen, self.first)

    def own_excess(self, base: Vectors, chosen: Flags) -> Doubles:
        """(n,) the same of the base vectors themselves, each beside all others."""
        return self._largest(base, chosen, None)

    def _largest(self, vectors: Vectors, chosen: Flags, top: Vectors | None) -> Doubles:
        largest = np.zeros(len(vectors))
        for part in tiles(vectors):
            for side, sign in enumerate(_SIGNS):
                columns = np.flatnonzero(chosen[side])
                if not len(columns):
                    continue
                value = sign * vectors[part][:, columns]
                first, second = self.first[side, columns], self.second[side, columns]
                limit = first if top is not None else np.where(value == first, second, first)
                over = value.astype(np.float64) - limit
                with np.errstate(divide="ignore", invalid="ignore"):
                    scaled = np.where(over == 0, 0.0, over / self.scale[columns])
                np.maximum(largest[part], scaled.max(axis=1), out=largest[part])
        return largest


def off_grid(vectors: Vectors, base: Vectors) -> Flags:
    """(m,) whether a coordinate has a grid in the base on which the vector does not lie.

    A grid is all values a + i h with whole i, of at most `STEPS` steps; h is the smallest
    difference of two base values. A few values are on a grid by chance: there must be
    `FEWEST_ON_GRID` of them, or each must occur so many times.
    """
    found = np.zeros(len(vectors), bool)
    for column in _candidates(base[:FIRST_LOOK]):
        grid = grid_of(base[:, column])
        if grid is not None:
            found |= _off(vectors[:, column], *grid)
    return found


def grid_of(values: Vectors) -> tuple[float, float] | None:
    """Start and step of the grid on which all values lie; None where they lie on none."""
    distinct, times = np.unique(values, return_counts=True)
    if len(distinct) < FEWEST_ON_GRID and (len(distinct) < 2 or times.min() < FEWEST_ON_GRID):
        return None
    start, away = float(distinct[0]), distinct.astype(np.float64) - float(distinct[0])
    step = float(np.diff(away).min())
    if away[-1] > STEPS * step:
        return None
    for steps in (64, 1024, STEPS):  # float32 has rounded: a longer way gives a better step
        farthest = float(away[away <= steps * step][-1])
        step = farthest / max(round(farthest / step), 1) or step
    return None if _off(distinct, start, step).any() else (start, step)


def _off(values: Vectors, start: float, step: float) -> Flags:
    steps = (values - start) / step
    off: Flags = np.abs(steps - np.rint(steps)) > _TOLERANCE
    return off


def _candidates(few: Vectors) -> NDArray[np.int64]:
    """Columns that may have a grid: all gaps are multiples of a part of the smallest one."""
    gaps = np.diff(np.sort(few.astype(np.float64), axis=0), axis=0)
    smallest = np.where(gaps > 0, gaps, np.inf).min(axis=0, initial=np.inf)
    constant = ~np.isfinite(smallest)
    kept = constant.copy()
    smallest[constant] = 1
    for multiple in range(1, MULTIPLES + 1):
        steps = gaps * (multiple / smallest)
        kept |= (np.abs(steps - np.rint(steps)) <= _LOOSE * (1 + steps / 64)).all(axis=0)
    return np.flatnonzero(kept)


def tiles(vectors: Vectors) -> Iterator[slice]:
    """Slices of rows, none with more than a few million numbers."""
    rows = max(1, _TILE // vectors.shape[1])
    for start in range(0, len(vectors), rows):
        yield slice(start, start + rows)
