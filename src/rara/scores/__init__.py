"""The axes on which each sample is judged, one file an axis; `AXES` is their registry."""

from rara.scores.base import Axis, Setting, judge, setting_of
from rara.scores.calibrated import Calibrated, among_its_own
from rara.scores.copying import Copying
from rara.scores.every_k import EveryK, among_others, each_among_its_own
from rara.scores.families import Families, Family
from rara.scores.fidelity import Fidelity
from rara.scores.leave_one_out import own_balls, without_itself
from rara.scores.rarity import Rarity
from rara.scores.typicality import Typicality
from rara.scores.verdict import ALPHA, Levels

AXES: tuple[Axis, ...] = (
    Rarity(),
    Typicality(),
    Fidelity(),
    Copying(),
)

__all__ = [
    "ALPHA",
    "AXES",
    "Axis",
    "Calibrated",
    "Copying",
    "EveryK",
    "Families",
    "Family",
    "Fidelity",
    "Levels",
    "Rarity",
    "Setting",
    "Typicality",
    "among_its_own",
    "among_others",
    "each_among_its_own",
    "judge",
    "own_balls",
    "setting_of",
    "without_itself",
]
