"""Images in a folder, or some image files by themselves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from rara.errors import ImageError, SourceError
from rara.sources.first_bytes import HEAD
from rara.sources.layouts.hub import one_revision
from rara.sources.limits import Limit, read_whole
from rara.sources.names import is_hidden, natural_order, printable, shown


class FolderFiles:
    """The visible files below a folder, links followed, in natural order."""

    def __init__(
        self,
        root: Path,
        *,
        stored: Sequence[str] | None = None,
        location: str | None = None,
        remarks: Sequence[str] = (),
    ) -> None:
        """`stored` are relative names, everything below `root` unless given.

        Of everything, the cache of a data set of Hugging Face's Hub shows one revision.
        """
        self._root = root.absolute()
        hidden: Sequence[str] = ()
        self.wrapper = ""
        if stored is None:
            stored, hidden = scan(self._root)
            stored, self.wrapper, hub_remarks = one_revision(self._root, stored)
            self.wrapper = printable(self.wrapper)
            remarks = [*remarks, *hub_remarks]
        self.remarks = tuple(map(printable, remarks))
        self.stored = stored
        self.names = [printable(name) for name in stored]
        self.hidden = [printable(name) for name in hidden]
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

    def head(self, index: int) -> bytes:
        """The first bytes of one file; nothing where it has none to read."""
        return read_head(self._root / self.stored[index])

    def walk(
        self, indices: Sequence[int], limit: Limit
    ) -> Iterator[tuple[int, Callable[[], bytes]]]:
        """The files in this order, none opened before it is asked for."""
        return ((index, partial(self.read, index, limit)) for index in indices)


def read_file(path: Path, limit: Limit) -> bytes:
    """All bytes of a file; `ImageError` if there is no right, no file, or no end to it."""
    try:
        return bytes_of(path, limit)
    except OSError as error:
        raise ImageError(f"cannot be read: {(error.strerror or str(error)).lower()}") from None


def bytes_of(path: Path, limit: Limit) -> bytes:
    """The same, but `OSError` where the system refuses."""
    if path.exists() and not path.is_file():
        raise ImageError("neither a file nor a link to one")
    with path.open("rb") as file:
        limit.check(os.fstat(file.fileno()).st_size)
        return read_whole(file.read, limit)  # it may grow, or its size be a lie


def read_head(path: Path) -> bytes:
    """The first bytes of a file; nothing where it is none or cannot be read."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                return file.read(HEAD)
    return b""


def scan(root: Path) -> tuple[list[str], list[str]]:
    """Relative names of all files below a folder, in natural order: visible and hidden ones.

    Each folder is visited once, under its own name rather than a link's: links that
    lead back up end there, and a link to a sibling adds nothing.
    """
    names: list[str] = []
    hidden: list[str] = []
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
                hidden += _inside(entry, name)
            elif _is_folder(entry):
                (links if entry.is_symlink() else folders).append(f"{name}/")
            else:
                names.append(name)
        links.sort()
    return natural_order(names), sorted(hidden)


def _inside(hidden: os.DirEntry[str], name: str) -> list[str]:
    """The files in what is hidden, no link followed; a folder that may not be listed is one."""
    if not hidden.is_dir(follow_symlinks=False):
        return [name]
    files: list[str] = []
    folders = [(hidden.path, name)]
    while folders:
        path, folder = folders.pop()
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    inner = f"{folder}/{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        folders.append((entry.path, inner))
                    else:
                        files.append(inner)
        except OSError:
            files.append(folder)
    return files


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
