"""Edits that move a picture or hide part of it, with where the source then lies.

`HARD` names each. An edit gets the picture, another one to paste on, and a random generator; it
returns the edited picture and the regions of both that hold the same, as polygons from 0 to 1.
Edits of the pixels alone come from `edits.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np
from edits import EDITS, Picture, blend, jpeg
from PIL import Image, ImageEnhance

from rara.retrieval.polygons import Polygon, mapped, rectangle

Turn = Image.Transpose
WHOLE = rectangle(1, 1)


@dataclass(frozen=True, slots=True)
class Edited:
    """A copy, and what of it comes from where."""

    picture: Picture
    sample: tuple[Polygon, ...] = (WHOLE,)
    """One region for each time that the source is there."""
    source: Polygon = field(default_factory=lambda: WHOLE)


Hard = Callable[[Picture, Picture, np.random.Generator], Edited]


def box(left: float, top: float, width: float, height: float) -> Polygon:
    return rectangle(width, height) + np.array([left, top])


def pixels_only(image: Picture, other: Picture, rng: np.random.Generator, *, name: str) -> Edited:
    return Edited(EDITS[name](image, other, rng))


def turned(image: Picture, other: Picture, rng: np.random.Generator, *, how: Turn) -> Edited:
    return Edited(image.transpose(how))


def rotated(image: Picture, other: Picture, rng: np.random.Generator) -> Edited:
    """By any angle, on grey, nothing cut off."""
    angle = float(rng.uniform(10, 350))
    picture = image.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=(128, 128, 128))
    turn = np.radians(-angle)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = (rectangle(*image.size) - np.array(image.size) / 2) @ matrix.T
    return Edited(picture, ((corners + np.array(picture.size) / 2) / picture.size,))


def part(image: Picture, other: Picture, rng: np.random.Generator, *, area: float) -> Edited:
    """A crop with this share of the area."""
    width, height = (max(1, round(side * np.sqrt(area))) for side in image.size)
    left = int(rng.integers(image.width - width + 1))
    top = int(rng.integers(image.height - height + 1))
    crop = image.crop((left, top, left + width, top + height))
    shares = (left / image.width, top / image.height, width / image.width, height / image.height)
    return Edited(crop, source=box(*shares))


def pasted(
    image: Picture, other: Picture, rng: np.random.Generator, *, side: float, area: float = 1.0
) -> Edited:
    """A part of it, with this share of the other's sides, on the other."""
    crop = part(image, other, rng, area=area)
    ground = other.resize(image.size)
    width, height = (max(1, round(length * side)) for length in ground.size)
    left = int(rng.integers(ground.width - width + 1))
    top = int(rng.integers(ground.height - height + 1))
    ground.paste(crop.picture.resize((width, height)), (left, top))
    shares = (left, top, width, height) / np.tile(ground.size, 2)
    return Edited(ground, (box(*shares),), crop.source)


def tiled(image: Picture, other: Picture, rng: np.random.Generator, *, side: int) -> Edited:
    width, height = (max(1, length // side) for length in image.size)
    small, whole = image.resize((width, height)), Image.new("RGB", (side * width, side * height))
    places = [(x, y) for x in range(side) for y in range(side)]
    for x, y in places:
        whole.paste(small, (x * width, y * height))
    return Edited(whole, tuple(box(x / side, y / side, 1 / side, 1 / side) for x, y in places))


def tilted(image: Picture, other: Picture, rng: np.random.Generator, *, by: float) -> Edited:
    """In perspective, on grey: each corner moves inwards by up to this share of the sides."""
    inwards = rng.uniform(0, by, (4, 2)) * np.where(WHOLE > 0.5, -1, 1)
    corners = WHOLE + inwards
    ends = [np.asarray(end * image.size, np.float32) for end in (WHOLE, corners)]
    matrix = cv2.getPerspectiveTransform(*ends)
    pixels = cv2.warpPerspective(
        np.asarray(image), matrix, image.size, flags=cv2.INTER_CUBIC, borderValue=(128,) * 3
    )
    reached = mapped(rectangle(*image.size), matrix) / image.size
    return Edited(Image.fromarray(np.asarray(pixels, np.uint8)), (reached,))


def stretched(image: Picture, other: Picture, rng: np.random.Generator) -> Edited:
    return Edited(image.resize((image.width, round(0.7 * image.height))))


def several(image: Picture, other: Picture, rng: np.random.Generator) -> Edited:
    """Half of it, mirrored, paler, brighter, pasted at 60 %, and compressed."""
    half = part(image, other, rng, area=0.5)
    pale = ImageEnhance.Color(half.picture.transpose(Turn.FLIP_LEFT_RIGHT)).enhance(0.4)
    bright = ImageEnhance.Brightness(pale).enhance(1.2)
    ground = pasted(bright, other.resize(image.size), rng, side=0.6)
    return Edited(jpeg(ground.picture, other, rng, quality=40), ground.sample, half.source)


def compressed(image: Picture, other: Picture, rng: np.random.Generator) -> Edited:
    return Edited(jpeg(image, other, rng, quality=10))


def mixed(image: Picture, other: Picture, rng: np.random.Generator) -> Edited:
    return Edited(blend(image, other, rng, share=0.5))


HARD: Mapping[str, Hard] = {
    "mirrored": partial(turned, how=Turn.FLIP_LEFT_RIGHT),
    "turned 90°": partial(turned, how=Turn.ROTATE_90),
    "turned 180°": partial(turned, how=Turn.ROTATE_180),
    "turned 270°": partial(turned, how=Turn.ROTATE_270),
    "upside down": partial(turned, how=Turn.FLIP_TOP_BOTTOM),
    "transposed": partial(turned, how=Turn.TRANSPOSE),
    "transversed": partial(turned, how=Turn.TRANSVERSE),
    "rotated by any angle": rotated,
    "crop to 50 % of the area": partial(part, area=0.5),
    "crop to 25 %": partial(part, area=0.25),
    "crop to 10 %": partial(part, area=0.1),
    "pasted at 70 % of the sides": partial(pasted, side=0.7),
    "pasted at 50 %": partial(pasted, side=0.5),
    "pasted at 30 %": partial(pasted, side=0.3),
    "half pasted at 50 %": partial(pasted, side=0.5, area=0.5),
    "quarter pasted at 50 %": partial(pasted, side=0.5, area=0.25),
    "tiled 2 x 2": partial(tiled, side=2),
    "tiled 3 x 3": partial(tiled, side=3),
    "perspective": partial(tilted, by=0.2),
    "stretched": stretched,
    "caption": partial(pixels_only, name="caption"),
    "JPEG 10": compressed,
    "blended 70:30": partial(pixels_only, name="blended 70:30"),
    "blended 50:50": mixed,
    "noise 20": partial(pixels_only, name="noise 20"),
    "blur 2 %": partial(pixels_only, name="blur 2 %"),
    "blur 4 %": partial(pixels_only, name="blur 4 %"),
    "hue 40°": partial(pixels_only, name="hue 40°"),
    "grey": partial(pixels_only, name="grey"),
    "several at once": several,
}
"""Each edit by the name that tables show."""
