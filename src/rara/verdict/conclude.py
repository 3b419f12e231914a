"""From the columns of a table to its verdicts: the last step of scoring.

columns, contents, vectors --VerdictEvidence--> verdict and reason
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rara.calibration.real_images import CalibrationSet
from rara.calibration.source_evidence import certain_copies
from rara.features.features import Features
from rara.features.pixel_hashes import SAME, first_equal
from rara.provenance.parts import DecisionsPart, OverK, VerdictPart
from rara.run import Run
from rara.scores import BallGeometry, Columns
from rara.stats.conformal import q_values
from rara.stats.correlation import rank_correlations
from rara.verdict.clusters import shared_modes
from rara.verdict.decided import (
    Accusations,
    Spoken,
    accusing_evidence,
    speak,
    spoken_of,
    with_copies,
)
from rara.verdict.reasons import explain
from rara.verdict.rules import Thresholds, VerdictEvidence, decide, off_manifold, shortfall

OFFICIAL = "The numbers of the Rarity Score's own code carry no verdict."


@dataclass(frozen=True, slots=True)
class Concluded:
    """What was concluded, and what that is relative to."""

    columns: Columns
    verdict: VerdictPart
    decisions: DecisionsPart | None
    """None where nothing is decided."""


def conclude(
    columns: Columns,
    accusations: Accusations,
    samples: Features,
    reference: Features,
    geometry: BallGeometry,
    calibration: CalibrationSet,
    thresholds: Thresholds,
    run: Run,
) -> Concluded:
    """The columns, with `verdict` and `reason` first, and the parts of the provenance on them.

    `copy_q` is Benjamini and Hochberg's over the samples that are not certainly copies, and 0
    for certain copies: as sure discoveries, they would let more of the others be called. What
    people decided changes verdicts and reasons, and no other column.
    """
    content = same_content(samples, reference, geometry.own)
    picture = _same_picture(columns)
    facts = picture.copy()
    facts[list(content)] = True
    copies = facts | (columns["nearest_distance"] == 0) | certain_copies(columns)
    q = q_values(np.where(copies, np.nan, columns["copy_p"]))
    columns = {**columns, "copy_q": np.where(copies, 0.0, q)}
    official = geometry.boundary == "official"
    missing = OFFICIAL if official else shortfall(calibration.part, thresholds)
    part = VerdictPart(
        alpha=thresholds.alpha, rare=thresholds.rare, uncommon=thresholds.uncommon,
        shortfall=missing,
        k=_over_k(columns, geometry, calibration),
    )  # fmt: skip
    if official:
        verdicts, reasons = ["no verdict"] * len(samples), [OFFICIAL] * len(samples)
        return Concluded(_with_texts(columns, verdicts, reasons, None), part, None)
    evidence = VerdictEvidence(
        columns,
        same_content=content,
        same_picture=picture,
        copies=copies,
        near=accusations.near,
        clustered=_clustered(columns, samples, geometry, calibration, thresholds, run),
        calibration=calibration.part,
        shortfall=missing,
    )
    accusing = accusing_evidence(evidence, facts, accusations.past)
    decided = with_copies(decide(accusing, thresholds), accusations.pairs)
    named = spoken_of(decided, evidence, accusing)
    verdicts = decided.tolist()
    reasons = explain(verdicts, named, k=geometry.k, alpha=thresholds.alpha)
    if accusations.pairs is None:
        return Concluded(_with_texts(columns, verdicts, reasons, None), part, None)
    spoken = speak(reasons, evidence, facts, accusations.pairs, accusations.compared)
    return Concluded(_with_texts(columns, verdicts, spoken.reasons, spoken), part, spoken.part)


def _with_texts(
    columns: Columns, verdicts: list[str], reasons: Sequence[str], spoken: Spoken | None
) -> Columns:
    texts = {"verdict": pa.array(verdicts, pa.string()), "reason": pa.array(reasons, pa.string())}
    if spoken is not None:
        texts |= {"decision": spoken.decision, "decision_source": spoken.source}
    return {**texts, **columns, "stability": _stability(columns["stability"], verdicts)}


def _stability(shares: NDArray[np.float64], verdicts: list[str]) -> NDArray[np.float64]:
    """1 for copies, which are copies at every k; NaN for samples without a verdict."""
    fixed = {"copy": 1.0, "near copy": 1.0, "no verdict": np.nan}
    pairs = zip(verdicts, shares.tolist(), strict=True)
    return np.array([fixed.get(verdict, share) for verdict, share in pairs])


def _over_k(columns: Columns, geometry: BallGeometry, calibration: CalibrationSet) -> OverK | None:
    """How far the ranking by rarity depends on k: Spearman's correlation with the k chosen."""
    ks = list(calibration.every_k)
    if geometry.k not in ks:
        return None
    lists: pa.ListArray = columns["rarity_by_k"]
    rarity = lists.flatten().to_numpy(zero_copy_only=False).reshape(-1, len(ks))
    return OverK(tuple(ks), tuple(rank_correlations(rarity, ks.index(geometry.k))))


def same_content(
    samples: Features, reference: Features, own: NDArray[np.int32] | None = None
) -> dict[int, str]:
    """Row of a sample -> id of a reference image of the same content, other than itself.

    A copy of an image that was left out of the reference, as a duplicate or for its unit, is still
    a copy. The reference's own images (`own`) are not compared with left-out images.
    """
    images = reference.done if own is not None else reference.embedded
    digests, others = (one["digest"].combine_chunks() for one in (samples.done, images))
    same = first_equal(digests, others, own)
    rows = np.flatnonzero(same >= 0)
    ids = images["id"].combine_chunks().take(pa.array(same[rows]))
    return dict(zip(rows.tolist(), ids.to_pylist(), strict=True))


def _same_picture(columns: Columns) -> NDArray[np.bool_]:
    equal = pc.equal(columns["pixel_distance"], SAME).fill_null(False)
    same: NDArray[np.bool_] = equal.to_numpy(zero_copy_only=False)
    return same


def _clustered(
    columns: Columns,
    samples: Features,
    geometry: BallGeometry,
    calibration: CalibrationSet,
    thresholds: Thresholds,
    run: Run,
) -> NDArray[np.bool_]:
    """Which samples lie off the manifold together; only those off the manifold are scanned."""
    flags = off_manifold(columns, thresholds)
    off = np.flatnonzero(flags)
    flags[off] = shared_modes(
        samples.vectors[off],
        columns["nearest_distance"][off],
        calibration.calibrator.at_k.knn2,
        k=geometry.k,
        stride=max(1, len(samples) // len(geometry.d2)),
        alpha=thresholds.alpha,
        **run.engine(),
    )
    return flags
