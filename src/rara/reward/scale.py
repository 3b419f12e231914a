"""What real images have of each term, leave-one-out: the scale on which the reward is read.

    neighbour lists of the reference --RewardScale.around--> levels --terms--> reward

Each reference image is measured as a sample would be: by its nearest others, whose own distances
leave it out too. So real images and samples are on the same scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rara.errors import ParameterError
from rara.reward.formula import Array, Measured, logarithms, measured, penalty, rank_weights
from rara.scores import BallGeometry
from rara.scores.copy_volume import DEPTH, Volumes, ranking_rate

Doubles = NDArray[np.float64]

FEWEST = 20
"""Reference images from which on there is a scale."""
FLOOR = 0.05
"""Of the usual k-NN distance: samples that are nearer to an image are as good as copies of it."""
LEVEL, TOP = 0.9, 0.99
"""Shares of real images: penalties begin at the first quantile, the second is a reward of 1."""
STEEPNESS = 4.0
"""Slope of a penalty far beyond its level, beside that of rarity, which is 1: what is bought by
leaving the manifold costs three times what it brings. Chosen on parts of a reference, and about as
good as a level of 0.8 with a slope of 2 (docs/studies/reward.md)."""


_ALIKE = (
    "The reference images are so alike that they give no scale for a reward. Leave repeats out: "
    "`deduplicate='near'`."
)


class Level(NamedTuple):
    """Where a penalty begins, and its unit: how far the highest hundredth of real images is."""

    begins: float
    unit: float

    def penalty(self, values: Array) -> Array:
        """0 up to the level, then ever steeper up to a fixed slope."""
        return penalty((values - self.begins) / self.unit)


class Terms(NamedTuple):
    """The terms of the reward, (m,) each: `reward` is the first less all others."""

    rarity: Array
    off_manifold: Array
    copy: Array
    repeat: Array

    @property
    def reward(self) -> Array:
        """0 for the median real image, 1 for the 99th percentile of real images."""
        return self.rarity - self.off_manifold - self.copy - self.repeat


@dataclass(frozen=True, slots=True, eq=False)
class RewardScale:
    """The scale of one reference at one k."""

    weights: Doubles
    """(K,) weights of the ranks."""
    spacing: Doubles
    """(n,) `radius` of each reference image among the others."""
    floor2: float
    """Added to squared distances, so that their logarithms are finite."""
    rate: float
    """Of the local volume, as `rara.scores.copy_volume` has it."""
    far: Level
    """Of `radius`."""
    apart: Level
    """Of `contrast`."""
    copied: Level
    """Of `copying`."""
    repeated: Level
    """Of minus the logarithm of the distance to the nearest other one."""
    middle: float
    """What the median real image has."""
    unit: float
    """How far the 99th percentile of real images is above it."""

    @classmethod
    def around(cls, geometry: BallGeometry) -> Self:
        """From the neighbour lists of a reference.

        Raises ParameterError for fewer than 20 images, and where images repeat one another so
        often that nothing can be compared.
        """
        count, kept = geometry.d2.shape
        if count < FEWEST:
            raise ParameterError(
                f"A reward by {count} reference images: give at least {FEWEST}, because it is read "
                "on the scale of real images."
            )
        depth = min(DEPTH, kept - 1)
        weights = rank_weights(geometry.k, depth)
        floor2 = FLOOR**2 * float(np.median(geometry.knn2))
        if not floor2 > 0:
            raise ParameterError(
                "More than half of the reference images have k exact copies: nothing can be "
                "compared with them. Leave copies out: `deduplicate='exact'`."
            )
        d2 = geometry.d2[:, :depth]
        spread = Volumes.of(d2 + floor2, depth).spread
        rate = ranking_rate(spread, depth)
        logs = logarithms(geometry.d2[:, : depth + 1], floor2, np.log)
        spacing = (logs[:, :depth] * weights).sum(1)
        near = _without_one(geometry.index, logs, weights, spacing, depth)
        own = measured(d2, near, weights, floor2, rate, np.log)
        single = d2[:, 0] > 0
        nearest = -logs[single, 0]
        scale = cls(
            weights, spacing, floor2, rate,
            far=_level(own.radius), apart=_level(own.contrast),
            copied=_level(own.copying[single]), repeated=_level(nearest),
            middle=0.0, unit=1.0,
        )  # fmt: skip
        return scale._calibrated(own)

    @property
    def depth(self) -> int:
        """K: how many neighbours count."""
        return len(self.weights)

    def measure(
        self, d2: Array, index: NDArray[np.int32], as_array: Callable[[Doubles], Array]
    ) -> Measured:
        """What is measured of samples, from their K nearest reference images.

        `d2`: (m, K) ascending squared distances, in numpy or torch. `as_array` makes arrays of that
        kind.
        """
        weights, spacing = as_array(self.weights), as_array(self.spacing[index])
        return measured(d2, spacing, weights, self.floor2, self.rate, _log(d2))

    def terms(self, of: Measured, nearest2: Array | None) -> Terms:
        """The terms of the reward.

        `nearest2`: (m,) squared distances of the samples to the nearest other sample; None for one
        sample alone.
        """
        steep = STEEPNESS * self.far.unit / self.unit
        off = self.far.penalty(of.radius) + self.apart.penalty(of.contrast)
        repeat = of.radius * 0
        if nearest2 is not None:
            near = -logarithms(nearest2, self.floor2, _log(nearest2))
            repeat = steep * self.repeated.penalty(near)
        return Terms(
            (of.radius - self.middle) / self.unit,
            steep * off,
            steep * self.copied.penalty(of.copying),
            repeat,
        )

    def _calibrated(self, own: Measured) -> Self:
        """With the median of real images at 0 and their 99th percentile at 1."""
        middle, top = np.quantile(self.terms(own, None).reward, [0.5, TOP]).tolist()
        if not top > middle:
            raise ParameterError(_ALIKE)
        return replace(self, middle=middle, unit=top - middle)


def _log(values: Array) -> Callable[[Array], Array]:
    return np.log if isinstance(values, np.ndarray) else values.__class__.log


def _level(values: Doubles) -> Level:
    begins, top = np.quantile(values, [LEVEL, TOP]).tolist() if len(values) else (0.0, 0.0)
    if not top > begins:
        raise ParameterError(_ALIKE)
    return Level(begins, top - begins)


def _without_one(
    index: NDArray[np.int32], logs: Doubles, weights: Doubles, spacing: Doubles, depth: int
) -> Doubles:
    """(n, K) `radius` of each image's neighbours, as if the image itself were not there."""
    near, itself = spacing[index[:, :depth]], np.arange(len(index))[:, None]
    for rank in range(depth):
        among_others = (np.delete(logs, rank, axis=1) * weights).sum(1)
        held = index[index[:, :depth], rank] == itself
        near = np.where(held, among_others[index[:, :depth]], near)
    return near
