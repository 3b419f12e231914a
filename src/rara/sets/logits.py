"""Inception Score: how sure a classifier is of each image, and how varied it finds them.

    inception_score = exp(mean of KL(p(y | x), p(y))),    p(y) = mean of p(y | x)

with p(y | x) the softmax of an image's logits. Salimans et al., Improved Techniques for Training
GANs, NeurIPS 2016, arXiv 1606.03498.

Direction. Higher is better: from 1, where all images get the same answer, to the number of classes.

Options. `level`: that of the interval, which covers the mean score of sets of this size.

Caveats. It takes no reference: a generator of one perfect image a class has the best score, and so
has one that copies. With n images and K classes its logarithm is too low by up to about K / 2n.
Other packages report the mean over 10 splits, which are ten times as small.
Compare at equal n only.
"""

from __future__ import annotations

import math
from typing import Self

import numpy as np

from rara.sets.base import (
    LEVEL,
    Doubles,
    Kind,
    SetScore,
    Vectors,
    VectorsLike,
    refuse_fewer,
    refuse_other_options,
)
from rara.sets.intervals import half_width
from rara.sets.moments import Moments
from rara.stats.intervals import checked_level

_TILE = 2**20


class InceptionScore:
    """The state of `inception_score`: moments of p(y | x) and of its entropy."""

    def __init__(self) -> None:
        self.kind = Kind()
        self.moments = Moments.none(0)

    @property
    def options(self) -> tuple[()]:
        """None."""
        return ()

    def update(self, *, samples: VectorsLike) -> None:
        """Take in the logits of some samples; errors as of `inception_score`."""
        ((_, logits),) = self.kind.admit([(None, samples)])
        rows = max(1, _TILE // logits.shape[1])
        for start in range(0, len(logits), rows):
            tile = _with_entropy(logits[start : start + rows])
            self.moments = self.moments.joined(Moments.of_tile(tile))

    def merge(self, other: Self) -> None:
        """Take in what another state took in."""
        refuse_other_options(self, other)
        self.kind.agree(other.kind.spec, other.kind.dimensions)
        self.moments = self.moments.joined(other.moments.copy())

    def compute(self, *, level: float = LEVEL) -> SetScore:
        """The score of all samples so far."""
        checked_level(level)
        moments = self.moments
        refuse_fewer(moments.count, 2, "samples", "inception_score")
        p, minus_entropy = moments.mean[:-1], moments.mean[-1]
        logs = np.log(np.where(p > 0, p, 1.0))
        value = float(minus_entropy - p @ logs)
        # The first-order change with an image is its sum of p (log p(y|x) - log p(y)).
        change = np.append(-logs, 1.0)
        variance = float(change @ moments.scatter @ change) / (moments.count - 1) / moments.count
        half = half_width(variance, level)
        low, middle, high = (math.exp(value + step) for step in (-half, 0, half))
        direction = "higher is surer and more varied"
        return SetScore("inception_score", middle, low, high, moments.count, None, direction, level)


def _with_entropy(logits: Vectors) -> Doubles:
    """(n, K + 1) the softmax of each row, and the sum of p log p."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    p = np.exp(logs)
    return np.column_stack([p, np.einsum("ij,ij->i", p, logs)])


def inception_score(logits: VectorsLike, *, level: float = LEVEL) -> SetScore:
    """Inception Score of samples by their (n, classes) logits; higher is surer and more varied.

    Raises FeatureError where logits are no finite numbers of shape (n, classes), and ParameterError
    where there are fewer than 2 samples.

    >>> round(float(inception_score([[50.0, 0.0], [0.0, 50.0]])), 6)
    2.0
    """
    state = InceptionScore()
    state.update(samples=logits)
    return state.compute(level=level)
