"""What speaks for a grid, and against it: the lines, the gutters, the panels, what lies outside.

A grid that fits the lines may still be a window, a board or a table. Each figure here tells one of
these from a sheet of pictures. Used by `contact_sheet.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.images.grids import Run
from rara.images.seams import SAME, Floats, Lines, plain, widest

Flags = NDArray[np.bool_]
Means = NDArray[np.float32]

_INSET = 2
"""Pixels of the working size that are left out beside a line."""

_BESIDE = 8
"""Pixels of the working size beside an edge in which another line may be that of a border."""

_NONE = float("nan")


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns and rows of a picture, and the lines that they were fitted to."""

    columns: Run
    rows: Run
    across: Lines
    down: Lines

    @property
    def row_strips(self) -> list[slice]:
        """The strips of `across` that each row fills."""
        return _strips(self.across, self.rows, self.down.scale)

    @property
    def column_strips(self) -> list[slice]:
        """The strips of `down` that each column fills."""
        return _strips(self.down, self.columns, self.across.scale)

    @property
    def aspect(self) -> float:
        """Width of a panel relative to its height."""
        return self.columns.side * self.across.scale / (self.rows.side * self.down.scale)


def _strips(lines: Lines, run: Run, scale: float) -> list[slice]:
    sides = zip(run.lefts * scale, run.rights * scale, strict=True)
    return [lines.strips_between(first, last) for first, last in sides]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The figures of one grid; shares are from 0 to 1."""

    weakest: float
    """The share of strips in which the weakest line between panels stands out."""
    mean: float
    """The same, of all lines between panels."""
    sides: float
    """Sides of panels with a line that stands out in at least 40 % of their strips."""
    rival: float
    """How far the strongest line within panels stands out."""
    crossed: float
    """The same, in the panel where it is least, of a line through all panels of a single row or
    column; 0 where there are several of both."""
    divided: float
    """How far lines stand out in the middle of every panel, as if there were twice as many."""
    gutters: tuple[float, ...]
    """Pixels of the picture between panels, one figure for each direction with several panels."""
    gutter: float
    """The share of a gutter that has the colour of all, of the gutter with least; NaN if narrow."""
    flat: float
    """The share of panels that have mostly one colour."""
    framed: float
    """The share of panels that have one colour all around."""
    contrast: float
    """Standard deviation within a panel, the median panel."""
    detail: float
    """The same without what is alike along rows or along columns, as in flags and stripes."""
    repeated: float
    """How alike panels are: the median correlation of any two."""
    parity: float
    """The share of the panels' differences that a chessboard's two colours explain."""
    clutter: tuple[float, float]
    """The shares of the width and the height that lie outside of the grid and are no margin."""
    left_over: bool
    """Whether one such part above or below is as high as one more row, or as several."""
    empty: Flags
    """(rows, columns) whether nothing is in a cell; only at the end of the last row."""


def evidence(grid: Grid) -> Evidence:
    """The figures of a grid with two panels or more."""
    cells = _cells(grid)
    empty = _empty(np.array([[cell.dominant for cell in row] for row in cells]))
    filled = [cell for row, out in zip(cells, empty, strict=True) for cell in _kept(row, out)]
    axes = list(_axes(grid, empty))
    shares = [share for axis in axes for share in axis.line_shares()]
    sides = np.concatenate([axis.side_shares() for axis in axes])
    across = _clutter(grid.across, grid.columns, grid.row_strips)
    down = _clutter(grid.down, grid.rows, grid.column_strips)
    return Evidence(
        weakest=min(shares),
        mean=float(np.mean(shares)),
        sides=float(np.mean(sides >= 0.4)),
        rival=max(axis.rival() for axis in axes),
        crossed=_crossed(grid),
        divided=max(axis.divided() for axis in axes),
        gutters=tuple(axis.run.gutter * axis.lines.scale for axis in axes),
        gutter=gutter_share(grid, 4),
        flat=float(np.mean([cell.dominant > 0.6 for cell in filled])),
        framed=float(np.mean([cell.rim > 0.85 for cell in filled])),
        contrast=float(np.median([cell.contrast for cell in filled])),
        detail=float(np.median([cell.detail for cell in filled])),
        repeated=_repeated(np.array([cell.small for cell in filled])),
        parity=_parity(np.array([[cell.main for cell in row] for row in cells]), ~empty),
        clutter=(float(across.sum()), float(down.sum())),
        left_over=_left_over(down * grid.down.length / (grid.rows.side + grid.rows.gutter)),
        empty=empty,
    )


# -- panels ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cell:
    small: Floats
    """The panel at 8 x 8 pixels, as one row."""
    main: Means
    """The median colour."""
    dominant: float
    """The share of the panel that has it."""
    rim: float
    """The share of the panel's sides that have their own median colour."""
    contrast: float
    detail: float


def _cells(grid: Grid) -> list[list[_Cell]]:
    return [
        [
            _cell(grid.across.means[strips, left + _INSET : right - _INSET])
            for left, right in grid.columns.sides()
        ]
        for strips in grid.row_strips
    ]


def _cell(means: Means) -> _Cell:
    import cv2

    main = np.median(means, axis=(0, 1))
    rim = np.concatenate([means[0], means[-1], means[:, 0], means[:, -1]])
    middle = means.mean(axis=(0, 1))
    own = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + middle
    return _Cell(
        cv2.resize(means, (8, 8), interpolation=cv2.INTER_AREA).ravel().astype(float),
        main,
        float(np.mean(_alike(means, main))),
        float(np.mean(_alike(rim, np.median(rim, axis=0)))),
        float((means - middle).std()),
        float(own.std()),
    )


def _alike(colours: Means, main: Means) -> Flags:
    return np.asarray(np.abs(colours - main).sum(axis=-1) < SAME)


def _kept(row: Sequence[_Cell], empty: Flags) -> list[_Cell]:
    return [cell for cell, out in zip(row, empty, strict=True) if not out]


def _empty(dominant: Floats) -> Flags:
    empty = np.zeros(dominant.shape, bool)
    for column in range(dominant.shape[1] - 1, 0, -1):
        if len(dominant) == 1 or dominant[-1, column] < 0.99:
            break
        empty[-1, column] = True
    return empty


def _repeated(panels: Floats) -> float:
    """1 where all panels are the same picture, brightness and contrast aside."""
    centred = panels - panels.mean(axis=1, keepdims=True)
    unit = centred / (np.linalg.norm(centred, axis=1, keepdims=True) + 1e-9)
    return float(np.median((unit @ unit.T)[np.triu_indices(len(unit), 1)]))


def _parity(mains: Floats, filled: Flags) -> float:
    """0 where panels are too few for it to mean anything."""
    odd = (np.indices(filled.shape).sum(axis=0) % 2 == 1)[filled]
    colours = mains[filled]
    if len(colours) < 6:
        return 0.0
    total = ((colours - colours.mean(axis=0)) ** 2).sum()
    within = sum(((part - part.mean(axis=0)) ** 2).sum() for part in (colours[odd], colours[~odd]))
    return float(1 - within / (total + 1e-9))


# -- lines -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Axis:
    """One direction of a grid: the lines, their run, and the strips that each panel fills."""

    lines: Lines
    run: Run
    parts: Sequence[slice]
    empty: Flags
    """(parts, panels)"""
    opened: Floats
    """(parts, length + 1)"""
    closed: Floats
    informed: Floats

    def _inner(self) -> Iterator[tuple[Floats, Floats]]:
        """Of each line between panels, the strips in which it stands out, and out of how many."""
        for i in range(len(self.run)):
            filled = ~self.empty[:, i]
            for counts, places, between in (
                (self.opened, self.run.lefts, i > 0),
                (self.closed, self.run.rights, i < len(self.run) - 1),
            ):
                if between and filled.any():
                    x = _strongest(counts[filled].sum(axis=0), float(places[i]))
                    yield counts[filled, x], self.informed[filled, x]

    def line_shares(self) -> list[float]:
        return [float(count.sum() / among.sum()) for count, among in self._inner()]

    def side_shares(self) -> Floats:
        return np.concatenate([count / among for count, among in self._inner()])

    def rival(self) -> float:
        counts = np.maximum(self.opened, self.closed).sum(axis=0) / self.informed.sum(axis=0)
        inside = [counts[left + _BESIDE : right + 1 - _BESIDE] for left, right in self.run.sides()]
        ordered = np.sort(np.concatenate(inside))[::-1]
        return float(ordered[min(3, len(ordered) - 1)])  # one line stands out three pixels wide

    def divided(self) -> float:
        counts = np.stack([self.closed.sum(axis=0), self.opened.sum(axis=0)])
        ends, begins = (widest(line, 2) for line in counts / self.informed.sum(axis=0))
        middles = (self.run.lefts + self.run.rights) / 2
        half = self.run.gutter / 2
        shares = [
            min(ends[round(middle - half)], begins[round(middle + half)]) for middle in middles
        ]
        return float(min(shares))


def _crossed(grid: Grid) -> float:
    if len(grid.columns) > 1 and len(grid.rows) > 1:
        return 0.0
    single = len(grid.columns) == 1
    lines, run = (grid.across, grid.columns) if single else (grid.down, grid.rows)
    opened, closed, informed = lines.counts(grid.row_strips if single else grid.column_strips)
    [(left, right)] = run.sides()
    shares = (np.maximum(opened, closed) / informed)[:, left + 2 * _BESIDE : right - 2 * _BESIDE]
    return float(shares.min(axis=0).max(initial=0.0))


def _axes(grid: Grid, empty: Flags) -> Iterator[_Axis]:
    across, down = grid.row_strips, grid.column_strips
    if len(grid.columns) > 1:
        yield _Axis(grid.across, grid.columns, across, empty, *grid.across.counts(across))
    if len(grid.rows) > 1:
        yield _Axis(grid.down, grid.rows, down, empty.T, *grid.down.counts(down))


def _strongest(counts: Floats, place: float) -> int:
    """The line within two pixels that stands out most."""
    begin = max(0, round(place) - 2)
    values = counts[begin : round(place) + 3]
    return begin + int(np.argmax(values - 0.01 * np.abs(np.arange(len(values)) + begin - place)))


def gutter_share(grid: Grid, least: float) -> float:
    """The share of a gutter that has the colour of all, of the gutter with least.

    Of the middle quarters of gutters of `least` pixels or more; NaN where there is none.
    """
    found: list[Means] = []
    for lines, run, parts in (
        (grid.across, grid.columns, grid.row_strips),
        (grid.down, grid.rows, grid.column_strips),
    ):
        if len(run) == 1 or run.gutter < least:
            continue
        strips = slice(parts[0].start, parts[-1].stop)
        for right, left in zip(run.rights[:-1], run.lefts[1:], strict=True):
            middle, half = (right + left) / 2, max(0.5, (left - right) / 8)
            begin = min(round(middle - half), lines.length - 1)
            end = max(round(middle + half), begin + 1)
            found.append(lines.means[strips, begin:end].reshape(-1, 3))
    if not found:
        return _NONE
    main = np.median(np.concatenate(found), axis=0)
    return min(float(np.mean(_alike(part, main))) for part in found)


def _left_over(rows: Floats) -> bool:
    """Whether a part outside, in rows of the grid, has the height of whole rows."""
    return bool(np.any((rows > 0.75) & (np.abs(rows - np.rint(rows)) < 0.25)))


def _clutter(lines: Lines, run: Run, parts: Sequence[slice]) -> Floats:
    """(2,) before the run and behind it."""
    begin, end = max(0, round(float(run.lefts[0])) - 1), round(float(run.rights[-1])) + 1
    rough = ~plain(lines.means[parts[0].start : parts[-1].stop], 0.95)
    return np.array([rough[:begin].sum(), rough[end:].sum()]) / lines.length
