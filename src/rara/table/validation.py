"""What is believed of a score table from a file: columns of the kinds rara writes.

columns --wrong_columns--> what is wrong, in a few words, or ''

Anybody can write such a file. Whatever is shown of a table counts on these kinds, so they are
looked at once, when it is read; those of the provenance in `rara.provenance.coding`. Which columns
there are is for `rara.table.earlier_versions`.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_TEXTS = (
    *("id", "verdict", "reason", "rarity_witness", "nearest", "pixel_nearest", "group"),
    *("repeat_of", "repeat_kind"),
)
_FLAGS = ("inside", "contested", "authentic")
_NUMBERS = (
    *("rarity", "knn_distance", "balls", "realism", "nearest_distance", "rarity_percentile"),
    *("typicality_percentile", "knn_p", "ball_ratio", "ball_ratio_p", "off_manifold_p"),
    *("off_manifold_q", "copy_p", "copy_q", "copy_volume", "copy_ratio", "stability"),
    *("pixel_distance", "volume_p", "pixel_p", "repeats", "two_sample_score", "two_sample_p"),
    *("sibling_distance", "sibling_p", "group_rarity_percentile", "group_off_manifold_p"),
    "group_off_manifold_q",
)
_WHOLE = ("id", "inside", "knn_distance", "nearest", "nearest_distance", "balls")
"""Columns that have a value in each row."""
_BESIDE = (
    ("inside", "rarity_witness"),
    ("pixel_distance", "pixel_nearest"),
    ("repeat_kind", "repeat_of"),
    ("verdict", "reason"),
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
    for first, second in _BESIDE:
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
    if name in _TEXTS:
        return bool(pa.types.is_string(kind) or pa.types.is_null(kind))
    if name in _FLAGS:
        return bool(pa.types.is_boolean(kind))
    if name in _NUMBERS:
        return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
    if name == "neighbors":
        return _fits_neighbors(kind)
    if name == "rarity_by_k":
        return bool(pa.types.is_list(kind) and pa.types.is_floating(kind.value_type))
    return True


def _fits_neighbors(kind: pa.DataType) -> bool:
    if not pa.types.is_list(kind) or not pa.types.is_struct(kind.value_type):
        return False
    there = {field.name: field.type for field in kind.value_type}
    distance = there.get("distance", pa.null())
    return there.get("id") == pa.string() and bool(pa.types.is_floating(distance))
