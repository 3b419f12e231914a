"""Scores among those of real images: percentiles and p-values; see docs/explanation/calibration.md.

    BallGeometry --calibrate_by_itself--> Calibrator, an axis --one pass--> CalibratedScores

The real images are others than the reference's ("held-out"), or the reference's own,
leave-one-out. With the reference's own images, distances and copying are calibrated as if the
sample had joined the reference ("full conformal"): the p-values are exact, although no image
was set aside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rara.calibration.copy_statistic import CopyStatistic, statistic_for
from rara.geometry import Balls, Nearest
from rara.provenance.parts import CalibrationPart, Method, NearCopy, SmallestP
from rara.scores.axis import BallGeometry, Columns, Doubles
from rara.scores.ball_ratio import BallRatio, list_length
from rara.scores.join_effect import JoinEffect, Pairs
from rara.scores.leave_one_out import own_balls
from rara.stats import conformal
from rara.stats.joint_rank import Ranking, SampleScores, joint_counts

Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CalibrationAtK:
    """The real images' own rarities and distances at one k, squared and ascending."""

    rarity2: Doubles
    """Of the images that are inside."""
    knn2: Doubles
    method: Method

    @classmethod
    def of(cls, rarity2: Doubles, knn2: Doubles, method: Method) -> Self:
        """From one entry an image, with a rarity of NaN outside every ball."""
        return cls(np.sort(rarity2[~np.isnan(rarity2)]), np.sort(knn2), method)

    @property
    def itself(self) -> int:
        """1 where each sample is one of the real images, and not compared with itself; else 0."""
        return int(not self.joins)

    @property
    def joins(self) -> bool:
        """Whether a sample is a further member beside the real images, or one of them."""
        return self.method != "leave-one-out"

    @property
    def count(self) -> int:
        """Real images that each sample is compared with."""
        return len(self.knn2) - self.itself

    @property
    def members(self) -> int:
        """The real images and the sample."""
        return self.count + 1

    def smallest_of_copies(self, repeating: int) -> float:
        """The p-value of every copy, if so many real images repeat others as closely.

        In full conformal, the image that was copied repeats the sample, and counts as well.
        """
        if not self.joins:
            return max(2, repeating) / self.members
        always = 2 if self.method == "full conformal" else 1
        return min(1.0, (repeating + always) / self.members)

    def percentiles(
        self, geometry: BallGeometry, rarity2: Doubles, nearest: Nearest
    ) -> dict[str, Doubles]:
        """`rarity_percentile`, `typicality_percentile` and `knn_p`; `nearest` has k or more."""
        farther = conformal.at_least(nearest.d2[:, geometry.k - 1], self.knn2) - self.itself
        if self.method == "full conformal":
            farther = farther - _overtaken(geometry, nearest)
        return {
            "rarity_percentile": self._rarity_percentile(rarity2),
            "typicality_percentile": conformal.percentiles(farther, self.count),
            "knn_p": conformal.p_values(farther, self.count),
        }

    def _rarity_percentile(self, rarity2: Doubles) -> Doubles:
        others = len(self.rarity2) - self.itself
        if others < 1:
            return np.full(len(rarity2), np.nan)
        passed = conformal.below(rarity2, self.rarity2)
        return np.where(np.isnan(rarity2), np.nan, conformal.percentiles(passed, others))


@dataclass(frozen=True, slots=True)
class Statistics:
    """The statistics by which images are compared, made from a reference's neighbour lists."""

    copying: CopyStatistic
    ball_ratio: BallRatio

    @classmethod
    def around(cls, geometry: BallGeometry) -> Self:
        """Those of a reference."""
        return cls(statistic_for(geometry), BallRatio.around(geometry))


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """The statistics of some images, one entry an image."""

    knn2: Doubles
    ratio2: Doubles
    copying: Doubles
    near: Flags
    """As near to another image as only copies are."""

    @property
    def exact(self) -> Flags:
        """At distance 0 from another image."""
        return np.isinf(self.copying)


@dataclass(frozen=True, slots=True)
class Rankings:
    """The real images, ranked by each statistic."""

    knn2: Ranking
    ratio2: Ranking
    copying: Ranking

    @classmethod
    def of(cls, images: ImageStatistics) -> Self:
        """By the statistics of the real images."""
        return cls(*map(Ranking.of, (images.knn2, images.ratio2, images.copying)))


@dataclass(frozen=True, slots=True)
class VectorCopyTest:
    """The test for copies by vectors, before it is joined with the test by pixels."""

    scores: SampleScores
    ranks: Counts
    """(m,) members at least as much like a copy as each sample, itself included."""
    near: Flags
    """(m,) samples that are as near as only copies are."""
    calibration_near: Flags
    """(n,) real images that are as near to another one."""
    calibration_exact: Flags
    """(n,) real images at distance 0 from another one."""
    at_k: CalibrationAtK


@dataclass(frozen=True, slots=True)
class CalibratedScores:
    """What calibration adds for each sample."""

    columns: Columns
    """Percentiles, p- and q-values."""
    copy_test: VectorCopyTest


@dataclass(frozen=True, slots=True)
class StatisticsAxis:
    """An axis for real images: their squared rarities, and their statistics."""

    statistics: Statistics
    n: int
    """Calibration images: the images themselves, or those that they are compared with."""

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Balls, Nearest, JoinEffect]:
        """The smallest ball, the nearest few, and the lists that a sample would be in."""
        depth = list_length(geometry)
        others = len(geometry.names) - (geometry.own is not None)
        effect = JoinEffect(geometry.d2[:, depth - 1])
        return geometry.balls(samples), Nearest(samples, min(depth, others)), effect

    def answer(
        self, geometry: BallGeometry, reducers: tuple[Balls, Nearest, JoinEffect]
    ) -> tuple[Doubles, ImageStatistics]:
        """Squared rarities, NaN outside; and statistics."""
        balls, nearest, effect = reducers
        return balls.radius2, self.measured(geometry, nearest, effect.pairs())

    def measured(self, geometry: BallGeometry, nearest: Nearest, pairs: Pairs) -> ImageStatistics:
        """The statistics of samples beside the reference, which they do not join."""
        copying, ratio = self.statistics.copying, self.statistics.ball_ratio
        return ImageStatistics(
            knn2=nearest.d2[:, geometry.k - 1],
            ratio2=ratio.of(nearest, pairs) if geometry.own is None else ratio.own2[geometry.own],
            copying=copying.of(nearest),
            near=copying.near(nearest, self.n),
        )


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Where each sample stands among real images: an axis.

    `rarity_percentile`: percentage of the real images inside that are less rare; higher
    is rarer; NaN outside. `typicality_percentile`: percentage of the real images that
    are at least as far from their k-th nearest; higher is more typical.

    `knn_p`: p-value of being a real image, by the k-NN distance. `ball_ratio`: distance to a ball
    in radii of that ball, 1 inside any (`BallRatio`); higher is farther out; infinite where no
    ball of the core is near. `ball_ratio_p`: the p-value by it. `off_manifold_p`: by both
    (`rara.stats.joint_rank`). Low is too far out. `off_manifold_q`: Benjamini–Hochberg over the
    samples. `copy_p`: p-value by the copying statistic; low is too near.
    """

    at_k: CalibrationAtK
    images: ImageStatistics
    """The statistics of the real images."""
    statistics: Statistics
    rankings: Rankings = field(init=False)
    """The real images, ranked once for all samples."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rankings", Rankings.of(self.images))

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Balls, Nearest, JoinEffect]:
        """Those of the statistics, and of what changes if the sample joins the reference."""
        return self._axis.reducers(geometry, samples)

    def answer(
        self, geometry: BallGeometry, reducers: tuple[Balls, Nearest, JoinEffect]
    ) -> CalibratedScores:
        """The columns, and the test for copies."""
        balls, nearest, effect = reducers
        pairs = effect.pairs()
        samples = self._axis.measured(geometry, nearest, pairs)
        percentiles = self.at_k.percentiles(geometry, balls.radius2, nearest)
        outside = self._outside(samples, percentiles["knn_p"], nearest, pairs)
        copy_test = self._copy_test(samples, nearest, pairs)
        columns = {
            **percentiles,
            **outside,
            "off_manifold_q": conformal.q_values(outside["off_manifold_p"]),
            "copy_p": copy_test.ranks / self.at_k.members,
        }
        return CalibratedScores(columns, copy_test)

    def describe(self) -> CalibrationPart:
        """What the p-values rest on, and the smallest possible p-values.

        `smallest_p.copy` is that of every exact copy. `near_copy` is that of every near copy: it
        ranks behind the `repeating` real images that repeat others as closely.
        """
        repeating = int(np.count_nonzero(self.images.near))
        exact = int(np.count_nonzero(self.images.exact))
        method = self.at_k.method
        doubled = method == "full conformal" and not self.statistics.ball_ratio.complete
        return CalibrationPart(
            method=method,
            rarity_method="held-out" if method == "held-out" else "leave-one-out",
            copy_statistic=self.statistics.copying.name,
            real_images=self.at_k.count,
            real_images_inside=len(self.at_k.rarity2),
            smallest_p=SmallestP(
                off_manifold=(1 + int(doubled)) / self.at_k.members,
                copy=self.at_k.smallest_of_copies(exact),
            ),
            near_copy=NearCopy(self.at_k.smallest_of_copies(repeating), repeating),
        )

    @property
    def _axis(self) -> StatisticsAxis:
        return StatisticsAxis(self.statistics, len(self.images.knn2))

    def _outside(
        self, samples: ImageStatistics, knn_p: Doubles, nearest: Nearest, pairs: Pairs
    ) -> dict[str, Doubles]:
        """`ball_ratio`, its p-value, and the p-value by it and the k-NN distance together."""
        ratio2, members, joins = samples.ratio2, self.at_k.members, self.at_k.joins
        full, changes = self.at_k.method == "full conformal", None
        if full:
            changes = self.statistics.ball_ratio.changes(ratio2, nearest, pairs)
        scores = [
            SampleScores.of(self.rankings.knn2, samples.knn2),
            SampleScores.of(self.rankings.ratio2, ratio2, changes),
        ]
        ranks = [np.rint(knn_p * members).astype(np.int64), scores[1].ranks(joins=joins)]
        counts = joint_counts(scores, ranks, joins=joins)
        if full:  # a sample inside a ball changes more scores than `changes` lists
            bonferroni = np.minimum(members, 2 * ranks[0])
            counts = np.where(ratio2 > 1, counts, bonferroni)
        return {
            "ball_ratio": np.sqrt(ratio2),
            "ball_ratio_p": ranks[1] / members,
            "off_manifold_p": counts / members,
        }

    def _copy_test(
        self, samples: ImageStatistics, nearest: Nearest, pairs: Pairs
    ) -> VectorCopyTest:
        if self.at_k.method == "full conformal":
            scores = self.statistics.copying.joined(nearest, pairs)
        else:
            scores = SampleScores.of(self.rankings.copying, samples.copying)
        ranks = scores.ranks(joins=self.at_k.joins)
        images = self.images
        return VectorCopyTest(scores, ranks, samples.near, images.near, images.exact, self.at_k)


def calibrate_by_itself(geometry: BallGeometry) -> Calibrator:
    """Calibration by the reference's own images, leave-one-out."""
    rarity2 = np.full(len(geometry.d2), np.nan)
    if geometry.k < geometry.d2.shape[1]:  # else r_{k+1}, a radius without one image, is unknown
        rarity2 = own_balls(geometry).radius2
    statistics = Statistics.around(geometry)
    lists, n = Nearest.of(geometry.d2, geometry.index), len(geometry.d2)
    images = ImageStatistics(
        geometry.knn2,
        statistics.ball_ratio.own2,
        statistics.copying.own(),
        statistics.copying.near(lists, n),
    )
    method: Method = "full conformal" if geometry.own is None else "leave-one-out"
    return Calibrator(CalibrationAtK.of(rarity2, geometry.knn2, method), images, statistics)


def _overtaken(geometry: BallGeometry, nearest: Nearest) -> Counts:
    """(m,) reference images that are as far out as a sample only until it joins them.

    When a sample q with k-th distance s joins, reference image x scores
    max(r_{k-1}(x), min(r_k(x), |q - x|)). This can be below s, though r_k(x) is not, only if
    |q - x| < s: only for images among the k nearest of q.
    """
    near2, index, k = nearest.d2[:, : geometry.k], nearest.index[:, : geometry.k], geometry.k
    score2 = near2[:, -1:]
    inner2 = geometry.d2[:, k - 2] if k > 1 else np.zeros(len(geometry.d2))
    counted = (near2 < score2) & (geometry.knn2[index] >= score2) & (inner2[index] < score2)
    overtaken: Counts = counted.sum(axis=1, dtype=np.int64)
    return overtaken
