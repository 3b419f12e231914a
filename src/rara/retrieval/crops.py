"""Parts of a picture to compare on their own, as boxes from 0 to 1 of its width and height.

A vector describes a whole picture. Where a sample holds only a part of its source, or the source
lies small within the sample, a part of one is nearer to the other than the whole is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from PIL import Image

SHORTEST: Final = 16
"""Pixels: parts with a shorter side show too little, and are left out."""


class Box(NamedTuple):
    """A part of a picture, its sides from 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float


WHOLE: Final = Box(0, 0, 1, 1)
CENTRE: Final = Box(0.25, 0.25, 0.75, 0.75)
"""The middle, with half of the sides."""


def tiles(side: int) -> tuple[Box, ...]:
    """`side` x `side` parts of equal size that cover the picture, row by row.

    >>> tiles(2)[1]
    Box(left=0.5, top=0.0, right=1.0, bottom=0.5)
    """
    return tuple(
        Box(x / side, y / side, (x + 1) / side, (y + 1) / side)
        for y in range(side)
        for x in range(side)
    )


PARTS: Final = (WHOLE, CENTRE, *tiles(2))
"""The picture, and the five crops with half of its sides."""

MORE_PARTS: Final = (*PARTS, *tiles(3))
"""These and 3 x 3 tiles: 15 parts. They find few sources that the first six do not, at two and a
half times the cost: docs/studies/copy-candidates.md."""


def cut(image: Image.Image, boxes: Sequence[Box]) -> list[Image.Image]:
    """The parts in those boxes, in their order, without those below 16 pixels of a side.

    The whole picture is kept at any size.
    """
    parts = []
    for box in boxes:
        corners = _pixels(box, image.size)
        left, top, right, bottom = corners
        if box == WHOLE:
            parts.append(image)
        elif min(right - left, bottom - top) >= SHORTEST:
            parts.append(image.crop(corners))
    return parts


def _pixels(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    width, height = size
    left, right = (round(x * width) for x in (box.left, box.right))
    top, bottom = (round(y * height) for y in (box.top, box.bottom))
    return left, top, right, bottom
