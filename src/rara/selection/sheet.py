"""A contact sheet of the picks: small pictures in rows, each with its number and its verdict.

facts, pictures --contact_sheet--> image --save_sheet--> .png, .jpg or .webp
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFont

from rara.errors import ParameterError
from rara.report.formatting import printable
from rara.report.thumbnails import PIXEL_ART, OneByOne, Pictures, fitted
from rara.selection.facts import PickedSample, SelectionFacts
from rara.storage.atomic import write_file

FORMATS: Final = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
MOST: Final = 1_000
"""Picks that a sheet holds."""
_PAPER, _INK, _MUTED, _TILE = "#ffffff", "#15171a", "#63676e", "#eceef1"
_MARGIN, _GAP = 24, 10


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where pictures stand, in pixels."""

    columns: int
    rows: int
    edge: int
    caption: int

    @classmethod
    def of(cls, count: int) -> _Grid:
        """About three pictures across for two down, and smaller ones where there are many."""
        columns = min(count, max(1, ceil(sqrt(count * 1.5))))
        edge = 192 if count <= 24 else 144 if count <= 150 else 96
        return cls(columns, ceil(count / columns), edge, 22 if edge > 100 else 16)

    @property
    def size(self) -> tuple[int, int]:
        """Of the whole sheet."""
        width = self.columns * (self.edge + _GAP) - _GAP + 2 * _MARGIN
        return width, self.rows * (self.edge + self.caption + _GAP) - _GAP + 2 * _MARGIN

    def corner(self, turn: int) -> tuple[int, int]:
        """The upper left corner of a picture."""
        row, column = divmod(turn, self.columns)
        left = _MARGIN + column * (self.edge + _GAP)
        return left, _MARGIN + row * (self.edge + self.caption + _GAP)


def check_sheet(path: Path, count: int) -> None:
    """Raise ParameterError for a name of no format, or more picks than a sheet holds."""
    if path.suffix.lower() not in FORMATS:
        raise ParameterError(
            f"The format of the sheet '{path}' is unknown: end it in {', '.join(FORMATS)}."
        )
    if count > MOST:
        raise ParameterError(f"A contact sheet holds {MOST:,} picks, and {count:,} are wanted.")


def contact_sheet(facts: SelectionFacts, pictures: Pictures | None) -> Image.Image:
    """The picks in their order; those whose picture is gone are shown by name.

    Raises ParameterError where no picture can be read.
    """
    grid = _Grid.of(len(facts.picks))
    sheet = Image.new("RGB", grid.size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    place = {one.id: turn for turn, one in enumerate(facts.picks)}
    found = set()
    for name, image in _each(facts, pictures):
        if name in place:
            art = max(image.size) <= PIXEL_ART
            small, (left, top) = fitted(image, grid.edge, pixelated=art), grid.corner(place[name])
            sheet.paste(
                small,
                (left + (grid.edge - small.width) // 2, top + (grid.edge - small.height) // 2),
            )
            found.add(name)
    if not found:
        raise ParameterError(
            "None of the picks has a picture: say where the images are with --samples."
        )
    for turn, one in enumerate(facts.picks):
        _caption(draw, grid, turn, one, missing=one.id not in found)
    return sheet


def save_sheet(facts: SelectionFacts, pictures: Pictures | None, path: Path) -> None:
    """Write the sheet in the format of its name."""
    check_sheet(path, len(facts.picks))
    sheet = contact_sheet(facts, pictures)
    options: dict[str, int | bool] = {"quality": 92}
    kind = FORMATS[path.suffix.lower()]
    write_file(path, lambda file: sheet.save(file, kind, **(options if kind != "PNG" else {})))


def _each(facts: SelectionFacts, pictures: Pictures | None) -> Iterator[tuple[str, Image.Image]]:
    ids = [one.id for one in facts.picks]
    if pictures is None:
        return iter(())
    if isinstance(pictures, OneByOne):
        return pictures.each("samples", ids)
    return iter(pictures("samples", ids).items())


def _caption(
    draw: ImageDraw.ImageDraw, grid: _Grid, turn: int, one: PickedSample, *, missing: bool
) -> None:
    left, top = grid.corner(turn)
    if missing:
        box = (left, top, left + grid.edge - 1, top + grid.edge - 1)
        draw.rectangle(box, fill=_TILE)
        _text(draw, (left + 6, top + 6), printable(one.id), _MUTED, grid.edge - 12, 11)
    size = 13 if grid.caption > 16 else 10
    y = top + grid.edge + 4
    _text(draw, (left, y), str(one.pick), _INK, grid.edge, size)
    shift = 9 * len(str(one.pick)) + 8
    _text(draw, (left + shift, y), one.verdict, _MUTED, grid.edge - shift, size)


def _text(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, colour: str, width: int, size: int
) -> None:
    """One line, cut where it would be wider."""
    font: Any = ImageFont.load_default(size)
    if draw.textlength(text, font=font) > width:
        while text and draw.textlength(f"{text}…", font=font) > width:
            text = text[:-1]
        text = f"{text}…"
    draw.text(at, text, fill=colour, font=font)
