"""Fidelity: the share of samples that could be real images, calibrated so that real ones reach 1.

    fidelity = min(1, share of samples with p > alpha, divided by 1 - alpha)

with the conformal p-value of each sample beside the reference. p is low where a sample is too far
from its k-th nearest reference image, or in a hole among them. So it is where a coordinate is out
of range or off its grid: see `rara.sets.conformity`. rara's own; conformal p-values after Vovk,
Gammerman and Shafer, Algorithmic Learning in a Random World, 2005.

Direction. Higher is more faithful, 0 to 1. Fresh real images give 1 at every number of images.
Where a share s of the samples lies off the reference and the rest are real, it is 1 - s.

Options. `k`: neighbours, 5. `alpha`: the share of real images that is given up, .05. `level`:
that of the interval.

Caveats. It looks at single samples: a generator that makes one good image again and again is
faithful. Ranges and grids are those of the given coordinates. After a rotation of the vectors,
one coordinate out of a thousand that is wrong is not seen. No p is below 1 / (n + 1), so that
alpha asks for 1 / alpha reference images. The interval covers the expected value at these numbers
of images: `rara.sets.halves`.
"""

from __future__ import annotations

from typing import Any, Unpack

from rara.arguments import number
from rara.errors import ParameterError
from rara.geometry import EngineOptions
from rara.sets.base import LEVEL, SetScore, VectorsLike
from rara.sets.both_sides import BothSides, PairMetric
from rara.sets.conformity import Conformity, ask
from rara.sets.halves import Flags, score_within, variance_between
from rara.sets.neighbourhoods import k_of
from rara.stats.intervals import checked_level


class Fidelity(PairMetric):
    """The state of `fidelity`."""

    def __init__(self, k: int = 5, *, alpha: float = 0.05) -> None:
        super().__init__()
        self.k, self.alpha = k, number(alpha, "alpha")
        if not 0 < self.alpha < 1:
            raise ParameterError(f"alpha = {alpha:g}: give a number between 0 and 1, such as 0.05.")

    @property
    def options(self) -> tuple[Any, ...]:
        """What states must agree in to be merged."""
        return self.k, self.alpha

    def ask_lists(self, both: BothSides) -> None:
        """The neighbours of the reference."""
        ask(both, self._k(both), base=1)

    def compute(self, *, level: float = LEVEL, **engine: Unpack[EngineOptions]) -> SetScore:
        """The figure of all vectors so far."""
        both = self.both("fidelity")
        conformity = Conformity.between(both, self._k(both), base=1, copies=False, **engine)

        def share(kept: Flags, left: Flags) -> float:
            return float((conformity.p(left)[kept] > self.alpha).mean()) / (1 - self.alpha)

        value, *halves = (share(*part) for part in both.halves())
        counts = len(both.samples.vectors), len(both.reference.vectors)
        return score_within(
            "fidelity",
            value,
            variance_between(halves),
            counts,
            "higher is more faithful",
            checked_level(level),
        )

    def _k(self, both: BothSides) -> int:
        count = len(both.reference.vectors)
        k = k_of(self.k, count, "reference images", "fidelity")
        smallest = 1 / (count + 1)
        if self.alpha < smallest:
            raise ParameterError(
                f"{count:,} reference images: no p is below {smallest:.2g}. "
                f"Give more, or an alpha of at least that; it is {self.alpha:g}."
            )
        return k


def fidelity(
    samples: VectorsLike,
    reference: VectorsLike,
    k: int = 5,
    *,
    alpha: float = 0.05,
    level: float = LEVEL,
    **engine: Unpack[EngineOptions],
) -> SetScore:
    """Share of samples that could be real images, 0 to 1, 1 for real ones; higher is better.

    Raises FeatureError where vectors are no finite numbers of shape (n, d),
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where the
    reference has too few images for k or alpha.
    """
    state = Fidelity(k, alpha=alpha)
    state.update(samples=samples, reference=reference)
    return state.compute(level=level, **engine)
