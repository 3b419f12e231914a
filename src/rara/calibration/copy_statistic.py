"""The number by which images are called copies: a statistic that can be exchanged.

It is computed of a sample's nearest reference images, and of each reference image in
the same way without itself, so that `Calibrator` can compare the two. Higher means
more like a copy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from rara.geometry import Nearest
from rara.scores.axis import BallGeometry, Doubles
from rara.scores.copy_volume import DEPTH, LEAST, LocalVolume, Volumes, joined_volumes, ranking_rate
from rara.scores.join_effect import Pairs
from rara.stats.joint_rank import Changes, Compared, Ranking

NEAR = 0.1
"""A share of the local volume below this part of 1 / (n + 1) is that of a near copy by any
standard: one in ten references of n images would have such a one by chance."""


class CopyStatistic(Protocol):
    """Scores of copying; higher is more like a copy."""

    @property
    def name(self) -> str:
        """What the provenance calls it."""

    def of(self, nearest: Nearest) -> Doubles:
        """The score of each sample beside the reference, given its nearest images there."""

    def own(self) -> Doubles:
        """The score of each reference image among the others."""

    def joined(self, nearest: Nearest, pairs: Pairs) -> Compared:
        """Each sample beside the reference's images as one of them."""

    def near(self, nearest: Nearest, reals: int) -> NDArray[np.bool_]:
        """Which samples stand as near as only a copy does, whatever p says."""


@dataclass(frozen=True, slots=True, eq=False)
class NearestDistance:
    """The distance to the nearest reference image: where there are too few for volumes."""

    nearest2: Doubles
    """(n,) squared distance of each reference image to its nearest other one."""

    name = "nearest_distance"

    def of(self, nearest: Nearest) -> Doubles:
        """Minus the smallest squared distance; infinite for an exact copy."""
        return _negative(nearest.d2[:, 0])

    def own(self) -> Doubles:
        """Minus the squared distance of each reference image to its nearest other one."""
        return _negative(self.nearest2)

    def joined(self, nearest: Nearest, pairs: Pairs) -> Compared:
        """A reference image that the sample is nearest to scores by it."""
        pairs = pairs.where(pairs.d2 < self.nearest2[pairs.columns])
        changes = Changes.of(len(nearest.d2), pairs.rows, pairs.columns, _negative(pairs.d2))
        return Compared.of(Ranking.of(self.own()), self.of(nearest), changes)

    def near(self, nearest: Nearest, reals: int) -> NDArray[np.bool_]:
        """Only exact copies: nothing tells how far off another one may be."""
        exact: NDArray[np.bool_] = nearest.d2[:, 0] == 0
        return exact


@dataclass(frozen=True, slots=True, eq=False)
class CopyVolume:
    """The share of the local volume that is nearer still than the nearest reference image.

    By its order alone: V / (rate + S), see `LocalVolume.share`.
    """

    law: LocalVolume
    lists: Doubles
    """(n, K) squared distances of each reference image to its nearest others."""
    volumes: Volumes
    """Those of the reference's images."""
    rate: float
    known: dict[float, Ranking] = field(default_factory=dict)
    """The reference's images in order, for each rate that samples have made."""

    name = "copy_volume"

    @classmethod
    def around(cls, d2: Doubles) -> Self:
        """That of a reference, from its neighbour lists."""
        lists = d2[:, :DEPTH]
        depth = int(lists.shape[1])
        volumes = Volumes.of(lists, depth)
        law = LocalVolume.of(volumes.spread, depth)
        return cls(law, lists, volumes, ranking_rate(volumes.spread, depth))

    def of(self, nearest: Nearest) -> Doubles:
        """The score of each sample."""
        return self._volumes(nearest).scores(self.rate)

    def own(self) -> Doubles:
        """The score of each reference image."""
        return self.volumes.scores(self.rate)

    def joined(self, nearest: Nearest, pairs: Pairs) -> Compared:
        """With the rate, and the lists, that the reference and the sample have together."""
        return joined_volumes(self._volumes(nearest), self.volumes, self.lists, pairs, self.known)

    def near(self, nearest: Nearest, reals: int) -> NDArray[np.bool_]:
        """A share far below the smallest that so many real images have by chance."""
        near: NDArray[np.bool_] = self.law.share(nearest.d2) <= NEAR / (1 + reals)
        return near

    def _volumes(self, nearest: Nearest) -> Volumes:
        return Volumes.of(nearest.d2, self.law.depth)


def _negative(d2: Doubles) -> Doubles:
    return np.where(d2 == 0, np.inf, -d2)


def statistic_for(geometry: BallGeometry) -> CopyStatistic:
    """The local volume, or the plain distance where too few neighbours are kept to tell it."""
    if min(DEPTH, geometry.d2.shape[1]) < LEAST:
        return NearestDistance(geometry.d2[:, 0])
    return CopyVolume.around(geometry.d2)
