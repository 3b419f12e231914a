"""A row of a score table, read by kind: text, a number, a list; nothing where it has none.

Arrow gives cells without types. Here each cell is checked, so that all else has types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

Plain = str | int | float | bool | None
"""What JSON holds as one value."""


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row, by column."""

    cells: Mapping[str, object]

    def text(self, name: str) -> str | None:
        """A text; None where there is none."""
        value = self.cells.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> float:
        """A number; NaN where there is none."""
        value = self.cells.get(name)
        return value if isinstance(value, (int, float)) else nan

    def finite(self, name: str) -> float | None:
        """A number that JSON can hold; None where there is none."""
        value = self.number(name)
        return value if isfinite(value) else None

    def count(self, name: str) -> int | None:
        """A whole number; None where there is none."""
        value = self.cells.get(name)
        return value if isinstance(value, int) else None

    def true(self, name: str) -> bool:
        """Whether a cell is true."""
        return self.cells.get(name) is True

    def values(self, name: str) -> Sequence[object]:
        """A list; an empty one where there is none."""
        value = self.cells.get(name)
        return value if isinstance(value, list) else ()

    def texts(self, name: str) -> list[str | None]:
        """A list of texts."""
        return [value if isinstance(value, str) else None for value in self.values(name)]

    def rows(self, name: str) -> Iterator[Row]:
        """A list of records."""
        return (Row(value) for value in self.values(name) if isinstance(value, Mapping))

    def plain(self, name: str) -> Plain:
        """Any value as JSON can hold it; what is unusual in words."""
        value = self.cells.get(name)
        if isinstance(value, float):
            return value if isfinite(value) else None
        return value if value is None or isinstance(value, (str, int)) else str(value)


def rows_of(table: pa.Table, rows: NDArray[np.int64]) -> list[Row]:
    """Some rows of a table."""
    return [Row(cells) for cells in table.take(rows).to_pylist()]
