"""Tables of metadata as rows, each with the name of the file that it describes.

`metadata.csv`, `.jsonl` and `.parquet` are Hugging Face's, `dataset.json` is StyleGAN's.
A table that is damaged ends the run. One that is whole but of another kind is not used,
and its `UnusedTableError` says why.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from rara.errors import DamagedArchiveError, ImageError, RaraError
from rara.sources.base import Scalar
from rara.sources.limits import TABLE, amount, check_cells
from rara.sources.names import LABEL_TABLE, first_few, unique

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

Row: TypeAlias = Mapping[str, object]

FILE_NAME = "file_name"
_AS_GOOD = ("file_name", "filename")
"""Columns that end like this name a file, too, such as `image_file_name`."""

# 007 and twenty digits are names, not numbers.
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS = ",;\t"
_MANY = 1024
"""Rows of a Parquet table that are read at a time, at most."""


class UnusedTableError(RaraError):
    """A whole table that says nothing of images here; the message is the reason."""


@dataclass(frozen=True, slots=True)
class NamedRows:
    """The rows of one table."""

    rows: list[tuple[str, Row]]
    """The file's name, nothing where a row has none, and the other columns."""
    column: str = FILE_NAME
    """Which column has the names."""


def read_rows(name: str, data: bytes, where: str) -> NamedRows:
    """The rows of the table of this name; `where` it lies is for messages.

    Raises `DamagedArchiveError`, `UnusedTableError`, or `ImageError` over a limit.
    """
    if name.endswith(LABEL_TABLE):
        return NamedRows(list(_labels(data, where)))
    if name.endswith(".parquet"):
        return _named(_parquet_rows(data, where))
    text = decoded(data)
    return _named(_csv_rows(text, where) if name.endswith(".csv") else _jsonl_rows(text, where))


def decoded(data: bytes) -> str:
    """Text in UTF-8, or in UTF-16 if its byte order mark says so; else `UnusedTableError`."""
    encoding = encoding_of(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        name = encoding.removesuffix("-sig").upper()
        raise UnusedTableError(f"line {line} is not {name}; save it as UTF-8") from None


def encoding_of(data: bytes) -> str:
    """UTF-16 if a byte order mark says so, else UTF-8 with or without one."""
    return "utf-16" if data.startswith(_UTF16) else "utf-8-sig"


def damaged(where: str, what: str) -> DamagedArchiveError:
    """A table that cannot be read, with what to do."""
    return DamagedArchiveError(
        f"{where}{what}. Repair it, or give --no-metadata to read the images alone."
    )


def _named(rows: Iterable[Row]) -> NamedRows:
    """The rows by the names in them."""
    listed = list(rows)
    if not listed:
        raise UnusedTableError("it has no rows below a header")
    columns = dict.fromkeys(key for row in listed for key in row)
    column = _name_column(columns)
    if column is None:
        names = first_few([column[:40] for column in columns]) or "none"
        raise UnusedTableError(f"it has no column '{FILE_NAME}' (columns: {names})")
    return NamedRows([(_text(row.get(column)), _without(row, column)) for row in listed], column)


def _name_column(columns: Iterable[str]) -> str | None:
    """`file_name`, or the only column whose name ends like that."""
    candidates = [column for column in columns if column.lower().endswith(_AS_GOOD)]
    if FILE_NAME in candidates:
        return FILE_NAME
    return candidates[0] if len(candidates) == 1 else None


def _text(value: object) -> str:
    return str(value) if isinstance(value, (str, int, float)) else ""


def _without(row: Row, column: str) -> Row:
    return {key: value for key, value in row.items() if key != column}


# -- one kind of table each -------------------------------------------------------------


def _csv_rows(text: str, where: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        header = list(unique(next(reader, [])))
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise damaged(where, f", line {reader.line_num}: {error}") from None
    for line, row in rows:
        if len(row) != len(header):
            raise damaged(
                where, f", line {line}: {len(row)} fields where the header names {len(header)}"
            )
    if not rows:
        return
    names = _name_column(header)
    columns = [
        list(column) if name == names else _typed(column)
        for name, column in zip(header, zip(*(row for _, row in rows), strict=True), strict=True)
    ]
    for values in zip(*columns, strict=True):
        yield dict(zip(header, values, strict=True))


def _delimiter(text: str) -> str:
    """What separates the columns: what stands beside `file_name` in the header, or most often."""
    header = text.partition("\n")[0]
    for delimiter in _DELIMITERS:
        if FILE_NAME in [field.strip(' "\r') for field in header.split(delimiter)]:
            return delimiter
    return max(_DELIMITERS, key=header.count)


def _typed(column: tuple[str, ...]) -> list[Any]:
    """A column of text as numbers where every value is one; empty fields are missing."""
    convert: Callable[[str], Scalar] = str
    if all(_INTEGER.fullmatch(text) for text in column if text):
        convert = int
    elif all(_NUMBER.fullmatch(text) for text in column if text):
        convert = float
    return [convert(text) if text else None for text in column]


def _jsonl_rows(text: str, where: str) -> Iterator[Row]:
    for line, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        try:
            value = json.loads(row)
        except (ValueError, RecursionError) as error:
            raise damaged(where, f", line {line}: not JSON ({error})") from None
        if not isinstance(value, dict):
            raise damaged(where, f", line {line}: {row.strip()[:40]!r} is no object")
        yield value


def _parquet_rows(data: bytes, where: str) -> Iterator[Row]:
    import pyarrow as pa  # slow to import
    import pyarrow.parquet as pq

    try:
        total = 0
        for batch in _batches(pq.ParquetFile(pa.BufferReader(data))):
            for row in batch.to_pylist():
                total += _characters(row)
                if total > TABLE.size:
                    most = amount(TABLE.size)
                    raise ImageError(f"its values take more than the {most} read of a table")
                yield row
    except (pa.ArrowException, OSError, ValueError, ArithmeticError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise damaged(where, f" cannot be read: {reason}") from None


def _batches(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    """The rows of a table, no more at a time than the limit allows.

    A value may be stored once for many rows: none is larger than its column is as it is stored.
    """
    metadata, columns = file.metadata, file.metadata.num_columns
    check_cells(metadata.num_rows, columns)
    stored = max(
        (
            metadata.row_group(group).column(at).total_uncompressed_size
            for group in range(metadata.num_row_groups)
            for at in range(columns)
        ),
        default=0,
    )
    TABLE.check(stored)
    yield from file.iter_batches(max(1, min(_MANY, TABLE.size // max(1, stored * columns))))


def _characters(value: Any) -> int:
    """What a value takes, roughly, once it is read."""
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(_characters, value.values()))
    return sum(map(_characters, value)) if isinstance(value, (list, tuple)) else 8


def _labels(data: bytes, where: str) -> Iterator[tuple[str, Row]]:
    """`{"labels": [[name, label], ...]}`, or null; a label is a class or a list of numbers."""
    try:
        value = json.loads(decoded(data))
    except (ValueError, RecursionError) as error:
        raise damaged(where, f": not JSON ({error})") from None
    if not isinstance(value, dict) or "labels" not in value:
        raise UnusedTableError("it has no 'labels', as StyleGAN's files have")
    labels = value["labels"]
    pairs = labels.items() if isinstance(labels, dict) else labels or []
    if not isinstance(labels, (dict, list, type(None))) or not all(map(_is_pair, pairs)):
        raise UnusedTableError("its 'labels' are no pairs of a file name and a label")
    for name, label in pairs:
        yield name, {"label_vector" if isinstance(label, list) else "label": label}


def _is_pair(value: object) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[0], str)
