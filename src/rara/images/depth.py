"""Pixels of sixteen bits -> eight: how many of their bits are used, and the note that says so.

Used where an image is decoded (`decode.py`). What a file declares decides; where it declares
nothing, and its values would all turn black or nearly so, its own largest value does.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from rara.errors import ImageError
from rara.images.strips import arrays, assembled, by_strips

Parts: TypeAlias = Callable[[], Iterable[NDArray[Any]]]
"""The pixels of an image, a strip at a time, as often as wanted."""

_FEW = 4096
"""Sixteen-bit values that are all below this would lie in the darkest sixteenth."""

_STEPS = (8, 10, 12)
"""Depths that are derived from the values: the usual ones of sensors below sixteen bits."""

_BITS, _PACKING, _PHOTOMETRIC, _MAXIMUM, _PLANES, _SIGNED_MAXIMUM = 258, 259, 262, 281, 284, 341
"""Tags of a TIFF."""

_APART = 2

_UNREAD = (
    "16-bit colours that use few of their bits, stored in a way that rara does not read; "
    "convert the image to 8 bits"
)

_SWAPPED = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}


@dataclass(frozen=True, slots=True)
class Depth:
    """How many of their bits sixteen-bit values use."""

    bits: int
    opacity: int
    """The same of the fourth channel."""
    note: str = ""
    """What to say of it where it was derived from the values."""

    @property
    def key(self) -> str:
        """What makes it differ from another one."""
        return f"{self.bits} bits, opacity {self.opacity}"

    def eight_bit(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """The high byte of the bits that are used."""
        return by_strips(pixels, self._narrow)

    def _narrow(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        narrow = _shifted(pixels, self.bits)
        if has_opacity(pixels):
            narrow[..., 3] = _shifted(pixels[..., 3], self.opacity)
        return narrow


def depth_of(
    largest: int, opaque: int, bits: int | None = None, *, doubtful: bool = False
) -> Depth:
    """The depth of values up to `largest`, in the fourth channel up to `opaque`.

    `bits` is what the file declares; `doubtful` where it means something else by it.
    """
    by_values = bits is None or largest >= 1 << bits
    used = _fitting(largest) if by_values or bits is None else bits
    note = f"16-bit pixels read as {used}-bit, as no value needs more" if used < 16 else ""
    if by_values and bits is not None and used == 16:
        note = f"declares {bits} bits, but uses 16 and is read so"
    return Depth(used, used if opaque < 1 << used else 16, note if by_values or doubtful else "")


def largest_of(pixels: NDArray[Any]) -> tuple[int, int]:
    """The largest value of the colours, and of the fourth channel where there is one."""
    if not has_opacity(pixels):
        return int(pixels.max()), 0
    return int(pixels[..., :3].max()), int(pixels[..., 3].max())


def depth_in_file(
    image: Image.Image, largest: tuple[int, int], parts: Parts, data: bytes | None
) -> Depth:
    """The depth of a file's pixels, given in `parts`; `largest` as `largest_of` says."""
    bits, doubtful = declared_bits(image, data), False
    if image.format == "PNG" and bits is not None:
        doubtful = largest[0] < _FEW and not _scaled_up(parts(), bits)
        bits = bits if doubtful else 16
    return depth_of(*largest, bits, doubtful=doubtful)


def has_opacity(pixels: NDArray[Any]) -> bool:
    """Whether an image has a fourth channel."""
    return pixels.ndim == 3 and pixels.shape[2] == 4


def _fitting(largest: int) -> int:
    if not 0 < largest < _FEW:
        return 16
    return next(bits for bits in _STEPS if largest < 1 << bits)


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
            bits = max(data[at + 8 : at + 8 + min(size, 3)], default=0)
            return bits if 0 < bits <= 16 else None
        at += 12 + size
    return None


def _scaled_up(parts: Iterable[NDArray[Any]], bits: int) -> bool:
    """Whether values of so many bits were scaled to sixteen, as the standard of PNG demands."""
    shifted = rounded = True
    for pixels in parts:
        high = pixels >> (16 - bits)
        shifted = shifted and np.array_equal(high << (16 - bits), pixels)
        scaled = high * (65_535 / ((1 << bits) - 1))
        rounded = rounded and bool(np.abs(pixels - scaled).max() <= 1)
    return shifted or rounded


def _tagged(tags: Any) -> int | None:
    """The depth in a TIFF's tags: of its samples where below 16, or of their largest value."""
    bits = int(max(_numbers(tags.get(_BITS)), default=16))
    if bits < 16:
        return bits
    limit = int(max(_numbers(tags.get(_MAXIMUM)) + _numbers(tags.get(_SIGNED_MAXIMUM)), default=0))
    if limit >= _FEW << 1:
        return min(limit.bit_length(), 16)
    # some writers put the largest value of this very image there, which declares nothing
    return limit.bit_length() if limit and not limit & (limit + 1) else None


def _numbers(value: Any) -> list[float]:
    many = value if isinstance(value, tuple) else (value,)
    return [number for number in many if isinstance(number, (int, float)) and number > 0]


def white_is_zero(image: Image.Image) -> bool:
    """Whether a TIFF of sixteen bits stores its negative, which Pillow leaves as it is."""
    tags = getattr(image, "tag_v2", {})
    return image.mode.startswith("I;16") and tags.get(_PHOTOMETRIC) == 0


# -- colours of sixteen bits, of which Pillow keeps the high bytes ------------------------


def deep_colours(image: Image.Image, data: bytes) -> tuple[Image.Image, str]:
    """A loaded image as it is, or read anew where Pillow kept no more than black of 16 bits."""
    if not has_deep_colours(image, data):
        return image, ""
    bits = declared_bits(image, data)
    ends = cast("Sequence[tuple[int, int]]", image.getextrema())  # of each colour
    bright = max(high for _, high in ends[:3]) >= _FEW >> 8
    whole = bits == 16 or (bright and (bits is None or image.format == "PNG"))
    _check_planes(image, whole=whole)
    if whole:
        return image, ""
    parts = partial(_sixteen_bits, image, *_low_bytes(data))
    largest = np.max([largest_of(part) for part in parts()], axis=0)
    depth = depth_in_file(image, (int(largest[0]), int(largest[1])), parts, data)
    return assembled(image.mode, image.size, map(depth.eight_bit, parts())), depth.note


def _sixteen_bits(
    image: Image.Image, low_bytes: Image.Image, order: list[int]
) -> Iterator[NDArray[np.uint16]]:
    """High and low bytes together, a strip at a time."""
    for high, low in zip(arrays(image), arrays(low_bytes), strict=True):
        wide = high.astype(np.uint16) << np.uint16(8)
        yield wide | low[..., order].astype(np.uint16)


def has_deep_colours(image: Image.Image, data: bytes) -> bool:
    """Whether a file has colours of sixteen bits, whose low bytes Pillow leaves out."""
    if image.mode not in ("RGB", "RGBA"):
        return False
    if image.format == "PNG":
        return data[24:25] == b"\x10"  # in IHDR
    bits = _numbers(getattr(image, "tag_v2", {}).get(_BITS))
    return image.format == "TIFF" and max(bits, default=8) == 16


def _check_planes(image: Image.Image, *, whole: bool) -> None:
    """Refuse colours apart from one another, of which Pillow reads high bytes where packed."""
    tags = getattr(image, "tag_v2", {})
    if tags.get(_PLANES) == _APART and not (whole and tags.get(_PACKING, 1) != 1):
        raise ImageError(
            "16-bit colours in separate planes, which Pillow misreads; convert the image to 8 bits"
        )


def _low_bytes(data: bytes) -> tuple[Image.Image, list[int]]:
    """The other byte of each sample, read with the opposite order of bytes; and where each is."""
    image = Image.open(io.BytesIO(data), formats=("PNG", "TIFF"))
    if not isinstance(image, ImageFile.ImageFile):
        raise ImageError(_UNREAD)
    grey = image.tile[0].args == "LA;16B"  # read as RGBA of eight bits: four bytes a pixel too
    image.tile = [tile._replace(args=_opposite(tile.args)) for tile in image.tile]
    image.load()
    return image, [1, 1, 1, 3] if grey else list(range(len(image.getbands())))


def _opposite(args: Any) -> Any:
    raw, *rest = args if isinstance(args, tuple) else (args,)
    if raw == "LA;16B":
        return "RGBA"
    mode = re.fullmatch(r"(RGB|RGBA|RGBX);16([LBN])", raw)
    if mode is None:
        raise ImageError(_UNREAD)
    swapped = f"{mode[1]};16{_SWAPPED[mode[2]]}"
    return (swapped, *rest) if isinstance(args, tuple) else swapped
