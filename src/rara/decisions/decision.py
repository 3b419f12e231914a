"""One decision on a pair of pictures: whether one is a copy of the other."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Final, Literal

from rara.arguments import short
from rara.errors import DecisionError
from rara.text import encodable, plain

Word = Literal["copy", "not a copy"]
COPY: Final = "copy"
NO_COPY: Final = "not a copy"
WORDS: tuple[Word, ...] = (COPY, NO_COPY)
"""What may be decided, as files say it."""
MOST_TEXT = 1000
"""Characters of an id or a note."""
MOST_SHOWN = 40
"""Characters of a wrong value that an error shows."""
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision. Ids, date and note are for people alone. Raises DecisionError."""

    sample: str
    """sha256 of the sample's content: the column `digest` of features."""
    source: str
    """sha256 of the reference image's content."""
    copy: bool
    date: str = ""
    """The day of the decision, such as 2026-11-30; today unless given."""
    sample_id: str = ""
    source_id: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.copy, bool):
            raise DecisionError(f"copy = {short(self.copy)}: give True or False.")
        for name in ("sample", "source"):
            check_digest(name, getattr(self, name))
        if not self.date:
            object.__setattr__(self, "date", today())
        check_date(self.date)
        for name in ("sample_id", "source_id"):
            object.__setattr__(self, name, cut_id(getattr(self, name)))
        object.__setattr__(self, "note", checked_note(self.note))

    @property
    def word(self) -> Word:
        """What was decided, as files say it."""
        return "copy" if self.copy else "not a copy"

    @property
    def pair(self) -> tuple[str, str]:
        """Both contents in one order: that A copies B is the question whether B copies A."""
        return min(self.sample, self.source), max(self.sample, self.source)


def is_digest(text: str) -> bool:
    """Whether a text is the sha256 of a content."""
    return _DIGEST.fullmatch(text) is not None


def check_digest(name: str, text: str) -> None:
    """Raise DecisionError for anything but the sha256 of a content."""
    if not _DIGEST.fullmatch(text):
        raise DecisionError(
            f"{name} = {shown(text)}: give the 64 digits, 0 to 9 and a to f, of a sha256."
        )


def cut_id(text: str) -> str:
    """An id as a file keeps it: safe to show, and not too long."""
    text = plain(encodable(text))
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"


def checked_note(note: str) -> str:
    """A note as a file keeps it. Raises DecisionError for one that is too long, and for no text."""
    if not isinstance(note, str):
        raise DecisionError(f"note = {short(note)}: give text.")
    text = plain(encodable(note))
    if len(text) > MOST_TEXT:
        raise DecisionError(
            f"The note has {len(text):,} characters: at most {MOST_TEXT:,} are kept."
        )
    return text


def today() -> str:
    """The date of today, such as 2026-11-30."""
    return datetime.date.today().isoformat()


def check_date(text: str) -> None:
    """Raise DecisionError for anything but a day such as 2026-11-30."""
    try:
        if datetime.date.fromisoformat(text).isoformat() == text:
            return
    except ValueError:
        pass
    raise DecisionError(f"date = {shown(text)}: give a day such as 2026-11-30.")


def shown(text: str) -> str:
    """The beginning of a wrong value, safe to print."""
    return repr(plain(text[:MOST_SHOWN] + ("…" if len(text) > MOST_SHOWN else "")))
