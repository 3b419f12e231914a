"""What people say of one picture, whatever it is compared with: a star, and a note.

It is a line of the same file as decisions. It changes no verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from rara.decisions.decision import check_date, check_digest, checked_note, cut_id, today
from rara.errors import DecisionError

RemarkWord = Literal["star", "note"]
STAR: Final = "star"
NOTE: Final = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A star, a note, or both. Raises DecisionError where there is neither."""

    sample: str
    """sha256 of the picture's content."""
    star: bool = False
    note: str = ""
    date: str = ""
    """The day, such as 2026-11-30; today unless given."""
    sample_id: str = ""

    def __post_init__(self) -> None:
        check_digest("sample", self.sample)
        if not self.date:
            object.__setattr__(self, "date", today())
        check_date(self.date)
        object.__setattr__(self, "sample_id", cut_id(self.sample_id))
        object.__setattr__(self, "note", checked_note(self.note))
        if not (self.star or self.note):
            raise DecisionError("it has no note: write one, or remove the line.")

    @property
    def word(self) -> RemarkWord:
        """What stands in the file where a decision has its word."""
        return STAR if self.star else NOTE

    @property
    def pair(self) -> tuple[str, str]:
        """Its key among decisions: the picture, beside none."""
        return self.sample, ""
