"""Two whole pictures compared, in all eight ways to turn one: evidence that needs no features.

Small and blurred pictures have few local features. But a copy that was mirrored, compressed,
blurred, made grey or cropped a little agrees with its source at every place. Both are made 64 x 64
and grey, and correlated in cells of 8 x 8, without what changes slowly.

What unrelated pictures share is left out: frames, and the outlines of things that stand alone on
a plain ground. So only the inner 6 x 6 cells count, without cells next to a plain ground, and a
picture with much of it cannot be told apart from another of the same outline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.float32]
Cells = NDArray[np.float32]
Cells64 = NDArray[np.float64]
Number = TypeVar("Number", np.int16, np.bool_)

VERSION: Final = 1
"""Of agreement, which is kept under it: another one where a number changes."""

SIDE: Final = 64
_CELL: Final = 8
_CELLS: Final = SIDE // _CELL
_PIXELS: Final = _CELL**2

_BLUR: Final = 1.5
"""Of 64 pixels: what makes up for a small shift."""

_SLOW: Final = 8.0
"""The blur that shows what changes slowly."""

_NOISE: Final = 2.25
"""A variance that compression makes by itself."""

_STRUCTURE: Final = 9.0
"""The variance, in one of the two pictures, from which a cell says something."""

_CHANCE: Final = 0.15
"""What a cell must give at least to speak for a copy."""

_MOST: Final = 0.995
"""Correlations above are taken as this."""

_PLAIN: Final = 4.0
"""Grey values by which a plain ground may differ from its place at the picture's edge."""

_LEAST: Final = 0.3
"""Share of a picture that must be no plain ground."""

_PART: Final = 0.03
"""Share of a picture from which such a part is ground."""

_COVERED: Final = 0.75
"""Share of a cell that must be no ground in both pictures."""

WAYS: Final = 8
"""Of turning a picture: as it is, mirrored, upside down, turned by half; then the same four of the
picture with rows and columns exchanged."""


MIRRORED: Final = (1, 2, 4, 7)
"""Ways that turn the sample's mirror image into the source."""

QUARTER_TURNS: Final = (0, 0, 2, 2, 1, 3, 1, 3)
"""Of each way: clockwise turns that take the source onto the sample, or onto its mirror image."""


@dataclass(frozen=True, slots=True, eq=False)
class WholePicture:
    """What a comparison needs of one picture."""

    detail: NDArray[np.int16]
    """(64, 64) half grey values, without what changes slowly."""
    covered: NDArray[np.bool_]
    """(64, 64) where the picture is no plain ground."""

    @property
    def sufficient(self) -> bool:
        """False where too much is plain ground to tell it from others of the same outline."""
        return bool(self.covered.mean() > _LEAST)


def whole_picture(image: Image.Image) -> WholePicture:
    """The picture made small and grey."""
    import cv2

    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    grey = cv2.GaussianBlur(np.asarray(small, np.float32), (0, 0), _BLUR)
    near = cv2.dilate(_plain_ground(grey), np.ones((3, 3), np.uint8))
    detail = 2 * (grey - cv2.GaussianBlur(grey, (0, 0), _SLOW))
    return WholePicture(np.rint(np.clip(detail, -255, 255)).astype(np.int16), near == 0)


def whole_agreement(
    samples: Sequence[WholePicture], sources: Sequence[WholePicture]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(m, n) how well each sample agrees with each source in the best of the eight ways to turn
    it, and (m, n) which way that is.

    The sum over cells of the information that one picture has of the other, were both Gaussian:
    -1/2 log(1 - r^2) for a correlation r, less what is usual by chance. Higher is more alike; 0
    where a picture is not sufficient. Products are of whole numbers, so that no order of
    summation can change a result.
    """
    if not (samples and sources):
        return np.zeros((len(samples), len(sources))), np.zeros((len(samples), len(sources)), int)
    turned = np.stack([_turned(one.detail) for one in samples])
    own, other = _inner(turned), _inner(np.stack([one.detail for one in sources]))
    covered = _inner(np.stack([_turned(one.covered) for one in samples]))
    shown = _products(covered, _inner(np.stack([one.covered for one in sources]))) / _PIXELS
    both = _covariance(_products(own, other), own.sum(-1)[:, None], other.sum(-1)[None, :, None])
    own_power, other_power = (
        _covariance((x * x).sum(-1), x.sum(-1), x.sum(-1)) for x in (own, other)
    )
    own_power, other_power = own_power[:, None], other_power[None, :, None]
    r = both / np.sqrt((own_power + _NOISE) * (other_power + _NOISE))
    information = -0.5 * np.sign(r) * np.log1p(-(np.minimum(np.abs(r), _MOST) ** 2))
    counted = (np.maximum(own_power, other_power) > _STRUCTURE) & (shown >= _COVERED)
    strengths = np.where(counted, information - _CHANCE, 0.0).sum(axis=-1)
    ways = strengths.argmax(axis=-1)
    best = np.maximum(strengths.max(axis=-1), 0.0)
    enough = [np.array([one.sufficient for one in side]) for side in (samples, sources)]
    return np.where(np.logical_and.outer(*enough), best, 0.0), ways


def _products(turned: Cells, fixed: Cells) -> NDArray[np.float64]:
    """(m, n, 8, 36) sums over the pixels of each cell, exact: whole numbers below 2^24."""
    m, ways, cells, pixels = turned.shape
    left = turned.transpose(2, 0, 1, 3).reshape(cells, m * ways, pixels)
    products = left @ fixed.transpose(1, 2, 0)
    return products.reshape(cells, m, ways, -1).transpose(1, 3, 2, 0).astype(np.float64)


def _covariance(products: Cells64, left: Cells, right: Cells) -> Cells64:
    """From sums over a cell, in squared grey values."""
    return (products - left.astype(np.float64) * right / _PIXELS) / (4 * _PIXELS)


def turned_back(image: Image.Image, way: int) -> Image.Image:
    """The sample turned so that it lies as its source does, by the number of a way."""
    transpose = Image.Transpose
    if way >= WAYS // 2:
        image = image.transpose(transpose.TRANSPOSE)
    if way % 2:
        image = image.transpose(transpose.FLIP_LEFT_RIGHT)
    return image.transpose(transpose.FLIP_TOP_BOTTOM) if way % 4 >= 2 else image


def _turned(plane: NDArray[Number]) -> NDArray[Number]:
    """(8, 64, 64) in the order of `WAYS`."""
    return np.stack(
        [
            one[::down, ::across]
            for one in (plane, plane.T)
            for down in (1, -1)
            for across in (1, -1)
        ]
    )


def _inner(planes: NDArray[Number]) -> Cells:
    """(..., 36, 64) the pixels of each inner cell."""
    inner, before = planes[..., _CELL:-_CELL, _CELL:-_CELL], planes.shape[:-2]
    cut = inner.reshape(*before, _CELLS - 2, _CELL, _CELLS - 2, _CELL).swapaxes(-3, -2)
    return cut.reshape(*before, (_CELLS - 2) ** 2, _PIXELS).astype(np.float32)


def _plain_ground(grey: Plane) -> NDArray[np.uint8]:
    """(64, 64) 1 in large parts that touch the edge and are nearly of one grey value."""
    import cv2

    ground, mask = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE + 2, SIDE + 2), np.uint8)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (1 << 8)
    last = SIDE - 1
    edge = [(x, y) for y in (0, last) for x in range(SIDE)]
    for x, y in [*edge, *((y, x) for x, y in edge)]:
        if not mask[y + 1, x + 1]:
            before = mask.copy()
            area = cv2.floodFill(grey, mask, (x, y), 0.0, _PLAIN, _PLAIN, flags)[0]
            if area >= _PART * SIDE**2:
                ground |= mask[1:-1, 1:-1] & ~before[1:-1, 1:-1]
    return ground
