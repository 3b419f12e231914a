"""A rotation that spreads a vector's length evenly over its coordinates.

One byte a coordinate resolves a vector only as finely as its largest coordinate allows, and
features of networks have a few large ones. Fixed signs and Walsh-Hadamard transforms of at most
256 coordinates, whose scale is a power of two, apply the same rotation to every vector. Distances
do not change, and the largest coordinate of a vector comes near its mean one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rara.storage.compiled import compiled

LARGEST = 256
"""The most coordinates that are mixed: 8 roundings each, and the buffer stays in the cache."""


def signs(dimensions: int) -> NDArray[np.float64]:
    """A fixed sign for each coordinate; without signs, a constant vector would become a spike."""
    mixed = (np.arange(dimensions, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    return np.where((mixed >> np.uint64(40)) & np.uint64(1), 1.0, -1.0)


def segments(dimensions: int) -> NDArray[np.int64]:
    """(n, 3) start, stride and size: coordinates start + stride * i, i < size, are mixed.

    Sizes are powers of four, so that the scale of a transform is a power of two.
    """
    parts = []
    start, size = 0, LARGEST
    while size > 1:
        stride = (dimensions - start) // size
        if stride:
            parts.append((start, stride, size))
        start += stride * size
        size //= 4
    return np.array(parts, np.int64).reshape(-1, 3)


@compiled
def rotate(vector: NDArray[np.float64], parts: NDArray[np.int64]) -> None:
    """Rotate a vector in place; the transforms of a segment run side by side."""
    for part in range(parts.shape[0]):
        start, stride, size = parts[part]
        end = start + stride * size
        step = stride
        while step < stride * size:
            for first in range(start, end, 4 * step):
                _butterflies(
                    vector[first : first + step],
                    vector[first + step : first + 2 * step],
                    vector[first + 2 * step : first + 3 * step],
                    vector[first + 3 * step : first + 4 * step],
                )
            step *= 4


@compiled
def _butterflies(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    c: NDArray[np.float64],
    d: NDArray[np.float64],
) -> None:
    """Two stages of the transform at once; halving is exact."""
    for i in range(a.size):
        ab, ba = a[i] + b[i], a[i] - b[i]
        cd, dc = c[i] + d[i], c[i] - d[i]
        a[i], b[i] = 0.5 * (ab + cd), 0.5 * (ba + dc)
        c[i], d[i] = 0.5 * (ab - cd), 0.5 * (ba - dc)
