"""Generators judged by one reference, two at a time: which differences are sure.

    Sampled of each --differences--> value, interval, Holm's p --ranking--> who is before whom

Intervals hold for all pairs of generators together, figure by figure (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from rara.comparison.figures import FIGURES, Figure
from rara.comparison.sampling import Sampled, difference, paired_difference
from rara.stats.intervals import Estimate
from rara.stats.multiple import holm

BETTER: Mapping[Figure, int] = {"yield": 1, "off_manifold": -1, "copies": -1}
"""The figures that rank, and whether more is better (1) or worse (-1). A generator off the manifold
has few samples in the dense core, which is no merit."""

GRID = np.linspace(0, 100, 101)


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of one generator less that of another."""

    figure: Figure
    one: str
    other: str
    value: float | None
    """None where a generator has no such figure, or no unit is in both."""
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None = None
    """Adjusted for all pairs of generators."""
    units: int | None = None
    """Pairs that were compared, where samples are paired."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Generators by a figure, the best first; only sure differences order them."""

    figure: Figure
    order: tuple[str, ...]
    sure: tuple[tuple[str, str], ...]
    """Pairs of which the first is surely better."""
    unsure: tuple[tuple[str, str], ...]
    """Pairs that the samples and the reference do not tell apart."""


@dataclass(frozen=True, slots=True)
class Band:
    """How the distributions of the rarity percentile of two generators differ, inside the balls.

    `difference` is F_one - F_other at each percentile of real images: above 0 where `one` is less
    rare. `width` is half the width of a band that holds the true difference everywhere at once, for
    this reference.
    """

    one: str
    other: str
    percentiles: tuple[float, ...]
    difference: tuple[float, ...]
    width: float
    beyond: bool
    """Whether the difference leaves the band round 0 anywhere."""


def differences(
    sampled: Mapping[str, Sampled], level: float, units: Mapping[str, Sequence[str | None]] | None
) -> list[Difference]:
    """All pairs, figure by figure. `units`: the value of the key of each sample, where paired."""
    pairs = list(combinations(sampled, 2))
    together = 1 - (1 - level) / max(1, len(pairs))
    found: list[Difference] = []
    for number, figure in enumerate(FIGURES):
        some = [_difference(sampled, pair, number, together, units) for pair in pairs]
        adjusted = holm([one.p for one in some])
        found += [replace(one, p_holm=p) for one, p in zip(some, adjusted, strict=True)]
        assert all(one.figure == figure for one in some)
    return found


def _difference(
    sampled: Mapping[str, Sampled],
    pair: tuple[str, str],
    number: int,
    level: float,
    units: Mapping[str, Sequence[str | None]] | None,
) -> Difference:
    one, other = (sampled[name] for name in pair)
    count = None
    if FIGURES[number] in one.unreachable | other.unreachable:
        return Difference(FIGURES[number], *pair, None, None, None, None)
    if units is None:
        estimate, p = difference(one, other, number, level)
    else:
        paired = matched(units[pair[0]], units[pair[1]])
        count = int(max(paired[0].max(initial=-1), -1)) + 1
        if count < 1:
            return Difference(FIGURES[number], *pair, None, None, None, None, units=0)
        estimate, p = paired_difference(one, other, paired, number, level)
    value, low, high = estimate_or_none(estimate)
    return Difference(FIGURES[number], *pair, value, low, high, _known(p), units=count)


def matched(
    one: Sequence[str | None], other: Sequence[str | None]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The number of the unit of each sample on both sides; -1 where only one side has it."""
    common = sorted({name for name in one if name is not None} & set(other))
    number = {name: place for place, name in enumerate(common)}
    first, second = (
        np.array([-1 if name is None else number.get(name, -1) for name in side], np.int64)
        for side in (one, other)
    )
    return first, second


def ranking(
    figure: Figure, sampled: Mapping[str, Sampled], found: Sequence[Difference], level: float
) -> Ranking:
    """The order by a figure, with the pairs that are sure after Holm's correction."""
    better = BETTER[figure]
    shares = {name: float(one.shares[FIGURES.index(figure)]) for name, one in sampled.items()}
    order = tuple(sorted(shares, key=lambda name: -better * shares[name]))
    sure: list[tuple[str, str]] = []
    unsure: list[tuple[str, str]] = []
    for one in found:
        if one.figure != figure or one.value is None:
            continue
        first, second = sorted((one.one, one.other), key=order.index)
        ahead = one.p_holm is not None and one.p_holm <= 1 - level and one.value != 0
        (sure if ahead else unsure).append((first, second))
    return Ranking(figure, order, tuple(sure), tuple(unsure))


def band(
    names: tuple[str, str], percentiles: Sequence[NDArray[np.float64]], level: float
) -> Band | None:
    """The band of Kolmogorov and Smirnov for two sets of percentiles; None where one is empty.

        sup |F_one - F_other - (their estimates)| <= sqrt(-log((1 - level) / 2) (1/m + 1/n) / 2)

    with probability `level`, for large m and n, whatever the laws are; more for small ones.
    """
    if any(not len(one) for one in percentiles):
        return None
    first, second = (np.sort(one) for one in percentiles)
    at = [np.searchsorted(side, GRID, "right") / len(side) for side in (first, second)]
    apart = at[0] - at[1]
    scale = (1 / len(first) + 1 / len(second)) / 2
    width = math.sqrt(-math.log((1 - level) / 2) * scale)
    return Band(
        *names, tuple(GRID.tolist()), tuple(apart.tolist()), width,
        bool(np.abs(apart).max() > width),
    )  # fmt: skip


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def estimate_or_none(found: Estimate) -> tuple[float, float | None, float | None]:
    """A value with limits that may be missing."""
    return found.value, _known(found.low), _known(found.high)
