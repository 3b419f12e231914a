"""The one float64 distance. Every decision rests on it, everything else only filters.

    d2(x, y) = sum over c of (float64(x_c) - float64(y_c))^2

summed in one fixed order: coordinate c goes to lane c mod 8, each lane adds in
ascending c, and the lanes join as ((0+4) + (2+6)) + ((1+5) + (3+7)). The order
is part of the definition: two pairs with the same coordinate differences get the
same bits, so a sample that equals a reference image lies exactly on the balls of
those whose k-th neighbour that image is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rara.geometry.compiled import compiled

LANES = 8


@compiled
def _square(x: NDArray[np.float32], y: NDArray[np.float32], c: int, present: bool) -> float:
    if not present:
        return 0.0
    t = np.float64(x[c]) - np.float64(y[c])
    return float(t * t)


@compiled
def squared_distance(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    """Squared Euclidean distance of two float32 vectors in float64."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    whole = x.size - x.size % LANES
    for c in range(0, whole, LANES):
        t0 = np.float64(x[c]) - np.float64(y[c])
        t1 = np.float64(x[c + 1]) - np.float64(y[c + 1])
        t2 = np.float64(x[c + 2]) - np.float64(y[c + 2])
        t3 = np.float64(x[c + 3]) - np.float64(y[c + 3])
        t4 = np.float64(x[c + 4]) - np.float64(y[c + 4])
        t5 = np.float64(x[c + 5]) - np.float64(y[c + 5])
        t6 = np.float64(x[c + 6]) - np.float64(y[c + 6])
        t7 = np.float64(x[c + 7]) - np.float64(y[c + 7])
        s0 += t0 * t0
        s1 += t1 * t1
        s2 += t2 * t2
        s3 += t3 * t3
        s4 += t4 * t4
        s5 += t5 * t5
        s6 += t6 * t6
        s7 += t7 * t7
    rest = x.size - whole
    s0 += _square(x, y, whole, rest > 0)
    s1 += _square(x, y, whole + 1, rest > 1)
    s2 += _square(x, y, whole + 2, rest > 2)
    s3 += _square(x, y, whole + 3, rest > 3)
    s4 += _square(x, y, whole + 4, rest > 4)
    s5 += _square(x, y, whole + 5, rest > 5)
    s6 += _square(x, y, whole + 6, rest > 6)
    return ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))


@compiled
def squared_distances(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    out: NDArray[np.float64],
) -> None:
    """`out[p] = d2(left[rows[p]], right[columns[p]])`."""
    for p in range(rows.size):
        out[p] = squared_distance(left[rows[p]], right[columns[p]])
