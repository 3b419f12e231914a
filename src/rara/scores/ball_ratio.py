"""How far outside the balls a sample lies, beside how wide they are: the local side of outside.

A distance that is usual where the reference is sparse is far out where it is dense. For z among
real images Z, with r(x) the distance of x to its k-th nearest other image, z left out,

    t(z) = 1                              where |z - x| <= r(x) for any image x of Z,
           min over x of |z - x| / r(x)   else, over images x of the core that are nearer to z
                                          than its K-th nearest; infinite where there are none.

The core are images that have another one x' such that each lies in the other's ball. An image
outside every ball is in no other image's list and in no core, so that it changes neither a
radius nor the core when it joins: what else changes is known from the lists, and the p-value
is exact (docs/explanation/calibration.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rara.geometry import Nearest
from rara.scores.axis import BallGeometry, Doubles, Integers
from rara.scores.copy_volume import DEPTH
from rara.scores.join_effect import Pairs
from rara.stats.joint_rank import Changes

Flags = NDArray[np.bool_]


def listed(geometry: BallGeometry) -> int:
    """K: as many as for volumes, and more than k."""
    return min(max(DEPTH, geometry.k + 1), int(geometry.d2.shape[1]))


@dataclass(frozen=True, slots=True, eq=False)
class BallRatio:
    """t of a reference's images, and what it takes to find that of samples. Squared."""

    k: int
    near2: Doubles
    """(n, K) squared distances of each reference image to its nearest others."""
    index: Integers
    """(n, K) which images those are."""
    core: Flags
    own2: Doubles
    """(n,) t^2 of each reference image among the others."""
    whole: bool
    """Whether the lists hold all that counts; else t is 1 for all. They do not where a ball may
    hold more images than are listed, some of them at exactly its radius."""

    @classmethod
    def around(cls, geometry: BallGeometry) -> Self:
        """That of a reference, from its neighbour lists."""
        depth, radii2 = listed(geometry), geometry.knn2
        near2, index = geometry.d2[:, :depth], geometry.index[:, :depth]
        holds, held = near2 <= radii2[:, None], near2 <= radii2[index]
        inside = np.any(held, axis=1)
        inside[index[holds]] = True
        core = np.any(holds & held, axis=1)
        whole = not _overflows(near2, radii2, len(near2) - 1).any()
        one = cls(geometry.k, near2, index, core, np.ones(len(near2)), whole)
        if not whole:
            return one
        own2 = np.where(inside, 1.0, one._least(near2, index, near2[:, -1]))
        return replace(one, own2=own2)

    def of(self, nearest: Nearest, pairs: Pairs) -> Doubles:
        """(m,) t^2 of samples, and 1 where the lists do not hold all that counts.

        `pairs` are those at most as far apart as the K-th nearest of the reference image.
        """
        near2, index = self._lists(nearest)
        inside = np.zeros(len(near2), np.bool_)
        inside[pairs.rows[pairs.d2 <= self._radii2[pairs.columns]]] = True
        inside |= _overflows(near2, near2[:, self.k - 1], len(self.near2))
        inside |= not self.whole
        return np.where(inside, 1.0, self._least(near2, index, near2[:, -1]))

    def changes(self, ratio2: Doubles, nearest: Nearest, pairs: Pairs) -> Changes:
        """What t^2 of the reference's images becomes when a sample outside every ball joins them.

        1 for images in the sample's own ball; and where it is among the nearest K, the last of
        these no longer counts.
        """
        near2, index = self._lists(nearest)
        outside = ratio2 > 1
        own2 = near2[:, self.k - 1]
        some = outside[pairs.rows] & (self.own2[pairs.columns] > 1)
        some &= pairs.d2 < self.near2[pairs.columns, -1]
        among = pairs.where(some)
        last2 = self.near2[:, max(self.near2.shape[1] - 2, 0)][among.columns]
        least = self._least(
            self.near2[among.columns], self.index[among.columns], np.maximum(last2, among.d2)
        )
        held = np.where(among.d2 <= own2[among.rows], 1.0, least)
        beyond = outside[:, None] & (near2 <= own2[:, None]) & (self.own2[index] > 1)
        beyond &= near2 >= self.near2[index, -1]
        rows, place = np.nonzero(beyond)
        return Changes.of(
            len(near2),
            np.concatenate([among.rows, rows.astype(np.int32)]),
            np.concatenate([among.columns, index[rows, place]]),
            np.concatenate([held, np.ones(len(rows))]),
        )

    @property
    def _radii2(self) -> Doubles:
        return self.near2[:, self.k - 1]

    def _lists(self, nearest: Nearest) -> tuple[Doubles, Integers]:
        depth = self.near2.shape[1]
        return nearest.d2[:, :depth], nearest.index[:, :depth]

    def _least(self, near2: Doubles, index: Integers, limit2: Doubles) -> Doubles:
        """The smallest ratio to the core among listed images nearer than a limit."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio2 = near2 / self._radii2[index]
        counted = self.core[index] & (near2 < limit2[:, None])
        least: Doubles = np.where(counted, ratio2, np.inf).min(axis=1)
        return least


def _overflows(near2: Doubles, radii2: Doubles, others: int) -> Flags:
    """Whether a ball may hold more images than are listed."""
    full: Flags = (near2[:, -1] == radii2) & (radii2 > 0) & (near2.shape[1] < others)
    return full
