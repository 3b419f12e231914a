"""What precision, recall, density and coverage share: a state with k and a boundary.

samples, reference --ordered--> figure and its variance --> SetScore within its bounds
"""

from __future__ import annotations

from typing import Any, ClassVar, Unpack, get_args

import numpy as np

from rara.arguments import short
from rara.errors import ParameterError
from rara.geometry import Boundary, EngineOptions
from rara.sets.base import LEVEL, KeptVectors, SetScore, Vectors
from rara.sets.halves import Figure, score_within, variance_of
from rara.sets.neighbourhoods import k_of
from rara.stats.intervals import checked_level


class BallMetric(KeptVectors):
    """A metric of k-NN balls; a subclass defines `figure`."""

    name: ClassVar[str]
    direction: ClassVar[str]
    most: ClassVar[float] = 1.0
    """The largest value there is."""

    def __init__(self, k: int, boundary: Boundary) -> None:
        super().__init__()
        if boundary not in get_args(Boundary):
            raise ParameterError(
                f"boundary = {short(boundary)}: give 'open', 'closed' or 'official'."
            )
        self.k, self.boundary = k, boundary

    @property
    def options(self) -> tuple[Any, ...]:
        """What states must agree in to be merged."""
        return self.k, self.boundary

    def figure(
        self, samples: Vectors, reference: Vectors, k: int, **engine: Unpack[EngineOptions]
    ) -> Figure:
        """The value from which samples and which reference images are kept."""
        raise NotImplementedError

    def compute(self, *, level: float = LEVEL, **engine: Unpack[EngineOptions]) -> SetScore:
        """The figure of all vectors so far."""
        checked_level(level)
        samples = self.samples.ordered(1, self.name)
        reference = self.reference.ordered(1, self.name)
        k = self.checked_k(len(samples), len(reference))
        figure = self.figure(samples, reference, k, **engine)
        value = figure(np.full(len(samples), True), np.full(len(reference), True))
        variance = variance_of(figure, samples, reference)
        counts = len(samples), len(reference)
        return score_within(
            self.name, value, variance, counts, self.direction, level, most=self.most
        )

    def checked_k(self, samples: int, reference: int) -> int:
        """The number of neighbours; the balls are those of the reference."""
        return k_of(self.k, reference, "reference images", self.name)
