"""Fréchet distance between the normal laws of two sets (FID), and its limit for many images.

    fid = |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1^1/2 S2 S1^1/2)^1/2

with means m and unbiased covariances S of samples and reference (Fréchet 1957; Dowson and Landau
1982). Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NeurIPS 2017, arXiv 1706.08500.

    fid_infinity: the same, with

    |m1 - m2|^2      less tr S1 / n + tr S2 / m, which is its bias;
    tr (...)^1/2     from the eigenvalues of S1 S2 as they would be at n = m = infinity (`spectra`);
    the rest         4 t - 3 mean of t_j, with t_j without one of four parts of both sides:
                     the jackknife of Quenouille 1956, which removes what falls as 1 / n.

Chong and Forsyth (CVPR 2020, arXiv 1911.07023) draw a line through FID at several n instead. FID is
on a line only where n is many times d.

Direction. Lower is closer; 0 for equal moments. Squared units of the feature space.

Options. `level`: that of the interval. The extractor makes the figure: quote its name with it.

Caveats. FID falls with n for the same generator: compare it at equal n only, or take
`fid_infinity`. Two laws with equal means and covariances have FID 0 and may still differ. The
interval of `fid` covers the FID that sets of these sizes have on average. That is above the FID of
the laws, which the interval of `fid_infinity` covers. Below 4 images for 3 dimensions the last
step is left out; with fewer images than dimensions the figure is still too high.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from rara.sets.base import (
    LEVEL,
    Doubles,
    Kind,
    SetScore,
    VectorsLike,
    refuse_fewer,
    refuse_other_options,
)
from rara.sets.bures import Gauss, Laws, influence, squared
from rara.sets.intervals import half_width, linear, score_of
from rara.sets.moments import SideMoments
from rara.sets.spectra import trace_of_infinite
from rara.stats.intervals import checked_level

DIRECTION = "lower is closer"
PARTS = 4
"""For `fid_infinity`, into how many parts a side is divided."""
FEWEST = 8
"""Images of either side that `fid_infinity` needs."""


class FID:
    """The state of `fid`: d x d moments of each side, and some of the vectors."""

    name = "fid"
    least = 2
    parts = 1
    laws: Laws | None = None
    """The normal laws of both sides, where other states share them."""

    def __init__(self) -> None:
        self.kind = Kind()
        self.samples = SideMoments("samples", self.parts)
        self.reference = SideMoments("reference images", self.parts)

    @property
    def options(self) -> tuple[Any, ...]:
        """What states must agree in to be merged."""
        return ()

    def update(
        self, *, samples: VectorsLike | None = None, reference: VectorsLike | None = None
    ) -> None:
        """Take in some vectors of either side; errors as in `fid`."""
        given = ((self.samples, samples), (self.reference, reference))
        for side, part in self.kind.admit(given):
            side.add(part)

    def merge(self, other: Self) -> None:
        """Take in what another state took in."""
        refuse_other_options(self, other)
        self.kind.agree(other.kind.spec, other.kind.dimensions)
        self.samples.merge(other.samples)
        self.reference.merge(other.reference)

    def compute(self, *, level: float = LEVEL) -> SetScore:
        """The figure of all vectors so far."""
        checked_level(level)
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
        laws = self.laws or laws_of(*sides)
        first, second = laws.sides
        value, overlap = laws.distance
        ways = ((first, second), (second, first))
        variance = 0.0
        for side, (own, other), root in zip(sides, ways, overlap.maps or (), strict=True):
            variance += linear(influence(side.kept(), own, other, root), side.count)
        return self._value(value, first, second, overlap.values), variance

    def _value(self, plain: float, first: Gauss, second: Gauss, values: Doubles) -> float:
        return plain


def laws_of(samples: SideMoments, reference: SideMoments) -> Laws:
    """The normal laws of both sides."""
    return Laws(*(Gauss.of(side.whole()) for side in (samples, reference)))


class FIDInfinity(FID):
    """The state of `fid_infinity`: d x d moments of four parts of each side."""

    name = "fid_infinity"
    least = FEWEST
    parts = PARTS

    def _value(self, plain: float, first: Gauss, second: Gauss, values: Doubles) -> float:
        whole = _limit(first, second, values)
        least = min(first.count, second.count)
        if np.count_nonzero(values) >= least * (PARTS - 1) / PARTS - 1:
            return whole
        value = PARTS * whole
        for part in range(PARTS):
            one, other = (Gauss.of(side.without(part)) for side in (self.samples, self.reference))
            share = (one.count / first.count + other.count / second.count) / 2
            value -= share * _limit(one, other, squared(one, other)[1].values)
        return value


def _limit(first: Gauss, second: Gauss, values: Doubles) -> float:
    """The distance at infinitely many images, but for what falls as 1 / n."""
    delta = first.mean - second.mean
    value = float(delta @ delta) - first.trace / first.count - second.trace / second.count
    trace = trace_of_infinite(values[values > 0], first.count - 1, second.count - 1)
    return value + first.trace + second.trace - 2 * trace


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
    `fid`; each side needs 8 images.
    """
    state = FIDInfinity()
    state.update(samples=samples, reference=reference)
    return state.compute(level=level)
