"""Bursts: groups of images, such as frames of one film, far nearer to each other than to others.

features, neighbour lists --units_of--> the first image of the burst of each image

A list of 11 neighbours that a burst fills shows no step. Lists of up to `DEEP` neighbours do.
A candidate is a set of images each of which has the others, and nothing else, before a step of
at least `STEP`. Two candidates are disjoint or nested; of nested ones the one with the widest
step is kept. With w its width, v the distance to the next image outside and Q1, Q2, Q3 the
quartiles of an image's distance to its nearest other, all as logarithms, a burst is a candidate
where

    exp(-m (v - w)) <= the level of Benjamini and Hochberg, in m dimensions,
    w <= Q1 - 3 (Q3 - Q1)    and as far below the median of the images behind it,
    v <= Q3 + 3 (Q3 - Q1).

The quartiles count each candidate that is narrow enough as one image. Three times their distance
is Tukey's outer fence (Exploratory Data Analysis, 1977): where images lie on several scales it is
wide. As one image a burst must be no outlier, which a class apart is. m is measured where each
candidate is one image. The rate of false bursts is measured, not proven: docs/explanation/trust.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.duplicates.statistics import LEVEL, Doubles, Integers, company, first_alike, zero_pairs
from rara.features.features import Features
from rara.geometry import Nearest, neighbours
from rara.run import Run
from rara.stats.conformal import q_values

DEEP = 128
"""Neighbours that are looked at: a burst of more images is not found."""

STEP = 2.0
"""The nearest image outside a candidate is at least so many times as far as its farthest."""

FENCE = 3.0
"""A burst is so many times the distance of the quartiles below the lower one."""

FEW = 20
"""With fewer images their quartiles are taken to be as far apart as in `FEW_DIMENSIONS`."""

FEW_DIMENSIONS = 2.0
"""Assumed where too few images are left to measure the dimension: it calls the fewest."""

MOST_DIMENSIONS = 4.0
"""Quartiles are taken to be at least as far apart as here: in more dimensions all images are about
as far from their nearest, and a mode that is a little narrower than others would be far out."""

_QUARTILES = math.log(math.log(4) / math.log(4 / 3))
"""How far apart they are times m, where P(nearest > w) = 2^-(w / M)^m."""

_GRID = 8
"""Widths are tried as limits at so many places for each doubling."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Disjoint groups of images."""

    group: Integers
    """(n,) the number of the group of each image; -1 where it is in none."""
    size: Integers
    """(g,) how many images are in each."""
    width2: Doubles
    """(g,) the largest squared distance between two of them."""
    next2: Doubles
    """(g,) the smallest squared distance from one of them to an image outside."""


def units_of(features: Features, nearest: Nearest, run: Run) -> Integers:
    """(n,) the row of the first image of the burst that each is in; its own where in none.

    Exact duplicates are one image here: they are in a burst of theirs at least.
    """
    same = first_alike(len(features), zero_pairs(nearest))
    rows, place = np.unique(same, return_inverse=True)
    vectors = features.vectors if len(rows) == len(same) else features.vectors[rows]
    first: Integers = rows[bursts(vectors, run)][place]
    return first


def bursts(vectors: NDArray[np.float32], run: Run) -> Integers:
    """(n,) the first of the burst of each of different vectors."""
    count = len(vectors)
    if count < 4:
        return np.arange(count)
    nearest, _ = neighbours(
        vectors, min(DEEP, count - 1), **run.engine()
    )  # fmt: skip
    sets = candidates(nearest)
    if not sets.size.size:
        return np.arange(count)
    by_step = q_values(_chance(vectors, sets, run))[: len(sets.size)] <= LEVEL
    called = _narrow(nearest, sets) & by_step
    first = np.full(len(sets.size), count)
    inside = np.flatnonzero(sets.group >= 0)
    np.minimum.at(first, sets.group[inside], inside)
    return np.where(_member(sets.group, called), first[sets.group], np.arange(count))


def candidates(nearest: Nearest) -> Candidates:
    """The groups that all their members agree on; of nested ones that with the widest step."""
    row, rank, key = _wide_steps(nearest)
    _, first, group, members = np.unique(
        key, return_index=True, return_inverse=True, return_counts=True
    )
    size = rank[first] + 2
    width2, next2 = np.zeros(len(first)), np.full(len(first), np.inf)
    np.maximum.at(width2, group, nearest.d2[row, rank])
    np.minimum.at(next2, group, nearest.d2[row, rank + 1])
    with np.errstate(divide="ignore"):
        step2 = next2 / width2
    agreed = np.flatnonzero((members == size) & (step2 >= STEP**2))
    order = agreed[np.lexsort((-size[agreed], -step2[agreed]))]
    label = np.full(nearest.samples, -1)
    kept: list[int] = []
    for one in order:
        rows = np.append(nearest.index[row[first[one]], : size[one] - 1], row[first[one]])
        if (label[rows] < 0).all():
            label[rows] = len(kept)
            kept.append(int(one))
    return Candidates(label, size[kept], width2[kept], next2[kept])


def _content(vectors: NDArray[np.float32]) -> NDArray[np.void]:
    """Each vector as one value that can be sorted; -0 is 0."""
    plain = np.ascontiguousarray(vectors + np.float32(0))
    return plain.view(np.dtype((np.void, plain.shape[1] * 4))).ravel()


def _wide_steps(nearest: Nearest) -> tuple[Integers, Integers, NDArray[np.uint64]]:
    """Every step that may end a group: its image, its rank, and a key of the set before it."""
    row, rank = np.nonzero(nearest.d2[:, 1:] >= STEP**2 * nearest.d2[:, :-1])
    marks = np.random.default_rng(0).integers(0, 2**64 - 1, nearest.samples, dtype=np.uint64)
    sums = np.cumsum(marks[nearest.index], axis=1, dtype=np.uint64)
    return row, rank, sums[row, rank] + marks[row]


def _narrow(nearest: Nearest, sets: Candidates) -> NDArray[np.bool_]:
    """(g,) which candidates are far narrower than images usually are apart, and no outliers."""
    with np.errstate(divide="ignore"):
        own, width, beyond = (np.log(d2) / 2 for d2 in (nearest.d2[:, 0], sets.width2, sets.next2))
    fence = _fence(own, width, beyond, sets.group)
    if fence is None:
        return np.zeros(len(width), np.bool_)
    own = np.where(_member(sets.group, width <= fence.limit), beyond[sets.group], own)
    one = np.empty(len(width), np.int64)
    inside = np.flatnonzero(sets.group >= 0)
    one[sets.group[inside]] = inside
    behind = np.arange(nearest.k) >= sets.size[:, None] - 1
    usual = np.nanmedian(np.where(behind, own[nearest.index[one]], np.nan), axis=1)
    narrow = width <= np.minimum(fence.limit, usual - fence.below)
    result: NDArray[np.bool_] = narrow & (beyond <= fence.upper)
    return result


@dataclass(frozen=True, slots=True)
class _Fence:
    """What is far out among images, as logarithms of distances."""

    limit: float
    """The largest width of bursts."""
    below: float
    """How far below the median a width must be."""
    upper: float
    """An image farther from its nearest is an outlier."""


def _fence(own: Doubles, width: Doubles, beyond: Doubles, group: Integers) -> _Fence | None:
    """With the largest width below the fence where no wider candidate counts as one image."""
    grid = np.ceil((width - np.median(own)) * _GRID / math.log(2))
    for cut in np.unique(grid)[::-1]:
        inside = grid <= cut
        apart = np.concatenate([own[~_member(group, inside)], beyond[inside]])
        lower, limit = outer_fence(apart, MOST_DIMENSIONS), float(width[inside].max())
        if limit <= lower:
            low, middle, high = np.quantile(apart, (0.25, 0.5, 0.75))
            return _Fence(limit, float(middle - lower), float(high + FENCE * (high - low)))
    return None


def outer_fence(apart: Doubles, most: float = math.inf) -> float:
    """Tukey's lower outer fence of logarithms of distances to nearest others.

    The quartiles are at least as far apart as in `most` dimensions.
    """
    low, high = np.quantile(apart, (0.25, 0.75))
    least = _QUARTILES / (FEW_DIMENSIONS if len(apart) < FEW else most)
    return float(low - FENCE * max(high - low, least))


def _member(group: Integers, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) which images are in one of the groups chosen."""
    answer: NDArray[np.bool_] = (group >= 0) & chosen[group]
    return answer


def _chance(vectors: NDArray[np.float32], sets: Candidates, run: Run) -> Doubles:
    """How likely so wide a step is: of each candidate, then 1 for each image in none."""
    dimension = _dimension(vectors, sets, run)
    by_step = (sets.next2 / sets.width2) ** (-dimension / 2)
    return np.concatenate([by_step, np.ones(len(vectors) - len(by_step))])


def _dimension(vectors: NDArray[np.float32], sets: Candidates, run: Run) -> Doubles:
    """(g,) in how many dimensions images are strewn around each, with a candidate as one image.

    The vector that is first by content stands for its candidate, whatever the order of images.
    """
    order = np.argsort(_content(vectors), kind="stable")
    inside = order[sets.group[order] >= 0]
    _, first = np.unique(sets.group[inside], return_index=True)
    rows = np.concatenate([inside[first], np.flatnonzero(sets.group < 0)])
    if len(rows) < 5:
        return np.full(len(first), FEW_DIMENSIONS)
    nearest, _ = neighbours(
        np.ascontiguousarray(vectors[rows]), min(11, len(rows) - 1),
        **run.engine(),
    )  # fmt: skip
    dimension = company(nearest, nearest).dimension[: len(first)]
    return np.where(np.isnan(dimension), FEW_DIMENSIONS, dimension)
