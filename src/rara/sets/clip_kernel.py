"""CLIP Maximum Mean Discrepancy (CMMD): that of a Gaussian kernel of unit vectors, times 1,000.

    k(x, y) = exp(-|x - y|^2 / (2 sigma^2)),    |x| = |y| = 1
    cmmd = 1000 (mean of k(x, x') + mean of k(y, y') - 2 mean of k(x, y)),    x != x', y != y'

Jayasumana et al., Rethinking FID: Towards a Better Evaluation Metric for Image Generation, CVPR
2024, arXiv 2401.09603.

Direction. Lower is closer. The mean is 0 where the laws are equal, so that some values lie below
0: they say no more than 0 does.

Options. `sigma`: the kernel's width, 10 in the paper. `level`: that of the interval, which covers
the CMMD of the laws.

Caveats. The paper's figures are of `clip-vitl14` at 336 pixels. Its code counts the pairs of an
image with itself. That adds 1000 (1 - mean k) (1/n + 1/m): about 0.006 for 1,000 images a side
with a mean squared distance of 0.6. Vectors are divided by their lengths here.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from rara.arguments import number
from rara.errors import ParameterError
from rara.geometry import Product
from rara.geometry.kernel_sums import WIDEST
from rara.sets.base import LEVEL, SetScore, Vectors, VectorsLike, refuse_no_length
from rara.sets.both_sides import BothSides
from rara.sets.intervals import half_width, score_of
from rara.sets.mmd import FEWEST, Discrepancy, Kernel, watch
from rara.stats.intervals import checked_level

SIGMA = 10.0
SCALE = 1000


class CMMD(Discrepancy):
    """The state of `cmmd`."""

    def __init__(self, *, sigma: float = SIGMA) -> None:
        super().__init__()
        self.sigma = number(sigma, "sigma")
        if not 0 < self.sigma < np.inf:
            raise ParameterError(f"sigma = {self.sigma:g}: give a finite number above 0.")

    @property
    def options(self) -> tuple[float]:
        """The kernel's width."""
        return (self.sigma,)

    def ask_lists(self, both: BothSides) -> None:
        """Products of all pairs, where the kernel is wide enough for a short series."""
        for side in both.sides:
            refuse_no_length(side.vectors, "cmmd")
        if self.approximate and 2 / self.sigma**2 <= WIDEST:
            watch(both, self.kernel.name, Product("gaussian", unit=True, width2=self.sigma**2))

    @property
    def kernel(self) -> Kernel:
        """The Gaussian kernel of unit vectors."""
        turn = partial(_gaussian, scale=np.float32(1 / self.sigma**2))
        return Kernel(f"cmmd {self.sigma!r}", turn, unit=True)

    def compute(self, *, level: float = LEVEL) -> SetScore:
        """The figure of all vectors so far."""
        checked_level(level)
        samples = self.samples.ordered(FEWEST, "cmmd")
        reference = self.reference.ordered(FEWEST, "cmmd")
        for side in (samples, reference):
            refuse_no_length(side, "cmmd")
        value, variance = self.by_scan(level) or self.exact()
        counts = len(samples), len(reference)
        half = SCALE * half_width(variance, level)
        return score_of("cmmd", SCALE * value, half, counts, "lower is closer", level=level)


def _gaussian(tile: Vectors, scale: np.float32) -> None:
    """k - 1, which keeps digits where all distances are small beside sigma."""
    tile -= np.float32(1)  # -|x - y|^2 / 2
    tile *= scale
    np.expm1(tile, out=tile)


def cmmd(
    samples: VectorsLike,
    reference: VectorsLike,
    *,
    sigma: float = SIGMA,
    level: float = LEVEL,
) -> SetScore:
    """Maximum mean discrepancy of a Gaussian kernel, without bias, times 1,000; lower is closer.

    Raises FeatureError where vectors are no finite numbers of shape (n, d) or have length 0,
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where a side
    has fewer than 3 images or `sigma` is no finite number above 0.
    """
    state = CMMD(sigma=sigma)
    state.update(samples=samples, reference=reference)
    return state.compute(level=level)
