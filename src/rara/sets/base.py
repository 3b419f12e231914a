"""What every set metric shares: its result, the check of its vectors, and its state.

    update(samples=…) update(reference=…) --> a state --merge--> one state --compute--> SetScore

A metric is a state class. The public function of the same name makes one, updates it once and
computes. A state that keeps vectors extends `KeptVectors` and defines `compute`.

Samples are the first side everywhere and the reference the second. Vectors are put in an order
that depends on their content alone, so that the order of rows and the way they were divided into
updates and shards play no role.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rara.arguments import whole
from rara.errors import FeatureError, ParameterError, ReferenceMismatchError
from rara.extractors.base import Spec
from rara.features.compatibility import check_same
from rara.features.features import Features, finite_rows
from rara.stats.intervals import LEVEL as LEVEL

Vectors = NDArray[np.float32]
Doubles = NDArray[np.float64]
Keys = NDArray[np.uint64]
VectorsLike: TypeAlias = "ArrayLike | Features"
"""(n, d) finite numbers, or features."""
Anything = TypeVar("Anything")
Taker = TypeVar("Taker")

_TILE = 2**20
"""Numbers whose keys are made at a time."""


@dataclass(frozen=True, slots=True, repr=False)
class SetScore:
    """One figure of a whole set, with its interval; `float(score)` is the value.

    >>> SetScore("fid", 12.34, 11.8, 12.9, 1000, 5000, "lower is closer")
    fid 12.34 (95 %: 11.8 to 12.9; 1,000 samples, 5,000 reference images; lower is closer)
    """

    name: str
    value: float
    low: float
    """Lower end of the interval; NaN where the metric has none."""
    high: float
    """Upper end of the interval; NaN where the metric has none."""
    samples: int
    """Sample images used."""
    reference: int | None
    """Reference images used; None where the metric takes none."""
    direction: str
    """What a value says, as "lower is closer"."""
    level: float = LEVEL
    """Probability with which the interval covers the true figure, if nothing else is said."""

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        interval = f"{100 * self.level:g} %: {self.low:.4g} to {self.high:.4g}"
        counts = f"{self.samples:,} samples"
        if self.reference is not None:
            counts += f", {self.reference:,} reference images"
        return f"{self.name} {self.value:.4g} ({interval}; {counts}; {self.direction})"


class SetMetric(Protocol):
    """The state of a metric: it takes vectors bit by bit, and others of its kind."""

    def update(
        self, *, samples: VectorsLike | None = None, reference: VectorsLike | None = None
    ) -> None:
        """Take in some vectors of either side."""

    def merge(self, other: Self) -> None:
        """Take in what another state of the same options took in."""

    def compute(self, *, level: float = LEVEL) -> SetScore:
        """The figure of all vectors so far; the state can be updated again afterwards."""


# -- vectors from outside --------------------------------------------------------------


def rows_of(vectors: VectorsLike) -> Vectors:
    """(n, d) float32 of finite numbers; raises FeatureError where they are none."""
    return vectors.vectors if isinstance(vectors, Features) else finite_rows(vectors)


def unit_rows(vectors: Vectors, metric: str) -> Doubles:
    """(n, d) each vector over its length; FeatureError where one has length 0."""
    rows = vectors.astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    refuse_no_length(rows, metric)
    rows /= lengths[:, None]
    return rows


def refuse_no_length(vectors: Vectors | Doubles, metric: str) -> None:
    """Raise FeatureError where a vector is 0 and so has no direction."""
    if not vectors.any(axis=1).all():
        raise FeatureError(f"Vectors of length 0 have no direction: remove them for {metric}.")


def refuse_fewer(count: int, least: int, what: str, metric: str) -> None:
    """Raise ParameterError where a side has fewer images than a metric needs."""
    if count < least:
        raise ParameterError(f"{count:,} {what}: {metric} needs at least {least:,}.")


def seed_of(seed: int) -> int:
    """A seed; raises ParameterError unless it is a whole number of at least 0."""
    return whole(seed, "seed", least=0)


# -- an order that depends on the content alone ----------------------------------------


def keys_of(vectors: Vectors, seed: int = 0) -> Keys:
    """(n,) pseudo-random numbers that depend on nothing but each vector and the seed.

    Equal vectors have equal keys. Different ones share a key with a probability of about 2^-62:
    a random linear function of the 32-bit words modulo 2^64, whose bits are then mixed.
    """
    salt = int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:8], "little")
    odd = np.random.default_rng(salt).integers(0, 2**63, vectors.shape[1], np.uint64)
    odd = 2 * odd + np.uint64(1)
    keys = np.empty(len(vectors), np.uint64)
    rows = max(1, _TILE // vectors.shape[1])
    for start in range(0, len(vectors), rows):
        part = slice(start, start + rows)
        words = np.ascontiguousarray(vectors[part] + np.float32(0)).view(np.uint32)  # no -0
        keys[part] = (words * odd).sum(axis=1, dtype=np.uint64)
    return _mixed(keys)


def _mixed(keys: Keys) -> Keys:
    """Every bit depends on every bit (the finaliser of splitmix64, Steele et al. 2014)."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def in_order(vectors: Vectors, seed: int = 0) -> Vectors:
    """The rows in the order of their keys: pseudo-random, and the same whatever it was before."""
    return vectors[np.argsort(keys_of(vectors, seed), kind="stable")]


# -- a state that keeps vectors --------------------------------------------------------


@dataclass(slots=True)
class Kind:
    """What the vectors of a state must share: the extractor, where it is given, and dimensions."""

    spec: Spec | None = None
    dimensions: int | None = None

    def admit(
        self, given: Iterable[tuple[Taker, VectorsLike | None]]
    ) -> list[tuple[Taker, Vectors]]:
        """Vectors of sides, checked: either all of them may be taken in, or none.

        Raises FeatureError where they are no finite numbers of shape (n, d), and
        ReferenceMismatchError where their extractor or d is not that of all before.
        """
        tried, admitted = replace(self), []
        for side, vectors in given:
            if vectors is not None:
                rows = rows_of(vectors)
                tried.agree(vectors.spec if isinstance(vectors, Features) else None, rows.shape[1])
                admitted.append((side, rows))
        self.agree(tried.spec, tried.dimensions)
        return admitted

    def agree(self, spec: Spec | None, dimensions: int | None) -> None:
        """Raise ReferenceMismatchError unless vectors like these may join those before."""
        if self.spec is not None and spec is not None:
            check_same(self.spec, spec)
        if None not in (self.dimensions, dimensions) and self.dimensions != dimensions:
            raise ReferenceMismatchError(
                f"Vectors of {self.dimensions:,} and of {dimensions:,} dimensions: "
                "make all with one extractor."
            )
        self.spec = self.spec or spec
        self.dimensions = self.dimensions or dimensions


class Side:
    """The vectors of one side, and what was computed of them alone."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.parts: list[Vectors] = []
        self._computed: dict[str, object] = {}

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def take(self, parts: Iterable[Vectors]) -> None:
        """Take in some vectors."""
        self.parts += parts
        self._computed.clear()

    def ordered(self, least: int, metric: str) -> Vectors:
        """All vectors in the order of their content; a ParameterError where they are too few."""
        refuse_fewer(len(self), least, self.what, metric)
        if len(self.parts) > 1:
            self.parts = [np.concatenate(self.parts)]
        self.parts = [self.once("ordered", lambda: in_order(self.parts[0]))]
        return self.parts[0]

    def once(self, name: str, compute: Callable[[], Anything]) -> Anything:
        """What is computed of these vectors alone: once, until more are taken in."""
        if name not in self._computed:
            self._computed[name] = compute()
        return cast("Anything", self._computed[name])


class KeptVectors:
    """The part that states share which need every vector: (n + m) x d float32 are kept."""

    def __init__(self) -> None:
        self.kind = Kind()
        self.samples = Side("samples")
        self.reference = Side("reference images")

    def update(
        self, *, samples: VectorsLike | None = None, reference: VectorsLike | None = None
    ) -> None:
        """Take in some vectors of either side, checked as in `Kind`; arrays are not copied."""
        given = ((self.samples, samples), (self.reference, reference))
        for side, part in self.kind.admit(given):
            side.take([part])

    def beside(self, samples: VectorsLike) -> Self:
        """A state of other samples beside the same reference, for several generators in turn.

        What was computed of the reference alone is not computed again. Neither state's reference
        may be updated afterwards, since they share it.
        """
        other = copy(self)
        other.kind, other.samples = replace(self.kind), Side(self.samples.what)
        other.update(samples=samples)
        return other

    def merge(self, other: Self) -> None:
        """Take in what another state of the same options took in."""
        refuse_other_options(self, other)
        self.kind.agree(other.kind.spec, other.kind.dimensions)
        self.samples.take(other.samples.parts)
        self.reference.take(other.reference.parts)

    @property
    def options(self) -> tuple[Any, ...]:
        """What states must agree in to be merged."""
        return ()


def refuse_other_options(one: Any, other: Any) -> None:
    """Raise ParameterError where two states cannot be merged."""
    if type(one) is not type(other) or one.options != other.options:
        raise ParameterError("States of different metrics or options cannot be merged.")
