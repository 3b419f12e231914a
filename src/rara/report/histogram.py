"""Rarity of the samples and of the reference's own images, counted into the same bins.

The samples are counted; the reference's shares come from its quantiles. One image
far from all others can own a ball many times the usual size, so the axis ends
where few are left and the last bin takes what is beyond.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10

import numpy as np
from numpy.typing import NDArray

from rara.report.reference_quantiles import Spread

FEWEST, MOST = 10, 30
EQUAL = 1e-9
FAR = 1.25
"""How far beyond the 99th percentile the axis may reach, in its distance from the least value."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of each side's inside images in each bin; None for a side that has none."""

    edges: tuple[float, ...]
    """One more than there are bins."""
    open_ended: bool
    """Whether the last bin also holds what is beyond it."""
    samples: tuple[float, ...] | None
    reference: tuple[float, ...] | None


def histogram(values: NDArray[np.float64], own: Spread | None) -> Histogram | None:
    """Bins for both sides, or None where neither has an image inside."""
    if not len(values) and own is None:
        return None
    low, high, greatest = _range(values, own)
    bins = min(MOST, max(FEWEST, round(2 * len(values) ** (1 / 3))))  # Rice's rule
    edges = _edges(low, high, bins)
    ends = np.concatenate([[-np.inf], edges[1:-1], [np.inf]])
    return Histogram(
        edges=tuple(edges.tolist()),
        open_ended=bool(greatest > edges[-1]),
        samples=_shares(np.searchsorted(np.sort(values), ends) / len(values))
        if len(values)
        else None,
        reference=None if own is None else _shares(own.share_up_to(ends)),
    )


def round_steps(low: float, high: float, *, count: int) -> list[float]:
    """About so many round numbers within a range: steps of 1, 2 or 5 times a power of ten."""
    step = _round_step((high - low) / count)
    return [step * i for i in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def _range(values: NDArray[np.float64], own: Spread | None) -> tuple[float, float, float]:
    """Where the axis begins, how far it reaches, and the greatest value there is."""
    sides = [] if own is None else [[own.at(level) for level in (0.0, 0.99, 1.0)]]
    if len(values):
        sides.append(np.quantile(values, (0.0, 0.99, 1.0)).tolist())
    least, far, greatest = np.array(sides).T
    low, top = float(least.min()), float(greatest.max())
    return low, min(top, low + FAR * (float(far.max()) - low)), top


def _edges(low: float, high: float, bins: int) -> NDArray[np.float64]:
    """Bins of a round width that hold the range; equal values get a bin in the middle."""
    if high - low <= EQUAL * high:
        low, high = low / 2, high * 1.5 or 1.0
    step = _round_step((high - low) / bins)
    first, last = floor(low / step), ceil(high / step + 1e-9)
    return step * np.arange(first, last + 1, dtype=np.float64)


def _round_step(width: float) -> float:
    power = 10.0 ** floor(log10(width))
    return float(power * min((1, 2, 5, 10), key=lambda factor: abs(log10(width / power / factor))))


def _shares(cumulative: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(upper - lower) for lower, upper in pairwise(cumulative))
