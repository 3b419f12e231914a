"""Whether shares rise or fall along a knob: a permutation test."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PERMUTATIONS = 4999
TIE = 1e-9


class Trend(NamedTuple):
    """How shares follow a knob."""

    tau: float
    """Kendall's correlation of the shares with the knob: 1 where they only rise."""
    p: float
    """Two-sided p-value, by permuting the samples among the values of the knob."""


def trend_of_shares(
    knob: NDArray[np.float64],
    hits: NDArray[np.int64],
    counts: NDArray[np.int64],
    *,
    seed: int = 0,
    permutations: int = PERMUTATIONS,
) -> Trend:
    """A trend of `hits` out of `counts` samples over the values of a knob.

    The statistic is the sum over samples that hit of the mid-rank of their knob, as in the tests
    of Cochran (1954) and Armitage (1955) with ranks as scores. If all samples are drawn alike,
    whatever the knob is, p is at most alpha with probability at most alpha.

    >>> rising = trend_of_shares(np.array([0.2, 0.5, 1.0]), np.array([5, 20, 40]),
    ...                          np.array([100, 100, 100]))
    >>> rising.tau, rising.p < 0.001
    (1.0, True)
    """
    scores = _midranks(knob)
    total = int(hits.sum())
    drawn = np.random.default_rng(seed).multivariate_hypergeometric(
        counts, total, size=permutations, method="marginals"
    )
    usual = total * float(scores @ counts) / counts.sum()
    least = abs(float(scores @ hits) - usual) * (1 - TIE)
    farther = np.count_nonzero(np.abs(drawn @ scores - usual) >= least)
    return Trend(_kendall(knob, hits / counts), (1 + int(farther)) / (1 + permutations))


def _midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(count) - (count - 1) / 2)[place]
    return ranks


def _kendall(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Kendall's tau b; 0 where nothing varies."""
    first, second = (np.sign(np.subtract.outer(values, values)) for values in (one, other))
    scale = np.sqrt(float((first**2).sum()) * float((second**2).sum()))
    return float((first * second).sum() / scale) if scale else 0.0
