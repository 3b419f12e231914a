"""Intervals of figures that hang on neighbours: halves of both sides, drawn again and again.

    samples, reference --halved--> two disjoint pairs of sides --figure--> difference of the two
    var = 1/4 . mean over the draws of (t_1 - t_2)^2

t_1 and t_2 are independent figures of half as many images each: their difference has twice the
variance of one, and one has twice the variance of the figure of all images.

A figure of k-NN balls hangs on many images at once. A jackknife counts j times what hangs on j
images together (Efron and Stein, The Jackknife Estimate of Variance, 1981): its intervals are up to
twice too wide here. A bootstrap repeats images, which shrinks balls. Copies of a vector go to one
half together: they are no new images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from rara.sets.base import SetScore, Vectors
from rara.sets.intervals import half_width

Flags = NDArray[np.bool_]
Parts = Iterable[tuple[Flags, ...]]
"""Which samples and which reference images are kept, again and again."""
Figure = Callable[[Flags, Flags], float]
"""From which samples and which reference images are kept to the value."""
Figures = Callable[[Parts], Iterator[float]]
"""The same for many parts in turn."""

DRAWS = 40
"""How often both sides are halved."""


def distinct(vectors: Vectors) -> NDArray[np.int32]:
    """(n,) the number of each vector among the distinct ones; equal vectors follow one another."""
    new = (vectors[1:] != vectors[:-1]).any(axis=1)
    return np.append(0, np.cumsum(new)).astype(np.int32)


def variance_of(figure: Callable[..., float], *sides: Vectors) -> float:
    """Variance of a figure by all sides, which are in the order of their content.

    `figure` takes one array of flags a side.

    NaN where a side has fewer than two distinct images.
    """
    return variance_between(figure(*half) for half in halved(*sides))


def halved(*sides: Vectors) -> Iterator[tuple[Flags, ...]]:
    """Halves of all sides, which are in the order of their content: each pair is disjoint.

    There are none where a side has fewer than two distinct images.
    """
    return halves_of(*map(distinct, sides))


def halves_of(*numbers: NDArray[np.int32]) -> Iterator[tuple[Flags, ...]]:
    """The same of sides by the numbers of their distinct vectors."""
    if min(int(side[-1]) for side in numbers) < 1:
        return
    rng = np.random.default_rng(0)
    for _ in range(DRAWS):
        halves = tuple(_half(side, rng) for side in numbers)
        yield halves
        yield tuple(~half for half in halves)


def variance_between(figures: Iterable[float]) -> float:
    """Variance of a figure by its values of the halves, as `halved` gives them; NaN of none."""
    values = iter(figures)
    total, draws = 0.0, 0
    for one, other in zip(values, values, strict=True):
        total += (one - other) ** 2
        draws += 1
    return total / (4 * draws) if draws else math.nan


def _half(side: NDArray[np.int32], rng: np.random.Generator) -> Flags:
    count = int(side[-1]) + 1
    chosen = np.zeros(count, bool)
    chosen[rng.permutation(count)[: count // 2]] = True
    return chosen[side]


def score_within(
    name: str,
    value: float,
    variance: float,
    counts: tuple[int, int],
    direction: str,
    level: float,
    *,
    most: float = 1.0,
) -> SetScore:
    """A figure from 0 to `most`, with an interval cut to that."""
    half = half_width(variance, level, DRAWS)
    low, high = (min(max(end, 0.0), most) for end in (value - half, value + half))
    return SetScore(name, min(value, most), low, high, *counts, direction, level)
