"""The reference's own images, each judged as if it had never been in the reference.

No further scan is needed for the balls: an open one that holds image i without i has
radius r_{k+1}, and i among its k nearest (see `Setting.balls`), so the neighbour lists
hold every pair that counts.
"""

from __future__ import annotations

import numpy as np

from rara.geometry import Balls
from rara.scores.base import Setting


def own_balls(setting: Setting) -> Balls:
    """The smallest open ball that holds each reference image without itself.

    `count` is exact but for images with more than K exact duplicates, where it is a
    lower limit; `radius2` and who is outside always are.
    """
    lists, wider2 = setting.d2[:, : setting.k], setting.wider2
    balls = Balls(len(lists), wider2)
    owner, rank = np.nonzero(lists < wider2[:, None])
    balls.update(setting.index[owner, rank], owner.astype(np.int32), lists[owner, rank])
    # A ball of radius 0 holds its centre, and so every duplicate of it.
    copy, rank = np.nonzero(setting.d2 == 0)
    original = setting.index[copy, rank]
    shut = wider2[original] == 0
    balls.update(copy[shut].astype(np.int32), original[shut], np.zeros(int(shut.sum())))
    return balls
