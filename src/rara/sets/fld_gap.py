"""FLD's generalisation gap: how much likelier the training set is than a test set, by the samples.

    p(x) = mean over samples y of N(x; y, s_y^2),   s fitted so that the training set is likeliest
    gap = 100 / d . (mean log p over the training set - mean log p over the test set)

Jiralerspong, Bose, Gemp, Qin, Bachrach and Gidel, Feature Likelihood Divergence: Evaluating the
Generalization of Generative Models Using Samples, NeurIPS 2023, arXiv 2302.04440. The constant of
FLD cancels out. All vectors are first divided by the training set's deviations.

Direction. Higher is more memorised. About 0 where the samples fit fresh images as well as
training images. A copy of a training image gets a deviation near 0, and the gap grows.

Options. `level`: that of the interval.

Caveats. Each x sees its 32 nearest samples: the others weigh nothing where deviations are fitted,
and log p is a lower bound. Fitting favours the training set a little by itself: compare with the
gap of held-out images in the samples' place. The interval covers the spread of training and test
images, and takes the samples and the fit as they are.
"""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from rara.geometry import EngineOptions, Nearest, query
from rara.sets.base import LEVEL, Doubles, SetScore, Vectors, VectorsLike
from rara.sets.coordinates import tiles
from rara.sets.intervals import half_width, linear, score_of
from rara.sets.three_sides import ThreeSides
from rara.stats.intervals import checked_level

SEEN = 32
"""Samples that each image sees."""
ROUNDS = 50
"""Rounds of the fit."""
FLOOR = 1e-3
"""Smallest deviation, in those of the training set."""


class FLDGap(ThreeSides):
    """The state of `fld_gap`."""

    def compute(self, *, level: float = LEVEL, **engine: Unpack[EngineOptions]) -> SetScore:
        """The figure of all vectors so far."""
        checked_level(level)
        samples = self.samples.ordered(1, "fld_gap")
        train, test = self.train.ordered(2, "fld_gap"), self.test.ordered(2, "fld_gap")
        mean, scale = self.train.once("mean and scale", lambda: _mean_and_scale(train))
        samples, train, test = (_scaled(side, mean, scale) for side in (samples, train, test))
        dimensions, seen = samples.shape[1], min(SEEN, len(samples))
        lists = [Nearest(len(side), seen) for side in (train, test)]
        for one, side in zip(lists, (train, test), strict=True):
            query(side, samples, [one], **engine)
        variances = fitted(lists[0], len(samples), dimensions)
        logs = [log_likelihood(one, variances, dimensions)[0] * 100 / dimensions for one in lists]
        variance = sum(linear(one, len(one)) for one in logs)
        value = float(logs[0].mean() - logs[1].mean())
        half = half_width(variance, level)
        counts = len(samples), len(train)
        return score_of("fld gap", value, half, counts, "higher is more memorised", level=level)


def _scaled(side: Vectors, mean: Doubles, scale: Doubles) -> Vectors:
    found = np.empty_like(side)
    for part in tiles(side):
        found[part] = (side[part] - mean) / scale
    return found


def _mean_and_scale(side: Vectors) -> tuple[Doubles, Doubles]:
    """Mean and standard deviation of each coordinate; 1 where that is 0."""
    mean, squares = side.mean(axis=0, dtype=np.float64), np.zeros(side.shape[1])
    for part in tiles(side):
        squares += ((side[part] - mean) ** 2).sum(axis=0)
    scale = np.sqrt(squares / len(side))
    scale[scale == 0] = 1
    return mean, scale


def fitted(lists: Nearest, samples: int, dimensions: int) -> Doubles:
    """(samples,) variances that make the training set likeliest, by expectation maximisation.

    A sample that is responsible for images takes the mean of their squared distances, by
    responsibility, a coordinate. One that is responsible for none keeps what it has.
    """
    variances = np.ones(samples)
    for _ in range(ROUNDS):
        _, shares = log_likelihood(lists, variances, dimensions)
        weight = np.bincount(lists.index.ravel(), shares.ravel(), samples)
        sums = np.bincount(lists.index.ravel(), (shares * lists.d2).ravel(), samples)
        responsible = weight > 1e-9
        found = sums[responsible] / weight[responsible] / dimensions
        variances[responsible] = np.maximum(found, FLOOR**2)
    return variances


def log_likelihood(
    lists: Nearest, variances: Doubles, dimensions: int
) -> tuple[Doubles, NDArray[np.float64]]:
    """(n,) log p of each image, and (n, seen) how responsible each sample is for it."""
    constant = dimensions * np.log(2 * math.pi * variances)
    logs = lists.d2 / variances[lists.index]
    logs += constant[lists.index]
    logs *= -0.5
    top = logs.max(axis=1, keepdims=True)
    logs -= top
    shares = np.exp(logs, out=logs)
    total = shares.sum(axis=1, keepdims=True)
    log_p = (top + np.log(total))[:, 0] - math.log(len(variances))
    shares /= total
    return log_p, shares


def fld_gap(
    samples: VectorsLike,
    train: VectorsLike,
    test: VectorsLike,
    *,
    level: float = LEVEL,
    **engine: Unpack[EngineOptions],
) -> SetScore:
    """How much likelier the training set is than a test set, by the samples; higher is memorised.

    Raises FeatureError where vectors are no finite numbers of shape (n, d),
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where there
    are fewer than two training or test images.
    """
    state = FLDGap()
    state.update(samples=samples, train=train, test=test)
    return state.compute(level=level, **engine)
