"""What is kept of an image's pixels: the picture's digest, and a hash that survives edits.

Taken once, where an image is decoded for its extractor, and kept beside its vector. An
extractor looks at what a picture shows, and can miss that it was only compressed, blurred,
noised or made grey; a perceptual hash looks at where light and dark lie, and can miss that it
was cropped.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rara.images.strips import strips

VERSION: Final = 1
"""Of pixel hashes that can be compared with one another; kept wherever they are."""

BITS: Final = 256
"""Of a code: the signs of the 16 x 16 lowest frequencies; the lowest of all counts for nothing."""

CODE_BYTES: Final = BITS // 8

_SIDE = 64
"""Pixels of the picture from which the frequencies are taken."""

_LOW = 16

_FLAT = 2.0
"""Pictures whose grey values deviate less have no light and dark to compare."""

_WAVES = np.cos(np.pi / (2 * _SIDE) * np.outer(np.arange(_LOW), 2 * np.arange(_SIDE) + 1))
"""The lowest frequencies of the discrete cosine transform (DCT-II), one a row."""


@dataclass(frozen=True, slots=True)
class PixelHash:
    """What is known of one image's pixels."""

    picture: str | None
    """sha256 of the size and the pixels after decoding, in hex; None where they were not seen."""
    code: bytes | None
    """`BITS` signs in four words of 64, for even and odd rows and columns of the frequencies;
    None for a picture without structure."""


NO_PIXEL_HASH = PixelHash(None, None)
"""Of an image that nobody has decoded."""


def pixel_hash_of(image: Image.Image) -> PixelHash:
    """The pixel hash of a decoded image.

    The code is a perceptual hash like pHash (Zauner, Implementation and Benchmarking of
    Perceptual Image Hash Functions, 2010), except for its threshold: against 0, not the median,
    a mirrored picture has the same code with the odd columns inverted, and one that is turned
    over its diagonal has it transposed. So codes can be compared in all eight ways to turn a
    picture (`rara.geometry.hamming`), and one way is as near to another as the other to the one.
    """
    small = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    grey = np.asarray(small, np.float64)
    return PixelHash(_digest(image), None if grey.std() < _FLAT else _code(grey))


def _digest(image: Image.Image) -> str:
    """A strip of the picture at a time, for a copy of a large one would double its memory."""
    digest = hashlib.sha256(f"{image.size}\n".encode())
    for strip in strips(image):
        digest.update(strip.tobytes())
    return digest.hexdigest()


def _code(grey: NDArray[np.float64]) -> bytes:
    signs = _WAVES @ grey @ _WAVES.T > 0
    signs[0, 0] = False  # the mean, which is above 0 in every picture
    classes = [signs[odd_rows::2, odd_columns::2] for odd_rows in (0, 1) for odd_columns in (0, 1)]
    return np.packbits(classes).tobytes()
