"""Large images worked on a strip at a time, so that no step holds them whole once more.

Used where pixels change their type (`depth.py`, `ranges.py`, `colours.py`) or are digested
(`phash.py`, `decode.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

STRIP = 1 << 20
"""Pixels that are worked on at a time."""

Pixels: TypeAlias = NDArray[Any]
Bytes: TypeAlias = NDArray[np.uint8]


def strips(image: Image.Image) -> Iterator[Image.Image]:
    """The image in strips of whole rows, from the top."""
    width, height = image.size
    for rows in _rows(width, height):
        yield image.crop((0, rows.start, width, min(rows.stop, height)))


def arrays(image: Image.Image) -> Iterator[Pixels]:
    """The same as arrays."""
    return (np.asarray(strip) for strip in strips(image))


def assembled(mode: str, size: tuple[int, int], parts: Iterable[Bytes]) -> Image.Image:
    """One image of strips with eight bits a sample, from the top."""
    whole, top = Image.new(mode, size), 0
    for part in parts:
        whole.paste(Image.fromarray(part), (0, top))
        top += len(part)
    return whole


def by_strips(pixels: Pixels, narrow: Callable[[Pixels], Bytes]) -> Bytes:
    """What `narrow` makes of an array, whose values must not depend on each other."""
    made = np.empty(pixels.shape, np.uint8)
    for rows in _rows(pixels.shape[1], len(pixels)):
        made[rows] = narrow(pixels[rows])
    return made


def _rows(width: int, height: int) -> Iterator[slice]:
    rows = max(1, STRIP // max(1, width))
    return (slice(top, top + rows) for top in range(0, height, rows))
