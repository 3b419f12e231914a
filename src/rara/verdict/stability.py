"""Whether a verdict hangs on the choice of k: the same standing at k = 1 to 10.

The radii of every k come from the same pass, so that ten of them cost hardly more than one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rara.calibration.by_vectors import AtK
from rara.calibration.every_k import MeasuredAtEveryK
from rara.geometry import Nearest, Reducer
from rara.scores.axis import BallGeometry, Columns, Doubles
from rara.verdict.rules import Thresholds, standing


@dataclass(frozen=True, slots=True)
class EveryK:
    """Rarity at every k, and how far each sample's standing is the same.

    `rarity_by_k`: rarity at k = 1, 2, …, null outside. `stability`: at what share of
    these k the sample stands as it does at the k chosen (far out, rare, uncommon or typical, by
    k-NN distance and rarity), from 1 / 10 to 1; NaN where the reference's own images cannot be
    left out.
    """

    calibrations: Mapping[int, AtK]
    thresholds: Thresholds

    def questions(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The balls of every k, and the nearest few."""
        return MeasuredAtEveryK(tuple(self.calibrations)).questions(geometry, samples)

    def columns(self, geometry: BallGeometry, answers: tuple[Any, ...]) -> Columns:
        """`rarity_by_k` and `stability`."""
        import pyarrow as pa

        *balls, nearest = answers
        radii2 = np.column_stack([one.radius2 for one in balls] or [np.empty((nearest.samples, 0))])
        rarity = pa.array(np.sqrt(radii2).ravel(), from_pandas=True)
        offsets = pa.array(np.arange(len(radii2) + 1, dtype=np.int32) * radii2.shape[1])
        return {
            "rarity_by_k": pa.ListArray.from_arrays(offsets, rarity),
            "stability": self._stability(geometry, radii2, nearest),
        }

    def _stability(self, geometry: BallGeometry, radii2: Doubles, nearest: Nearest) -> Doubles:
        if geometry.k not in self.calibrations:
            return np.full(nearest.samples, np.nan)
        standings = {}
        for i, (k, one) in enumerate(self.calibrations.items()):
            found = one.standing(replace(geometry, k=k), radii2[:, i], nearest)
            standings[k] = standing({**found, "off_manifold_p": found["knn_p"]}, self.thresholds)
        same = [found == standings[geometry.k] for found in standings.values()]
        share: Doubles = np.mean(same, axis=0)
        return share
