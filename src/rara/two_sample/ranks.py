"""One p-value of several statistics, each known for the true labels and for shuffled ones."""

from __future__ import annotations

import numpy as np

from rara.two_sample.views import Doubles

ROUNDING = 1e-9
"""Statistics that differ by less, in relation to their largest, tie."""


def shares_at_least(statistic: Doubles) -> Doubles:
    """For each order of labels the share of orders whose statistic is at least as large.

    >>> shares_at_least(np.array([3.0, 1.0, 3.0, 2.0]))
    array([0.5 , 1.  , 0.5 , 0.75])
    """
    ordered = np.sort(statistic)
    below = np.searchsorted(ordered, statistic - ROUNDING * np.abs(ordered).max(), "left")
    shares: Doubles = (len(ordered) - below) / len(ordered)
    return shares


def p_value(statistics: Doubles) -> float:
    """Of (views, orders) the share of orders that are at least as extreme as the first.

    An order is as extreme as its smallest share in a view. Where those tie, the largest
    statistic in deviations of its view decides: else the smallest p would never be reached.
    """
    least = np.min([shares_at_least(view) for view in statistics], axis=0)
    deviation = statistics.std(axis=1, keepdims=True)
    centred = statistics - statistics.mean(axis=1, keepdims=True)
    unusual = np.where(deviation > ROUNDING, centred / np.maximum(deviation, ROUNDING), 0)
    largest = unusual.max(axis=0)
    tied = (least == least[0]) & (largest >= largest[0] - ROUNDING * abs(largest[0]))
    return float(np.mean((least < least[0]) | tied))
