"""How much memory an image takes while it is decoded, by its header alone.

Used where an image is decoded (`decode.py`), before any pixel is: the bytes that it asks of a
`MemoryBudget`. The figures are upper bounds of what `studies/decoding_memory.py` measures.
"""

from __future__ import annotations

from typing import Any

from PIL import Image

from rara.images.depth import has_deep_colours
from rara.images.strips import STRIP

_RGB = 4
"""Bytes of a pixel in the image that decoding makes: Pillow stores no fewer for three colours."""

_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
"""Bytes of a pixel as Pillow stores it; four in all other modes."""

_LINE = 64
"""Bytes for each row and column: pointers to rows, and the weights of the resize."""

_STRIP = 24
"""Bytes of a pixel while it is converted, which is done a strip at a time."""


def bytes_to_decode(image: Image.Image, data: bytes | None) -> int:
    """The most memory that an opened image takes until it is an upright RGB image.

    With its encoded bytes, `data`, and with what follows: its fingerprint and the resize.
    """
    stored = _STORED.get(image.mode, 4)
    later = max(stored + _RGB, 2 * _RGB)  # a conversion, then a turned copy
    own = 0.0 if data is None else _decoder(image, data, stored)
    pixels = image.width * image.height
    whole = int(pixels * max(stored + own, later))
    return len(data or b"") + whole + _besides(*image.size)


def bytes_of_array(width: int, height: int) -> int:
    """The same of an array, beside the array itself."""
    return width * height * 2 * _RGB + _besides(width, height)


def _besides(width: int, height: int) -> int:
    return _STRIP * min(width * height, max(STRIP, width)) + _LINE * (width + height)


def _decoder(image: Image.Image, data: bytes, stored: int) -> float:
    """Bytes a pixel that the decoder takes beside the image that it fills."""
    match image.format:
        case "JPEG" | "MPO":
            return _coefficients(image, data)
        case "TIFF":
            return _low_bytes(image, data) + _strips(image, stored)
        case "PNG":
            return _low_bytes(image, data)
        case "WEBP":
            return 13
        case "AVIF":
            return 12
        case "JPEG2000":
            return 5.5 * len(image.getbands())
        case "BMP" | "QOI" | "PPM":
            return 2 * len(image.getbands())
        case _:
            return 5


def _coefficients(image: Image.Image, data: bytes) -> float:
    """Where an image comes in several scans, all its coefficients, of two bytes each."""
    several = "progressive" in image.info or data.count(b"\xff\xda") > 1
    return 2 * len(image.getbands()) if several else 0


def _low_bytes(image: Image.Image, data: bytes) -> float:
    """Where colours may be read anew for their low bytes."""
    return 9 if has_deep_colours(image, data) else 0


def _strips(image: Image.Image, stored: int) -> float:
    """A strip or a tile is decoded at once, and may be as large as the image or larger."""
    width, height = tile_size(image)
    return stored * max(1, width * height / (image.width * image.height))


def tile_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of the tiles of a TIFF; 1 and 1 where there are none."""
    tags: Any = getattr(image, "tag_v2", {})
    return max(1, _number(tags.get(322))), max(1, _number(tags.get(323)))


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
