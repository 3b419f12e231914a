"""Samples judged: every axis, repeats, groups and siblings, the two-sample test, the verdict.

    ScoreOptions, BallGeometry --judge_samples--> ScoreTable

The reference brings its geometry and its calibration; all that is asked of the samples
beside it comes together here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rara.calibration.by_vectors import Calibrator, VectorCopyTest
from rara.calibration.copies import score_copies
from rara.calibration.real_images import CalibrationSet
from rara.duplicates.repeats import judge_repeats
from rara.features.features import Features
from rara.features.image_lookup import SourcePictures
from rara.features.metadata_groups import NOTHING, AddedColumns
from rara.geometry import WorkDone
from rara.groups.siblings import judge_among_siblings
from rara.groups.within_groups import judge_in_groups
from rara.provenance.parts import (
    CalibrationPart,
    NoTwoSample,
    ReferencePart,
    SiblingsPart,
    TwoSamplePart,
    VerdictPart,
)
from rara.provenance.provenance import Provenance
from rara.reference.options import Compat, ScoreOptions
from rara.run import Run, step, watching
from rara.scores import AXES, Axis, BallGeometry, Columns, Families, OnePass
from rara.table.provenance import provenance_of, table_of
from rara.table.score_table import ScoreTable
from rara.two_sample import two_sample_test
from rara.verdict.conclude import conclude
from rara.verdict.rules import Thresholds
from rara.verdict.stability import EveryK


def judge_samples(
    samples: Features,
    asked: ScoreOptions,
    *,
    reference: Features,
    geometry: BallGeometry,
    known: CalibrationSet,
    described: ReferencePart,
    pictures: SourcePictures | None,
    run: Run,
) -> ScoreTable:
    """One record for each sample, and what all of them are relative to."""
    group = judge_in_groups(samples, reference, geometry, asked.group_by, run)
    siblings = _among_siblings(samples, geometry.k, asked.against_siblings, run)
    repeats = judge_repeats(samples, reference, geometry, run)
    scored = judge_one_by_one(
        samples, reference, geometry, known, asked.thresholds, asked.families, run
    )
    with step(run.progress, "Two-sample test"):
        apart, told = two_sample_test(samples, reference, geometry, threads=run.threads)
    provenance = scored.provenance(
        samples, described, geometry, compat=asked.compat, two_sample=told
    )
    found = {**scored.columns, **apart, **repeats.columns, **group.columns, **siblings.columns}
    provenance = replace(
        provenance, repeats=repeats.part, groups=group.part, siblings=siblings.part,
        families=asked.families.provenance(geometry),
    )  # fmt: skip
    return ScoreTable(table_of(samples, found), provenance, pictures)


def _among_siblings(
    samples: Features, k: int, by: str | None, run: Run
) -> AddedColumns[SiblingsPart] | AddedColumns[None]:
    return NOTHING if by is None else judge_among_siblings(samples, k, by, run)


@dataclass(frozen=True, slots=True)
class Scored:
    """Samples judged one by one by a whole reference: every axis, and the verdict."""

    columns: Columns
    calibration: CalibrationPart
    verdict: VerdictPart
    statistics: WorkDone

    def provenance(
        self,
        samples: Features,
        described: ReferencePart,
        geometry: BallGeometry,
        *,
        compat: Compat | None,
        two_sample: TwoSamplePart | NoTwoSample,
    ) -> Provenance:
        """What it is relative to, with what a test of all samples together found."""
        return provenance_of(
            samples, described, geometry, compat=compat, calibration=self.calibration,
            two_sample=two_sample, verdict=self.verdict, statistics=self.statistics,
        )  # fmt: skip


def judge_one_by_one(
    samples: Features,
    reference: Features,
    geometry: BallGeometry,
    known: CalibrationSet,
    thresholds: Thresholds,
    families: Families,
    run: Run,
) -> Scored:
    """All pairs in one pass, then the pixels, then what may be concluded of both."""
    added = (EveryK(known.every_k, thresholds), *families.axes)
    columns, copy_test, work = _scan(samples, reference, geometry, known.calibrator, added, run)
    with step(run.progress, "Pictures of sample and reference"):
        copies = score_copies(copy_test, samples, reference, geometry, known, run)
    known = replace(known, part=copies.part)
    with step(run.progress, "Verdicts"):
        with_verdicts, verdict = conclude(
            {**columns, **copies.columns},
            copies.near,
            samples,
            reference,
            geometry,
            known,
            thresholds,
            run,
        )
    return Scored(with_verdicts, known.part, verdict, work)


def _scan(
    samples: Features,
    reference: Features,
    geometry: BallGeometry,
    calibrator: Calibrator,
    added: Sequence[Axis[Columns]],
    run: Run,
) -> tuple[Columns, VectorCopyTest, WorkDone]:
    """The columns of all axes, and the test for copies by vectors, in one pass over the pairs."""
    one_pass = OnePass(geometry, len(samples))
    scores, calibrated = one_pass.ask_columns(AXES), one_pass.ask(calibrator)
    further = one_pass.ask_columns(added)
    pairs = len(samples) * len(reference)
    with watching(run.progress, pairs, "Pairs of sample and reference") as advance:
        work = one_pass.run(samples.vectors, reference.vectors, **run.engine(advance))
        calibration = calibrated()
        columns = {**scores(), **calibration.columns, **further()}
    return columns, calibration.copy_test, work
