"""The reference images nearest to a point, exactly, and which of them owns its ball.

side, row --query--> rows, ids, distances, radii
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rara.explorer.explored import REFERENCE, SAMPLE, Explored
from rara.geometry import Nearest, query
from rara.run import Run
from rara.service.judging import NearImage

MOST: Final = 100
"""Neighbours that may be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour(NearImage):
    """A reference image near a point; its owner's ball is the smallest that holds the sample."""

    side: int = REFERENCE


def neighbours_of(explored: Explored, side: int, row: int, count: int, run: Run) -> list[Neighbour]:
    """The nearest reference images, nearest first, without the point itself."""
    vector = np.ascontiguousarray(explored.vectors(side)[row : row + 1])
    owner = None
    if side == SAMPLE and "rarity_witness" in explored.table.columns:
        owner = explored.table.arrow["rarity_witness"][row].as_py()
    return near_vector(explored, vector, count, run, itself=explored.itself(side, row), owner=owner)


def near_vector(
    explored: Explored,
    vector: NDArray[np.float32],
    count: int,
    run: Run,
    *,
    itself: int = -1,
    owner: str | None = None,
) -> list[Neighbour]:
    """The same for a vector (1, d). `itself`: a row that is left out, or -1."""
    geometry = explored.reference.geometry
    left = len(explored.reference) - (itself >= 0)
    nearest = Nearest(1, max(1, min(count, left)))
    query(
        vector, explored.vectors(REFERENCE), [nearest], own=np.array([itself], np.int32),
        quantized=geometry.code_cache.for_query(1, run), **run.engine(),
    )  # fmt: skip
    found = zip(nearest.index[0].tolist(), np.sqrt(nearest.d2[0]).tolist(), strict=True)
    return [
        Neighbour(
            row=row, id=(name := explored.id_of(REFERENCE, row)), distance=distance,
            owner=name == owner, radius=float(explored.radii[row]),
        )
        for row, distance in found
        if np.isfinite(distance)
    ]  # fmt: skip
