"""How many samples got which verdict, in one line where it fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from rara.provenance.provenance import Provenance
from rara.report.formatting import counted, width
from rara.verdict.rules import Verdict

if TYPE_CHECKING:
    import pyarrow as pa

COPIED = ("copy", "near copy")
ASTRAY = ("off-manifold", "unknown to this reference")
PLURALS = {"copy": "copies", "near copy": "near copies"}
SHORT = {"unknown to this reference": "unknown"}


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How many samples have which verdict."""

    alpha: float
    """The error rate of the verdicts."""
    counts: Mapping[str, int]
    """How many samples have each verdict; a verdict without samples is missing."""
    expected: int | None
    """Of as many real images, how many would be off-manifold or unknown; null if filtered."""
    shortfall: str | None
    """Why the reference supports no verdicts; null where it does."""


def verdicts(table: pa.Table, provenance: Provenance) -> Verdicts | None:
    """The counts; None where a table has no verdicts."""
    part = provenance.verdict
    if part is None or "verdict" not in table.column_names:
        return None
    tally = Counter(table["verdict"].to_pylist())
    filtered = table.num_rows < provenance.samples.count
    counts = {name: tally[name] for name in get_args(Verdict) if tally[name]}
    return Verdicts(
        alpha=part.alpha,
        counts=counts,
        expected=None if filtered else round(part.alpha * table.num_rows),
        shortfall=part.shortfall,
    )


def counted_as(verdict: str, count: int) -> str:
    """`1 copy`, `2 near copies`, `1,000 typical`."""
    name = "without a verdict" if verdict == "no verdict" else verdict
    return f"{count:,} {name if count == 1 else PLURALS.get(verdict, name)}"


def verdict_lines(verdicts: Verdicts, columns: int) -> Iterator[str]:
    """All counts in as few lines of so many columns as they need, and what they lack."""
    line = ""
    for verdict, count in verdicts.counts.items():
        part = counted_as(SHORT.get(verdict, verdict), count)
        if line and width(f"{line}, {part},") > columns:
            yield f"{line},"
            line = part
        else:
            line = f"{line}, {part}" if line else part
    yield line or "none: there are no samples"
    if verdicts.shortfall:
        yield verdicts.shortfall.rstrip(".")
    elif line and verdicts.expected is not None:
        real, off = sum(verdicts.counts.values()), verdicts.expected
        yield f"of {counted(real, 'real image')}, about {off:,} would be off-manifold or unknown"
