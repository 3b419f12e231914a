"""The most typical images of a group, and no two of them the same picture.

rows of a group --typical--> rows, the most typical first

A handful of identical images are each other's nearest, yet not typical. So images that are far
nearer to each other than usual in the group count as one picture, and typical is the picture
with the smallest median distance to the other ones. Only where one picture is more than half of
the group it comes first.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from rara.features.metadata_groups import Rows
from rara.geometry import neighbours, squared_distance
from rara.run import Run

SAME = 0.2
"""Images nearer than this share of the median distance within the group are one picture."""

MANY = 256
"""Of larger groups so many are compared, drawn by a fixed seed."""

FEW = 12
"""Up to so many are compared one by one: that is faster than to start the engine."""


def typical(vectors: NDArray[np.float32], rows: Rows, run: Run) -> Rows:
    """Rows of different pictures, the most typical first.

    Rows come in the order of `by_content`, so that the order of images changes nothing.
    """
    if len(rows) > MANY:
        rows = rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:MANY])]
    if len(rows) < 2:
        return rows
    apart = _distances(vectors[rows], run)
    first = _pictures(apart)
    shown, sizes = np.unique(first, return_counts=True)
    between = apart[np.ix_(shown, shown)]
    np.fill_diagonal(between, np.nan)
    middle = np.nanmedian(between, axis=1) if len(shown) > 1 else np.zeros(1)
    most = sizes > len(rows) / 2
    answer: Rows = rows[shown[np.lexsort((middle, ~most))]]
    return answer


def _distances(vectors: NDArray[np.float32], run: Run) -> NDArray[np.float64]:
    """Between all of a few vectors."""
    apart = np.zeros((len(vectors), len(vectors)))
    if len(vectors) <= FEW:
        for one, other in combinations(range(len(vectors)), 2):
            d2 = squared_distance(vectors[one], vectors[other])
            apart[one, other] = apart[other, one] = math.sqrt(d2)
        return apart
    lists, _ = neighbours(vectors, len(vectors) - 1, **run.engine())
    np.put_along_axis(apart, lists.index.astype(np.int64), np.sqrt(lists.d2), axis=1)
    return apart


def _pictures(apart: NDArray[np.float64]) -> NDArray[np.int64]:
    """The first image of the picture that each is."""
    limit = SAME * np.median(apart[np.triu_indices(len(apart), 1)])
    first = np.full(len(apart), -1)
    for row in range(len(apart)):
        if first[row] < 0:
            first[(first < 0) & (apart[row] <= limit)] = row
    return first
