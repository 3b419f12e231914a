"""What an axis is: some questions about every pair, and the columns that answer them.

An axis names the reducers that it needs, the engine feeds all axes' reducers in one
pass over the tiles, and the axis turns what they hold into columns. A new axis is
one file like its neighbours and one line in `rara.scores`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Unpack

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

if TYPE_CHECKING:
    import pyarrow as pa

Doubles = NDArray[np.float64]
Integers = NDArray[np.int32]
Columns = Mapping[str, "NDArray[Any] | pa.Array"]


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
    """Which reference image each sample is, where the reference judges itself leave-one-out."""
    quantized: QuantizedReference | None = None
    """The reference's codes, where they are at hand."""
    clip: float | None = None
    """No ball counts as larger than the one at this quantile of all radii, whatever k is."""

    @property
    def knn2(self) -> Doubles:
        """Squared distances of the reference images to their k-th nearest others."""
        return self.d2[:, self.k - 1]

    @property
    def largest2(self) -> float:
        """The largest squared radius that counts: that of a ball, so that roots change nothing."""
        if self.clip is None:
            return math.inf
        return float(np.quantile(self.knn2, self.clip, method="inverted_cdf"))

    @property
    def radii2(self) -> Doubles:
        """Squared radii of the balls: r_k."""
        return np.minimum(self.knn2, self.largest2)

    @property
    def wider2(self) -> Doubles:
        """Squared radii of the balls that the nearest few have left: r_{k+1}."""
        return np.minimum(self.d2[:, self.k], self.largest2)

    def balls(self, samples: int) -> Balls:
        """The question which balls hold each sample.

        Leaving image i out changes the radius of exactly the balls whose k nearest
        include i, from r_k(j) to r_{k+1}(j). With d the distance of i and j, the open ball
        of j holds i then if d < r_{k+1}(j), which includes that i is among the k nearest;
        the closed one if d <= r_k(j), for a ball that i did not shape has kept that radius.
        Both hold likewise of radii that are clipped: where i lies beyond the clipped radius, no
        ball holds it, and where it does not, the wider ball is clipped at the same.
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


class Axis(Protocol):
    """One way to look at each sample."""

    def questions(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """Fresh reducers for this many samples."""

    def columns(self, geometry: BallGeometry, answers: Any) -> Columns:
        """Columns of the result, from those reducers after they were fed."""


def judge(
    samples: NDArray[np.float32],
    reference: NDArray[np.float32],
    axes: Sequence[Axis],
    geometry: BallGeometry,
    **engine: Unpack[EngineOptions],
) -> tuple[dict[str, Any], WorkDone]:
    """Columns of several axes in one pass; `engine` goes to `rara.geometry.query`."""
    asked = [axis.questions(geometry, len(samples)) for axis in axes]
    reducers = [reducer for questions in asked for reducer in questions]
    statistics = query(
        samples, reference, reducers, own=geometry.own, quantized=geometry.quantized, **engine
    )
    columns: dict[str, Any] = {}
    for axis, answers in zip(axes, asked, strict=True):
        columns.update(axis.columns(geometry, answers))
    return columns, statistics


def ball_geometry_of(
    reference: NDArray[np.float32], k: int, boundary: Boundary = "open"
) -> BallGeometry:
    """The geometry of a reference that is given as vectors only."""
    nearest, _ = neighbours(reference, k)
    names = [str(i) for i in range(len(reference))]
    return BallGeometry(nearest.d2, nearest.index, k, names, boundary)
