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
from typing import Any

import numpy as np

from rara.arguments import whole
from rara.geometry.threads import one_core
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
from rara.stats.transport import add_at, potential, transport

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

    def _bases(self) -> list[Vectors]:
        return [*bases(self.reference.parts[0].shape[1], self.directions, self.seed)]

    def _figure(self, samples: Vectors, reference: Vectors) -> tuple[float, float]:
        """The distance, and its variance by both sides and by the bases."""
        sides = samples, reference
        change = [np.zeros(min(len(side), _PROBED)) for side in sides]
        spread = self.reference.once(f"halves along {self.options}", dict[int, float])
        means, count = [], 0
        for basis in self.reference.once(f"bases {self.options}", self._bases):
            total = 0.0
            for first in range(0, len(basis), _TOGETHER):
                some = basis[first : first + _TOGETHER].T
                turned = [np.ascontiguousarray((side @ some).T) for side in sides]
                for lines in zip(*turned, strict=True):
                    if count not in spread:
                        spread[count] = _between_halves(lines[1])
                    total += _along(lines, change) - spread[count]
                    count += 1
            means.append(total / len(basis))
        variance = sum(
            linear(one / count, len(side)) for one, side in zip(change, sides, strict=True)
        )
        if len(means) > 1:
            variance += float(np.var(means, ddof=1)) / len(means)
        return float(np.mean(means)), variance


def _along(lines: tuple[Vectors, Vectors], change: list[Doubles]) -> float:
    """The distance along one direction less the samples' bias, and what each image changes.

    That is added to `change`.
    """
    first, second = map(np.sort, lines)
    for line, sums, (own, other) in zip(
        lines, change, ((first, second), (second, first)), strict=True
    ):
        changes = np.empty(len(own))
        potential(own, other, changes)
        add_at(line[: len(sums)], own, changes, sums)
    return transport(first, second) - _between_halves(lines[0])


def _between_halves(line: Vectors) -> float:
    """The bias that a side adds to the distance."""
    return transport(np.sort(line[::2]), np.sort(line[1::2])) / 4


def bases(dimensions: int, directions: int, seed: int) -> Iterator[Vectors]:
    """(d, d) random orthonormal bases, one direction a row, until there are enough directions."""
    rng = np.random.default_rng(seed)
    for _ in range(-(-directions // dimensions)):
        with one_core():
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
