"""Points and tables as Arrow streams, which a browser reads as they come.

    Map, tables --batches--> bytes of an Arrow IPC stream

Texts that repeat travel as dictionaries, whole numbers in the smallest usual type, lists and
records as JSON. A stream is made batch by batch, so a table of a million rows needs no second copy.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rara.explorer.explored import REFERENCE, SAMPLE, Explored
from rara.explorer.maps import Map
from rara.explorer.sinks import Sink
from rara.table.score_table import free_name, metadata_columns

_BATCH: Final = 1 << 16
_REPEATED: Final = 0.5
"""A dictionary pays where at most this share of the values differ."""


def points_stream(explored: Explored, made: Map) -> Iterator[bytes]:
    """x, y, side and row of every point, in the order of their numbers."""
    counts = explored.count(REFERENCE), explored.count(SAMPLE)
    side = np.repeat(np.array([REFERENCE, SAMPLE], np.uint8), counts)
    row = np.concatenate([np.arange(count, dtype=np.uint32) for count in counts])
    columns = {"x": made.places[:, 0], "y": made.places[:, 1], "side": side, "row": row}
    return _streamed(pa.table({name: np.ascontiguousarray(one) for name, one in columns.items()}))


class StreamedTable:
    """A table whose columns are made ready for the browser when they are first asked for."""

    def __init__(self, table: pa.Table) -> None:
        self._table, self._ready, self._lock = table, dict[str, pa.ChunkedArray](), Lock()
        self.names: tuple[str, ...] = tuple(table.column_names)

    def __call__(self, names: Sequence[str] | None = None) -> Iterator[bytes]:
        """The stream of some columns, or of all; names that it lacks are left out."""
        chosen = self.names if names is None else [one for one in self.names if one in set(names)]
        columns = {name: self.column(name) for name in chosen}
        return _streamed(pa.table(columns) if columns else pa.table({}))

    def column(self, name: str) -> pa.ChunkedArray:
        """One column as it travels."""
        with self._lock:
            ready = self._ready.get(name)
        if ready is None:  # made outside of the lock: a long one does not hold up the others
            ready = travelling(self._table[name])
            with self._lock:
                self._ready[name] = ready
        return ready


def reference_table(explored: Explored) -> pa.Table:
    """What is kept of the reference images: ids, the radii of their balls, and metadata."""
    items = explored.items[REFERENCE]
    columns = {"id": items["id"], "radius": pa.array(explored.radii)}
    if pc.any(pc.not_equal(items["metadata"], "{}")).as_py():
        for name, values in metadata_columns(items["metadata"].to_pylist()).items():
            columns[free_name(name, columns)] = values
    return pa.table(columns)


def travelling(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as a browser reads it easily."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_nested(kind):
        return pa.chunked_array([_as_json(batch) for batch in _batches(column)], pa.string())
    if pa.types.is_integer(kind):
        return _small(column)
    if pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return column
    texts = column.cast(pa.string())
    distinct = pc.count_distinct(texts).as_py()
    if len(texts) and distinct <= _REPEATED * len(texts):
        return pa.chunked_array([texts.combine_chunks().dictionary_encode()])
    return texts


def _small(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """32 bits where they hold every value, else a double: JavaScript has no other numbers."""
    ends = pc.min_max(column).as_py()
    low, high = ends["min"] or 0, ends["max"] or 0
    fits = low >= -(1 << 31) and high < 1 << 31
    return column.cast(pa.int32()) if fits else column.cast(pa.float64(), safe=False)


def _batches(column: pa.ChunkedArray) -> Iterable[pa.ChunkedArray]:
    return (column.slice(at, _BATCH) for at in range(0, len(column), _BATCH))


def _as_json(column: pa.ChunkedArray) -> pa.Array:
    values = (None if value is None else json.dumps(plain_value(value))
              for value in column.to_pylist())  # fmt: skip
    return pa.array(values, pa.string())


def plain_value(value: object) -> object:
    """The same with null for what JSON cannot hold."""
    if isinstance(value, dict):
        return {str(key): plain_value(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain_value(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int)) else str(value)


def _streamed(table: pa.Table) -> Iterator[bytes]:
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=_BATCH):
            writer.write_batch(batch)
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same as one Zstandard frame, piece by piece; browsers decode it themselves."""
    sink = Sink()
    with pa.CompressedOutputStream(pa.PythonFile(sink, "w"), "zstd") as stream:
        for piece in pieces:
            stream.write(piece)
            if data := sink.taken():
                yield data
    yield sink.taken()
