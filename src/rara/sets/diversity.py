"""Diversity: how far the samples reach where the real images are, calibrated to reach 1.

    diversity = min(1, mean over reference images of min(p / t, 1), divided by 1 - t / 2),   t = 1/4

with the conformal p-value of each reference image beside the samples: could it be one more
sample? These are the p-values of `fidelity` with the roles exchanged. A p of t and above counts
in full. Below it, an image counts for less the farther the samples are, or the fewer. Repeated
samples are neighbours of one another, so that a generator of a few images is not diverse. rara's
own.

Direction. Higher is more diverse, 0 to 1. Samples of the law of the reference give 1 at every
number of images. Where the samples lack a share s of it, and cover the rest evenly, it is 1 - s.

Options. `k`: neighbours, 5. `level`: that of the interval.

Caveats. Samples that lie all about the real images, as noise around them does, reach every one of
them: read it beside `fidelity`. Copies of all reference images are diverse; `copy_p` of each
sample sees them. Coordinates: as in `fidelity`. The interval covers the expected value at these
numbers of images: `rara.sets.halves`.
"""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from rara.geometry import EngineOptions
from rara.sets.base import LEVEL, Doubles, SetScore, VectorsLike
from rara.sets.both_sides import BothSides, PairMetric
from rara.sets.conformity import Conformity, ask
from rara.sets.halves import Flags, score_within, variance_between
from rara.sets.neighbourhoods import k_of
from rara.stats.intervals import checked_level

FULL = 0.25
"""The p from which on an image counts in full."""


class Diversity(PairMetric):
    """The state of `diversity`."""

    def __init__(self, k: int = 5) -> None:
        super().__init__()
        self.k = k

    @property
    def options(self) -> tuple[Any, ...]:
        """What states must agree in to be merged."""
        return (self.k,)

    def ask_lists(self, both: BothSides) -> None:
        """The neighbours of the samples."""
        ask(both, self._k(both), base=0)

    def compute(self, *, level: float = LEVEL, **engine: Unpack[EngineOptions]) -> SetScore:
        """The figure of all vectors so far."""
        both = self.both("diversity")
        conformity = Conformity.between(both, self._k(both), base=0, copies=True, **engine)

        def mean(kept: Flags, left: Flags) -> float:
            return float(_credit(conformity.p(kept)[left]).mean())

        value, *halves = (mean(*part) for part in both.halves())
        counts = len(both.samples.vectors), len(both.reference.vectors)
        return score_within(
            "diversity",
            value,
            variance_between(halves),
            counts,
            "higher is more diverse",
            checked_level(level),
        )

    def _k(self, both: BothSides) -> int:
        return k_of(self.k, len(both.samples.vectors), "samples", "diversity")


def _credit(p: Doubles) -> Doubles:
    return np.minimum(p / FULL, 1) / (1 - FULL / 2)


def diversity(
    samples: VectorsLike,
    reference: VectorsLike,
    k: int = 5,
    *,
    level: float = LEVEL,
    **engine: Unpack[EngineOptions],
) -> SetScore:
    """How much of the reference the samples reach, 0 to 1, 1 for its own law; higher is better.

    Raises FeatureError where vectors are no finite numbers of shape (n, d),
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where there
    are no more than k samples.
    """
    state = Diversity(k)
    state.update(samples=samples, reference=reference)
    return state.compute(level=level, **engine)
