"""When a second opinion contradicts a verdict: rules on words alone.

An opinion is the verdict on the same sample by half of the reference, or by what another
extractor sees. docs/explanation/verdict.md says why the rules are these.
"""

from __future__ import annotations

from collections.abc import Sequence

NONE = "no verdict"
COPIED = "copied"
ALIKE = {"copy": COPIED, "near copy": COPIED, "unknown to this reference": "off-manifold"}
"""Verdicts that say the same of a sample: to be a copy, or to lie off the manifold."""


def contradicts(given: str, said: str | None) -> bool:
    """Whether an opinion is another one; None and "no verdict" are none.

    >>> contradicts("rare", "typical"), contradicts("copy", "near copy")
    (True, False)
    """
    if said is None or NONE in (given, said):
        return False
    return _kind(given) != _kind(said)


def halves_against(given: str, said: Sequence[str | None]) -> bool:
    """Whether the halves of the reference contradict a verdict.

    One is enough, but for a copy: what was copied lies in one half, and the other cannot know.

    >>> halves_against("rare", ["rare", "typical"]), halves_against("copy", ["copy", "typical"])
    (True, False)
    """
    against = [contradicts(given, one) for one in said]
    return all(against) if _kind(given) == COPIED else any(against)


def _kind(verdict: str) -> str:
    return ALIKE.get(verdict, verdict)
