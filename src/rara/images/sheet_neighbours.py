"""Whether panels side by side go on in each other: one scene behind bars, or pictures of their own.

Over the line between two panels pixels change more, in pictures of their own, than within a panel
over the same distance, and the profiles along both edges do not correlate. A scene that is cut
apart goes on. Two or three neighbours may correlate by chance; then the mixture of colours on both
sides and the texture say more. Used by `contact_sheet.py`, last, on the panels without their
borders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WORK: Final = 640
"""Most pixels a side at which neighbours are compared."""

_INSET: Final = 1
"""Pixels of the working size that are left out beside an edge."""

_THICK: Final = 2
"""Pixels that a profile is a mean over."""

_STRIP: Final = 6
"""The least pixels in depth that colours and texture are counted in."""

_BINS: Final = 6
"""Of each channel, in a histogram of colours."""

_MIXTURE: Final = 4.0
"""How much the distance of two histograms counts."""

_LEAST_COLOUR, _LEAST_TEXTURE = 1.0, 0.05
"""Added to changes before they are compared: smaller ones are noise."""


def separateness(pixels: NDArray[np.uint8], boxes: NDArray[np.float64]) -> float:
    """How little neighbours go on: about 0 for one scene, 1 and more for pictures of their own.

    `boxes` are (rows, columns, 4) left, top, right and bottom; NaN where a cell is empty. The
    logarithm of how much larger the change is between panels than within them, less the
    correlation of the profiles along both edges; the mean of all neighbours.
    """
    return _mean(_edges(*pair) for pair in _neighbours(pixels, boxes))


def unlikeness(pixels: NDArray[np.uint8], boxes: NDArray[np.float64]) -> float:
    """How far neighbours differ in colour and texture: about 0.5 for one scene, 3 for two.

    Four times the Hellinger distance of the colours next to the line between them, and the
    logarithm of how much larger the change of texture is over it than within a panel; the mean of
    all neighbours. `boxes` as in `separateness`.
    """
    return _mean(_texture(*pair) + _mixture(*pair) for pair in _neighbours(pixels, boxes))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return float(np.mean(found)) if found else 0.0


def _neighbours(
    pixels: NDArray[np.uint8], boxes: NDArray[np.float64]
) -> Iterator[tuple[Sequence[Floats], int]]:
    """Both panels from the gutter inward, and the pixels between, at the working size."""
    import cv2

    height, width = pixels.shape[:2]
    scale = max(1.0, max(height, width) / WORK)
    size = (max(1, round(width / scale)), max(1, round(height / scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    boxes = boxes / np.tile([width / size[0], height / size[1]], 2)
    yield from _along(small, boxes)
    yield from _along(small.transpose(1, 0, 2), boxes.transpose(1, 0, 2)[:, :, [1, 0, 3, 2]])


def _along(pixels: Floats, boxes: NDArray[np.float64]) -> Iterator[tuple[Sequence[Floats], int]]:
    for row in boxes:
        for pair in pairwise(row):
            if not np.isfinite(pair).all():
                continue
            one, other = (np.rint(box).astype(int) for box in pair)
            top = max(one[1], other[1]) + _INSET
            rows = slice(top, max(top + 1, min(one[3], other[3]) - _INSET))
            left, right = (pixels[rows, box[0] : max(box[2], box[0] + 1)] for box in (one, other))
            yield (left[:, ::-1], right), max(0, int(other[0] - one[2]))


def _edges(sides: Sequence[Floats], gap: int) -> float:
    """How far colours along the edges change, less how far they correlate."""
    distance = gap + 2 * _INSET + _THICK

    def profile(side: Floats, x: int) -> Floats:
        line = side[:, x : x + _THICK].mean(axis=1)
        return _blurred(line, distance / 2)  # no detail finer than the distance

    edges = [profile(side, min(_INSET, side.shape[1] - 1)) for side in sides]
    inner = [
        (edge, profile(side, _INSET + distance))
        for edge, side in zip(edges, sides, strict=True)
        if _INSET + distance + _THICK < side.shape[1]
    ]
    return _excess(edges, inner, _LEAST_COLOUR) - _correlation(*edges)


def _texture(sides: Sequence[Floats], gap: int) -> float:
    """How far the detail along the edges changes."""
    depth = _depth(sides, gap)
    far = _INSET + gap + 2 * _INSET + _THICK + depth

    def profile(side: Floats, x: int) -> Floats:
        grey = side[:, x : x + depth].mean(axis=2)
        along = np.abs(np.diff(grey, axis=0, prepend=grey[:1])).mean(axis=1)
        across = np.abs(np.diff(grey, axis=1)).mean(axis=1) if grey.shape[1] > 1 else 0 * along
        energy = _blurred(np.stack([along, across], axis=1), depth / 2)
        return _blurred(np.log(energy + 1), gap / 2 + _INSET + _THICK)

    edges = [profile(side, min(_INSET, side.shape[1] - 1)) for side in sides]
    inner = [
        (edge, profile(side, far))
        for edge, side in zip(edges, sides, strict=True)
        if far + depth // 2 < side.shape[1]
    ]
    return _excess(edges, inner, _LEAST_TEXTURE)


def _mixture(sides: Sequence[Floats], gap: int) -> float:
    """How far the colours on one side differ from those on the other, wherever they are."""
    depth = _depth(sides, gap)
    one, other = (
        _histogram(side[:, min(_INSET, side.shape[1] - 1) :][:, :depth]) for side in sides
    )
    return _MIXTURE * (1 - float(np.sqrt(one * other).sum()))


def _depth(sides: Sequence[Floats], gap: int) -> int:
    return max(_STRIP, min(gap + 2 * _INSET + _THICK, int(sides[0].shape[1]) // 4))


def _histogram(strip: Floats) -> Floats:
    """Of colours, smoothed over neighbouring bins; sums to 1."""
    import cv2

    flat = np.ascontiguousarray(strip).reshape(-1, 1, 3)
    counts = cv2.calcHist([flat], [0, 1, 2], None, [_BINS] * 3, [0, 256] * 3)
    for _ in range(3):
        blurred = cv2.GaussianBlur(counts.reshape(_BINS, -1), (1, 3), 0)
        counts = np.ascontiguousarray(blurred.reshape((_BINS,) * 3).transpose(1, 2, 0))
    return np.asarray(counts / counts.sum(), np.float32)


def _blurred(line: Floats, sigma: float) -> Floats:
    """(length, channels) along the first axis."""
    import cv2

    line = np.ascontiguousarray(line[:, None], np.float32)
    blurred = cv2.GaussianBlur(line, (0, 0), sigmaX=0.1, sigmaY=max(sigma, 0.3))
    return np.asarray(blurred[:, 0])


def _excess(edges: Sequence[Floats], inner: Sequence[Sequence[Floats]], least: float) -> float:
    """How much larger the change is between edges than within panels, as a logarithm."""
    change = float(np.abs(edges[0] - edges[1]).mean())
    if not inner:
        return 0.0
    inside = float(np.mean([np.abs(edge - deeper).mean() for edge, deeper in inner]))
    return float(np.log((change + least) / (inside + least)))


def _correlation(one: Floats, other: Floats) -> float:
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    size = np.linalg.norm(one) * np.linalg.norm(other)
    return float((one * other).sum() / size) if size > 0 else 0.0
