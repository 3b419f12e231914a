"""Which files lie below a remote place, under the names that they would have in a local folder.

Remote --listing_of--> visible and hidden names in natural order, and what was left out
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from rara.sources.names import is_hidden, natural_order
from rara.sources.remote.filesystem import Entry, Remote


@dataclass(frozen=True, slots=True)
class Listing:
    """Files by their name relative to the place."""

    visible: dict[str, Entry]
    """In natural order."""
    hidden: list[str]
    remarks: tuple[str, ...]


def listing_of(remote: Remote) -> Listing:
    """All files below a place. Raises SourceError where it cannot be listed.

    Names that lead out of the place, or that no folder could have, are left out with a remark.
    """
    files: dict[str, Entry] = {}
    unsafe = 0
    root = f"{remote.path}/"
    for path, entry in remote.listed().items():
        stored = path.removeprefix(root)
        name = unquote(stored) if remote.web else stored
        if name.endswith("/") or path.rstrip("/") == remote.path:
            continue  # what stands for a folder
        if path == stored or not is_safe(name) or name in files:
            unsafe += 1
        else:
            files[name] = entry
    visible = natural_order(name for name in files if not is_hidden(name))
    hidden = sorted(name for name in files if is_hidden(name))
    return Listing({name: files[name] for name in visible}, hidden, _remarks(unsafe))


def is_safe(name: str) -> bool:
    """Whether a relative name leads below the place: no empty part, `.` or `..`."""
    return all(part not in {"", ".", ".."} for part in name.split("/")) and "\0" not in name


def _remarks(unsafe: int) -> tuple[str, ...]:
    if not unsafe:
        return ()
    files = "file was" if unsafe == 1 else "files were"
    return (
        f"{unsafe:,} {files} not read: their names hold '..', '.' or an empty part, lead out of "
        "the place, or are listed twice.",
    )
