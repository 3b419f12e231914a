"""Sums of the rows that belong to each cell, in float64 and in the order of the rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rara.storage.compiled import compiled


@compiled
def add_by_cell(
    rows: NDArray[np.float32], cells: NDArray[np.int64], sums: NDArray[np.float64]
) -> None:
    """Add each row to the sum of its cell, (cells, d)."""
    for i in range(rows.shape[0]):
        total = sums[cells[i]]
        for c in range(rows.shape[1]):
            total[c] += np.float64(rows[i, c])
