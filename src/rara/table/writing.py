"""A table and what it is relative to, into a file: Parquet, CSV or JSON.

arrow, record --save--> a file whose ending says the format

A Parquet file carries the record in its schema's metadata; CSV has no place for it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rara.arguments import path_of
from rara.errors import ParameterError
from rara.provenance.json_format import JsonObject
from rara.provenance.provenance import AsJson
from rara.storage.atomic import write_file, write_text
from rara.table.csv_cells import Formulas, check_formulas, escaped
from rara.text import json_of

FORMATS = (".parquet", ".csv", ".json")
RECORD = b"rara"
"""Key of the record in the schema's metadata."""


def check_format(path: str | Path) -> str:
    """The ending of a table's name; raises ParameterError where none of the formats has it."""
    suffix = path_of(path).suffix.lower()
    if suffix not in FORMATS:
        raise ParameterError(f"The format of '{path}' is unknown: end it in {', '.join(FORMATS)}.")
    return suffix


def save(arrow: pa.Table, record: AsJson, path: str | Path, *, formulas: Formulas) -> None:
    """Write the format that the name's ending says; `formulas` is for CSV."""
    check_formulas(formulas)
    suffix = check_format(path)
    if suffix == ".parquet":
        write_parquet(arrow, record, path)
    elif suffix == ".csv":
        write_csv(arrow, path, formulas=formulas)
    else:
        write_json(arrow, record, path)


def with_record(arrow: pa.Table, record: AsJson) -> pa.Table:
    """The table with the record in its schema's metadata."""
    metadata = {**(arrow.schema.metadata or {}), RECORD: _json(record.to_json()).encode()}
    return arrow.replace_schema_metadata(metadata)


def write_parquet(arrow: pa.Table, record: AsJson, path: str | Path) -> None:
    """Write a Parquet file, the record in it."""
    import pyarrow.parquet as pq

    write_file(path_of(path), lambda file: pq.write_table(with_record(arrow, record), file))


def write_csv(arrow: pa.Table, path: str | Path, *, formulas: Formulas) -> None:
    """Write a CSV file; what is nested is JSON in its cell, NaN and null are empty."""
    import pyarrow.csv as csv

    flat = flat_cells(arrow, formulas)
    write_file(path_of(path), lambda file: csv.write_csv(flat, file))


def flat_cells(arrow: pa.Table, formulas: Formulas) -> pa.Table:
    """The table as its CSV has it, cell by cell."""
    check_formulas(formulas)
    flat = arrow
    for i, name in enumerate(flat.column_names):
        if pa.types.is_nested(flat.schema.types[i]):
            cells = [
                None if value is None else json.dumps(value, default=str)
                for value in flat.column(i).to_pylist()
            ]
            flat = flat.set_column(i, name, pa.array(cells, pa.string()))
        elif pa.types.is_floating(flat.schema.types[i]):
            flat = flat.set_column(i, name, pc.if_else(pc.is_nan(flat.column(i)), None, flat[i]))
    return escaped(flat) if formulas == "escape" else flat


def write_json(arrow: pa.Table, record: AsJson, path: str | Path) -> None:
    """Write `{"provenance": …, "rows": […]}`; what is not finite is null."""
    text = _json({"provenance": record.to_json(), "rows": json_rows(arrow)})
    write_text(path_of(path), text + "\n")


def json_rows(arrow: pa.Table) -> list[JsonObject]:
    """The rows as JSON has them; what is not finite is null."""
    rows: list[JsonObject] = _plain(arrow.to_pylist())
    return rows


def _json(value: object) -> str:
    return json_of(_plain(value))


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
