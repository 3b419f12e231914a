"""How far a verdict depends on the choice of k: whether it is the same at k = 1 to 10.

One scan finds the radii of every k, so ten of them cost hardly more than one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rara.calibration.by_vectors import CalibrationAtK
from rara.calibration.every_k import EveryKAxis
from rara.geometry import Nearest, Reducer
from rara.scores.axis import BallGeometry, Columns, Doubles
from rara.verdict.rules import Thresholds, verdict_by_distance


@dataclass(frozen=True, slots=True)
class EveryK:
    """Rarity at every k, and the share of k at which the verdict is the same.

    `rarity_by_k`: rarity at k = 1, 2, …, null outside. `stability`: the share of these k with the
    same verdict as the chosen k (off-manifold, rare, uncommon or typical, by k-NN distance and
    rarity), from 1 / 10 to 1. NaN where too few neighbours are kept to leave an image out.
    """

    calibrations: Mapping[int, CalibrationAtK]
    thresholds: Thresholds

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The balls of every k, and the nearest few."""
        return EveryKAxis(tuple(self.calibrations)).reducers(geometry, samples)

    def answer(self, geometry: BallGeometry, reducers: tuple[Any, ...]) -> Columns:
        """`rarity_by_k` and `stability`."""
        import pyarrow as pa

        *balls, nearest = reducers
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
        verdicts = {}
        for i, (k, calibration) in enumerate(self.calibrations.items()):
            columns = calibration.percentiles(geometry.at_k(k), radii2[:, i], nearest)
            columns["off_manifold_p"] = columns["knn_p"]
            verdicts[k] = verdict_by_distance(columns, self.thresholds)
        same = [at_k == verdicts[geometry.k] for at_k in verdicts.values()]
        share: Doubles = np.mean(same, axis=0)
        return share
