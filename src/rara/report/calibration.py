"""What the calibrated columns say of all samples together, or that they cannot say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import numpy as np

from rara.provenance.json_format import encoded
from rara.provenance.provenance import Provenance
from rara.report.formatting import counted, percent
from rara.stats.conformal import least_called, shortage
from rara.verdict.rules import ALPHA

if TYPE_CHECKING:
    import pyarrow as pa


FEW = "too few real images"
REPEATED = "real images repeat one another"
HELP = "--deduplicate near removes the repeats from the reference"


class Calibration(TypedDict):
    """How many samples are too far out or too near, at `level`.

    Of real images so many are called off the manifold; of those called copies so many by mistake.
    """

    level: float
    method: str
    reals: int
    samples: int
    off_manifold: int
    expected: int
    """About so many of as many real images are off the manifold."""
    copies: int
    near_copies: int
    """Those of the copies that a test tells, not equal bytes, pictures or vectors."""
    least_copies: int | None
    """How many near copies there must be for any to be called; None where not even all could be."""
    cause: str
    """What keeps p-values from being smaller."""
    shortage: str | None
    """Why near copies may be hidden; None, too, where the table holds only some of the samples."""
    smallest_p: dict[str, float]


def calibration(table: pa.Table, provenance: Provenance) -> Calibration | None:
    """The counts; None where a table has no calibrated columns."""
    known = provenance.calibration
    if known is None or "copy_q" not in table.column_names:
        return None
    level = provenance.verdict.alpha if provenance.verdict else ALPHA
    q = table["copy_q"].to_numpy()
    # Of those that are copies as a matter of fact q is 0, and no test is made.
    tested, near = int(np.count_nonzero(q != 0)), known.near_copy
    chosen = table.num_rows < provenance.samples.count
    cause = REPEATED if near.repeating > 1 else FEW
    return {
        "level": level,
        "method": known.method,
        "reals": known.real_images,
        "samples": table.num_rows,
        "off_manifold": int(np.count_nonzero(table["off_manifold_p"].to_numpy() <= level)),
        "expected": round(level * table.num_rows),
        "copies": int(np.count_nonzero(q <= level)),
        "near_copies": int(np.count_nonzero((q > 0) & (q <= level))),
        "least_copies": least_called(near.p, tested, level),
        "cause": cause,
        "shortage": None if chosen else shortage(near.p, tested, level, cause),
        "smallest_p": encoded(known.smallest_p),
    }


def hidden_lines(found: Calibration) -> list[str]:
    """How many near copies may be hidden although none is called, and what helps; or nothing."""
    if found["near_copies"] or not found["shortage"]:
        return []
    least, cause = found["least_copies"], found["cause"]
    why = f"{counted(found['reals'], 'real image')} {_too_few(found)}" if cause == FEW else cause
    if least is None:
        said = f"no near copy can be detected: {why}"
    else:
        many = "1 near copy" if least == 2 else f"up to {least - 1:,} near copies"
        said = f"{many} may be hidden: {why}"
    return [said, *([HELP] if cause == REPEATED else [])]


def _too_few(found: Calibration) -> str:
    return "is too few" if found["reals"] == 1 else "are too few"


def off_manifold_line(found: Calibration) -> str:
    """How many are called off the manifold, beside how many real images would be."""
    share = found["off_manifold"] / found["samples"] if found["samples"] else 0.0
    many = f"{counted(found['off_manifold'], 'sample')} ({percent(share)})"
    return f"{many} off the manifold; of real images about {100 * found['level']:g} % are"


def copies_lines(found: Calibration) -> list[str]:
    """How many are nearer than real images are, or how many may be hidden."""
    if hidden := hidden_lines(found):
        return hidden
    many = counted(found["copies"], "sample") if found["copies"] else "no sample"
    return [f"{many} nearer than real images are (at most {100 * found['level']:g} % falsely)"]
