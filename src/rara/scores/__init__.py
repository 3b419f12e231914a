"""The axes on which each sample is judged, one file an axis; `AXES` is their registry."""

from rara.scores.base import Axis, Setting, judge, setting_of
from rara.scores.copying import Copying
from rara.scores.families import Families, Family
from rara.scores.fidelity import Fidelity
from rara.scores.leave_one_out import own_balls, without_itself
from rara.scores.rarity import Rarity
from rara.scores.typicality import Typicality

AXES: tuple[Axis, ...] = (
    Rarity(),
    Typicality(),
    Fidelity(),
    Copying(),
)

__all__ = [
    "AXES",
    "Axis",
    "Copying",
    "Families",
    "Family",
    "Fidelity",
    "Rarity",
    "Setting",
    "Typicality",
    "judge",
    "own_balls",
    "setting_of",
    "without_itself",
]
