"""One generator judged: its score table, and the lists that its figures are found from.

    images, scorer --Judge.judge--> Generator: table, lists, two-sample test, repeats

All pairs of sample and reference are looked at once, for the table and for the lists.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rara.comparison.halves import can_be_halved, halves_of
from rara.comparison.lists import DeepLists, DeepReference, Lists, Parts, WithLists
from rara.duplicates.repeats import judge_repeats
from rara.errors import ParameterError
from rara.features.features import Features
from rara.features.image_lookup import SourcePictures
from rara.features.metadata_groups import by_content
from rara.provenance.parts import NoTwoSample, TwoSamplePart
from rara.reference.scorer import Scorer
from rara.run import Run, step
from rara.scores import BallGeometry
from rara.sources import Source
from rara.table.provenance import table_of
from rara.table.score_table import ScoreTable
from rara.two_sample import two_sample_test


@dataclass(frozen=True, slots=True, eq=False)
class Generator:
    """A generator whose samples were judged one by one, and together."""

    name: str
    features: Features
    table: ScoreTable
    lists: Lists
    apart: TwoSamplePart | NoTwoSample


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """A reference with its options, the deep lists of its own images, and its halves."""

    scorer: Scorer
    balls: BallGeometry
    deep: DeepReference
    parts: Parts
    run: Run

    @classmethod
    def of(cls, scorer: Scorer, run: Run) -> Judge:
        """Raises ParameterError for options that a comparison does not know."""
        options = scorer.options
        if options != options.for_verdicts:
            raise ParameterError(
                "A comparison takes a scorer's k, boundary and alpha: remove its other options."
            )
        geometry = scorer.geometry
        balls = geometry.ball_geometry(options.k, options.rule)
        if balls.k >= balls.d2.shape[1]:
            raise ParameterError(
                f"k = {balls.k} is too large to judge this reference's own images leave-one-out: "
                f"at most {balls.d2.shape[1] - 1}."
            )
        deep = geometry.once(
            ("deep lists", balls.k, balls.boundary),
            lambda: DeepReference.of(geometry.features, balls, run, geometry.deep),
        )
        parts = geometry.once(
            ("halves", balls.k, balls.boundary), lambda: _halves(geometry.features, deep)
        )
        return cls(scorer, balls, deep, parts, run)

    @property
    def reference(self) -> Features:
        """The reference's images."""
        return self.scorer.geometry.features

    def judge(self, name: str, samples: Features, source: Source | None, most: int) -> Generator:
        """All that is said of a generator; the two-sample test takes at most `most` samples."""
        geometry, run = self.scorer.geometry, self.run
        balls = geometry.for_query(self.balls, len(samples), run)
        deep = DeepLists(self.deep, self.parts)
        scored = self.scorer.one_by_one(samples, balls, WithLists(lists=deep))
        assert deep.lists is not None
        columns = dict(scored.columns)
        repeats = judge_repeats(samples, self.reference, balls, run)
        some = samples if len(samples) <= most else thinned(samples, most)
        with step(run.progress, "Two-sample test"):
            found, apart = two_sample_test(some, self.reference, balls, threads=run.threads)
        if some is samples:
            columns |= found
        provenance = scored.provenance(
            samples, geometry.describe(balls.k), balls, compat=None, two_sample=apart
        )
        table = ScoreTable(
            table_of(samples, {**columns, **repeats.columns}),
            replace(provenance, repeats=repeats.part),
            SourcePictures.of(samples, source, self.reference, None),
        )
        return Generator(name, samples, table, deep.lists, apart)


def _halves(reference: Features, deep: DeepReference) -> Parts:
    """The halves of each cut; none where the reference is too small for them."""
    cuts = np.zeros((0, len(reference)), np.bool_)
    if can_be_halved(reference, deep.geometry.k):
        cuts = halves_of(reference)
    return Parts.of(deep, cuts)


def thinned(samples: Features, most: int, *, seed: int = 0) -> Features:
    """So many of the samples, whatever their order is: copies are chosen one by one."""
    chosen = np.sort(np.random.default_rng(seed).permutation(len(samples))[:most])
    rows: NDArray[np.int64] = by_content(samples)[chosen]
    return samples.take(np.sort(rows), samples.location)
