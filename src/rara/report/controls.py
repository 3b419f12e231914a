"""What a page needs so that people can decide of pairs on it, and take their decisions away.

    pairs of ids --controls_of--> PairControl --script--> decisions.json, for `rara decide --from`

A decision holds for contents, so a pair without both digests has no control. The controls are
hidden in the page; the script `decide` shows them (`scripts`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rara.decisions.decision import is_digest
from rara.report.thumbnails import Pictures, Side

Controls = Mapping[tuple[str, str], "PairControl"]
"""By the ids of a sample and a reference image."""
CONTENT = "Both have the same content, which no decision changes."
SAME_PIXELS = "Both have the same pixels, which no decision changes."


@runtime_checkable
class WithContents(Protocol):
    """Pictures whose digests are at hand."""

    def contents(self, side: Side, ids: Collection[str]) -> Mapping[str, str]:
        """The sha256 of the images that have one, by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPair:
    """A pair that people may decide of."""

    sample: str
    """Id of the sample."""
    source: str
    """Id of the reference image."""
    decided: str = ""
    """`copy` or `not a copy` where that is decided already."""
    fact: str = ""
    """Why no decision changes the verdict; empty where one does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairControl:
    """The same with the digests of both contents."""

    asked: AskedPair
    sample: str
    """sha256 of the sample's content."""
    source: str
    """sha256 of the reference image's content."""

    @property
    def note(self) -> str:
        """What people should know before they decide."""
        return CONTENT if self.sample == self.source else self.asked.fact


def controls_of(pairs: Iterable[AskedPair], pictures: Pictures | None) -> Controls:
    """A control for each pair whose contents are known."""
    asked = list(pairs)
    if not asked or not isinstance(pictures, WithContents):
        return {}
    ours = pictures.contents("samples", {one.sample for one in asked})
    theirs = pictures.contents("reference", {one.source for one in asked})
    controls = {}
    for one in asked:
        sample, source = ours.get(one.sample, ""), theirs.get(one.source, "")
        if is_digest(sample) and is_digest(source):
            controls[one.sample, one.source] = PairControl(asked=one, sample=sample, source=source)
    return controls
