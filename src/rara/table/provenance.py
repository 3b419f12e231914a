"""What a score table is made of: the columns beside the ids, and what they are relative to.

Last step before the result: scores -> table and provenance -> ScoreTable.
"""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rara import __version__
from rara.columns.score_tables import COLUMNS
from rara.extractors.base import Spec
from rara.features.features import Features, noted_in
from rara.geometry import WorkDone
from rara.provenance.parts import (
    CalibrationPart,
    CleaningPart,
    EnginePart,
    LeaveOneOutSummary,
    NoTwoSample,
    ReferencePart,
    SamplesPart,
    TwoSamplePart,
    VerdictPart,
)
from rara.provenance.provenance import Provenance
from rara.scores import BallGeometry, own_balls
from rara.scores.axis import Columns
from rara.table.score_table import free_name, metadata_columns

if TYPE_CHECKING:
    import pyarrow as pa

QUANTILES = 201


def provenance_of(
    features: Features,
    reference: ReferencePart,
    geometry: BallGeometry,
    *,
    compat: str | None,
    calibration: CalibrationPart,
    two_sample: TwoSamplePart | NoTwoSample,
    verdict: VerdictPart,
    statistics: WorkDone,
) -> Provenance:
    """What samples that were judged one by one are relative to."""
    return Provenance(
        rara=__version__,
        samples=about_samples(features),
        reference=reference,
        calibration=calibration,
        two_sample=two_sample,
        verdict=verdict,
        leave_one_out=geometry.own is not None,
        k=geometry.k,
        boundary="closed" if geometry.boundary == "closed" else "open",
        compat=compat,
        extractor=about_extractor(features),
        engine=_engine(statistics),
        versions=_versions(),
    )


def _engine(did: WorkDone) -> EnginePart:
    return EnginePart(filter=did.filter, pairs=did.pairs, verified=did.verified, note=did.note)


def about_extractor(features: Features) -> Spec | None:
    """What made the vectors; None where that is unknown."""
    return features.spec if features.spec.weights != "none" else None


def about_samples(features: Features) -> SamplesPart:
    """Which images were judged, and which could not be."""
    return SamplesPart(
        location=features.location,
        count=len(features),
        remarks=features.remarks,
        skipped=tuple(features.skipped),
        noted=noted_in(features),
        fingerprint=features.fingerprint,
    )


def about_reference(
    features: Features,
    fingerprint: str,
    cleaning: CleaningPart,
    own: LeaveOneOutSummary | None,
) -> ReferencePart:
    """Which real images samples are judged against, how cleaned, and their own scores."""
    return ReferencePart(
        location=features.location,
        count=len(features),
        remarks=features.remarks,
        skipped=len(features.skipped),
        noted=noted_in(features),
        fingerprint=fingerprint,
        metric=features.spec.metric,
        cleaning=cleaning,
        leave_one_out=own,
    )


def leave_one_out_summary(geometry: BallGeometry) -> LeaveOneOutSummary | None:
    """The scores of the reference's own images, each judged without itself.

    None where it keeps too few neighbours to leave one out.
    """
    if geometry.k >= geometry.d2.shape[1]:
        return None
    rarity = np.sqrt(own_balls(geometry).radius2)
    inside = ~np.isnan(rarity)
    return LeaveOneOutSummary(
        inside=float(inside.mean()),
        rarity=_quantiles(rarity[inside]),
        knn_distance=_quantiles(np.sqrt(geometry.knn2)),
        nearest_distance=_quantiles(np.sqrt(geometry.d2[:, 0])),
    )


def _quantiles(values: NDArray[np.float64]) -> tuple[float, ...]:
    if not values.size:
        return ()
    return tuple(float(q) for q in np.quantile(values, np.linspace(0, 1, QUANTILES)))


def _versions() -> dict[str, str]:
    packages = ("numpy", "numba", "onnxruntime", "pillow", "pyarrow")
    return {"python": platform.python_version(), **{name: _version(name) for name in packages}}


@cache
def _version(package: str) -> str:
    """Read once: for a single sample it takes longer than all pairs."""
    return version(package)


def table_of(features: Features, columns: Columns) -> pa.Table:
    """The columns beside the ids, and the metadata behind them, under names that no column has."""
    import pyarrow as pa

    done = features.done
    table = {"id": done["id"], **columns}
    for name, values in metadata_columns(done["metadata"].to_pylist()).items():
        table[free_name(name, {*table, *COLUMNS})] = values
    return pa.table(table)
