"""The scripts of pages: each is allowed by its digest alone, so that no other one runs.

templates/NAME.js --script--> Script, for a <script> element and the Content-Security-Policy

With scripts off, pages are whole: scripts only add what needs them.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Script:
    """A script of a page."""

    text: Markup
    policy: str
    """The source expression that allows it in a Content-Security-Policy."""


@cache
def script(name: str) -> Script:
    """`decide` makes the file of decisions; `every` sorts and searches; `compare` shows a pair."""
    place = resources.files("rara.report") / "templates" / f"{name}.js"
    text = place.read_text(encoding="utf-8").replace("\r\n", "\n")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Script(Markup(text), f"'sha256-{digest}'")
