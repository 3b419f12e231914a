"""The geometry of the page's small multiples: what its SVG is drawn from, and nothing else.

rows --panels--> one panel a figure: a mark with its interval for each generator, and real images
rows, knob --curves--> the same against the knob
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rara.columns.comparisons import PERCENTILES
from rara.comparison.figures import Figure
from rara.comparison.generator_row import Row
from rara.report.formatting import percent
from rara.report.histogram import round_steps

TITLES: dict[Figure, tuple[str, str]] = {
    "inside": ("Inside", "in at least one ball"),
    "off_manifold": ("Off the manifold", "farther out than real images are"),
    "yield": ("Yield", "rare, on the manifold, and no copy"),
    "copies": ("Copies", "as near to a reference image as hardly any real image"),
    "over_typical": ("In the dense core", "a quarter of real images lie there"),
}
HEADROOM = 1.06
LEAST = 0.02
"""The axis reaches to this share at least."""
TICKS = 3


@dataclass(frozen=True, slots=True)
class Tick:
    """A label at so many percent of the way."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A share with its interval, at percent of the way; `low` and `high` are missing together."""

    name: str
    at: float
    low: float | None
    high: float | None
    label: str
    across: float = 0.0
    """Where it stands along the knob, in percent."""


@dataclass(frozen=True, slots=True)
class RealShare:
    """The share of the real images that judge some generators: a line beside their marks."""

    at: float
    label: str
    first: int
    """The first of the marks that it stands beside."""
    count: int
    names: str
    """Of the generators, where others are judged by other images; else empty."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of all generators, and of the real images that judge them."""

    title: str
    note: str
    marks: tuple[Mark, ...]
    real: tuple[RealShare, ...]
    ticks: tuple[Tick, ...]
    across: tuple[Tick, ...] = ()
    """Labels along the knob."""


def panels(rows: Sequence[Row]) -> list[Panel]:
    """One panel for each figure; all generators of a panel have one scale."""
    if not rows:
        return []
    return [*(_panel(figure, rows, {}) for figure in _shown(rows)), _rarity(rows)]


def curves(rows: Sequence[Row]) -> list[Panel]:
    """The same against the knob, whose values are evenly apart in their order."""
    knobs = sorted({row.knob for row in rows if row.knob is not None})
    if len(knobs) < 2:
        return []
    step = 100 / (len(knobs) - 1)
    place = {value: 4 + 0.92 * step * i for i, value in enumerate(knobs)}
    return [_panel(figure, rows, place) for figure in _shown(rows)]


def _shown(rows: Sequence[Row]) -> list[Figure]:
    """Figures that some generator has."""
    return [figure for figure in TITLES if any(figure in row.figures for row in rows)]


def _panel(figure: Figure, rows: Sequence[Row], place: dict[float, float]) -> Panel:
    rows = [row for row in rows if figure in row.figures]
    found = [row.figures[figure] for row in rows]
    ends = [(one.interval[1] if one.interval else 0) or one.share for one in found]
    top = min(1.0, HEADROOM * max(LEAST, *(one.real for one in found), *ends))
    marks = tuple(_mark(figure, row, top, place) for row in rows)
    ticks = tuple(
        Tick(100 * share / top, f"{100 * share:g} %")
        for share in round_steps(0, top, count=TICKS)
        if share <= 0.97 * top
    )
    across = tuple(Tick(at, f"{value:g}") for value, at in place.items())
    return Panel(*TITLES[figure], marks, tuple(_real(figure, rows, top)), ticks, across)


def _real(figure: Figure, rows: Sequence[Row], top: float) -> Iterator[RealShare]:
    """One line beside all marks where one reference judges all, else one beside each."""
    first = 0
    shares = [row.figures[figure].real for row in rows]
    for share, same in groupby(shares):
        count = len(list(same))
        names = [row.generator for row in rows[first : first + count]]
        named = "" if count == len(rows) else " and ".join(names)
        yield RealShare(100 * share / top, percent(share), first, count, named)
        first += count


def _rarity(rows: Sequence[Row]) -> Panel:
    """Median and quartiles of the rarity percentile; of real images the median is 50."""
    middle = len(PERCENTILES) // 2
    marks = []
    for row in rows:
        found = row.rarity_percentiles
        if found is not None:
            low, at, high = found[middle - 1 : middle + 2]
            marks.append(Mark(row.generator, at, low, high, f"{at:.0f}"))
    ticks = tuple(Tick(float(at), f"{at}") for at in (0, 25, 50, 75))
    note = "percentile among real images: median and middle half of the samples inside"
    real = RealShare(50.0, "50", 0, len(marks), "")
    return Panel("Rarity", note, tuple(marks), (real,), ticks)


def _mark(figure: Figure, row: Row, top: float, place: dict[float, float]) -> Mark:
    found = row.figures[figure]
    low, high = found.interval or (None, None)
    return Mark(
        row.generator,
        100 * found.share / top,
        None if low is None else 100 * low / top,
        None if high is None else 100 * high / top,
        percent(found.share),
        0.0 if row.knob is None else place.get(row.knob, 0.0),
    )
