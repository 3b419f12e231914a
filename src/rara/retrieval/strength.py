"""One number that orders evidence.

Unrelated pictures fool the matches and the pixels in different ways: letters and logos give many
matches in one spot, flags and outlines agree over large areas with a few chance matches. So both
are needed: the harmonic mean follows the weaker one.
"""

from __future__ import annotations


def strength(supporting: int, agreement: float) -> float:
    """Harmonic mean of both; 0 where either is 0 or less, higher is stronger.

    `supporting`: agreeing matches in the region, one a square. `agreement`: the region's.

    >>> strength(30, 10.0), strength(3, 40.0), strength(0, 40.0)
    (15.0, 5.58..., 0.0)
    """
    if supporting <= 0 or agreement <= 0:
        return 0.0
    return 2 * supporting * agreement / (supporting + agreement)
