"""Chosen samples as a file: a table, a folder of their pictures in a zip, or decisions.

rows, format --exported--> name, type, bytes piece by piece

Where a chosen sample is marked, three columns stand behind the table's: `star`, `note`, `decided`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rara.explorer.explored import SAMPLE, Explored
from rara.explorer.marks import Mark, Marks
from rara.explorer.point_pictures import PointPictures
from rara.explorer.sinks import Sink
from rara.table.score_table import free_name
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
    if form == "decisions":
        return Exported("decisions.json", "application/json", iter([_decisions(marks, rows)]))
    chosen = _Chosen.of(explored, marks, rows)
    if form == "csv":
        return Exported("selection.csv", "text/csv; charset=utf-8", _csv(chosen))
    if form == "parquet":
        kind = "application/vnd.apache.parquet"
        return Exported("selection.parquet", kind, _parquet(chosen))
    return Exported("selection.zip", "application/zip", _folder(pictures, chosen))


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The rows of a table that were chosen, and what people say of them."""

    explored: Explored
    rows: NDArray[np.int64]
    marks: Mapping[int, Mark]

    @classmethod
    def of(cls, explored: Explored, marks: Marks, rows: Sequence[int]) -> _Chosen:
        chosen = set(rows)
        said = {mark.sample: mark for mark in marks.all() if mark.sample in chosen}
        return cls(explored, np.asarray(rows, np.int64), said)

    def batches(self) -> Iterator[pa.Table]:
        """At least one, so that the columns are there."""
        for at in range(0, max(1, len(self.rows)), _BATCH):
            yield self._part(self.rows[at : at + _BATCH])

    def _part(self, rows: NDArray[np.int64]) -> pa.Table:
        part = self.explored.table.arrow.take(rows)
        if not self.marks:
            return part
        said = [self.marks.get(row) or Mark(sample=row) for row in rows.tolist()]
        for name, values in (
            ("star", pa.array([one.star for one in said], pa.bool_())),
            ("note", pa.array([one.note or None for one in said], pa.string())),
            ("decided", pa.array([one.decision for one in said], pa.string())),
        ):
            part = part.append_column(_named(name, part.column_names), values)
        return part


def _named(name: str, taken: Sequence[str]) -> str:
    """`explorer_note` where the images have metadata of that name."""
    return free_name(f"explorer_{name}" if name in taken else name, taken)


def _csv(chosen: _Chosen) -> Iterator[bytes]:
    import pyarrow.csv as csv

    head = True
    for part in chosen.batches():
        flat, sink = flat_cells(part, "escape"), pa.BufferOutputStream()
        csv.write_csv(flat, sink, csv.WriteOptions(include_header=head))
        head = False
        yield sink.getvalue().to_pybytes()


def _parquet(chosen: _Chosen) -> Iterator[bytes]:
    import pyarrow.parquet as pq

    sink, parts = Sink(), chosen.batches()
    first = with_record(next(parts), chosen.explored.table.provenance)
    with pq.ParquetWriter(pa.PythonFile(sink, "w"), first.schema) as writer:
        for part in chain([first], parts):
            writer.write_table(part.replace_schema_metadata(first.schema.metadata))
            yield sink.taken()
    yield sink.taken()


def _folder(pictures: PointPictures, chosen: _Chosen) -> Iterator[bytes]:
    """A zip of pictures and the table, made while it is sent."""
    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for row in chosen.rows.tolist():
            image = pictures.image(SAMPLE, row)
            if image is None:
                continue
            name = f"pictures/{row:06}-{_safe(chosen.explored.id_of(SAMPLE, row))}.png"
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            archive.writestr(zipfile.ZipInfo(name, _WHEN), buffer.getvalue())
            yield sink.taken()
        content = b"".join(_csv(chosen))
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
