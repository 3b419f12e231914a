"""Text that came from outside, made safe to show and to store; used wherever names leave rara.

Names, metadata and reasons may hold what steers a terminal, breaks a line or turns its
direction. Shown text has visible escapes instead, such as \\x1b or \\u202e.
"""

from __future__ import annotations

import json
import re

# Control characters, format characters without a shape, line separators and lone surrogates.
_STEERING = (
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f"
)
_UNSAFE = re.compile(f"[{_STEERING}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# An isolate that is closed turns nothing outside itself: it is what keeps a name in its place.
_ISOLATED = re.compile(f"(\u2068)([^{_STEERING}]*)(\u2069)")

FORMULA = "^'*[=+\\-@\t\r\n＝＋－＠]"
"""How a cell begins that a spreadsheet takes for a formula. Behind apostrophes too, so that one
apostrophe less always gives the text as it was."""


def begins_formula(text: str) -> bool:
    """Whether a spreadsheet would take a cell with this text for a formula."""
    return re.match(FORMULA, text) is not None


def plain(text: str) -> str:
    """One line that steers nothing: every character has a shape, or a visible escape.

    >>> print(plain("a\\x1b[31m\\nb"))
    a\\x1b[31m\\nb
    """
    if text.isprintable():
        return text
    parts = _ISOLATED.split(text)  # outside, opening, name, closing, outside, ...
    return "".join(part if i % 4 else _UNSAFE.sub(_escape, part) for i, part in enumerate(parts))


def encodable(text: str) -> str:
    r"""The text as any file format takes it: halves of surrogate pairs become visible escapes.

    Python holds a byte of a file name that is not UTF-8 as such a half; it becomes `\xe9`.

    >>> print(encodable("caf\udce9"))
    caf\xe9
    """
    return text if text.isprintable() else _SURROGATE.sub(_escape, text)


def json_of(value: object, *, ascii_only: bool = False, indent: int | None = None) -> str:
    """Exact JSON that UTF-8 can encode and that steers no terminal; in one line unless indented."""
    lines = json.dumps(value, ensure_ascii=ascii_only, indent=indent).split("\n")
    return "\n".join(_UNSAFE.sub(_json_escape, line) for line in lines)


def _escape(match: re.Match[str]) -> str:
    if "\udc80" <= match[0] <= "\udcff":
        return f"\\x{ord(match[0]) - 0xDC00:02x}"
    return match[0].encode("unicode_escape", "surrogatepass").decode()


def _json_escape(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]
