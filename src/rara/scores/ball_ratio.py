"""How far outside the balls a sample lies, relative to their radii.

A distance that is usual where the reference is sparse is far out where it is dense. For z among
real images Z, with r(x) the distance of x to its k-th nearest other image, z left out,

    t(z) = 1                              where |z - x| <= r(x) for any image x of Z,
           min over x of |z - x| / r(x)   else, over images x of the core that are nearer to z
                                          than its K-th nearest; infinite where there are none.

An image x is in the core if there is another image x' such that each lies in the other's ball.
An image outside every ball that joins Z changes neither a radius nor the core. What else changes
follows from the neighbour lists, so the p-value is exact (docs/explanation/calibration.md).
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


def list_length(geometry: BallGeometry) -> int:
    """K: how many neighbours of each image count. As many as for volumes, and more than k."""
    return min(max(DEPTH, geometry.k + 1), int(geometry.d2.shape[1]))


@dataclass(frozen=True, slots=True, eq=False)
class BallRatio:
    """t of a reference's images, and what t of samples is computed from. All is squared."""

    k: int
    near2: Doubles
    """(n, K) squared distances of each reference image to its nearest others."""
    index: Integers
    """(n, K) which images those are."""
    core: Flags
    """(n,) whether each reference image is in the core."""
    own2: Doubles
    """(n,) t^2 of each reference image among the others."""
    complete: bool
    """Whether the lists have all images that count; else t is 1 for all. They do not where a ball
    may hold more images than are listed, because several lie at exactly its radius."""

    @classmethod
    def around(cls, geometry: BallGeometry) -> Self:
        """From the neighbour lists of a reference."""
        depth, radii2 = list_length(geometry), geometry.knn2
        near2, index = geometry.d2[:, :depth], geometry.index[:, :depth]
        holds, held = near2 <= radii2[:, None], near2 <= radii2[index]
        inside = np.any(held, axis=1)
        inside[index[holds]] = True
        core = np.any(holds & held, axis=1)
        complete = not _overflows(near2, radii2, len(near2) - 1).any()
        one = cls(geometry.k, near2, index, core, np.ones(len(near2)), complete)
        if not complete:
            return one
        own2 = np.where(inside, 1.0, one._least(near2, index, near2[:, -1]))
        return replace(one, own2=own2)

    def of(self, nearest: Nearest, held: Flags) -> Doubles:
        """(m,) t^2 of samples; 1 where the lists lack images that count.

        `held`: whether any closed ball of the reference holds the sample.
        """
        near2, index = self._lists(nearest)
        inside = held | _overflows(near2, near2[:, self.k - 1], len(self.near2))
        inside |= not self.complete
        return np.where(inside, 1.0, self._least(near2, index, near2[:, -1]))

    def changes(self, ratio2: Doubles, nearest: Nearest, pairs: Pairs) -> Changes:
        """The t^2 of reference images that change when a sample outside every ball joins them.

        It becomes 1 for images in the sample's own ball. Where the sample becomes one of the K
        nearest of an image, the last of these no longer counts.
        """
        near2, index = self._lists(nearest)
        outside = ratio2 > 1
        own2 = near2[:, self.k - 1]
        listed = outside[pairs.rows] & (self.own2[pairs.columns] > 1)
        listed &= pairs.d2 < self.near2[pairs.columns, -1]
        joined = pairs.where(listed)
        last2 = self.near2[:, max(self.near2.shape[1] - 2, 0)][joined.columns]
        least = self._least(
            self.near2[joined.columns], self.index[joined.columns], np.maximum(last2, joined.d2)
        )
        ratio2 = np.where(joined.d2 <= own2[joined.rows], 1.0, least)
        unlisted = outside[:, None] & (near2 <= own2[:, None]) & (self.own2[index] > 1)
        unlisted &= near2 >= self.near2[index, -1]
        rows, rank = np.nonzero(unlisted)
        return Changes.of(
            len(near2),
            np.concatenate([joined.rows, rows.astype(np.int32)]),
            np.concatenate([joined.columns, index[rows, rank]]),
            np.concatenate([ratio2, np.ones(len(rows))]),
        )

    @property
    def _radii2(self) -> Doubles:
        return self.near2[:, self.k - 1]

    def _lists(self, nearest: Nearest) -> tuple[Doubles, Integers]:
        depth = self.near2.shape[1]
        return nearest.d2[:, :depth], nearest.index[:, :depth]

    def _least(self, near2: Doubles, index: Integers, limit2: Doubles) -> Doubles:
        """The smallest squared ratio over listed images of the core nearer than a limit."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio2 = near2 / self._radii2[index]
        counted = self.core[index] & (near2 < limit2[:, None])
        least: Doubles = np.where(counted, ratio2, np.inf).min(axis=1)
        return least


def _overflows(near2: Doubles, radii2: Doubles, others: int) -> Flags:
    """Which balls may hold more images than are listed."""
    full: Flags = (near2[:, -1] == radii2) & (radii2 > 0) & (near2.shape[1] < others)
    return full
