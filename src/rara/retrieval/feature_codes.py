"""One picture's local features in a few bytes, and back.

What a reference keeps of each image, so that a sample's features are compared with those of a
candidate without computing them again. Numbers of a descriptor are kept in steps of 40, points in
quarters of a working pixel. Descriptors then take 2 bits a number by their frequencies (Huffman,
as zlib writes it). What that costs in evidence is measured by studies/evidence_power.py --packed.
"""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rara.errors import DamagedStoreError
from rara.retrieval.local_features import MOST, STEP, LocalFeatures

VERSION: Final = 1
"""Of the bytes: their first one."""

_MOST_STEPS: Final = round(255 / STEP)
_PIXELS: Final = 4
"""Steps in a working pixel."""
_SIZES: Final = 16
"""Steps in which a size doubles."""
_ANGLES: Final = 128 / np.pi
"""Steps in a radian."""

_HEADER: Final = 3
_PLACE: Final = 5
"""Bytes of a feature's point, size and angle."""


def packed(features: LocalFeatures) -> bytes:
    """The features as bytes, at most `MOST` of them; those after it are left out."""
    count = min(len(features), MOST)
    points = np.rint(features.points[:count] * _PIXELS)
    x, y = np.clip(points, 0, 4095).astype(np.uint16).T
    sizes = np.rint(_SIZES * np.log2(np.maximum(features.sizes[:count], 1.0)))
    angles = np.rint(features.angles[:count] * _ANGLES) % 256
    places = [x & 255, (x >> 8) | (y & 15) << 4, y >> 4, np.minimum(sizes, 255), angles]
    steps = np.rint(features.descriptors[:count] / STEP).astype(np.uint8)
    coder = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_HUFFMAN_ONLY)
    written = coder.compress(steps.tobytes()) + coder.flush()
    header = bytes([VERSION]) + count.to_bytes(_HEADER - 1, "little")
    return header + np.stack(places).astype(np.uint8).tobytes() + written


def unpacked(data: bytes) -> LocalFeatures:
    """The features of such bytes, each number within half a step of what it was.

    Raises DamagedStoreError for anything that `packed` does not write.
    """
    if len(data) < _HEADER or data[0] != VERSION:
        raise _damaged(f"their version is not {VERSION}")
    count = int.from_bytes(data[1:_HEADER], "little")
    start = _HEADER + count * _PLACE
    if count > MOST or len(data) < start:
        raise _damaged(f"{count:,} features in {len(data):,} bytes")
    places = np.frombuffer(data[_HEADER:start], np.uint8).reshape(_PLACE, count)
    low, both, high, sizes, angles = places.astype(np.int64)
    points = np.column_stack([low | (both & 15) << 8, both >> 4 | high << 4]) / _PIXELS
    return LocalFeatures(
        points, 2.0 ** (sizes / _SIZES), angles / _ANGLES, _descriptors(data[start:], count)
    )


def _descriptors(written: bytes, count: int) -> NDArray[np.uint8]:
    decoder, length = zlib.decompressobj(-zlib.MAX_WBITS), 128 * count
    try:
        steps = decoder.decompress(written, length + 1)
    except zlib.error as error:
        raise _damaged(str(error)) from None
    if len(steps) != length or not decoder.eof or decoder.unused_data:
        raise _damaged("descriptors are missing or left over")
    made = np.frombuffer(steps, np.uint8).reshape(count, 128)
    if count and made.max() > _MOST_STEPS:
        raise _damaged("a number is too large")
    return np.minimum(made.astype(np.int64) * STEP, 255).astype(np.uint8)


def _damaged(what: str) -> DamagedStoreError:
    return DamagedStoreError(f"Features of an image are damaged ({what}): make the index again.")
