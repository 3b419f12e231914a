"""One check: data along a knob, in one case or several, and criteria for each kind of metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from rara.sets.base import Doubles
from rara.sets.checks.criteria import Criterion, Outcome
from rara.sets.checks.laws import Rng

Kind = Literal["fidelity", "diversity", "distance", "copying"]
"""What a metric measures. Fidelity, diversity: 1 is best, 0 worst. Distance: lower is closer.
Copying: higher is more original."""
Grid = Literal["short", "published"]


class Draw(NamedTuple):
    """One pair of sets at a place of the knob."""

    knob: float
    samples: Doubles
    reference: Doubles


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a check, as a number of dimensions."""

    label: str
    draws: Callable[[Rng, Grid], Iterator[Draw]]
    criteria: Mapping[Kind, Sequence[Criterion]]


@dataclass(frozen=True, slots=True)
class Check:
    """A question with a known answer."""

    name: str
    question: str
    cases: tuple[Case, ...]

    def kinds(self) -> set[Kind]:
        """For which kinds of metric there is an answer."""
        return {kind for case in self.cases for kind in case.criteria}


def agree(outcomes: Sequence[Outcome]) -> bool:
    """Whether all hold, and none is low where another one is high."""
    return all(outcomes) and not {"low", "high"} <= {one for one in outcomes if one is not True}


def thinned(knob: Sequence[float] | Doubles, grid: Grid, most: int = 11) -> Doubles:
    """The places of a knob, or in the short grid at most so many, ends and middle among them."""
    places = np.asarray(knob, dtype=np.float64)
    if grid == "published" or len(places) <= most:
        return places
    kept: Doubles = places[np.linspace(0, len(places) - 1, most).round().astype(int)]
    return kept
