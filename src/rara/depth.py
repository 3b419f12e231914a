"""Pixels of more than eight bits -> eight: how many bits they use, and the notes that say so.

Used where an image is decoded (`images.py`). What a file declares decides; where it declares
nothing, and its values would all turn black or nearly so, its own largest value does.
"""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from rara.errors import ImageError

_FEW = 4096
"""Sixteen-bit values that are all below this would lie in the darkest sixteenth."""

_STEPS = (8, 10, 12)
"""Depths that are told from the data: the usual ones of sensors below sixteen bits."""

_BITS, _PHOTOMETRIC, _MAXIMUM, _SIGNED_MAXIMUM = 258, 262, 281, 341  # tags of a TIFF

_SWAPPED = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}


def depth_note(bits: int) -> str:
    """What is said of an image whose depth was told from its data."""
    return f"{bits}-bit values in deeper pixels, and read so"


def bits_for(largest: int) -> int:
    """The depth of sixteen-bit values that declare none, from the largest of them."""
    if not 0 < largest < _FEW:
        return 16
    return next(bits for bits in _STEPS if largest < 1 << bits)


def narrowed(
    pixels: NDArray[Any], bits: int | None, *, white_is_zero: bool = False
) -> tuple[NDArray[np.uint8], str]:
    """Sixteen-bit pixels as eight, and a note where the depth was told from the data.

    `bits` is the declared depth. A fourth channel is opacity, and has its own largest value.
    """
    largest = int(pixels[..., :3].max() if pixels.ndim == 3 else pixels.max())
    told = bits is None or largest >= 1 << bits
    depth = bits_for(largest) if told or bits is None else bits
    if white_is_zero:
        pixels = np.uint16((1 << depth) - 1) - pixels
    narrow = _shifted(pixels, depth)
    if pixels.ndim == 3 and pixels.shape[2] == 4 and pixels[..., 3].max() >= 1 << depth:
        narrow[..., 3] = _shifted(pixels[..., 3], 16)
    return narrow, depth_note(depth) if told and depth < 16 else ""


def _shifted(pixels: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    if bits < 8:
        return (pixels.astype(np.uint32) * 255 // ((1 << bits) - 1)).astype(np.uint8)
    return (pixels >> (bits - 8)).astype(np.uint8)  # as Pillow does to 16-bit RGB


# -- what files declare -----------------------------------------------------------------


def declared_bits(image: Image.Image, data: bytes | None) -> int | None:
    """The depth that a file declares, or to which Pillow scaled it; None where it declares none."""
    if image.format == "PNG":
        return _significant(data)
    if image.format == "TIFF":
        return _tagged(getattr(image, "tag_v2", {}))
    return 16 if image.format else None  # Pillow scales the others by what they declare


def _significant(data: bytes | None) -> int | None:
    """The largest number in a PNG's sBIT, which comes before the pixels."""
    at = 8
    while data is not None and at + 12 <= len(data) and data[at + 4 : at + 8] != b"IDAT":
        size = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"sBIT":
            return max(data[at + 8 : at + 8 + min(size, 3)], default=0) or None
        at += 12 + size
    return None


def _tagged(tags: Any) -> int | None:
    """The depth in a TIFF's tags: of its samples where below 16, or of their largest value."""
    bits = max(_numbers(tags.get(_BITS)), default=16)
    if bits < 16:
        return int(bits)
    largest = max(_numbers(tags.get(_MAXIMUM)) + _numbers(tags.get(_SIGNED_MAXIMUM)), default=0)
    return min(int(largest).bit_length(), 16) or None


def _numbers(value: Any) -> list[float]:
    many = value if isinstance(value, tuple) else (value,)
    return [one for one in many if isinstance(one, (int, float)) and one > 0]


def white_is_zero(image: Image.Image) -> bool:
    """Whether a TIFF of sixteen bits stores its negative, which Pillow leaves as it is."""
    tags = getattr(image, "tag_v2", {})
    return image.mode.startswith("I;16") and tags.get(_PHOTOMETRIC) == 0


# -- colours of sixteen bits, of which Pillow keeps the high bytes ------------------------


def deep_colours(image: Image.Image, data: bytes) -> tuple[Image.Image, str]:
    """A loaded image as it is, or read anew where Pillow kept no more than black of 16 bits."""
    bits = declared_bits(image, data)
    if image.mode not in ("RGB", "RGBA", "LA") or not _is_deep(image, data):
        return image, ""
    high = np.asarray(image)
    colours = high[..., : 1 if image.mode == "LA" else 3]
    if colours.max() >= _FEW >> 8 and (bits is None or bits >= 16 or image.format == "PNG"):
        return image, ""
    pixels = high.astype(np.uint16) << 8 | _low_bytes(data, image.mode)
    narrow, note = narrowed(pixels[..., [0, 0, 0, 1]] if image.mode == "LA" else pixels, bits)
    return Image.fromarray(narrow), note


def _is_deep(image: Image.Image, data: bytes) -> bool:
    if image.format == "PNG":
        return data[24:25] == b"\x10"  # the depth in IHDR
    tags = getattr(image, "tag_v2", {})
    return image.format == "TIFF" and max(_numbers(tags.get(_BITS)), default=8) == 16


def _low_bytes(data: bytes, mode: str) -> NDArray[np.uint16]:
    """The other byte of each sample: read with the opposite order of bytes."""
    image = Image.open(io.BytesIO(data), formats=("PNG", "TIFF"))
    if not isinstance(image, ImageFile.ImageFile):
        raise ImageError("16-bit colours that use few of their bits")
    if mode == "LA":  # grey and opacity: four bytes a pixel, as RGBA of eight bits has
        image._mode = "RGBA"
        image.tile = [one._replace(args="RGBA") for one in image.tile]
        return np.asarray(image)[..., [1, 3]].astype(np.uint16)
    image.tile = [one._replace(args=_opposite(one.args)) for one in image.tile]
    return np.asarray(image).astype(np.uint16)


def _opposite(args: Any) -> Any:
    raw, *rest = args if isinstance(args, tuple) else (args,)
    found = re.fullmatch(r"(RGB|RGBA|RGBX);16([LBN])", raw)
    if found is None:
        raise ImageError(
            "16-bit colours that use few of their bits, stored in a way that rara does not read; "
            "convert the image to 8 bits"
        )
    swapped = f"{found[1]};16{_SWAPPED[found[2]]}"
    return (swapped, *rest) if isinstance(args, tuple) else swapped
