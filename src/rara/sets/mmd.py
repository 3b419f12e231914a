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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

import numpy as np

from rara.geometry import KernelSums, Product
from rara.sets.base import Doubles, Side, Vectors, unit_rows
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
SAFE = 1e-9, 1e9
"""Lengths of vectors whose products neither vanish nor overflow in float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A function of scalar products."""

    name: str
    """With all its options: the same name is the same kernel."""
    turn: Callable[[Vectors], None]
    """From products to values, in place; a constant may be left out."""
    unit: bool = False
    """Whether of vectors divided by their lengths."""


def discrepancy(own: Doubles, other: Doubles, both: tuple[Doubles, Doubles]) -> tuple[float, float]:
    """The unbiased statistic of two sets of at least `FEWEST` rows, and its variance.

    By `within` of either, and `between` of both.
    """
    across, along = both
    value = own.mean() + other.mean() - 2 * across.mean()
    variance = linear(2 * (own - across), len(own)) + linear(2 * (other - along), len(other))
    return float(value), variance


class Products:
    """Discrepancies of both sides by several kernels of the same products, computed once."""

    def __init__(self, samples: Side, reference: Side, kernels: Sequence[Kernel]) -> None:
        self.samples, self.reference, self.kernels = samples, reference, kernels

    def of(self, kernel: Kernel) -> tuple[float, float]:
        """The statistic of one kernel, and its variance."""
        return self._all[kernel.name]

    @cached_property
    def _all(self) -> dict[str, tuple[float, float]]:
        kernels = [*{one.name: one for one in self.kernels}.values()]
        unit = any(one.unit for one in kernels)
        sides = [_lengths(side) if unit else None for side in (self.samples, self.reference)]
        if all(one is None or _safe(one) for one in sides):
            return self._together(kernels, sides)
        found: dict[str, tuple[float, float]] = {}
        for one in kernels:
            found |= self._together([one], [None, None], of_units=one.unit)
        return found

    def _together(
        self, kernels: list[Kernel], lengths: list[Doubles | None], *, of_units: bool = False
    ) -> dict[str, tuple[float, float]]:
        """By `lengths` of both sides if a kernel asks for them, or of vectors with length 1."""
        name = ", ".join(one.name for one in kernels)
        ours, theirs = (
            unit_rows(side, name).astype(np.float32) if of_units else side
            for side in (self.samples.ordered(FEWEST, name), self.reference.ordered(FEWEST, name))
        )
        own = within(ours, kernels, lengths[0])
        other = self.reference.once(
            f"within by {name}", lambda: within(theirs, kernels, lengths[1])
        )
        across, along = between(ours, theirs, kernels, lengths)
        return {
            one.name: discrepancy(own[place], other[place], (across[place], along[place]))
            for place, one in enumerate(kernels)
        }


def _lengths(side: Side) -> Doubles:
    """(n,) of all vectors of a side."""

    def compute() -> Doubles:
        vectors = side.ordered(FEWEST, "cmmd")
        found = np.empty(len(vectors))
        for start in range(0, len(vectors), ROWS):
            rows = vectors[start : start + ROWS].astype(np.float64)
            found[start : start + ROWS] = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        return found

    return side.once("lengths", compute)


def _safe(lengths: Doubles) -> bool:
    return bool(SAFE[0] < lengths.min() and lengths.max() < SAFE[1])


class Discrepancy(PairMetric):
    """What KID and CMMD share: they multiply float32, or take the scan's products on request."""

    approximate = False
    """Whether products of a shared scan may be taken, with an error that is estimated."""
    products: Products | None = None
    """Where several kernels share the exact products."""

    @property
    def kernel(self) -> Kernel:
        """Of the vectors so far."""
        raise NotImplementedError

    def by_scan(self, level: float) -> tuple[float, float] | None:
        """The statistic and its variance from the shared scan, if it has been watched."""
        name = self.kernel.name
        if self.shared is None or not self.shared.watches(name):
            return None
        return by_scan(self.shared, name, level)

    def exact(self) -> tuple[float, float]:
        """The same by products of float32."""
        kernel = self.kernel
        products = self.products or Products(self.samples, self.reference, [kernel])
        return products.of(kernel)


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


def within(vectors: Vectors, kernels: Sequence[Kernel], lengths: Doubles | None = None) -> Doubles:
    """(kernels, n) mean of each kernel of each row and every other; a pair is multiplied once."""
    n = len(vectors)
    sums = np.zeros((len(kernels), n))
    inverse = _inverse(lengths)
    for start in range(0, n, ROWS):
        own = slice(start, min(start + ROWS, n))
        product = vectors[own] @ vectors[own].T
        for place, tile in _values(product, kernels, inverse, inverse, own, own):
            np.fill_diagonal(tile, 0)
            sums[place, own] += tile.sum(axis=1, dtype=np.float64)
        for first in range(own.stop, n, COLUMNS):
            other = slice(first, min(first + COLUMNS, n))
            product = vectors[own] @ vectors[other].T
            for place, tile in _values(product, kernels, inverse, inverse, own, other):
                sums[place, own] += tile.sum(axis=1, dtype=np.float64)
                sums[place, other] += tile.sum(axis=0, dtype=np.float64)
    return sums / (n - 1)


def between(
    samples: Vectors,
    reference: Vectors,
    kernels: Sequence[Kernel],
    lengths: Sequence[Doubles | None] = (None, None),
) -> tuple[Doubles, Doubles]:
    """(kernels, n) and (kernels, m) mean of each kernel of each row and all of the other set."""
    n, m = len(samples), len(reference)
    across, along = np.zeros((len(kernels), n)), np.zeros((len(kernels), m))
    ours, theirs = map(_inverse, lengths)
    for start in range(0, n, ROWS):
        own = slice(start, min(start + ROWS, n))
        for first in range(0, m, COLUMNS):
            other = slice(first, min(first + COLUMNS, m))
            product = samples[own] @ reference[other].T
            for place, tile in _values(product, kernels, ours, theirs, own, other):
                across[place, own] += tile.sum(axis=1, dtype=np.float64)
                along[place, other] += tile.sum(axis=0, dtype=np.float64)
    return across / m, along / n


def _inverse(lengths: Doubles | None) -> Vectors | None:
    return None if lengths is None else (1 / lengths).astype(np.float32)


def _values(
    product: Vectors,
    kernels: Sequence[Kernel],
    ours: Vectors | None,
    theirs: Vectors | None,
    own: slice,
    other: slice,
) -> Iterator[tuple[int, Vectors]]:
    """The place and the values of each kernel in turn; the product is used up."""
    for place, kernel in enumerate(kernels):
        tile = product if place == len(kernels) - 1 else product.copy()
        if kernel.unit and ours is not None and theirs is not None:
            tile *= ours[own, None]
            tile *= theirs[other]
        kernel.turn(tile)
        yield place, tile
