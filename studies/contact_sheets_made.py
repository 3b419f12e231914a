"""Contact sheets whose panels are known, for `contact_sheets.py`.

A sheet is drawn from a `Layout`: how many panels, the gutter, borders, margins, a toolbar of an
app above, cells of the last row that are empty, the scale of a screenshot, and JPEG.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]
Panels = Callable[[np.random.Generator, int, int], Pixels]
"""Draws one panel of a width and a height."""

GRIDS = (
    *((2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (2, 3), (3, 2), (4, 2), (1, 3), (3, 1), (2, 4)),
    *((1, 4), (3, 5)),
)
PAIRS = ((1, 2), (2, 1))
"""Rows and columns; pairs are split only where there is a gutter."""

ASPECTS = (1.0, 1.0, 1.0, 1.5, 2 / 3, 4 / 3, 16 / 9, 0.75)
COLOURS: tuple[Colour, ...] = (
    *((255, 255, 255), (255, 255, 255), (0, 0, 0), (0, 0, 0), (128, 128, 128), (240, 240, 240)),
    *((30, 32, 36), (200, 190, 170), (40, 60, 120)),
)
APP_COLOURS: tuple[Colour, ...] = ((255, 255, 255), (24, 24, 27), (243, 244, 246), (49, 51, 56))


@dataclass(frozen=True, slots=True)
class Layout:
    """How one sheet is drawn; lengths in pixels before the scale."""

    rows: int
    columns: int
    width: int
    height: int
    gutter: int = 0
    colour: Colour = (255, 255, 255)
    border: int = 0
    border_colour: Colour = (0, 0, 0)
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Left, top, right and bottom."""
    toolbar: int = 0
    app: int = 0
    """Width of the app's own margin around the sheet, in a colour of its own."""
    app_colour: Colour = (255, 255, 255)
    missing: int = 0
    noise: float = 0.0
    """Standard deviation of noise on gutters and margins."""
    scale: float = 1.0
    jpeg: int = 0
    """Quality; 0 for none."""


@dataclass(frozen=True, slots=True)
class MadeSheet:
    pixels: Pixels
    boxes: NDArray[np.float64]
    """(panels, 4) left, top, right and bottom of each panel, without its border."""
    layout: Layout


def draw(layout: Layout, panels: Panels, rng: np.random.Generator) -> MadeSheet:
    left, top, right, bottom = layout.margins
    cell_w, cell_h = (side + 2 * layout.border for side in (layout.width, layout.height))
    across = layout.columns * cell_w + (layout.columns - 1) * layout.gutter
    down = layout.rows * cell_h + (layout.rows - 1) * layout.gutter
    sheet = np.empty((top + down + bottom, left + across + right, 3), np.float64)
    sheet[:] = layout.colour
    if layout.noise:
        sheet += rng.normal(0, layout.noise, (*sheet.shape[:2], 1))
    boxes = []
    for place in range(layout.rows * layout.columns - layout.missing):
        row, column = divmod(place, layout.columns)
        x = left + column * (cell_w + layout.gutter)
        y = top + row * (cell_h + layout.gutter)
        sheet[y : y + cell_h, x : x + cell_w] = layout.border_colour
        x, y = x + layout.border, y + layout.border
        panel = panels(rng, layout.width, layout.height)
        sheet[y : y + layout.height, x : x + layout.width] = panel
        boxes.append((x, y, x + layout.width, y + layout.height))
    pixels, placed = np.clip(sheet, 0, 255).astype(np.uint8), np.array(boxes, float)
    if layout.app or layout.toolbar:
        pixels = in_app(pixels, layout, rng)
        placed += np.tile([layout.app, layout.app + layout.toolbar], 2)
    if layout.scale != 1:
        pixels, factors = scaled(pixels, layout.scale)
        placed *= np.tile(factors, 2)
    if layout.jpeg:
        pixels = compressed(pixels, layout.jpeg)
    return MadeSheet(pixels, placed, layout)


def scaled(pixels: Pixels, scale: float) -> tuple[Pixels, NDArray[np.float64]]:
    height, width = pixels.shape[:2]
    size = (round(width * scale), round(height * scale))
    resized = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(resized), np.array([size[0] / width, size[1] / height])


def compressed(pixels: Pixels, quality: int) -> Pixels:
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=quality)
    return np.asarray(Image.open(encoded).convert("RGB"))


def in_app(pixels: Pixels, layout: Layout, rng: np.random.Generator) -> Pixels:
    """On the ground of an app, with a toolbar of buttons and a title above."""
    height, width = pixels.shape[:2]
    whole = np.empty(
        (height + 2 * layout.app + layout.toolbar, width + 2 * layout.app, 3), np.uint8
    )
    whole[:] = layout.app_colour
    top = layout.app + layout.toolbar
    whole[top : top + height, layout.app : layout.app + width] = pixels
    if layout.toolbar:
        whole[: layout.toolbar] = toolbar(whole.shape[1], layout.toolbar, rng)
    return whole


def toolbar(width: int, height: int, rng: np.random.Generator) -> Pixels:
    ground = APP_COLOURS[rng.integers(len(APP_COLOURS))]
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    ink = (30, 30, 30) if sum(ground) > 380 else (225, 225, 225)
    font = ImageFont.load_default(max(8, height // 3))
    draw.text((height // 2, height // 3), "Results of today", ink, font)
    for place in range(int(rng.integers(2, 6))):
        x = width - (place + 1) * height
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        shape = (x, height // 4, x + height // 2, 3 * height // 4)
        (draw.ellipse if place % 2 else draw.rectangle)(shape, fill=colour)
    if rng.integers(2):
        draw.line((0, height - 1, width, height - 1), fill=(128, 128, 128))
    return np.asarray(image)


def any_layout(rng: np.random.Generator, gutters: bool, grid: tuple[int, int]) -> Layout:
    """A layout of a sheet of 256 to 2,048 pixels, with panels of 48 pixels or more.

    Panels of sheets without gutters have 128 pixels or more.
    """
    rows, columns = grid
    aspect = ASPECTS[rng.integers(len(ASPECTS))]
    side = round(2 ** rng.uniform(8, 11))
    least = 48 if gutters else 128
    width = max(least, side // max(columns, round(rows * aspect)))
    height = max(least, round(width / aspect))
    choice = int(rng.integers(6))
    gutter = int(rng.integers(2, max(3, width // 8))) if gutters else 0
    plain = Layout(
        rows,
        columns,
        width,
        height,
        gutter,
        COLOURS[rng.integers(len(COLOURS))],
        jpeg=int(rng.choice([0, 0, 95, 85, 70, 55, 40])),
    )
    margins = {
        0: (0, 0, 0, 0),
        1: (gutter, gutter, gutter, gutter),
        2: tuple(int(value) for value in rng.integers(0, width // 3, 4)),
    }.get(choice, (0, 0, 0, 0))
    extra: dict[str, Any] = {"margins": margins}
    if gutters and rng.random() < 0.2:
        extra |= {"border": int(rng.integers(1, 5)), "border_colour": COLOURS[rng.integers(9)]}
    if choice == 3:
        app = int(rng.integers(0, width // 4))
        extra |= {"app": app, "toolbar": int(rng.integers(30, 90))}
        extra |= {"app_colour": APP_COLOURS[rng.integers(len(APP_COLOURS))]}
    if rng.random() < 0.15 and columns > 1 and rows > 1:
        extra |= {"missing": int(rng.integers(1, columns))}
    if gutters and rng.random() < 0.15:
        extra |= {"noise": float(rng.uniform(1, 4))}
    if rng.random() < 0.15:
        extra |= {"scale": float(rng.uniform(0.7, 1.4))}
    return replace(plain, **extra)
