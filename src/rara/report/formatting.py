"""Numbers, counts and names as people read them; first step of the report.

Names come from file systems and archives: they may be longer than a screen, steer
a terminal, or run from right to left. They are shown here in a form that can't.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate
from math import floor

ELLIPSIS = "…"
NAME_COLUMNS = 40
LEAST_P = 1e-15
"""Smaller p-values are said to be below it."""
ISOLATE, END_ISOLATE = "\u2068", "\u2069"
RIGHT_TO_LEFT = {"R", "AL", "AN"}
_WORDS = re.compile("^ *[^ ]+ *|[^ ]+ *")
_BEFORE_TEXT = re.compile("(?:[^ ]+(?: [^ ]+){0,2} {2,})? *")  # a label has up to three words


def number(value: float) -> str:
    """Four significant digits, with thousands separated."""
    if value == 0:
        return "0"
    if 1_000 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:#.4g}"


def percent(share: float) -> str:
    """One decimal; what is neither none nor all never reads as if it were."""
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.999 < share < 1:
        return "over 99.9 %"
    return f"{100 * share:.0f} %" if share in (0, 1) else f"{100 * share:.1f} %"


def at_least(share: float) -> str:
    """A share of a group that is surely reached: `all`, or so many percent, rounded down."""
    if share == 1:
        return "all"
    # One decimal where it tells something; the tiny addend undoes 0.97 * 100 = 96.999….
    step = 10 if share >= 0.99 else 1
    return f"{floor(share * 100 * step + 1e-9) / step:g} % of"


def counted(count: int, noun: str) -> str:
    """`1 sample`, `1,000 samples`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def p_in_words(p: float) -> str:
    """`p = 0.012`, `p = 3e-09`, `p < 1e-15`."""
    if p < LEAST_P:
        return f"p < {LEAST_P:g}"
    return f"p = {p:.2g}" if p >= 0.001 else f"p = {p:.0e}"


def ordinal(position: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    teens = position % 100 in (11, 12, 13)
    return f"{position}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(position % 10, 'th')}"


def nearest_of(rank: int) -> str:
    """`nearest`, `2nd nearest`, `3rd nearest`."""
    return "nearest" if rank == 1 else f"{ordinal(rank)} nearest"


def times(ratio: float) -> str:
    """`12 times`, `1.5 times`, `0.05 times`."""
    if ratio >= 10:
        return f"{ratio:,.0f} times"
    return f"{ratio:.1f} times" if ratio >= 0.1 else f"{ratio:.2g} times"


def width(text: str) -> int:
    """Columns that a terminal gives to a text: East Asian letters take two, marks none."""
    return sum(_width_of(letter) for letter in text)


def printable(text: str) -> str:
    """The text without anything that steers a terminal or breaks a page."""
    return text if text.isprintable() else "".join(map(_printable, text))


def shorten(text: str, columns: int) -> str:
    """At most so many columns, cut in the middle: beginnings and endings tell names apart."""
    text = printable(text)
    if width(text) <= columns:
        return text
    tail = _fitting(text[::-1], (columns - 1) // 2)[::-1]
    return f"{_fitting(text, columns - 1 - width(tail))}{ELLIPSIS}{tail}"


def wrapped(line: str, columns: int) -> list[str]:
    """One line as several of at most so many columns, broken at spaces and nowhere else.

    They begin where the text of the line begins: behind its label and two spaces, if it has one.
    """
    if width(line) <= columns:
        return [line]
    indent = min(len(_BEFORE_TEXT.match(line)[0]), columns // 2)  # type: ignore[index]
    first, *words = _WORDS.findall(line)
    lines = [first]
    for word in words:
        if width(lines[-1] + word.rstrip(" ")) <= columns:
            lines[-1] += word
        else:
            lines.append(" " * indent + word)
    return [one.rstrip(" ") for one in lines]


def base_name(location: str) -> str:
    """The last part of a path, and what follows it; of `a.zip::images` that is the whole."""
    return re.split(r"[/\\](?=[^/\\])", location.rstrip("/\\"))[-1] or location


def isolated(text: str) -> str:
    """A name that runs from right to left, kept from turning the sentence round it."""
    if any(unicodedata.bidirectional(letter) in RIGHT_TO_LEFT for letter in text):
        return f"{ISOLATE}{text}{END_ISOLATE}"
    return text


def in_sentence(name: str) -> str:
    """A name as a sentence can hold it: not too long, and its direction its own affair."""
    return isolated(shorten(name, NAME_COLUMNS))


def _fitting(text: str, columns: int) -> str:
    taken = accumulate(_width_of(letter) for letter in text)
    return text[: sum(total <= columns for total in taken)]


def _printable(letter: str) -> str:
    category = unicodedata.category(letter)
    if category == "Cf":  # direction and joining marks: they have no shape of their own
        return ""
    return "\ufffd" if category in ("Cc", "Cs", "Zl", "Zp") else letter


def _width_of(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
