"""Fréchet distance between the normal laws of two sets (FID), and its limit for many images.

    fid = |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1^1/2 S2 S1^1/2)^1/2

with means m and unbiased covariances S of samples and reference (Fréchet 1957; Dowson and Landau
1982). Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NeurIPS 2017, arXiv 1706.08500.

    fid_infinity = 2 fid(n, m) - fid(n/2, m/2)

with fid(n/2, m/2) the mean over two disjoint halves of both sides: the line through both in 1/n,
read at 1/n = 0. Chong and Forsyth, Effectively Unbiased FID, CVPR 2020, arXiv 1911.07023.

Direction. Lower is closer; 0 for equal moments. Squared units of the feature space.

Options. `level`: that of the interval. The extractor makes the figure: quote its name with it.

Caveats. FID falls with n for the same generator: compare it at equal n only, or take
`fid_infinity`. Two laws with equal means and covariances have FID 0 and may still differ. The
interval of `fid` covers the FID that sets of these sizes have on average, which is above that of
the laws; the interval of `fid_infinity` covers the latter. The line in 1/n holds once n is several
times the number of directions in which the vectors vary.
"""

from __future__ import annotations

from typing import Any, Self

from rara.sets.base import (
    LEVEL,
    Kind,
    SetScore,
    VectorsLike,
    level_of,
    refuse_fewer,
    refuse_other_options,
)
from rara.sets.bures import Gauss, influence, squared
from rara.sets.intervals import half_width, linear, score_of
from rara.sets.moments import SideMoments

DIRECTION = "lower is closer"
FEWEST = 4
"""Images of either side that `fid_infinity` needs: two in each half."""


class FID:
    """The state of `fid`: at most a few d x d moments a side, and some of the vectors."""

    name = "fid"
    least = 2

    def __init__(self) -> None:
        self.kind = Kind()
        self.samples = SideMoments("samples")
        self.reference = SideMoments("reference images")

    @property
    def options(self) -> tuple[Any, ...]:
        """What states must agree in to be merged."""
        return ()

    def update(
        self, *, samples: VectorsLike | None = None, reference: VectorsLike | None = None
    ) -> None:
        """Take in some vectors of either side; errors as in `fid`."""
        given = ((self.samples, samples), (self.reference, reference))
        parts = [(side, self.kind.admit(one)) for side, one in given if one is not None]
        for side, part in parts:
            side.add(part)

    def merge(self, other: Self) -> None:
        """Take in what another state took in."""
        refuse_other_options(self, other)
        self.kind.agree(other.kind.spec, other.kind.dimensions)
        self.samples.merge(other.samples)
        self.reference.merge(other.reference)

    def compute(self, *, level: float = LEVEL) -> SetScore:
        """The figure of all vectors so far."""
        level_of(level)
        sides = self.samples, self.reference
        for side in sides:
            refuse_fewer(side.count, self.least, side.what, self.name)
        value, variance = self._figure()
        half = half_width(variance, level)
        counts = self.samples.count, self.reference.count
        return score_of(self.name, value, half, counts, DIRECTION, level=level, least=0.0)

    def _figure(self) -> tuple[float, float]:
        """The distance, and its first-order variance."""
        sides = self.samples, self.reference
        first, second = (Gauss.of(side.whole()) for side in sides)
        value, overlap = squared(first, second, gradients=True)
        ways = ((first, second), (second, first))
        variance = 0.0
        for side, (own, other), root in zip(sides, ways, overlap.maps or (), strict=True):
            variance += linear(influence(side.kept(), own, other, root), side.count)
        return value, variance


class FIDInfinity(FID):
    """The state of `fid_infinity`: the same moments."""

    name = "fid_infinity"
    least = FEWEST

    def _figure(self) -> tuple[float, float]:
        value, variance = super()._figure()
        halves = zip(self.samples.halves(), self.reference.halves(), strict=True)
        smaller = [_weighted(one, other, self) for one, other in halves]
        return 2 * value - sum(smaller), variance


def _weighted(one: Any, other: Any, state: FID) -> float:
    """The distance of two halves, by their share of the images."""
    first, second = Gauss.of(one), Gauss.of(other)
    shares = first.count / state.samples.count, second.count / state.reference.count
    return squared(first, second)[0] * sum(shares) / 2


def fid(samples: VectorsLike, reference: VectorsLike, *, level: float = LEVEL) -> SetScore:
    """Fréchet distance between two sets of vectors (FID), from 0 up; lower is closer.

    Its interval covers the mean FID of sets of these sizes. Raises FeatureError where vectors are
    no finite numbers of shape (n, d), ReferenceMismatchError where extractors or dimensions
    differ, and ParameterError where a side has fewer than 2 images.

    >>> fid([[0.0], [2.0]], [[1.0], [3.0]]).value
    1.0
    """
    state = FID()
    state.update(samples=samples, reference=reference)
    return state.compute(level=level)


def fid_infinity(samples: VectorsLike, reference: VectorsLike, *, level: float = LEVEL) -> SetScore:
    """FID as it would be with infinitely many images of both sides; lower is closer.

    Its interval covers the FID of the laws that images are drawn from. From 0 up. Errors as of
    `fid`; each side needs 4 images.
    """
    state = FIDInfinity()
    state.update(samples=samples, reference=reference)
    return state.compute(level=level)
