"""Samples judged: every axis, repeats, groups and siblings, the two-sample test, the verdict.

    ScoreOptions, Setting --judged--> ScoreTable

The reference brings its geometry and its calibration; all that is asked of the samples
beside it comes together here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rara.calibration.by_vectors import BY_VECTORS
from rara.calibration.copies import testified
from rara.calibration.real_images import Reals
from rara.duplicates.repeats import judged_repeats
from rara.features.features import Features
from rara.features.keys import NOTHING, Beside
from rara.features.lookup import SourcePictures
from rara.geometry import Statistics
from rara.groups.siblings import judged_among_siblings
from rara.groups.within_groups import judged_in_groups
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
from rara.scores import AXES, Families, Setting, judge
from rara.table.provenance import provenance_of, table_of
from rara.table.score_table import ScoreTable
from rara.two_sample import tell_apart
from rara.verdict.conclude import concluded
from rara.verdict.rules import Levels
from rara.verdict.stability import EveryK


def judged(
    samples: Features,
    asked: ScoreOptions,
    *,
    reference: Features,
    setting: Setting,
    known: Reals,
    described: ReferencePart,
    pictures: SourcePictures | None,
    run: Run,
) -> ScoreTable:
    """One record for each sample, and what all of them are relative to."""
    group = judged_in_groups(samples, reference, setting, asked.group_by, run)
    siblings = _among_siblings(samples, setting.k, asked.against_siblings, run)
    repeats = judged_repeats(samples, reference, setting, run)
    scored = scored_alone(samples, reference, setting, known, asked.levels, asked.families, run)
    with step(run.progress, "Two-sample test"):
        apart, told = tell_apart(samples, reference, setting, threads=run.threads)
    provenance = scored.provenance(
        samples, described, setting, compat=asked.compat, two_sample=told
    )
    found = {**scored.columns, **apart, **repeats.columns, **group.columns, **siblings.columns}
    provenance = replace(
        provenance, repeats=repeats.part, groups=group.part, siblings=siblings.part,
        families=asked.families.provenance(setting),
    )  # fmt: skip
    return ScoreTable(table_of(samples, found), provenance, pictures)


def _among_siblings(
    samples: Features, k: int, by: str | None, run: Run
) -> Beside[SiblingsPart] | Beside[None]:
    return NOTHING if by is None else judged_among_siblings(samples, k, by, run)


@dataclass(frozen=True, slots=True)
class Scored:
    """Samples judged one by one by a whole reference: every axis, and the verdict."""

    columns: Mapping[str, Any]
    calibration: CalibrationPart
    verdict: VerdictPart
    statistics: Statistics

    def provenance(
        self,
        samples: Features,
        described: ReferencePart,
        setting: Setting,
        *,
        compat: Compat | None,
        two_sample: TwoSamplePart | NoTwoSample,
    ) -> Provenance:
        """What it is relative to, with what a test of all samples together found."""
        return provenance_of(
            samples, described, setting, compat=compat, calibration=self.calibration,
            two_sample=two_sample, verdict=self.verdict, statistics=self.statistics,
        )  # fmt: skip


def scored_alone(
    samples: Features,
    reference: Features,
    setting: Setting,
    known: Reals,
    levels: Levels,
    families: Families,
    run: Run,
) -> Scored:
    """All pairs in one pass, then the pixels, then what may be concluded of both."""
    axes = (*AXES, known.axis, EveryK(known.every_k, levels), *families.axes)
    pairs = len(samples) * len(reference)
    with watching(run.progress, pairs, "Pairs of sample and reference") as advance:
        columns, statistics = judge(
            samples.vectors, reference.vectors, axes, setting,
            memory=run.memory, threads=run.threads, progress=advance,
        )  # fmt: skip
    with step(run.progress, "Pictures of sample and reference"):
        seen = testified(columns.pop(BY_VECTORS), samples, reference, setting, known, run)
    known = replace(known, origin=seen.origin)
    with step(run.progress, "Verdicts"):
        columns, verdict = concluded(
            {**columns, **seen.columns}, seen.near, samples, reference, setting, known, levels, run
        )
    return Scored(columns, known.origin, verdict, statistics)
