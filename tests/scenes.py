"""Seeded pictures with enough detail to be found again: shapes, lines and letters on noise."""

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont


def scene(seed, width=320, height=240):
    """(height, width, 3) one drawing for each seed, unlike those of other seeds."""
    rng = np.random.default_rng(seed)
    ground = rng.normal(0, 1, (height, width, 3))
    ground = cv2.GaussianBlur(ground, (0, 0), 6)
    ground = 128 + 40 * ground / ground.std()
    image = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y, w, h = rng.integers(0, [width, height, width // 5, height // 5])
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        kind = rng.integers(4)
        if kind == 0:
            draw.ellipse((x, y, x + w, y + h), fill=colour)
        elif kind == 1:
            draw.rectangle((x, y, x + w, y + h), fill=colour)
        elif kind == 2:
            draw.line((x, y, x + w, y + h), fill=colour, width=int(rng.integers(1, 6)))
        else:
            letter = chr(int(rng.integers(65, 91)))
            draw.text((x, y), letter, colour, ImageFont.load_default(int(rng.integers(12, 40))))
    return np.asarray(image)


def resized(pixels, width, height):
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def pasted(pixels, ground, left, top):
    """A copy of the ground with the pixels on it."""
    whole = ground.copy()
    whole[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return whole


def box(left, top, right, bottom):
    """The corners of a rectangle."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)
