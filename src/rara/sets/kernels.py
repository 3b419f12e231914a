"""The Gaussian kernel of pairs of images, and its bandwidth.

k(x, y) = exp(-|x - y|^2 / (2 bandwidth^2))
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from rara.arguments import number
from rara.errors import ParameterError
from rara.sets.base import Doubles, Vectors

PAIRS = 1000
"""Images whose distances give the median."""
_TILE = 512


def bandwidth_of(bandwidth: float | None) -> float | None:
    """A bandwidth; raises ParameterError unless it is None or above 0."""
    if bandwidth is None:
        return None
    found = number(bandwidth, "bandwidth")
    if not 0 < found < math.inf:
        raise ParameterError(f"bandwidth = {found:g}: give a number above 0.")
    return found


def median_distance(vectors: Vectors) -> float:
    """Median distance between the first images; 1 where all of these are equal."""
    few = vectors[:PAIRS]
    d2 = squared_distances(few, few)[np.triu_indices(len(few), 1)]
    median = float(np.sqrt(np.median(d2))) if len(d2) else 0.0
    return median or 1.0


def squared_distances(left: Vectors | Doubles, right: Vectors | Doubles) -> Doubles:
    """(n, m) in float64, taken from the mean of the right side so that an offset costs nothing."""
    centre = right.mean(axis=0, dtype=np.float64)
    a, b = left - centre, right - centre
    d2: Doubles = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * (a @ b.T)
    return np.maximum(d2, 0, out=d2)


def gaussian_kernel(left: Vectors, right: Vectors, bandwidth: float) -> Doubles:
    """(n, m) the kernel of all pairs."""
    d2 = squared_distances(left, right)
    d2 /= -2 * bandwidth**2
    found: Doubles = np.exp(d2, out=d2)
    if left is right:
        np.fill_diagonal(found, 1)
    return found


def kernel_tiles(vectors: Vectors, bandwidth: float) -> Iterator[tuple[slice, Doubles]]:
    """The kernel of some images with all others at a time; images with themselves are 1."""
    for start in range(0, len(vectors), _TILE):
        rows = slice(start, min(start + _TILE, len(vectors)))
        tile = gaussian_kernel(vectors[rows], vectors, bandwidth)
        tile[np.arange(rows.stop - start), np.arange(start, rows.stop)] = 1
        yield rows, tile
