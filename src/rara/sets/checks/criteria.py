"""What the values of a metric along a knob must be, and how it is written down.

A metric of diversity may call samples that spread wider than the data diverse or not, if it does
so everywhere: such criteria give "low" or "high", and a check passes if all of them agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rara.sets.base import Doubles

Outcome = bool | Literal["low", "high"]
NEAR = 0.05
"""How far a value may be from the one expected."""
APART = 0.2
"""How far the ends of a knob must be apart, ..."""
SLACK = 0.1
"""... and how far an end may be from the largest or smallest value."""


@dataclass(frozen=True, slots=True)
class Values:
    """Mean values of a metric along a knob."""

    knob: Doubles
    value: Doubles
    raised: str | None = None
    """The error that the metric raised, if any."""

    def at(self, knob: float) -> float:
        """The value where the knob is nearest to this."""
        return float(self.value[np.abs(self.knob - knob).argmin()])


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that must hold."""

    expected: str
    holds: Callable[[Values], Outcome]
    found: Callable[[Values], str]


def _ends(values: Values) -> str:
    return f"{values.value[0]:.2f} … {values.value[-1]:.2f}"


def _range(values: Values) -> str:
    there = values.value[~np.isnan(values.value)]
    return f"{there.min():.2f} to {there.max():.2f}" if len(there) else "nan"


def near(what: str, pick: Callable[[Values], float], target: float) -> Criterion:
    """A value close to the one expected."""
    return Criterion(
        f"{target:g} {what}",
        lambda values: bool(abs(pick(values) - target) <= NEAR),
        lambda values: f"{pick(values):.2f}",
    )


def at(what: str, knob: float, target: float) -> Criterion:
    """Close to a value where the knob is nearest to this."""
    return near(what, lambda values: values.at(knob), target)


def first(what: str, target: float) -> Criterion:
    """Close to a value at the first end of the knob."""
    return near(what, lambda values: float(values.value[0]), target)


def last(what: str, target: float) -> Criterion:
    """Close to a value at the last end of the knob."""
    return near(what, lambda values: float(values.value[-1]), target)


def zero_or_one(what: str, end: int) -> Criterion:
    """Low, near 0, or high, near 1, at an end of the knob."""

    def holds(values: Values) -> Outcome:
        value = values.value[end]
        if abs(value - 1) <= NEAR:
            return "high"
        return "low" if abs(value) <= NEAR else False

    return Criterion(f"0 or 1 {what}", holds, lambda values: f"{values.value[end]:.2f}")


def bell(middle: float) -> Criterion:
    """High in the middle and low at both ends."""

    def holds(values: Values) -> bool:
        value, top = values.value, values.at(middle)
        return bool(
            top - value[0] >= APART
            and top - value[-1] >= APART
            and value.max() - top <= SLACK
            and min(value[0], value[-1]) - value.min() <= SLACK
        )

    return Criterion(f"highest at {middle:g}, lower at both ends", holds, _range)


def falls() -> Criterion:
    """High at first, low at last."""

    def holds(values: Values) -> bool:
        value = values.value
        return bool(
            value[0] - value[-1] >= APART
            and value.max() - value[0] <= SLACK
            and value[-1] - value.min() <= SLACK
        )

    return Criterion("falls", holds, _ends)


def rises() -> Criterion:
    """Low at first, high at last."""
    down = falls()
    return Criterion("rises", lambda values: down.holds(Values(values.knob, -values.value)), _ends)


def falls_by(knob: float) -> Criterion:
    """Falls, and by so much already at a place of the knob."""
    down = falls()

    def holds(values: Values) -> Outcome:
        return down.holds(values) and bool(values.value[0] - values.at(knob) >= SLACK)

    return Criterion(
        f"falls, by {SLACK:g} already at {knob:g}",
        holds,
        lambda values: f"{values.value[0]:.2f}, {values.at(knob):.2f}, {values.value[-1]:.2f}",
    )


def constant() -> Criterion:
    """The same all along the knob."""
    return Criterion("does not change", lambda values: bool(np.ptp(values.value) <= NEAR), _range)


def settles(after: float) -> Criterion:
    """The same from a place of the knob on."""

    def late(values: Values) -> Values:
        return Values(values.knob[values.knob >= after], values.value[values.knob >= after])

    return Criterion(
        f"does not change from {after:,.0f} on",
        lambda values: bool(np.ptp(late(values).value) <= NEAR),
        lambda values: _range(late(values)),
    )


def either(low: Criterion, high: Criterion) -> Criterion:
    """The shape of a metric that is low for wide samples, or of one that is high."""

    def holds(values: Values) -> Outcome:
        if low.holds(values):
            return "low"
        return "high" if high.holds(values) else False

    return Criterion(f"{low.expected}, or {high.expected}", holds, _range)


def never_rises(total: float = APART) -> Criterion:
    """Falls by so much in all, and never rises by more than noise."""

    def holds(values: Values) -> bool:
        steps = np.diff(values.value)
        return bool(steps.max() <= NEAR and values.value[0] - values.value[-1] >= total)

    return Criterion(f"falls by {total:g} or more, step by step", holds, _ends)


def never_falls() -> Criterion:
    """Not below the first value by more than noise."""
    return Criterion(
        "does not fall",
        lambda values: bool(values.value.min() >= values.value[0] - NEAR),
        _range,
    )
