"""Lists under the cards: every sample with a verdict other than typical, by name and numbers.

table, provenance --listings--> {section: Listing}, each at most `LISTED` rows, the strongest first

Cards show a few samples with pictures. A list has no pictures, so that the page stays small.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from rara.provenance.provenance import Provenance
from rara.report.disagreement import dissents
from rara.report.formatting import counted, number, shorten
from rara.report.groups import strays
from rara.report.picks import contested, copying, decided_rows, far_out
from rara.report.rarest import STANDING_OUT, called, numbers, ordered, strength
from rara.report.records import named_by_test, named_source
from rara.report.repeats import groups_of
from rara.report.rows import Row, rows_of
from rara.report.verdicts import ASTRAY, COPIED, counted_as

if TYPE_CHECKING:
    import pyarrow as pa

LISTED = 2_000
"""Rows of a list. With six lists of names of usual length a page stays below 4 MB."""
LONGEST = 200
"""Letters of a name that a list holds: longer ones are cut in the middle."""

Kind = Literal["name", "number", "prose"]


@dataclass(frozen=True, slots=True)
class Column:
    """The title of a column and the kind of its cells."""

    title: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A table of samples by name."""

    label: str
    """What it lists, in a few words."""
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    """The cells of each sample that is shown."""
    count: int
    """How many samples there are to list; those beyond the rows are in the saved table."""
    where: str
    """The column of the saved table by which to select them."""


def listings(table: pa.Table, provenance: Provenance) -> dict[str, Listing]:
    """The lists by the key of their section; a section of whose kind there is none has no list."""
    lists = {"repeats": _repeats(table)} if "repeat_of" in table.column_names else {}
    if "verdict" in table.column_names and provenance.verdict:
        carried = provenance.verdict.shortfall is None
        lists |= {
            "copies": _copies(table, carried),
            "rarest": _rarest(table),
            "farthest": _farthest(table),
        }
    if "decision_source" in table.column_names:
        lists["decided"] = _decided(table)
    if "contested" in table.column_names:
        lists["contested"] = _contested(table)
    if "group_off_manifold_q" in table.column_names and provenance.groups:
        lists["strays"] = _strays(table, provenance.groups.level)
    return {key: one for key, one in lists.items() if one.count}


def _copies(table: pa.Table, carried: bool) -> Listing:
    """Copies first, then those too near to tell; without verdicts nobody was called anything."""
    kinds = [*COPIED, *(["no verdict"] if carried else [])]
    standing = [~called(table, {kind}) for kind in kinds]
    rows = ordered(np.flatnonzero(called(table, kinds)), *standing, *copying(table))
    columns: dict[str, Kind] = {
        "distance": "number",
        "bits": "number",
        "p": "number",
        "q": "number",
        "nearest": "name",
    }
    return _listing(table, rows, columns, _of_copy)


def _of_copy(row: Row) -> list[str]:
    """The image is the source where that is why, else that of the test that speaks."""
    bits = row.count("pixel_distance")
    return [
        _number(row.number("nearest_distance")),
        "" if bits is None else "same" if bits < 0 else f"{bits}",
        _p(row.number("copy_p")),
        _p(row.number("copy_q")),
        _name(named_source(row) or named_by_test(row)),
    ]


def _rarest(table: pa.Table) -> Listing:
    standing = [~called(table, {verdict}) for verdict in STANDING_OUT]
    rows = np.flatnonzero(called(table, STANDING_OUT))
    columns: dict[str, Kind] = {
        "k-NN distance": "number",
        "its p": "number",
        "rarity": "number",
        "rarity percentile": "number",
        "nearest": "name",
    }
    return _listing(table, ordered(rows, *standing, *strength(table)), columns, _of_rare)


def _of_rare(row: Row) -> list[str]:
    inside = row.true("inside")
    return [
        _number(row.number("knn_distance")),
        _p(row.number("knn_p")),
        _number(row.number("rarity")) if inside else "outside",
        _percentile(row.number("rarity_percentile")) if inside else "",
        _name(row.text("nearest")),
    ]


def _farthest(table: pa.Table) -> Listing:
    rows = np.flatnonzero(called(table, ASTRAY))
    rows = ordered(rows, *far_out(table), -numbers(table, "nearest_distance"))
    columns: dict[str, Kind] = {
        "distance": "number",
        "p": "number",
        "distance in radii": "number",
        "nearest": "name",
    }
    return _listing(table, rows, columns, _of_far)


def _of_far(row: Row) -> list[str]:
    return [
        _number(row.number("nearest_distance")),
        _p(row.number("off_manifold_p")),
        _number(row.number("ball_ratio")),
        _name(row.text("nearest")),
    ]


def _contested(table: pa.Table) -> Listing:
    columns: dict[str, Kind] = {"second opinions": "prose", "nearest": "name"}
    listing = _listing(table, contested(table), columns, _of_contested)
    return replace(listing, label=counted(listing.count, "contested verdict"), where="contested")


def _of_contested(row: Row) -> list[str]:
    return ["; ".join(dissents(row)), _name(row.text("nearest"))]


def _decided(table: pa.Table) -> Listing:
    columns: dict[str, Kind] = {"decision": "prose", "about": "name"}
    listing = _listing(table, decided_rows(table), columns, _of_decided)
    label = counted(listing.count, "sample") + " that you decided about"
    return replace(listing, label=label, where="decision")


def _of_decided(row: Row) -> list[str]:
    return [row.text("decision") or "", _name(row.text("decision_source"))]


def _repeats(table: pa.Table) -> Listing:
    """The samples of the largest groups first."""
    groups = sorted(groups_of(table).values(), key=lambda rows: -len(rows))
    rows = np.array([row for group in groups if len(group) > 1 for row in group], np.int64)
    columns: dict[str, Kind] = {
        "repeats": "name",
        "how": "prose",
        "samples in its group": "number",
        "nearest": "name",
    }
    listing = _listing(table, rows, columns, _of_repeat)
    label = counted(listing.count, "sample") + " of repeated pictures"
    return replace(listing, label=label, where="repeat_of")


def _of_repeat(row: Row) -> list[str]:
    return [
        _name(row.text("repeat_of")),
        row.text("repeat_kind") or "",
        f"{row.count('repeats') or 0:,}",
        _name(row.text("nearest")),
    ]


def _strays(table: pa.Table, level: float) -> Listing:
    """Those called at a false discovery rate: p alone calls real images too."""
    q, rows = numbers(table, "group_off_manifold_q"), strays(table)
    columns: dict[str, Kind] = {"group": "name", "p": "number", "q": "number", "nearest": "name"}
    listing = _listing(table, rows[q[rows] <= level], columns, _of_stray)
    label = counted(listing.count, "sample") + " too far out for their group"
    return replace(listing, label=label, where="group_off_manifold_q")


def _of_stray(row: Row) -> list[str]:
    p, q = row.number("group_off_manifold_p"), row.number("group_off_manifold_q")
    return [_name(row.text("group")), _p(p), _p(q), _name(row.text("nearest"))]


def _listing(
    table: pa.Table,
    rows: NDArray[np.int64],
    columns: Mapping[str, Kind],
    cells: Callable[[Row], list[str]],
) -> Listing:
    """A list of these rows: the id, the verdict where there is one, and the cells of a row."""
    judged = "verdict" in table.column_names
    kinds: dict[str, Kind] = {
        "sample": "name",
        **({"verdict": "prose"} if judged else {}),
        **columns,
    }
    return Listing(
        label=_label(table, rows) if judged else "",
        columns=tuple(Column(title, kind) for title, kind in kinds.items()),
        rows=tuple(
            (_name(row.text("id")), *([row.text("verdict") or ""] if judged else []), *cells(row))
            for row in rows_of(table, rows[:LISTED])
        ),
        count=len(rows),
        where="verdict",
    )


def _label(table: pa.Table, rows: Iterable[int]) -> str:
    """`35 rare, 242 uncommon`: the verdicts in the order of the list."""
    counts = Counter(table["verdict"].take(rows).to_pylist())
    return ", ".join(counted_as(verdict, count) for verdict, count in counts.items())


def _name(name: str | None) -> str:
    """A name of at most `LONGEST` letters, whatever their width."""
    if name is None or len(name) <= LONGEST:
        return name or ""
    return shorten(f"{name[: LONGEST // 2 - 1]}…{name[-LONGEST // 2 :]}", LONGEST)


def _number(value: float) -> str:
    return number(value) if isfinite(value) else "no ball near"


def _p(value: float) -> str:
    return f"{value:#.2g}" if isfinite(value) else ""


def _percentile(value: float) -> str:
    return f"{value:.1f}" if isfinite(value) else ""
