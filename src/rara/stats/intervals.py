"""Intervals of shares whose error has two sources: the samples drawn, and the reference.

share, samples, variance by the reference --combined--> interval, wider on the side that may be

Shares near 0 or 1 have no symmetric interval, and a variance by resampling has few degrees of
freedom: each source keeps its own limits, and their distances add up in squares.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist
from typing import NamedTuple

from rara.arguments import number
from rara.errors import ParameterError


class Estimate(NamedTuple):
    """A number with its interval."""

    value: float
    low: float
    high: float


class Arms(NamedTuple):
    """How far the limits lie below and above a value."""

    below: float
    above: float

    @property
    def turned(self) -> Arms:
        """Those of the negative value."""
        return Arms(self.above, self.below)


LEVEL = 0.95
"""The confidence of intervals unless another one is given."""


def checked_level(level: float) -> float:
    """A confidence level; raises ParameterError where it is none."""
    if not 0 < number(level, "level") < 1:
        raise ParameterError(f"level = {level:g}: give a confidence between 0 and 1, such as 0.95.")
    return float(level)


def normal_quantile(level: float) -> float:
    """How many deviations a two-sided normal interval of this level reaches.

    >>> round(normal_quantile(0.95), 4)
    1.96
    """
    return NormalDist().inv_cdf((1 + level) / 2)


def t_quantile(level: float, freedom: float) -> float:
    """The same of Student's t, by the expansion of Fisher and Cornish (1960) in 1 / freedom.

    The normal one at infinite `freedom`. Off by less than 0.001 from 9 degrees of freedom on, up
    to a level of 0.99.

    >>> round(t_quantile(0.95, 19), 3)
    2.093
    """
    z = normal_quantile(level)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / freedom**power for power, term in enumerate(terms, start=1))


def t_p_value(deviations: float, freedom: int) -> float:
    """Two-sided p-value of so many deviations by Student's t, by Hill's normal transform (1970).

    >>> round(t_p_value(2.093, 19), 3)
    0.05
    """
    a, b = freedom - 0.5, 48 * (freedom - 0.5) ** 2
    w = math.sqrt(a * math.log1p(deviations**2 / freedom))
    z = (
        w
        + (w**3 + 3 * w) / b
        - (4 * w**7 + 33 * w**5 + 240 * w**3 + 855 * w) / (10 * b * (b + 0.8 * w**4 + 100))
    )
    return 2 * NormalDist().cdf(-z)


def wilson(share: float, count: float, level: float) -> Arms:
    """How far Wilson's interval (1927) of a share reaches; `count` may be an effective number.

    >>> [round(arm, 3) for arm in wilson(0.0, 100, 0.95)]
    [0.0, 0.037]
    """
    z2 = normal_quantile(level) ** 2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = math.sqrt(z2 * (share * (1 - share) / count + z2 / (4 * count**2))) / (1 + z2 / count)
    return Arms(max(0.0, share - middle + half), max(0.0, middle + half - share))


def share_interval(share: float, count: int) -> tuple[float, float]:
    """The two ends of Wilson's 95 % interval of a share among so many; between 0 and 1.

    >>> [round(end, 3) for end in share_interval(0.5, 100)]
    [0.404, 0.596]
    """
    arms = wilson(share, count, LEVEL)
    return max(0.0, share - arms.below), min(1.0, share + arms.above)


def repeats_interval(
    draws: int, repeating: int, in_pairs: int, level: float = LEVEL
) -> tuple[float, float]:
    """The ends of an interval for the share of draws that repeat another one.

    `repeating`: how many do; `in_pairs`: how many of these have one repeat only. Draws that repeat
    one another are no independent evidence: without one of a pair, two fewer repeat, and one fewer
    else. So the number of draws is the effective one, by the jackknife. Its variance is on average
    at least the true one (Efron and Stein, Annals of Statistics 9, 1981). Where none or
    all repeat, half the draws count.

    >>> [round(end, 3) for end in repeats_interval(1000, 20, 20)]
    [0.009, 0.046]
    """
    share, changes = repeating / draws, repeating + in_pairs
    squares = repeating + 3 * in_pairs - changes**2 / draws
    effective = draws / 2
    if 0 < repeating < draws:
        effective = min(draws, share * (1 - share) * draws * (draws - 1) / squares)
    arms = wilson(share, effective, level)
    return max(0.0, share - arms.below), min(1.0, share + arms.above)


def combined(value: float, sources: Iterable[Arms]) -> Estimate:
    """One interval of several independent sources of error: their arms add up in squares.

    Zou and Donner, Construction of confidence limits about effect measures, Statistics in
    Medicine 27 (2008).
    """
    below, above = 0.0, 0.0
    for arms in sources:
        below, above = math.hypot(below, arms.below), math.hypot(above, arms.above)
    return Estimate(value, value - below, value + above)
