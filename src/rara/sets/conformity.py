"""Whether each vector of one set could be one more of another: conformal p-values from k-NN.

    judged, base --far, hole, beyond, off the grid--> one joint p for each judged vector

The base is the reference where fidelity is asked, and the samples where diversity is. Each
witness scores a vector beside the base, and each base vector beside the others:

    far       the distance to the k-th nearest is large
    hole      that distance is small and the neighbourhood grows slowly: all are about equally far
    beyond    a coordinate passes the range of the base
    off grid  all base values of a coordinate lie on a grid, and its value does not

`far` always counts. Half of the judged vectors decide whether `hole` and `beyond` count for the
other half, so that no vector has a say in its own case. A vector in the dense core of a law is
near to others as well: there a neighbourhood grows as fast as anywhere. With the ranks u of the
witnesses that count, 1 for the most extreme,

    m(z) = min over witnesses of u_w(z),    p = (1 + #{ base x : m(x) <= m(z) }) / (n + 1).

For one more vector of the same law P(p <= alpha) is at most alpha, but for what it would change
in the scores of the others. Joint ranks: `rara.stats.joint_rank`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Unpack

import numpy as np
from numpy.typing import NDArray

from rara.geometry import EngineOptions, Nearest, neighbours, query
from rara.sets.base import Doubles, Vectors
from rara.sets.both_sides import BothSides, OneSide
from rara.sets.coordinates import Range, off_grid
from rara.sets.halves import Flags
from rara.sets.neighbourhoods import Integers, depth_of, kth_left
from rara.stats.conformal import at_least, p_values

DEPTH = 50
"""Neighbours whose distances tell how fast a neighbourhood grows; half the base if that is less."""
HOLE = 0.35
"""Mean rank of growth, as a share, below which a half lies in a hole; about 1/2 is usual."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """How extreme vectors are by one witness: 1 is the most."""

    base: Doubles
    judged: Doubles

    @classmethod
    def of(cls, base: Doubles, judged: Doubles) -> Ranks:
        """From scores, higher is more extreme: how many base vectors are at or above."""
        ascending = np.sort(base)
        own = at_least(base, ascending).astype(np.float64)
        return cls(own, at_least(judged, ascending) + np.float64(1))

    def rows(self, judged: slice) -> Ranks:
        """Of some of the judged vectors."""
        return Ranks(self.base, self.judged[judged])


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """Half of the judged vectors, and what counts for them."""

    rows: slice
    hole: bool
    beyond: tuple[Doubles, Doubles] | None
    """Scores of the distinct base vectors and of these judged ones; None where no coordinate
    counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Conformity:
    """Judged vectors beside a base, ready for p-values, also beside a half of the base."""

    k: int
    copies: bool
    """Whether copies in the base count as neighbours."""
    own: Integers
    """(n,) for each base vector its place among the u distinct ones."""
    within: Nearest
    """The nearest other distinct base vectors of each distinct one."""
    to_base: Nearest
    """The nearest distinct base vectors of each judged one."""
    growth: tuple[Doubles, Doubles]
    """Of the distinct base vectors, and of the judged ones."""
    halves: tuple[Half, Half]
    off_grid: Flags

    @classmethod
    def of(
        cls,
        judged: Vectors,
        base: Vectors,
        k: int,
        *,
        copies: bool = False,
        **engine: Unpack[EngineOptions],
    ) -> Conformity:
        """From vectors in the order of their content; the base has more than k of them.

        Unless `copies`, a base vector that occurs several times is one neighbour, as it is one
        image. The number of base vectors is that of all in any case.
        """
        sides = BothSides(OneSide(judged), OneSide(base))
        return cls.between(sides, k, base=1, copies=copies, **engine)

    @classmethod
    def between(
        cls,
        sides: BothSides,
        k: int,
        *,
        base: Literal[0, 1],
        copies: bool,
        **engine: Unpack[EngineOptions],
    ) -> Conformity:
        """The same of two sides; `base`: which of them is the base."""
        judged, found = sides.sides[1 - base].vectors, sides.sides[base]
        own, others = found.distinct, found.count - 1
        grown, depth = depths(k, others)
        if found.has_copies:
            single = _first_of(found.vectors, own)
            within = neighbours(single, depth, **engine)[0] if others else _alone()
            to_base = Nearest(len(judged), within.k)
            query(judged, single, [to_base], **engine)
        else:
            single = found.vectors
            within = found.lists(depth, **engine) if others else _alone()
            to_base = sides.nearest(within.k, of_reference=base == 0, **engine)
        growth = _growth(within.d2[:, :grown]), _growth(to_base.d2[:, :grown])
        limits = found.once("range", lambda: Range.of(single)) if others else None
        even, odd = slice(0, None, 2), slice(1, None, 2)

        def half(rows: slice, deciding: slice) -> Half:
            count = len(judged[deciding])
            if not count or limits is None:
                return Half(rows, False, None)
            ranks = Ranks.of(-growth[0][own], -growth[1][deciding]).judged
            hole = bool(ranks.mean() < HOLE * len(own))
            share = _shares(to_base.index[deciding, :k], within.index[:, :grown])
            chosen = limits.often(limits.passed(judged[deciding]), count, share)
            if not chosen.any():
                return Half(rows, hole, None)
            scores = limits.own_excess(single, chosen), limits.excess(judged[rows], chosen)
            return Half(rows, hole, scores)

        few = slice(0, depth_of(k, within.k))
        return cls(
            k,
            copies,
            own,
            Nearest.of(within.d2[:, few], within.index[:, few]),
            Nearest.of(to_base.d2[:, few], to_base.index[:, few]),
            growth,
            (half(even, odd), half(odd, even)),
            off_grid(judged, found.vectors),
        )

    def p(self, kept: Flags | None = None) -> Doubles:
        """(m,) p-values beside the base vectors that are kept, by default all."""
        left = self.own if kept is None else self.own[kept]
        times = np.bincount(left, minlength=len(self.within.d2)).astype(np.int32)
        weight, start = (times, times - 1) if self.copies else (np.minimum(times, 1), None)
        k = min(self.k, int(weight.sum()) - 1) or 1
        own2 = kth_left(self.within, weight, k, start)[left]
        to_base2 = kth_left(self.to_base, weight, k)
        far, near = Ranks.of(own2, to_base2), Ranks.of(-own2, -to_base2)
        found = np.empty(len(to_base2))
        for half in self.halves:
            witnesses = [far.rows(half.rows)]
            if half.hole:
                slow = Ranks.of(-self.growth[0][left], -self.growth[1][half.rows])
                close = near.rows(half.rows)
                both = -close.base * slow.base, -close.judged * slow.judged
                witnesses.append(Ranks.of(*both))
            if half.beyond is not None:
                witnesses.append(Ranks.of(half.beyond[0][left], half.beyond[1]))
            found[half.rows] = _joint(witnesses, len(left))
        found[self.off_grid] = 1 / (len(left) + 1)
        return found


def depths(k: int, others: int) -> tuple[int, int]:
    """How many neighbours tell how fast a neighbourhood grows, and how many are listed."""
    grown = max(min(DEPTH, others // 2), 1)
    return grown, max(grown, depth_of(k, max(others, 1)))


def ask(sides: BothSides, k: int, *, base: Literal[0, 1]) -> None:
    """Say what `Conformity.between` will ask of two sides."""
    found = sides.sides[base]
    others = found.count - 1
    if others and not found.has_copies:
        depth = depths(k, others)[1]
        found.want(depth)
        sides.want_nearest(depth, of_reference=base == 0)


def _first_of(base: Vectors, own: Integers) -> Vectors:
    """The distinct vectors: of equal ones, which follow one another, the first."""
    new = np.append(True, own[1:] != own[:-1])
    return base if new.all() else np.ascontiguousarray(base[new])


def _alone() -> Nearest:
    """The neighbours of a single vector: only itself."""
    return Nearest.of(np.zeros((1, 1)), np.zeros((1, 1), np.int32))


def _joint(witnesses: list[Ranks], n: int) -> Doubles:
    smallest = np.sort(np.minimum.reduce([one.base for one in witnesses]))
    ranks = np.minimum.reduce([one.judged for one in witnesses])
    # A judged vector ranks ahead of those below it; ties by another witness count for them.
    ties = 0.5 if len(witnesses) > 1 else 0.0
    return p_values(n - at_least(ranks + ties, smallest), n)


def _shares(nearest: Integers, within: Integers) -> Doubles:
    """(n,) share of the judged vectors near each base vector, a mean over its neighbours.

    From how often each base vector is among the nearest, which outliers hardly ever are.
    """
    counts = np.bincount(nearest.ravel(), minlength=len(within)) / nearest.size
    share: NDArray[np.float64] = np.maximum(counts[within].mean(axis=1), 1e-12)
    return share


def _growth(d2: Doubles) -> Doubles:
    """Mean logarithm of how much farther the last neighbour is; infinite beside copies."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.log(d2[:, -1:] / d2).mean(axis=1)
    found: Doubles = np.nan_to_num(mean, nan=np.inf, posinf=np.inf)
    return found
