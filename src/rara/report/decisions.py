"""What people decided of pairs of pictures, and on how many samples that bears."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rara.provenance.provenance import Provenance
from rara.report.formatting import counted

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Decisions on pairs of a sample and a reference image."""

    held: int
    """Decisions that were held, also those on other pictures."""
    fingerprint: str
    """Digest of them."""
    copies: int
    """Samples in the table that are copies by a decision."""
    not_copies: int
    """Samples in the table that a decision says are no copies of their nearest image."""


def decided(table: pa.Table, provenance: Provenance) -> Decided | None:
    """The counts; None where nothing was decided."""
    part = provenance.decisions
    if part is None or "decision" not in table.column_names:
        return None
    tally = Counter(table["decision"].to_pylist())
    return Decided(
        held=part.held, fingerprint=part.fingerprint,
        copies=tally["copy"], not_copies=tally["not a copy"],
    )  # fmt: skip


def decided_line(decided: Decided) -> str:
    """`2 samples by your 12 decisions: 1 copy, 1 not a copy`."""
    counts = {"copy": decided.copies, "not a copy": decided.not_copies}
    parts = [f"{count:,} {word}" for word, count in counts.items() if count]
    held = counted(decided.held, "decision")
    if not parts:
        return f"no sample by your {held}"
    return f"{counted(sum(counts.values()), 'sample')} by your {held}: {', '.join(parts)}"
