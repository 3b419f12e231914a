"""Sliced Wasserstein distance, squared, with its bias removed.

    W(X, Y) = mean over directions u of the squared 2-Wasserstein distance of u'X and u'Y
    sliced_wasserstein = W(X, Y) - (W(X1, X2) + W(Y1, Y2)) / 4

X1 and X2 are the two halves of X, projected on the same directions. In one dimension the distance
is the mean squared difference of quantiles (Rabin et al. 2011, Wasserstein Barycenter and its
Application to Texture Mixing; Bonneel et al. 2015). Quantiles of n images vary with c / n.
That adds c_x / n + c_y / m to W(X, Y) and 4 c_x / n to W(X1, X2): hence the quarter.

Direction. Lower is closer. The mean is about 0 where the laws are equal, so that some values lie
below 0. Squared units of the feature space, for one direction.

Options. `directions`: at least so many, as whole orthonormal bases. So the part that is due
to the means is |m1 - m2|^2 / d exactly. `seed`: that of the bases. `level`: that of the interval,
which covers the figure of the laws. With two bases or more it is for all directions, with one basis
for these ones.

Caveats. With one basis in high dimensions other seeds give other figures: compare at one seed.
Correlations that no direction shows, such as those of pairs alone, weigh little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.arguments import whole
from rara.sets.base import (
    LEVEL,
    Doubles,
    KeptVectors,
    SetScore,
    Vectors,
    VectorsLike,
    seed_of,
)
from rara.sets.intervals import half_width, linear, score_of
from rara.stats.intervals import checked_level

DIRECTIONS = 256
FEWEST = 4
"""Images that either side needs: two in each half."""
_TOGETHER = 32
"""Directions on which vectors are projected at a time."""
_PROBED = 4096
"""Images of a side by which the variance is estimated, at most."""


class SlicedWasserstein(KeptVectors):
    """The state of `sliced_wasserstein`."""

    def __init__(self, *, directions: int = DIRECTIONS, seed: int = 0) -> None:
        super().__init__()
        self.directions = whole(directions, "directions")
        self.seed = seed_of(seed)

    @property
    def options(self) -> tuple[Any, ...]:
        """The directions."""
        return self.directions, self.seed

    def compute(self, *, level: float = LEVEL) -> SetScore:
        """The figure of all vectors so far."""
        checked_level(level)
        name = "sliced_wasserstein"
        samples = self.samples.ordered(FEWEST, name)
        reference = self.reference.ordered(FEWEST, name)
        value, variance = self._figure(samples, reference)
        counts = len(samples), len(reference)
        half = half_width(variance, level)
        return score_of(name, value, half, counts, "lower is closer", level=level)

    def _figure(self, samples: Vectors, reference: Vectors) -> tuple[float, float]:
        """The distance, and its variance by both sides and by the bases."""
        slices = Slices.of(len(samples), len(reference))
        halves = [Slices.of(*map(len, (side[::2], side[1::2]))) for side in (samples, reference)]
        change = [np.zeros(min(len(side), _PROBED)) for side in (samples, reference)]
        means = []
        for basis in bases(samples.shape[1], self.directions, self.seed):
            total = 0.0
            for first in range(0, len(basis), _TOGETHER):
                some = basis[first : first + _TOGETHER].T
                sides = [np.ascontiguousarray((side @ some).T) for side in (samples, reference)]
                for lines in zip(*sides, strict=True):
                    total += _along(lines, slices, halves, change)
            means.append(total / len(basis))
        count = len(means) * samples.shape[1]
        variance = sum(
            linear(one / count, len(side))
            for one, side in zip(change, (samples, reference), strict=True)
        )
        if len(means) > 1:
            variance += float(np.var(means, ddof=1)) / len(means)
        return float(np.mean(means)), variance


def _along(
    lines: tuple[Vectors, Vectors],
    slices: Slices,
    halves: list[Slices],
    change: list[Doubles],
) -> float:
    """The distance along one direction, and what each image changes, added to `change`."""
    first, second = (np.sort(line).astype(np.float64) for line in lines)
    value = slices.distance(first, second)
    for line, half in zip(lines, halves, strict=True):
        parts = (np.sort(part).astype(np.float64) for part in (line[::2], line[1::2]))
        value -= half.distance(*parts) / 4
    ways = ((first, second, slices.after[0]), (second, first, slices.after[1]))
    for line, (own, other, after), sums in zip(lines, ways, change, strict=True):
        sums += _potential(own, other, after)[np.searchsorted(own, line[: len(sums)])]
    return value


def _potential(own: Doubles, other: Doubles, after: tuple[NDArray[np.int64], ...]) -> Doubles:
    """(n,) first-order change of the distance with the weight of each atom, but for a constant.

    Its derivative is 2 (x - T(x)), where T carries one law to the other; between two atoms T is
    the other's quantile at the weight of all atoms so far.
    """
    between = (other[after[0]] + other[after[1]]) / 2
    steps = own[1:] ** 2 - own[:-1] ** 2 - 2 * between * np.diff(own)
    return np.concatenate([[0.0], np.cumsum(steps)])


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """How the quantiles of n sorted numbers face those of m: the same along every direction."""

    weights: Doubles
    """(s,) of the slices, between all levels i / n and j / m."""
    rows: tuple[NDArray[np.int64], NDArray[np.int64]]
    """The number on each side that a slice belongs to."""
    after: tuple[tuple[NDArray[np.int64], ...], tuple[NDArray[np.int64], ...]]
    """For each side: the two numbers opposite that meet at the level after each of its own."""

    @classmethod
    def of(cls, n: int, m: int) -> Slices:
        """In whole multiples of 1 / nm, so that equal levels are equal."""
        ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
        starts = np.append(0, ends[:-1])
        return cls(
            (ends - starts) / (n * m),
            (starts // m, starts // n),
            (_opposite(n, m), _opposite(m, n)),
        )

    def distance(self, first: Doubles, second: Doubles) -> float:
        """Squared 2-Wasserstein distance of sorted numbers."""
        if len(first) == len(second):
            gaps = first - second
            return float(gaps @ gaps) / len(gaps)
        gaps = first[self.rows[0]] - second[self.rows[1]]
        return float(np.einsum("i,i,i->", self.weights, gaps, gaps))


def _opposite(n: int, m: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    levels = np.arange(1, n) * m
    return (levels - 1) // n, levels // n


def bases(dimensions: int, directions: int, seed: int) -> Iterator[Vectors]:
    """(d, d) random orthonormal bases, one direction a row, until there are enough directions."""
    rng = np.random.default_rng(seed)
    for _ in range(-(-directions // dimensions)):
        columns, corner = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))
        yield (columns * np.sign(np.diag(corner))).T.astype(np.float32)


def sliced_wasserstein(
    samples: VectorsLike,
    reference: VectorsLike,
    *,
    directions: int = DIRECTIONS,
    seed: int = 0,
    level: float = LEVEL,
) -> SetScore:
    """Squared 2-Wasserstein distance, averaged over directions, without bias; lower is closer.

    Raises FeatureError where vectors are no finite numbers of shape (n, d),
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where a side
    has fewer than 4 images.
    """
    state = SlicedWasserstein(directions=directions, seed=seed)
    state.update(samples=samples, reference=reference)
    return state.compute(level=level)
