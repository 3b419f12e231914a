"""What people do to a picture that they copy, as functions from one picture to another.

`EDITS` names each edit with its strength. An edit gets the picture, another picture where it
needs one (to paste on, to blend with), and a random generator. Lengths are shares of the
shorter side, so that an edit means the same on a photo of 32 pixels as on one of a thousand.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

Picture = Image.Image
Edit = Callable[[Picture, Picture, np.random.Generator], Picture]


def same(image: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    return image


def jpeg(image: Picture, other: Picture, rng: np.random.Generator, *, quality: int) -> Picture:
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=quality)
    return Image.open(encoded).convert("RGB")


def rescale(image: Picture, other: Picture, rng: np.random.Generator, *, by: float) -> Picture:
    """Smaller, and back to the size that it had."""
    small = (max(1, round(image.width * by)), max(1, round(image.height * by)))
    return image.resize(small, Image.Resampling.LANCZOS).resize(image.size)


def crop(image: Picture, other: Picture, rng: np.random.Generator, *, keep: float) -> Picture:
    """A part with this share of each side, from anywhere."""
    width, height = round(image.width * keep), round(image.height * keep)
    left = int(rng.integers(image.width - width + 1))
    top = int(rng.integers(image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def mirror(image: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def turn(image: Picture, other: Picture, rng: np.random.Generator, *, degrees: float) -> Picture:
    if degrees == 90:
        return image.transpose(Image.Transpose.ROTATE_90)
    return image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor="white")


def enhance(
    image: Picture,
    other: Picture,
    rng: np.random.Generator,
    *,
    what: Callable[[Picture], ImageEnhance._Enhance],
    factor: float,
) -> Picture:
    return what(image).enhance(factor)


def hue(image: Picture, other: Picture, rng: np.random.Generator, *, degrees: float) -> Picture:
    pixels = np.array(image.convert("HSV"))
    pixels[..., 0] += np.uint8(round(degrees / 360 * 256))
    return Image.fromarray(pixels, "HSV").convert("RGB")


def grey(image: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    return image.convert("L").convert("RGB")


def blur(image: Picture, other: Picture, rng: np.random.Generator, *, radius: float) -> Picture:
    return image.filter(ImageFilter.GaussianBlur(radius * min(image.size)))


def noise(image: Picture, other: Picture, rng: np.random.Generator, *, sigma: float) -> Picture:
    pixels = np.asarray(image) + rng.normal(0, sigma, (image.height, image.width, 3))
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))


def caption(image: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """White letters with a black edge across the lower part."""
    size = 0.28 * min(image.size)
    lettered = image.copy()
    ImageDraw.Draw(lettered).text(
        (image.width / 2, image.height * 0.8), "Hello", "white", ImageFont.load_default(size),
        anchor="mm", stroke_width=max(1, round(size / 14)), stroke_fill="black",
    )  # fmt: skip
    return lettered


def patch(image: Picture, other: Picture, rng: np.random.Generator, *, side: float) -> Picture:
    """A square of one colour somewhere on it."""
    length = round(side * min(image.size))
    left = int(rng.integers(image.width - length + 1))
    top = int(rng.integers(image.height - length + 1))
    covered = image.copy()
    colour = tuple(int(value) for value in rng.integers(0, 256, 3))
    covered.paste(colour, (left, top, left + length, top + length))
    return covered


def paste(image: Picture, other: Picture, rng: np.random.Generator, *, side: float) -> Picture:
    """The whole picture, smaller, on another one."""
    ground = other.resize(image.size)
    small = image.resize((round(image.width * side), round(image.height * side)))
    left = int(rng.integers(ground.width - small.width + 1))
    top = int(rng.integers(ground.height - small.height + 1))
    ground.paste(small, (left, top))
    return ground


def blend(image: Picture, other: Picture, rng: np.random.Generator, *, share: float) -> Picture:
    """Mixed with another picture, of which this share shines through."""
    return Image.blend(image, other.resize(image.size), share)


EDITS: dict[str, Edit] = {
    "same pixels": same,
    "JPEG 70": partial(jpeg, quality=70),
    "JPEG 30": partial(jpeg, quality=30),
    "half size and back": partial(rescale, by=0.5),
    "crop 95 %": partial(crop, keep=0.95),
    "crop 90 %": partial(crop, keep=0.9),
    "crop 80 %": partial(crop, keep=0.8),
    "crop 60 %": partial(crop, keep=0.6),
    "mirrored": mirror,
    "turned 5°": partial(turn, degrees=5),
    "turned 90°": partial(turn, degrees=90),
    "brightness x0.7": partial(enhance, what=ImageEnhance.Brightness, factor=0.7),
    "brightness x1.4": partial(enhance, what=ImageEnhance.Brightness, factor=1.4),
    "contrast x0.6": partial(enhance, what=ImageEnhance.Contrast, factor=0.6),
    "contrast x1.6": partial(enhance, what=ImageEnhance.Contrast, factor=1.6),
    "hue 40°": partial(hue, degrees=40),
    "grey": grey,
    "blur 2 %": partial(blur, radius=0.02),
    "blur 4 %": partial(blur, radius=0.04),
    "noise 8": partial(noise, sigma=8),
    "noise 20": partial(noise, sigma=20),
    "caption": caption,
    "patch 30 %": partial(patch, side=0.3),
    "pasted at 70 %": partial(paste, side=0.7),
    "blended 85:15": partial(blend, share=0.15),
    "blended 70:30": partial(blend, share=0.3),
}
"""Each edit with its strength, by the name that tables show."""
