"""Samples judged one by one: every axis and the verdict, or the vectors' p-values alone.

    vectors, BallGeometry, calibration --judge_one_by_one--> columns, what they rest on
                                       --judge_by_vectors--> a few of them, for one group

Each takes one pass over all pairs of sample and reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.calibration.by_vectors import BY_VECTORS, calibrate_by_itself
from rara.calibration.copies import score_copies
from rara.calibration.real_images import CalibrationSet
from rara.features.features import Features
from rara.geometry import WorkDone
from rara.groups.within_groups import GroupScores
from rara.provenance.parts import (
    CalibrationPart,
    NoTwoSample,
    ReferencePart,
    TwoSamplePart,
    VerdictPart,
)
from rara.provenance.provenance import Provenance
from rara.reference.options import Compat
from rara.run import Run, step, watching
from rara.scores import AXES, BallGeometry, Families, Rarity, judge
from rara.table.provenance import provenance_of
from rara.verdict.conclude import conclude
from rara.verdict.rules import Thresholds
from rara.verdict.stability import EveryK


@dataclass(frozen=True, slots=True)
class Scored:
    """Samples judged one by one by a whole reference: every axis, and the verdict."""

    columns: Mapping[str, Any]
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
    axes = (*AXES, known.axis, EveryK(known.every_k, thresholds), *families.axes)
    pairs = len(samples) * len(reference)
    with watching(run.progress, pairs, "Pairs of sample and reference") as advance:
        columns, statistics = judge(
            samples.vectors, reference.vectors, axes, geometry,
            **run.engine(advance),
        )  # fmt: skip
    with step(run.progress, "Pictures of sample and reference"):
        seen = score_copies(columns.pop(BY_VECTORS), samples, reference, geometry, known, run)
    known = replace(known, origin=seen.origin)
    with step(run.progress, "Verdicts"):
        columns, verdict = conclude(
            {**columns, **seen.columns},
            seen.near,
            samples,
            reference,
            geometry,
            known,
            thresholds,
            run,
        )
    return Scored(columns, known.origin, verdict, statistics)


def judge_by_vectors(
    samples: NDArray[np.float32],
    reference: NDArray[np.float32],
    geometry: BallGeometry,
    run: Run,
    advance: Callable[[int], None] | None,
) -> GroupScores:
    """Rarity and the p-values of the vectors, calibrated by the reference's own images."""
    calibrator = calibrate_by_itself(geometry)
    axes = (Rarity(), calibrator)
    columns, _ = judge(samples, reference, axes, geometry, **run.engine(advance))
    return GroupScores(columns, calibrator.describe().smallest_p)
