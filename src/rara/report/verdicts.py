"""How many samples got which verdict, in one line where it fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypedDict, get_args

from rara.provenance.provenance import Provenance
from rara.report.formatting import counted, width
from rara.verdict.rules import Verdict

if TYPE_CHECKING:
    import pyarrow as pa

COPIED = ("copy", "near copy")
ASTRAY = ("off-manifold", "unknown to this reference")
PLURALS = {"copy": "copies", "near copy": "near copies"}
SHORT = {"unknown to this reference": "unknown"}


class Verdicts(TypedDict):
    """The counts by verdict, those that nobody got left out, at an error rate of `alpha`.

    `expected`: about so many of as many real images are off the manifold, whatever it is called;
    None where the table holds only some of the samples that were scored.
    `shortfall`: why the reference cannot carry verdicts, or None.
    """

    alpha: float
    counts: dict[str, int]
    expected: int | None
    shortfall: str | None


def verdicts(table: pa.Table, provenance: Provenance) -> Verdicts | None:
    """The counts; None where a table has no verdicts."""
    known = provenance.verdict
    if known is None or "verdict" not in table.column_names:
        return None
    tally = Counter(table["verdict"].to_pylist())
    chosen = table.num_rows < provenance.samples.count
    counts = {name: tally[name] for name in get_args(Verdict) if tally[name]}
    return {
        "alpha": known.alpha,
        "counts": counts,
        "expected": None if chosen else round(known.alpha * table.num_rows),
        "shortfall": known.shortfall,
    }


def counted_as(verdict: str, count: int) -> str:
    """`1 copy`, `2 near copies`, `1,000 typical`."""
    said = "without a verdict" if verdict == "no verdict" else verdict
    return f"{count:,} {said if count == 1 else PLURALS.get(verdict, said)}"


def verdict_lines(found: Verdicts, columns: int) -> Iterator[str]:
    """All counts in as few lines of so many columns as they need, and what they lack."""
    line = ""
    for verdict, count in found["counts"].items():
        part = counted_as(SHORT.get(verdict, verdict), count)
        if line and width(f"{line}, {part},") > columns:
            yield f"{line},"
            line = part
        else:
            line = f"{line}, {part}" if line else part
    yield line or "none: there are no samples"
    if found["shortfall"]:
        yield found["shortfall"].rstrip(".")
    elif line and found["expected"] is not None:
        real, off = sum(found["counts"].values()), found["expected"]
        yield f"of {counted(real, 'real image')}, about {off:,} would be off-manifold or unknown"
