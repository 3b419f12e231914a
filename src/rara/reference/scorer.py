"""A reference with options bound once: it scores one image or a million, from any thread.

    ReferenceGeometry, ScoreOptions --Scorer--> images --> ScoreTable

The only place where a reference's geometry meets samples. `Reference.score` and second opinions
go through it; groups do, each by a scorer of its own part of the reference. Siblings have no
reference.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from rara.calibration.real_images import CalibrationSet
from rara.decisions.decision import Decision
from rara.duplicates.repeats import judge_repeats
from rara.extractors import Extractor
from rara.features.compatibility import comparable, features_like
from rara.features.features import Features
from rara.features.image_lookup import SourcePictures
from rara.features.metadata_groups import NOTHING, AddedColumns, Rows
from rara.features.opening import Images, as_features
from rara.groups.siblings import judge_among_siblings
from rara.groups.within_groups import GroupScores, JudgeGroup, judge_in_groups
from rara.provenance.parts import GroupsPart, NoTwoSample, SiblingsPart, TwoSamplePart
from rara.provenance.provenance import Provenance
from rara.reference.copy_network import CopyNetwork
from rara.reference.geometry import Once, ReferenceGeometry
from rara.reference.judging import PairEvidence, Scored, judge_by_vectors, judge_one_by_one
from rara.reference.options import ScoreOptions
from rara.retrieval.ready_pictures import ReadyPictures
from rara.retrieval.reference_index import has_index, index_of
from rara.retrieval.sources import chance_aligned_in, chance_in
from rara.reward.rewards import Rewards, columns
from rara.reward.scale import RewardScale
from rara.run import Run, checked_run, step
from rara.scores import BallGeometry, Families
from rara.sources import Source
from rara.table.provenance import table_of
from rara.table.score_table import ScoreTable
from rara.two_sample import two_sample_test


class Scorer:
    """Judges samples by one reference, always with the same options. Made by `Reference.scorer`.

    The calibration is made at the first call and kept. May be used from any thread.
    """

    def __init__(
        self,
        geometry: ReferenceGeometry,
        options: ScoreOptions,
        *,
        calibration: Images | None = None,
        extractor: str | os.PathLike[str] | Extractor | None = None,
        source: Source | None = None,
        decisions: Iterable[Decision] = (),
        index: Path | None = None,
        run: Run | None = None,
    ) -> None:
        """`decisions`: what people decided of pairs, as of now. `index`: the folder of the index of
        the reference's local features."""
        self.geometry, self.options, self.run = geometry, options, checked_run(run)
        self._extractor, self._source, self._once = extractor, source, Once()
        self.decisions, self._index = tuple(decisions), index
        geometry.checked_k(options.k)  # refused before long work
        self._network: CopyNetwork | None = None
        if options.copy_network is not None:
            self._network = CopyNetwork(options.copy_network, geometry, source, self.run)
        self._spare: list[ReadyPictures] = []
        self.comparing: Callable[[], AbstractContextManager[None]] = nullcontext
        """Entered while pictures are compared, which takes long: a service lets others go first."""
        self._calibration_images: Features | None = None
        self._calibration_source: Source | None = None
        if calibration is not None:
            self._calibration_images, self._calibration_source = self.features(calibration)

    @property
    def calibrates_itself(self) -> bool:
        """Whether the reference's own images calibrate."""
        return self._calibration_images is None

    def score(self, images: Images) -> ScoreTable:
        """One record for each image that could be read; the others are in the provenance."""
        features, source = self.features(images)
        return self._judged(features, self.pictures(features, source), source)

    def score_features(
        self, vectors: ArrayLike | Features, *, ids: Sequence[str] | None = None
    ) -> ScoreTable:
        """The same for vectors that were computed elsewhere, shape (m, d), taken as float32."""
        given = as_features(vectors, ids, "samples")
        return self._judged(comparable(given, self.geometry.features.spec), None, None)

    def score_leave_one_out(self) -> ScoreTable:
        """Every reference image judged as if it had never been in the reference."""
        features = self.geometry.features
        return self._judged(features, self.pictures(features, self._source), None, own=True)

    def reward(self, images: Images | NDArray[np.floating]) -> NDArray[np.float64]:
        """(n,) how original and faithful each image is, in one number to train or choose by.

        Higher is better: 0 is a typical real image, 1 the 99th percentile of real images. Off the
        manifold, for copies and for repeats within the batch it falls below 0, and it has an upper
        bound. NaN for an image that cannot be read, and for a vector that is not finite; the others
        are rewarded as if that one were not there.

            reward = rarity - off_manifold - copy - repeat

        `images`: as for `score`, or vectors of shape (n, d) as for `score_features`. With
        gradients: `rara.selection.torch.Reward`. It depends on the reference and on k alone, not on
        alpha, groups or decisions. docs/explanation/reward.md derives it. Raises ParameterError for
        a reference of fewer than 20 images.
        """
        return self.reward_terms(images)["reward"]

    def reward_terms(self, images: Images | NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
        """The terms of `reward` by name, (n,) each, and the reward itself.

        `rarity` is the soft k-NN distance, 0 at a typical real image. What is taken off, at least 0
        each: `off_manifold` where it is far, or farther than its neighbours are; `copy` where one
        reference image is much nearer than the others; `repeat` where another one of the batch is.
        """
        rewards = self.rewards
        rows, vectors = self._rows(images)
        found = columns(rewards.terms(vectors))
        spread = {name: np.full(rows.size, np.nan) for name in found}
        for name, values in found.items():
            spread[name][rows] = values
        return spread

    @property
    def rewards(self) -> Rewards:
        """The rewards by this reference, which `reward` and its gradients share; made once."""
        geometry = self.geometry

        def make() -> Rewards:
            balls = geometry.ball_geometry(self.options.k)
            scale = RewardScale.around(balls)
            return Rewards(geometry.features.vectors, geometry.code_cache, scale, self.run)

        return self._once("rewards", make)

    def _rows(
        self, images: Images | NDArray[np.floating]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Which of the images have a vector, and these vectors as the reference compares them."""
        spec = self.geometry.features.spec
        if isinstance(images, np.ndarray) and images.ndim == 2 and images.dtype.kind == "f":
            finite = np.asarray(np.isfinite(images).all(axis=1))
            given = as_features(images[finite], None, "samples") if finite.any() else None
            if given is None:
                return finite, np.empty((0, spec.dim), np.float32)
            return finite, comparable(given, spec).vectors
        features, _ = self.features(images)
        done = pc.equal(features.items["state"], "done").to_numpy(zero_copy_only=False)
        return done, features.vectors

    def verdicts(self, samples: Features, *, own: bool = False, absent: str) -> ScoreTable:
        """The verdicts alone, without groups, repeats and the two-sample test.

        `absent` says why there is no such test. `own`: the samples are the reference's own images.
        """
        balls = self._ball_geometry(len(samples), own=own)
        calibration = replace(self._calibration(balls), every_k={})
        pairs = PairEvidence(self.decisions)
        scored = self._scored(samples, balls, calibration, Families(), pairs)
        provenance = self._provenance(samples, balls, scored, NoTwoSample(absent))
        return ScoreTable(table_of(samples, scored.columns), provenance)

    def one_by_one(self, samples: Features, balls: BallGeometry, also: Families) -> Scored:
        """The columns of each sample and what they rest on; `also` joins the same pass.

        Without decisions: a comparison sets samples beside real images, of which nobody decided.
        """
        return self._scored(samples, balls, self._calibration(balls), also, PairEvidence())

    def _judged(
        self,
        samples: Features,
        pictures: SourcePictures | None,
        source: Source | None,
        *,
        own: bool = False,
    ) -> ScoreTable:
        options, run, reference = self.options, self.run, self.geometry.features
        balls = self._ball_geometry(len(samples), own=own)
        calibration = self._calibration(balls)
        groups: AddedColumns[GroupsPart] | AddedColumns[None] = NOTHING
        siblings: AddedColumns[SiblingsPart] | AddedColumns[None] = NOTHING
        if options.group_by is not None:
            judge = self._judge_group(samples, balls.k, own=own)
            groups = judge_in_groups(samples, reference, options.group_by, balls.k, judge, run)
        if options.against_siblings is not None:
            siblings = judge_among_siblings(samples, balls.k, options.against_siblings, run)
        repeats = judge_repeats(samples, reference, balls, run)
        network = None
        if self._network is not None:
            network = self._network.compare(
                samples, source, balls, calibration, self._calibration_source
            )  # fmt: skip
        pairs = PairEvidence(
            self.decisions, pictures, self._read_before, options.evidence, self._index, network
        )
        scored = self._scored(samples, balls, calibration, options.families, pairs)
        with step(run.progress, "Two-sample test"):
            test, part = two_sample_test(samples, reference, balls, threads=run.threads)
        provenance = replace(
            self._provenance(samples, balls, scored, part),
            repeats=repeats.part, groups=groups.part, siblings=siblings.part,
            families=options.families.provenance(balls),
        )  # fmt: skip
        added = {**test, **repeats.columns, **groups.columns, **siblings.columns}
        return ScoreTable(table_of(samples, {**scored.columns, **added}), provenance, pictures)

    def warm(self) -> None:
        """Make now what follows from the reference alone, which the first call would wait for.

        Raises nothing where pictures are gone: calls do without them.
        """
        self._calibration(self._ball_geometry(1, own=False))
        self._ball_geometry(1, own=False)  # codes are made once it is clear that more will come
        if self.options.evidence == "none" or self.geometry.features.spec.weights == "none":
            return
        with self._read_before() as ready:
            chance_in(ready, self.run)
            chance_aligned_in(ready, self.run)
            if has_index(self.geometry.features, self._index):
                index_of(ready, self._index, self.run)

    @contextmanager
    def _read_before(self) -> Iterator[ReadyPictures]:
        """The reference's pictures, those that an earlier call read at hand; each thread has its
        own."""
        with self.comparing():
            try:
                ready = self._spare.pop()
            except IndexError:
                own = self.geometry.features
                pictures = SourcePictures.of(own, None, own, self._source)
                ready = ReadyPictures("reference", own, pictures, self.run)
            ready.unavailable.clear()
            yield ready
            self._spare.append(ready)

    def _judge_group(self, samples: Features, k: int, *, own: bool) -> JudgeGroup:
        """Judges some of the samples by some of the reference, with the same options."""
        quiet = replace(self.run, progress=None)
        by_vectors = replace(self.options, copy_network=None)

        def judge(ours: Rows, theirs: Rows, advance: Callable[[int], None] | None) -> GroupScores:
            part = Scorer(self.geometry.part(theirs, k, quiet), by_vectors, run=quiet)
            balls = part._ball_geometry(len(ours), own=own)
            reference = part.geometry.features.vectors
            return judge_by_vectors(samples.vectors[ours], reference, balls, quiet, advance)

        return judge

    def _scored(
        self,
        samples: Features,
        balls: BallGeometry,
        calibration: CalibrationSet,
        also: Families,
        pairs: PairEvidence,
    ) -> Scored:
        return judge_one_by_one(
            samples, self.geometry.features, balls, calibration, self.options.thresholds, also,
            pairs, self.run,
        )  # fmt: skip

    def _provenance(
        self,
        samples: Features,
        balls: BallGeometry,
        scored: Scored,
        two_sample: TwoSamplePart | NoTwoSample,
    ) -> Provenance:
        return scored.provenance(
            samples, self.geometry.describe(balls.k), balls,
            compat=self.options.compat, two_sample=two_sample,
        )  # fmt: skip

    def _ball_geometry(self, samples: int, *, own: bool) -> BallGeometry:
        balls = self.geometry.ball_geometry(self.options.k, self.options.rule, own=own)
        return self.geometry.for_query(balls, samples, self.run)

    def _calibration(self, balls: BallGeometry) -> CalibrationSet:
        return self._once(
            balls.own is None,
            lambda: self.geometry.calibration(self._calibration_images, balls, self.run),
        )

    def features(self, images: Images, run: Run | None = None) -> tuple[Features, Source | None]:
        """Samples as the reference's extractor sees them, and their source."""
        spec, work = self.geometry.features.spec, self.run if run is None else checked_run(run)
        return features_like(spec, images, self._extractor, work)

    def pictures(self, samples: Features, source: Source | None) -> SourcePictures:
        """The pictures of both sides, as far as they can be read again."""
        return SourcePictures.of(samples, source, self.geometry.features, self._source)
