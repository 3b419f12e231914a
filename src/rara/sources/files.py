"""Images among named files, wherever those lie: in a folder, a zip or a tar.

What differs between them is how files are listed and read (`Files`); ids, metadata,
iteration and selection are the same (`FileSource`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import NoReturn, Protocol

from rara.errors import EmptySourceError, ImageError
from rara.sources.base import Item
from rara.sources.limits import IMAGE, SIDECAR, TABLE, Limit, check_table
from rara.sources.metadata import TABLES, Metadata
from rara.sources.names import (
    ARCHIVE_SUFFIXES,
    IMAGE_SUFFIXES,
    has_suffix,
    shown,
    suffix_counts,
    unique,
)


class Files(Protocol):
    """Files with safe relative names, known by their place in `names`."""

    @property
    def location(self) -> str:
        """Where the files are."""

    @property
    def names(self) -> Sequence[str]:
        """Names of all visible files, in reading order; a zip or tar may repeat one."""

    @property
    def remarks(self) -> Sequence[str]:
        """How the files were listed, where that may surprise: one sentence each."""

    @property
    def wrapper(self) -> str:
        """A folder (`train/`) that holds everything and is no class, or nothing."""

    @property
    def parts(self) -> Sequence[range]:
        """Which files belong together: metadata describes images of its own part only."""

    def size(self, index: int) -> int | None:
        """Bytes of one file, if that is known without reading it."""

    def read(self, index: int, limit: Limit) -> bytes:
        """One file; `ImageError` says why it cannot be read, or is over the limit.

        Safe on any thread.
        """

    def walk(
        self, indices: Sequence[int], limit: Limit
    ) -> Iterator[tuple[int, Callable[[], bytes]]]:
        """Each of these files, in this order, with what reads it up to the limit.

        `indices` ascend.
        """


class FileSource:
    """The images among some files."""

    def __init__(self, files: Files) -> None:
        """Raise `EmptySourceError` if there is none."""
        self._files = files
        images = [i for i, name in enumerate(files.names) if has_suffix(name, IMAGE_SUFFIXES)]
        if not images:
            raise EmptySourceError(_nothing_found(files))
        self._places = dict(zip(unique(files.names[i] for i in images), images, strict=True))
        self._metadata = [_metadata(files, part) for part in files.parts]

    @property
    def location(self) -> str:
        """Absolute path of the folder or archive."""
        return self._files.location

    @property
    def remarks(self) -> list[str]:
        """What the folder or archive says of itself."""
        return list(self._files.remarks)

    def count(self) -> int:
        """Number of files that are called like images."""
        return len(self._places)

    def __iter__(self) -> Iterator[Item]:
        return self._items(self._places)

    def select(self, ids: Collection[str]) -> Iterator[Item]:
        """The items of these ids, in reading order."""
        wanted = set(ids)
        return self._items({id_: at for id_, at in self._places.items() if id_ in wanted})

    def _items(self, places: Mapping[str, int]) -> Iterator[Item]:
        walk = self._files.walk(list(places.values()), IMAGE)
        for id_, (index, load) in zip(places, walk, strict=True):
            yield self._item(id_, index, load)

    def _item(self, id_: str, index: int, load: Callable[[], bytes]) -> Item:
        name, size = self._files.names[index], self._files.size(index)
        part = bisect_right(self._files.parts, index, key=lambda part: part.start) - 1
        metadata = self._metadata[part]
        try:
            return Item(id_, load, metadata.of(name), size)
        except ImageError as error:
            return Item(id_, partial(fail, str(error)), metadata.label(name), size)


def _metadata(files: Files, part: range) -> Metadata:
    """What is known of the images of one part; the first file of a name counts."""
    first = {files.names[i]: i for i in reversed(part)}
    read = partial(_read_text, files, first)
    return Metadata(first, read, location=files.location, wrapper=files.wrapper)


def _read_text(files: Files, places: Mapping[str, int], name: str) -> bytes:
    if (limit := text_limit(name)) is TABLE:
        table = files.read(places[name], limit)
        check_table(table)
        return table
    try:
        return files.read(places[name], limit)
    except ImageError as error:
        raise ImageError(f"its sidecar {name!r} cannot be used: {error}") from None


def text_limit(name: str) -> Limit:
    """How much is read of a file with metadata."""
    return TABLE if name.rpartition("/")[2] in TABLES else SIDECAR


def fail(reason: str) -> NoReturn:
    """What `load` is for an image that is known to be unreadable before it is read."""
    raise ImageError(reason)


def _nothing_found(files: Files) -> str:
    wanted = " ".join(IMAGE_SUFFIXES[:6])
    message = (
        f"No images under {shown(files.location)} (searched recursively for {wanted} …; "
        f"saw {suffix_counts(files.names)})."
    )
    archive = next((name for name in files.names if has_suffix(name, ARCHIVE_SUFFIXES)), None)
    if archive:
        message += f" Did you mean {shown(f'{files.location}/{archive}')}?"
    return message
