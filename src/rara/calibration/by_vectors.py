"""Scores among those of real images: percentiles and p-values; see docs/explanation/calibration.md.

    BallGeometry --calibrate_by_itself--> Calibrator, an axis --one pass--> CalibratedScores

The real images are others than the reference's ("held-out"), or the reference's own,
leave-one-out. With the reference's own images, distances and copying are calibrated as if the
sample had joined the reference ("full conformal"): the p-values are exact, although no image
was set aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rara.calibration.by_copy_network import NetworkScores, in_blocks
from rara.calibration.image_statistics import (
    ImageStatistics,
    Rankings,
    Statistics,
    StatisticsAxis,
)
from rara.geometry import Nearest, Reducer
from rara.provenance.parts import CalibrationPart, Method, NearCopy, SmallestP
from rara.scores.axis import BallGeometry, Columns, Doubles
from rara.scores.ball_ratio import list_length
from rara.scores.join_effect import JoinEffect, Pairs
from rara.scores.leave_one_out import own_balls
from rara.stats import conformal
from rara.stats.joint_rank import SampleScores, joint_counts

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
class VectorCopyTest:
    """The test for copies by vectors, joined with those by pixels and by the copy network."""

    ranks: Counts
    """(m,) members at least as much like a copy as each sample by vectors, itself included."""
    joint: Counts
    """(m,) the same by all tests that there are (`joint_counts`)."""
    network: Counts | None
    """(m,) the same by the copy network; None without one."""
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


class _Ranks(NamedTuple):
    """How many members are at least as extreme as each sample, itself included."""

    ratio: Counts
    """By the ball ratio."""
    outside: Counts
    """By the ball ratio and the k-NN distance."""
    copying: Counts
    """By the copying statistic."""
    network: Counts
    """By the copy network; nothing without one."""
    copies: Counts
    """By all tests for copies."""


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

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """Those of the statistics, and of what changes if the sample joins the reference."""
        usual = self._axis.reducers(geometry, samples)
        if not self._full:
            return usual
        return *usual, JoinEffect(geometry.d2[:, list_length(geometry) - 1], samples)

    def answer(self, geometry: BallGeometry, reducers: tuple[Any, ...]) -> CalibratedScores:
        """The columns, and the test for copies by vectors alone."""
        return self.beside(geometry, reducers, None, None)

    def beside(
        self,
        geometry: BallGeometry,
        reducers: tuple[Any, ...],
        pixels: SampleScores | None,
        network: NetworkScores | None,
    ) -> CalibratedScores:
        """The same; the test for copies is joined with those by pixels and by the copy network."""
        balls, nearest, closed, *effect = reducers
        _, samples = self._axis.answer(geometry, (balls, nearest, closed))
        percentiles = self.at_k.percentiles(geometry, balls.radius2, nearest)
        members = self.at_k.members
        far = np.rint(percentiles["knn_p"] * members).astype(np.int64)
        all_at_once = iter([(slice(0, len(far)), None)])
        blocks = in_blocks(
            _blocks(len(far), effect), all_at_once if network is None else network.blocks()
        )
        ranks = [
            self._ranks(
                samples.part(some), far[some], nearest.part(some),
                None if pairs is None else pairs.of(here),
                None if pixels is None else pixels.part(some),
                None if scores is None else scores.part(there),
            )
            for some, pairs, scores, here, there in blocks
        ]  # fmt: skip
        ratio, outside, copying, by_network, copies = map(
            np.concatenate, zip(*ranks, strict=True)
        )  # fmt: skip
        columns = {
            **percentiles,
            "ball_ratio": np.sqrt(samples.ratio2),
            "ball_ratio_p": ratio / members,
            "off_manifold_p": outside / members,
            "off_manifold_q": conformal.q_values(outside / members),
            "copy_p": copying / members,
        }
        images = self.images
        copy_test = VectorCopyTest(
            copying, copies, None if network is None else by_network, samples.near, images.near,
            images.exact, self.at_k,
        )  # fmt: skip
        return CalibratedScores(columns, copy_test)

    def describe(self) -> CalibrationPart:
        """What the p-values rest on, and the smallest possible p-values.

        `smallest_p.copy` is that of every exact copy. `near_copy` is that of every near copy: it
        ranks behind the `repeating` real images that repeat others as closely.
        """
        repeating = int(np.count_nonzero(self.images.near))
        exact = int(np.count_nonzero(self.images.exact))
        method = self.at_k.method
        doubled = self._full and not self.statistics.ball_ratio.complete
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

    @property
    def _full(self) -> bool:
        return self.at_k.method == "full conformal"

    def _ranks(
        self,
        samples: ImageStatistics,
        far: Counts,
        nearest: Nearest,
        pairs: Pairs | None,
        pixels: SampleScores | None,
        network: SampleScores | None,
    ) -> _Ranks:
        """Those of some samples; `far` are those by the k-NN distance."""
        joins = self.at_k.joins
        ratio, outside = self._outside(samples, far, nearest, pairs)
        if pairs is not None:
            scores = self.statistics.copying.joined(nearest, pairs)
        else:
            scores = SampleScores.of(self.rankings.copying, samples.copying)
        tests = [one for one in (scores, pixels, network) if one is not None]
        by_test = [one.ranks(joins=joins) for one in tests]
        by_network = np.zeros(0, np.int64) if network is None else by_test[-1]
        copies = by_test[0] if len(tests) == 1 else joint_counts(tests, by_test, joins=joins)
        return _Ranks(ratio, outside, by_test[0], by_network, copies)

    def _outside(
        self, samples: ImageStatistics, far: Counts, nearest: Nearest, pairs: Pairs | None
    ) -> tuple[Counts, Counts]:
        """Ranks by the ball ratio, and by it and the k-NN distance together."""
        ratio2, members, joins = samples.ratio2, self.at_k.members, self.at_k.joins
        changes = None
        if pairs is not None:
            changes = self.statistics.ball_ratio.changes(ratio2, nearest, pairs)
        scores = [
            SampleScores.of(self.rankings.knn2, samples.knn2),
            SampleScores.of(self.rankings.ratio2, ratio2, changes),
        ]
        ranks = [far, scores[1].ranks(joins=joins)]
        counts = joint_counts(scores, ranks, joins=joins)
        if pairs is not None:  # a sample inside a ball changes more scores than `changes` lists
            counts = np.where(ratio2 > 1, counts, np.minimum(members, 2 * ranks[0]))
        return ranks[1], counts


@dataclass(frozen=True, slots=True)
class BesideOthers:
    """A calibrator whose test for copies is joined with further ones: an axis."""

    calibrator: Calibrator
    pixels: SampleScores | None
    """The samples' scores by pixels, if there are any."""
    network: NetworkScores | None
    """Those by the copy network, if there is one."""

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """Those of the calibrator."""
        return self.calibrator.reducers(geometry, samples)

    def answer(self, geometry: BallGeometry, reducers: tuple[Any, ...]) -> CalibratedScores:
        """The columns, and the test for copies by all of them."""
        return self.calibrator.beside(geometry, reducers, self.pixels, self.network)


def _blocks(samples: int, effect: list[JoinEffect]) -> Iterator[tuple[slice, Pairs | None]]:
    """Consecutive samples with the pairs that their joining depends on; None where they do not."""
    if effect:
        return effect[0].blocks()
    return iter([(slice(0, samples), None)])


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
