"""Further vectors beside those that have a place: by their exact nearest neighbours among these.

    vectors --exact neighbours--> placed ones --weighted mean--> places

A point lies at the mean of the nearest ones that lie together, so never in the middle between two
groups. A small offset that depends on its number alone keeps points from hiding one another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from rara.geometry import Nearest, QuantizedReference, neighbours, query
from rara.run import Run

NEAREST: Final = 5
"""Placed vectors that a further one is placed by."""
_TOGETHER: Final = 10
"""Neighbours farther from the nearest one on the map than so many spacings do not count."""
_LEAST_SPACING: Final = 1e-4
_GOLDEN: Final = 0.6180339887498949


@dataclass(frozen=True)
class Placed:
    """Vectors that have a place, ready to place others by them."""

    vectors: NDArray[np.float32]
    places: NDArray[np.float64]
    spacing: float
    """The median distance from a place to the nearest other one."""
    quantized: QuantizedReference | None = None

    @classmethod
    def of(
        cls,
        vectors: NDArray[np.float32],
        places: NDArray[np.float64],
        quantized: QuantizedReference | None = None,
    ) -> Self:
        """With the spacing of the places."""
        return cls(vectors, places, spacing_of(places), quantized)

    def beside(
        self,
        vectors: NDArray[np.float32],
        numbers: NDArray[np.int64],
        run: Run,
        advance: Callable[[int], None] | None = None,
    ) -> NDArray[np.float64]:
        """The places of other vectors (n, d) as (n, 2). `numbers`: those of their points."""
        nearest = Nearest(len(vectors), min(NEAREST, len(self.vectors)))
        query(vectors, self.vectors, [nearest], quantized=self.quantized, **run.engine(advance))
        places = self.places[nearest.index]
        return mean_places(nearest.d2, places, self.spacing) + offsets(numbers, self.spacing)


def mean_places(
    d2: NDArray[np.float64], places: NDArray[np.float64], spacing: float
) -> NDArray[np.float64]:
    """Where vectors lie, (n, 2), by their nearest placed ones: squared distances (n, k), nearest
    first, and places (n, k, 2)."""
    distance = np.sqrt(d2)
    beyond = distance - distance[:, :1]
    scale = beyond.mean(axis=1, keepdims=True)
    weight = np.exp(-beyond / np.where(scale > 0, scale, 1))
    weight[distance[:, 0] == 0] = 0  # the same vector: its very place
    weight[distance == 0] = 1
    apart = np.sqrt(((places - places[:, :1]) ** 2).sum(axis=2))
    weight[apart > _TOGETHER * spacing] = 0
    total: NDArray[np.float64] = (places * weight[..., None]).sum(axis=1)
    return np.asarray(total / weight.sum(axis=1, keepdims=True))


def spacing_of(places: NDArray[np.floating]) -> float:
    """The median distance from a place to the nearest other one; never 0."""
    if len(places) < 2:
        return _LEAST_SPACING
    nearest, _ = neighbours(np.ascontiguousarray(places, np.float32), 1)
    return max(float(np.median(np.sqrt(nearest.d2))), _LEAST_SPACING)


def offsets(numbers: NDArray[np.int64], spacing: float) -> NDArray[np.float64]:
    """(n, 2) small offsets, less than a spacing long: a sunflower's pattern by the number."""
    turn = 2 * np.pi * ((numbers * _GOLDEN) % 1)
    radius = spacing * np.sqrt(((numbers * _GOLDEN**2 * 7) % 1) * 0.25)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
