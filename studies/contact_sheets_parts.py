"""Single photos whose parts lie in a line, for `contact_sheets.py`: behind bars, cut, with a text.

They are hardest to tell from a row of two to four pictures, for few edges meet.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from contact_sheets_made import APP_COLOURS, COLOURS, Pixels
from contact_sheets_single import Crop, Maker, any_size, maybe_jpeg
from PIL import Image, ImageDraw, ImageFont


def line_of(rng: np.random.Generator) -> tuple[list[int], int, int]:
    """Where two to four equal parts begin, how long they are, and the gutter."""
    count, length = int(rng.integers(2, 5)), round(2 ** rng.uniform(8, 10))
    gutter = int(rng.integers(2, max(3, length // 30)))
    part = (length - (count - 1) * gutter) // count
    return [place * (part + gutter) for place in range(count)], part, gutter


def behind_bars(rng: np.random.Generator, crop: Crop) -> Pixels:
    """A photo behind one to three bars of one colour that part it equally."""
    begins, part, _ = line_of(rng)
    pixels = crop(rng, begins[-1] + part, round(part * rng.uniform(0.7, 1.5)))
    whole = np.full(pixels.shape, COLOURS[rng.integers(len(COLOURS))], np.uint8)
    for begin in begins:
        whole[:, begin : begin + part] = pixels[:, begin : begin + part]
    return maybe_jpeg(turned(whole, rng), rng)


def cut_apart(rng: np.random.Generator, crop: Crop) -> Pixels:
    """A photo hung as two to four canvases: cut, and the parts moved from each other."""
    begins, part, gutter = line_of(rng)
    pixels = crop(rng, len(begins) * part, round(part * rng.uniform(0.7, 1.5)))
    size = (len(pixels), begins[-1] + part, 3)
    whole = np.full(size, COLOURS[rng.integers(len(COLOURS))], np.uint8)
    for place, begin in enumerate(begins):
        whole[:, begin : begin + part] = pixels[:, place * part : (place + 1) * part]
    sides = [gutter * int(rng.integers(0, 3))] * 4
    ground = tuple(int(value) for value in whole[0, part])
    whole = cv2.copyMakeBorder(whole, *sides, cv2.BORDER_CONSTANT, value=ground)
    return maybe_jpeg(turned(whole, rng), rng)


def turned(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    return np.ascontiguousarray(pixels.transpose(1, 0, 2)) if rng.integers(2) else pixels


def captioned(rng: np.random.Generator, crop: Crop) -> Pixels:
    """A photo with lines of text below or beside it, half of it or less."""
    pixels = crop(rng, *any_size(rng))
    height, width = pixels.shape[:2]
    beside = rng.integers(2)
    size = (round(width * rng.uniform(0.3, 1)), height) if beside else (width, height // 3)
    ground = APP_COLOURS[rng.integers(len(APP_COLOURS))]
    image = Image.new("RGB", size, ground)
    ink, step = ("black" if sum(ground) > 380 else "white"), int(rng.integers(12, 24))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(step)
    for y in range(step, size[1] - step, round(1.5 * step)):
        words = "".join(rng.choice(list("etaoin srhldcu mfpg "), max(4, size[0] * 3 // (2 * step))))
        draw.text((step, y), words, ink, font)
    return maybe_jpeg(np.concatenate([pixels, np.asarray(image)], axis=1 if beside else 0), rng)


IN_PARTS: Mapping[str, Maker] = {
    "photos behind bars": behind_bars,
    "photos cut apart": cut_apart,
    "photos with a text": captioned,
}
