"""C_T: whether samples are nearer to the training set than a test set is, cell by cell.

    Δ = P(a sample is farther from the training set than a test image is), ties half
    Z = (Δ - 1/2) sqrt(12 n m / (n + m + 1)),   n samples and m test images of a cell
    C_T = mean of Z over cells, weighted by their test images

Meehan, Chaudhuri and Dasgupta, A Non-Parametric Test to Detect Data-Copying in Generative Models,
AISTATS 2020, arXiv 2004.05675. Cells are those of a k-means of the training set; Z is Mann and
Whitney's.

Direction. Far below 0: copies of the training set. Far above 0: samples do not reach it. About 0
where samples are as far from it as fresh real images.

Options. `cells`: 10, and fewer where training images are few. `seed`: that of the k-means.
`level`: that of the interval.

Caveats. A cell with fewer than 20 samples or test images does not count. Copies and junk in one
cell can cancel. Z grows with the root of the number of images: compare at equal numbers. The
interval is by halves of the samples, the test and the training images (`rara.sets.halves`), with
the cells as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from rara.arguments import whole
from rara.errors import ParameterError
from rara.geometry import EngineOptions, Nearest
from rara.geometry import distances as geometry
from rara.geometry.kernel_sums import squares
from rara.geometry.matmul import trusted
from rara.geometry.quantization import UNIT
from rara.geometry.threads import one_core
from rara.sets.base import LEVEL, Doubles, SetScore, Vectors, VectorsLike, seed_of
from rara.sets.both_sides import BothSides, OneSide
from rara.sets.halves import DRAWS, Flags, variance_of
from rara.sets.intervals import half_width
from rara.sets.kernels import squared_distances
from rara.sets.neighbourhoods import depth_of, kth_left
from rara.sets.three_sides import ThreeSides
from rara.stats.cell_means import add_by_cell
from rara.stats.intervals import checked_level

FEWEST = 20
"""Samples and test images that a cell needs."""
A_CELL = 50
"""Training images for each cell; with fewer there are fewer cells."""
ROUNDS = 30
"""Rounds of k-means at most."""
_ROWS = 4096
Cells = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Samples or test images: their cells, and their nearest training images."""

    cells: Cells
    lists: Nearest

    def distances(self, kept: Flags, train: Flags) -> tuple[Doubles, Cells]:
        """Of those kept to the training images that are kept, squared; and cells."""
        return kth_left(self.lists, train.astype(np.int32), 1)[kept], self.cells[kept]


class CT(ThreeSides):
    """The state of `c_t`."""

    def __init__(self, cells: int = 10, *, seed: int = 0) -> None:
        super().__init__()
        self.cells, self.seed = whole(cells, "cells"), seed_of(seed)
        self.shared: tuple[BothSides, BothSides] | None = None
        """Samples and test images beside the training set, where other states share them."""

    @property
    def options(self) -> tuple[Any, ...]:
        """What states must agree in to be merged."""
        return self.cells, self.seed

    def ask_lists(self) -> None:
        """The nearest training images of samples and of test images."""
        for both in self.shared or ():
            both.want_nearest(depth_of(1, len(both.reference.vectors)))

    def compute(self, *, level: float = LEVEL, **engine: Unpack[EngineOptions]) -> SetScore:
        """The figure of all vectors so far."""
        checked_level(level)
        train = self.train.ordered(2, "c_t")
        sides = [side.ordered(FEWEST, "c_t") for side in (self.samples, self.test)]
        centres = self.train.once(
            f"centres {self.cells} {self.seed}",
            lambda: centres_of(train, min(self.cells, max(len(train) // A_CELL, 1)), self.seed),
        )
        both = self.shared or tuple(
            BothSides(OneSide.of(side, FEWEST, "c_t"), OneSide.of(self.train, 2, "c_t"))
            for side in (self.samples, self.test)
        )
        depth = depth_of(1, len(train))
        samples, test = (
            Judged(cells_of(side, centres), pairs.nearest(depth, **engine))
            for side, pairs in zip(sides, both, strict=True)
        )

        def figure(fewest: int, *kept: Flags) -> float:
            one, other = samples.distances(kept[0], kept[2]), test.distances(kept[1], kept[2])
            return statistic(one, other, fewest)

        value = figure(FEWEST, *(np.full(len(side), True) for side in (*sides, train)))
        if np.isnan(value):
            raise ParameterError(
                f"No cell has {FEWEST} samples and {FEWEST} test images: give fewer cells."
            )
        # Z grows with the root of the numbers: its variance does not fall with them.
        variance = 2 * variance_of(partial(figure, FEWEST // 2), *sides, train)
        half = half_width(variance, level, DRAWS)
        counts = len(sides[0]), len(train)
        direction = "below 0 copies, above 0 is far"
        return SetScore("c_t", value, value - half, value + half, *counts, direction, level)


def statistic(samples: tuple[Doubles, Cells], test: tuple[Doubles, Cells], fewest: int) -> float:
    """The weighted mean of Z over cells with enough images; NaN where there is none."""
    total, weight = 0.0, 0
    for cell in range(int(max(samples[1].max(), test[1].max())) + 1):
        a, b = samples[0][samples[1] == cell], test[0][test[1] == cell]
        if min(len(a), len(b)) >= fewest:
            total += len(b) * mann_whitney(a, b)
            weight += len(b)
    return total / weight if weight else math.nan


def mann_whitney(a: Doubles, b: Doubles) -> float:
    """Z of whether a is above b, ties half."""
    ascending = np.sort(b)
    below = np.searchsorted(ascending, a, side="left") + np.searchsorted(ascending, a, side="right")
    n, m = len(a), len(b)
    share = below.sum() / (2 * n * m)
    return float((share - 0.5) * np.sqrt(12 * n * m / (n + m + 1)))


def cells_of(vectors: Vectors, centres: Doubles, lengths: Doubles | None = None) -> Cells:
    """(n,) the nearest centre of each vector; `lengths`: those of the vectors, if computed.

    By float32 products; where these leave two centres in doubt, by float64 ones.
    """
    own = np.sqrt(squares(vectors)) if lengths is None else lengths
    middle = centres.mean(axis=0)
    moved = centres - middle
    constant = (moved**2).sum(axis=1) + 2 * (moved @ middle)
    longest = np.sqrt((moved**2).sum(axis=1).max())
    error = 16 * vectors.shape[1] * UNIT * longest if trusted() else np.inf
    found = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), _ROWS):
        tile = vectors[start : start + _ROWS]
        gaps = constant - 2.0 * (tile @ moved.T.astype(np.float32))
        cells = gaps.argmin(axis=1)
        gaps -= np.take_along_axis(gaps, cells[:, None], axis=1)
        allowed = error * (own[start : start + _ROWS] + 1e-30)
        doubt = np.flatnonzero((gaps <= allowed[:, None]).sum(axis=1) > 1)
        if len(doubt):
            cells[doubt] = squared_distances(tile[doubt], centres).argmin(axis=1)
        found[start : start + _ROWS] = cells
    return found


def centres_of(vectors: Vectors, count: int, seed: int) -> Doubles:
    """(count, d) centres of a k-means, begun by k-means++ (Arthur and Vassilvitskii 2007)."""
    with one_core():
        return _centres_of(vectors, count, seed)


def _centres_of(vectors: Vectors, count: int, seed: int) -> Doubles:
    rng = np.random.default_rng(seed)
    chosen = [int(rng.integers(len(vectors)))]
    nearest, d2 = np.full((2, len(vectors)), np.inf)
    every = np.arange(len(vectors), dtype=np.int32)
    while len(chosen) < count:
        geometry.squared_distances(vectors, vectors, every, np.full_like(every, chosen[-1]), d2)
        np.minimum(nearest, d2, out=nearest)
        if not nearest.any():
            break
        chosen.append(int(rng.choice(len(vectors), p=nearest / nearest.sum())))
    centres = vectors[chosen].astype(np.float64)
    lengths = np.sqrt(squares(vectors))
    for _ in range(ROUNDS):
        cells = cells_of(vectors, centres, lengths)
        counts, sums = np.bincount(cells, minlength=len(centres)), np.zeros(centres.shape)
        add_by_cell(vectors, cells, sums)
        filled = counts > 0
        moved = centres.copy()
        moved[filled] = sums[filled] / counts[filled, None]
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres


def c_t(
    samples: VectorsLike,
    train: VectorsLike,
    test: VectorsLike,
    *,
    cells: int = 10,
    seed: int = 0,
    level: float = LEVEL,
    **engine: Unpack[EngineOptions],
) -> SetScore:
    """Whether samples are nearer to the training set than test images: below 0 is copying.

    Raises FeatureError where vectors are no finite numbers of shape (n, d),
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where there
    are fewer than 20 samples or test images, in all or in every cell.
    """
    state = CT(cells, seed=seed)
    state.update(samples=samples, train=train, test=test)
    return state.compute(level=level, **engine)
