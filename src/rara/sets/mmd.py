"""Maximum mean discrepancy: the unbiased statistic of a kernel over all pairs, and its variance.

    mmd = mean of k(x, x') + mean of k(y, y') - 2 mean of k(x, y),    x != x', y != y'

No image is compared with itself: that is the U statistic, whose mean is the squared discrepancy of
the laws at every n. The V statistic, which counts those pairs too, is larger by
(mean of k(x, x) - mean of k(x, x')) / n and as much for y. Gretton et al., A Kernel Two-Sample
Test, JMLR 2012.

Variance: that of the jackknife without one image at a time, in closed form. With
h(x) = 2 (mean over x' of k(x, x') - mean over y of k(x, y)),

    var = var h(x) / n + var h(y) / m

Where the laws differ it is right for large n. Where they are nearly equal it is up to twice the
true variance (Efron and Stein 1981), so that the interval is too wide rather than too narrow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, TypeAlias

import numpy as np

from rara.geometry import KernelSums, Product
from rara.sets.base import Doubles, Vectors
from rara.sets.both_sides import BothSides, PairMetric
from rara.sets.intervals import half_width, linear

ROWS, COLUMNS = 1024, 2048
"""Of a tile of products."""
FEWEST = 3
"""Rows that either set needs for the variance."""
CHECKED = 64
"""Images of either side on which the error of a scan's products is measured."""
TOLERANCE = 0.05
"""Error that these may make, as a share of half the interval."""
Kernel: TypeAlias = "Callable[[Vectors], None]"
"""Turns scalar products into values of a kernel, in place; a constant may be left out."""


def discrepancy(own: Doubles, other: Doubles, both: tuple[Doubles, Doubles]) -> tuple[float, float]:
    """The unbiased statistic of two sets of at least `FEWEST` rows, and its variance.

    By `within` of either, and `between` of both.
    """
    across, along = both
    value = own.mean() + other.mean() - 2 * across.mean()
    variance = linear(2 * (own - across), len(own)) + linear(2 * (other - along), len(other))
    return float(value), variance


class Discrepancy(PairMetric):
    """What KID and CMMD share: they multiply float32, or take the scan's products on request."""

    approximate = False
    """Whether products of a shared scan may be taken, with an error that is estimated."""

    def by_scan(self, name: str, level: float) -> tuple[float, float] | None:
        """The statistic and its variance from the shared scan, if it has been watched."""
        if self.shared is None or not self.shared.watches(name):
            return None
        return by_scan(self.shared, name, level)


def by_scan(both: BothSides, name: str, level: float) -> tuple[float, float] | None:
    """The same from products of the scan that both sides share, if these are exact enough.

    Bytes leave an error. It is measured on some images of either side: their means are computed
    from float32 products. None where it may be more than `TOLERANCE` of half the interval.
    """
    inner: list[KernelSums] = [side.seen(name) for side in both.sides]
    cross: KernelSums = both.seen(name)
    if any(len(one.arithmetics) > 1 for one in (*inner, cross)):
        return None  # when a scan changed its product depends on the machine's other work
    own, other = (one.means()[0] for one in inner)
    across, along = cross.means()
    value, variance = discrepancy(own, other, (across, along))
    errors = _error(inner[0], cross, 0, own - across) + _error(inner[1], cross, 1, other - along)
    if not half_width(errors, level) <= TOLERANCE * half_width(variance, level):
        return None
    return value, variance


def _error(inner: KernelSums, cross: KernelSums, side: Literal[0, 1], gaps: Doubles) -> float:
    """Variance of the statistic by the errors of the mean kernels of one side."""
    every = -(-len(gaps) // CHECKED)
    true = inner.exact(0, every) - cross.exact(side, every)
    return linear(2 * (gaps[::every] - true), len(gaps))


def watch(both: BothSides, name: str, product: Product) -> None:
    """Say that `by_scan` will be asked for."""
    for side in both.sides:
        side.watch(name, partial(KernelSums, product, side.vectors))
    both.watch(name, partial(KernelSums, product, *(side.vectors for side in both.sides)))


def within(vectors: Vectors, kernel: Kernel) -> Doubles:
    """(n,) mean of the kernel of each row and every other; each pair is computed once."""
    n = len(vectors)
    sums = np.zeros(n)
    for start in range(0, n, ROWS):
        own = slice(start, min(start + ROWS, n))
        tile = vectors[own] @ vectors[own].T
        kernel(tile)
        np.fill_diagonal(tile, 0)
        sums[own] += tile.sum(axis=1, dtype=np.float64)
        for first in range(own.stop, n, COLUMNS):
            other = slice(first, min(first + COLUMNS, n))
            rows, columns = _sums(vectors[own], vectors[other], kernel)
            sums[own] += rows
            sums[other] += columns
    return sums / (n - 1)


def between(samples: Vectors, reference: Vectors, kernel: Kernel) -> tuple[Doubles, Doubles]:
    """(n,) and (m,) mean of the kernel of each row and all rows of the other set."""
    n, m = len(samples), len(reference)
    across, along = np.zeros(n), np.zeros(m)
    for start in range(0, n, ROWS):
        own = slice(start, min(start + ROWS, n))
        for first in range(0, m, COLUMNS):
            other = slice(first, min(first + COLUMNS, m))
            rows, columns = _sums(samples[own], reference[other], kernel)
            across[own] += rows
            along[other] += columns
    return across / m, along / n


def _sums(rows: Vectors, columns: Vectors, kernel: Kernel) -> tuple[Doubles, Doubles]:
    """Of a tile of the kernel, by row and by column."""
    tile = rows @ columns.T
    kernel(tile)
    return tile.sum(axis=1, dtype=np.float64), tile.sum(axis=0, dtype=np.float64)
