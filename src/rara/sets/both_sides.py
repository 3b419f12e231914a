"""Samples beside a reference: what metrics ask of their pairs, so that one scan answers them all.

    metrics --want--> questions --the first answer--> one scan of each set and one of both

A state makes one of these for itself, and asks its own questions. States in a `MetricCollection`
share one: each question is asked once, neighbours are listed to the largest depth that any metric
asks, and cut for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Self, Unpack, cast

import numpy as np

from rara.geometry import EngineOptions, Nearest, Observer, Reducer, Transposed, neighbours, query
from rara.machine import quarter_of_memory
from rara.sets.base import Anything, KeptVectors, Side, Vectors, VectorsLike
from rara.sets.halves import Flags, distinct, halves_of

KEY = "lists"


class OneSide:
    """The vectors of one side, and the nearest others of each, to the depth that was wanted."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self.distinct = distinct(vectors)
        self._computed: dict[str, object] = {}
        self._depth = 0
        self._lists = Nearest(len(vectors), 0)
        self._wanted: dict[Hashable, Callable[[], Observer]] = {}
        self._seen: dict[Hashable, Observer] = {}

    @classmethod
    def of(cls, side: Side, least: int, metric: str) -> OneSide:
        """Of a side with at least so many images; the same each time, until it takes in more."""
        vectors = side.ordered(least, metric)
        return side.once(KEY, lambda: cls(vectors))

    @property
    def count(self) -> int:
        """Distinct vectors."""
        return int(self.distinct[-1]) + 1

    @property
    def has_copies(self) -> bool:
        """Whether a vector occurs several times."""
        return self.count < len(self.vectors)

    def once(self, name: str, compute: Callable[[], Anything]) -> Anything:
        """What is computed of these vectors alone: once."""
        if name not in self._computed:
            self._computed[name] = compute()
        return cast("Anything", self._computed[name])

    def want(self, depth: int) -> None:
        """Say that so many neighbours will be asked for."""
        self._depth = max(self._depth, depth)

    def watch(self, key: Hashable, make: Callable[[], Observer]) -> None:
        """Say that the products of all pairs will be asked for."""
        self._wanted.setdefault(key, make)

    def lists(self, depth: int, **engine: Unpack[EngineOptions]) -> Nearest:
        """The nearest others of each vector."""
        self.want(depth)
        self.run(**engine)
        return cut(self._lists, depth)

    def seen(self, key: Hashable, **engine: Unpack[EngineOptions]) -> Any:
        """What watched the products of all pairs under this key."""
        self.run(**engine)
        return self._seen[key]

    def run(self, **engine: Unpack[EngineOptions]) -> None:
        """Answer all that was asked so far."""
        new = {key: make for key, make in self._wanted.items() if key not in self._seen}
        if self._depth <= self._lists.k and not new:
            return
        seen = {key: make() for key, make in new.items()}
        depth = max(self._depth, self._lists.k)
        self._lists, _ = neighbours(self.vectors, depth, observers=[*seen.values()], **engine)
        self._seen |= seen


class BothSides:
    """The pairs of a sample and a reference image."""

    def __init__(self, samples: OneSide, reference: OneSide) -> None:
        self.samples, self.reference = samples, reference
        self._depths = [0, 0]
        self._sizes: dict[Hashable, int] = {}
        self._wanted: dict[Hashable, Callable[[], Reducer]] = {}
        self._answers: dict[Hashable, Reducer] = {}
        self._watched: dict[Hashable, Callable[[], Observer]] = {}
        self._seen: dict[Hashable, Observer] = {}
        self._nearest = [Nearest(len(side.vectors), 0) for side in (samples, reference)]
        self._halves: list[tuple[Flags, ...]] | None = None

    @property
    def sides(self) -> tuple[OneSide, OneSide]:
        """Samples and reference."""
        return self.samples, self.reference

    # -- questions --

    def reserve(self, key: Hashable, size: int, **engine: Unpack[EngineOptions]) -> bool:
        """Whether an answer of so many bytes fits beside the others into half of the memory."""
        memory = engine.get("memory") or quarter_of_memory()
        if sum({**self._sizes, key: size}.values()) > memory / 2:
            return False
        self._sizes[key] = size
        return True

    def wants(self, key: Hashable) -> bool:
        """Whether a question is asked."""
        return key in self._wanted

    def want_nearest(self, depth: int, *, of_reference: bool = False) -> None:
        """Say that the nearest reference images of each sample will be asked, or the reverse."""
        self._depths[of_reference] = max(self._depths[of_reference], depth)

    def want(self, key: Hashable, make: Callable[[], Reducer]) -> None:
        """Say that a question will be asked; the same key is the same question."""
        self._wanted.setdefault(key, make)

    def watch(self, key: Hashable, make: Callable[[], Observer]) -> None:
        """Say that the products of all pairs will be asked for."""
        self._watched.setdefault(key, make)

    def watches(self, key: Hashable) -> bool:
        """Whether products are watched under this key."""
        return key in self._watched

    def forget(self) -> None:
        """Drop the questions: they refer to this object, and would keep it in memory."""
        self._wanted.clear()
        self._watched.clear()

    # -- answers --

    def run_within(self, **engine: Unpack[EngineOptions]) -> None:
        """Answer what was asked within the sides so far."""
        for side in self.sides:
            side.run(**engine)

    def run(self, **engine: Unpack[EngineOptions]) -> None:
        """Answer what was asked of both so far."""
        self._scan(**engine)

    def nearest(
        self, depth: int, *, of_reference: bool = False, **engine: Unpack[EngineOptions]
    ) -> Nearest:
        """The nearest reference images of each sample, or samples of each reference image."""
        self.want_nearest(depth, of_reference=of_reference)
        self._scan(**engine)
        return cut(self._nearest[of_reference], depth)

    def answer(self, key: Hashable, **engine: Unpack[EngineOptions]) -> Any:
        """The answer to a question that was asked."""
        self._scan(**engine)
        return self._answers[key]

    def seen(self, key: Hashable, **engine: Unpack[EngineOptions]) -> Any:
        """What watched the products of all pairs under this key."""
        self._scan(**engine)
        return self._seen[key]

    def halves(self) -> list[tuple[Flags, ...]]:
        """Which samples and which reference images are kept: all, and then halves in turn."""
        if self._halves is None:
            whole = tuple(np.full(len(s.vectors), True) for s in (self.samples, self.reference))
            numbers = self.samples.distinct, self.reference.distinct
            self._halves = [whole, *halves_of(*numbers)]
        return self._halves

    def _scan(self, **engine: Unpack[EngineOptions]) -> None:
        """Answer all that was asked and has no answer yet."""
        new = {key: make for key, make in self._wanted.items() if key not in self._answers}
        watched = {key: make for key, make in self._watched.items() if key not in self._seen}
        deeper = [
            Nearest(old.samples, depth) if depth > old.k else None
            for old, depth in zip(self._nearest, self._depths, strict=True)
        ]
        if not new and not watched and deeper == [None, None]:
            return
        answers = {key: make() for key, make in new.items()}
        seen = {key: make() for key, make in watched.items()}
        ours, theirs = deeper
        reducers: list[Reducer] = [*answers.values()]
        reducers += [] if ours is None else [ours]
        reducers += [] if theirs is None else [Transposed(theirs)]
        sides = self.samples.vectors, self.reference.vectors
        memory = engine.get("memory") or quarter_of_memory()
        engine["memory"] = max(1, memory - sum(self._sizes.values()))
        query(*sides, reducers or [Nearest(len(sides[0]), 0)], observers=[*seen.values()], **engine)
        self._answers |= answers
        self._seen |= seen
        self._nearest = [
            old if found is None else found
            for old, found in zip(self._nearest, deeper, strict=True)
        ]


def cut(lists: Nearest, depth: int) -> Nearest:
    """The first of each list."""
    if lists.k <= depth:
        return lists
    first = slice(0, depth)
    return Nearest.of(
        np.ascontiguousarray(lists.d2[:, first]), np.ascontiguousarray(lists.index[:, first])
    )


class PairMetric(KeptVectors):
    """The part of states that ask of pairs: alone, or together with other states."""

    shared: BothSides | None = None
    """What is asked together with other states; None where this one is alone."""
    least = 1
    """Images that a side needs at least."""

    def both(self, name: str) -> BothSides:
        """The pairs of both sides, to be asked."""
        if self.shared is not None:
            return self.shared
        return BothSides(
            OneSide.of(self.samples, self.least, name), OneSide.of(self.reference, self.least, name)
        )

    def beside(self, samples: VectorsLike) -> Self:
        """A state of other samples beside the same reference, for several generators in turn.

        What was computed of the reference alone is not computed again. Neither state's reference
        may be updated afterwards, since they share it.
        """
        other = super().beside(samples)
        other.shared = None
        return other

    def ask_lists(self, both: BothSides) -> None:
        """Say which neighbours within a side, and which products, will be asked for."""

    def ask_pairs(self, both: BothSides, **engine: Unpack[EngineOptions]) -> None:
        """Say what will be asked of pairs; the neighbours within the sides may be used."""
