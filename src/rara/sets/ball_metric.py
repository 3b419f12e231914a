"""What precision, recall, density and coverage share: a state with k and a boundary.

samples, reference --ordered--> figure and its variance --> SetScore within its bounds
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, ClassVar, Unpack, get_args

from rara.arguments import short
from rara.errors import ParameterError
from rara.geometry import Boundary, CountsInParts, EngineOptions, Reducer, Transposed
from rara.sets.base import LEVEL, Doubles, SetScore, Vectors, VectorsLike
from rara.sets.both_sides import BothSides, OneSide, PairMetric
from rara.sets.halves import Figures, Parts, score_within, variance_between
from rara.sets.neighbourhoods import Held, Neighbourhoods, depth_of, held_by, k_of, stacked
from rara.stats.intervals import checked_level


class BallMetric(PairMetric):
    """A metric of k-NN balls of the reference; a subclass defines `value`."""

    name: ClassVar[str]
    direction: ClassVar[str]
    most: ClassVar[float] = 1.0
    """The largest value there is."""
    turn: ClassVar[int] = 1
    """1 where samples lie in balls of the reference, -1 where it is the other way round."""

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
        sides = OneSide(samples), OneSide(reference)
        points, centres = sides[:: self.turn]
        return self._in_turn(points, Neighbourhoods.of(centres, k, **engine), **engine)

    def _in_turn(
        self, points: OneSide, balls: Neighbourhoods, **engine: Unpack[EngineOptions]
    ) -> Figures:
        def figures(parts: Parts) -> Iterator[float]:
            turned = (part[:: self.turn] for part in parts)
            chosen = ((kept, self.radii2(balls.radii2(left))) for kept, left in turned)
            for held in balls.held(points.vectors, chosen, self.boundary, **engine):
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

    def ask_lists(self, both: BothSides) -> None:
        """The neighbours of the balls' centres."""
        _, centres = both.sides[:: self.turn]
        centres.want(depth_of(self._k(both), len(centres.vectors) - 1))

    def ask_pairs(self, both: BothSides, **engine: Unpack[EngineOptions]) -> None:
        """What the balls hold, if the counts of all halves fit into memory together."""
        points, centres = both.sides[:: self.turn]
        size = CountsInParts.bytes_a_part(len(points.vectors), len(centres.vectors))
        if not both.reserve(self._question(both), size * len(both.halves()), **engine):
            return
        balls = Neighbourhoods.of(centres, self._k(both), **engine)

        def counts() -> Reducer:
            parts = [part[:: self.turn] for part in both.halves()]
            chosen = [(kept, self.radii2(balls.radii2(left))) for kept, left in parts]
            found = CountsInParts(*stacked(chosen), self.boundary)
            return found if self.turn > 0 else Transposed(found)

        both.want(self._question(both), counts)

    def compute(self, *, level: float = LEVEL, **engine: Unpack[EngineOptions]) -> SetScore:
        """The figure of all vectors so far."""
        checked_level(level)
        both = self.both(self.name)
        self.ask_lists(both)
        self.ask_pairs(both, **engine)
        points, centres = both.sides[:: self.turn]
        balls = Neighbourhoods.of(centres, self._k(both), **engine)
        if both.wants(self._question(both)):
            counts = both.answer(self._question(both), **engine)
            held = held_by(counts if self.turn > 0 else counts.question)
            figures = iter([self.value(balls, one.radii2, one) for one in held])
        else:
            figures = self._in_turn(points, balls, **engine)(both.halves())
        value, *halves = figures
        variance = variance_between(halves)
        counts = len(both.samples.vectors), len(both.reference.vectors)
        return score_within(
            self.name, value, variance, counts, self.direction, level, most=self.most
        )

    def _k(self, both: BothSides) -> int:
        return self.checked_k(*(len(side.vectors) for side in both.sides))

    def _question(self, both: BothSides) -> Hashable:
        """Equal for metrics that count the same: which balls, of which sizes, hold which points."""
        return self.turn, self._k(both), self.boundary, type(self).radii2

    def checked_k(self, samples: int, reference: int) -> int:
        """The number of neighbours; the balls are those of the reference."""
        return k_of(self.k, reference, "reference images", self.name)
