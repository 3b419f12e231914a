"""Samples that repeat one another: the pairs of equal or nearly equal samples.

The classifiers count equal vectors once, so that repeats neither blind nor flatter them. This
view counts the repeats. Cells of equal and nearly equal images are made without the labels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rara.two_sample.pool import Labels, Pool
from rara.two_sample.views import Doubles, Vectors

DIRECTIONS = 16
"""Random directions along which cells are cut."""
GAP = 1e-3
"""A gap wider than that, in quartile ranges of a direction, parts two cells."""
SWEEPS = 2
COLUMNS = 128
"""Orders of labels that are counted at a time."""


def cells_of(numbers: Vectors) -> NDArray[np.int64]:
    """(u,) the cell of each row of (u, directions): no wide gap parts two of one cell."""
    low, high = np.quantile(numbers, [0.25, 0.75], axis=0)
    cell = np.zeros(len(numbers), np.int64)
    for _ in range(SWEEPS):
        for column, gap in zip(numbers.T, GAP * (high - low), strict=True):
            order = np.lexsort((column, cell))
            parts = (np.diff(cell[order]) != 0) | (np.diff(column[order]) > gap)
            cell[order] = np.append(0, np.cumsum(parts))
    return cell


def repeats(numbers: Vectors, pool: Pool, labels: Labels) -> Doubles:
    """For each order of labels the pairs of samples in one cell; `numbers` of each vector."""
    cell = np.repeat(cells_of(numbers[:, -DIRECTIONS:]), pool.copies)
    shared = np.flatnonzero(np.bincount(cell)[cell] > 1)
    if not len(shared):
        return np.zeros(labels.shape[1])
    order = shared[np.argsort(cell[shared], kind="stable")]
    starts = np.flatnonzero(np.append(True, np.diff(cell[order]) != 0))
    pairs = np.empty(labels.shape[1])
    for start in range(0, len(pairs), COLUMNS):
        part = slice(start, start + COLUMNS)
        samples = np.add.reduceat(labels[order, part], starts, axis=0, dtype=np.int64)
        pairs[part] = (samples * (samples - 1) // 2).sum(axis=0)
    return pairs
