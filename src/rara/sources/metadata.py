"""What is known of an image besides its pixels: class folder, tables, sidecars.

The later wins: the first folder below the root is the `label`; `metadata.csv` and
`metadata.jsonl` describe the files of their own folder and below, by a column
`file_name` (Hugging Face's convention for image folders); `x.json`, `x.cls` and
`x.txt` describe `x.png` (WebDataset's convention).
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeAlias

from rara.errors import DamagedArchiveError, ImageError
from rara.sources.base import Scalar
from rara.sources.names import member_name, shown

TABLES = ("metadata.csv", "metadata.jsonl")
SIDECAR_SUFFIXES = (".json", ".cls", ".txt")

Record: TypeAlias = dict[str, Scalar]
Row: TypeAlias = tuple[int, Mapping[str, Any]]
"""The line on which a row of a table ends, for messages, and the row."""

# 007 and twenty digits are names, not numbers.
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")

_PROMPTS = ("prompt", "text", "caption")
_TEXTS = ("label", "prompt")


class Metadata:
    """Looks up what is known of each image among named files that can be read."""

    def __init__(
        self,
        names: Collection[str],
        read: Callable[[str], bytes],
        *,
        location: str,
        wrapper: str = "",
    ) -> None:
        """`wrapper` is a folder (`train/`) that holds everything and says nothing."""
        self._names = frozenset(names)
        self._read = read
        self._location = location
        self._wrapper = wrapper
        self._rows = self._read_tables()

    def of(self, name: str) -> Record:
        """All that is known of the image of this name; `ImageError` if a sidecar is broken."""
        return self.label(name) | self._rows.get(name, {}) | self._sidecars(name)

    def label(self, name: str) -> Record:
        """The class that the image's folder stands for, if it lies in one."""
        folder, slash, _ = name.removeprefix(self._wrapper).partition("/")
        return {"label": folder} if slash else {}

    def _sidecars(self, name: str) -> Record:
        stem = name.rpartition(".")[0]
        record: Record = {}
        for suffix in SIDECAR_SUFFIXES:
            if stem + suffix in self._names:
                record |= _sidecar(stem + suffix, self._read(stem + suffix))
        return record

    def _read_tables(self) -> dict[str, Record]:
        """All rows of all tables by the image's name, those of inner folders last."""
        found: dict[str, Record] = {}
        tables = (name for name in self._names if name.rpartition("/")[2] in TABLES)
        for name in sorted(tables, key=lambda name: (name.count("/"), name)):
            for image, record in self._table(name).items():
                found[image] = found.get(image, {}) | record
        return found

    def _table(self, name: str) -> dict[str, Record]:
        where = shown(f"{self._location}/{name}")
        folder = name[: name.rfind("/") + 1]
        try:
            text = _decoded(self._read(name), where)
        except ImageError as error:
            raise DamagedArchiveError(f"{where} cannot be read: {error}.") from None
        rows = _csv_rows if name.endswith(".csv") else _jsonl_rows
        records = _keyed(rows(text, where), folder, where)
        if records and not records.keys() & self._names:
            raise DamagedArchiveError(
                f"{where}: none of its {len(records)} file names is a file here "
                f"(the first is {next(iter(records))!r}). They are taken relative to the table."
            )
        return records


def tidy(raw: Mapping[str, Any]) -> Record:
    """Flat and JSON-able: dotted keys for nested ones, missing values left out.

    >>> tidy({"caption": "a cat", "size": {"w": 3}, "label": 7, "score": None})
    {'prompt': 'a cat', 'size.w': 3, 'label': '7'}
    """
    flat = dict(_flat(raw, ""))
    alias = next((key for key in _PROMPTS if key in flat), "prompt")
    record = {"prompt" if key == alias else key: value for key, value in flat.items()}
    return {key: str(value) if key in _TEXTS else value for key, value in record.items()}


def _flat(value: Any, key: str) -> Iterator[tuple[str, Scalar]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, (list, tuple)):
        yield key, json.dumps(value, default=str)
    elif isinstance(value, float) and not math.isfinite(value):
        return
    elif isinstance(value, (str, int, float, bool)):
        yield key, value
    elif value is not None:
        yield key, str(value)


def _sidecar(name: str, data: bytes) -> Record:
    if not name.endswith(".json"):
        text = data.decode("utf-8-sig", errors="replace").strip()
        return {"label" if name.endswith(".cls") else "prompt": text}
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"its sidecar {name!r} is not JSON: {error}") from None
    return tidy(value if isinstance(value, dict) else {"json": value})


# -- tables -----------------------------------------------------------------------------


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DamagedArchiveError(f"{where}, line {line}: not UTF-8. Save it as UTF-8.") from None


def _csv_rows(text: str, where: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise DamagedArchiveError(f"{where}, line {reader.line_num}: {error}.") from None
    for line, row in rows:
        if len(row) != len(header):
            raise DamagedArchiveError(
                f"{where}, line {line}: {len(row)} fields where the header names {len(header)}."
            )
    columns = [_typed(column) for column in zip(*(row for _, row in rows), strict=True)]
    for (line, _), values in zip(rows, zip(*columns, strict=True), strict=True):
        yield line, dict(zip(header, values, strict=True))


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
            raise DamagedArchiveError(f"{where}, line {line}: not JSON ({error}).") from None
        if not isinstance(value, dict):
            raise DamagedArchiveError(f"{where}, line {line}: {row.strip()[:40]!r} is no object.")
        yield line, value


def _keyed(rows: Iterator[Row], folder: str, where: str) -> dict[str, Record]:
    records: dict[str, Record] = {}
    for line, row in rows:
        columns = dict(row)
        file_name = columns.pop("file_name", None)
        if not isinstance(file_name, str):
            raise DamagedArchiveError(
                f"{where}, line {line}: no 'file_name' among {', '.join(columns) or 'nothing'}. "
                "That column says which image a row describes."
            )
        image = folder + member_name(file_name)
        if image in records:
            raise DamagedArchiveError(f"{where}, line {line}: {file_name!r} for the second time.")
        records[image] = tidy(columns)
    return records
