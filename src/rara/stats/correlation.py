"""Rank correlation: how far two orders of the same images agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def rank_correlations(scores: NDArray[np.float64], chosen: int) -> list[float | None]:
    """Spearman's correlation of each column with the chosen one, over rows where both have values.

    `scores`: (m, columns), NaN where there is no value. Ties share their mean rank. None where one
    of the two does not vary, or no row has both.
    """
    return [_spearman(column, scores[:, chosen]) for column in scores.T]


def _spearman(one: Doubles, other: Doubles) -> float | None:
    both = ~np.isnan(one) & ~np.isnan(other)
    first, second = _ranks(one[both]), _ranks(other[both])
    if not both.any() or not np.ptp(first) or not np.ptp(second):
        return None
    return round(float(np.corrcoef(first, second)[0, 1]), 6)


def _ranks(values: Doubles) -> Doubles:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Doubles = (np.cumsum(count) - (count - 1) / 2)[place]
    return ranks
