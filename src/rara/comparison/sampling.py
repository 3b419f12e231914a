"""How sure the figures of generators are: over their samples, and over the reference.

    samples that meet conditions, differences between halves of the reference
        --Sampled.share, .excess, difference--> estimates with intervals

Samples that share a unit, such as a prompt or a scene, count as one draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.comparison.figures import FIGURES, Figure, Levels, RealImages
from rara.comparison.halves import FREEDOM, variance
from rara.comparison.lists import DeepReference, Lists, Parts
from rara.stats.intervals import (
    Arms,
    Estimate,
    combined,
    normal_quantile,
    t_p_value,
    t_quantile,
    wilson,
)

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]
Signs = NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class HalfDifferences:
    """What differs between the halves of the reference, for each of the 19 cuts."""

    samples: Signs
    """(19, figures, m) whether each sample meets a condition by the first half, less by the
    second."""
    real: Doubles
    """(19, figures) the shares of the halves' own images, in the same way."""


def half_differences(
    reference: DeepReference, parts: Parts, lists: Sequence[Lists], levels: Levels
) -> list[HalfDifferences]:
    """Those of several generators: every half is looked at once."""
    shape = len(parts.kept) // 2, len(FIGURES)
    samples = [np.zeros((*shape, len(one.nearest.d2)), np.int8) for one in lists]
    real = np.zeros(shape)
    for number in range(1, len(parts.kept)):
        cut, sign = parts.cut_of(number)
        part = reference.part(parts.kept[number])
        images = RealImages.around(part)
        real[cut] += sign * images.own.met(levels).mean(axis=1)
        for met, one in zip(samples, lists, strict=True):
            width = int(part.d2.shape[1])
            met[cut] += np.int8(sign) * images.of(one.part(number, width)).met(levels)
    return [HalfDifferences(met, real) for met in samples]


@dataclass(frozen=True, eq=False)
class Sampled:
    """A generator's samples: which of them meet each condition, and what that depends on."""

    met: Flags
    """(figures, m)"""
    real: Doubles
    """(figures,) the share of the reference's own images that meet it."""
    halves: HalfDifferences | None
    """None where the reference is too small to be halved."""
    unit: NDArray[np.int64] | None = None
    """(m,) its number, from 0; samples of one unit are one draw. None where each is one."""
    unreachable: frozenset[Figure] = frozenset()
    """The figures that have no value: see `Unreachable`."""

    def __len__(self) -> int:
        return int(self.met.shape[1])

    @property
    def shares(self) -> Doubles:
        """(figures,)"""
        shares: Doubles = self.met.mean(axis=1)
        return shares

    @cached_property
    def units(self) -> int:
        """How many independent draws there are."""
        return int(self.met.shape[1] if self.unit is None else self.unit.max() + 1)

    def per_unit(self, values: NDArray[Any]) -> Doubles:
        """(…, units) sums over the samples of each unit, from (…, m)."""
        if self.unit is None:
            return np.asarray(values, np.float64)
        return _sums(values, self.unit)

    def share(self, figure: int, level: float) -> Estimate:
        """The share of samples, with an interval over samples and reference, within 0 and 1."""
        return self._estimate(figure, level, 0.0, clip=True)

    def excess(self, figure: int, level: float) -> Estimate:
        """The same less the share of real images: what a perfect generator has 0 of."""
        return self._estimate(figure, level, 1.0, clip=False)

    def excess_p(self, figure: int) -> float | None:
        """Two-sided p-value of the excess; None where the reference cannot be halved."""
        if self.halves is None:
            return None
        error = self.samples_variance(figure) + self.reference_variance(figure, 1.0)
        excess = float(self.shares[figure] - self.real[figure])
        return p_of(excess, error)

    def samples_arms(self, figure: int, level: float) -> Arms:
        """The part of an interval that is due to the samples: Wilson's, by effective number."""
        share, units = float(self.shares[figure]), self.units
        effective = float(units)
        spread = share * (1 - share)
        if self.unit is not None and spread > 0 and units > 1:
            effective = spread / self._unit_variance(figure)
        return wilson(share, effective, level)

    def samples_variance(self, figure: int) -> float:
        """Variance of the share over samples; two imagined ones keep it above 0 (Agresti)."""
        if self.unit is not None and self.units > 1 and 0 < self.shares[figure] < 1:
            return self._unit_variance(figure)
        share = (self.met[figure].sum() + 1) / (len(self) + 2)
        return float(share * (1 - share)) / self.units

    def _unit_variance(self, figure: int) -> float:
        off = self.per_unit(self.met[figure] - self.shares[figure])
        return float((off**2).sum()) * self.units / (self.units - 1) / len(self) ** 2

    def reference_variance(self, figure: int, real: float) -> float:
        """Variance of the share, less `real` times that of real images, over references."""
        if self.halves is None:
            return 0.0
        signs = self.halves.samples[:, figure]
        shift = signs.mean(axis=1) - real * self.halves.real[:, figure]
        own = (self.per_unit(signs) ** 2).sum(axis=1) / len(self) ** 2
        return variance(shift, own)

    def _estimate(self, figure: int, level: float, real: float, *, clip: bool) -> Estimate:
        value = float(self.shares[figure] - real * self.real[figure])
        half = t_quantile(level, FREEDOM) * self.reference_variance(figure, real) ** 0.5
        found = combined(value, [self.samples_arms(figure, level), Arms(half, half)])
        if self.halves is None:
            return Estimate(value, float("nan"), float("nan"))
        return Estimate(value, max(0.0, found.low), min(1.0, found.high)) if clip else found


def all_have(figure: Figure, sampled: Iterable[Sampled]) -> bool:
    """Whether a figure has a value for each of these generators."""
    return all(figure not in one.unreachable for one in sampled)


def difference(one: Sampled, other: Sampled, figure: int, level: float) -> tuple[Estimate, float]:
    """The share of one generator less that of another by the same reference, and its p-value.

    Their samples are drawn apart. NaN limits where the reference cannot be halved.
    """
    value = float(one.shares[figure] - other.shares[figure])
    shared = _shared_variance(one, other, figure)
    if shared is None:
        return Estimate(value, float("nan"), float("nan")), float("nan")
    half = t_quantile(level, FREEDOM) * shared**0.5
    arms = [one.samples_arms(figure, level), other.samples_arms(figure, level).turned]
    error = one.samples_variance(figure) + other.samples_variance(figure) + shared
    return combined(value, [*arms, Arms(half, half)]), p_of(value, error)


def _shared_variance(one: Sampled, other: Sampled, figure: int) -> float | None:
    """Variance of a difference over references."""
    if one.halves is None or other.halves is None:
        return None
    signs = [side.halves.samples[:, figure] for side in (one, other) if side.halves]
    own = [
        (side.per_unit(sign) ** 2).sum(axis=1) / len(side) ** 2
        for side, sign in zip((one, other), signs, strict=True)
    ]
    return variance(signs[0].mean(axis=1) - signs[1].mean(axis=1), own[0] + own[1])


def paired_difference(
    one: Sampled,
    other: Sampled,
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    figure: int,
    level: float,
) -> tuple[Estimate, float]:
    """The same over units that both generators have: the mean of the differences within units.

    `pairs`: for each sample of either side the number of its unit, from 0, or -1 for none.
    """
    means = [
        _unit_means(side.met[figure], unit) for side, unit in zip((one, other), pairs, strict=True)
    ]
    apart = means[0] - means[1]
    count, value = len(apart), float(np.mean(apart))
    if one.halves is None or other.halves is None or count < 2:
        return Estimate(value, float("nan"), float("nan")), float("nan")
    signs = [
        _unit_means(half.samples[:, figure], unit)
        for half, unit in zip((one.halves, other.halves), pairs, strict=True)
    ]
    shift = signs[0] - signs[1]
    shared = variance(shift.mean(axis=1), (shift**2).sum(axis=1) / count**2)
    drawn = _paired_variance(apart)
    samples = normal_quantile(level) * drawn**0.5
    half = t_quantile(level, FREEDOM) * shared**0.5
    arms = [Arms(samples, samples), Arms(half, half)]
    return combined(value, arms), p_of(value, drawn + shared)


def _paired_variance(apart: Doubles) -> float:
    """Variance of a mean of differences; two imagined pairs of ±1 keep it above 0 (Agresti)."""
    padded = np.concatenate([apart, [0.5, -0.5]])
    return float(padded.var(ddof=1) / len(padded))


def _unit_means(values: NDArray[Any], unit: NDArray[np.int64]) -> Doubles:
    """(…, units) means over the samples of each unit, from (…, m); -1 is no unit."""
    rows = np.flatnonzero(unit >= 0)
    means: Doubles = _sums(values[..., rows], unit[rows]) / np.bincount(unit[rows])
    return means


def _sums(values: NDArray[Any], unit: NDArray[np.int64]) -> Doubles:
    """(…, units) sums, from (…, m); units are numbered from 0 without a gap."""
    order = np.argsort(unit, kind="stable")
    starts = np.searchsorted(unit[order], np.arange(int(unit.max()) + 1))
    sums: Doubles = np.add.reduceat(np.asarray(values, np.float64)[..., order], starts, axis=-1)
    return sums


def p_of(value: float, error: float) -> float:
    """Two-sided p-value of a value with this variance, by Student's t with 19 degrees."""
    return t_p_value(value / error**0.5, FREEDOM) if error > 0 else float(value == 0)
