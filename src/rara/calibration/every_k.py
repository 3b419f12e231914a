"""The same scores at every k, from the same scan: how far they depend on the choice of k.

One scan finds the radii and neighbours of all k, so ten of them cost hardly more than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import NDArray

from rara.calibration.by_vectors import CalibrationAtK, Calibrator
from rara.calibration.image_statistics import Statistics, StatisticsAxis
from rara.geometry import EngineOptions, Nearest, Reducer
from rara.scores.axis import BallGeometry, Doubles, OnePass
from rara.scores.leave_one_out import own_balls

LARGEST = 10


class AtEveryK(NamedTuple):
    """Squared rarity and k-NN distance of each sample at every k."""

    rarity2: Doubles
    """(number of k, m); NaN outside every ball."""
    knn2: Doubles
    """(number of k, m)."""


@dataclass(frozen=True, slots=True)
class EveryKAxis:
    """An axis for real images: what calibrates each k."""

    ks: tuple[int, ...]

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The balls of every k, and the nearest few."""
        balls = [geometry.at_k(k).balls(samples) for k in self.ks]
        return (*balls, Nearest(samples, max(self.ks, default=1)))

    def answer(self, geometry: BallGeometry, reducers: tuple[Any, ...]) -> AtEveryK:
        """One row for each k."""
        *balls, nearest = reducers
        rarity2 = np.array([one.radius2 for one in balls])
        return AtEveryK(rarity2, nearest.d2.T[[k - 1 for k in self.ks]])


def every_k(geometry: BallGeometry) -> tuple[int, ...]:
    """Each k from 1 to 10, and the one chosen, at which images can be left out."""
    depth = geometry.d2.shape[1]
    return tuple(k for k in sorted({*range(1, LARGEST + 1), geometry.k}) if k < depth)


def each_k_by_itself(geometry: BallGeometry, chosen: CalibrationAtK) -> dict[int, CalibrationAtK]:
    """Calibration at every k by the reference's own images, leave-one-out.

    `chosen`: that at the k of `geometry`.
    """

    def at(k: int) -> CalibrationAtK:
        if k == geometry.k:
            return chosen
        rarity2 = own_balls(geometry.at_k(k)).radius2
        return CalibrationAtK.of(rarity2, geometry.d2[:, k - 1], chosen.method)

    return {k: at(k) for k in every_k(geometry)}


def calibrate_by_others(
    vectors: NDArray[np.float32],
    reference: NDArray[np.float32],
    geometry: BallGeometry,
    **engine: Unpack[EngineOptions],
) -> tuple[Calibrator, dict[int, CalibrationAtK]]:
    """Calibration by real images that are not in the reference, scored as samples are.

    At the k of `geometry`, and at every k.
    """
    statistics, ks = Statistics.around(geometry), every_k(geometry)
    one_pass = OnePass(geometry, len(vectors))
    measured = one_pass.ask(StatisticsAxis(statistics, len(vectors)))
    at_every_k = one_pass.ask(EveryKAxis(ks))
    one_pass.run(vectors, reference, **engine)
    rarity2, images = measured()
    chosen = CalibrationAtK.of(rarity2, images.knn2, "held-out")
    by_k = zip(ks, *at_every_k(), strict=True)
    each = {k: CalibrationAtK.of(rarity2, knn2, "held-out") for k, rarity2, knn2 in by_k}
    return Calibrator(chosen, images, statistics), each
