"""Scores among those of real images: percentiles and p-values; see docs/design/calibration.md.

    calibration statistics <--- Calibrated ---> questions to the engine

The real images are others than the reference's ("held-out"), or the reference's own, each
without itself. For those, k-NN distance and copying are calibrated as if the sample had
joined the reference ("full conformal"): then the p-values hold exactly, although no image
was set aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rara import calibration
from rara.geometry import Balls, Nearest, Reducer
from rara.scores.base import Columns, Doubles, Setting
from rara.scores.copy_statistic import CopyStatistic, Joined, statistic_for
from rara.scores.leave_one_out import own_balls

Method = Literal["full conformal", "leave-one-out", "held-out"]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What images are compared by, squared: no root stands between a value and its test."""

    rarity2: Doubles
    """NaN outside every ball."""
    knn2: Doubles
    copying: Doubles

    def ascending(self) -> Evidence:
        """Each by itself in order, and rarity of those that are inside."""
        rarity2 = self.rarity2[~np.isnan(self.rarity2)]
        return Evidence(np.sort(rarity2), np.sort(self.knn2), np.sort(self.copying))


@dataclass(frozen=True, slots=True)
class Measured:
    """An axis without columns to show: the evidence of each sample."""

    statistic: CopyStatistic

    def questions(self, setting: Setting, samples: int) -> tuple[Balls, Nearest]:
        """The smallest ball, and the nearest few."""
        depth = min(max(setting.k, self.statistic.neighbours), len(setting.names) - 1)
        return setting.balls(samples), Nearest(samples, depth)

    def columns(self, setting: Setting, answers: tuple[Balls, Nearest]) -> Columns:
        """`rarity2`, `knn2`, `copying`."""
        balls, nearest = answers
        return {
            "rarity2": balls.radius2,
            "knn2": nearest.d2[:, setting.k - 1],
            "copying": self.statistic.of(nearest),
        }


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Where each sample stands among real images.

    `rarity_percentile`: percentage of the real images inside that are less rare; higher
    is rarer; NaN outside. `typicality_percentile`: percentage of the real images that
    are at least as far from their k-th nearest; higher is more typical.
    `off_manifold_p`: p-value of being a real image, by the k-NN distance; low is too far
    out. `copy_p`: the same by the copying statistic; low is too near. `off_manifold_q`,
    `copy_q`: Benjamini–Hochberg over the samples.
    """

    reals: Evidence
    method: Method
    statistic: CopyStatistic

    def questions(self, setting: Setting, samples: int) -> tuple[Reducer, ...]:
        """The evidence, and what it would change if the sample joined the reference."""
        return (
            *Measured(self.statistic).questions(setting, samples),
            self.statistic.question(setting, samples),
        )

    def columns(self, setting: Setting, answers: tuple[Balls, Nearest, Joined]) -> Columns:
        """Percentiles, p-values and q-values."""
        balls, nearest, joined = answers
        found = Evidence(**Measured(self.statistic).columns(setting, (balls, nearest)))
        closer = calibration.at_most(found.copying, self.reals.copying) - self._itself
        if self.method == "full conformal":
            closer = closer + joined.joined(found.copying)
        standing = self.standing(setting, found.rarity2, nearest)
        copying = calibration.p_values(closer, self._count)
        return {
            **standing,
            "off_manifold_q": calibration.q_values(standing["off_manifold_p"]),
            "copy_p": copying,
            "copy_q": calibration.q_values(copying),
        }

    def standing(self, setting: Setting, rarity2: Doubles, nearest: Nearest) -> dict[str, Doubles]:
        """How rare and how far out, in percentiles and by p-value; `nearest` has k or more."""
        farther = calibration.at_least(nearest.d2[:, setting.k - 1], self.reals.knn2) - self._itself
        if self.method == "full conformal":
            farther = farther - _overtaken(setting, nearest)
        return {
            "rarity_percentile": self._rarity_percentile(rarity2),
            "typicality_percentile": calibration.percentiles(farther, self._count),
            "off_manifold_p": calibration.p_values(farther, self._count),
        }

    def describe(self) -> dict[str, Any]:
        """What the p-values rest on, and the smallest that there can be.

        Of copies that is what an exact one has: of local volume, a near one may have less.
        `repeated`: it is duplicates among the real images that keep it from being smaller.
        """
        exact = int(np.count_nonzero(self.reals.copying <= 0)) - self._itself
        always = 0 if self.method == "held-out" else self.statistic.least
        copying = (1 + max(exact, always)) / (1 + self._count)
        return {
            "method": self.method,
            "rarity_method": "held-out" if self.method == "held-out" else "leave-one-out",
            "copy_statistic": self.statistic.name,
            "reals": self._count,
            "reals_inside": len(self.reals.rarity2),
            "smallest_p": {
                "off_manifold": 1 / (1 + self._count),
                "copy": copying,
            },
            "nearest_told": {"volume_p": copying},
            "repeated": exact > always,
        }

    @property
    def _itself(self) -> int:
        """An image of the reference is not one of the others that it is compared with."""
        return int(self.method == "leave-one-out")

    @property
    def _count(self) -> int:
        return len(self.reals.knn2) - self._itself

    def _rarity_percentile(self, rarity2: Doubles) -> Doubles:
        others = len(self.reals.rarity2) - self._itself
        if others < 1:
            return np.full(len(rarity2), np.nan)
        passed = calibration.below(rarity2, self.reals.rarity2)
        return np.where(np.isnan(rarity2), np.nan, calibration.percentiles(passed, others))


def among_its_own(setting: Setting) -> Calibrated:
    """Calibration by the reference's own images, each without itself."""
    rarity2 = np.full(len(setting.d2), np.nan)
    if setting.k < setting.d2.shape[1]:  # else nobody knows the balls without one image
        rarity2 = own_balls(setting).radius2
    statistic = statistic_for(setting)
    reals = Evidence(rarity2, setting.knn2, statistic.own(setting)).ascending()
    method: Method = "full conformal" if setting.own is None else "leave-one-out"
    return Calibrated(reals, method, statistic)


def _overtaken(setting: Setting, nearest: Nearest) -> Counts:
    """Reference images that are as far out as a sample only as long as it has not joined them.

    Joined by a sample q with k-th distance s, reference image x scores
    max(r_{k-1}(x), min(r_k(x), |q - x|)). That is below s although r_k(x) is not only if
    |q - x| < s, and so only for the nearest few of q, which are at hand.
    """
    near2, index, k = nearest.d2[:, : setting.k], nearest.index[:, : setting.k], setting.k
    score2 = near2[:, -1:]
    inner2 = setting.d2[:, k - 2] if k > 1 else np.zeros(len(setting.d2))
    counted = (near2 < score2) & (setting.knn2[index] >= score2) & (inner2[index] < score2)
    overtaken: Counts = counted.sum(axis=1, dtype=np.int64)
    return overtaken
