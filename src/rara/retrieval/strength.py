"""One number that orders evidence.

Unrelated pictures fool the matches and the pixels in different ways: letters and logos give many
matches in one spot, flags and outlines agree over large areas with a few chance matches. So both
are needed. Where pictures can be fooled in these ways, the weaker one decides: the harmonic mean.
Else the geometric mean: many matches make up for a picture with little structure to compare.
"""

from __future__ import annotations

import math

from rara.retrieval.universal_null import PairKind


def strength(supporting: int, agreement: float, kind: PairKind = "small") -> float:
    """A mean of both; 0 where either is 0 or less, higher is stronger.

    `supporting`: agreeing matches in the region, one a square. `agreement`: the region's. `kind`:
    of the pair; a large one has the geometric mean.

    >>> strength(30, 10.0), strength(3, 40.0), strength(0, 40.0)
    (15.0, 5.58..., 0.0)
    >>> strength(40, 10.0, "large")
    20.0
    """
    if supporting <= 0 or agreement <= 0:
        return 0.0
    if kind == "large":
        return math.sqrt(supporting * agreement)
    return 2 * supporting * agreement / (supporting + agreement)
