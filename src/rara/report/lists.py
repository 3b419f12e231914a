"""Lists under the cards: every sample that was called anything, by name and numbers.

table, provenance --listings--> {section: Listing}, each at most `LISTED` rows, the strongest first

Cards show a few samples with pictures. A list has no pictures, so that the page stays small.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from rara.provenance.provenance import Provenance
from rara.report.disagreement import dissents
from rara.report.facts import contested, copying, far_out
from rara.report.formatting import counted, number, shorten
from rara.report.groups import strays
from rara.report.rarest import STANDING_OUT, called, numbers, ordered, strength
from rara.report.repeats import groups_of
from rara.report.verdicts import ASTRAY, COPIED, counted_as
from rara.verdict.reasons import speaks_by_pixels

if TYPE_CHECKING:
    import pyarrow as pa

LISTED = 2_000
"""Rows of a list. With six lists of names of usual length a page stays below 4 MB."""
LONGEST = 200
"""Letters of a name that a list holds: longer ones are cut in the middle."""

Kind = Literal["name", "number", "prose"]


class Listing(TypedDict):
    """A table of samples. `columns` are titles with the kind of their cells; `rows` are cells."""

    label: str
    """What it lists, in a few words."""
    columns: list[tuple[str, Kind]]
    rows: list[list[str]]
    count: int
    """How many samples there are to list; those beyond the rows are in the saved table."""
    where: str
    """The column of the saved table that tells them."""


def listings(table: pa.Table, provenance: Provenance) -> dict[str, Listing]:
    """The lists by the key of their section; a section of whose kind there is none has no list."""
    found = {"repeats": _repeats(table)} if "repeat_of" in table.column_names else {}
    if "verdict" in table.column_names and provenance.verdict:
        carried = provenance.verdict.shortfall is None
        found |= {
            "copies": _copies(table, carried),
            "rarest": _rarest(table),
            "farthest": _farthest(table),
        }
    if "contested" in table.column_names:
        found["contested"] = _contested(table)
    if "group_off_manifold_q" in table.column_names and provenance.groups:
        found["strays"] = _strays(table, provenance.groups.level)
    return {key: one for key, one in found.items() if one["count"]}


def _copies(table: pa.Table, carried: bool) -> Listing:
    """Copies first, then those too near to tell; without verdicts nobody was called anything."""
    kinds = [*COPIED, *(["no verdict"] if carried else [])]
    standing = [~called(table, {kind}) for kind in kinds]
    rows = ordered(np.flatnonzero(called(table, kinds)), *standing, *copying(table))
    columns: list[tuple[str, Kind]] = [
        ("distance", "number"), ("bits", "number"), ("p", "number"), ("q", "number"),
        ("nearest", "name"),
    ]  # fmt: skip
    return _listing(table, rows, columns, _of_copy)


def _of_copy(row: Mapping[str, Any]) -> list[str]:
    """Where the pixels speak, the image is that of the pixels."""
    by_pixels = speaks_by_pixels(row.get("pixel_p"), row.get("volume_p"))
    bits = row.get("pixel_distance")
    return [
        _number(row["nearest_distance"]),
        "" if bits is None else "same" if bits < 0 else f"{bits}",
        _p(row.get("copy_p")),
        _p(row.get("copy_q")),
        _name(row["pixel_nearest"] if by_pixels else row["nearest"]),
    ]


def _rarest(table: pa.Table) -> Listing:
    standing = [~called(table, {verdict}) for verdict in STANDING_OUT]
    rows = np.flatnonzero(called(table, STANDING_OUT))
    columns: list[tuple[str, Kind]] = [
        ("k-NN distance", "number"), ("its p", "number"), ("rarity", "number"),
        ("rarity percentile", "number"), ("nearest", "name"),
    ]  # fmt: skip
    return _listing(table, ordered(rows, *standing, *strength(table)), columns, _of_rare)


def _of_rare(row: Mapping[str, Any]) -> list[str]:
    held = row["inside"]
    return [
        _number(row["knn_distance"]),
        _p(row.get("knn_p")),
        _number(row["rarity"]) if held else "outside",
        _percentile(row.get("rarity_percentile")) if held else "",
        _name(row["nearest"]),
    ]


def _farthest(table: pa.Table) -> Listing:
    rows = np.flatnonzero(called(table, ASTRAY))
    rows = ordered(rows, *far_out(table), -numbers(table, "nearest_distance"))
    columns: list[tuple[str, Kind]] = [
        ("distance", "number"), ("p", "number"), ("distance in radii", "number"),
        ("nearest", "name"),
    ]  # fmt: skip
    return _listing(table, rows, columns, _of_far)


def _of_far(row: Mapping[str, Any]) -> list[str]:
    return [
        _number(row["nearest_distance"]),
        _p(row.get("off_manifold_p")),
        _number(row.get("ball_ratio")),
        _name(row["nearest"]),
    ]


def _contested(table: pa.Table) -> Listing:
    columns: list[tuple[str, Kind]] = [("others say", "prose"), ("nearest", "name")]
    found = _listing(table, contested(table), columns, _of_contested)
    return {**found, "label": counted(found["count"], "contested verdict"), "where": "contested"}


def _of_contested(row: Mapping[str, Any]) -> list[str]:
    return ["; ".join(dissents(row)), _name(row["nearest"])]


def _repeats(table: pa.Table) -> Listing:
    """The samples of the largest groups first."""
    groups = sorted(groups_of(table).values(), key=lambda rows: -len(rows))
    rows = np.array([row for group in groups if len(group) > 1 for row in group], np.int64)
    columns: list[tuple[str, Kind]] = [
        ("repeats", "name"), ("how", "prose"), ("samples alike", "number"), ("nearest", "name"),
    ]  # fmt: skip
    found = _listing(table, rows, columns, _of_repeat)
    label = counted(found["count"], "sample") + " of pictures that repeat"
    return {**found, "label": label, "where": "repeat_of"}


def _of_repeat(row: Mapping[str, Any]) -> list[str]:
    return [
        _name(row["repeat_of"]),
        row["repeat_kind"] or "",
        f"{row['repeats']:,}",
        _name(row["nearest"]),
    ]


def _strays(table: pa.Table, level: float) -> Listing:
    """Those called at a false discovery rate: p alone calls real images too."""
    q, rows = numbers(table, "group_off_manifold_q"), strays(table)
    columns: list[tuple[str, Kind]] = [
        ("group", "name"), ("p", "number"), ("q", "number"), ("nearest", "name"),
    ]  # fmt: skip
    found = _listing(table, rows[q[rows] <= level], columns, _of_stray)
    label = counted(found["count"], "sample") + " not at home in their group"
    return {**found, "label": label, "where": "group_off_manifold_q"}


def _of_stray(row: Mapping[str, Any]) -> list[str]:
    p, q = row["group_off_manifold_p"], row["group_off_manifold_q"]
    return [_name(row["group"]), _p(p), _p(q), _name(row["nearest"])]


def _listing(
    table: pa.Table,
    rows: NDArray[np.int64],
    columns: Sequence[tuple[str, Kind]],
    cells: Callable[[Mapping[str, Any]], list[str]],
) -> Listing:
    """A list of these rows: the id, the verdict where there is one, and the cells of a row."""
    shown = table.take(rows[:LISTED]).to_pylist()
    judged = "verdict" in table.column_names
    verdict: list[tuple[str, Kind]] = [("verdict", "prose")] if judged else []
    return {
        "label": _label(table, rows) if judged else "",
        "columns": [("sample", "name"), *verdict, *columns],
        "rows": [
            [_name(row["id"]), *([row["verdict"]] if judged else []), *cells(row)] for row in shown
        ],
        "count": len(rows),
        "where": "verdict",
    }


def _label(table: pa.Table, rows: Iterable[int]) -> str:
    """`35 rare, 242 uncommon`: the verdicts in the order of the list."""
    counts = Counter(table["verdict"].take(rows).to_pylist())
    return ", ".join(counted_as(verdict, count) for verdict, count in counts.items())


def _name(name: str | None) -> str:
    """A name of at most `LONGEST` letters, whatever their width."""
    if name is None or len(name) <= LONGEST:
        return name or ""
    return shorten(f"{name[: LONGEST // 2 - 1]}…{name[-LONGEST // 2 :]}", LONGEST)


def _number(value: float | None) -> str:
    return number(value) if value is not None and isfinite(value) else "no ball near"


def _p(value: float | None) -> str:
    return f"{value:#.2g}" if value is not None and isfinite(value) else ""


def _percentile(value: float | None) -> str:
    return f"{value:.1f}" if value is not None and isfinite(value) else ""
