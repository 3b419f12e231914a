"""The histogram's geometry: what the page's SVG is drawn from, and nothing else.

Bars live in a box of `bins` by 1 units that is stretched to the page's width, text
stands at percentages beside it: so lines and letters keep their size on any screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from rara.report.histogram import Histogram, round_steps

HEADROOM = 1.12
X_TICKS, Y_TICKS = 5, 3
ROOM = 0.85
"""Ticks end here: the page names the axis at its end."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A label at so many percent of the way."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin in words, for the table beside the picture."""

    label: str
    samples: float | None
    reference: float | None


@dataclass(frozen=True, slots=True)
class Drawing:
    """Paths in a box of `bins` by 1, ticks in percent of its sides, and the same as rows."""

    bins: int
    open_ended: bool
    samples: str | None
    reference: str | None
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    rows: tuple[Bin, ...]


def draw(histogram: Histogram) -> Drawing:
    """Geometry of both sides on one scale."""
    sides = [histogram.samples, histogram.reference]
    top = HEADROOM * max(max(shares) for shares in sides if shares is not None)
    samples, reference = (_outline(shares, top) for shares in sides)
    return Drawing(
        bins=len(histogram.edges) - 1,
        open_ended=histogram.open_ended,
        samples=samples and f"{samples}Z",
        reference=reference,
        x_ticks=_x_ticks(histogram),
        y_ticks=tuple(
            Tick(100 - 100 * share / top, f"{100 * share:g} %")
            for share in round_steps(0, top, count=Y_TICKS)[1:]
        ),
        rows=_rows(histogram),
    )


def _outline(shares: tuple[float, ...] | None, top: float) -> str | None:
    """Up, along, and down again to the base line."""
    if shares is None:
        return None
    steps = "".join(f"V{1 - share / top:.4f}H{end}" for end, share in enumerate(shares, start=1))
    return f"M0 1{steps}V1"


def _x_ticks(histogram: Histogram) -> tuple[Tick, ...]:
    low, high = histogram.edges[0], histogram.edges[-1]
    inner = [
        value
        for value in round_steps(low, high, count=X_TICKS)
        if 0.03 < (value - low) / (high - low) < ROOM
    ]
    return tuple(Tick(100 * (value - low) / (high - low), f"{value:.10g}") for value in inner)


def _rows(histogram: Histogram) -> tuple[Bin, ...]:
    labels = _labels(histogram)
    nothing = (None,) * len(labels)
    samples = histogram.samples or nothing
    reference = histogram.reference or nothing
    return tuple(map(Bin, labels, samples, reference))


def _labels(histogram: Histogram) -> list[str]:
    labels = [f"{low:.10g} to {high:.10g}" for low, high in pairwise(histogram.edges)]
    if histogram.open_ended:
        labels[-1] = f"{histogram.edges[-2]:.10g} and more"
    return labels
