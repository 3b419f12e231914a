"""Optimal transport between two sets of sorted numbers: its cost, and how each number changes it.

    sorted numbers of both sides --transport--> squared 2-Wasserstein distance, two potentials

Number i of n has the levels from i / n to (i + 1) / n; levels are compared as whole multiples of
1 / nm, so that equal ones are equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rara.storage.compiled import compiled

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


@compiled
def transport(first: Floats, second: Floats) -> float:
    """Squared 2-Wasserstein distance: the mean squared difference of quantiles."""
    n, m = first.size, second.size
    i = j = 0
    level, total = np.int64(0), 0.0
    while i < n and j < m:
        mine, theirs = np.int64(i + 1) * m, np.int64(j + 1) * n
        end = min(mine, theirs)
        gap = np.float64(first[i]) - np.float64(second[j])
        total += np.float64(end - level) * gap * gap
        level = end
        if mine == end:
            i += 1
        if theirs == end:
            j += 1
    return total / (np.float64(n) * np.float64(m))


@compiled
def potential(own: Floats, other: Floats, out: Doubles) -> None:
    """First-order change of the distance with the weight of each own number, but for a constant.

    Its derivative is 2 (x - T(x)), where T carries one law to the other; between two numbers T is
    the other's quantile at the weight of all numbers so far.
    """
    n, m = own.size, other.size
    before, at = 0, 0  # the numbers opposite just before and just after a level
    out[0] = 0.0
    for i in range(1, n):
        level = np.int64(i) * m
        while np.int64(before + 1) * n < level:
            before += 1
        while np.int64(at + 1) * n <= level:
            at += 1
        between = (np.float64(other[before]) + np.float64(other[at])) / 2
        left, right = np.float64(own[i - 1]), np.float64(own[i])
        out[i] = out[i - 1] + (right * right - left * left - 2 * between * (right - left))


@compiled
def add_at(values: Floats, ascending: Floats, changes: Doubles, sums: Doubles) -> None:
    """Add to `sums` the change of each value, by its first place among the ascending ones.

    Every value is one of them.
    """
    for p in range(values.size):
        first, left = 0, ascending.size
        while left > 1:  # without a branch: which way it goes cannot be foreseen
            half = left // 2
            first += half * int(ascending[first + half - 1] < values[p])
            left -= half
        sums[p] += changes[first]
