"""The number by which images are called copies: a statistic that can be exchanged.

It is computed of a sample's nearest reference images, and of each reference image in
the same way without itself, so that `Calibrated` can compare the two. Lower means
more like a copy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rara.geometry import Nearest, Need, Reducer
from rara.scores.base import Doubles, Integers, Setting
from rara.scores.copy_volume import DEPTH, Joining, LocalVolume


class Joined(Reducer, Protocol):
    """What calibration scores become when a sample joins the reference."""

    def joined(self, scores: Doubles) -> Integers:
        """How many reference images at or below each sample's score only once it joined them."""


class CopyStatistic(Protocol):
    """Scores of copying; lower is more like a copy."""

    name: str
    neighbours: int
    """How many nearest reference images it looks at."""
    least: int
    """How many reference images are always at or below an exact copy that has joined them."""

    def of(self, nearest: Nearest) -> Doubles:
        """The score of each sample, given its nearest reference images."""

    def own(self, setting: Setting) -> Doubles:
        """The score of each reference image without itself."""

    def question(self, setting: Setting, samples: int) -> Joined:
        """What else must be known of the pairs, for full conformal p-values."""


class NearestDistance:
    """Squared distance to the nearest reference image."""

    name = "nearest_distance"
    neighbours = 1
    least = 1
    """The sample is as near to its nearest reference image as that one is to it."""

    def of(self, nearest: Nearest) -> Doubles:
        """The smallest squared distance."""
        return nearest.d2[:, 0]

    def own(self, setting: Setting) -> Doubles:
        """Squared distance of each reference image to its nearest other one."""
        return setting.d2[:, 0]

    def question(self, setting: Setting, samples: int) -> Joined:
        """Which reference images would have the sample as their nearest."""
        return Partners(samples, setting.d2[:, 0])


@dataclass(frozen=True, slots=True)
class CopyVolume:
    """Share of the local volume that is nearer still than the nearest reference image."""

    law: LocalVolume
    shares: Doubles
    """Those of the reference's images, which every query needs."""

    name = "copy_volume"
    neighbours = DEPTH
    least = 1
    """The image that a sample copies has an exact copy, too, once the sample has joined."""

    def of(self, nearest: Nearest) -> Doubles:
        """The share of each sample."""
        return self.law.share(nearest.d2)

    def own(self, setting: Setting) -> Doubles:
        """The share of each reference image among the others."""
        return self.shares

    def question(self, setting: Setting, samples: int) -> Joined:
        """What the shares become when a sample has joined."""
        return Joining(samples, setting.d2, self.law, self.shares)


def statistic_for(setting: Setting) -> CopyStatistic:
    """The local volume, or the plain distance where too few neighbours are kept to tell it."""
    law = LocalVolume.around(setting.d2)
    if math.isnan(law.shape):
        return NearestDistance()
    return CopyVolume(law, law.share(setting.d2))


class Partners:
    """Reference images at exactly a sample's smallest distance that have no other as near.

    Joined by a sample q at distance s from its nearest, reference image x scores
    min(r_1(x), |q - x|). That is at most s where r_1(x) <= s, which its plain score
    tells, and else only where |q - x| = s: those are counted here. One in general, the
    nearest itself; none where the nearest has a nearer one; several in a tie.
    """

    def __init__(self, samples: int, nearest2: Doubles) -> None:
        self.nearest2 = nearest2
        self.smallest = np.full(samples, np.inf)
        self.count = np.zeros(samples, np.int32)

    def need(self) -> Need:
        """Pairs up to each reference image's nearest other one."""
        return Need(reach=self.nearest2)

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Keep the smallest distance of each sample, and how many have it."""
        nearer = d2 < self.nearest2[columns]
        rows, d2 = rows[nearer], d2[nearer]
        before = self.smallest[rows]
        np.minimum.at(self.smallest, rows, d2)
        now = self.smallest[rows]
        self.count[rows[now < before]] = 0
        np.add.at(self.count, rows[d2 == now], 1)

    def merge(self, other: Partners) -> None:
        """Take in what another one saw."""
        tied = np.where(other.smallest == self.smallest, other.count, 0)
        nearer = other.smallest < self.smallest
        self.count = np.where(nearer, other.count, self.count + tied)
        np.minimum(self.smallest, other.smallest, out=self.smallest)

    def joined(self, scores: Doubles) -> Integers:
        """The count, where it is of a sample's nearest."""
        return np.where(self.smallest == scores, self.count, 0)
