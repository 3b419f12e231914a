"""Runs of panels of one size at one distance, fitted to the lines of one axis.

A run of `n` panels has `n` lines that open and `n` that close; where panels abut, a line does
both. Used by `contact_sheet.py`, on lines of `seams.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rara.images.seams import Floats, Lines, Places, plain, widest

MOST: Final = 8
"""Panels in a row or a column."""

LEAST: Final = 28
"""Pixels of the working size in the side of a panel."""

WIDEST_GUTTER: Final = 0.5
"""Of a panel's side."""

_PEAK = 0.35
"""Share of strips from which a line may be the first or the last of a run."""

_WEAKEST = 0.12
"""Share of strips from which a line may be any other of a run."""

_MEAN = 0.45
"""Share of strips that lines of a run need on average; above, a line speaks for it."""

_CHANCE: Final = 0.55
"""Share of strips that lines within a picture reach by chance."""

_ALIKE: Final = 0.85
"""Lines that stand out this much relative to the best one nearby may be an edge as well."""

MOST_CLUTTER: Final = 0.25
"""Of the length: the most outside of a run that is no margin."""

_PEAKS, _KEPT = 24, 5


@dataclass(frozen=True, slots=True)
class Run:
    """Panels in one direction, in pixels of the working size."""

    lefts: Floats
    """Where each panel begins: its left or its top."""
    rights: Floats
    weakest: float
    """The share of strips in which the weakest line between panels stands out."""
    score: float
    """How far the lines of the run stand out, less lines within its panels that do too."""

    def __len__(self) -> int:
        return len(self.lefts)

    @property
    def gutter(self) -> float:
        """The median one; 0 where panels abut, and for one panel."""
        return float(np.median(self.lefts[1:] - self.rights[:-1])) if len(self) > 1 else 0.0

    @property
    def side(self) -> float:
        """Of the smallest panel."""
        return float((self.rights - self.lefts).min())

    def sides(self) -> list[tuple[int, int]]:
        """Where each panel begins and ends, in whole pixels."""
        pairs = zip(self.lefts, self.rights, strict=True)
        return [(round(float(left)), round(float(right))) for left, right in pairs]

    def sides_at(self, end: int) -> Places:
        """Where panels begin (0) or end (1), in whole pixels."""
        return np.array([pair[end] for pair in self.sides()])

    def within(self, begin: Places, end: Places) -> Run:
        """Panels that begin later and end earlier by so many pixels each."""
        return Run(self.lefts + begin, self.rights - end, self.weakest, self.score)

    def times(self, scale: float) -> Run:
        """The same run at another size of the picture."""
        return Run(self.lefts * scale, self.rights * scale, self.weakest, self.score)


def runs(lines: Lines, margin: float) -> list[Run]:
    """The runs of two panels or more that the lines speak for, the best one first.

    Margins have one colour in this share of the strips; a toolbar may fill the others.
    """
    margins = plain(lines.means, margin)
    opened, closed = lines.shares()
    if margins[0]:
        opened[0] = _PEAK  # the picture begins with a margin rather than a panel
    if margins[-1]:
        closed[-1] = _PEAK
    lefts = np.union1d(_peaks(opened, lines.jumps), [0])
    rights = np.union1d(_peaks(closed, lines.jumps), [lines.length])
    near = (_near(opened, lefts), _near(closed, rights))
    peaks = np.union1d(lefts, rights)
    standing = list(zip(peaks, np.maximum(opened, closed)[peaks], strict=True))
    clutter = np.concatenate([[0], np.cumsum(~margins)]) / lines.length
    found: list[Run] = []
    for count in range(2, MOST + 1):
        for fit in _fits(count, _candidates(count, lefts, rights), near):
            begin, end = max(0, round(fit.lefts[0]) - 1), round(fit.rights[-1]) + 1
            outside = float(clutter[begin] + clutter[-1] - clutter[min(end, lines.length)])
            if outside <= MOST_CLUTTER:
                score = fit.score - _unexplained(fit, standing) - 4 * outside
                found.append(Run(fit.lefts, fit.rights, fit.weakest, score))
    return _distinct(sorted(found, key=lambda run: -run.score))


def _peaks(shares: Floats, jumps: NDArray[np.float32]) -> Places:
    """Lines that stand out from those beside them, at most `_PEAKS`."""
    values = shares + 1e-3 * jumps / (jumps.max() + 1e-9)
    places = np.flatnonzero((shares >= _PEAK) & (values >= widest(values, 2)))
    return places[np.argsort(-values[places], kind="stable")][:_PEAKS]


def _near(shares: Floats, peaks: Places) -> Floats:
    """The share of a line or the one beside it, or of a peak within two."""
    only = np.zeros_like(shares)
    only[peaks] = shares[peaks]
    return np.maximum(widest(only, 2), widest(shares, 1))


def _candidates(count: int, lefts: Places, rights: Places) -> Floats:
    """(candidates, 3) begin, panel and gutter, from two or three lines that stand out."""
    begin, first, last = (grid.ravel() for grid in np.meshgrid(lefts, rights, rights))
    spanned = [begin, first - begin, (last - begin - count * (first - begin)) / (count - 1)]
    begin, first, second = (grid.ravel() for grid in np.meshgrid(lefts, rights, lefts))
    stepped = [begin, first - begin, second - first]
    apart = np.concatenate([np.stack(spanned, 1), np.stack(stepped, 1)])
    apart = apart[(apart[:, 2] > 1) & (apart[:, 2] <= WIDEST_GUTTER * apart[:, 1])]
    begin, last = (grid.ravel() for grid in np.meshgrid(lefts, rights))
    filled = [begin, (last - begin) / count, 0 * begin]
    begin, second = (grid.ravel() for grid in np.meshgrid(lefts, lefts))
    repeated = [begin, second - begin, 0 * begin]
    found = np.concatenate([apart, np.stack(filled, 1), np.stack(repeated, 1)])
    total = found[:, 0] + count * found[:, 1] + (count - 1) * found[:, 2]
    return np.asarray(found[(found[:, 1] >= LEAST) & (total <= rights[-1] + 2)], float)


def _fits(count: int, candidates: Floats, near: tuple[Floats, Floats]) -> list[Run]:
    begin, panel, gutter = candidates.T[:, :, None]
    lefts = begin + np.arange(count) * (panel + gutter)
    rights = lefts + panel
    end = len(near[0]) - 1
    opened = near[0][np.clip(np.rint(lefts), 0, end).astype(int)]
    closed = near[1][np.clip(np.rint(rights), 0, end).astype(int)]
    shares = np.concatenate([opened, closed], axis=1)
    inner = np.concatenate([opened[:, 1:], closed[:, :-1]], axis=1)
    good = np.flatnonzero((shares.min(axis=1) >= _WEAKEST) & (inner.mean(axis=1) >= _MEAN))
    return [
        Run(lefts[i], rights[i], float(inner[i].min()), float((shares[i] - _MEAN).sum()))
        for i in good
    ]


def _unexplained(run: Run, standing: list[tuple[int, float]]) -> float:
    """How far lines stand out that lie in the run, but not on an edge of a panel."""
    edges = np.concatenate([run.lefts, run.rights])
    level = max(run.weakest, _CHANCE)
    return sum(
        max(0.0, float(value) - level)
        for at, value in standing
        if run.lefts[0] < at < run.rights[-1] and np.abs(edges - at).min() > 3
    )


def _distinct(ordered: list[Run]) -> list[Run]:
    kept: list[Run] = []
    for run in ordered:
        if all(_differ(run, other) for other in kept):
            kept.append(run)
        if len(kept) == _KEPT:
            break
    return kept


def _differ(one: Run, other: Run) -> bool:
    if len(one) != len(other):
        return True
    moved = np.abs(np.stack([one.lefts - other.lefts, one.rights - other.rights]))
    return bool(moved.max() > 3)


def snapped(
    run: Run, lines: Lines, strips: Sequence[slice], reach: int, filled: NDArray[np.bool_]
) -> Run:
    """Each edge moved to the line nearby that stands out most in these strips.

    `filled` is (parts, panels): strips of a part without a picture say nothing of the panel.

    Of lines that stand out alike, such as those of a border, the one next to the panel. Where the
    edge that is found does not lie at the distance of the others, it is put there.
    """
    opened, closed, informed = (filled.T.astype(float) @ counts for counts in lines.counts(strips))
    opened, closed = opened / informed, closed / informed
    margins = plain(lines.means[strips[0].start : strips[-1].stop, [0, -1]], 0.95)
    opened[:, 0], closed[:, -1] = np.where(margins, _WEAKEST, 1)
    inside = np.concatenate([np.arange(part.start, part.stop) for part in strips])
    one = plain(lines.means[inside], 0.9)
    lefts = [
        _snap(shares, lines.jumps, one, x, reach, 1)
        for shares, x in zip(opened, run.lefts, strict=True)
    ]
    rights = [
        _snap(shares, lines.jumps, one, x, reach, -1)
        for shares, x in zip(closed, run.rights, strict=True)
    ]
    places, shares = np.array([lefts, rights]).transpose(2, 0, 1)
    begins, ends = _regular(places, shares)
    crossing = ends[:-1] > begins[1:]
    ends[:-1][crossing] = begins[1:][crossing] = ((ends[:-1] + begins[1:]) / 2)[crossing]
    begins, ends = begins.clip(0, lines.length), ends.clip(0, lines.length)
    if (ends - begins).min() < LEAST / 2:
        return run
    return Run(begins, ends, run.weakest, run.score)


def _snap(
    shares: Floats,
    jumps: NDArray[np.float32],
    one: NDArray[np.bool_],
    place: float,
    reach: int,
    inward: int,
) -> tuple[float, float]:
    """Where the line is, and its share of strips. `one`: whether a pixel line has one colour."""
    begin = max(0, round(place) - reach)
    window = shares[begin : round(place) + reach + 1]
    best = float(window.max())
    if best < _WEAKEST:
        return place, 0.0
    alike = begin + np.flatnonzero(window >= _ALIKE * best)
    inner = int(alike[-1] if inward > 0 else alike[0])
    # Outward as far as nothing of one colour, a border or a gutter, lies between.
    between = np.array([one[min(x, inner) : max(x, inner)].any() for x in alike])
    near = alike[~between]
    return float(near[np.argmax(jumps[near])]), best


def _regular(places: Floats, shares: Floats) -> Floats:
    """(2, panels) lefts and rights, moved where one is off the distance that most agree on.

    The distance is a median of those between any two lefts, or any two rights (Theil and Sen),
    weighted by how far the lines of the pair stand out.
    """
    count = places.shape[1]
    if count == 1:
        return places
    first, second = np.triu_indices(count, 1)
    pitches = (places[:, second] - places[:, first]) / (second - first)
    trust = np.minimum(shares[:, second], shares[:, first]) ** 4
    pitch = _middle(pitches.ravel(), trust.ravel())
    steps = pitch * np.arange(count)
    begins = [_middle(side - steps, trust) for side, trust in zip(places, shares**4, strict=True)]
    fitted = np.array(begins)[:, None] + steps
    return np.where(np.abs(places - fitted) > 1.5, fitted, places)


def _middle(values: Floats, weights: Floats) -> float:
    """The median of weighted values."""
    order = np.argsort(values)
    total = np.cumsum(weights[order] + 1e-9)
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
