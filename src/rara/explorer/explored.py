"""What is explored: a score table, the vectors of both sides, and where their pictures are.

    table, reference --Explored.of--> rows of the table beside rows of vectors

Points are numbered: first the rows of the reference, then the rows of the table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rara.errors import ParameterError
from rara.features.features import Features
from rara.features.image_lookup import Side, SourcePictures
from rara.reference.reference import Reference
from rara.report.formatting import counted
from rara.table.score_table import ScoreTable

REFERENCE: Final = 0
SAMPLE: Final = 1
"""The two sides, as points carry them."""


@dataclass(frozen=True)
class Explored:
    """A score table beside the vectors it was made of."""

    table: ScoreTable
    samples: Features
    """Row for row those of the table."""
    reference: Reference
    pictures: SourcePictures | None
    """None where the vectors were given without images."""

    @classmethod
    def of(cls, table: ScoreTable, reference: Reference, samples: Features) -> Self:
        """Raises ParameterError where the table is empty or has rows that are not among the
        samples."""
        if not len(table):
            raise ParameterError("The table has no rows: there is nothing to explore.")
        rows = pc.index_in(table.arrow["id"], samples.done["id"].combine_chunks())
        if rows.null_count:
            raise ParameterError(
                f"{counted(rows.null_count, 'row')} of the table's {len(table):,} are not among "
                f"the images of '{samples.location}': give the place of its samples."
            )
        order = rows.to_numpy().astype(np.int64)
        if len(order) != len(samples) or (order != np.arange(len(order))).any():
            samples = samples.take(order, samples.location)
        pictures = table.pictures if isinstance(table.pictures, SourcePictures) else None
        if pictures is not None:
            scored: dict[Side, Features] = {"samples": samples, "reference": reference.features}
            pictures = replace(pictures, scored=scored)
        return cls(table, samples, reference, pictures)

    def __len__(self) -> int:
        """How many points there are."""
        return len(self.reference) + len(self.samples)

    @cached_property
    def items(self) -> tuple[pa.Table, pa.Table]:
        """The items of both sides that have a vector: reference, samples."""
        return self.reference.features.done, self.samples.done

    @cached_property
    def radii(self) -> NDArray[np.float64]:
        """The radii of the reference's balls, at the k of the table."""
        return np.sqrt(self.reference.geometry.ball_geometry(self.table.provenance.k).radii2)

    def vectors(self, side: int) -> NDArray[np.float32]:
        """The vectors of one side."""
        return (self.reference.features if side == REFERENCE else self.samples).vectors

    def count(self, side: int) -> int:
        """How many rows one side has."""
        return len(self.vectors(side))

    def id_of(self, side: int, row: int) -> str:
        """The id of an image."""
        return str(self.items[side]["id"][row].as_py())

    def digest_of(self, side: int, row: int) -> str:
        """The digest of an image's content."""
        return str(self.items[side]["digest"][row].as_py())

    def reference_row(self, name: str | None) -> int | None:
        """The row of the reference image with this id; None where there is none."""
        if name is None:
            return None
        row = int(pc.index(self.items[REFERENCE]["id"], pa.scalar(name)).as_py())
        return None if row < 0 else row

    def itself(self, side: int, row: int) -> int:
        """The row of the reference image that a point is, and is not compared with; or -1."""
        if side == REFERENCE:
            return row
        if not self.table.provenance.leave_one_out:
            return -1
        found = self.reference_row(self.id_of(side, row))
        return -1 if found is None else found
