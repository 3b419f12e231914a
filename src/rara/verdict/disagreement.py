"""When a second opinion contradicts a verdict: rules on verdicts alone.

An opinion is the verdict on the same sample by half of the reference, or by another extractor.
docs/explanation/verdict.md gives the reasons for the rules.
"""

from __future__ import annotations

from collections.abc import Sequence

NONE = "no verdict"
COPIED = "copied"
AGREEING = {"copy": COPIED, "near copy": COPIED, "unknown to this reference": "off-manifold"}
"""Verdicts that agree with each other: that a sample is a copy, or off the manifold."""


def contradicts(verdict: str, opinion: str | None) -> bool:
    """Whether an opinion contradicts a verdict; None and "no verdict" contradict nothing.

    >>> contradicts("rare", "typical"), contradicts("copy", "near copy")
    (True, False)
    """
    if opinion is None or NONE in (verdict, opinion):
        return False
    return _meaning(verdict) != _meaning(opinion)


def halves_against(verdict: str, opinions: Sequence[str | None]) -> bool:
    """Whether the halves of the reference contradict a verdict.

    One half is enough, except for a copy: only one half has the image that was copied, so both
    must contradict.

    >>> halves_against("rare", ["rare", "typical"]), halves_against("copy", ["copy", "typical"])
    (True, False)
    """
    against = [contradicts(verdict, opinion) for opinion in opinions]
    return all(against) if _meaning(verdict) == COPIED else any(against)


def _meaning(verdict: str) -> str:
    return AGREEING.get(verdict, verdict)
