"""Which verdicts are contested: how many of all, and what others say of one sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from rara.provenance.provenance import Provenance
from rara.report.formatting import NAME_COLUMNS, counted, in_sentence, percent, shorten
from rara.report.verdicts import SHORT
from rara.verdict.disagreement import contradicts, halves_against

if TYPE_CHECKING:
    import pyarrow as pa

ARTICLES = {"copy": "a copy", "near copy": "a near copy"}


class Dissent(TypedDict):
    """How many verdicts of how many samples are contested, and by whom.

    `by_half` is None where the halves of the reference were not asked.
    """

    contested: int
    samples: int
    by_half: int | None
    by_extractor: dict[str, int]


def dissent(table: pa.Table, provenance: Provenance) -> Dissent | None:
    """The counts; None where nobody else was asked."""
    opinions = provenance.opinions
    if opinions is None or "contested" not in table.column_names:
        return None
    given, names = table["verdict"].to_pylist(), table.column_names
    return {
        "contested": sum(table["contested"].to_pylist()),
        "samples": table.num_rows,
        "by_half": (
            sum(map(halves_against, given, table["verdict_by_half"].to_pylist()))
            if "verdict_by_half" in names
            else None
        ),
        "by_extractor": {
            one.name: _against(given, table, i) for i, one in enumerate(opinions.by_extractor or ())
        },
    }


def dissent_line(found: Dissent) -> str:
    """How many verdicts are contested by whom, in one line."""
    if not found["contested"]:
        return "none: every other opinion is the same"
    halves, extractors = found["by_half"], found["by_extractor"]
    if halves is None:
        return f"{_verdicts(found)}, by another extractor"
    if not extractors:
        return f"{_verdicts(found)}, by half the reference"
    share, most = percent(found["contested"] / found["samples"]), max(extractors.values())
    shares = f"{halves:,} by half the reference, {most:,} by an extractor"
    return f"{found['contested']:,} ({share}): {shares}"


def dissent_sentence(found: Dissent) -> str:
    """The same for the page, with the names of all extractors."""
    if not found["contested"]:
        return "No verdict is contested."
    halves = {} if found["by_half"] is None else {"half the reference": found["by_half"]}
    named = {shorten(name, NAME_COLUMNS): count for name, count in found["by_extractor"].items()}
    shares = [f"{count:,} by {name}" for name, count in (halves | named).items()]
    return f"Contested: {_verdicts(found)}; {', '.join(shares)}."


def dissents(row: Mapping[str, Any]) -> list[str]:
    """What others say of the sample in this row of a table, where it is another verdict."""
    given = row.get("verdict")
    if given is None:
        return []
    named = row.get("verdict_by_extractor") or ()
    said = {one["extractor"]: one["verdict"] for one in named}
    by_extractor = [
        f"to {in_sentence(name)} it is {_called(verdict)}"
        for name, verdict in said.items()
        if contradicts(given, verdict)
    ]
    return [*_by_half(given, row.get("verdict_by_half") or ()), *by_extractor]


def _by_half(given: str, said: Sequence[str | None]) -> Iterator[str]:
    if not said or not halves_against(given, said):
        return
    against = [_called(one) for one in said if one is not None and contradicts(given, one)]
    if len(against) == 1:
        yield f"to one half of the reference it is {against[0]}"
    elif len(set(against)) == 1:
        yield f"to both halves of the reference it is {against[0]}"
    else:
        yield f"to the halves of the reference it is {' and '.join(against)}"


def _called(verdict: str) -> str:
    return ARTICLES.get(verdict, SHORT.get(verdict, verdict))


def _against(given: Sequence[str], table: pa.Table, which: int) -> int:
    said = (row[which]["verdict"] for row in table["verdict_by_extractor"].to_pylist())
    return sum(map(contradicts, given, said))


def _verdicts(found: Dissent) -> str:
    share = percent(found["contested"] / found["samples"])
    return f"{counted(found['contested'], 'verdict')} ({share})"
