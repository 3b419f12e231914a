"""Images in tables: Parquet files, and Arrow files as Hugging Face's `save_to_disk` writes.

Only the columns with images and scalars are read, one row at a time, so that memory does
not grow with row groups, which may hold gigabytes, or with what a file says of itself.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rara.errors import DamagedArchiveError, EmptySourceError
from rara.sources.archives.damage import explained_damage
from rara.sources.base import Item
from rara.sources.metadata.records import Record, Tidier
from rara.sources.names import has_suffix, member_name, shown
from rara.sources.tables.columns import Column, class_names, image_column, scalar_columns
from rara.sources.tables.saved_datasets import INFO, read_json

_BUFFER = 1 << 20  # bytes read at a time; unset, it is a whole column of a row group
_MANY = 1024
"""Rows of small values that are read at a time."""

_MOST_ROWS = 1_000_000
"""So many may repeat one another in fewer bytes."""

_FILE_MAGIC = b"ARROW1"
"""How an Arrow file begins that is no stream."""

_Row = tuple[int, pa.RecordBatch]
"""The number of a row, and a batch that begins with it."""


@dataclass(frozen=True, slots=True)
class _Table:
    """What is known of one file before its rows are read."""

    path: Path
    name: str
    column: Column
    scalars: tuple[str, ...]
    classes: tuple[str, ...]
    """Names of the values of the column `label`, if the file tells them."""
    group_starts: tuple[int, ...]
    """First row of each row group or batch, and the number of rows."""
    remarks: tuple[str, ...]

    @property
    def rows(self) -> int:
        return self.group_starts[-1]


class TableSource:
    """The images of one table file or of several, as one table."""

    def __init__(
        self, files: Mapping[str, Path], *, location: str, column: str | None = None
    ) -> None:
        """`files` by the name that their rows' ids begin with; `column` holds the images."""
        self.location = location
        self._tables = [_table(name, path, column) for name, path in files.items()]
        self._firsts = [0, *accumulate(table.rows for table in self._tables)]
        self._rows = range(self._firsts[-1])
        if not self._rows:
            raise EmptySourceError(f"No rows in {shown(location)}.")
        self._listed = any(table.column.listed for table in self._tables)
        self._paths = [] if self._listed else _paths(self._tables)
        self._unread = 0
        self._empty: set[str] = set()
        self._tidier = Tidier()

    @property
    def remarks(self) -> list[str]:
        """How the columns were read, and how many values could not be."""
        remarks = dict.fromkeys(remark for table in self._tables for remark in table.remarks)
        if self._unread:
            remarks[f"{self._unread:,} values beside images are damaged and were left out."] = None
        if self._empty:
            remarks[f"{len(self._empty):,} of {len(self._rows):,} rows hold no image."] = None
        return [*remarks, *self._tidier.remarks]

    def count(self) -> int | None:
        """Number of rows; None where they hold lists of images."""
        return None if self._listed else len(self._rows)

    @property
    def rows_by_file(self) -> dict[Path, int]:
        """Number of rows in each file."""
        return {table.path: table.rows for table in self._tables}

    def __iter__(self) -> Iterator[Item]:
        self._unread = 0
        return self._items(self._rows)

    def select(self, ids: Collection[str]) -> Iterator[Item]:
        """The items of these ids; only their row groups are read."""
        wanted = set(ids)
        rows = wanted | {id_.rpartition("#")[0] for id_ in ids if self._listed}
        items = self._items([row for row in self._rows if self._id(row) in rows])
        return (item for item in items if item.id in wanted)

    def _id(self, row: int) -> str:
        """The image's own path where every row has one and no two are alike, else file#row."""
        if self._paths:
            return self._paths[row]
        at = bisect_right(self._firsts, row) - 1
        return f"{self._tables[at].name}#{row - self._firsts[at]}"

    def _items(self, rows: Sequence[int]) -> Iterator[Item]:
        for table, first in zip(self._tables, self._firsts, strict=False):
            inside = rows[bisect_left(rows, first) : bisect_left(rows, first + table.rows)]
            with explained_damage(table.path):
                for row, batch in _read(table, [row - first for row in inside]):
                    yield from self._of_row(self._id(first + row), table, batch)

    def _of_row(self, id_: str, table: _Table, batch: pa.RecordBatch) -> Iterator[Item]:
        column, record = table.column, self._record(id_, table, batch)
        images = list(column.images(batch.column(column.name)[0]))
        if not images:
            self._empty.add(id_)
        for at, image in enumerate(images):
            name = f"{id_}#{at}" if column.listed else id_
            yield Item(name, partial(column.encoded, image), record, column.size(image))

    def _record(self, id_: str, table: _Table, batch: pa.RecordBatch) -> Record:
        values: dict[str, object] = {}
        for name in table.scalars:
            try:
                values[name] = batch.column(name)[0].as_py()
            except (ValueError, ArithmeticError, pa.ArrowException):  # such as text not in UTF-8
                self._unread += 1
        label = values.get("label")
        if isinstance(label, int) and 0 <= label < len(table.classes):
            values["label"] = table.classes[label]
        return self._tidier.tidy(values, id_)


def _table(name: str, path: Path, chosen: str | None) -> _Table:
    with explained_damage(path):
        schema, sizes = _arrow_sizes(path) if _is_arrow(path) else _parquet_sizes(path)
        column = image_column(schema, path, chosen, partial(_first_text, path, sizes))
        scalars, remarks = scalar_columns(schema, column.name)
        classes = class_names(schema, read_json(path.parent / INFO))
        remarks = [*column.remarks, *remarks]
    starts = (0, *accumulate(sizes))
    return _Table(path, name, column, tuple(scalars), classes, starts, tuple(remarks))


def _read(table: _Table, rows: Sequence[int]) -> Iterator[_Row]:
    """These rows of a file, by their number, from the row groups that hold them."""
    wanted = set(rows)
    groups = sorted({bisect_right(table.group_starts, row) - 1 for row in wanted})
    columns = [table.column.name, *table.scalars]
    read = _arrow_rows if _is_arrow(table.path) else _parquet_rows
    for row, batch in read(table.path, columns, groups, table.group_starts):
        if row in wanted:
            yield row, batch


def _first_text(path: Path, sizes: Sequence[int], column: str) -> str:
    """The first text in a column; `sizes` are those of the row groups or batches."""
    read = _arrow_rows if _is_arrow(path) else _parquet_rows
    for row, batch in read(path, [column], range(len(sizes)), (0, *accumulate(sizes))):
        value = batch.column(column)[0]
        if value.is_valid or row == _MANY:
            return str(value.as_py() or "")
    return ""


def _paths(tables: Sequence[_Table]) -> list[str]:
    """The images' own paths where every row has one and no two are alike, else none."""
    paths: dict[str, None] = {}
    for table in tables:
        for path in _table_paths(table):
            if not path or path in paths:
                return []
            paths[path] = None
    return list(paths)


def _table_paths(table: _Table) -> Iterator[str]:
    if not table.column.has_path:
        yield ""
        return
    name = table.column.name
    read = _arrow_batches if _is_arrow(table.path) else _parquet_batches
    with explained_damage(table.path):
        for batch in read(table.path, [f"{name}.path"]):
            for image in batch.column(name):
                yield member_name(table.column.path(image))


# -- Parquet ----------------------------------------------------------------------------


def _parquet(path: Path) -> pq.ParquetFile:
    return pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)


def _parquet_sizes(path: Path) -> tuple[pa.Schema, list[int]]:
    """The schema, and the number of rows in each row group."""
    with _parquet(path) as file:
        meta = file.metadata
        if meta.num_rows > max(_MOST_ROWS, path.stat().st_size):
            raise DamagedArchiveError(
                f"{shown(path)} claims {meta.num_rows:,} rows in {path.stat().st_size:,} bytes: "
                "no table of images is so small. Fetch it again."
            )
        sizes = [meta.row_group(group).num_rows for group in range(meta.num_row_groups)]
        return file.schema_arrow, sizes


def _parquet_rows(
    path: Path, columns: Sequence[str], groups: Sequence[int], starts: Sequence[int]
) -> Iterator[_Row]:
    """The rows of some row groups one by one, for one may be large whatever the file says."""
    with _parquet(path) as file:
        for group in groups:
            batches = file.iter_batches(
                1, row_groups=[group], columns=list(columns), use_threads=False
            )
            yield from enumerate(batches, starts[group])


def _parquet_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with _parquet(path) as file:
        yield from file.iter_batches(_MANY, columns=list(columns))


# -- Arrow ------------------------------------------------------------------------------


def _is_arrow(path: Path) -> bool:
    return has_suffix(path.name, (".arrow",))


def _arrow_sizes(path: Path) -> tuple[pa.Schema, list[int]]:
    """The schema, and the number of rows in each batch."""
    with pa.memory_map(str(path)) as file, _reader(file) as reader:
        return reader.schema, [_rows_of(batch) for batch in _batches_of(reader)]


def _rows_of(batch: pa.RecordBatch) -> int:
    batch.validate()  # or a damaged file could claim any number
    return int(batch.num_rows)


def _arrow_rows(
    path: Path, columns: Sequence[str], groups: Sequence[int], starts: Sequence[int]
) -> Iterator[_Row]:
    """The rows of some batches one by one, mapped into memory."""
    wanted = set(groups)
    for group, batch in enumerate(_arrow_batches(path, columns)):
        if group in wanted:
            for at in range(batch.num_rows):
                yield starts[group] + at, batch.slice(at, 1)


def _arrow_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """All batches, with these columns only; of `image.path` the column `image`."""
    with pa.memory_map(str(path)) as file, _reader(file) as reader:
        names = [
            column if column in reader.schema.names else column.rpartition(".")[0]
            for column in columns
        ]
        for whole in _batches_of(reader):
            batch = whole.select(names)
            batch.validate(full=True)  # or damaged offsets would point anywhere
            yield batch


def _reader(file: pa.MemoryMappedFile) -> Any:
    magic = file.read(len(_FILE_MAGIC))
    file.seek(0)
    return pa.ipc.open_file(file) if magic == _FILE_MAGIC else pa.ipc.open_stream(file)


def _batches_of(reader: Any) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.ipc.RecordBatchStreamReader):
        return iter(reader)
    return (reader.get_batch(at) for at in range(reader.num_record_batches))
