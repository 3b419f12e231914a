"""Single pictures that look like grids, for `contact_sheets.py`: none should be split.

Each maker gets a random generator and photos to draw with. Figures of the sizes and colours are
drawn at random, so that every picture differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from contact_sheets_made import COLOURS, Pixels, compressed, toolbar
from PIL import Image, ImageDraw, ImageFont

Crop = Callable[[np.random.Generator, int, int], Pixels]
Maker = Callable[[np.random.Generator, Crop], Pixels]


def any_size(rng: np.random.Generator) -> tuple[int, int]:
    """Width and height, 256 to 1,448 pixels."""
    side, aspect = 2 ** rng.uniform(8, 10), 2 ** rng.uniform(-0.5, 0.5)
    return round(side * aspect), round(side / aspect)


def colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = rng.integers(0, 256, 3)
    return int(red), int(green), int(blue)


def maybe_jpeg(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    quality = int(rng.choice([0, 0, 90, 70, 50]))
    return compressed(pixels, quality) if quality else pixels


def shaded(pixels: Pixels, rng: np.random.Generator, strength: float = 0.15) -> Pixels:
    """Lit from one side, with the noise of a camera."""
    height, width = pixels.shape[:2]
    ramp = np.linspace(-1, 1, width)[None, :, None] * rng.uniform(-strength, strength)
    ramp = ramp + np.linspace(-1, 1, height)[:, None, None] * rng.uniform(-strength, strength)
    noisy = pixels * (1 + ramp) + rng.normal(0, rng.uniform(1, 5), pixels.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


# -- photos ------------------------------------------------------------------------------


def photo(rng: np.random.Generator, crop: Crop) -> Pixels:
    return maybe_jpeg(crop(rng, *any_size(rng)), rng)


def framed(rng: np.random.Generator, crop: Crop) -> Pixels:
    """With a frame, or two of different colours."""
    pixels = crop(rng, *any_size(rng))
    for _ in range(int(rng.integers(1, 3))):
        sides = [int(side) for side in rng.integers(4, 60, 4)]
        if rng.integers(2):
            sides = [sides[0]] * 4
        ground = COLOURS[rng.integers(len(COLOURS))]
        pixels = cv2.copyMakeBorder(pixels, *sides, cv2.BORDER_CONSTANT, value=ground)
    return maybe_jpeg(pixels, rng)


def screenshot(rng: np.random.Generator, crop: Crop) -> Pixels:
    """One photo below a toolbar."""
    pixels = framed(rng, crop)
    bar = toolbar(pixels.shape[1], int(rng.integers(30, 90)), rng)
    return maybe_jpeg(np.concatenate([bar, pixels]), rng)


def window(rng: np.random.Generator, crop: Crop) -> Pixels:
    """A photo through a window: bars of one colour in front of it, at equal distances or not."""
    width, height = any_size(rng)
    pixels = crop(rng, width, height).copy()
    bar, paint = int(rng.integers(2, max(3, width // 20))), colour(rng)
    for axis, length in ((0, height), (1, width)):
        count = int(rng.integers(2, 5))
        places = np.arange(1, count) / count
        if rng.integers(3) == 0:
            places = np.sort(rng.uniform(0.1, 0.9, count - 1))
        for place in places:
            at = round(place * length) - bar // 2
            pixels[(slice(None),) * axis + (slice(at, at + bar),)] = paint
    if rng.integers(2):
        pixels = cv2.copyMakeBorder(pixels, *[bar] * 4, cv2.BORDER_CONSTANT, value=paint)
    return maybe_jpeg(shaded(pixels, rng, 0.3) if rng.integers(2) else pixels, rng)


def facade(rng: np.random.Generator, crop: Crop) -> Pixels:
    """A wall with the same window again and again, straight or seen from the side."""
    width, height = any_size(rng)
    rows, columns = (int(count) for count in rng.integers(2, 7, 2))
    wall = np.full((height, width, 3), colour(rng), np.uint8)
    wall = shaded(wall, rng)
    glass = crop(rng, 200, 200)
    w, h = width / columns, height / rows
    inset = rng.uniform(0.15, 0.3, 2)
    for row in range(rows):
        for column in range(columns):
            left, top = round((column + inset[0]) * w), round((row + inset[1]) * h)
            size = (max(4, round(w * (1 - 2 * inset[0]))), max(4, round(h * (1 - 2 * inset[1]))))
            pane = cv2.resize(glass, size) // 2 + int(rng.integers(0, 60))
            wall[top : top + size[1], left : left + size[0]] = pane[: height - top, : width - left]
    if rng.integers(2):
        wall = tilted(wall, rng)
    return maybe_jpeg(shaded(wall, rng), rng)


def tilted(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = pixels.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    moved = corners + rng.uniform(-0.06, 0.06, (4, 2)).astype(np.float32) * [width, height]
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return np.asarray(
        cv2.warpPerspective(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def collage(rng: np.random.Generator, crop: Crop) -> Pixels:
    """Panels of unequal sizes, with a gutter or without."""
    width, height = any_size(rng)
    gutter = int(rng.choice([0, 4, 10]))
    whole = np.full((height, width, 3), COLOURS[rng.integers(len(COLOURS))], np.uint8)

    def fill(left: int, top: int, right: int, bottom: int, depth: int) -> None:
        w, h = right - left, bottom - top
        if depth == 0 or min(w, h) < 90:
            whole[top:bottom, left:right] = crop(rng, w, h)
            return
        share = rng.uniform(0.28, 0.43) if rng.integers(2) else rng.uniform(0.57, 0.72)
        if w > h:
            cut = left + round(w * share)
            fill(left, top, cut - gutter // 2, bottom, depth - 1)
            fill(cut + gutter // 2, top, right, bottom, depth - 1)
        else:
            cut = top + round(h * share)
            fill(left, top, right, cut - gutter // 2, depth - 1)
            fill(left, cut + gutter // 2, right, bottom, depth - 1)

    fill(0, 0, width, height, int(rng.integers(1, 4)))
    return maybe_jpeg(whole, rng)


def mirrored(rng: np.random.Generator, crop: Crop) -> Pixels:
    """A photo and its mirror image, side by side or one below the other, or all four."""
    part = crop(rng, *(side // 2 for side in any_size(rng)))
    kind = int(rng.integers(3))
    if kind != 1:
        part = np.concatenate([part, part[:, ::-1]], axis=1)
    if kind != 0:
        part = np.concatenate([part, part[::-1]])
    return maybe_jpeg(part, rng)


def wallpaper(rng: np.random.Generator, crop: Crop) -> Pixels:
    """A motif that repeats without seams."""
    side, rows, columns = int(rng.integers(64, 200)), *(int(n) for n in rng.integers(2, 6, 2))
    noise = rng.standard_normal((side, side, 3))
    rolled = np.fft.ifft2(
        np.fft.fft2(noise, axes=(0, 1)) * low_pass(side, rng.uniform(2, 8)), axes=(0, 1)
    ).real
    motif = 128 + rng.uniform(20, 60) * rolled / rolled.std()
    if rng.integers(2):
        motif = np.where(motif > 128, colour(rng), colour(rng))
    tiled = np.tile(np.clip(motif, 0, 255).astype(np.uint8), (rows, columns, 1))
    return maybe_jpeg(tiled, rng)


def low_pass(side: int, cycles: float) -> np.ndarray:
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :]) * side
    return np.exp(-((frequency / cycles) ** 2))[:, :, None]


# -- boards, tiles, pages ----------------------------------------------------------------


def board(rng: np.random.Generator, crop: Crop) -> Pixels:
    """A chessboard of 2 x 2 to 8 x 8 fields, plain, of wood, in a photo, or with pieces."""
    count, field = int(rng.choice([2, 3, 4, 5, 6, 8])), int(rng.integers(40, 140))
    ink = [np.array(colour(rng), float), np.array(colour(rng), float)]
    grain = rng.normal(0, 1, (count * field, count * field, 1))
    grain = cv2.GaussianBlur(grain, (0, 0), 8, sigmaY=0.7)[:, :, None]
    grain *= rng.choice([0, 6, 14]) / grain.std()
    parity = np.indices((count, count)).sum(0) % 2
    cells = np.kron(parity, np.ones((field, field)))[:, :, None]
    image = np.where(cells == 1, ink[1], ink[0]) + grain
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    if rng.integers(3) == 0:
        pixels = pieces(pixels, count, field, rng)
    if rng.integers(3) == 0:
        pixels = tilted(pixels, rng)
    return maybe_jpeg(shaded(pixels, rng) if rng.integers(2) else pixels, rng)


def pieces(pixels: Pixels, count: int, field: int, rng: np.random.Generator) -> Pixels:
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    for row in range(count):
        for column in range(count):
            if rng.integers(2):
                x, y, r = (column + 0.5) * field, (row + 0.5) * field, field * 0.3
                draw.ellipse((x - r, y - r, x + r, y + r), colour(rng), (0, 0, 0), 2)
    return np.asarray(image)


def tiles(rng: np.random.Generator, crop: Crop) -> Pixels:
    """A tiled floor or wall: grain on every tile, joints of one colour, lit from one side."""
    rows, columns = (int(count) for count in rng.integers(2, 7, 2))
    side, joint = int(rng.integers(60, 200)), int(rng.integers(2, 10))
    w, h = side, round(side * rng.choice([1, 1, 0.5, 1.5]))
    paint = np.array(colour(rng), float)
    whole = np.empty((rows * (h + joint) + joint, columns * (w + joint) + joint, 3))
    whole[:] = colour(rng)
    spread, grain = rng.choice([0, 5, 15]), rng.choice([2, 8, 20])
    for row in range(rows):
        for column in range(columns):
            noise = cv2.GaussianBlur(rng.standard_normal((h, w)), (0, 0), rng.uniform(1, 12))
            tile = paint + rng.normal(0, spread, 3) + grain * (noise / noise.std())[:, :, None]
            top, left = joint + row * (h + joint), joint + column * (w + joint)
            whole[top : top + h, left : left + w] = tile
    pixels = np.clip(whole, 0, 255).astype(np.uint8)
    if rng.integers(2):
        pixels = tilted(pixels, rng)
    return maybe_jpeg(shaded(pixels, rng), rng)


def table(rng: np.random.Generator, crop: Crop) -> Pixels:
    """Cells of equal or unequal size with a word or a number in most, ruled or striped."""
    rows, columns = int(rng.integers(2, 9)), int(rng.integers(2, 8))
    cell_h, size = int(rng.integers(24, 140)), int(rng.integers(12, 28))
    widths = rng.integers(60, 180, columns)
    if rng.integers(2):
        widths[:] = widths[0]
    edges, margin = np.concatenate([[0], np.cumsum(widths)]), int(rng.choice([0, 20, 50]))
    whole = (int(edges[-1]) + 2 * margin + 1, rows * cell_h + 2 * margin + 1)
    image = Image.new("RGB", whole, "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    line, ink, stripe = int(rng.integers(1, 5)), colour(rng), colour(rng)
    striped, dense = rng.integers(3) == 0, rng.integers(2)
    for row in range(rows):
        for column in range(columns):
            x, y = margin + int(edges[column]), margin + row * cell_h
            box = (x, y, x + int(widths[column]), y + cell_h)
            filled = stripe if striped and (row + column) % 2 else "white"
            draw.rectangle(box, fill=filled, outline=ink, width=line)
            lines = max(1, cell_h // (size + 6)) if dense else 1
            text = "\n".join("".join(rng.choice(list("etaoinsr 0123"), 8)) for _ in range(lines))
            draw.text((x + 6, y + 4), text, ink if filled == "white" else "black", font)
    return maybe_jpeg(np.asarray(image), rng)


def page(rng: np.random.Generator, crop: Crop) -> Pixels:
    """Text in one to three columns, with a picture at times."""
    columns, size = int(rng.integers(1, 4)), int(rng.integers(10, 22))
    width, height, margin = 700, 900, int(rng.integers(20, 60))
    image = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    gap = int(rng.integers(16, 40))
    w = (width - 2 * margin - (columns - 1) * gap) // columns
    for column in range(columns):
        x, y = margin + column * (w + gap), margin
        while y < height - margin - size:
            line = ""
            while draw.textlength(line, font) < w - 4 * size:
                line += "".join(rng.choice(list("etaoinsrhldcumfpg"), rng.integers(2, 9))) + " "
            draw.text((x, y), line, "black", font)
            y += round(size * (1.3 if rng.integers(8) else 2.6))
    if rng.integers(3) == 0:
        h = int(rng.integers(100, 300))
        y = int(rng.integers(margin, height - margin - h))
        image.paste(Image.fromarray(crop(rng, w, h)), (margin, y))
    return maybe_jpeg(np.asarray(image), rng)


def flag(rng: np.random.Generator, crop: Crop) -> Pixels:
    """Two to five stripes, a cross or quarters, flat or of cloth in the wind."""
    width, height = any_size(rng)
    pixels, kind = np.empty((height, width, 3), np.uint8), int(rng.integers(4))
    count = int(rng.integers(2, 6))
    paints = np.array([colour(rng) for _ in range(count)], np.uint8)
    if kind == 0:
        pixels[:] = paints[np.arange(width) * count // width][None]
    elif kind == 1:
        pixels[:] = paints[np.arange(height) * count // height][:, None]
    else:
        x, y = np.arange(width) * 2 // width, np.arange(height) * 2 // height
        pixels[:] = paints[(x[None] + y[:, None]) % count]
        if kind == 3:
            bar = width // 8
            pixels[height // 2 - bar // 2 : height // 2 + bar // 2] = paints[0]
            pixels[:, width // 2 - bar // 2 : width // 2 + bar // 2] = paints[0]
    if rng.integers(2):
        waves = 1 + 0.2 * np.sin(np.arange(width) / width * rng.uniform(6, 30))[None, :, None]
        pixels = np.clip(pixels * waves, 0, 255).astype(np.uint8)
        pixels = shaded(pixels, rng)
    return maybe_jpeg(pixels, rng)


def comic(rng: np.random.Generator, crop: Crop) -> Pixels:
    """One drawing of shapes with thick outlines, long lines among them."""
    width, height = any_size(rng)
    image = Image.new("RGB", (width, height), colour(rng))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(5, 30))):
        x, y = rng.integers(0, width), rng.integers(0, height)
        w, h = rng.integers(10, width // 2), rng.integers(10, height // 2)
        shape = (int(x), int(y), int(x + w), int(y + h))
        line = int(rng.integers(2, 8))
        kind = rng.integers(3)
        if kind == 0:
            draw.rectangle(shape, colour(rng), (0, 0, 0), line)
        elif kind == 1:
            draw.ellipse(shape, colour(rng), (0, 0, 0), line)
        else:
            upright = rng.integers(2)
            ends = (int(x), 0, int(x), height) if upright else (0, int(y), width, int(y))
            draw.line(ends, (0, 0, 0), line)
    return maybe_jpeg(np.asarray(image), rng)


def pixel_art(rng: np.random.Generator, crop: Crop) -> Pixels:
    """A tiny picture enlarged without smoothing: 3 to 48 pixels a side."""
    w, h = (int(side) for side in rng.integers(3, 49, 2))
    scale = max(2, 400 // max(w, h))
    small = cv2.resize(crop(rng, 200, 200), (w, h), interpolation=cv2.INTER_AREA)
    return maybe_jpeg(np.kron(small, np.ones((scale, scale, 1), np.uint8)), rng)


def stripes(rng: np.random.Generator, crop: Crop) -> Pixels:
    """Straight stripes, bars or a lattice, some over a photo, some over noise."""
    width, height = any_size(rng)
    pixels = crop(rng, width, height).astype(float)
    if rng.integers(2):
        pixels = np.full((height, width, 3), colour(rng), float)
        pixels += rng.normal(0, rng.choice([0, 4, 15]), (height, width, 1))
    for axis, length in ((0, height), (1, width)):
        if axis == 0 and rng.integers(2):
            continue
        period = int(rng.integers(20, length // 2))
        on = (np.arange(length) // period) % 2 == 1
        shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)
        pixels += on.reshape(shape) * rng.uniform(-90, 90, 3)
    return maybe_jpeg(np.clip(pixels, 0, 255).astype(np.uint8), rng)


def gradient(rng: np.random.Generator, crop: Crop) -> Pixels:
    width, height = any_size(rng)
    ends = rng.integers(0, 256, (4, 3)).astype(float)
    x, y = np.linspace(0, 1, width)[None, :, None], np.linspace(0, 1, height)[:, None, None]
    whole = (ends[0] * (1 - x) + ends[1] * x) * (1 - y) + (ends[2] * (1 - x) + ends[3] * x) * y
    if rng.integers(2):
        whole = np.floor(whole / 32) * 32
    return maybe_jpeg(whole.astype(np.uint8), rng)


DRAWN: Mapping[str, Maker] = {
    "photos": photo,
    "photos in frames": framed,
    "photos below a toolbar": screenshot,
    "photos behind a window": window,
    "photos of a facade": facade,
    "unequal collages": collage,
    "mirrored photos": mirrored,
    "wallpapers": wallpaper,
    "boards": board,
    "tiles": tiles,
    "tables": table,
    "pages": page,
    "flags": flag,
    "drawings": comic,
    "pixel art": pixel_art,
    "stripes": stripes,
    "gradients": gradient,
}
