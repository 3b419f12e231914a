"""The k-NN balls of one side, also those of a half of it, and what they hold.

    vectors --neighbours--> lists, deeper than k --weights--> radii of any part of the side
    points, balls --one scan--> pairs of a point and a ball that may hold it in half of the sides

The lists of neighbours are so much deeper than k that half of them hold k: no distance is taken
twice, however often the sides are halved (`rara.sets.halves`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from rara.arguments import whole
from rara.geometry import Boundary, EngineOptions, Nearest, holds, neighbours, query
from rara.scores.join_effect import JoinEffect
from rara.sets.base import Doubles, Vectors, refuse_fewer
from rara.sets.halves import Flags

Integers = NDArray[np.int32]
Counts = NDArray[np.int64]

SPARE = 8
"""Neighbours that are listed beside four times as many as are asked for."""


def k_of(k: int, count: int, what: str, metric: str) -> int:
    """The number of neighbours; raises ParameterError unless so many others are there."""
    found = whole(k, "k")
    refuse_fewer(count, found + 1, what, f"{metric} with k = {found}")
    return found


def kth_left(lists: Nearest, weight: Integers, k: int, start: Integers | None = None) -> Doubles:
    """(n,) squared distance of the k-th neighbour, where each counts as often as its weight.

    `weight`: (vectors of the other side,), 0 for those that are gone. `start`: (n,) how many are
    at distance 0 besides. Where a list has fewer than k, its last distance is taken: too small by
    little and rarely, for lists hold `SPARE` more than four times k.
    """
    reached = np.cumsum(weight[lists.index], axis=1)
    if start is not None:
        reached += start[:, None]
    place = np.where(reached[:, -1] >= k, (reached >= k).argmax(axis=1), lists.k - 1)
    found: Doubles = lists.d2[np.arange(len(place)), place]
    return found if start is None else np.where(start >= k, 0, found)


def depth_of(k: int, others: int) -> int:
    """Neighbours that are listed, so that k are left in half of the side."""
    return min(4 * k + SPARE, others)


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhoods:
    """The balls of a side: around each vector, up to its k-th nearest other one."""

    vectors: Vectors
    k: int
    lists: Nearest

    @classmethod
    def of(cls, vectors: Vectors, k: int, **engine: Unpack[EngineOptions]) -> Neighbourhoods:
        """Of vectors of which there are more than k."""
        lists, _ = neighbours(vectors, depth_of(k, len(vectors) - 1), **engine)
        return cls(vectors, k, lists)

    def radii2(self, kept: Flags) -> Doubles:
        """(n,) squared radii in the part of the side that is kept; NaN of the rest."""
        found = kth_left(self.lists, kept.astype(np.int32), self.k)
        found[~kept] = np.nan
        return found

    def pairs(self, points: Vectors, **engine: Unpack[EngineOptions]) -> Pairs:
        """All pairs of a point and a ball that holds it, or may in half of the side."""
        within = JoinEffect(self.lists.d2[:, -1])
        query(points, self.vectors, [within], **engine)
        pairs = within.pairs()
        return Pairs(pairs.rows, pairs.columns, pairs.d2)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of a point and a centre, with their squared distances."""

    points: Integers
    centres: Integers
    d2: Doubles

    def held(self, radii2: Doubles, boundary: Boundary, points: Flags) -> Held:
        """Those within the ball of the centre; of the points that are kept."""
        inside = holds(self.d2, radii2[self.centres], boundary)
        inside &= points[self.points] & ~np.isnan(radii2)[self.centres]
        return Held(self.points[inside], self.centres[inside], points, ~np.isnan(radii2))


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Pairs of a point and a ball that holds it."""

    points: Integers
    centres: Integers
    kept_points: Flags
    kept_centres: Flags

    def by_point(self) -> Counts:
        """In how many balls each point is that is kept."""
        return np.bincount(self.points, minlength=len(self.kept_points))[self.kept_points]

    def by_centre(self) -> Counts:
        """How many points each ball holds that is kept."""
        return np.bincount(self.centres, minlength=len(self.kept_centres))[self.kept_centres]
