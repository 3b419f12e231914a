"""What a check of a card found: its form, what was compared, and each thing that differs.

ValueDifference, remarks --Verification--> lines, JSON, and one word: its status
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from rara.cards.card import Card
from rara.cards.sentences import COLUMNS, labelled, value_in_words, verdict_of
from rara.provenance.json_format import JsonObject, encoded
from rara.report.formatting import counted
from rara.text import plain

Status: TypeAlias = Literal["changed", "whole", "differs", "verified"]

SHOWN: Final = 12
"""Differences that lines name."""

HEADLINES: Final[dict[Status, str]] = {
    "changed": "changed: this is not what rara wrote",
    "whole": "whole, as rara wrote it; nothing was made again",
    "differs": "whole, but not what these images give",
    "verified": "verified: these images give every number of it again",
}


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """One thing that is another one now."""

    what: str
    """Where it stands in the card, such as `record.rarity`."""
    card: object
    """What the card says."""
    here: object
    """What these images give."""

    def __str__(self) -> str:
        said, found = value_in_words(self.card), value_in_words(self.here)
        return f"{self.what}: {said} on the card, {found} here"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFacts:
    """What a check of a card found."""

    status: Status
    """`changed`: not what rara wrote. `whole`: nothing was made again. `differs`, or `verified`:
    these images give every number again."""
    problem: str | None
    """Why the file is not what rara wrote; null where it is."""
    compared: int
    """Numbers and texts that were made again."""
    differences: tuple[ValueDifference, ...]
    """What is another one here."""
    remarks: tuple[str, ...]
    """What could explain that, or was not checked."""
    digest: str | None
    """Of the card; null where the file is none."""
    verdict: str | None
    """The verdict of the card; null where the file is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What `rara.verify` found. It is true where the status is `verified`."""

    problem: str | None = None
    """Why the file is not what rara wrote; None where it is."""
    compared: int = 0
    """Numbers and texts that were made again."""
    differences: tuple[ValueDifference, ...] = ()
    """What is another one here."""
    remarks: tuple[str, ...] = ()
    """What could explain that, or what was not checked; sentences."""
    card: Card | None = field(default=None, repr=False)
    """The card; None where the file is none."""

    @property
    def status(self) -> Status:
        """`changed`, `whole` where nothing was made again, `differs`, or `verified`."""
        if self.problem is not None:
            return "changed"
        if self.differences:
            return "differs"
        return "verified" if self.compared else "whole"

    def __bool__(self) -> bool:
        return self.status == "verified"

    def to_json(self) -> JsonObject:
        """The same as `rara verify --json` prints it."""
        keys: JsonObject = encoded(
            CheckFacts(
                status=self.status,
                problem=self.problem,
                compared=self.compared,
                differences=self.differences,
                remarks=self.remarks,
                digest=None if self.card is None else self.card.digest,
                verdict=None if self.card is None else self.card.verdict,
            )
        )
        return keys

    def summary(self, columns: int = COLUMNS) -> str:
        """What was found, in a few plain lines of at most so many columns."""
        entries = [(label, plain(text)) for label, text in self._entries()]
        return "\n".join(labelled(entries, columns))

    def _entries(self) -> Iterator[tuple[str, str]]:
        yield "Card", HEADLINES[self.status]
        if self.problem is not None:
            yield "", f"{self.problem[0].upper()}{self.problem[1:]}."
        if self.card is not None and self.problem is None:
            yield "Verdict", verdict_of(self.card.content)
            yield "", self.card.reason
        if self.compared:
            same = "all the same" if not self.differences else f"{len(self.differences):,} differ"
            yield "Made again", f"{counted(self.compared, 'number')} and texts: {same}"
        for place, one in enumerate(self.differences[:SHOWN]):
            yield "" if place else "Differs", str(one)
        if (more := len(self.differences) - SHOWN) > 0:
            yield "", f"and {more:,} more: --json has them all"
        for place, remark in enumerate(self.remarks):
            yield "" if place else "Note", remark
        if self.card is not None and self.problem is None:
            yield "Digest", self.card.digest
