"""Samples judged one by one: every axis and the verdict, or the vectors' p-values alone.

    vectors, BallGeometry, calibration --judge_one_by_one--> columns, what they rest on
                                       --judge_by_vectors--> a few of them, for one group

Each takes one pass over all pairs of sample and reference, and more where the memory is too small
for the pairs that the calibration keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rara.calibration.by_copy_network import NetworkScores
from rara.calibration.by_vectors import BesideOthers, VectorCopyTest, calibrate_by_itself
from rara.calibration.copies import compare_pixels, score_copies
from rara.calibration.looked_past import OtherTests, look_past
from rara.calibration.real_images import CalibrationSet
from rara.calibration.source_evidence import candidates_near, evidence_part, with_sources
from rara.decisions.decision import Decision
from rara.decisions.pairs import judged_pairs
from rara.features.features import Features
from rara.features.image_lookup import SourcePictures
from rara.geometry import WorkDone
from rara.groups.within_groups import GroupScores
from rara.provenance.parts import (
    CalibrationPart,
    CopyNetworkPart,
    DecisionsPart,
    EvidencePart,
    NoTwoSample,
    ReferencePart,
    TwoSamplePart,
    VerdictPart,
)
from rara.provenance.provenance import Provenance
from rara.reference.options import Compat
from rara.retrieval.finding import Candidates, FoundSources, Looking, find_sources
from rara.retrieval.ready_pictures import ReadyPictures
from rara.retrieval.reference_index import has_index
from rara.run import Run, step, watching
from rara.scores import AXES, Axis, BallGeometry, Columns, Families, OnePass, Rarity
from rara.table.provenance import provenance_of
from rara.verdict.conclude import conclude
from rara.verdict.copy_witness import with_witness
from rara.verdict.decided import Accusations
from rara.verdict.rules import Thresholds
from rara.verdict.stability import EveryK

_BY_NETWORK = 3
"""Of a sample's nearest images by the copy network, those that are searched for regions."""


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """What is known of pairs beside the tests: people's decisions, and the pictures themselves."""

    decisions: Sequence[Decision] = ()
    pictures: SourcePictures | None = None
    """None where there are only vectors."""
    reference: Callable[[], AbstractContextManager[ReadyPictures]] | None = None
    """Lends the reference's pictures, as far as they were read before, while some are compared;
    None reads them anew."""
    looking: Looking = "none"
    index: Path | None = None
    """The folder of the reference's index of local features, where it has one."""
    network: NetworkScores | None = None
    """The samples by a copy network, if one was asked for."""

    def lent(
        self, candidates: Candidates, reference: Features, pictures: SourcePictures, run: Run
    ) -> AbstractContextManager[ReadyPictures]:
        """The reference's pictures; those that are lent only where there is something to compare,
        for others may wait for them."""
        if self.reference is None or not candidates:
            return nullcontext(ReadyPictures("reference", reference, pictures, run))
        return self.reference()


@dataclass(frozen=True, slots=True)
class Scored:
    """Samples judged one by one by a whole reference: every axis, and the verdict."""

    columns: Columns
    calibration: CalibrationPart
    verdict: VerdictPart
    decisions: DecisionsPart | None
    evidence: EvidencePart | None
    network: CopyNetworkPart | None
    statistics: WorkDone
    tests_p: NDArray[np.float64]
    """(m,) `copy_p` by the tests alone, without images that are decided to be no originals."""

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
        provenance = provenance_of(
            samples, described, geometry, compat=compat, calibration=self.calibration,
            two_sample=two_sample, verdict=self.verdict, statistics=self.statistics,
        )  # fmt: skip
        return replace(
            provenance, decisions=self.decisions, evidence=self.evidence, copy_network=self.network
        )  # fmt: skip


def judge_one_by_one(
    samples: Features,
    reference: Features,
    geometry: BallGeometry,
    known: CalibrationSet,
    thresholds: Thresholds,
    families: Families,
    pairs: PairEvidence,
    run: Run,
) -> Scored:
    """The pixels, then all pairs in one pass, then what may be concluded of both."""
    added = (EveryK(known.every_k, thresholds), *families.axes)
    with step(run.progress, "Pictures of sample and reference"):
        pixels = compare_pixels(samples, geometry, known, run)
    network = pairs.network
    beside = BesideOthers(known.calibrator, None if pixels is None else pixels.scores, network)
    columns, copy_test, work = _scan(samples, reference, geometry, beside, added, run)
    with step(run.progress, "Verdicts"):
        copies = score_copies(
            copy_test, pixels, network, samples, reference, geometry, known.part
        )  # fmt: skip
        known = replace(known, part=copies.part)
        columns = {**columns, **copies.columns}
        official = geometry.boundary == "official"
        judged = past = None
        tests_p = np.array(columns["copy_p"])
        compared: Mapping[int, Sequence[str]] = {}
        if pairs.decisions and not official:
            judged = judged_pairs(pairs.decisions, samples, reference, geometry.own)
            past = look_past(
                columns, judged.looked_past, samples, reference, geometry, known,
                OtherTests(pixels, network), run,
            )  # fmt: skip
            if past is not None:
                tests_p[past.rows] = past.columns["copy_p"]
    found = None
    if pairs.looking != "none" and pairs.pictures is not None and not official:
        excluded = {} if judged is None else judged.looked_past
        candidates = candidates_near(
            columns, samples, reference, geometry, pairs.looking, thresholds.alpha, run,
            indexed=has_index(reference, pairs.index),
        )  # fmt: skip
        candidates = _with_network(candidates, network).without(excluded)
        ours = ReadyPictures("samples", samples, pairs.pictures, run)
        with pairs.lent(candidates, reference, pairs.pictures, run) as theirs:
            found = find_sources(candidates, ours, theirs, pairs.looking, run, index=pairs.index)
        compared = _passed_over(found, excluded, reference)
    columns = with_witness(with_sources(columns, reference, found))
    with step(run.progress, "Verdicts"):
        made = conclude(
            columns, Accusations(copies.near, judged, past, compared), samples, reference, geometry,
            known, thresholds, run,
        )  # fmt: skip
    evidence = None if found is None else evidence_part(columns, found)
    tests = 2 + (pixels is not None)
    about = None if network is None else network.describe(tests, thresholds.alpha)
    return Scored(
        made.columns, known.part, made.verdict, made.decisions, evidence, about, work, tests_p
    )


def _with_network(candidates: Candidates, network: NetworkScores | None) -> Candidates:
    """With the images nearest by the copy network, for samples that are searched for regions."""
    if network is None:
        return candidates
    nearest = network.first(_BY_NETWORK)
    searched = {
        row: sorted({*rows, *nearest.get(row, ())}) for row, rows in candidates.by_features.items()
    }
    return replace(candidates, by_features=searched)


def _passed_over(
    found: FoundSources, excluded: Mapping[int, NDArray[np.int32]], reference: Features
) -> dict[int, list[str]]:
    """The ids of the excluded reference images that are candidates, by the row of the sample."""
    if not excluded:
        return {}
    ids = reference.ids
    return {
        row: [ids[one] for one in images.tolist() if one in found.passed_over.get(row, ())]
        for row, images in excluded.items()
    }


def _scan(
    samples: Features,
    reference: Features,
    geometry: BallGeometry,
    calibrator: BesideOthers,
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


def judge_by_vectors(
    samples: NDArray[np.float32],
    reference: NDArray[np.float32],
    geometry: BallGeometry,
    run: Run,
    advance: Callable[[int], None] | None,
) -> GroupScores:
    """Rarity and the p-values of the vectors, calibrated by the reference's own images."""
    calibrator, one_pass = calibrate_by_itself(geometry), OnePass(geometry, len(samples))
    rarity, calibrated = one_pass.ask(Rarity()), one_pass.ask(calibrator)
    one_pass.run(samples, reference, **run.engine(advance))
    columns = {**rarity(), **calibrated().columns}
    return GroupScores(columns, calibrator.describe().smallest_p)
