"""Encoded bytes looked over before Pillow opens them: what is left out, and what is refused.

Used where an image is decoded (`decode.py`). Pillow checks how many pixels a file declares. A
small file can take hours or gigabytes for other reasons; those that it does not check are here.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from rara.errors import ImageError

MOST_SCANS = 100
"""Passes over all pixels of a progressive JPEG; encoders write about ten."""

MOST_SEGMENTS = 5_000
"""Segments before the first scan of a JPEG, which Pillow joins in quadratic time."""

_PNG = b"\x89PNG\r\n\x1a\n"

_PIXELS = (b"IHDR", b"PLTE", b"IDAT")
_ASIDE = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")

# Text of a PNG in which Pillow looks for the orientation.
_ORIENTING = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")

_SCAN, _END = b"\xff\xda", 0xD9

# A marker between the scans of a JPEG; FF 00 is data, and FF D0 to FF D7 only mark places.
_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)

# Markers without a length
_BARE = frozenset({0x01, *range(0xD0, 0xDA)})


def screened(data: bytes) -> bytes:
    """The bytes that Pillow may open; raises ImageError where it should open none."""
    if data.startswith(_PNG):
        _check_png(data)
        return _without_asides(data)
    if data.startswith(b"\xff\xd8\xff"):
        _check_jpeg(data)
    return data


def _check_png(data: bytes) -> None:
    """Raise ImageError where a chunk that makes pixels is cut or damaged: Pillow reads some on."""
    whole = memoryview(data)
    for at, end in _chunks(data):
        kind = data[at + 4 : at + 8]
        if kind not in _PIXELS:
            continue
        if end > len(data):
            raise ImageError("truncated PNG")
        if zlib.crc32(whole[at + 4 : end - 4]) != int.from_bytes(whole[end - 4 : end], "big"):
            raise ImageError(f"damaged PNG: the checksum of {kind.decode()} is wrong")


def _chunks(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each chunk of a PNG begins and ends; the last one may end behind the data."""
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield at, end
        at = end


def _without_asides(data: bytes) -> bytes:
    """A PNG without its text and colour profile, which Pillow refuses above 1 MB.

    Neither is used: the pixels are whole.
    """
    kept, start = [], 0
    for at, end in _chunks(data):
        if end <= len(data) and _is_aside(data[at + 4 : at + 8], data[at + 8 : at + 40]):
            kept.append(data[start:at])
            start = end
    return b"".join([*kept, data[start:]]) if start else data


def _is_aside(kind: bytes, content: bytes) -> bool:
    return kind in _ASIDE and not content.startswith(_ORIENTING)


def _check_jpeg(data: bytes) -> None:
    """Raise ImageError for a JPEG with more segments or scans than any encoder writes."""
    if len(data) > 4 * MOST_SEGMENTS and data.count(b"\xff", 0, len(data)) > MOST_SEGMENTS:
        segments = sum(1 for _ in zip(range(MOST_SEGMENTS + 1), _segments(data), strict=False))
        if segments > MOST_SEGMENTS:
            raise ImageError(f"JPEG with over {MOST_SEGMENTS} segments before its pixels")
    if data.count(_SCAN) > MOST_SCANS and scans(data) > MOST_SCANS:
        raise ImageError(f"JPEG with over {MOST_SCANS} scans, which would take minutes to decode")


def _segments(data: bytes) -> Iterator[int]:
    """Where the segments before the first scan begin."""
    at = 2
    while marker := _MARKER.search(data, at):
        kind, at = marker[1][0], marker.end()
        if kind == 0xDA:
            return
        yield marker.start()
        if kind not in _BARE:
            at += int.from_bytes(data[at : at + 2], "big")


def scans(data: bytes) -> int:
    """The scans of the first image of a JPEG, counted no further than what is refused."""
    at, count = 2, 0
    while count <= MOST_SCANS and (marker := _MARKER.search(data, at)):
        kind, at = marker[1][0], marker.end()
        if kind == _END:
            break
        count += kind == 0xDA
        if kind not in _BARE:
            at += int.from_bytes(data[at : at + 2], "big")
    return count
