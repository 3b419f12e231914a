"""Files that are left out: hidden ones, and what systems keep for themselves.

Thumbnails of a network drive, recycle bins and shadows of other files are no images of
a data set. They are counted, for a person may have expected some of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rara.sources.names import IMAGE_SUFFIXES, SYSTEM_NAMES, has_suffix

_DOTTED = (".ds_store", ".trash", ".@__thumb", ".ipynb_checkpoints", "._")


def hidden_remarks(names: Sequence[str]) -> list[str]:
    """What was left out, with counts: files of systems by name, and other hidden files."""
    kinds = Counter(_kind(name) for name in names)
    hidden = kinds.pop("", 0)
    remarks = []
    if kinds:
        counted = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(10))
        more = f" and {len(kinds) - 10} other names" if len(kinds) > 10 else ""
        files = "file of the system was" if kinds.total() == 1 else "files of the system were"
        remarks.append(f"{kinds.total():,} {files} left out: {counted}{more}.")
    if hidden:
        images = sum(not _kind(name) and has_suffix(name, IMAGE_SUFFIXES) for name in names)
        files = "hidden file was" if hidden == 1 else "hidden files were"
        remarks.append(f"{hidden:,} {files} left out ({images:,} called like an image).")
    return remarks


def _kind(name: str) -> str:
    """The system's name that a file is left out for; nothing where it is only hidden."""
    *folders, last = name.split("/")
    for part in folders:
        if part.lower() in SYSTEM_NAMES or part.lower().startswith(_DOTTED):
            return f"in {part}"
    if last.startswith("._"):
        return "called ._*"
    return last if last.lower() in SYSTEM_NAMES or last.lower().startswith(_DOTTED) else ""
