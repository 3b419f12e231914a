"""The table of items: which images there are, and what of it is believed in a folder.

A seal tells damage and no intent, so the table of a folder is checked like any other input: what
is asked of it later, such as one id for each image, holds from here on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from rara.errors import FeatureError
from rara.images.phash import CODE_BYTES, VERSION
from rara.storage.folder import StoredFolder

Metadata: TypeAlias = Mapping[str, object]
"""What is known of one image besides its pixels: JSON values under their keys."""

ITEMS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        ("digest", pa.string()),
        pa.field("state", pa.string(), nullable=False),
        ("reason", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("picture", pa.string()),
        ("code", pa.binary(CODE_BYTES)),
        ("note", pa.string()),
        pa.field("metadata", pa.string(), nullable=False),
    ]
)
"""Columns of the table of items; `state` is done, failed or left out, `picture` and `code` are the
digest and hash (`rara.images.phash`) of an image whose pixels rara has seen, `note` what to say of
it (empty where that is nothing, null where it is not known), `metadata` is a JSON object."""

HASH_COLUMNS = ("picture", "code")
"""Those of them that hold the pixel hash."""
STATES = ("done", "failed", "left out")
_LATER = (*HASH_COLUMNS, "note")
"""Columns that folders of earlier versions lack."""
_FILE = "items.parquet"


def items_in(stored: StoredFolder) -> pa.Table:
    """The table of items in a folder, with every column of `ITEMS`.

    Pixel hashes of another version, or none, count as missing. Raises DamagedStoreError for
    columns, types or values that rara does not write.
    """
    table = stored.table(_FILE)
    if stored.facts.get("prints") != VERSION:
        kept = [name for name in table.column_names if name not in HASH_COLUMNS]
        table = table.select(kept) if len(set(kept)) == len(kept) else table
    if wrong := _wrong_columns(table) or _wrong_values(table):
        raise stored.wrong(f"{_FILE}: {wrong}")
    columns = [_column(table, field) for field in ITEMS]
    return pa.Table.from_arrays(columns, schema=ITEMS)


def _column(table: pa.Table, field: pa.Field) -> Any:
    present = field.name in table.column_names
    return table[field.name] if present else pa.nulls(len(table), field.type)


def _wrong_columns(table: pa.Table) -> str | None:
    names = table.column_names
    for name in names:
        if name not in ITEMS.names or names.count(name) > 1:
            return f"a column {name[:80]!r}"
        if table.schema.field(name).type != ITEMS.field(name).type:
            return f"{table.schema.field(name).type} in the column {name!r}"
    missing = [name for name in ITEMS.names if name not in names and name not in _LATER]
    return f"no column {missing[0]!r}" if missing else None


def _wrong_values(table: pa.Table) -> str | None:
    done = pc.equal(table["state"], "done")
    for name in ("id", "state", "metadata"):
        if table[name].null_count:
            return f"rows without {name}"
    if not pc.all(pc.is_in(table["state"], pa.array(STATES)), min_count=0).as_py():
        return f"another state than {', '.join(STATES)}"
    if pc.count_distinct(table["id"]).as_py() != len(table):
        return "ids that repeat"
    if table["digest"].filter(done).null_count:
        return "images that are done and have no digest"
    if table["reason"].filter(pc.invert(done)).null_count:
        return "images without a vector and without a reason"
    return None


def records_of(items: pa.Table) -> list[Metadata]:
    """The metadata of each item.

    Not looked at before it is asked for, as that takes longer than all else that is checked.
    """
    return [record_of(text) for text in items["metadata"].to_pylist()]


def record_of(text: str) -> Metadata:
    """The metadata of one item. Raises FeatureError where it is no JSON object."""
    try:
        record = json.loads(text)
        if "\\u" in text:
            json.dumps(record, ensure_ascii=False).encode()  # refuses what is no text
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise FeatureError(
            f"The metadata {text[:80]!r} of an image is no JSON object: make the features again."
        )
    return record
