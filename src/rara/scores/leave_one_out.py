"""The reference's own images, each judged as if it had never been in the reference.

No further scan is needed for the balls: an open one that holds image i without i has
radius r_{k+1}, and i among its k nearest (see `BallGeometry.balls`), so the neighbour lists
hold every pair that counts. For closed balls they do unless more images than are listed
lie exactly on one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rara.errors import ParameterError
from rara.geometry import Balls
from rara.scores.axis import BallGeometry


def without_itself(geometry: BallGeometry) -> BallGeometry:
    """The same for the reference's own images as samples."""
    depth = geometry.d2.shape[1]
    if geometry.k >= depth:
        raise ParameterError(
            f"k = {geometry.k} is too large to judge this reference's own images "
            f"leave-one-out: at most {depth - 1}."
        )
    return replace(geometry, own=np.arange(len(geometry.d2), dtype=np.int32))


def own_balls(geometry: BallGeometry) -> Balls:
    """The smallest ball that holds each reference image without itself.

    `count` is exact but for images with more than K exact duplicates, where it is a
    lower limit; `radius2` and who is outside always are.
    """
    wider2 = geometry.wider2
    balls = replace(geometry, own=np.arange(len(wider2), dtype=np.int32)).balls(len(wider2))
    listed = (geometry.d2 <= balls.radii2[:, None]) & (wider2 > 0)[:, None]
    owner, rank = np.nonzero(listed)
    balls.update(geometry.index[owner, rank], owner.astype(np.int32), geometry.d2[owner, rank])
    # A ball of radius 0 holds its centre, and so every duplicate of it.
    copy, rank = np.nonzero(geometry.d2 == 0)
    original = geometry.index[copy, rank]
    shut = wider2[original] == 0
    balls.update(copy[shut].astype(np.int32), original[shut], np.zeros(int(shut.sum())))
    return balls
