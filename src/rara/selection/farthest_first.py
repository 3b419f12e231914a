"""One pick after the other, each the farthest from those before it (Gonzalez 1985).

    vectors, quotas --farthest_first--> Picked

Without quotas, the smallest distance between two picks is at least half of the largest possible
one. It takes one distance a candidate and pick, and no other memory than the distances.
"""

from __future__ import annotations

from math import inf

import numpy as np

from rara.geometry.quantization import Floats
from rara.geometry.similarities import centre, near_to, to_point
from rara.geometry.threads import Crew
from rara.selection.greedy import Picked
from rara.selection.quotas import Room


def farthest_first(vectors: Floats, room: Room, count: int, crew: Crew) -> Picked:
    """Pick so many candidates, the one farthest from their mean first.

    Among equals the lowest number. Gains are distances to the nearest pick before; the first one
    is the distance to the mean.
    """
    nearest = to_point(vectors, centre(vectors))
    left, rows, gains = room.most.copy(), [], []
    open_ = np.ones(len(vectors), np.bool_)
    for turn in range(count):
        allowed = open_ & (left[room.group] > 0)
        row = int(np.argmax(np.where(allowed, nearest, -1.0)))
        rows.append(row)
        gains.append(float(np.sqrt(nearest[row])))
        open_[row] = False
        left[room.group[row]] -= 1
        d2 = near_to(vectors, row, crew)
        nearest = d2 if turn == 0 else np.minimum(nearest, d2)
    return Picked(np.array(rows, np.int64), np.array(gains), inf)
