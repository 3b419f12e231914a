"""The statistic by which images are called copies; higher is more like a copy.

It is computed from a sample's nearest reference images, and in the same way for each reference
image without itself, so that `Calibrator` can compare them.
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
from rara.stats.joint_rank import Changes, Ranking, SampleScores

NEAR = 0.1
"""A share of the local volume of at most NEAR / (n + 1) always counts as a near copy's. By chance
only one reference of n images in ten has such an image."""


class CopyStatistic(Protocol):
    """Scores of copying; higher is more like a copy."""

    @property
    def name(self) -> str:
        """Its name in the provenance."""

    def of(self, nearest: Nearest) -> Doubles:
        """(m,) score of each sample, from its nearest reference images."""

    def own(self) -> Doubles:
        """(n,) score of each reference image among the others."""

    def joined(self, nearest: Nearest, pairs: Pairs) -> SampleScores:
        """The scores of samples and reference images as if each sample had joined the reference."""

    def near(self, nearest: Nearest, n: int) -> NDArray[np.bool_]:
        """Which samples are as near as only copies are, whatever p is; n calibration images."""


@dataclass(frozen=True, slots=True, eq=False)
class NearestDistance:
    """The distance to the nearest reference image, where there are too few for volumes."""

    nearest2: Doubles
    """(n,) squared distance of each reference image to its nearest other one."""

    name = "nearest_distance"

    def of(self, nearest: Nearest) -> Doubles:
        """Minus the smallest squared distance; infinite for an exact copy."""
        return _negative(nearest.d2[:, 0])

    def own(self) -> Doubles:
        """Minus the squared distance of each reference image to its nearest other one."""
        return _negative(self.nearest2)

    def joined(self, nearest: Nearest, pairs: Pairs) -> SampleScores:
        """The score of a reference image changes where the sample becomes its nearest other one."""
        pairs = pairs.where(pairs.d2 < self.nearest2[pairs.columns])
        changes = Changes.of(len(nearest.d2), pairs.rows, pairs.columns, _negative(pairs.d2))
        return SampleScores.of(Ranking.of(self.own()), self.of(nearest), changes)

    def near(self, nearest: Nearest, n: int) -> NDArray[np.bool_]:
        """Only exact copies: there is no scale for the distance of a near copy."""
        exact: NDArray[np.bool_] = nearest.d2[:, 0] == 0
        return exact


@dataclass(frozen=True, slots=True, eq=False)
class CopyVolume:
    """The share of the local volume that is nearer than the nearest reference image.

    Only the order of the shares counts, and V / (rate + S) has it: see `LocalVolume.share`.
    """

    local: LocalVolume
    lists: Doubles
    """(n, K) squared distances of each reference image to its nearest others."""
    volumes: Volumes
    """Those of the reference's images."""
    rate: float
    rankings: dict[float, Ranking] = field(default_factory=dict)
    """The rankings of the reference's images used so far, by rate: a cache."""

    name = "copy_volume"

    @classmethod
    def around(cls, d2: Doubles) -> Self:
        """From the neighbour lists of a reference."""
        lists = d2[:, :DEPTH]
        depth = int(lists.shape[1])
        volumes = Volumes.of(lists, depth)
        local = LocalVolume.of(volumes.spread, depth)
        return cls(local, lists, volumes, ranking_rate(volumes.spread, depth))

    def of(self, nearest: Nearest) -> Doubles:
        """The score of each sample."""
        return self._volumes(nearest).scores(self.rate)

    def own(self) -> Doubles:
        """The score of each reference image."""
        return self.volumes.scores(self.rate)

    def joined(self, nearest: Nearest, pairs: Pairs) -> SampleScores:
        """By the rate and the lists of the reference and the sample together."""
        volumes = self._volumes(nearest)
        return joined_volumes(volumes, self.volumes, self.lists, pairs, self.rankings)

    def near(self, nearest: Nearest, n: int) -> NDArray[np.bool_]:
        """A share far below the smallest that n real images have by chance."""
        near: NDArray[np.bool_] = self.local.share(nearest.d2) <= NEAR / (1 + n)
        return near

    def _volumes(self, nearest: Nearest) -> Volumes:
        return Volumes.of(nearest.d2, self.local.depth)


def _negative(d2: Doubles) -> Doubles:
    return np.where(d2 == 0, np.inf, -d2)


def statistic_for(geometry: BallGeometry) -> CopyStatistic:
    """The local volume, or the distance alone where too few neighbours are kept for a volume."""
    if min(DEPTH, geometry.d2.shape[1]) < LEAST:
        return NearestDistance(geometry.d2[:, 0])
    return CopyVolume.around(geometry.d2)
