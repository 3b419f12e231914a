"""Bursts: groups of images, such as frames of one film, far nearer to each other than to others.

features, neighbour lists --units_of--> the first image of the burst of each image

A list of 11 neighbours that a burst fills shows no step. Lists of up to `DEEP` neighbours do.
A candidate is a set of images each of which has the others, and nothing else, before a step of
at least `STEP`. Each image counts for its widest step. A burst is a candidate that stands apart
from the images behind it in m dimensions, by two conditions on its width w, its step s and M,
the median distance of those behind to their own nearest:

    s^-m <= the level of Benjamini and Hochberg,    1 - 2^-(w / M)^m <= USUAL

Candidates behind it stand for one image each, so that bursts are found among bursts; m is
measured where each candidate is one image. The rate of false bursts is measured, not proven.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.calibration import q_values
from rara.duplicates import LEVEL, USUAL, Doubles, Integers, company
from rara.geometry import Nearest, neighbours
from rara.run import Run
from rara.store import Features

DEEP = 128
"""Neighbours that are looked at: a burst of more images is not found."""

STEP = 2.0
"""The nearest image outside a candidate is at least so many times as far as its farthest."""

FEW_DIMENSIONS = 2.0
"""Assumed where too few images are left to measure the dimension: it calls the fewest."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Images in groups without others among them."""

    size: Integers
    """(n,) how many are in the group of each image; 1 where it is in none."""
    first: Integers
    """(n,) the first of them; the image itself where it is in none."""
    width2: Doubles
    """(n,) the largest squared distance between two of them."""
    next2: Doubles
    """(n,) the smallest squared distance from one of them to an image outside."""


def units_of(features: Features, nearest: Nearest, run: Run) -> Integers:
    """(n,) the row of the first image of the burst that each is in; its own where in none.

    Exact duplicates are one image here: they are in a burst of theirs at least.
    """
    same = _equal(features.vectors, nearest)
    rows, place = np.unique(same, return_inverse=True)
    vectors = features.vectors if len(rows) == len(same) else features.vectors[rows]
    first: Integers = rows[bursts(vectors, run)][place]
    return first


def bursts(vectors: NDArray[np.float32], run: Run) -> Integers:
    """(n,) the first of the burst of each of different vectors."""
    count = len(vectors)
    if count < 4:
        return np.arange(count)
    found, _ = neighbours(
        vectors, min(DEEP, count - 1), memory=run.memory, threads=run.threads
    )  # fmt: skip
    seen = candidates(found)
    told = _apart(found, seen, _dimension(vectors, seen, run))
    return np.where(told, seen.first, np.arange(count))


def candidates(found: Nearest) -> Candidates:
    """The group of each image before its widest step, where all of it agree on it."""
    count = found.samples
    size, first = np.ones(count, np.int64), np.arange(count)
    width2, next2 = np.zeros(count), found.d2[:, 0].copy()
    row, rank, key = _wide_steps(found)
    _, group, members = np.unique(
        np.stack([key, rank.astype(np.uint64)]), axis=1, return_inverse=True, return_counts=True
    )
    group = group.reshape(-1)
    kept = members[group] == rank + 2
    row, rank, group = row[kept], rank[kept], group[kept]
    wide, outside = np.zeros(len(members)), np.full(len(members), np.inf)
    np.maximum.at(wide, group, found.d2[row, rank])
    np.minimum.at(outside, group, found.d2[row, rank + 1])
    lowest = np.full(len(members), count)
    np.minimum.at(lowest, group, row)
    step2 = outside[group] / wide[group]
    order = np.lexsort((rank, step2))  # the widest is written last
    row, rank, group = row[order], rank[order], group[order]
    apart = outside[group] >= STEP**2 * wide[group]
    row, rank, group = row[apart], rank[apart], group[apart]
    size[row], first[row] = rank + 2, lowest[group]
    width2[row], next2[row] = wide[group], outside[group]
    return Candidates(size, first, width2, next2)


def _equal(vectors: NDArray[np.float32], nearest: Nearest) -> Integers:
    """The first image with the same vector as each."""
    if (nearest.d2[:, 0] > 0).all():
        return np.arange(len(vectors))
    whole = np.ascontiguousarray(vectors + np.float32(0)).view(
        np.dtype((np.void, vectors.shape[1] * 4))
    )
    _, first, place = np.unique(whole.ravel(), return_index=True, return_inverse=True)
    answer: Integers = first[place].astype(np.int64)
    return answer


def _wide_steps(found: Nearest) -> tuple[Integers, Integers, NDArray[np.uint64]]:
    """Every step that may end a group: its image, its rank, and a key of the set before it."""
    row, rank = np.nonzero(found.d2[:, 1:] >= STEP**2 * found.d2[:, :-1])
    marks = np.random.default_rng(0).integers(0, 2**64 - 1, found.samples, dtype=np.uint64)
    sums = np.cumsum(marks[found.index], axis=1, dtype=np.uint64)
    return row, rank, sums[row, rank] + marks[row]


def _dimension(vectors: NDArray[np.float32], seen: Candidates, run: Run) -> Doubles:
    """(n,) in how many dimensions images are strewn around each, with a candidate as one image."""
    rows, place = np.unique(seen.first, return_inverse=True)
    if len(rows) < 5:
        return np.full(len(vectors), FEW_DIMENSIONS)
    found, _ = neighbours(
        np.ascontiguousarray(vectors[rows]), min(11, len(rows) - 1),
        memory=run.memory, threads=run.threads,
    )  # fmt: skip
    dimension = company(found, found).dimension
    return np.where(np.isnan(dimension), FEW_DIMENSIONS, dimension)[place]


def _apart(found: Nearest, seen: Candidates, dimension: Doubles) -> NDArray[np.bool_]:
    """Which images are in a candidate that is a burst."""
    chance = np.ones(found.samples)
    rows = np.unique(seen.first[seen.size > 1])
    half = dimension[rows] / 2
    behind = np.arange(found.k) >= seen.size[rows, None] - 1
    own2 = np.where(behind, seen.next2[found.index[rows]], np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        usual = 1 - 2 ** -((seen.width2[rows] / np.nanmedian(own2, axis=1)) ** half)
        by_step = (seen.next2[rows] / seen.width2[rows]) ** -half
    chance[rows] = np.where(usual <= USUAL, by_step, 1.0)
    called: NDArray[np.bool_] = (q_values(chance) <= LEVEL)[seen.first] & (seen.size > 1)
    return called
