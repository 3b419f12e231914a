"""Every sample of a table by name and numbers, what was called first: the page's one long table.

table, provenance --every_sample--> EverySample, its rows in the order of their evidence

The rows that a page holds are bounded in bytes. Those beyond are counted, and come from files
beside the page where it has any (`assets`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from markupsafe import escape
from numpy.typing import NDArray

from rara.report.disagreement import dissents
from rara.report.formatting import number, shorten
from rara.report.picks import copying, decided_as, far_out
from rara.report.rarest import called, inside, numbers, ordered, strength
from rara.report.records import named_by_test, named_source
from rara.report.rows import Row, rows_of
from rara.report.verdicts import ASTRAY, COPIED
from rara.verdict.rules import Verdict

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_BYTES = 2_500_000
"""Bytes of cells that a page holds: with their markup, 5,000 rows of usual names."""
LONGEST = 200
"""Letters of a name that a cell holds: longer ones are cut in the middle."""
AT_ONCE = 5_000
"""Rows that are read at a time."""
MOST_KINDS = 200
"""Labels, or groups, up to which rows can be chosen by them."""

UNUSED = ("neighbors", "reason", "prompt", "rarity_by_k", "source_region")
"""Large columns that no cell is made of."""

Kind = Literal["name", "number", "prose"]
Rows = NDArray[np.int64]
Keys = list[NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Column:
    """The title of a column and the kind of its cells."""

    title: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Choice:
    """A value by which rows can be chosen, and how many have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Filter:
    """One property of the samples by which rows can be chosen."""

    name: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One sample: the place of its row, its choice in each filter, and its cells."""

    place: int
    """From 0, in the order of the page."""
    id: str
    """Id of the sample, whole."""
    chosen: tuple[int, ...]
    """For each filter the place of its choice."""
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EverySample:
    """The table of every sample."""

    columns: tuple[Column, ...]
    filters: tuple[Filter, ...]
    lines: tuple[Line, ...]
    """The rows that the page holds."""
    count: int
    """Samples in the table."""
    places: Mapping[str, int]
    """Of the rows that the page holds, by id."""

    @property
    def more(self) -> int:
        """Samples beyond the rows that the page holds."""
        return self.count - len(self.lines)


def every_sample(table: pa.Table, room: int | None = None) -> EverySample:
    """All samples in the order of their evidence, as many as so many bytes of cells hold."""
    room = ROWS_BYTES if room is None else room
    filters, lines, size = filters_of(table), [], 0
    for line in all_lines(table, filters):
        size += sum(len(escape(cell).encode("utf-8", "replace")) for cell in line.cells)
        if size > room:
            break
        lines.append(line)
    return EverySample(
        columns=tuple(columns_of(table)),
        filters=tuple(filters),
        lines=tuple(lines),
        count=table.num_rows,
        places={line.id: line.place for line in lines},
    )


def all_lines(table: pa.Table, filters: Sequence[Filter]) -> Iterator[Line]:
    """The lines of all samples in the order of the page, a few thousand in memory at a time."""
    order, cells = _order(table), [cell for _, _, cell in _columns(table)]
    table = table.drop_columns([name for name in UNUSED if name in table.column_names])
    places = [{one.value: place for place, one in enumerate(kind.choices)} for kind in filters]
    for start in range(0, len(order), AT_ONCE):
        for place, row in enumerate(rows_of(table, order[start : start + AT_ONCE]), start):
            chosen = [
                known[_value(row, kind.name)] for kind, known in zip(filters, places, strict=True)
            ]
            yield Line(
                place, row.text("id") or "", tuple(chosen), tuple(cell(row) for cell in cells)
            )


def columns_of(table: pa.Table) -> Iterator[Column]:
    """The titles of the cells."""
    return (Column(title, kind) for title, kind, _ in _columns(table))


def filters_of(table: pa.Table) -> list[Filter]:
    """By verdict in their order, by label and group the most frequent first."""
    names = _names(table)
    filters = [_filter(table, name) for name in ("verdict", "label", "group") if name in names]
    return [one for one in filters if 1 < len(one.choices) <= MOST_KINDS]


def _filter(table: pa.Table, name: str) -> Filter:
    tally = Counter(_plain(value) for value in table[name].to_pylist())
    order = list(get_args(Verdict)) if name == "verdict" else []
    tally_in_order = sorted(
        tally.items(), key=lambda one: (order.index(one[0]) if one[0] in order else len(order),
                                        -one[1], one[0]),
    )  # fmt: skip
    return Filter(name, tuple(Choice(value, count) for value, count in tally_in_order))


def _value(row: Row, name: str) -> str:
    return _plain(row.plain(name))


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _order(table: pa.Table) -> Rows:
    """By verdict, within it the surest first; without verdicts what lies outside comes first."""
    near = numbers(table, "nearest_distance")
    if "verdict" not in table.column_names:
        out = np.flatnonzero(~inside(table))
        others = ordered(np.flatnonzero(inside(table)), -numbers(table, "rarity"))
        return np.concatenate([ordered(out, -near), others])
    parts: list[Rows] = []
    for verdict in get_args(Verdict):
        rows = np.flatnonzero(called(table, {verdict}))
        if verdict in COPIED:
            keys: Keys = [decided_as(table, "not a copy"), *copying(table)]
        else:
            keys = [*far_out(table), -near] if verdict in ASTRAY else strength(table)
        parts.append(ordered(rows, *keys))
    known = np.concatenate(parts)
    rest = np.setdiff1d(np.arange(table.num_rows), known)  # a verdict of another version
    return np.concatenate([known, rest])


Cell = Callable[[Row], str]


def _columns(table: pa.Table) -> list[tuple[str, Kind, Cell]]:
    """Title, kind and cell of each column that this table has."""
    columns: list[tuple[str, str, Kind, Cell]] = [
        ("id", "sample", "name", lambda row: _name(row.text("id"))),
        ("verdict", "verdict", "prose", lambda row: row.text("verdict") or ""),
        ("label", "label", "prose", lambda row: _name(_value(row, "label"))),
        ("group", "group", "prose", lambda row: _name(_value(row, "group"))),
        ("nearest", "beside", "name", lambda row: _name(_beside(row))),
        ("copy_p", "copy p", "number", lambda row: _p(row.number("copy_p"))),
        ("copy_q", "copy q", "number", lambda row: _p(row.number("copy_q"))),
        ("pixel_distance", "bits", "number", _bits),
        ("off_manifold_p", "off p", "number", lambda row: _p(row.number("off_manifold_p"))),
        ("nearest_distance", "distance", "number", lambda row: _number(row, "nearest_distance")),
        ("knn_distance", "k-NN distance", "number", lambda row: _number(row, "knn_distance")),
        ("rarity", "rarity", "number", _rarity),
        ("group_off_manifold_q", "group q", "number",
         lambda row: _p(row.number("group_off_manifold_q"))),
        ("repeats", "repeats", "number", _repeats),
        ("decision", "decided", "prose", lambda row: row.text("decision") or ""),
        ("contested", "contested", "prose", lambda row: "; ".join(dissents(row))),
    ]  # fmt: skip
    names = _names(table)
    return [(title, kind, cell) for name, title, kind, cell in columns if name in names]


def _names(table: pa.Table) -> set[str]:
    """The columns that a table has, without groups that are its labels."""
    names = {*table.column_names}
    if {"label", "group"} <= names and table["label"].equals(table["group"]):
        names.remove("group")
    return names


def _beside(row: Row) -> str | None:
    """The image that a copy is of, else the nearest."""
    if row.text("verdict") in COPIED:
        return named_source(row) or named_by_test(row)
    return row.text("nearest")


def _bits(row: Row) -> str:
    bits = row.count("pixel_distance")
    return "" if bits is None else "same" if bits < 0 else f"{bits}"


def _rarity(row: Row) -> str:
    return _number(row, "rarity") if row.true("inside") else "outside"


def _repeats(row: Row) -> str:
    count = row.count("repeats") or 0
    return f"{count:,}" if count > 1 else ""


def _name(name: str | None) -> str:
    """A name of at most `LONGEST` letters, whatever their width."""
    if name is None or len(name) <= LONGEST:
        return name or ""
    return shorten(f"{name[: LONGEST // 2 - 1]}…{name[-LONGEST // 2 :]}", LONGEST)


def _number(row: Row, name: str) -> str:
    value = row.number(name)
    return number(value) if isfinite(value) else ""


def _p(value: float) -> str:
    return f"{value:.2g}" if isfinite(value) else ""
