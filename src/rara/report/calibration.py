"""How many samples the calibrated p-values call, or why they cannot call any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rara.provenance.parts import SmallestP
from rara.provenance.provenance import Provenance
from rara.report.formatting import counted, percent
from rara.stats.conformal import least_called, shortage
from rara.verdict.rules import ALPHA

if TYPE_CHECKING:
    import pyarrow as pa


FEW = "too few real images"
REPEATED = "real images repeat one another"
HELP = "--deduplicate near removes the repeats from the reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How many samples are too far out or too near, by p-values among real images."""

    level: float
    """The share of real images called off-manifold, and of copies called falsely, at most."""
    method: str
    """How the p-values are calibrated."""
    real_images: int
    """Real images that calibrate."""
    samples: int
    """Samples in the table."""
    off_manifold: int
    """Samples with `off_manifold_p` of at most the level."""
    expected: int
    """How many of as many real images would be off-manifold."""
    copies: int
    """Samples with `copy_q` of at most the level."""
    near_copies: int
    """Copies found by the test alone, not by equal bytes, pictures or vectors."""
    least_copies: int | None
    """Near copies needed before any is called; null where even all samples would not be enough."""
    cause: str
    """What keeps p-values from being smaller."""
    shortage: str | None
    """Why near copies may be hidden; null where none can be, and for a filtered table."""
    smallest_p: SmallestP
    """The smallest p-values that can occur."""


def calibration(table: pa.Table, provenance: Provenance) -> Calibration | None:
    """The counts; None where a table has no calibrated columns."""
    part = provenance.calibration
    if part is None or "copy_q" not in table.column_names:
        return None
    level = provenance.verdict.alpha if provenance.verdict else ALPHA
    q = table["copy_q"].to_numpy()
    # Of those that are copies as a matter of fact q is 0, and no test is made.
    tested, near = int(np.count_nonzero(q != 0)), part.near_copy
    filtered = table.num_rows < provenance.samples.count
    cause = REPEATED if near.repeating > 1 else FEW
    return Calibration(
        level=level,
        method=part.method,
        real_images=part.real_images,
        samples=table.num_rows,
        off_manifold=int(np.count_nonzero(table["off_manifold_p"].to_numpy() <= level)),
        expected=round(level * table.num_rows),
        copies=int(np.count_nonzero(q <= level)),
        near_copies=int(np.count_nonzero((q > 0) & (q <= level))),
        least_copies=least_called(near.p, tested, level),
        cause=cause,
        shortage=None if filtered else shortage(near.p, tested, level, cause),
        smallest_p=part.smallest_p,
    )


def hidden_lines(counts: Calibration) -> list[str]:
    """How many near copies may be hidden although none is called, and what helps; or nothing."""
    if counts.near_copies or not counts.shortage:
        return []
    least, cause = counts.least_copies, counts.cause
    why = (
        f"{counted(counts.real_images, 'real image')} {_too_few(counts)}" if cause == FEW else cause
    )
    if least is None:
        line = f"no near copy can be detected: {why}"
    else:
        many = "1 near copy" if least == 2 else f"up to {least - 1:,} near copies"
        line = f"{many} may be hidden: {why}"
    return [line, *([HELP] if cause == REPEATED else [])]


def _too_few(counts: Calibration) -> str:
    return "is too few" if counts.real_images == 1 else "are too few"


def off_manifold_line(counts: Calibration) -> str:
    """How many are called off the manifold, beside how many real images would be."""
    share = counts.off_manifold / counts.samples if counts.samples else 0.0
    many = f"{counted(counts.off_manifold, 'sample')} ({percent(share)})"
    return f"{many} off the manifold; of real images about {100 * counts.level:g} % are"


def copies_lines(counts: Calibration) -> list[str]:
    """How many are nearer than real images are, or how many may be hidden."""
    if hidden := hidden_lines(counts):
        return hidden
    many = counted(counts.copies, "sample") if counts.copies else "no sample"
    return [f"{many} nearer than real images are (at most {100 * counts.level:g} % falsely)"]
