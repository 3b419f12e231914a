"""Questions about all pairs (sample, reference image), as reducers over verified pairs.

A reducer states once which pairs it needs (`Need`). It is then fed the exact squared distances of
the pairs that can matter, in any order and in any portions. It merges with another one that saw
other pairs. Answers do not depend on the order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rara.storage.compiled import compiled

Doubles = NDArray[np.float64]
Integers = NDArray[np.int32]

Boundary = Literal["open", "closed", "official"]
"""When a ball holds a point: `open` d < r or d = 0, `closed` d <= r, `official` d < r."""


@dataclass(frozen=True, slots=True)
class Need:
    """Which pairs a reducer must be fed; more of them do no harm."""

    nearest: int = 0
    """The k smallest distances of each sample."""
    reach: Doubles | None = None
    """(reference,): all pairs with d2 <= reach."""
    enough: bool = False
    """Whether a pair with d2 < reach may come without its distance, by `certain`."""
    nearest_samples: int = 0
    """The k smallest distances of each reference image."""
    sample_reach: Doubles | None = None
    """(samples,): all pairs with d2 <= sample_reach."""
    sample_enough: bool = False
    """`enough` for `sample_reach`."""
    weight: Doubles | None = None
    """(reference,): each sample's pairs that may have the largest weight / d2; -1 for none."""
    assured: Doubles | None = None
    """(reference,): the part of a weight that counts for every sample; by default all of it."""


class Reducer(Protocol):
    """One question about all pairs."""

    def need(self) -> Need:
        """The pairs that can change the answer."""

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Take in verified pairs: sample, reference image, exact squared distance."""

    def merge(self, other: Any) -> None:
        """Take in another one of its kind, which saw other pairs."""


@runtime_checkable
class Counter(Reducer, Protocol):
    """A reducer that needs no distance where it is certain that a pair counts."""

    def certain(self, rows: Integers, columns: Integers) -> None:
        """Take in pairs whose squared distance is surely below the reach."""


@dataclass(slots=True)
class Nearest:
    """The k nearest reference images of each sample, ties in the order of the reference."""

    samples: int
    k: int
    d2: Doubles = field(init=False)
    index: Integers = field(init=False)

    def __post_init__(self) -> None:
        self.d2 = np.full((self.samples, self.k), np.inf)
        self.index = np.full((self.samples, self.k), np.iinfo(np.int32).max, np.int32)

    @classmethod
    def of(cls, d2: Doubles, index: Integers) -> Nearest:
        """A finished one, from its answer."""
        one = cls(*d2.shape)
        one.d2, one.index = d2, index
        return one

    def first(self, k: int) -> Nearest:
        """The answer for so many neighbours, or for all of these if they are fewer."""
        if k >= self.k:
            return self
        return Nearest.of(self.d2[:, :k].copy(), self.index[:, :k].copy())

    def part(self, samples: slice) -> Nearest:
        """The answer for consecutive samples."""
        return Nearest.of(self.d2[samples], self.index[samples])

    def need(self) -> Need:
        """The k smallest distances."""
        return Need(nearest=self.k)

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Insert pairs."""
        _insert(self.d2, self.index, rows, columns, d2)

    def merge(self, other: Nearest) -> None:
        """Take in another one, which saw other pairs."""
        rows = np.repeat(np.arange(self.samples, dtype=np.int32), self.k)
        filled = np.isfinite(other.d2.ravel())
        self.update(rows[filled], other.index.ravel()[filled], other.d2.ravel()[filled])


@dataclass(slots=True)
class Balls:
    """The smallest ball that holds each sample, the image that owns it, and how many balls do.

    `radii2` decides which samples a ball holds, `sizes2` (by default the same) which ball is the
    smallest. `radius2` is NaN and `witness` -1 where no ball holds the sample. Among balls of
    equal size the first reference image is the witness.
    """

    samples: int
    radii2: Doubles
    boundary: Boundary = "open"
    sizes2: Doubles | None = None
    radius2: Doubles = field(init=False)
    witness: Integers = field(init=False)
    count: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.radius2 = np.full(self.samples, np.nan)
        self.witness = np.full(self.samples, -1, np.int32)
        self.count = np.zeros(self.samples, np.int64)

    def need(self) -> Need:
        """All pairs within a radius; how far within does not matter."""
        return Need(reach=self.radii2, enough=True)

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Count the balls that hold their sample and keep the smallest."""
        held = holds(d2, self.radii2[columns], self.boundary)
        self.certain(rows[held], columns[held])

    def certain(self, rows: Integers, columns: Integers) -> None:
        """Count balls that hold their sample."""
        self._take(rows, columns, np.ones(len(rows), np.int64))

    def merge(self, other: Balls) -> None:
        """Take in another one, which saw other pairs."""
        held = np.flatnonzero(other.count).astype(np.int32)
        self._take(held, other.witness[held], other.count[held])

    def _take(self, rows: Integers, columns: Integers, counts: NDArray[np.int64]) -> None:
        sizes2 = (self.radii2 if self.sizes2 is None else self.sizes2)[columns]
        _keep_smallest(self.radius2, self.witness, self.count, rows, columns, sizes2, counts)


@dataclass(slots=True)
class Ratio:
    """The largest weight / d2 of each sample; infinite at distance 0; NaN weights are left out."""

    samples: int
    weight: Doubles
    largest: Doubles = field(init=False)

    def __post_init__(self) -> None:
        self.largest = np.zeros(self.samples)

    def need(self) -> Need:
        """Pairs that may have the largest ratio, and those at distance 0."""
        reach = np.where(np.isnan(self.weight), -np.inf, 0.0)
        return Need(reach=reach, weight=np.where(self.weight > 0, self.weight, -1.0))

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Keep the largest."""
        weight = self.weight[columns]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(d2 == 0, np.inf, weight / d2)
        counted = ~np.isnan(weight)
        np.maximum.at(self.largest, rows[counted], ratio[counted])

    def merge(self, other: Ratio) -> None:
        """Take in another one, which saw other pairs."""
        np.maximum(self.largest, other.largest, out=self.largest)


@dataclass(slots=True)
class SamplesPerBall:
    """How many samples each ball holds: the ball's own side of `Balls`.

    The share of balls that hold any is coverage (Naeem et al. 2020, arXiv 2002.09797).
    """

    radii2: Doubles
    boundary: Boundary = "open"
    count: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.count = np.zeros(len(self.radii2), np.int64)

    def need(self) -> Need:
        """All pairs within a radius; how far within does not matter."""
        return Need(reach=self.radii2, enough=True)

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Count."""
        held = holds(d2, self.radii2[columns], self.boundary)
        self.certain(rows[held], columns[held])

    def certain(self, rows: Integers, columns: Integers) -> None:
        """Count."""
        self.count += np.bincount(columns, minlength=len(self.count))

    def merge(self, other: SamplesPerBall) -> None:
        """Take in another one, which saw other pairs."""
        self.count += other.count


@dataclass(slots=True)
class Transposed:
    """A question with the roles of samples and reference images exchanged.

    `Transposed(Balls(len(reference), radii2))`, with radii of balls around the samples, finds
    the balls that hold each reference image: the share held is recall (Kynkäänniemi et al.
    2019, arXiv 1904.06991). It needs no further scan.
    """

    question: Reducer

    def need(self) -> Need:
        """What the question needs, on the other side."""
        need = self.question.need()
        if need.weight is not None:
            raise ValueError("A ratio cannot be asked with the roles exchanged.")
        return Need(
            nearest_samples=need.nearest, sample_reach=need.reach, sample_enough=need.enough
        )

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Take in pairs, exchanged."""
        self.question.update(columns, rows, d2)

    def certain(self, rows: Integers, columns: Integers) -> None:
        """Take in pairs without a distance, exchanged."""
        assert isinstance(self.question, Counter)
        self.question.certain(columns, rows)

    def merge(self, other: Transposed) -> None:
        """Take in another one, which saw other pairs."""
        self.question.merge(other.question)


def holds(d2: Doubles, radii2: Doubles, boundary: Boundary) -> NDArray[np.bool_]:
    """Whether balls hold points at these squared distances from their centres."""
    if boundary == "official":
        return d2 < radii2
    return d2 <= radii2 if boundary == "closed" else (d2 < radii2) | (d2 == 0)


@compiled
def _insert(best: Doubles, index: Integers, rows: Integers, columns: Integers, d2: Doubles) -> None:
    last = best.shape[1] - 1
    if last < 0:
        return
    for p in range(rows.size):
        i, j, value = rows[p], columns[p], d2[p]
        if value > best[i, last] or (value == best[i, last] and j > index[i, last]):
            continue
        place = last
        while place > 0 and (
            best[i, place - 1] > value or (best[i, place - 1] == value and index[i, place - 1] > j)
        ):
            best[i, place], index[i, place] = best[i, place - 1], index[i, place - 1]
            place -= 1
        best[i, place], index[i, place] = value, j


@compiled
def _keep_smallest(
    radius2: Doubles,
    witness: Integers,
    count: NDArray[np.int64],
    rows: Integers,
    columns: Integers,
    sizes2: Doubles,
    counts: NDArray[np.int64],
) -> None:
    for p in range(rows.size):
        i, j, value = rows[p], columns[p], sizes2[p]
        first = count[i] == 0
        count[i] += counts[p]
        if first or value < radius2[i] or (value == radius2[i] and j < witness[i]):
            radius2[i], witness[i] = value, j
