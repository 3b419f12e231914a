"""Rarity: how sparse the part of the reference is in which a sample lies.

Han et al., Rarity Score: A New Metric to Evaluate the Uncommonness of Synthesized
Images, ICLR 2023, arXiv 2206.08549.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rara.geometry import Balls, Reducer
from rara.scores.axis import BallGeometry, Columns


@dataclass(frozen=True, slots=True)
class Rarity:
    """Radius of the smallest k-NN ball of the reference that holds each sample.

    Higher is rarer, in the units of the feature space. NaN where no ball holds the
    sample: the score says nothing about images off the reference's manifold.

        rarity(q) = min { r_k(x) : |q - x| < r_k(x), x in reference }      (eq. 4)

    with r_k(x) the distance of x to its k-th nearest other reference image. A ball
    always holds its own centre. `rarity_witness` is the x with the smallest ball.
    """

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The smallest ball."""
        return (geometry.balls(samples),)

    def answer(self, geometry: BallGeometry, reducers: tuple[Balls]) -> Columns:
        """`rarity` and `rarity_witness`; with the official boundary 0 in place of NaN."""
        (balls,) = reducers
        rarity = np.sqrt(balls.radius2)
        if geometry.boundary == "official":
            rarity = np.nan_to_num(rarity, nan=0.0)
        return {"rarity": rarity, "rarity_witness": geometry.name(balls.witness)}
