"""From the columns of a table to its verdicts: the last step of scoring.

columns, contents, vectors --VerdictEvidence--> verdict and reason
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rara.calibration.by_vectors import Calibrator
from rara.calibration.real_images import CalibrationSet
from rara.features.features import Features
from rara.features.pixel_hashes import SAME, first_equal
from rara.provenance.parts import OverK, VerdictPart
from rara.run import Run
from rara.scores import BallGeometry
from rara.stats.conformal import q_values
from rara.stats.correlation import rank_correlations
from rara.verdict.clusters import shared_modes
from rara.verdict.reasons import explain
from rara.verdict.rules import Thresholds, VerdictEvidence, decide, off_manifold, shortfall

OFFICIAL = "The numbers of the Rarity Score's own code carry no verdict."


def conclude(
    columns: Mapping[str, Any],
    near: NDArray[np.bool_],
    samples: Features,
    reference: Features,
    geometry: BallGeometry,
    reals: CalibrationSet,
    thresholds: Thresholds,
    run: Run,
) -> tuple[dict[str, Any], VerdictPart]:
    """The columns, `verdict` and `reason` first, and what the provenance says of those.

    `copy_q` is Benjamini and Hochberg's over the samples that are not known to be copies, and 0
    for those that are: sure discoveries among the others would let more of them be called.
    `near`: samples as near as only a copy is, whatever p says.
    """
    twin_of = same_content(samples, reference, geometry.own)
    same = _same_picture(columns)
    known = same | (columns["nearest_distance"] == 0)
    known[list(twin_of)] = True
    q = q_values(np.where(known, np.nan, columns["copy_p"]))
    columns = {**columns, "copy_q": np.where(known, 0.0, q)}
    missing = OFFICIAL if geometry.boundary == "official" else shortfall(reals.origin, thresholds)
    about = VerdictPart(
        alpha=thresholds.alpha, rare=thresholds.rare, uncommon=thresholds.uncommon,
        shortfall=missing,
        k=_over_k(columns, geometry, reals),
    )  # fmt: skip
    if geometry.boundary == "official":
        nothing = pa.array(["no verdict"] * len(samples), pa.string())
        why = pa.array([OFFICIAL] * len(samples), pa.string())
        unknown = np.full(len(samples), np.nan)
        return {"verdict": nothing, "reason": why, **columns, "stability": unknown}, about
    evidence = VerdictEvidence(
        columns,
        twins=twin_of,
        copies=known,
        near=near,
        same=same,
        together=_modes(columns, samples, geometry, reals.axis, thresholds, run),
        calibration=reals.origin,
        shortfall=missing,
    )
    verdicts = decide(evidence, thresholds).tolist()
    reasons = explain(verdicts, evidence, k=geometry.k, alpha=thresholds.alpha)
    said = {"verdict": pa.array(verdicts, pa.string()), "reason": pa.array(reasons, pa.string())}
    return {**said, **columns, "stability": _stability(columns["stability"], verdicts)}, about


def _stability(standings: NDArray[np.float64], verdicts: list[str]) -> NDArray[np.float64]:
    """A copy is one at every k, and what has no verdict has none that could change."""
    fixed = {"copy": 1.0, "near copy": 1.0, "no verdict": np.nan}
    pairs = zip(verdicts, standings.tolist(), strict=True)
    return np.array([fixed.get(verdict, share) for verdict, share in pairs])


def _over_k(
    columns: Mapping[str, Any], geometry: BallGeometry, reals: CalibrationSet
) -> OverK | None:
    """How far the ranking by rarity depends on k: Spearman's correlation with the k chosen."""
    ks = list(reals.every_k)
    if geometry.k not in ks:
        return None
    rarity = columns["rarity_by_k"].flatten().to_numpy(zero_copy_only=False).reshape(-1, len(ks))
    return OverK(tuple(ks), tuple(rank_correlations(rarity, ks.index(geometry.k))))


def same_content(
    samples: Features, reference: Features, own: NDArray[np.int32] | None = None
) -> dict[int, str]:
    """Row of a sample -> id of a reference image of the same content, itself excepted.

    Images that were left out, as duplicates or for others of their unit, are in the reference
    where a copy is a matter of fact; its own images are judged without them.
    """
    theirs = reference.done if own is not None else reference.embedded
    ours, held = (one["digest"].combine_chunks() for one in (samples.done, theirs))
    twin = first_equal(ours, held, own)
    rows = np.flatnonzero(twin >= 0)
    ids = theirs["id"].combine_chunks().take(pa.array(twin[rows]))
    return dict(zip(rows.tolist(), ids.to_pylist(), strict=True))


def _same_picture(columns: Mapping[str, Any]) -> NDArray[np.bool_]:
    equal = pc.equal(columns["pixel_distance"], SAME).fill_null(False)
    same: NDArray[np.bool_] = equal.to_numpy(zero_copy_only=False)
    return same


def _modes(
    columns: Mapping[str, Any],
    samples: Features,
    geometry: BallGeometry,
    axis: Calibrator,
    thresholds: Thresholds,
    run: Run,
) -> NDArray[np.bool_]:
    """Which samples lie off the manifold together; only those that lie off it are scanned."""
    flags = off_manifold(columns, thresholds)
    off = np.flatnonzero(flags)
    flags[off] = shared_modes(
        samples.vectors[off],
        columns["nearest_distance"][off],
        axis.at_k.knn2,
        k=geometry.k,
        every=max(1, len(samples) // len(geometry.d2)),
        alpha=thresholds.alpha,
        **run.engine(),
    )
    return flags
