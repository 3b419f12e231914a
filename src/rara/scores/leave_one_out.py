"""Leave-one-out: the reference's own images, each judged by the others alone.

The balls need no further scan. An open ball that holds image i without i has radius r_{k+1}, and
i among its k nearest (see `BallGeometry.balls`): the neighbour lists have every pair that counts.
For closed balls too, unless more images than are listed lie exactly on a ball.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rara.errors import ParameterError
from rara.geometry import Balls
from rara.scores.axis import BallGeometry


def without_itself(geometry: BallGeometry) -> BallGeometry:
    """The same geometry for the reference's own images as samples.

    Raises ParameterError where too few neighbours are kept to leave one out.
    """
    depth = geometry.d2.shape[1]
    if geometry.k >= depth:
        raise ParameterError(
            f"k = {geometry.k} is too large to judge this reference's own images "
            f"leave-one-out: at most {depth - 1}."
        )
    return replace(geometry, own=np.arange(len(geometry.d2), dtype=np.int32))


def own_balls(geometry: BallGeometry) -> Balls:
    """The smallest ball that holds each reference image without itself.

    `radius2` is always exact, and so is which images are outside. `count` is exact for images
    with at most K exact duplicates; for others it is a lower bound.
    """
    wider2 = geometry.wider2
    balls = replace(geometry, own=np.arange(len(wider2), dtype=np.int32)).balls(len(wider2))
    held = (geometry.d2 <= balls.radii2[:, None]) & (wider2 > 0)[:, None]
    owner, rank = np.nonzero(held)
    balls.update(geometry.index[owner, rank], owner.astype(np.int32), geometry.d2[owner, rank])
    # A ball of radius 0 holds its centre, and so every duplicate of it.
    copy, rank = np.nonzero(geometry.d2 == 0)
    original = geometry.index[copy, rank]
    points = wider2[original] == 0
    balls.update(copy[points].astype(np.int32), original[points], np.zeros(int(points.sum())))
    return balls
