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

_LOWEST = -15.0
"""Log of the smallest bound for one pair. The table's tail goes on beyond its last strength."""

PairKind: TypeAlias = Literal["small", "enlarged", "repeating", "large"]
"""Small where the longest side of either original is below 64 pixels: outlines agree there. Else
enlarged where either has no more detail than that. Else repeating where either repeats itself, as
pages of letters do. Large are all others."""


def p_value(strength: float, *, kind: PairKind, candidates: int = 1) -> float:
    """How often the best of so many unrelated candidates gives evidence of this strength.

    An upper bound: candidates times the bound for one pair (Bonferroni), which is never less than
    10^-15. `candidates`: all pictures that the sample could have been found in. Where the most
    alike of a reference were chosen to be looked at, that is the whole reference. 1 for no
    evidence, which has strength 0. Raises ParameterError for NaN, or less than one candidate.
    """
    tried = whole(candidates, "candidates")
    if np.isnan(strength):
        raise ParameterError(f"strength = {strength}: give a number.")
    strengths, logs = _table(kind)
    below = int(np.searchsorted(strengths, strength, side="right")) - 1
    if below < 0:
        return 1.0
    beyond = strength - strengths[-1] if below == len(strengths) - 1 else 0.0
    slope = (logs[-2] - logs[-3]) / (strengths[-2] - strengths[-3])
    log = float(max(logs[below] + slope * beyond, _LOWEST))
    return min(1.0, tried * float(10.0**log))


@cache
def _table(kind: PairKind) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Strengths, ascending, and logs of bounds on the share of unrelated pairs that reach each."""
    kept = json.loads(files(__package__).joinpath(TABLE).read_text(encoding="utf-8"))[kind]
    return np.array(kept["strength"], float), np.array(kept["log10_bound"], float)
