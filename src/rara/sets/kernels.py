"""The Gaussian kernel of pairs of images, and its bandwidth.

k(x, y) = exp(-|x - y|^2 / (2 bandwidth^2))
"""

from __future__ import annotations

import math

import numpy as np

from rara.arguments import number
from rara.errors import ParameterError
from rara.sets.base import Doubles, Vectors

PAIRS = 1000
"""Images whose distances give the median."""
_ROWS = 1024
_NEAR = 16
"""Squared distance from the mean, in bandwidths, up to which float32 is exact enough."""


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
    a = left - centre
    b = a if left is right else right - centre  # a product with itself is half the work
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


def mean_squares(vectors: Vectors, bandwidth: float) -> Doubles:
    """(n,) mean over all vectors of the squared kernel with each; each pair is computed once.

    In float32, unless vectors lie many bandwidths from their mean.
    """
    rows: Vectors | Doubles = vectors - vectors.mean(axis=0, dtype=np.float64)
    lengths2 = np.einsum("ij,ij->i", rows, rows) / bandwidth**2
    if lengths2.max() < _NEAR:
        rows, lengths2 = rows.astype(np.float32), lengths2.astype(np.float32)
    rows *= np.asarray(math.sqrt(2) / bandwidth, rows.dtype)
    sums = np.zeros(len(rows))
    for start in range(0, len(rows), _ROWS):
        own = slice(start, start + _ROWS)
        for first in range(start, len(rows), _ROWS):
            other = slice(first, first + _ROWS)
            tile = rows[own] @ rows[other].T
            tile -= lengths2[own, None]
            tile -= lengths2[other]
            np.exp(np.minimum(tile, 0, out=tile), out=tile)
            if first == start:
                np.fill_diagonal(tile, 1)
            else:
                sums[other] += tile.sum(axis=0, dtype=np.float64)
            sums[own] += tile.sum(axis=1, dtype=np.float64)
    return sums / len(rows)
