"""Scores among those of real images: percentiles and p-values; see docs/explanation/calibration.md.

    calibration statistics <--- Calibrator ---> questions to the engine

The real images are others than the reference's ("held-out"), or the reference's own, each
without itself. For those, distances and copying are calibrated as if the sample had
joined the reference ("full conformal"): then the p-values hold exactly, although no image
was set aside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rara.calibration.copy_statistic import CopyStatistic, statistic_for
from rara.geometry import Balls, Nearest, Reducer
from rara.provenance.parts import CalibrationPart, Method, NearCopy, SmallestP
from rara.scores.axis import BallGeometry, Columns, Doubles
from rara.scores.ball_ratio import BallRatio, listed
from rara.scores.join_effect import JoinEffect, Pairs
from rara.scores.leave_one_out import own_balls
from rara.stats import conformal as calibration
from rara.stats.joint_rank import Compared, Ranking, joint_counts

Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

BY_VECTORS = "by_vectors"
"""Key of what the vectors say of copying, for whoever asks the pixels too: not a column."""


@dataclass(frozen=True, slots=True)
class AtK:
    """The real images' own rarities and distances at one k, squared and ascending."""

    rarity2: Doubles
    """Of those that are inside."""
    knn2: Doubles
    method: Method

    @classmethod
    def of(cls, rarity2: Doubles, knn2: Doubles, method: Method) -> Self:
        """From one entry an image, NaN for rarity outside every ball."""
        return cls(np.sort(rarity2[~np.isnan(rarity2)]), np.sort(knn2), method)

    @property
    def itself(self) -> int:
        """An image of the reference is not one of the others that it is compared with."""
        return int(not self.joins)

    @property
    def joins(self) -> bool:
        """Whether a sample is one more beside the real images, or one of them."""
        return self.method != "leave-one-out"

    @property
    def count(self) -> int:
        """Real images that each sample is compared with."""
        return len(self.knn2) - self.itself

    @property
    def members(self) -> int:
        """Those, and the sample."""
        return self.count + 1

    def smallest_of_copies(self, repeating: int) -> float:
        """The p-value that any copy has where so many real images repeat others as closely.

        What it copies has joined it, and is as much of a copy as it is.
        """
        if not self.joins:
            return max(2, repeating) / self.members
        always = 2 if self.method == "full conformal" else 1
        return min(1.0, (repeating + always) / self.members)

    def standing(
        self, geometry: BallGeometry, rarity2: Doubles, nearest: Nearest
    ) -> dict[str, Doubles]:
        """How rare and how far out, in percentiles and by p-value; `nearest` has k or more."""
        farther = calibration.at_least(nearest.d2[:, geometry.k - 1], self.knn2) - self.itself
        if self.method == "full conformal":
            farther = farther - _overtaken(geometry, nearest)
        return {
            "rarity_percentile": self._rarity_percentile(rarity2),
            "typicality_percentile": calibration.percentiles(farther, self.count),
            "knn_p": calibration.p_values(farther, self.count),
        }

    def _rarity_percentile(self, rarity2: Doubles) -> Doubles:
        others = len(self.rarity2) - self.itself
        if others < 1:
            return np.full(len(rarity2), np.nan)
        passed = calibration.below(rarity2, self.rarity2)
        return np.where(np.isnan(rarity2), np.nan, calibration.percentiles(passed, others))


@dataclass(frozen=True, slots=True)
class Statistics:
    """What can be said of samples beside a reference, made of its neighbour lists."""

    copying: CopyStatistic
    far: BallRatio

    @classmethod
    def around(cls, geometry: BallGeometry) -> Self:
        """Those of a reference."""
        return cls(statistic_for(geometry), BallRatio.around(geometry))


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """What images are compared by, image by image."""

    knn2: Doubles
    ratio2: Doubles
    copying: Doubles
    near: Flags
    """As near as only a copy is."""

    @property
    def exact(self) -> Flags:
        """At distance 0 from another one."""
        return np.isinf(self.copying)


@dataclass(frozen=True, slots=True)
class Order:
    """Real images in the order of their evidence."""

    knn2: Ranking
    ratio2: Ranking
    copying: Ranking

    @classmethod
    def of(cls, evidence: ImageStatistics) -> Self:
        """By each part of it."""
        return cls(*map(Ranking.of, (evidence.knn2, evidence.ratio2, evidence.copying)))


@dataclass(frozen=True, slots=True)
class ByVectors:
    """What the vectors say of copying."""

    compared: Compared
    ranks: Counts
    """(m,) members at least as much of a copy as each sample, itself included."""
    near: Flags
    """Samples that are as near as only a copy is."""
    reals_near: Flags
    """Real images that are as near to other ones."""
    reals_exact: Flags
    """Real images that are exact copies of other ones."""
    at_k: AtK


@dataclass(frozen=True, slots=True)
class StatisticsAxis:
    """An axis without columns to show: the evidence of each sample."""

    statistics: Statistics
    reals: int
    """Real images that they are, or are compared with."""

    def questions(self, geometry: BallGeometry, samples: int) -> tuple[Balls, Nearest, JoinEffect]:
        """The smallest ball, the nearest few, and the lists that a sample would be in."""
        depth = listed(geometry)
        there = len(geometry.names) - (geometry.own is not None)
        joining = JoinEffect(geometry.d2[:, depth - 1])
        return geometry.balls(samples), Nearest(samples, min(depth, there)), joining

    def columns(
        self, geometry: BallGeometry, answers: tuple[Balls, Nearest, JoinEffect]
    ) -> Columns:
        """`rarity2`, and what `ImageStatistics` has."""
        balls, nearest, joining = answers
        found = self.evidence(geometry, nearest, joining.found())
        return {
            "rarity2": balls.radius2,
            "knn2": found.knn2,
            "ratio2": found.ratio2,
            "copying": found.copying,
            "near": found.near,
        }

    def evidence(self, geometry: BallGeometry, nearest: Nearest, pairs: Pairs) -> ImageStatistics:
        """Of samples beside the reference, which they do not join."""
        copying, far = self.statistics.copying, self.statistics.far
        return ImageStatistics(
            knn2=nearest.d2[:, geometry.k - 1],
            ratio2=far.of(nearest, pairs) if geometry.own is None else far.own2[geometry.own],
            copying=copying.of(nearest),
            near=copying.near(nearest, self.reals),
        )


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Where each sample stands among real images.

    `rarity_percentile`: percentage of the real images inside that are less rare; higher
    is rarer; NaN outside. `typicality_percentile`: percentage of the real images that
    are at least as far from their k-th nearest; higher is more typical.

    `knn_p`: p-value of being a real image, by the k-NN distance. `ball_ratio`: distance to a ball
    in radii of that ball, 1 inside any (`BallRatio`); higher is farther out; infinite where no
    ball of the core is near. `ball_ratio_p`: the p-value by it. `off_manifold_p`: by both
    (`rara.stats.joint_rank`). `copy_p`: by the copying statistic. Low is too far out, or too near.
    `off_manifold_q`: Benjamini–Hochberg over the samples.
    """

    at_k: AtK
    evidence: ImageStatistics
    """That of the real images."""
    statistics: Statistics
    order: Order = field(init=False)
    """The real images by their evidence: made once, for whatever samples."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", Order.of(self.evidence))

    def questions(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The evidence, and what it would change if the sample joined the reference."""
        return self._measured.questions(geometry, samples)

    def columns(
        self, geometry: BallGeometry, answers: tuple[Balls, Nearest, JoinEffect]
    ) -> Columns:
        """Percentiles, p- and q-values, and `ByVectors`."""
        balls, nearest, joining = answers
        pairs = joining.found()
        found = self._measured.evidence(geometry, nearest, pairs)
        standing = self.at_k.standing(geometry, balls.radius2, nearest)
        far = self._far(found, standing["knn_p"], nearest, pairs)
        copying = self._copying(found, nearest, pairs)
        return {
            **standing,
            **far,
            "off_manifold_q": calibration.q_values(far["off_manifold_p"]),
            "copy_p": copying.ranks / self.at_k.members,
            BY_VECTORS: copying,
        }

    def describe(self) -> CalibrationPart:
        """What the p-values rest on, and the smallest that there can be.

        Of copies that is what any exact one has; `near_copy` is what any near one has, for it
        ranks behind the real images that repeat others as closely, of which there are `repeating`.
        """
        repeating = int(np.count_nonzero(self.evidence.near))
        exact = int(np.count_nonzero(self.evidence.exact))
        method = self.at_k.method
        twice = method == "full conformal" and not self.statistics.far.whole
        return CalibrationPart(
            method=method,
            rarity_method="held-out" if method == "held-out" else "leave-one-out",
            copy_statistic=self.statistics.copying.name,
            real_images=self.at_k.count,
            real_images_inside=len(self.at_k.rarity2),
            smallest_p=SmallestP(
                off_manifold=(1 + int(twice)) / self.at_k.members,
                copy=self.at_k.smallest_of_copies(exact),
            ),
            near_copy=NearCopy(self.at_k.smallest_of_copies(repeating), repeating),
        )

    @property
    def _measured(self) -> StatisticsAxis:
        return StatisticsAxis(self.statistics, len(self.evidence.knn2))

    def _far(
        self, found: ImageStatistics, knn_p: Doubles, nearest: Nearest, pairs: Pairs
    ) -> dict[str, Doubles]:
        """How far outside the balls, and whether a real image is ever so far out in either way."""
        ratio2, members, joins = found.ratio2, self.at_k.members, self.at_k.joins
        full, changes = self.at_k.method == "full conformal", None
        if full:
            changes = self.statistics.far.changes(ratio2, nearest, pairs)
        compared = [
            Compared.of(self.order.knn2, found.knn2),
            Compared.of(self.order.ratio2, ratio2, changes),
        ]
        ranks = [np.rint(knn_p * members).astype(np.int64), compared[1].ranks(joins=joins)]
        counts = joint_counts(compared, ranks, joins=joins)
        if full:  # inside a ball it changes more than is followed
            twice = np.minimum(members, 2 * ranks[0])
            counts = np.where(ratio2 > 1, counts, twice)
        return {
            "ball_ratio": np.sqrt(ratio2),
            "ball_ratio_p": ranks[1] / members,
            "off_manifold_p": counts / members,
        }

    def _copying(self, found: ImageStatistics, nearest: Nearest, pairs: Pairs) -> ByVectors:
        if self.at_k.method == "full conformal":
            compared = self.statistics.copying.joined(nearest, pairs)
        else:
            compared = Compared.of(self.order.copying, found.copying)
        reals = self.evidence
        return ByVectors(
            compared, compared.ranks(joins=self.at_k.joins), found.near, reals.near, reals.exact,
            self.at_k,
        )  # fmt: skip


def calibrate_by_itself(geometry: BallGeometry) -> Calibrator:
    """Calibration by the reference's own images, each without itself."""
    rarity2 = np.full(len(geometry.d2), np.nan)
    if geometry.k < geometry.d2.shape[1]:  # else nobody knows the balls without one image
        rarity2 = own_balls(geometry).radius2
    statistics = Statistics.around(geometry)
    lists, count = Nearest.of(geometry.d2, geometry.index), len(geometry.d2)
    evidence = ImageStatistics(
        geometry.knn2,
        statistics.far.own2,
        statistics.copying.own(),
        statistics.copying.near(lists, count),
    )
    method: Method = "full conformal" if geometry.own is None else "leave-one-out"
    return Calibrator(AtK.of(rarity2, geometry.knn2, method), evidence, statistics)


def _overtaken(geometry: BallGeometry, nearest: Nearest) -> Counts:
    """Reference images that are as far out as a sample only as long as it has not joined them.

    Joined by a sample q with k-th distance s, reference image x scores
    max(r_{k-1}(x), min(r_k(x), |q - x|)). That is below s although r_k(x) is not only if
    |q - x| < s, and so only for the nearest few of q, which are at hand.
    """
    near2, index, k = nearest.d2[:, : geometry.k], nearest.index[:, : geometry.k], geometry.k
    score2 = near2[:, -1:]
    inner2 = geometry.d2[:, k - 2] if k > 1 else np.zeros(len(geometry.d2))
    counted = (near2 < score2) & (geometry.knn2[index] >= score2) & (inner2[index] < score2)
    overtaken: Counts = counted.sum(axis=1, dtype=np.int64)
    return overtaken
