"""How often two unrelated pictures give evidence as strong, and the p-value of evidence.

The table was measured by studies/evidence_null.py on pairs of pictures that have nothing in common,
kind by kind: small photos, photos, drawings, emoji, clothes, pages of text, textures. At each
strength it holds the worst kind's upper bound: exact (Clopper and Pearson, Biometrika 1934) where
such pairs were seen, and an exponential tail whose scale is at its own upper bound beyond. It needs
no reference, so that 20 reference images are as good as a million.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rara.arguments import whole
from rara.errors import ParameterError

TABLE = "universal_null.json"

Size: TypeAlias = Literal["small", "large"]
"""Small where the longest side of either original is below 64 pixels: outlines agree there."""


def p_value(strength: float, *, size: Size, candidates: int = 1) -> float:
    """How often the best of so many unrelated candidates gives evidence of this strength.

    An upper bound, from the table's smallest value times `candidates` to 1: candidates times the
    bound for one pair (Bonferroni). Count all images that could have been compared, not only those
    that were: where an index or a rank chose a few by what they look like, the best of these is
    about as strong as the best of all. 1 for no evidence, which has strength 0. Raises
    ParameterError for NaN, or less than one candidate.
    """
    tried = whole(candidates, "candidates")
    if np.isnan(strength):
        raise ParameterError(f"strength = {strength}: give a number.")
    strengths, bounds = _table(size)
    below = int(np.searchsorted(strengths, strength, side="right")) - 1
    return min(1.0, tried * float(bounds[below])) if below >= 0 else 1.0


@cache
def _table(size: Size) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Strengths, ascending, and bounds on the share of unrelated pairs that reach each."""
    kept = json.loads(files(__package__).joinpath(TABLE).read_text(encoding="utf-8"))[size]
    return np.array(kept["strength"], float), 10.0 ** np.array(kept["log10_bound"], float)
