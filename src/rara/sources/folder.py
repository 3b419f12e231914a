"""Images in a folder, or some image files by themselves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from rara.errors import ImageError, SourceError
from rara.sources.limits import Limit, read_whole
from rara.sources.names import is_hidden, natural_order, printable, shown


class FolderFiles:
    """The visible files below a folder, links followed, in natural order."""

    wrapper = ""
    remarks: tuple[str, ...] = ()

    def __init__(
        self, root: Path, *, stored: Sequence[str] | None = None, location: str | None = None
    ) -> None:
        """`stored` are relative names, everything below `root` unless given."""
        self._root = root.absolute()
        self.stored = scan(self._root) if stored is None else stored
        self.names = [printable(name) for name in self.stored]
        self.location = location or str(self._root)

    @property
    def parts(self) -> list[range]:
        """All of it is one."""
        return [range(len(self.names))]

    def size(self, index: int) -> int | None:
        """What the file system says, if it does."""
        try:
            return (self._root / self.stored[index]).stat().st_size
        except OSError:
            return None

    def read(self, index: int, limit: Limit) -> bytes:
        """All bytes of one file."""
        return read_file(self._root / self.stored[index], limit)

    def walk(
        self, indices: Sequence[int], limit: Limit
    ) -> Iterator[tuple[int, Callable[[], bytes]]]:
        """The files in this order, none opened before it is asked for."""
        return ((index, partial(self.read, index, limit)) for index in indices)


def read_file(path: Path, limit: Limit) -> bytes:
    """All bytes of a file; `ImageError` if there is no right, no file, or no end to it."""
    try:
        if path.exists() and not path.is_file():
            raise ImageError("neither a file nor a link to one")
        with path.open("rb") as file:
            limit.check(os.fstat(file.fileno()).st_size)
            return read_whole(file.read, limit)  # it may grow, or its size be a lie
    except OSError as error:
        raise ImageError(f"cannot be read: {(error.strerror or str(error)).lower()}") from None


def scan(root: Path) -> list[str]:
    """Relative names of all visible files below a folder, in natural order.

    Each folder is visited once, under its own name rather than a link's: links that
    lead back up end there, and a link to a sibling adds nothing.
    """
    names: list[str] = []
    visited: set[tuple[int, int]] = set()
    folders: list[str] = [""]
    links: list[str] = []
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        if (identity := _identity(root / folder)) in visited:
            continue
        visited.add(identity)
        for entry in _listed(root / folder):
            name = f"{folder}{entry.name}"
            if is_hidden(entry.name):
                continue
            if _is_folder(entry):
                (links if entry.is_symlink() else folders).append(f"{name}/")
            else:
                names.append(name)
        links.sort()
    return natural_order(names)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):  # a link to itself
        return entry.is_dir()
    return False


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SourceError(
            f"The folder {shown(folder)} cannot be listed: {reason}. "
            "Grant the right to read it, or move it out of the way."
        ) from None
