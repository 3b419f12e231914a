"""Authenticity: the share of samples that are farther from the training set than it is from itself.

    authenticity = mean over samples y of [ |y - x| > r_1(x) ],   x the training image nearest to y

with r_1(x) the distance of x to its nearest other training image. Alaa, van Breugel, Saveliev and
van der Schaar, How Faithful is your Synthetic Data? Sample-level Metrics for Evaluating and
Auditing Generative Models, ICML 2022, arXiv 2102.08921.

Direction. Higher is more original, 0 to 1. Held-out real images give between .5 and .8, by
dimension, and copies 0: compare with held-out images. A value above theirs says that samples are
far away, not more original.

Options. `level`: that of the interval.

Caveats. A sample near an outlier of the training set is not authentic, though it is far from it.
Junk is authentic. Two packages look up r_1 by the number of the sample, not by that of its
nearest training image. The interval covers the expected value at these numbers of images:
`rara.sets.halves`.
"""

from __future__ import annotations

from typing import Unpack

import numpy as np

from rara.geometry import EngineOptions, Nearest
from rara.sets.base import LEVEL, SetScore, VectorsLike
from rara.sets.both_sides import BothSides, PairMetric
from rara.sets.halves import Figure, Flags, score_within, variance_between
from rara.sets.neighbourhoods import depth_of, k_of, kth_left
from rara.stats.intervals import checked_level


class Authenticity(PairMetric):
    """The state of `authenticity`; the reference is the training set."""

    def ask_lists(self, both: BothSides) -> None:
        """The neighbours of the training set, also of each sample."""
        depth = _depth(both)
        both.reference.want(depth)
        both.want_nearest(depth)

    def compute(self, *, level: float = LEVEL, **engine: Unpack[EngineOptions]) -> SetScore:
        """The figure of all vectors so far."""
        both = self.both("authenticity")
        depth = _depth(both)
        share = _share(both.nearest(depth, **engine), both.reference.lists(depth, **engine))
        value, *halves = (share(*part) for part in both.halves())
        counts = len(both.samples.vectors), len(both.reference.vectors)
        return score_within(
            "authenticity",
            value,
            variance_between(halves),
            counts,
            "higher is more original",
            checked_level(level),
        )


def _depth(both: BothSides) -> int:
    count = len(both.reference.vectors)
    return depth_of(k_of(1, count, "training images", "authenticity"), count - 1)


def _share(nearest: Nearest, within: Nearest) -> Figure:
    """The share from which samples and which training images are kept."""

    def share(kept: Flags, left: Flags) -> float:
        radius2 = kth_left(within, left.astype(np.int32), 1)
        place = left[nearest.index].argmax(axis=1)
        rows = np.arange(len(kept))
        d2, centre = nearest.d2[rows, place], nearest.index[rows, place]
        return float((d2 > radius2[centre])[kept].mean())

    return share


def authenticity(
    samples: VectorsLike,
    reference: VectorsLike,
    *,
    level: float = LEVEL,
    **engine: Unpack[EngineOptions],
) -> SetScore:
    """Share of samples no nearer to a training image than another one is; higher is more original.

    The reference is the training set. Raises FeatureError where vectors are no finite numbers of
    shape (n, d), ReferenceMismatchError where extractors or dimensions differ, and ParameterError
    where there are fewer than two training images.
    """
    state = Authenticity()
    state.update(samples=samples, reference=reference)
    return state.compute(level=level, **engine)
