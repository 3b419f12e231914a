"""A reference with options bound once: it scores one image or a million, from any thread.

    ReferenceGeometry, ScoreOptions --Scorer--> images --> ScoreTable

The only place where a reference's geometry meets samples: `Reference.score` and second opinions
go through it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from numpy.typing import ArrayLike

from rara.calibration.real_images import CalibrationSet
from rara.extractors import Extractor
from rara.features.compatibility import comparable, features_like
from rara.features.features import Features
from rara.features.lookup import SourcePictures
from rara.features.opening import Images, given_features
from rara.provenance.parts import NoTwoSample
from rara.reference.geometry import Once, ReferenceGeometry
from rara.reference.judging import judge_one_by_one, judge_samples
from rara.reference.options import ScoreOptions
from rara.run import Run
from rara.scores import BallGeometry, Families
from rara.sources import Source
from rara.table.provenance import table_of
from rara.table.score_table import ScoreTable


class Scorer:
    """Judges samples by one reference, always asked the same. Made by `Reference.scorer`.

    The calibration is found at the first call and kept. May be used from any thread.
    """

    def __init__(
        self,
        geometry: ReferenceGeometry,
        options: ScoreOptions,
        *,
        calibration: Images | None = None,
        extractor: str | os.PathLike[str] | Extractor | None = None,
        source: Source | None = None,
        run: Run | None = None,
    ) -> None:
        self.geometry, self.options, self.run = geometry, options, run or Run()
        self._extractor, self._source, self._once = extractor, source, Once()
        geometry.checked_k(options.k)  # refused before long work
        self._reals = None if calibration is None else self._features(calibration)[0]

    @property
    def calibrates_itself(self) -> bool:
        """Whether the reference's own images calibrate."""
        return self._reals is None

    def score(self, images: Images) -> ScoreTable:
        """One record for each image that could be read; the others are in the provenance."""
        features, source = self._features(images)
        return self._judged(features, self._pictures(features, source))

    def score_features(
        self, vectors: ArrayLike | Features, *, ids: Sequence[str] | None = None
    ) -> ScoreTable:
        """The same for vectors that were computed elsewhere, shape (m, d), taken as float32."""
        given = given_features(vectors, ids, "samples")
        return self._judged(comparable(given, self.geometry.features.spec), None)

    def score_leave_one_out(self) -> ScoreTable:
        """Every reference image judged as if it had never been in the reference."""
        features = self.geometry.features
        return self._judged(features, self._pictures(features, self._source), own=True)

    def verdicts(self, samples: Features, *, own: bool = False, absent: str) -> ScoreTable:
        """The verdicts alone, without groups, repeats and the two-sample test.

        `absent` says why there is no such test. `own`: the samples are the reference's own images.
        """
        balls = self._ball_geometry(len(samples), own=own)
        known = replace(self._calibration(balls), every_k={})
        reference, thresholds = self.geometry.features, self.options.thresholds
        scored = judge_one_by_one(
            samples, reference, balls, known, thresholds, Families(), self.run
        )
        provenance = scored.provenance(
            samples, self.geometry.describe(balls.k), balls,
            compat=self.options.compat, two_sample=NoTwoSample(absent),
        )  # fmt: skip
        return ScoreTable(table_of(samples, scored.columns), provenance)

    def _judged(
        self, samples: Features, pictures: SourcePictures | None, *, own: bool = False
    ) -> ScoreTable:
        balls = self._ball_geometry(len(samples), own=own)
        return judge_samples(
            samples, self.options, reference=self.geometry.features, geometry=balls,
            known=self._calibration(balls), described=self.geometry.describe(balls.k),
            pictures=pictures, run=self.run,
        )  # fmt: skip

    def _ball_geometry(self, samples: int, *, own: bool) -> BallGeometry:
        balls = self.geometry.ball_geometry(self.options.k, self.options.rule, own=own)
        return self.geometry.for_query(balls, samples, self.run)

    def _calibration(self, balls: BallGeometry) -> CalibrationSet:
        return self._once(
            balls.own is None,
            lambda: self.geometry.calibration(self._reals, balls, self.run),
        )

    def _features(self, images: Images) -> tuple[Features, Source | None]:
        return features_like(self.geometry.features.spec, images, self._extractor, self.run)

    def _pictures(self, samples: Features, source: Source | None) -> SourcePictures:
        return SourcePictures.of(samples, source, self.geometry.features, self._source)
