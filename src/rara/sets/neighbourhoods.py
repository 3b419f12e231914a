"""The k-NN balls of one side, and what they become without a part of it.

    vectors --neighbours--> lists, deeper than k --parts--> radii without each part
    points, balls --one scan--> pairs of a point and a ball that may hold it, in any of these cases

A jackknife takes out one part of a side after another. Balls grow then. The lists of neighbours
are deeper than k, so that no distance is taken twice. Parts are consecutive in the order of
content: equal vectors are mostly in one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from rara.arguments import whole
from rara.geometry import Boundary, EngineOptions, Nearest, Need, holds, neighbours, query
from rara.sets.base import Doubles, Vectors, refuse_fewer
from rara.sets.intervals import jackknife, linear, parts_of

Integers = NDArray[np.int32]
Flags = NDArray[np.bool_]
Figure = Callable[[NDArray[np.int64]], Doubles]
"""From how many balls hold each point, or how many points each ball holds, to a number each."""

SPARE = 8
"""Neighbours that are kept beside twice as many as are asked for."""


def k_of(k: int, count: int, what: str, metric: str) -> int:
    """The number of neighbours; raises ParameterError unless so many others are there."""
    found = whole(k, "k")
    refuse_fewer(count, found + 1, what, f"{metric} with k = {found}")
    return found


def part_numbers(count: int) -> Integers:
    """(n,) the part that each vector belongs to."""
    numbers = np.empty(count, np.int32)
    for part, rows in enumerate(parts_of(count)):
        numbers[rows] = part
    return numbers


def kth_left(lists: Nearest, weight: Integers, k: int, start: Integers | None = None) -> Doubles:
    """(n,) squared distance of the k-th neighbour, where each counts as often as its weight.

    `weight`: (vectors of the other side,), 0 for those that are gone. `start`: (n,) how many are
    at distance 0 besides. Where a list has fewer than k, its last distance is taken: too small by
    little, for lists hold `SPARE` more than twice k.
    """
    reached = np.cumsum(weight[lists.index], axis=1)
    if start is not None:
        reached += start[:, None]
    place = np.where(reached[:, -1] >= k, (reached >= k).argmax(axis=1), lists.k - 1)
    found: Doubles = lists.d2[np.arange(len(place)), place]
    return found if start is None else np.where(start >= k, 0, found)


def depth_of(k: int, others: int) -> int:
    """Neighbours that are listed, so that k are left once a part is gone."""
    return min(2 * k + SPARE, others)


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhoods:
    """The balls of a side: around each vector, up to its k-th nearest other one."""

    vectors: Vectors
    k: int
    lists: Nearest
    parts: Integers
    """(n,) the part of each vector."""
    radii2: Doubles
    """(n,) squared radii."""
    without2: Doubles
    """(parts, n) squared radii once a part is gone; also of the vectors that are gone."""

    @classmethod
    def of(cls, vectors: Vectors, k: int, **engine: Unpack[EngineOptions]) -> Neighbourhoods:
        """Of vectors of which there are more than k."""
        lists, _ = neighbours(vectors, depth_of(k, len(vectors) - 1), **engine)
        parts = part_numbers(len(vectors))
        without2 = np.stack(
            [kth_left(lists, (parts != part).astype(np.int32), k) for part in range(parts[-1] + 1)]
        )
        return cls(vectors, k, lists, parts, lists.d2[:, k - 1], without2)

    def pairs(self, points: Vectors, **engine: Unpack[EngineOptions]) -> Pairs:
        """All pairs of a point and a ball that holds it, or may once a part is gone."""
        found = Within(np.maximum(self.radii2, self.without2.max(axis=0)))
        query(points, self.vectors, [found], **engine)
        return found.pairs()


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of a point and a centre, with their squared distances."""

    points: Integers
    centres: Integers
    d2: Doubles

    def held(self, radii2: Doubles, boundary: Boundary) -> Flags:
        """Which of them are within the ball of the centre."""
        return holds(self.d2, radii2[self.centres], boundary)


@dataclass(slots=True)
class Within:
    """A reducer that keeps the pairs within a reach of the reference images."""

    reach: Doubles
    found: list[tuple[Integers, Integers, Doubles]] = field(default_factory=list)

    def need(self) -> Need:
        """All pairs within reach, with their distances."""
        return Need(reach=self.reach)

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Keep those within reach."""
        kept = d2 <= self.reach[columns]
        self.found.append((rows[kept], columns[kept], d2[kept]))

    def merge(self, other: Within) -> None:
        """Take in what another one saw."""
        self.found += other.found

    def pairs(self) -> Pairs:
        """In the order of points and centres, whatever order they came in."""
        empty = np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0)
        points, centres, d2 = (np.concatenate(one) for one in zip(empty, *self.found, strict=True))
        order = np.lexsort((centres, points))
        return Pairs(points[order], centres[order], d2[order])


def any_of(counts: NDArray[np.int64]) -> Doubles:
    """1 where a count is not 0."""
    return (counts > 0).astype(np.float64)


def mean_over_points(
    pairs: Pairs, count: int, balls: Neighbourhoods, boundary: Boundary, figure: Figure
) -> tuple[float, float]:
    """Mean of a figure of how many balls hold each of `count` points, and its variance.

    The points are independent given the balls; a jackknife over parts of the centres adds theirs.
    """

    def values(radii2: Doubles, gone: int | None = None) -> Doubles:
        held = pairs.held(radii2, boundary)
        if gone is not None:
            held &= balls.parts[pairs.centres] != gone
        return figure(np.bincount(pairs.points[held], minlength=count))

    each = values(balls.radii2)
    spread = linear(each, count) if count > 1 else np.nan
    by_centres = [float(values(one, part).mean()) for part, one in enumerate(balls.without2)]
    return float(each.mean()), spread + jackknife(by_centres)


@dataclass(frozen=True, slots=True, eq=False)
class OverBalls:
    """A mean over the balls of a side, and the same without each part of either side."""

    value: float
    samples: Doubles
    """(parts,) without each part of the points."""
    centres: Doubles
    """(parts,) without each part of the centres."""

    def variance(self) -> float:
        """Of both sides: they are independent."""
        return jackknife(self.samples) + jackknife(self.centres)

    def through(self, change: Callable[[float], float]) -> OverBalls:
        """The same of a function of the mean."""
        sides = [
            np.array([change(float(v)) for v in side]) for side in (self.samples, self.centres)
        ]
        return OverBalls(change(self.value), *sides)


def mean_over_balls(
    pairs: Pairs, count: int, balls: Neighbourhoods, boundary: Boundary, figure: Figure
) -> OverBalls:
    """Mean over the balls of a figure of how many of `count` points each holds."""
    size, parts = len(balls.radii2), part_numbers(count)

    def values(held: Flags) -> Doubles:
        return figure(np.bincount(pairs.centres[held], minlength=size))

    held = pairs.held(balls.radii2, boundary)
    each = [values(held & (parts[pairs.points] != part)) for part in range(parts[-1] + 1)]
    without = [
        values(pairs.held(one, boundary))[balls.parts != part].mean()
        for part, one in enumerate(balls.without2)
    ]
    return OverBalls(
        float(values(held).mean()), np.array([one.mean() for one in each]), np.array(without)
    )
