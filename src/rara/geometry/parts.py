"""Which balls hold which samples in many parts of one or both sides, found in one scan.

    parts: kept samples, radii of the kept reference images
    pairs --CountsInParts.update--> for each part: balls a sample, samples a ball

    parts: radii of the kept reference images
    pairs --SmallestInParts.update--> for each part: the smallest ball that holds each sample

No pair is kept, so that memory grows with the numbers of images and of parts, and not with the
number of pairs that lie in a ball.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rara.geometry.reducers import Boundary, Doubles, Integers, Need
from rara.storage.compiled import compiled

_SMALLEST = np.finfo(np.float64).tiny
"""Below it only 0 is a squared distance: float32 vectors differ by at least 2^-149."""


@dataclass(slots=True)
class CountsInParts:
    """In each part: how many balls hold each sample, and how many samples each ball holds.

    `kept`: (samples, parts) whether the sample is in the part. `radii2`: (reference, parts)
    squared radius of the ball in the part; NaN where the reference image is not in it.
    """

    kept: NDArray[np.bool_]
    radii2: Doubles
    boundary: Boundary = "open"
    by_sample: Integers = field(init=False)
    """(samples, parts)"""
    by_ball: Integers = field(init=False)
    """(reference, parts)"""
    _edges2: Doubles = field(init=False)

    def __post_init__(self) -> None:
        self.by_sample = np.zeros(self.kept.shape, np.int32)
        self.by_ball = np.zeros(self.radii2.shape, np.int32)
        self._edges2 = edges2(self.radii2, self.boundary)

    @staticmethod
    def bytes_a_part(samples: int, balls: int) -> int:
        """Memory of each part: counts, and the flags and radii that it is made from."""
        return 6 * samples + 22 * balls

    def need(self) -> Need:
        """All pairs within the largest radius of the ball."""
        return Need(reach=np.fmax.reduce(self.radii2, axis=1))

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Count."""
        _count(rows, columns, d2, self.kept, self._edges2, self.by_sample, self.by_ball)

    def merge(self, other: CountsInParts) -> None:
        """Take in another one, which saw other pairs."""
        self.by_sample += other.by_sample
        self.by_ball += other.by_ball


@dataclass(slots=True)
class SmallestInParts:
    """In each part of the reference: the smallest ball that holds each sample.

    `radii2`: as in `CountsInParts`. The same samples are in all parts.
    """

    samples: int
    radii2: Doubles
    boundary: Boundary = "open"
    radius2: Doubles = field(init=False)
    """(samples, parts) squared radius of the smallest ball; infinite where none holds it."""
    closed: NDArray[np.bool_] = field(init=False)
    """(samples, parts) whether any closed ball holds it, whatever the boundary is."""
    _edges2: Doubles = field(init=False)

    def __post_init__(self) -> None:
        shape = self.samples, self.radii2.shape[1]
        self.radius2, self.closed = np.full(shape, np.inf), np.zeros(shape, np.bool_)
        self._edges2 = edges2(self.radii2, self.boundary)

    def need(self) -> Need:
        """All pairs within the largest radius of the ball."""
        return Need(reach=np.fmax.reduce(self.radii2, axis=1))

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Keep the smallest."""
        _hold(rows, columns, d2, self.radii2, self._edges2, self.radius2, self.closed)

    def merge(self, other: SmallestInParts) -> None:
        """Take in another one, which saw other pairs."""
        np.minimum(self.radius2, other.radius2, out=self.radius2)
        self.closed |= other.closed


def edges2(radii2: Doubles, boundary: Boundary) -> Doubles:
    """Numbers e2 so that balls hold what `holds` says they do exactly where d2 < e2.

    A radius that is NaN holds nothing: its number is -1.
    """
    edges = radii2.copy()
    if boundary == "closed":
        np.nextafter(edges, np.inf, out=edges)
    if boundary != "official":
        np.maximum(edges, _SMALLEST, out=edges)  # a ball of size 0 holds what is at distance 0
    edges[np.isnan(radii2)] = -1
    return edges


@compiled
def _count(
    rows: Integers,
    columns: Integers,
    d2: Doubles,
    kept: NDArray[np.bool_],
    edges2: Doubles,
    by_sample: Integers,
    by_ball: Integers,
) -> None:
    for p in range(rows.size):
        i, j, value = rows[p], columns[p], d2[p]
        for part in range(kept.shape[1]):
            held = np.int32(value < edges2[j, part]) & np.int32(kept[i, part])
            by_sample[i, part] += held
            by_ball[j, part] += held


@compiled
def _hold(
    rows: Integers,
    columns: Integers,
    d2: Doubles,
    radii2: Doubles,
    edges2: Doubles,
    radius2: Doubles,
    closed: NDArray[np.bool_],
) -> None:
    for p in range(rows.size):
        i, j, value = rows[p], columns[p], d2[p]
        for part in range(radii2.shape[1]):
            if value <= radii2[j, part]:
                closed[i, part] = True
            if value < edges2[j, part] and radii2[j, part] < radius2[i, part]:
                radius2[i, part] = radii2[j, part]
