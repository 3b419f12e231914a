"""Small multiples: numbers with their intervals on one scale, beside what real images give.

    values --panel_of--> one panel: a row for each name, all on one scale
    values, places --curve_of--> the same along a knob

Both hold places in percent of the way and labels, which templates/multiples.html.j2 draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from rara.report.chart import Tick
from rara.report.formatting import percent, shorten, width
from rara.report.histogram import round_steps

Interval = tuple[float, float]

HEADROOM = 1.06
LEAST = 0.02
"""The axis of shares reaches to this one at least."""
TICKS = 2
NAME = 18
"""Columns of a name."""
ROOM = 30
"""Letters that fit below a curve, from the middle of the first label to that of the last."""
EDGE = 5.0
"""Curves keep this distance from both sides, in percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number of one row, in the unit of its panel."""

    name: str
    value: float
    interval: Interval | None = None
    real: float | None = None
    """The same of real images; None where it is not known."""
    sure: bool | None = None
    """Whether it surely differs from that; None where this was not tested."""
    of_real: bool = False
    """Whether the number itself is one of real images."""
    place: float | None = None
    """Of the knob; None where there is none."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From where to where an axis reaches."""

    low: float
    high: float

    @classmethod
    def of_shares(cls, values: Iterable[Value], least: float = LEAST) -> Scale:
        """From 0 to what holds all values, their intervals, and those of real images."""
        ends = [
            end for one in values for end in (one.value, one.real or 0.0, *(one.interval or ()))
        ]
        return cls(0.0, min(1.0, HEADROOM * max([least, *ends])))

    def at(self, value: float) -> float:
        """The place of a value, in percent of the way."""
        return min(100.0, max(0.0, 100 * (value - self.low) / (self.high - self.low)))

    def ticks(self, words: Callable[[float], str]) -> tuple[Tick, ...]:
        """Round numbers along the way."""
        steps = round_steps(self.low, self.high, count=TICKS)
        return tuple(Tick(self.at(value), words(value)) for value in steps)


def plain_percent(share: float) -> str:
    """A round share at an axis.

    >>> plain_percent(0.05), plain_percent(0.0)
    ('5 %', '0 %')
    """
    return f"{100 * share:g} %"


@dataclass(frozen=True, slots=True)
class Unit:
    """How the numbers of a panel are written, and how far its axis reaches."""

    words: Callable[[float], str] = percent
    tick: Callable[[float], str] = plain_percent
    """A number at the axis."""
    scale: Scale | None = None
    """None where the values decide."""


SHARES = Unit()


@dataclass(frozen=True, slots=True)
class Mark:
    """A number in its panel: places in percent, and the same in words."""

    name: str
    at: float
    low: float | None
    """Missing together with `high` where there is no interval."""
    high: float | None
    real: float | None
    label: str
    words: str
    """The interval, and what real images give, for those who do not see the panel."""
    sure: bool | None
    of_real: bool
    across: float = 0.0
    """Where it stands along the knob, in percent."""

    @property
    def kind(self) -> str:
        """How its dot is drawn; empty where it surely differs."""
        if self.of_real:
            return "of-real"
        return {None: "untested", False: "hollow", True: ""}[self.sure]


@dataclass(frozen=True, slots=True)
class Panel:
    """One number of all names, on one scale."""

    title: str
    note: str
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    across: tuple[Tick, ...] = ()
    """Labels along the knob."""

    @property
    def kinds(self) -> set[str]:
        """How dots are drawn in it, for the legend."""
        return {one.kind for one in self.marks}

    @property
    def names(self) -> int:
        """The columns of the longest name."""
        return max((width(shorten(one.name, NAME)) for one in self.marks), default=0)

    @property
    def line(self) -> str:
        """The curve through all marks, in a box of 100 by 100."""
        return _path((one.across, one.at) for one in self.marks)

    @property
    def real_line(self) -> str:
        """The same of real images; empty where one has none."""
        points = [(one.across, one.real) for one in self.marks if one.real is not None]
        if len(points) < len(self.marks) or not points:
            return ""
        ends = [(0.0, points[0][1]), *points, (100.0, points[-1][1])]
        return _path(ends)


def panel_of(title: str, note: str, values: Sequence[Value], unit: Unit = SHARES) -> Panel:
    """One panel of these values."""
    scale = unit.scale or Scale.of_shares(values)
    marks = tuple(_mark(one, scale, unit) for one in values)
    return Panel(title, note, marks, scale.ticks(unit.tick))


def curve_of(
    title: str,
    note: str,
    values: Sequence[Value],
    labels: Mapping[float, str],
    unit: Unit = SHARES,
) -> Panel:
    """The same along a knob, whose values stand evenly apart; `labels` says each of them."""
    scale = unit.scale or Scale.of_shares(values)
    step = (100 - 2 * EDGE) / max(1, len(labels) - 1)
    places = {value: EDGE + step * i for i, value in enumerate(labels)}
    marks = tuple(
        _mark(one, scale, unit, places[one.place]) for one in values if one.place is not None
    )
    across = [Tick(places[value], label) for value, label in labels.items()]
    return Panel(title, note, marks, scale.ticks(unit.tick), _thinned(across))


def _mark(one: Value, scale: Scale, unit: Unit, across: float = 0.0) -> Mark:
    low, high = one.interval or (None, None)
    parts = []
    if low is not None and high is not None:
        parts.append(f"{unit.words(low)} to {unit.words(high)}")
    if one.real is not None:
        parts.append(f"real images {unit.words(one.real)}")
    return Mark(
        name=one.name,
        at=scale.at(one.value),
        low=None if low is None else scale.at(low),
        high=None if high is None else scale.at(high),
        real=None if one.real is None else scale.at(one.real),
        label=unit.words(one.value),
        words=", ".join(parts),
        sure=one.sure,
        of_real=one.of_real,
        across=across,
    )


def _thinned(ticks: Sequence[Tick]) -> tuple[Tick, ...]:
    """As many labels as fit beside one another, from the first on."""
    longest = max((width(one.label) for one in ticks), default=1)
    fitting = 1 + max(1, ROOM // (longest + 1))
    return tuple(ticks[:: ceil(len(ticks) / fitting)])


def _path(points: Iterable[tuple[float, float]]) -> str:
    places = [f"{across:.2f} {100 - up:.2f}" for across, up in points]
    return f"M{'L'.join(places)}" if len(places) > 1 else ""
