"""What the calibrated columns say of all samples together, or that they cannot say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from rara.calibration import least_called, shortage
from rara.report.words import counted, percent
from rara.scores.verdict import ALPHA

if TYPE_CHECKING:
    import pyarrow as pa


FEW = "too few real images"
REPEATED = "real images repeat each other"


class Calibration(TypedDict):
    """How many samples are too far out or too near, at `level`.

    Of real images so many are called off the manifold; of those called copies so many falsely.
    """

    level: float
    method: str
    reals: int
    samples: int
    off_manifold: int
    copies: int
    least_copies: int | None
    """How many copies there must be for any to be seen; None where not even all could be."""
    cause: str
    """What keeps p-values from being smaller."""
    shortage: str | None
    smallest_p: dict[str, float]


def calibration(table: pa.Table, provenance: Mapping[str, Any]) -> Calibration | None:
    """The counts; None where a table has no calibrated columns."""
    known = provenance.get("calibration")
    if not known or "copy_q" not in table.column_names:
        return None
    level = (provenance.get("verdict") or {}).get("alpha", ALPHA)
    smallest, judged = known["smallest_p"]["copy"], provenance["samples"]["count"]
    cause = REPEATED if known.get("repeated") else FEW
    return {
        "level": level,
        "method": known["method"],
        "reals": known["reals"],
        "samples": table.num_rows,
        "off_manifold": int(np.count_nonzero(table["off_manifold_p"].to_numpy() <= level)),
        "copies": int(np.count_nonzero(table["copy_q"].to_numpy() <= level)),
        "least_copies": least_called(smallest, judged, level),
        "cause": cause,
        "shortage": shortage(smallest, judged, level, cause),
        "smallest_p": dict(known["smallest_p"]),
    }


def off_manifold_line(found: Calibration) -> str:
    """How many are farther out than real images are."""
    share = found["off_manifold"] / found["samples"] if found["samples"] else 0.0
    many = f"{counted(found['off_manifold'], 'sample')} ({percent(share)})"
    return f"{many} farther out than {100 * (1 - found['level']):g} % of real images"


def copies_line(found: Calibration) -> str:
    """How many are nearer than real images are by chance, or how many would go unseen."""
    if not found["copies"] and found["least_copies"] is None:
        return f"copies cannot be told from chance: {found['cause']}"
    if not found["copies"] and found["shortage"]:
        return f"fewer than {found['least_copies']:,} copies would go unseen: {found['cause']}"
    many = counted(found["copies"], "sample") if found["copies"] else "no sample"
    return f"{many} nearer than by chance (at most {100 * found['level']:g} % falsely)"
