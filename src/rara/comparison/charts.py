"""The small multiples of a comparison: which figures, and what stands beside them.

rows --panels--> one panel a figure, a mark for each generator
rows, knob --curves--> the same along the knob
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from rara.columns.comparisons import PERCENTILES
from rara.comparison.figures import Figure
from rara.comparison.generator_row import Row
from rara.comparison.knob import exactly
from rara.report.multiples import SHARES, Panel, Scale, Unit, Value, curve_of, panel_of

TITLES: Mapping[str, tuple[str, str]] = {
    "copies": ("Copies", "nearer than nearly all real images"),
    "off_manifold": ("Off the reference", "farther out than nearly all real images"),
    "yield": ("Yield", "rare, not off the reference, and no copy"),
    "over_typical": ("In the dense core", "where a quarter of real images lie"),
    "inside": ("Inside", "in at least one ball around a reference image"),
    "repeats": ("Repeats", "show the same picture as another sample"),
    "rarity": ("Rarity", "percentile among real images"),
    "auc": ("Told apart", "AUC of a classifier; 0.5 where it cannot"),
}
"""What panels are called, in their order, and what they show."""
FIGURES: tuple[Figure, ...] = ("copies", "off_manifold", "yield", "over_typical", "inside")

UNITS: Mapping[str, Unit] = {
    "rarity": Unit("{:.0f}".format, "{:.0f}".format, Scale(0.0, 100.0)),
    "auc": Unit("{:.3f}".format, "{:.1f}".format, Scale(0.4, 1.0)),
}
"""Of what is no share."""


def panels(rows: Sequence[Row], level: float) -> list[Panel]:
    """One panel for each figure that some generator has; all of a panel have one scale."""
    return [
        panel_of(*TITLES[key], values, UNITS.get(key, SHARES))
        for key, values in _values(rows, level)
    ]


def curves(rows: Sequence[Row], level: float) -> list[Panel]:
    """The same along the knob; none where all generators have one value of it."""
    knobs = sorted({row.knob for row in rows if row.knob is not None})
    if len(knobs) < 2:
        return []
    labels = {value: exactly(value) for value in knobs}
    return [
        curve_of(*TITLES[key], values, labels, UNITS.get(key, SHARES))
        for key, values in _values(rows, level)
    ]


def _values(rows: Sequence[Row], level: float) -> Iterator[tuple[str, list[Value]]]:
    made: Mapping[str, Callable[[Row], Value | None]] = {
        **{figure: partial(_of_figure, figure, level) for figure in FIGURES},
        "repeats": _repeats, "rarity": _rarity, "auc": partial(_auc, level),
    }  # fmt: skip
    for key in TITLES:
        if values := [one for row in rows if (one := made[key](row)) is not None]:
            yield key, values


def _of_figure(figure: Figure, level: float, row: Row) -> Value | None:
    found = row.figures.get(figure)
    if found is None:
        return None
    sure = None if found.excess_p is None else bool(found.sign(level))
    return Value(
        name=row.generator, value=found.share, interval=found.interval, real=found.real, sure=sure,
        place=row.knob,
    )  # fmt: skip


def _repeats(row: Row) -> Value | None:
    if row.repeats is None:
        return None
    limits = None if row.repeats_low is None or row.repeats_high is None else (
        row.repeats_low, row.repeats_high
    )  # fmt: skip
    return Value(
        name=row.generator, value=row.repeats, interval=limits, real=row.repeats_real,
        sure=row.repeats_more, place=row.knob,
    )  # fmt: skip


def _rarity(row: Row) -> Value | None:
    """Median and middle half of the samples inside; of real images the median is 50."""
    if row.rarity_percentiles is None:
        return None
    middle = PERCENTILES.index(50)
    low, median, high = row.rarity_percentiles[middle - 1 : middle + 2]
    return Value(name=row.generator, value=median, interval=(low, high), real=50.0, place=row.knob)


def _auc(level: float, row: Row) -> Value | None:
    if row.auc is None:
        return None
    sure = row.auc_p is not None and row.auc_p <= 1 - level
    return Value(name=row.generator, value=row.auc, real=0.5, sure=sure, place=row.knob)
