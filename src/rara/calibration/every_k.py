"""The same scores at every k, from the same pass: what hangs on the choice of k.

Radii and neighbours are known for all k, so that ten of them cost hardly more than one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from rara.calibration.by_vectors import AtK, Calibrator, ImageStatistics, Statistics, StatisticsAxis
from rara.geometry import EngineOptions, Nearest, Reducer
from rara.scores.axis import BallGeometry, Columns, judge
from rara.scores.leave_one_out import own_balls

LARGEST = 10


@dataclass(frozen=True, slots=True)
class MeasuredAtEveryK:
    """An axis without columns to show: what calibrates each k."""

    ks: tuple[int, ...]

    def questions(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The balls of every k, and the nearest few."""
        balls = [replace(geometry, k=k).balls(samples) for k in self.ks]
        return (*balls, Nearest(samples, max(self.ks, default=1)))

    def columns(self, geometry: BallGeometry, answers: tuple[Any, ...]) -> Columns:
        """`rarity2_by_k` and `knn2_by_k`, a row for each k."""
        *balls, nearest = answers
        return {
            "rarity2_by_k": np.array([one.radius2 for one in balls]),
            "knn2_by_k": nearest.d2.T[[k - 1 for k in self.ks]],
        }


def every_k(geometry: BallGeometry) -> tuple[int, ...]:
    """Each k from 1 to 10, and the one chosen, at which images can be left out."""
    known = geometry.d2.shape[1]
    return tuple(k for k in sorted({*range(1, LARGEST + 1), geometry.k}) if k < known)


def each_k_by_itself(geometry: BallGeometry, chosen: AtK) -> dict[int, AtK]:
    """Calibration at every k by the reference's own images, each without itself."""

    def at(k: int) -> AtK:
        if k == geometry.k:
            return chosen
        rarity2 = own_balls(replace(geometry, k=k)).radius2
        return AtK.of(rarity2, geometry.d2[:, k - 1], chosen.method)

    return {k: at(k) for k in every_k(geometry)}


def calibrate_by_others(
    vectors: NDArray[np.float32],
    reference: NDArray[np.float32],
    geometry: BallGeometry,
    **engine: Unpack[EngineOptions],
) -> tuple[Calibrator, dict[int, AtK]]:
    """Calibration by real images that are not in the reference, judged as samples are.

    At the k chosen, and at every k.
    """
    statistics, ks = Statistics.around(geometry), every_k(geometry)
    axes = (StatisticsAxis(statistics, len(vectors)), MeasuredAtEveryK(ks))
    found, _ = judge(vectors, reference, axes, geometry, **engine)
    at_ks = zip(ks, found.pop("rarity2_by_k"), found.pop("knn2_by_k"), strict=True)
    chosen = AtK.of(found.pop("rarity2"), found["knn2"], "held-out")
    each = {k: AtK.of(rarity2, knn2, "held-out") for k, rarity2, knn2 in at_ks}
    return Calibrator(chosen, ImageStatistics(**found), statistics), each
