"""The k-NN balls of one side, also those of a half of it, and what they hold.

    vectors --neighbours--> lists, deeper than k --weights--> radii of any part of the side
    points, balls, parts of both --one scan--> in how many balls each point is, in each part

The lists of neighbours are so much deeper than k that half of them hold k: no distance is taken
twice, however often the sides are halved (`rara.sets.halves`). Pairs are counted as they come, and
none is kept: all of them may lie in balls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from rara import geometry
from rara.arguments import whole
from rara.geometry import Boundary, CountsInParts, EngineOptions, Nearest, query
from rara.machine import quarter_of_memory
from rara.sets.base import Doubles, Vectors, refuse_fewer
from rara.sets.both_sides import OneSide
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
    found, none = np.empty(len(lists.d2)), np.zeros(0, np.int32)
    geometry.kth_left(lists.d2, lists.index, weight, k, none if start is None else start, found)
    return found


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
    def of(cls, side: OneSide, k: int, **engine: Unpack[EngineOptions]) -> Neighbourhoods:
        """Of a side with more than k vectors."""
        lists = side.lists(depth_of(k, len(side.vectors) - 1), **engine)
        return cls(side.vectors, k, lists)

    def radii2(self, kept: Flags) -> Doubles:
        """(n,) squared radii in the part of the side that is kept; NaN of the rest."""
        found = kth_left(self.lists, kept.astype(np.int32), self.k)
        found[~kept] = np.nan
        return found

    def held(
        self,
        points: Vectors,
        parts: Iterable[tuple[Flags, Doubles]],
        boundary: Boundary,
        **engine: Unpack[EngineOptions],
    ) -> Iterator[Held]:
        """Which balls hold which points in each part: the points kept, and squared radii.

        A radius is NaN where the centre is left out. As many parts share a scan as their counts
        fit into half of the memory.
        """
        memory = engine.get("memory") or quarter_of_memory()
        size = CountsInParts.bytes_a_part(len(points), len(self.vectors))
        left = iter(parts)
        while some := list(islice(left, max(1, memory // (2 * size)))):
            engine["memory"] = max(1, memory - len(some) * size)
            counts = CountsInParts(*stacked(some), boundary)
            del some
            query(points, self.vectors, [counts], **engine)
            yield from held_by(counts)


def held_by(counts: CountsInParts) -> Iterator[Held]:
    """What was counted, part by part."""
    by_sample, by_ball = (np.ascontiguousarray(one.T) for one in (counts.by_sample, counts.by_ball))
    yield from map(Held, by_sample, by_ball, counts.kept.T, counts.radii2.T)


def stacked(parts: list[tuple[Flags, Doubles]]) -> tuple[Flags, Doubles]:
    """(images, parts) of both sides."""
    kept, radii2 = (np.stack(side, axis=1) for side in zip(*parts, strict=True))
    return kept, radii2


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """How many balls hold each point, and how many points each ball holds, in a part of both."""

    in_balls: Integers
    """(points,)"""
    holds: Integers
    """(centres,)"""
    kept_points: Flags
    radii2: Doubles
    """(centres,) squared radii; NaN where the centre is left out."""

    @property
    def kept_centres(self) -> Flags:
        """Which centres are in the part."""
        return ~np.isnan(self.radii2)

    def by_point(self) -> Counts:
        """In how many balls each point is that is kept."""
        return self.in_balls[self.kept_points].astype(np.int64)

    def by_centre(self) -> Counts:
        """How many points each ball holds that is kept."""
        return self.holds[self.kept_centres].astype(np.int64)
