"""The page and its parts: a fixed list of files, read once.

    static/ --StaticFiles--> bytes, type and tag of each, by name

A name that is not in the list is nowhere: no path is made of it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Final

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    "": "text/plain; charset=utf-8",
}
"""By the ending of a name; a licence has none."""
PAGE: Final = "index.html"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is sent."""

    content: bytes
    media_type: str
    tag: str
    """Of its content, for a browser that has it already."""


class StaticFiles:
    """The files by name, vendored ones with their folder: `vendor/NAME`."""

    def get(self, name: str) -> StaticFile | None:
        """A file; None where there is none of that name."""
        return self._files.get(name)

    @cached_property
    def _files(self) -> dict[str, StaticFile]:
        root = resources.files("rara.explorer") / "static"
        places = {one.name: one for one in root.iterdir() if one.is_file()}
        for folder in (one for one in root.iterdir() if one.is_dir()):
            places |= {
                f"{folder.name}/{one.name}": one for one in folder.iterdir() if one.is_file()
            }
        return {
            name: _read(place.read_bytes(), kind)
            for name, place in places.items()
            if (kind := TYPES.get(_ending(name))) is not None
        }


def _ending(name: str) -> str:
    last = name.rpartition("/")[2]
    return last[last.rindex(".") :] if "." in last else ""


def _read(content: bytes, media_type: str) -> StaticFile:
    return StaticFile(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
