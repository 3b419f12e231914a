"""The one float64 distance. Every decision rests on it, everything else only filters.

    d2(x, y) = sum over c of (float64(x_c) - float64(y_c))^2

summed in one fixed order: coordinate c goes to lane c mod 32, each lane adds in
ascending c, and the lanes are folded in halves: 0 with 16, 1 with 17, ..., then 0 with 8,
and so on. The order is part of the definition: two pairs with the same coordinate
differences get the same bits, so a sample that equals a reference image lies exactly on
the balls of those whose k-th neighbour that image is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rara.storage.compiled import compiled

LANES = 32


@compiled
def squared_distance(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    """Squared Euclidean distance of two float32 vectors in float64."""
    return _squared_distance(x, y, np.empty(LANES))


@compiled
def _squared_distance(
    x: NDArray[np.float32], y: NDArray[np.float32], lanes: NDArray[np.float64]
) -> float:
    # Loops over lanes.size, not over a constant: unrolled, they would not vectorise.
    lanes[:] = 0.0
    for first in range(0, x.size, LANES):
        left, right = x[first : first + LANES], y[first : first + LANES]
        for lane in range(min(lanes.size, left.size)):
            difference = np.float64(left[lane]) - np.float64(right[lane])
            lanes[lane] += difference * difference
    half = lanes.size // 2
    while half:
        for lane in range(half):
            lanes[lane] += lanes[lane + half]
        half //= 2
    return float(lanes[0])


@compiled
def unit_vectors(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors divided by their lengths in float64; NaN where a length is 0."""
    lanes, origin = np.empty(LANES), np.zeros(vectors.shape[1], np.float32)
    units = np.empty(vectors.shape, np.float32)
    for i in range(vectors.shape[0]):
        length = np.sqrt(_squared_distance(vectors[i], origin, lanes))
        for c in range(vectors.shape[1]):
            units[i, c] = np.float32(np.float64(vectors[i, c]) / length) if length else np.nan
    return units


@compiled
def root_vectors(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Square roots of the shares that numbers have of their sum; NaN where the sum is 0."""
    roots = np.empty(vectors.shape, np.float32)
    for i in range(vectors.shape[0]):
        total = 0.0
        for c in range(vectors.shape[1]):
            total += np.float64(vectors[i, c])
        for c in range(vectors.shape[1]):
            share = np.float64(vectors[i, c]) / total if total else np.nan
            roots[i, c] = np.float32(np.sqrt(share))
    return roots


@compiled
def squared_distances(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    out: NDArray[np.float64],
) -> None:
    """`out[p] = d2(left[rows[p]], right[columns[p]])`."""
    lanes = np.empty(LANES)
    for p in range(rows.size):
        out[p] = _squared_distance(left[rows[p]], right[columns[p]], lanes)
