"""The test for copies by a network trained for them: exact p-values among real images.

    vectors by the copy network --NetworkCopyTest--> NetworkScores: network_p, and SampleScores

The statistic is the one by which the first vectors are judged (`copy_statistic`), taken of the copy
network's. So a p-value is exact, as for those: docs/explanation/calibration.md. The vectors are
a witness of copying, and no other score sees them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.calibration.copy_statistic import CopyStatistic, statistic_for
from rara.extractors.base import Spec
from rara.geometry import Nearest, Reducer
from rara.provenance.parts import CopyNetworkPart, Method
from rara.run import Run, watching
from rara.scores.axis import BallGeometry, Doubles, Integers, OnePass
from rara.scores.ball_ratio import list_length
from rara.scores.join_effect import JoinEffect
from rara.stats.joint_rank import Changes, Ranking, SampleScores

Flags = NDArray[np.bool_]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkVectors:
    """Vectors of images by the copy network."""

    vectors: Vectors
    """(v, dim) of the images that have one."""
    rows: NDArray[np.intp]
    """(v,) which images these are, ascending."""
    images: int
    """m, with those that have none."""

    @classmethod
    def of_all(cls, vectors: Vectors) -> NetworkVectors:
        """Those of images that all have one."""
        return cls(vectors, np.arange(len(vectors)), len(vectors))


@dataclass(frozen=True, slots=True, eq=False)
class NetworkCopyTest:
    """The test by the copy network's vectors, calibrated with the real images of the others."""

    spec: Spec
    """Of the copy network."""
    reference: Vectors
    """(n, dim) of the reference, every image."""
    geometry: BallGeometry
    """The neighbours of each by these vectors."""
    method: Method
    statistic: CopyStatistic
    calibration: Doubles
    """Score of each real image; higher is more like a copy."""
    near: Flags
    """Real images that are as near to another one as only copies are."""
    ranking: Ranking = field(init=False)
    """The real images, the most like a copy first."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ranking", Ranking.of(self.calibration))

    @property
    def exact(self) -> Flags:
        """Real images at distance 0 from another one."""
        return np.isinf(self.calibration)

    @classmethod
    def by_itself(
        cls, spec: Spec, reference: Vectors, geometry: BallGeometry, method: Method
    ) -> NetworkCopyTest:
        """Calibrated by the reference's own images."""
        statistic, lists = statistic_for(geometry), Nearest.of(geometry.d2, geometry.index)
        near = statistic.near(lists, len(reference))
        return cls(spec, reference, geometry, method, statistic, statistic.own(), near)

    @classmethod
    def by_others(
        cls, spec: Spec, calibration: Vectors, reference: Vectors, geometry: BallGeometry, run: Run
    ) -> NetworkCopyTest:
        """Calibrated by real images that are not in the reference."""
        statistic = statistic_for(geometry)
        nearest, _ = _scanned(calibration, reference, geometry, run, joining=False)
        scores, near = statistic.of(nearest), statistic.near(nearest, len(calibration))
        return cls(spec, reference, geometry, "held-out", statistic, scores, near)

    @property
    def joins(self) -> bool:
        """Whether a sample is a further member beside the real images, or one of them."""
        return self.method != "leave-one-out"

    def compare(self, samples: NetworkVectors, run: Run) -> NetworkScores:
        """Samples by the same network's vectors."""
        joining = self.method == "full conformal"
        nearest, effect = _scanned(
            samples.vectors, self.reference, self.geometry, run, joining=joining
        )  # fmt: skip
        return NetworkScores(self, samples, nearest, effect)


@dataclass(frozen=True, slots=True, eq=False)
class NetworkScores:
    """Samples compared with the reference by the copy network."""

    test: NetworkCopyTest
    samples: NetworkVectors
    nearest: Nearest
    """Of the samples that have a vector."""
    effect: JoinEffect | None
    """What changes where a sample joins the reference; None where none does."""

    @property
    def near(self) -> Flags:
        """(m,) samples that are as near as only copies are."""
        near = np.zeros(self.samples.images, np.bool_)
        near[self.samples.rows] = self.test.statistic.near(self.nearest, len(self.test.ranking))
        return near

    @property
    def index(self) -> Integers:
        """(m,) the nearest reference image; -1 for samples without a vector."""
        index = np.full(self.samples.images, -1, np.int32)
        index[self.samples.rows] = self.nearest.index[:, 0]
        return index

    @property
    def distance(self) -> Doubles:
        """(m,) how far that is; NaN for samples without a vector."""
        distance = np.full(self.samples.images, np.nan)
        distance[self.samples.rows] = np.sqrt(self.nearest.d2[:, 0])
        return distance

    def first(self, count: int) -> dict[int, list[int]]:
        """The nearest few reference images of each sample, by its row."""
        lists = self.nearest.index[:, :count].tolist()
        return dict(zip(self.samples.rows.tolist(), lists, strict=True))

    def describe(self, tests: int, alpha: float) -> CopyNetworkPart:
        """What the provenance records; `tests`: those that are joined, this one included.

        A copy has the smallest rank by its own test: with c - 1 real images that are as near to it
        as the image that was copied is. By each of the other tests as many real images may have
        such a rank. So p is at most c x tests / (real images + 1), and to call one of m samples
        at a false discovery rate alpha takes that to be at most alpha / m.
        """
        counted = 1 if self.test.method == "held-out" else 2
        needed, less = (
            ceil(counted * some * self.samples.images / alpha) - 1 for some in (tests, tests - 1)
        )
        return CopyNetworkPart(
            extractor=self.test.spec, copy_statistic=self.test.statistic.name, tests=tests,
            real_images=needed, real_images_without=less,
            without_vector=self.samples.images - len(self.samples.rows),
        )  # fmt: skip

    def blocks(self) -> Iterator[tuple[slice, SampleScores]]:
        """Consecutive samples with their scores. Only once.

        A sample without a vector is no member of the network's space: it is less like a copy than
        any image there, and changes no score of another.
        """
        rows, last = self.samples.rows, len(self.samples.rows)
        for some, scores in self._with_vectors():
            start = int(rows[some.start]) if some.start else 0
            stop = int(rows[some.stop]) if some.stop < last else self.samples.images
            yield slice(start, stop), self._spread(scores, rows[some] - start, stop - start)

    def _with_vectors(self) -> Iterator[tuple[slice, SampleScores]]:
        statistic, nearest = self.test.statistic, self.nearest
        if self.effect is None:
            scores = SampleScores.of(self.test.ranking, statistic.of(nearest))
            yield slice(0, len(scores.scores)), scores
            return
        for some, pairs in self.effect.blocks():
            yield some, statistic.joined(nearest.part(some), pairs)

    def _spread(self, scores: SampleScores, rows: NDArray[np.intp], count: int) -> SampleScores:
        """The same among so many samples, the others of which have no vector."""
        if len(rows) == count:
            return scores
        which = np.full(count, len(scores.rankings), np.int32)
        values, unlisted = np.full(count, -np.inf), np.zeros(count, np.int64)
        changed = np.zeros(count, np.int64)
        which[rows], values[rows] = scores.which, scores.scores
        unlisted[rows], changed[rows] = scores.unlisted, np.diff(scores.changes.starts)
        starts = np.concatenate([[0], np.cumsum(changed)])
        changes = Changes(starts, scores.changes.index, scores.changes.scores)
        return SampleScores([*scores.rankings, self.test.ranking], which, values, changes, unlisted)


@dataclass(frozen=True, slots=True)
class _Lists:
    """An axis: the nearest images of each, and what changes where it joins them."""

    joining: bool

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        depth = list_length(geometry)
        nearest = Nearest(samples, min(depth, len(geometry.d2) - (geometry.own is not None)))
        if not self.joining:
            return (nearest,)
        return nearest, JoinEffect(geometry.d2[:, depth - 1], samples)

    def answer(
        self, geometry: BallGeometry, reducers: tuple[Any, ...]
    ) -> tuple[Nearest, JoinEffect | None]:
        nearest, *effect = reducers
        return nearest, effect[0] if effect else None


def _scanned(
    vectors: Vectors, reference: Vectors, geometry: BallGeometry, run: Run, *, joining: bool
) -> tuple[Nearest, JoinEffect | None]:
    """One pass over all pairs."""
    one_pass = OnePass(geometry, len(vectors))
    lists, pairs = one_pass.ask(_Lists(joining)), len(vectors) * len(reference)
    with watching(run.progress, pairs, "Pairs by the copy network") as advance:
        one_pass.run(vectors, reference, **run.engine(advance))
    return lists()


def in_blocks(
    first: Iterator[tuple[slice, Any]], second: Iterator[tuple[slice, Any]]
) -> Iterator[tuple[slice, Any, Any, slice, slice]]:
    """Consecutive samples that lie in one block of both, with the blocks and the places in them."""
    (one, left), (other, right) = next(first), next(second)
    start = 0
    while True:
        stop = min(one.stop, other.stop)
        places = (slice(start - of.start, stop - of.start) for of in (one, other))
        yield slice(start, stop), left, right, *places
        start = stop
        if stop == one.stop and (following := next(first, None)) is not None:
            one, left = following
        elif stop == one.stop == other.stop:
            return
        if stop == other.stop and (following := next(second, None)) is not None:
            other, right = following
