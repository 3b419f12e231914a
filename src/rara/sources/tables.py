"""Images in Parquet files, Hugging Face's data sets among them.

Only the columns with images and scalars are read, a page of the file at a time, so that
memory does not grow with the row groups, which may hold gigabytes.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rara.errors import EmptySourceError, UnknownSourceError
from rara.sources.archives import explained_damage
from rara.sources.base import Item
from rara.sources.files import fail
from rara.sources.names import member_name, shown
from rara.sources.records import Record, tidy

_ROWS = 32  # decoded at a time
_BUFFER = 1 << 20  # bytes read at a time; unset, it is a whole column of a row group
_IMAGE_COLUMNS = ("image", "img")


@dataclass(frozen=True, slots=True)
class _Table:
    """What is known of one Parquet file before its rows are read."""

    path: Path
    name: str
    image: str
    scalars: tuple[str, ...]
    classes: tuple[str, ...]
    """Names of the values of the column `label`, if the file tells them."""
    paths: bool
    """Whether the images come with a path each."""
    group_starts: tuple[int, ...]
    """First row of each row group, and the number of rows."""

    @property
    def rows(self) -> int:
        return self.group_starts[-1]


class ParquetSource:
    """The images of one Parquet file or of several, as one table."""

    def __init__(self, files: Mapping[str, Path], *, location: str) -> None:
        """`files` by the name that their rows' ids begin with."""
        self.location = location
        self._tables = [_table(name, path) for name, path in files.items()]
        self._ids = _ids(self._tables)
        if not self._ids:
            raise EmptySourceError(f"No rows in {shown(location)}.")
        self._firsts = [0, *accumulate(table.rows for table in self._tables)]

    def count(self) -> int:
        """Number of rows."""
        return len(self._ids)

    def __iter__(self) -> Iterator[Item]:
        return self._items(range(len(self._ids)))

    def select(self, ids: Collection[str]) -> Iterator[Item]:
        """The items of these ids; only their row groups are read."""
        wanted = set(ids)
        return self._items([row for row, id_ in enumerate(self._ids) if id_ in wanted])

    def _items(self, rows: Sequence[int]) -> Iterator[Item]:
        for table, first in zip(self._tables, self._firsts, strict=False):
            inside = rows[bisect_left(rows, first) : bisect_left(rows, first + table.rows)]
            for row, values in _read(table, [row - first for row in inside]):
                load = _load(values.pop(table.image))
                yield Item(self._ids[first + row], load, _record(values, table.classes))


def rows_in(path: Path) -> int:
    """Number of rows of one file, from its footer."""
    with explained_damage(path):
        return int(pq.read_metadata(path).num_rows)


def _read(table: _Table, rows: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """These rows of a file, by their number, from the row groups that hold them."""
    wanted = set(rows)
    groups = sorted({bisect_right(table.group_starts, row) - 1 for row in wanted})
    columns = [table.image, *table.scalars]
    with (
        explained_damage(table.path),
        pq.ParquetFile(table.path, buffer_size=_BUFFER, pre_buffer=False) as file,
    ):
        for group in groups:
            row = table.group_starts[group]
            for batch in file.iter_batches(_ROWS, row_groups=[group], columns=columns):
                for at in range(batch.num_rows):
                    if row + at in wanted:
                        yield row + at, batch.slice(at, 1).to_pylist()[0]
                row += batch.num_rows


def _load(image: Any) -> Callable[[], bytes]:
    data = image.get("bytes") if isinstance(image, dict) else image
    if data is None:
        path = image.get("path") if isinstance(image, dict) else None
        return partial(fail, f"no bytes in the table, only the path {path!r}" if path else "null")
    return lambda: data


def _record(values: Mapping[str, Any], classes: Sequence[str]) -> Record:
    label = values.get("label")
    if isinstance(label, int) and 0 <= label < len(classes):
        return tidy({**values, "label": classes[label]})
    return tidy(values)


# -- what is in a file ------------------------------------------------------------------


def _table(name: str, path: Path) -> _Table:
    with explained_damage(path), pq.ParquetFile(path) as file:
        schema, meta = file.schema_arrow, file.metadata
        image = _image_column(schema, path)
        sizes = [meta.row_group(group).num_rows for group in range(meta.num_row_groups)]
        return _Table(
            path=path,
            name=name,
            image=image,
            scalars=tuple(field.name for field in schema if _is_scalar(field.type)),
            classes=_class_names(schema),
            paths=pa.types.is_struct(schema.field(image).type)
            and schema.field(image).type.get_field_index("path") >= 0,
            group_starts=(0, *accumulate(sizes)),
        )


def _image_column(schema: pa.Schema, path: Path) -> str:
    images = [field.name for field in schema if _holds_images(field.type)]
    usual = [name for name in _IMAGE_COLUMNS if name in images]
    if usual or len(images) == 1:
        return str((usual or images)[0])
    columns = ", ".join(f"{field.name} ({field.type})" for field in schema)
    found = f"{len(images)} columns that could hold images" if images else "no column with images"
    raise UnknownSourceError(
        f"{shown(path)} has {found} among {columns}. rara reads a column 'image' or 'img', or the "
        "only one that is binary or a struct of bytes and path."
    )


def _holds_images(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        at = kind.get_field_index("bytes")
        return at >= 0 and _holds_images(kind.field(at).type)
    return bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    )


def _is_scalar(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_scalar(kind.value_type)
    return not (pa.types.is_nested(kind) or _holds_images(kind))


def _class_names(schema: pa.Schema) -> tuple[str, ...]:
    """Class names of the column `label`, where the data set's card is in the schema."""
    try:
        card = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        return tuple(map(str, card["info"]["features"]["label"]["names"]))
    except (ValueError, LookupError, TypeError):
        return ()


def _ids(tables: Sequence[_Table]) -> list[str]:
    """The images' own paths where every row has one and no two are alike, else file#row."""
    if tables and all(table.paths for table in tables):
        paths = [path for table in tables for path in _paths(table)]
        if all(paths) and len(set(paths)) == len(paths):
            return paths
    return [f"{table.name}#{row}" for table in tables for row in range(table.rows)]


def _paths(table: _Table) -> list[str]:
    with explained_damage(table.path), pq.ParquetFile(table.path) as file:
        column = file.read(columns=[f"{table.image}.path"]).column(table.image)
        return [member_name((row or {}).get("path") or "") for row in column.to_pylist()]
