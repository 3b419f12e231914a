"""The most typical images of a group, and no two of them the same picture.

rows of a group --typical--> rows, the most typical first

A handful of identical images are each other's nearest, yet not typical. So images that are far
nearer to each other than usual in the group count as one picture, and typical is the picture
with the smallest median distance to the other ones. Only where one picture is more than half of
the group it comes first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rara.geometry import neighbours
from rara.grouping import Rows
from rara.run import Run
from rara.store import Features

SAME = 0.2
"""Images nearer than this share of the median distance within the group are one picture."""

MANY = 256
"""Of larger groups so many are compared, drawn by a fixed seed."""


def typical(samples: Features, rows: Rows, run: Run) -> Rows:
    """Rows of different pictures, the most typical first, whatever the order of images."""
    rows = _drawn(samples, rows)
    if len(rows) < 2:
        return rows
    apart = _distances(samples.vectors[rows], run)
    first = _pictures(apart)
    shown, sizes = np.unique(first, return_counts=True)
    between = apart[np.ix_(shown, shown)]
    np.fill_diagonal(between, np.nan)
    middle = np.nanmedian(between, axis=1) if len(shown) > 1 else np.zeros(1)
    most = sizes > len(rows) / 2
    answer: Rows = rows[shown[np.lexsort((middle, ~most))]]
    return answer


def _drawn(samples: Features, rows: Rows) -> Rows:
    """The rows by content, at most `MANY` of them."""
    digests, ids = samples.done["digest"].take(rows).to_pylist(), samples.done["id"].take(rows)
    content = sorted(zip(digests, ids.to_pylist(), rows.tolist(), strict=True))
    ordered = np.array([row for _, _, row in content], np.int64)
    if len(ordered) <= MANY:
        return ordered
    answer: Rows = ordered[np.sort(np.random.default_rng(0).permutation(len(ordered))[:MANY])]
    return answer


def _distances(vectors: NDArray[np.float32], run: Run) -> NDArray[np.float64]:
    """Between all of a few vectors."""
    lists, _ = neighbours(vectors, len(vectors) - 1, memory=run.memory, threads=run.threads)
    apart = np.zeros((len(vectors), len(vectors)))
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
