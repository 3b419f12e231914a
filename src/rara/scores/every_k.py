"""The same scores at every k, from the same pass: what hangs on the choice of k.

Radii and neighbours are known for all k, so that ten of them cost hardly more than one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.geometry import Nearest, Reducer
from rara.scores.base import Columns, Doubles, Setting, judge
from rara.scores.calibrated import AtK, Calibrated, Evidence, Measured, Statistics
from rara.scores.leave_one_out import own_balls
from rara.scores.verdict import Levels, standing

LARGEST = 10


@dataclass(frozen=True, slots=True)
class EveryK:
    """Rarity at every k, and how far each sample's standing is the same.

    `rarity_by_k`: rarity at k = 1, 2, …, null outside. `stability`: at what share of
    these k the sample stands as it does at the k chosen (far out, rare, uncommon or typical, by
    k-NN distance and rarity), from 1 / 10 to 1; NaN where the reference's own images cannot be
    left out.
    """

    calibrations: Mapping[int, AtK]
    levels: Levels

    def questions(self, setting: Setting, samples: int) -> tuple[Reducer, ...]:
        """The balls of every k, and the nearest few."""
        balls = [replace(setting, k=k).balls(samples) for k in self.calibrations]
        return (*balls, Nearest(samples, max(self.calibrations, default=1)))

    def columns(self, setting: Setting, answers: tuple[Any, ...]) -> Columns:
        """`rarity_by_k` and `stability`."""
        import pyarrow as pa

        *balls, nearest = answers
        radii2 = np.column_stack([one.radius2 for one in balls] or [np.empty((nearest.samples, 0))])
        rarity = pa.array(np.sqrt(radii2).ravel(), from_pandas=True)
        offsets = pa.array(np.arange(len(radii2) + 1, dtype=np.int32) * radii2.shape[1])
        return {
            "rarity_by_k": pa.ListArray.from_arrays(offsets, rarity),
            "stability": self._stability(setting, radii2, nearest),
        }

    def _stability(self, setting: Setting, radii2: Doubles, nearest: Nearest) -> Doubles:
        if setting.k not in self.calibrations:
            return np.full(nearest.samples, np.nan)
        standings = {}
        for i, (k, one) in enumerate(self.calibrations.items()):
            found = one.standing(replace(setting, k=k), radii2[:, i], nearest)
            standings[k] = standing({**found, "off_manifold_p": found["knn_p"]}, self.levels)
        same = [found == standings[setting.k] for found in standings.values()]
        share: Doubles = np.mean(same, axis=0)
        return share


@dataclass(frozen=True, slots=True)
class MeasuredAtEveryK:
    """An axis without columns to show: what calibrates each k."""

    ks: tuple[int, ...]

    def questions(self, setting: Setting, samples: int) -> tuple[Reducer, ...]:
        """The balls of every k, and the nearest few."""
        balls = [replace(setting, k=k).balls(samples) for k in self.ks]
        return (*balls, Nearest(samples, max(self.ks, default=1)))

    def columns(self, setting: Setting, answers: tuple[Any, ...]) -> Columns:
        """`rarity2_by_k` and `knn2_by_k`, a row for each k."""
        *balls, nearest = answers
        return {
            "rarity2_by_k": np.array([one.radius2 for one in balls]),
            "knn2_by_k": nearest.d2.T[[k - 1 for k in self.ks]],
        }


def every_k(setting: Setting) -> tuple[int, ...]:
    """Each k from 1 to 10, and the one chosen, at which images can be left out."""
    known = setting.d2.shape[1]
    return tuple(k for k in sorted({*range(1, LARGEST + 1), setting.k}) if k < known)


def each_among_its_own(setting: Setting, chosen: AtK) -> dict[int, AtK]:
    """Calibration at every k by the reference's own images, each without itself."""

    def at(k: int) -> AtK:
        if k == setting.k:
            return chosen
        rarity2 = own_balls(replace(setting, k=k)).radius2
        return AtK.of(rarity2, setting.d2[:, k - 1], chosen.method)

    return {k: at(k) for k in every_k(setting)}


def among_others(
    vectors: NDArray[np.float32],
    reference: NDArray[np.float32],
    setting: Setting,
    **engine: Any,
) -> tuple[Calibrated, dict[int, AtK]]:
    """Calibration by real images that are not in the reference, judged as samples are.

    At the k chosen, and at every k.
    """
    statistics, ks = Statistics.around(setting), every_k(setting)
    axes = (Measured(statistics, len(vectors)), MeasuredAtEveryK(ks))
    found, _ = judge(vectors, reference, axes, setting, **engine)
    at_ks = zip(ks, found.pop("rarity2_by_k"), found.pop("knn2_by_k"), strict=True)
    chosen = AtK.of(found.pop("rarity2"), found["knn2"], "held-out")
    each = {k: AtK.of(rarity2, knn2, "held-out") for k, rarity2, knn2 in at_ks}
    return Calibrated(chosen, Evidence(**found), statistics), each


def rank_correlations(rarity: NDArray[np.float64], chosen: int) -> list[float | None]:
    """Spearman's correlation of each column with the chosen one, over rows that have both.

    Ties share their mean rank; None where nothing varies.
    """
    return [_spearman(column, rarity[:, chosen]) for column in rarity.T]


def _spearman(one: Doubles, other: Doubles) -> float | None:
    both = ~np.isnan(one) & ~np.isnan(other)
    first, second = _ranks(one[both]), _ranks(other[both])
    if not both.any() or not np.ptp(first) or not np.ptp(second):
        return None
    return round(float(np.corrcoef(first, second)[0, 1]), 6)


def _ranks(values: Doubles) -> Doubles:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Doubles = (np.cumsum(count) - (count - 1) / 2)[place]
    return ranks
