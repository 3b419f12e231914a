"""What is believed of a score table from a file: columns of the kinds rara writes.

columns --wrong_columns--> what is wrong, in a few words, or ''

Anybody can write such a file. Whatever is shown of a table counts on these kinds, so they are
looked at once, when it is read; those of the provenance in `rara.provenance.json_format`. Which
columns there are is for `rara.table.earlier_versions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from rara.columns.score_tables import COLUMNS

_Fits: TypeAlias = Callable[[pa.DataType], bool]
_WHOLE = (
    *("id", "rarity", "inside", "knn_distance", "nearest", "nearest_distance", "balls"),
    *("repeats", "contested", "verdict_by_half", "verdict_by_extractor"),
)
"""Columns that have a value in each row; NaN is one."""
_FULL = ("neighbors", "verdict_by_extractor")
"""Columns of lists without gaps."""
_TOGETHER = (
    ("inside", "rarity_witness"),
    ("pixel_distance", "pixel_nearest"),
    ("repeat_kind", "repeat_of"),
    ("group_off_manifold_p", "group"),
    ("group_off_manifold_p", "group_off_manifold_q"),
    ("verdict", "reason"),
    ("network_p", "network_nearest"),
    ("source_p", "source"),
    ("source", "source_region"),
    ("source", "source_edit"),
    ("pick", "pick_reason"),
    ("pick", "pick_gain"),
)
"""Columns of which the second has a value wherever the first has one; a flag has one where it is
true."""


def wrong_columns(table: pa.Table) -> str:
    """What of a table's columns is of another kind than rara writes; empty where nothing is."""
    names = table.column_names
    if repeated := [name for name in names if names.count(name) > 1]:
        return f"the column '{repeated[0]}' twice"
    for field, column in zip(table.schema, table.columns, strict=True):
        if not _fits_column(field.name, field.type):
            return f"{str(field.type)[:80]} in the column '{field.name}'"
        if field.name in _WHOLE and column.null_count:
            return f"rows without '{field.name}'"
        if field.name in _FULL and pc.list_flatten(column).null_count:
            return f"gaps in '{field.name}'"
    for first, second in _TOGETHER:
        if {first, second} <= set(names) and _alone(table[first], table[second]):
            return f"'{first}' without '{second}'"
    return ""


def _alone(first: pa.ChunkedArray, second: pa.ChunkedArray) -> bool:
    given = pc.is_valid(first)
    if pa.types.is_boolean(first.type):
        given = pc.fill_null(first, False)
    elif pa.types.is_floating(first.type):
        given = pc.and_(given, pc.invert(pc.fill_null(pc.is_nan(first), True)))
    return bool(pc.any(pc.and_(given, pc.is_null(second)), min_count=0).as_py())


def _fits_column(name: str, kind: pa.DataType) -> bool:
    column = COLUMNS.get(name)
    return column is None or bool(_FITS[column.type](kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_null(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _lists(inner: _Fits) -> _Fits:
    return lambda kind: bool(pa.types.is_list(kind) and inner(kind.value_type))


def _named(name: str, of: str, inner: _Fits) -> _Fits:
    """Structs with a name, which is text, and something of it."""

    def fits(kind: pa.DataType) -> bool:
        fields = {field.name: field.type for field in kind} if pa.types.is_struct(kind) else {}
        return fields.get(name) == pa.string() and of in fields and inner(fields[of])

    return fits


_FITS: Mapping[str, _Fits] = {
    "string": _is_text,
    "bool": pa.types.is_boolean,
    "double": _is_number,
    "int32": _is_number,
    "int64": _is_number,
    "list<item: list<item: list<item: double>>>": _lists(_lists(_lists(_is_number))),
    "list<item: double>": _lists(pa.types.is_floating),
    "list<item: string>": _lists(_is_text),
    "list<item: struct<id: string, distance: double>>": _lists(
        _named("id", "distance", pa.types.is_floating)
    ),
    "list<item: struct<extractor: string, verdict: string>>": _lists(
        _named("extractor", "verdict", _is_text)
    ),
}
"""What is believed of columns by their type in the register: numbers of any width."""
