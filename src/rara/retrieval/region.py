"""Where in the sample the pixels agree: the whole overlap, or the rectangle in which they do.

Fifth step of direct evidence. A map covers all of the source, but a sample may show only a part
of it, cut out and put on another picture. So every rectangle of cells is tried, and the one with
the largest sum of agreement taken, unless the whole overlap is about as good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rara.retrieval.agreement import AGREE, CellAgreement
from rara.retrieval.polygons import Polygon, common, rectangle
from rara.storage.compiled import compiled

_WHOLE: Final = 0.85
"""Share of the best rectangle's sum from which the whole overlap is taken."""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the overlap."""

    corners: Polygon
    """(n, 2) in working pixels of the sample."""
    chosen: NDArray[np.bool_]
    """(rows, columns) its cells."""
    agreement: float
    """Sum over its cells of twice the correlation less 1/2, of those with structure."""


def region(cells: CellAgreement, overlap: Polygon) -> Region:
    """The part of the overlap with the most agreement."""
    weights = np.where(cells.structured, 2 * (cells.grey - AGREE), 0.0)
    whole = float(weights.sum())
    best, top, bottom, left, right = _best_rectangle(weights)
    if whole >= _WHOLE * best:
        return Region(overlap, np.ones_like(cells.structured), whole)
    chosen = np.zeros_like(cells.structured)
    chosen[top:bottom, left:right] = True
    across, down = cells.grid.columns[[left, right]], cells.grid.rows[[top, bottom]]
    corners = rectangle(*np.ptp([across, down], axis=1)) + np.array([across[0], down[0]])
    return Region(common(overlap, corners), chosen, float(best))


@compiled
def _best_rectangle(weights: NDArray[np.float64]) -> tuple[float, int, int, int, int]:
    """The largest sum over a rectangle, and its rows and columns; the first of equal ones."""
    rows, columns = weights.shape
    best = (0.0, 0, rows, 0, columns)
    sums = np.empty(columns)
    for top in range(rows):
        sums[:] = 0.0
        for bottom in range(top, rows):
            running, start = 0.0, 0
            for column in range(columns):
                sums[column] += weights[bottom, column]
                if running <= 0.0:
                    running, start = 0.0, column
                running += sums[column]
                if running > best[0]:
                    best = (running, top, bottom + 1, start, column + 1)
    return best
