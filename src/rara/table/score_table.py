"""The result: a score table, one row a sample, with its provenance.

An Arrow table inside, whose schema carries the provenance, so that a Parquet file
says by itself what was judged against what. Rows keep their ids through every
selection; nothing here computes a score.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rara.arguments import array_of, path_of, short, whole
from rara.errors import ParameterError, SourceNotFoundError
from rara.features.item_table import record_of
from rara.provenance.provenance import Provenance
from rara.run import Run
from rara.table.csv_cells import Formulas
from rara.table.earlier_versions import brought_up
from rara.table.same_images import compared_pictures
from rara.table.validation import wrong_columns
from rara.table.writing import (
    RECORD,
    save,
    with_record,
    write_csv,
    write_json,
    write_parquet,
)

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from rara.report.thumbnails import Pictures

_NO_TABLE = (pa.ArrowException, OSError, ValueError, KeyError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True, repr=False)
class ScoreTable:
    """One record for each sample, in the order of the samples.

    `table["rarity"]` is a numpy array; columns of text, with None where there is none,
    are object arrays. `provenance` has the reference, the counts, k, the extractor
    and the versions that the scores are relative to, by attributes or by the keys of its JSON.
    """

    arrow: pa.Table
    provenance: Provenance
    pictures: Pictures | None = field(default=None, compare=False)
    """Gives the images by id, for the report; None where there are none."""

    def __len__(self) -> int:
        return int(self.arrow.num_rows)

    def __getitem__(self, column: str) -> NDArray[Any]:
        values: NDArray[Any] = self._column(column).to_numpy()
        return values

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.arrow.column_names)

    def _column(self, name: str) -> pa.ChunkedArray:
        if name not in self.columns:
            raise ParameterError(f"No column '{name}'; there are {', '.join(self.columns)}.")
        return self.arrow.column(name)

    # -- selecting --

    def sort(self, by: str, *, descending: bool = False) -> ScoreTable:
        """Rows in the order of a column; ties keep their order, NaN and null come last."""
        column = self._column(by)
        if pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_nan(column), None, column)
        order = pc.array_sort_indices(
            column.combine_chunks(), order="descending" if descending else "ascending"
        )
        return self._with(self.arrow.take(order))

    def filter(self, keep: NDArray[np.bool_] | Sequence[bool] | pc.Expression) -> ScoreTable:
        """The rows where `keep`, a mask or a pyarrow expression, is true.

        Example: `table.filter(table["inside"])`.
        """
        if not isinstance(keep, pc.Expression):
            keep = pa.array(_mask(keep, len(self)))
        return self._with(self.arrow.filter(keep))

    def head(self, count: int = 10) -> ScoreTable:
        """The first rows."""
        return self._with(self.arrow.slice(0, min(whole(count, "count", least=0), len(self))))

    def rarest(self, count: int | None = None) -> ScoreTable:
        """The samples inside the reference, the rarest first: called rare, uncommon, then others.

        Within a verdict by the distance to the k-th nearest reference image (`knn_p`): rarity alone
        is the radius of one ball. Copies and samples off the manifold are left out. Where a table
        carries no verdicts, by `rarity`. `count`: how many at most; None gives all.
        """
        from rara.report.rarest import order_of_rarity

        most = None if count is None else whole(count, "count", least=0)
        return self._with(self.arrow.take(order_of_rarity(self.arrow)[:most]))

    def _with(self, arrow: pa.Table) -> ScoreTable:
        return ScoreTable(arrow, self.provenance, self.pictures)

    # -- elsewhere --

    def to_arrow(self) -> pa.Table:
        """The Arrow table, with the provenance in its schema's metadata."""
        return with_record(self.arrow, self.provenance)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_pandas(self) -> pd.DataFrame:
        """A pandas data frame; the provenance is in its `attrs`."""
        frame = self.arrow.to_pandas()
        frame.attrs["rara"] = self.provenance.to_json()
        return frame  # type: ignore[no-any-return]

    def to_polars(self) -> pl.DataFrame:
        """A polars data frame."""
        import polars

        return polars.from_arrow(self.arrow)  # type: ignore[return-value]

    def to_parquet(self, path: str | Path) -> None:
        """Write a Parquet file that `from_parquet` reads back, provenance included."""
        write_parquet(self.arrow, self.provenance, path)

    def to_csv(self, path: str | Path, *, formulas: Formulas = "keep") -> None:
        """Write a CSV file; `neighbors` is JSON in its cell, NaN an empty cell.

        Text is exact unless `formulas="escape"`: see `rara.table.csv_cells`.
        """
        write_csv(self.arrow, path, formulas=formulas)

    def to_json(self, path: str | Path) -> None:
        """Write `{"provenance": …, "rows": […]}`; what is not finite is null."""
        write_json(self.arrow, self.provenance, path)

    def save(self, path: str | Path, *, formulas: Formulas = "keep") -> None:
        """Write a Parquet, CSV or JSON file, as the name's ending says.

        `formulas="escape"`: in CSV, an apostrophe before text that a spreadsheet would run.
        """
        save(self.arrow, self.provenance, path, formulas=formulas)

    @classmethod
    def from_parquet(
        cls,
        path: str | Path,
        *,
        samples: str | os.PathLike[str] | None = None,
        reference: str | os.PathLike[str] | None = None,
    ) -> ScoreTable:
        """Read what `to_parquet` wrote, in this version or an earlier one.

        `samples` and `reference` are the places with the images, for the pictures of a report.
        All of them are read now: they must have the contents that were scored. The places that the
        table names are not opened: it may come from somebody else.

        Where keys of the provenance have earlier names, its `notes` say so. Raises ParameterError
        where an earlier version recorded less than this one needs, where columns or provenance are
        of other kinds than rara writes, and where other images are at a place. A reference of which
        images were left out cannot be compared here: `rara report` makes it again. Raises
        SourceError where nothing is at a place.
        """
        import pyarrow.parquet as pq

        if not path_of(path).is_file():
            raise SourceNotFoundError(f"No score table at '{path}'.")
        try:
            with Path(path).open("rb") as file:  # a path that is not UTF-8 is refused
                arrow = pq.read_table(file)
            record = json.loads(arrow.schema.metadata[RECORD])
            if not all(isinstance(record[side], Mapping) for side in ("samples", "reference")):
                raise TypeError("samples or reference")
        except _NO_TABLE as error:
            raise ParameterError(
                f"'{path}' is not a score table; `rara score … -o TABLE.parquet` writes one."
            ) from error
        provenance = brought_up(str(path), record, arrow.column_names)
        if wrong := wrong_columns(arrow):
            raise ParameterError(
                f"'{path}' holds what rara does not write ({wrong}): score the samples again."
            )
        pictures = compared_pictures(provenance, samples, reference, Run())
        return cls(arrow.replace_schema_metadata(None), provenance, pictures)

    # -- what people see --

    def summary(self) -> str:
        """A few plain lines of what was found; the notes on an earlier version's table last."""
        from rara.report import facts, summary_lines

        lines = list(summary_lines(facts(self.arrow, self.provenance)))
        for note in self.provenance.notes or ():
            lines += wrap(note, 80)
        return "\n".join(lines)

    def report(
        self, path: str | Path, cards: int | None = None, *, assets: str | Path | None = None
    ) -> None:
        """Write the report as the name's ending says: .html to look at, .md or .json to read.

        The HTML is one file that needs nothing else, of at most 20 MB; what has no room is counted
        in it. `cards`: how many samples a section shows with pictures, 1 to 200; 8 unless given.
        `assets`: a folder for pictures and rows, so that a page of many samples opens at once.
        """
        from rara.report.saving import save_report

        save_report(
            self.arrow, self.provenance, self.pictures, path_of(path),
            cards=cards, assets=None if assets is None else path_of(assets),
        )  # fmt: skip

    def __repr__(self) -> str:
        return (
            f"ScoreTable of {len(self)} samples against {self.provenance.reference.count} "
            f"reference images (k = {self.provenance.k}): {', '.join(self.columns)}"
        )

    def _repr_html_(self) -> str:
        from rara.report.notebook import table_html

        return table_html(self.arrow, self.provenance, self.pictures)


def _mask(keep: Any, rows: int) -> NDArray[np.bool_]:
    """Raises ParameterError where it is not true or false for each row."""
    mask = array_of(keep)
    if mask.shape != (rows,) or mask.dtype != np.bool_:
        raise ParameterError(
            f"keep = {short(keep)}: give {rows} values True or False, one a row, or a pyarrow "
            "expression."
        )
    return mask


def metadata_columns(records: Sequence[str]) -> dict[str, pa.Array]:
    """Columns of the images' metadata, given as one JSON object an image.

    A key that some images lack is null there; values of several types become text.
    """
    rows = [record_of(record) for record in records]
    names = dict.fromkeys(key for row in rows for key in row)
    return {name: _column_of([row.get(name) for row in rows]) for name in names}


def free_name(name: str, taken: Collection[str]) -> str:
    """What a column of metadata is called where others have its name: `metadata_id`."""
    while name in taken:
        name = f"metadata_{name}"
    return name


def _column_of(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values])
