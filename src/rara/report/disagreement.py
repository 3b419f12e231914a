"""Which verdicts are contested: how many of all, and which second opinions on one sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rara.provenance.provenance import Provenance
from rara.report.formatting import NAME_COLUMNS, counted, in_sentence, percent, shorten
from rara.report.rows import Row
from rara.report.verdicts import SHORT
from rara.verdict.disagreement import contradicts, halves_against

if TYPE_CHECKING:
    import pyarrow as pa

ARTICLES = {"copy": "a copy", "near copy": "a near copy"}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """How many verdicts second opinions contest."""

    contested: int
    """Verdicts that any second opinion contests."""
    samples: int
    """Samples in the table."""
    by_half: int | None
    """Verdicts that halves of the reference contest; null where no halves were used."""
    by_extractor: Mapping[str, int]
    """Verdicts that each other extractor contests, by its name."""


def disagreement(table: pa.Table, provenance: Provenance) -> Disagreement | None:
    """The counts; None where there are no second opinions."""
    opinions = provenance.opinions
    if opinions is None or "contested" not in table.column_names:
        return None
    given, names = table["verdict"].to_pylist(), table.column_names
    return Disagreement(
        contested=sum(table["contested"].to_pylist()),
        samples=table.num_rows,
        by_half=(
            sum(map(halves_against, given, table["verdict_by_half"].to_pylist()))
            if "verdict_by_half" in names
            else None
        ),
        by_extractor={
            one.name: _against(given, table, i) for i, one in enumerate(opinions.by_extractor or ())
        },
    )


def disagreement_line(counts: Disagreement) -> str:
    """How many verdicts are contested, and by which opinions, in one line."""
    if not counts.contested:
        return "none: all second opinions agree"
    halves, extractors = counts.by_half, counts.by_extractor
    if halves is None:
        return f"{_verdicts(counts)}, by another extractor"
    if not extractors:
        return f"{_verdicts(counts)}, by half the reference"
    share, most = percent(counts.contested / counts.samples), max(extractors.values())
    shares = f"{halves:,} by half the reference, {most:,} by an extractor"
    return f"{counts.contested:,} ({share}): {shares}"


def disagreement_sentence(counts: Disagreement) -> str:
    """The same for the page, with the names of all extractors."""
    if not counts.contested:
        return "No verdict is contested."
    halves = {} if counts.by_half is None else {"half the reference": counts.by_half}
    named = {shorten(name, NAME_COLUMNS): count for name, count in counts.by_extractor.items()}
    shares = [f"{count:,} by {name}" for name, count in (halves | named).items()]
    return f"Contested: {_verdicts(counts)}; {', '.join(shares)}."


def dissents(row: Row) -> list[str]:
    """The second opinions on the sample in this row that contest its verdict."""
    given = row.text("verdict")
    if given is None:
        return []
    opinions = {
        one.text("extractor") or "": one.text("verdict") for one in row.rows("verdict_by_extractor")
    }
    by_extractor = [
        f"{in_sentence(name)} calls it {_called(verdict)}"
        for name, verdict in opinions.items()
        if verdict is not None and contradicts(given, verdict)
    ]
    return [*_by_half(given, row.texts("verdict_by_half")), *by_extractor]


def _by_half(given: str, opinions: Sequence[str | None]) -> Iterator[str]:
    if not opinions or not halves_against(given, opinions):
        return
    against = [_called(one) for one in opinions if one is not None and contradicts(given, one)]
    if len(against) == 1:
        yield f"one half of the reference calls it {against[0]}"
    elif len(set(against)) == 1:
        yield f"both halves of the reference call it {against[0]}"
    else:
        yield f"the halves of the reference call it {' and '.join(against)}"


def _called(verdict: str) -> str:
    return ARTICLES.get(verdict, SHORT.get(verdict, verdict))


def _against(given: Sequence[str], table: pa.Table, which: int) -> int:
    opinions = (row[which]["verdict"] for row in table["verdict_by_extractor"].to_pylist())
    return sum(map(contradicts, given, opinions))


def _verdicts(counts: Disagreement) -> str:
    share = percent(counts.contested / counts.samples)
    return f"{counted(counts.contested, 'verdict')} ({share})"
