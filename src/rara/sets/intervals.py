"""Intervals of a figure whose first-order changes, or values without a part, are known.

    value + influence of each image   --linear-->      variance
    values without one part of a side --jackknife-->   variance
    value + variances of both sides   --score_of-->    SetScore

Both sides are sets of independent images, so their variances add. Nothing is drawn with
replacement: copies of an image are no new images, and make sets look closer than they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from rara.sets.base import LEVEL, Doubles, SetScore
from rara.stats.intervals import checked_level, t_quantile

PARTS = 20
"""Into how many parts a side is divided for the jackknife, at most."""


def linear(influence: Doubles, count: int) -> float:
    """Variance of a figure by its first-order change with each of `count` images.

        var = 1 / n . mean of (f_i - mean f)^2

    `influence`: (k,) of all images or of some drawn from them; f_i is the derivative of the
    figure by the weight of image i (von Mises; Hampel 1974: the infinitesimal jackknife).
    """
    return float(np.var(influence, ddof=1)) / count


def jackknife(without: Sequence[float] | Doubles) -> float:
    """Variance of a figure by its g values without one of g equal parts of a side.

        var = (g - 1) / g . sum of (t_j - mean t)^2

    Quenouille 1956; Shao and Wu 1989 for parts of more than one image.
    """
    values = np.asarray(without, dtype=np.float64)
    return (len(values) - 1) * float(np.var(values))


def parts_of(count: int) -> list[slice]:
    """Consecutive parts of nearly equal size of so many images: at most `PARTS`."""
    ends = np.linspace(0, count, min(PARTS, count) + 1).round().astype(int).tolist()
    return [slice(start, stop) for start, stop in pairwise(ends)]


def half_width(variance: float, level: float = LEVEL, freedom: float = math.inf) -> float:
    """Half the width of an interval: Student's quantile times the standard deviation."""
    return t_quantile(checked_level(level), freedom) * math.sqrt(max(variance, 0.0))


def score_of(
    name: str,
    value: float,
    half: float,
    counts: tuple[int, int | None],
    direction: str,
    *,
    level: float = LEVEL,
    least: float = -math.inf,
) -> SetScore:
    """A figure with a symmetric interval, of which nothing lies below `least`."""
    low, high = max(value - half, least), max(value + half, least)
    return SetScore(name, max(value, least), low, high, *counts, direction, level)
