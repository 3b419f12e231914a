"""Kernel Inception Distance (KID): maximum mean discrepancy of a cubic kernel.

    k(x, y) = (x'y / d + 1)^3
    kid = mean of k(x, x') + mean of k(y, y') - 2 mean of k(x, y),    x != x', y != y'

Bińkowski et al., Demystifying MMD GANs, ICLR 2018, arXiv 1801.01401.

Direction. Lower is closer. The mean is 0 where the laws are equal, so that some values lie below
0: they say no more than 0 does. Papers often quote it times 1,000.

Options. `level`: that of the interval, which covers the KID of the laws.

Caveats. All pairs are counted. Other packages average subsets of 1,000 images: that has the same
mean and a larger variance, and its spread over subsets is no interval. A cubic kernel sees the
first three moments. The time is that of (n^2 + m^2) / 2 + n m scalar products.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from rara.geometry import Product
from rara.sets.base import LEVEL, SetScore, Vectors, VectorsLike
from rara.sets.both_sides import BothSides
from rara.sets.intervals import half_width, score_of
from rara.sets.mmd import FEWEST, Discrepancy, Kernel, watch
from rara.stats.intervals import checked_level


class KID(Discrepancy):
    """The state of `kid`."""

    def ask_lists(self, both: BothSides) -> None:
        """Products of all pairs."""
        dimensions = both.samples.vectors.shape[1]
        if self.approximate:
            watch(both, "kid", Product("cubic", divisor=dimensions, shift=1.0))

    def compute(self, *, level: float = LEVEL) -> SetScore:
        """The figure of all vectors so far."""
        checked_level(level)
        samples = self.samples.ordered(FEWEST, "kid")
        reference = self.reference.ordered(FEWEST, "kid")
        value, variance = self.by_scan(level) or self.exact()
        counts = len(samples), len(reference)
        half = half_width(variance, level)
        return score_of("kid", value, half, counts, "lower is closer", level=level)

    @property
    def kernel(self) -> Kernel:
        """The cubic kernel."""
        dimensions = self.reference.parts[0].shape[1]
        return Kernel("kid", partial(_cubic, scale=np.float32(1 / dimensions)))


def _cubic(tile: Vectors, scale: np.float32) -> None:
    tile *= scale
    tile += np.float32(1)
    tile *= tile * tile


def kid(samples: VectorsLike, reference: VectorsLike, *, level: float = LEVEL) -> SetScore:
    """Kernel Inception Distance between two sets of vectors, without bias; lower is closer.

    Raises FeatureError where vectors are no finite numbers of shape (n, d),
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where a side
    has fewer than 3 images.
    """
    state = KID()
    state.update(samples=samples, reference=reference)
    return state.compute(level=level)
