"""Modes, transparency and depths of opened images -> RGB, a strip of a large one at a time.

Used where an image is decoded (`decode.py`). Conversions step by step would hold the whole image
two or three times; here beside the image and what becomes of it there is only a strip.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from PIL import ExifTags, Image

from rara.errors import ImageError
from rara.images.depth import depth_in_file, white_is_zero
from rara.images.ranges import UNIT
from rara.images.strips import arrays, assembled, strips

TRANSPARENT = "wholly transparent"
"""Note of an image with nothing to see."""


def rgb(image: Image.Image) -> tuple[Image.Image, str]:
    """The colours on white, and whether there are any."""
    if image.has_transparency_data:
        return _on_white(image)
    return (image if image.mode == "RGB" else image.convert("RGB")), ""


def _on_white(image: Image.Image) -> tuple[Image.Image, str]:
    white, top, visible = Image.new("RGB", image.size, "white"), 0, False
    for strip in strips(image):
        colours = strip if strip.mode == "RGBA" else strip.convert("RGBA")
        white.paste(colours, (0, top), mask=colours)
        visible = visible or colours.getbbox() is not None
        top += strip.height
    return white, "" if visible else TRANSPARENT


# -- grey values of more than eight bits ------------------------------------------------


def is_deep(image: Image.Image) -> bool:
    """Whether the image has grey values of more than eight bits."""
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def from_deep(image: Image.Image, data: bytes | None) -> tuple[Image.Image, str]:
    """Grey values of more than eight bits as eight, and what to say of their depth."""
    least, largest = _ends(image)
    if image.mode == "F":
        UNIT.check(least, largest)
        return assembled("L", image.size, map(UNIT.eight_bit, arrays(image))), ""
    if least < 0:
        raise ImageError(f"signed pixels from {least:.0f} to {largest:.0f}: none below 0")
    if largest > 0xFFFF:
        raise ImageError(f"32-bit pixels from {least:.0f} to {largest:.0f}: at most 16 bits")
    depth = depth_in_file(image, (int(largest), 0), lambda: arrays(image), data)
    narrow = map(depth.eight_bit, arrays(image))
    turned_over = (~part for part in narrow) if white_is_zero(image) else narrow
    return assembled("L", image.size, turned_over), depth.note


def _ends(image: Image.Image) -> tuple[float, float]:
    ends = np.array([(part.min(), part.max()) for part in arrays(image)], np.float64)
    return float(ends[:, 0].min()), float(ends[:, 1].max())


# -- which way up -----------------------------------------------------------------------

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation, 1 where there is none or it cannot be read, as viewers do."""
    with suppress(Exception):
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    return 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image turned as its orientation says."""
    if orientation not in _UPRIGHT:
        return image
    turned = image.transpose(_UPRIGHT[orientation])
    turned.info.clear()  # or decoding the result once more would turn it once more
    return turned
