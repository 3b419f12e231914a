"""Contact sheets: one file that holds a grid of pictures, and where each of them lies.

    sheet = panels(pixels)            # None: one picture
    parts = [pixels[box.rows, box.columns] for box in sheet.boxes]

Lines at which pixels jump are found first (`seams.py`), grids are fitted to them (`grids.py`), and
each is checked for what only a sheet of pictures has (`sheet_evidence.py`). A single picture that
is cut apart loses its match, so a doubt means one picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress
from math import ceil
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rara.errors import ImageError
from rara.images.grids import LEAST, Run, runs, snapped
from rara.images.seams import SAME, Lines, Places, lines, plain
from rara.images.sheet_evidence import Evidence, Flags, Grid, evidence, gutter_share
from rara.images.sheet_neighbours import separateness, unlikeness

_TRIED: Final = 14
"""Grids looked at, the best ones first."""

_BORDER: Final = 13
"""Pixels: borders are narrower."""

_CLEAR: Final = 0.97
"""The share of a gutter that has one colour, where it divides but two panels."""

_APART: Final = 0.05
"""The least separateness of panels that a gutter of one colour lies between."""

_APART_IN_LINE: Final = (0.3, 0.6)
"""The same of two panels, and of a single row or column; the unlikeness added."""

_CLOSE: Final = (0.65, 0.8)
"""The same of other panels, of up to four and of more."""

_LONGEST: Final = 2.6
"""Sides of a panel, the longer one relative to the shorter one."""


class Box(NamedTuple):
    """A panel in pixels of the picture; right and bottom lie behind it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def rows(self) -> slice:
        """Of an array of pixels, as `pixels[box.rows, box.columns]`."""
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        """See `rows`."""
        return slice(self.left, self.right)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A grid of pictures in one picture."""

    rows: int
    columns: int
    boxes: tuple[Box, ...]
    """In reading order, without borders; fewer than rows times columns if the last row ends
    early."""
    gutters: tuple[int, int]
    """Pixels between columns and between rows, borders included; 0 where panels abut."""
    margins: tuple[int, int, int, int]
    """Pixels at the left, above, at the right and below, toolbars of an app included."""

    @property
    def words(self) -> str:
        """What was seen: `3 x 3 panels with gutters of 8 pixels, margin 20`."""
        text = f"{self.rows} x {self.columns} panels"
        if missing := self.rows * self.columns - len(self.boxes):
            text += f" ({missing} empty)"
        sides = [pixels for pixels, n in zip(self.gutters, self._counts, strict=True) if n > 1]
        if max(sides) == 0:
            text += " without gutters"
        else:
            text += f" with gutters of {' and '.join(map(str, dict.fromkeys(sides)))} pixels"
        if max(self.margins) == 0:
            return text
        if min(self.margins) == max(self.margins):
            return f"{text}, margin {self.margins[0]}"
        return f"{text}, margins {', '.join(map(str, self.margins))}"

    @property
    def _counts(self) -> tuple[int, int]:
        return self.columns, self.rows


def panels(pixels: NDArray[np.uint8]) -> Sheet | None:
    """The panels of a contact sheet, or None for one picture.

    `pixels` are (height, width, 3), of any size. A sheet has two to eight panels a row or column,
    all of one size, with sides of up to 2.6 to 1 and of at least 28 pixels after the sheet is
    reduced to 960 pixels a side. Between panels there is a gutter of one colour, or nothing. Two
    panels alone are only split at a gutter. Outside there may be margins, and a toolbar above or
    below of up to 22 % of the height. Boxes are within a pixel or two; borders are left out.

    None for a collage of unequal panels, and for one picture again and again: a tiled motif, a
    facade. None also where most panels are framed by one colour of their own, as cells of a table,
    icons and logos on white.

    Raises ImageError where the pixels have another shape or type.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageError(
            f"pixels must be uint8 (height, width, 3), got {pixels.dtype} {pixels.shape}"
        )
    height, width = pixels.shape[:2]
    if min(height, width) < LEAST or max(height, width) < 2 * LEAST:
        return None
    for grid in _grids(lines(pixels, 1), lines(pixels, 0)):
        found = evidence(grid)
        if _lines_fit(grid, found):
            whole = _at_full_size(grid, pixels, ~found.empty)
            share = float(np.nanmax([found.gutter, gutter_share(whole, 2), 0]))
            if share > _CLEAR or not _is_pair(grid):
                return _of_pictures(pixels, whole, found, share)
    return None


def _lines_fit(grid: Grid, found: Evidence) -> bool:
    """Whether all of the lines are there, and nothing else."""
    clear = found.gutter > _CLEAR
    narrow = np.isnan(found.gutter)  # looked at again at full size
    if _is_pair(grid) and not ((clear or narrow) and max(found.clutter) < 0.02):
        return False
    several = len(found.gutters) == 2
    wide = max(grid.columns.gutter, grid.rows.gutter) >= 8
    rival = max(found.mean - (0.08 if several else 0), 0.6)
    return (
        found.weakest >= (0.2 if found.gutter > 0.85 else 0.3)
        and found.mean >= 0.7
        and found.sides >= 0.8
        and (found.rival <= rival or (clear and found.mean > 0.75 and not several))
        and 1 / _LONGEST <= grid.aspect <= _LONGEST
        and found.crossed <= (0.8 if clear else 0.6)
        and found.divided <= 0.45
        and found.clutter[0] <= 0.08
        and found.clutter[1] <= 0.22
        and not found.left_over
        and not (wide and found.gutter < 0.6)
        and max(found.gutters) <= 3 * max(min(found.gutters), grid.across.scale)
    )


def _of_pictures(
    pixels: NDArray[np.uint8], whole: Grid, found: Evidence, share: float
) -> Sheet | None:
    """The sheet, if its panels are pictures, and pictures of their own.

    `share` of the gutters has one colour; the more, the less the panels have to be apart.
    """
    if not _are_pictures(found, clear=share > 0.9):
        return None
    return _sheet(whole, found) if _are_apart(pixels, _cells(whole, found), share) else None


def _are_apart(pixels: NDArray[np.uint8], cells: NDArray[np.float64], share: float) -> bool:
    apart, count = separateness(pixels, cells), cells.shape[0] * cells.shape[1]
    if share > 0.9 and 1 in cells.shape[:2]:
        return apart + unlikeness(pixels, cells) >= _APART_IN_LINE[count > 2]
    return apart >= float(np.interp(share, (0.6, 0.9), (_CLOSE[count > 4], _APART)))


def _is_pair(grid: Grid) -> bool:
    return len(grid.rows) * len(grid.columns) == 2


def _are_pictures(found: Evidence, *, clear: bool) -> bool:
    """Whether the panels are pictures, and not parts of a board or of a table."""
    return (
        (found.flat <= 0.45 or (clear and found.detail >= 12))
        and found.framed <= 0.5
        and found.contrast >= (12 if clear else 18)
        and found.detail >= (6 if clear else 8)
        and (found.empty.size < 4 or found.repeated >= -0.45)
        and found.repeated <= 0.75
        and found.parity <= 0.9
    )


def _cells(grid: Grid, found: Evidence) -> NDArray[np.float64]:
    """(rows, columns, 4) the panels, NaN where there is none."""
    boxes = np.array(
        [
            [(left, top, right, bottom) for left, right in grid.columns.sides()]
            for top, bottom in grid.rows.sides()
        ],
        np.float64,
    )
    boxes[found.empty] = np.nan
    return boxes


def _grids(across: Lines, down: Lines) -> Iterator[Grid]:
    """Columns with rows, and either of them alone, the best ones first."""
    columns, rows = runs(across, 0.75), runs(down, 0.95)
    pairs: list[tuple[float, Run | None, Run | None]]
    pairs = [(one.score + other.score, one, other) for one in columns for other in rows]
    pairs += [(run.score, run, None) for run in columns]
    pairs += [(run.score, None, run) for run in rows]
    pairs.sort(key=lambda pair: -pair[0])
    for _, some_columns, some_rows in pairs[:_TRIED]:
        grid = Grid(some_columns or _whole(across), some_rows or _whole(down), across, down)
        if some_rows is None:
            grid = Grid(grid.columns, _extent(down, grid.column_strips), across, down)
        if some_columns is None:
            grid = Grid(_extent(across, grid.row_strips), grid.rows, across, down)
        if min(grid.columns.side, grid.rows.side) >= LEAST:
            yield _snapped(grid, 6, 6)


def _whole(lines: Lines) -> Run:
    return Run(np.array([0.0]), np.array([float(lines.length)]), 0.0, 0.0)


def _extent(lines: Lines, strips: list[slice]) -> Run:
    """One panel: without margins, and without what a line parts from it near the picture's edge."""
    opened, closed, informed = (counts.sum(axis=0) for counts in lines.counts(strips))
    rough = np.flatnonzero(~plain(lines.means[strips[0].start : strips[-1].stop], 0.95))
    if not rough.size:
        return _whole(lines)
    first, last, far = int(rough[0]), int(rough[-1]) + 1, int(0.45 * lines.length)
    begins = np.flatnonzero(opened[:far] >= 0.8 * informed[:far])
    ends = np.flatnonzero(closed[-far:] >= 0.8 * informed[-far:]) + len(closed) - far
    begin = max(first, int(begins.max(initial=0)))
    end = min(last, int(ends.min(initial=lines.length)))
    return Run(np.array([float(begin)]), np.array([float(end)]), 0.0, 0.0)


def _snapped(grid: Grid, across: int, down: int, filled: Flags | None = None) -> Grid:
    if filled is None:
        filled = np.ones((len(grid.rows), len(grid.columns)), bool)
    columns = snapped(grid.columns, grid.across, grid.row_strips, across, filled)
    rows = snapped(grid.rows, grid.down, grid.column_strips, down, filled.T)
    return Grid(columns, rows, grid.across, grid.down)


def _at_full_size(grid: Grid, pixels: NDArray[np.uint8], filled: Flags) -> Grid:
    scales = grid.across.scale, grid.down.scale
    across, down = (lines(pixels, axis, max(pixels.shape), bands=False) for axis in (1, 0))
    large = Grid(grid.columns.times(scales[0]), grid.rows.times(scales[1]), across, down)
    reach = [ceil(3 * scale) + 1 for scale in scales]
    return _without_borders(_snapped(large, reach[0], reach[1], filled), filled)


def _without_borders(grid: Grid, filled: Flags) -> Grid:
    """Panels without the lines of one colour that all of them have at their sides."""
    found = [
        _borders(lines, run, strips, some)
        for lines, run, strips, some in (
            (grid.across, grid.columns, grid.row_strips, filled),
            (grid.down, grid.rows, grid.column_strips, filled.T),
        )
    ]
    several = len(grid.columns) * len(grid.rows) >= 4
    around = all(widths.any(axis=1).all() for widths in found)
    columns, rows = (
        run.within(*widths) if _belong(run, widths, sure=several or around) else run
        for run, widths in zip((grid.columns, grid.rows), found, strict=True)
    )
    return Grid(columns, rows, grid.across, grid.down)


def _belong(run: Run, widths: Places, *, sure: bool) -> bool:
    """Whether these lines are borders: the same at all panels, or panels get equal without them."""
    if np.ptp(widths, axis=1).max() <= 1:
        return sure
    sides = run.rights - run.lefts
    return bool(np.ptp(sides - widths.sum(axis=0)) < np.ptp(sides))


def _borders(lines: Lines, run: Run, strips: list[slice], filled: Flags) -> Places:
    """(2, panels) how many lines of one colour each panel begins with, and ends with.

    `filled` is (parts, panels): strips of a part without a picture don't count.
    """
    inside = [
        np.concatenate([np.arange(part.start, part.stop) for part in compress(strips, some)])
        for some in filled.T
    ]
    places = np.array([run.sides_at(0), run.sides_at(1) - 1])
    outer = [lines.means[inside[i], place] for line in places for i, place in enumerate(line)]
    main = [np.median(line, axis=0) for line in outer]
    pairs = zip(outer, main, strict=True)
    plain_ones = [one for line, one in pairs if _plain_lines(line[:, None], one)]
    widths = np.zeros(places.shape, np.intp)
    if not plain_ones:
        return widths
    colour = np.median(plain_ones, axis=0)
    for end, step in enumerate((1, -1)):
        for i, place in enumerate(places[end]):
            near = np.clip(place + step * np.arange(_BORDER), 0, lines.length - 1)
            count = _plain_lines(lines.means[np.ix_(inside[i], near)], colour)
            widths[end, i] = count if count < _BORDER else 0
    return _usual(widths)


def _usual(widths: Places) -> Places:
    """None wider than most are; 0 where they differ, as what pictures show at their edges does."""
    some = widths[widths > 0]
    if not some.size:
        return widths
    usual = int(np.median(some))
    return np.minimum(widths, usual if np.mean(np.abs(some - usual) <= 1) >= 2 / 3 else 0)


def _plain_lines(means: NDArray[np.float32], colour: NDArray[np.float32]) -> int:
    """How many lines from the first on have this colour, but for a few strips over an edge."""
    same = np.abs(means - colour).sum(axis=2) < SAME
    return int(np.argmin([*(same.mean(axis=0) > 0.9), False]))


def _sheet(grid: Grid, found: Evidence) -> Sheet:
    columns, rows = grid.columns.sides(), grid.rows.sides()
    boxes = [
        Box(left, top, right, bottom)
        for i, (top, bottom) in enumerate(rows)
        for j, (left, right) in enumerate(columns)
        if not found.empty[i, j]
    ]
    margins = (
        *(columns[0][0], rows[0][0]),
        *(grid.across.length - columns[-1][1], grid.down.length - rows[-1][1]),
    )
    gutters = round(grid.columns.gutter), round(grid.rows.gutter)
    return Sheet(len(rows), len(columns), tuple(boxes), gutters, margins)
