"""Chosen samples as a file: a table, a folder of their pictures in a zip, or decisions.

rows, format --exported--> name, type, bytes piece by piece
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rara.explorer.explored import SAMPLE, Explored
from rara.explorer.marks import Marks
from rara.explorer.point_pictures import PointPictures
from rara.explorer.sinks import Sink
from rara.table.score_table import ScoreTable
from rara.table.writing import flat_cells, with_record
from rara.text import json_of

Format = Literal["csv", "parquet", "folder", "decisions"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)

MOST_PICTURES: Final = 5_000
"""Of a folder."""
EDGE: Final = 2048
_NAME: Final = 80
_BATCH: Final = 1 << 16
_WHEN: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Exported:
    """A file to save."""

    name: str
    media_type: str
    pieces: Iterator[bytes]


def exported(
    explored: Explored,
    pictures: PointPictures,
    marks: Marks,
    rows: Sequence[int],
    form: Format,
) -> Exported:
    """Some rows of the table, in their order, as a file. CSV has an apostrophe before what a
    spreadsheet would run; its pictures are encoded anew."""
    chosen = np.asarray(rows, np.int64)
    if form == "csv":
        return Exported("selection.csv", "text/csv; charset=utf-8", _csv(explored.table, chosen))
    if form == "parquet":
        kind = "application/vnd.apache.parquet"
        return Exported("selection.parquet", kind, _parquet(explored.table, chosen))
    if form == "folder":
        return Exported("selection.zip", "application/zip", _folder(explored, pictures, chosen))
    return Exported("decisions.json", "application/json", iter([_decisions(marks, rows)]))


def _batches(chosen: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    return (chosen[at : at + _BATCH] for at in range(0, max(1, len(chosen)), _BATCH))


def _csv(table: ScoreTable, chosen: NDArray[np.int64]) -> Iterator[bytes]:
    import pyarrow.csv as csv

    head = True
    for rows in _batches(chosen):
        flat, sink = flat_cells(table.arrow.take(rows), "escape"), pa.BufferOutputStream()
        csv.write_csv(flat, sink, csv.WriteOptions(include_header=head))
        head = False
        yield sink.getvalue().to_pybytes()


def _parquet(table: ScoreTable, chosen: NDArray[np.int64]) -> Iterator[bytes]:
    import pyarrow.parquet as pq

    sink = Sink()
    schema = with_record(table.arrow.slice(0, 0), table.provenance).schema
    with pq.ParquetWriter(pa.PythonFile(sink, "w"), schema) as writer:
        for rows in _batches(chosen):
            writer.write_table(table.arrow.take(rows).replace_schema_metadata(schema.metadata))
            yield sink.taken()
    yield sink.taken()


def _folder(
    explored: Explored, pictures: PointPictures, chosen: NDArray[np.int64]
) -> Iterator[bytes]:
    """A zip of pictures and the table, made while it is sent."""
    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for row in chosen.tolist():
            image = pictures.image(SAMPLE, row)
            if image is None:
                continue
            name = f"pictures/{row:06}-{_safe(explored.id_of(SAMPLE, row))}.png"
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            archive.writestr(zipfile.ZipInfo(name, _WHEN), buffer.getvalue())
            yield sink.taken()
        content = b"".join(_csv(explored.table, chosen))
        archive.writestr(zipfile.ZipInfo("selection.csv", _WHEN), content)
    yield sink.taken()


def _safe(name: str) -> str:
    """The last part of an id, with letters, digits and a few signs alone."""
    last = name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or name
    kept = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "-" for one in last)
    return kept[:_NAME].strip("-") or "picture"


def _decisions(marks: Marks, rows: Sequence[int]) -> bytes:
    """What was decided of these samples, as `rara decide --from` takes it."""
    chosen = set(rows)
    entries = [
        entry
        for mark in marks.all()
        if mark.sample in chosen and (entry := marks.entry(mark)) is not None
    ]
    return (json_of(entries, indent=2) + "\n").encode()
