"""Typicality: how close a sample is to the reference, defined everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rara.geometry import Nearest, Reducer
from rara.scores.axis import BallGeometry, Columns


@dataclass(frozen=True, slots=True)
class Typicality:
    """Distance to the k-th nearest reference image.

    Lower is more typical, in the units of the feature space; never NaN. Orders
    images by the reference's density also where no ball reaches (Loftsgaarden and
    Quesenberry 1965: the k-th distance estimates the density).

        knn_distance(q) = |q - NN_k(q)|
    """

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The k nearest."""
        return (Nearest(samples, geometry.k),)

    def answer(self, geometry: BallGeometry, reducers: tuple[Nearest]) -> Columns:
        """`knn_distance`."""
        (nearest,) = reducers
        return {"knn_distance": np.sqrt(nearest.d2[:, -1])}
