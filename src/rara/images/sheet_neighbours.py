"""Whether panels side by side go on in each other: one scene behind bars, or pictures of their own.

Over the line between two panels pixels change more, in pictures of their own, than within a panel
over the same distance, and the profiles along both edges do not correlate. A scene that is cut
apart goes on. Used by `contact_sheet.py`, last, on the panels without their borders.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rara.images.seams import WORK

Floats = NDArray[np.float32]

_INSET: Final = 1
"""Pixels of the working size that are left out beside an edge."""

_THICK: Final = 2
"""Pixels that a profile is a mean over."""


def separateness(pixels: NDArray[np.uint8], boxes: NDArray[np.float64]) -> float:
    """How little neighbours go on: about 0 for one scene, 1 and more for pictures of their own.

    `boxes` are (rows, columns, 4) left, top, right and bottom; NaN where a cell is empty. The
    logarithm of how much larger the change is between panels than within them, less the
    correlation of the profiles along both edges; the mean of all neighbours.
    """
    import cv2

    height, width = pixels.shape[:2]
    scale = max(1.0, max(height, width) / WORK)
    size = (max(1, round(width / scale)), max(1, round(height / scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    boxes = boxes / np.tile([width / size[0], height / size[1]], 2)
    turned = boxes.transpose(1, 0, 2)[:, :, [1, 0, 3, 2]]
    found = [*_along(small, boxes), *_along(small.transpose(1, 0, 2), turned)]
    return float(np.mean(found)) if found else 0.0


def _along(pixels: Floats, boxes: NDArray[np.float64]) -> Iterator[float]:
    for row in boxes:
        for one, other in pairwise(row):
            if np.isfinite(other).all():
                yield _between(pixels, np.rint(one).astype(int), np.rint(other).astype(int))


def _between(pixels: Floats, one: NDArray[np.intp], other: NDArray[np.intp]) -> float:
    """Of two panels, the first one left of the other."""
    top = max(one[1], other[1]) + _INSET
    rows = slice(top, max(top + 1, min(one[3], other[3]) - _INSET))
    last, first = one[2] - _INSET - _THICK, other[0] + _INSET
    distance = first - last

    def profile(x: int) -> Floats:
        """What lies along an edge, but for detail finer than the distance."""
        import cv2

        line = np.ascontiguousarray(pixels[rows, x : x + _THICK].mean(axis=1)[:, None])
        return np.asarray(cv2.GaussianBlur(line, (0, 0), sigmaX=0.1, sigmaY=distance / 2)[:, 0])

    ends, begins = profile(last), profile(first)
    within = [
        float(np.abs(profile(x) - edge).mean())
        for x, edge in ((last - distance, ends), (first + distance, begins))
        if one[0] < x < one[2] or other[0] < x < other[2] - _THICK
    ]
    change = float(np.abs(ends - begins).mean())
    inside = float(np.mean(within)) if within else change
    return float(np.log((change + 1) / (inside + 1))) - _correlation(ends, begins)


def _correlation(one: Floats, other: Floats) -> float:
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    size = np.linalg.norm(one) * np.linalg.norm(other)
    return float((one * other).sum() / size) if size > 0 else 0.0
