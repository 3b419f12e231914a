"""Images among named files, wherever those lie: in a folder, a zip or a tar.

What differs between them is how files are listed and read (`Files`); ids, metadata,
iteration and selection are the same (`FileSource`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import NoReturn, Protocol

from rara.errors import EmptySourceError, ImageError
from rara.sources.base import Item
from rara.sources.metadata import Metadata
from rara.sources.names import (
    ARCHIVE_SUFFIXES,
    IMAGE_SUFFIXES,
    has_suffix,
    shown,
    suffix_counts,
    unique,
)

MAX_FILE_BYTES = 2 << 30
"""No encoded image is larger; what claims to be is a mistake or an attack."""


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

    def read(self, index: int) -> bytes:
        """One file; `ImageError` says why it cannot be read. Safe on any thread."""

    def walk(self, indices: Sequence[int]) -> Iterator[tuple[int, Callable[[], bytes]]]:
        """Each of these files, in this order, with what reads it; `indices` ascend."""


class FileSource:
    """The images among some files."""

    def __init__(self, files: Files) -> None:
        """Raise `EmptySourceError` if there is none."""
        self._files = files
        images = [i for i, name in enumerate(files.names) if has_suffix(name, IMAGE_SUFFIXES)]
        if not images:
            raise EmptySourceError(_nothing_found(files))
        self._places = dict(zip(unique(files.names[i] for i in images), images, strict=True))
        first = {name: i for i, name in reversed(list(enumerate(files.names)))}
        self._metadata = Metadata(
            first,
            lambda name: files.read(first[name]),
            location=files.location,
            wrapper=files.wrapper,
        )

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
        walk = self._files.walk(list(places.values()))
        for id_, (index, load) in zip(places, walk, strict=True):
            yield self._item(id_, self._files.names[index], load)

    def _item(self, id_: str, name: str, load: Callable[[], bytes]) -> Item:
        try:
            return Item(id_, load, self._metadata.of(name))
        except ImageError as error:
            return Item(id_, partial(fail, str(error)), self._metadata.label(name))


def fail(reason: str) -> NoReturn:
    """What `load` is for an image that is known to be unreadable before it is read."""
    raise ImageError(reason)


def check_file_size(size: int) -> None:
    """Raise `ImageError` for a file that would not fit into memory as an image's does."""
    if size > MAX_FILE_BYTES:
        raise ImageError(
            f"{size / 1e9:.3g} GB, more than any image file ({MAX_FILE_BYTES / 1e9:.3g})"
        )


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
