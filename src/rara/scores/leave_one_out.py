"""The reference's own images, each judged as if it had never been in the reference.

No further scan is needed for the balls: an open one that holds image i without i has
radius r_{k+1}, and i among its k nearest (see `Setting.balls`), so the neighbour lists
hold every pair that counts. For closed balls they do unless more images than are listed
lie exactly on one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rara.errors import ParameterError
from rara.geometry import Balls
from rara.scores.axis import Setting


def without_itself(setting: Setting) -> Setting:
    """The same for the reference's own images as samples."""
    depth = setting.d2.shape[1]
    if setting.k >= depth:
        raise ParameterError(
            f"k = {setting.k} is too large to judge this reference's own images "
            f"leave-one-out: at most {depth - 1}."
        )
    return replace(setting, own=np.arange(len(setting.d2), dtype=np.int32))


def own_balls(setting: Setting) -> Balls:
    """The smallest ball that holds each reference image without itself.

    `count` is exact but for images with more than K exact duplicates, where it is a
    lower limit; `radius2` and who is outside always are.
    """
    wider2 = setting.wider2
    balls = replace(setting, own=np.arange(len(wider2), dtype=np.int32)).balls(len(wider2))
    listed = (setting.d2 <= balls.radii2[:, None]) & (wider2 > 0)[:, None]
    owner, rank = np.nonzero(listed)
    balls.update(setting.index[owner, rank], owner.astype(np.int32), setting.d2[owner, rank])
    # A ball of radius 0 holds its centre, and so every duplicate of it.
    copy, rank = np.nonzero(setting.d2 == 0)
    original = setting.index[copy, rank]
    shut = wider2[original] == 0
    balls.update(copy[shut].astype(np.int32), original[shut], np.zeros(int(shut.sum())))
    return balls
