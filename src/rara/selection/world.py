"""The candidates of a selection and how alike they are, made once for all that is asked of them.

vectors, wants --World--> the terms of the objective, the same of draws at random, and the best
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rara.geometry.quantization import Doubles, Floats
from rara.geometry.similarities import Bounds, added, similar_to
from rara.geometry.threads import Crew
from rara.selection.greedy import greedy
from rara.selection.quotas import one_group
from rara.selection.terms import Diverse, Representative, Term

DRAWS: Final = 20
_FEW_DRAWS: Final = 2
"""Draws of which each image is compared with all candidates."""
_PAIRS: Final = 50_000
"""Pairs of images that draws at random may take."""


class Best(NamedTuple):
    """A term where nothing else is wanted."""

    reached: float
    upper: float
    """No picks have more of it."""


@dataclass(frozen=True, slots=True)
class World:
    """Candidates, and what is wanted of picks among them."""

    vectors: Floats
    scale: float
    wants: Sequence[str]
    count: int
    crew: Crew
    bounds: Bounds | None
    """On similarities of all candidates; None where no picks are to stand for them."""

    @classmethod
    def of(
        cls,
        vectors: Floats,
        scale: float,
        wants: Sequence[str],
        count: int,
        memory: int,
        crew: Crew,
    ) -> Self:
        """`memory`: bytes that similarities may take."""
        bounds = Bounds(vectors, scale, memory, crew) if "representative" in wants else None
        return cls(vectors, scale, wants, count, crew, bounds)

    def terms(self, weights: Mapping[str, float] | None = None) -> dict[str, Term]:
        """The terms that hang on all picks, without any pick yet."""
        made: dict[str, Term] = {}
        if "diverse" in self.wants:
            made["diverse"] = Diverse(self.vectors, self.scale, self.count, self.crew)
        if self.bounds is not None:
            made["representative"] = Representative(
                self.vectors, self.scale, self.bounds, self.crew
            )
        for want, term in made.items():
            term.weight = 1.0 if weights is None else weights[want]
        return made

    def best(self) -> dict[str, Best]:
        """What each term reaches if nothing else is wanted."""
        size, reached = len(self.vectors), {}
        for want, term in self.terms().items():
            picked = greedy(np.zeros(size), [term], one_group(size, self.count), self.count)
            reached[want] = Best(term.value, min(1.0, picked.upper))
        return reached

    def drawn(self) -> dict[str, float]:
        """The same of draws at random by a fixed seed, on average."""
        draws = int(np.clip(_PAIRS // self.count**2, _FEW_DRAWS, DRAWS))
        rng = np.random.default_rng(0)
        found: dict[str, list[float]] = {}
        for draw in range(draws):
            rows = rng.permutation(len(self.vectors))[: self.count]
            if "diverse" in self.wants:
                found.setdefault("diverse", []).append(self._different(rows))
            if self.bounds is not None and draw < _FEW_DRAWS:
                value = float(self.covered(rows).sum())
                found.setdefault("representative", []).append(value)
        return {want: float(np.mean(values)) for want, values in found.items()}

    def _different(self, rows: NDArray[np.int64]) -> float:
        some = np.ascontiguousarray(self.vectors[rows])
        term = Diverse(some, self.scale, self.count, self.crew)
        for row in range(len(rows)):
            term.pick(row)
        return term.value

    def covered(self, rows: NDArray[np.int64]) -> Doubles:
        """By how much each pick raises the mean of the largest similarities."""
        best, found = np.zeros(len(self.vectors)), []
        for row in rows.tolist():
            similar = similar_to(self.vectors, row, self.scale, self.crew)
            found.append(added(similar, best) / len(self.vectors))
            np.maximum(best, similar, out=best)
        return np.array(found)
