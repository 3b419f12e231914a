"""Which balls hold which samples in many parts of both sides, counted in one scan.

    parts: kept samples, radii of the kept reference images
    pairs --CountsInParts.update--> for each part: balls a sample, samples a ball

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
