"""What precision, recall, density and coverage share: a state with k and a boundary.

samples, reference --ordered--> figure and its variance --> SetScore within its bounds
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, ClassVar, Unpack, get_args

import numpy as np

from rara.arguments import short
from rara.errors import ParameterError
from rara.geometry import Boundary, EngineOptions
from rara.sets.base import LEVEL, Doubles, KeptVectors, SetScore, Vectors, VectorsLike
from rara.sets.halves import Figures, Parts, halved, score_within, variance_between
from rara.sets.neighbourhoods import Held, Neighbourhoods, k_of
from rara.stats.intervals import checked_level


class BallMetric(KeptVectors):
    """A metric of k-NN balls of the reference; a subclass defines `value`."""

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
    ) -> Figures:
        """The values from which samples and which reference images are kept."""
        balls = Neighbourhoods.of(reference, k, **engine)

        def figures(parts: Parts) -> Iterator[float]:
            chosen = ((kept, self.radii2(balls.radii2(left))) for kept, left in parts)
            for held in balls.held(samples, chosen, self.boundary, **engine):
                yield self.value(balls, held.radii2, held)

        return figures

    def radii2(self, radii2: Doubles) -> Doubles:
        """Squared radii of the balls that count, from those up to the k-th nearest other image."""
        return radii2

    def value(self, balls: Neighbourhoods, radii2: Doubles, held: Held) -> float:
        """The figure, from which balls hold which samples; radii of images left out are NaN."""
        raise NotImplementedError

    def score(
        self,
        samples: VectorsLike,
        reference: VectorsLike,
        *,
        level: float,
        **engine: Unpack[EngineOptions],
    ) -> SetScore:
        """The figure of these vectors alone, in one call."""
        self.update(samples=samples, reference=reference)
        return self.compute(level=level, **engine)

    def compute(self, *, level: float = LEVEL, **engine: Unpack[EngineOptions]) -> SetScore:
        """The figure of all vectors so far."""
        checked_level(level)
        samples = self.samples.ordered(1, self.name)
        reference = self.reference.ordered(1, self.name)
        k = self.checked_k(len(samples), len(reference))
        figures = self.figure(samples, reference, k, **engine)
        whole = np.full(len(samples), True), np.full(len(reference), True)
        value, *halves = figures(chain([whole], halved(samples, reference)))
        variance = variance_between(halves)
        counts = len(samples), len(reference)
        return score_within(
            self.name, value, variance, counts, self.direction, level, most=self.most
        )

    def checked_k(self, samples: int, reference: int) -> int:
        """The number of neighbours; the balls are those of the reference."""
        return k_of(self.k, reference, "reference images", self.name)
