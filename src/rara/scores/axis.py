"""What an axis is: reducers over all pairs, and the answer that follows from them.

    axes --OnePass.ask--> reducers --OnePass.run: one scan of all pairs--> answers

An axis names the reducers that it needs. The engine feeds the reducers of all axes in one
scan, and each axis turns its own into an answer: most often, columns of the result. A new
score is one file like its neighbours and one line in `rara.scores`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, Unpack, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rara.geometry import (
    Balls,
    Boundary,
    EngineOptions,
    QuantizedReference,
    Reducer,
    WorkDone,
    neighbours,
    query,
)
from rara.machine import quarter_of_memory

if TYPE_CHECKING:
    import pyarrow as pa

Doubles = NDArray[np.float64]
Integers = NDArray[np.int32]
Columns = Mapping[str, "NDArray[Any] | pa.Array"]
"""Columns of the result by name, with one value a sample."""
Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)


@dataclass(frozen=True, slots=True)
class BallGeometry:
    """The geometry that samples are judged against."""

    d2: Doubles
    """(n, K) squared distances of each reference image to its nearest others, ascending."""
    index: Integers
    """(n, K) which images those are."""
    k: int
    names: Sequence[str] | pa.Array
    """(n,) ids of the reference images."""
    boundary: Boundary = "open"
    own: Integers | None = None
    """(m,) the reference image that each sample is, for leave-one-out; None for other samples."""
    quantized: QuantizedReference | None = None
    """The quantized vectors of the reference, if they were kept."""
    clip: float | None = None
    """Quantile of the radii at which all balls are clipped; None clips none."""
    _largest2: float | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def knn2(self) -> Doubles:
        """Squared distances of the reference images to their k-th nearest others."""
        return self.d2[:, self.k - 1]

    @property
    def largest2(self) -> float:
        """The squared radius at which balls are clipped; infinite where none is. Found once.

        It is that of one of the balls, so clipping gives the same before and after roots.
        """
        if self.clip is None:
            return math.inf
        largest2 = self._largest2
        if largest2 is None:
            largest2 = float(np.quantile(self.knn2, self.clip, method="inverted_cdf"))
            object.__setattr__(self, "_largest2", largest2)
        return largest2

    @property
    def radii2(self) -> Doubles:
        """Squared radii of the balls: r_k."""
        return np.minimum(self.knn2, self.largest2)

    @property
    def wider2(self) -> Doubles:
        """Squared radii of balls that lost one of their k nearest images: r_{k+1}."""
        return np.minimum(self.d2[:, self.k], self.largest2)

    def at_k(self, k: int) -> BallGeometry:
        """The same reference with balls of another k."""
        return self if k == self.k else replace(self, k=k)

    def balls(self, samples: int) -> Balls:
        """The reducer that finds the balls that hold each sample.

        Leaving image i out widens the balls whose k nearest include i, from r_k(j) to r_{k+1}(j).
        Let d be the distance of i and j. The open ball of j then holds i if d < r_{k+1}(j),
        because i is among the k nearest of j. The closed ball holds i if d <= r_k(j): where i is
        not among the k nearest, the radius stays r_k(j). Both rules hold for clipped radii too:
        beyond the clipped radius no ball holds i, and within it the wider ball has the same one.
        """
        if self.own is None:
            return Balls(samples, self.radii2, self.boundary)
        radii2 = self.radii2 if self.boundary == "closed" else self.wider2
        return Balls(samples, radii2, self.boundary, self.wider2)

    def name(self, index: Integers) -> pa.Array:
        """Ids of reference images; null for -1."""
        import pyarrow as pa

        names = self.names
        if not isinstance(names, pa.Array):
            names = pa.array(names, pa.string())
        return names.take(pa.array(index, mask=index < 0))


class Axis(Protocol[Answer_co]):
    """One way to look at each sample. An `Axis[Columns]` adds columns to the result."""

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """Fresh reducers for this many samples."""

    def answer(self, geometry: BallGeometry, reducers: Any) -> Answer_co:
        """What follows from those reducers once they have seen all pairs."""


@runtime_checkable
class Limited(Protocol):
    """A reducer that keeps pairs, and needs further scans where it may not keep them all."""

    def limit(self, memory: int, scan: Callable[[slice], object]) -> int:
        """Keep to a share of the memory, which is returned, in bytes.

        `scan` feeds the reducer the pairs of some samples once more.
        """


class OnePass:
    """Axes that share one scan of all pairs of sample and reference image.

    First `ask` every axis, then `run` the scan, then call what `ask` returned. An answer may take
    further scans for the pairs that a reducer could not keep within the memory.
    """

    def __init__(self, geometry: BallGeometry, samples: int) -> None:
        self.geometry, self.samples = geometry, samples
        self._reducers: list[Reducer] = []

    def ask(self, axis: Axis[Answer]) -> Callable[[], Answer]:
        """Add the reducers of an axis. The result gives its answer after `run`."""
        reducers = axis.reducers(self.geometry, self.samples)
        self._reducers += reducers
        return lambda: axis.answer(self.geometry, reducers)

    def ask_columns(self, axes: Sequence[Axis[Columns]]) -> Callable[[], Columns]:
        """The same for several axes. The result gives the columns of all, in this order."""
        answers = [self.ask(axis) for axis in axes]
        return lambda: {name: values for one in answers for name, values in one().items()}

    def run(
        self,
        samples: NDArray[np.float32],
        reference: NDArray[np.float32],
        **engine: Unpack[EngineOptions],
    ) -> WorkDone:
        """Scan all pairs; `engine` goes to `rara.geometry.query`."""
        own, quantized = self.geometry.own, self.geometry.quantized
        scan = partial(query, samples, reference, own=own, quantized=quantized)
        memory = engine.get("memory") or quarter_of_memory()
        quiet = {**engine, "progress": None}
        kept = sum(
            one.limit(memory, partial(_again, scan, one, quiet))
            for one in self._reducers
            if isinstance(one, Limited)
        )
        if kept:
            engine["memory"] = memory - kept
        return scan(self._reducers, **engine)


def _again(scan: Callable[..., WorkDone], reducer: Reducer, engine: Any, rows: slice) -> None:
    """Feed one reducer the pairs of some samples once more."""
    scan([reducer], rows=rows, **engine)


def judge(
    samples: NDArray[np.float32],
    reference: NDArray[np.float32],
    axes: Sequence[Axis[Columns]],
    geometry: BallGeometry,
    **engine: Unpack[EngineOptions],
) -> tuple[Columns, WorkDone]:
    """The columns of several axes, by one scan."""
    one_pass = OnePass(geometry, len(samples))
    columns = one_pass.ask_columns(axes)
    work = one_pass.run(samples, reference, **engine)
    return columns(), work


def ball_geometry_of(
    reference: NDArray[np.float32], k: int, boundary: Boundary = "open"
) -> BallGeometry:
    """The geometry of a reference given as vectors alone; images are named by their row."""
    nearest, _ = neighbours(reference, k)
    names = [str(i) for i in range(len(reference))]
    return BallGeometry(nearest.d2, nearest.index, k, names, boundary)
