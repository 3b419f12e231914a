"""The axes on which each sample is judged, one file an axis; `AXES` is their registry.

From the ground up:

    axis                    what an axis is, and the geometry that it asks
    rarity                  the smallest ball that holds a sample
    clipped_rarity          rarity with the largest balls clipped
    local_outlier_factor    how much sparser it is around a sample than around its neighbours
    families                the scores that are made on request
    typicality              the distance to the k-th nearest
    fidelity                in any ball, in how many, realism
    join_effect             which neighbour lists a sample would be in if it joined
    copy_volume             how near the nearest is, relative to the local density
    ball_ratio              how far outside the balls, in radii
    copying                 the nearest reference images
    leave_one_out           reference images, each judged without itself
"""

from rara.scores.axis import Axis, BallGeometry, Columns, OnePass, ball_geometry_of, judge
from rara.scores.copying import Copying
from rara.scores.families import Families, Family
from rara.scores.fidelity import Fidelity
from rara.scores.leave_one_out import own_balls, without_itself
from rara.scores.rarity import Rarity
from rara.scores.typicality import Typicality

AXES: tuple[Axis[Columns], ...] = (
    Rarity(),
    Typicality(),
    Fidelity(),
    Copying(),
)

__all__ = [
    "AXES",
    "Axis",
    "BallGeometry",
    "Columns",
    "Copying",
    "Families",
    "Family",
    "Fidelity",
    "OnePass",
    "Rarity",
    "Typicality",
    "ball_geometry_of",
    "judge",
    "own_balls",
    "without_itself",
]
