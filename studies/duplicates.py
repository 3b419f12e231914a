"""Whether two small pictures are of the same photo, by laying one over the other.

Data sets hold many photos twice, cropped, mirrored or recoloured, and what finds copies
finds them among images that were thought to be fresh. Counted as false alarms they would
hide what a method can do. This looks at edges alone, and knows nothing of any method.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

Images = NDArray[np.uint8]
SIDE = 32
SHIFT = 4
ZOOMS = (1.1, 1.22, 1.35)
ALIKE = 0.7
"""Correlation of edges from which on pairs looked at by eye were the same photo, nearly all."""


def thumbnails(pictures: list[Image.Image]) -> Images:
    """(n, 32, 32, 3)."""
    small = [one.resize((SIDE, SIDE), Image.Resampling.BOX) for one in pictures]
    return np.stack([np.asarray(one.convert("RGB")) for one in small])


def likeness(left: Images, right: Images) -> NDArray[np.float32]:
    """(n,) best correlation of the edges of n pairs over shifts, zooms and mirror images."""
    best = np.full(len(left), -1, np.float32)
    for one, other in _zoomed(left, right):
        window = _normal(_edges(one)[:, SHIFT:-SHIFT, SHIFT:-SHIFT])
        for ground in (_edges(other), _edges(other)[:, :, ::-1]):
            for place in _windows(ground):
                np.maximum(best, np.einsum("nd,nd->n", window, _normal(place)), out=best)
    return best


def _zoomed(left: Images, right: Images) -> Iterator[tuple[Images, Images]]:
    yield left, right
    for zoom in ZOOMS:
        yield _larger(left, zoom), right
        yield left, _larger(right, zoom)


def _larger(images: Images, zoom: float) -> Images:
    edge = SIDE * (1 - 1 / zoom) / 2
    box = (edge, edge, SIDE - edge, SIDE - edge)
    grown = [Image.fromarray(one).resize((SIDE, SIDE), box=box) for one in images]
    return np.stack([np.asarray(one) for one in grown])


def _edges(images: Images) -> NDArray[np.float32]:
    grey = images.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return grey - gaussian_filter(grey, (0, 3, 3))


def _windows(images: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    size = SIDE - 2 * SHIFT
    for down in range(2 * SHIFT + 1):
        for across in range(2 * SHIFT + 1):
            yield images[:, down : down + size, across : across + size]


def _normal(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = windows.reshape(len(windows), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6)
