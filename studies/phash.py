"""pHash as the imagehash package has it, for the comparison in docs/explanation/copies.md.

Signs against the median of the frequencies, where rara's codes have theirs against 0; a picture
that may have been turned needs a hash of each of the eight ways.
"""

from __future__ import annotations

import numpy as np
from imagehash import phash
from numpy.typing import NDArray
from PIL import Image

BITS = 256
_ROWS = 64
_T = Image.Transpose
_WAYS = (
    *(None, _T.FLIP_LEFT_RIGHT, _T.ROTATE_90, _T.ROTATE_180),
    *(_T.ROTATE_270, _T.FLIP_TOP_BOTTOM, _T.TRANSPOSE, _T.TRANSVERSE),
)
Signs = NDArray[np.float32]


def hashes(pictures: list[Image.Image]) -> Signs:
    """(n, 8, 256) signs of each picture in all ways to turn it."""
    return np.stack([_hashes(one) for one in pictures])


def _hashes(picture: Image.Image) -> Signs:
    small = picture.convert("L").resize((64, 64), Image.Resampling.LANCZOS)
    ways = [small if way is None else small.transpose(way) for way in _WAYS]
    bits = [phash(way, hash_size=16, highfreq_factor=4).hash.ravel() for way in ways]
    return np.where(bits, np.float32(1), np.float32(-1))


def nearest(samples: Signs, reference: Signs, *, itself: bool = False) -> NDArray[np.float64]:
    """(m,) bits by which each sample differs from the nearest reference picture, at best."""
    upright = reference[:, 0].T
    found = np.empty(len(samples))
    for start in range(0, len(samples), _ROWS):
        rows = slice(start, start + _ROWS)
        agreement = (samples[rows] @ upright).max(axis=1)
        if itself:
            np.fill_diagonal(agreement[:, start:], -np.inf)
        found[rows] = (BITS - agreement.max(axis=1)) / 2
    return found
