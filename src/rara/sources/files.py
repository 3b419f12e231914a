"""Images among named files, wherever those lie: in a folder, a zip or a tar.

What differs between them is how files are listed and read (`Files`); ids, metadata,
iteration and selection are the same (`FileSource`). Every file is an image, describes one,
or is counted in a remark.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NoReturn, Protocol

from rara.errors import EmptySourceError, ImageError
from rara.run import MetadataUse
from rara.sources.base import Item
from rara.sources.first_bytes import may_be_image, starts_like_image
from rara.sources.layouts.compound import annotating, compound_remarks
from rara.sources.layouts.hidden import hidden_remarks
from rara.sources.limits import IMAGE, SIDECAR, TABLE, Limit, check_table
from rara.sources.metadata.lookup import Metadata
from rara.sources.names import (
    ARCHIVE_SUFFIXES,
    IMAGE_SUFFIXES,
    TABLES,
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
    def hidden(self) -> Sequence[str]:
        """Names of files that were left out as hidden."""

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

    def head(self, index: int) -> bytes:
        """The first bytes of one file, `content.HEAD` of them; nothing if it cannot be read."""

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


@dataclass(frozen=True, slots=True)
class _Part:
    """What files that belong together are: images, annotations of those, others."""

    files: Files
    places: range
    images: Sequence[int]
    annotations: Sequence[int]

    def names(self, places: Iterable[int]) -> list[str]:
        return [self.files.names[i] for i in places]

    def metadata(self, use: MetadataUse) -> Metadata:
        """What is known of the images; the first file of a name counts."""
        first = {self.files.names[i]: i for i in reversed(self.places)}
        others = first.keys() - set(self.names([*self.images, *self.annotations]))
        return Metadata(
            self.names(self.images),
            others if use == "read" else (),
            partial(_read_text, self.files, first),
            location=self.files.location,
            wrapper=self.files.wrapper,
        )

    def others(self, used: Collection[str]) -> list[str]:
        """The names of files that are neither images nor used."""
        images = {*self.images, *self.annotations}
        names = self.names(i for i in self.places if i not in images)
        return [name for name in names if name not in used]


class FileSource:
    """The images among some files."""

    def __init__(self, files: Files, *, metadata: MetadataUse = "read") -> None:
        """Raise `EmptySourceError` if there is none."""
        self._files = files
        parts = [_part(files, places) for places in files.parts]
        images = [i for part in parts for i in part.images]
        if not images:
            raise EmptySourceError(_no_images(files))
        self._places = dict(zip(unique(files.names[i] for i in images), images, strict=True))
        self._metadata = [part.metadata(metadata) for part in parts]
        names = [files.names[i] for i in images]
        annotations = [name for part in parts for name in part.names(part.annotations)]
        pairs = zip(parts, self._metadata, strict=True)
        others = [name for part, lookup in pairs for name in part.others(lookup.used)]
        self._listed = [
            *files.remarks,
            *hidden_remarks(files.hidden),
            *compound_remarks(names, annotations),
            *_sniffed_remarks(names),
            *other_remarks(others),
        ]

    @property
    def location(self) -> str:
        """Absolute path of the folder or archive."""
        return self._files.location

    @property
    def remarks(self) -> list[str]:
        """What became of the files that are no images, and of metadata."""
        of_metadata = [remark for metadata in self._metadata for remark in metadata.remarks]
        return [*self._listed, *dict.fromkeys(of_metadata)]

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
            part = bisect_right(self._files.parts, index, key=lambda part: part.start) - 1
            record = self._metadata[part].of(self._files.names[index])
            yield Item(id_, load, record, self._files.size(index))


def other_remarks(names: Sequence[str]) -> list[str]:
    """How many files are neither images nor describe any."""
    if not names:
        return []
    files = "other file was" if len(names) == 1 else "other files were"
    return [f"{len(names):,} {files} not read: {suffix_counts(names)}."]


def fail(reason: str) -> NoReturn:
    """What `load` is for an image that is known to be unreadable before it is read."""
    raise ImageError(reason)


def text_limit(name: str) -> Limit:
    """How much is read of a file with metadata."""
    return TABLE if name.rpartition("/")[2] in TABLES else SIDECAR


def _read_text(files: Files, places: Mapping[str, int], name: str) -> bytes:
    limit = text_limit(name)
    data = files.read(places[name], limit)
    if limit is TABLE:
        check_table(data)
    return data


def _part(files: Files, places: range) -> _Part:
    listed = _images(files, places)
    marked = annotating([files.names[i] for i in listed])
    images = [i for i in listed if files.names[i] not in marked]
    return _Part(files, places, images, [i for i in listed if files.names[i] in marked])


def _images(files: Files, places: range) -> list[int]:
    """The places of files that are called like images, or begin like one."""
    return [i for i in places if _is_image(files, i)]


def _is_image(files: Files, index: int) -> bool:
    name = files.names[index]
    if has_suffix(name, IMAGE_SUFFIXES):
        return True
    return may_be_image(name) and starts_like_image(files.head(index))


def _sniffed_remarks(images: Sequence[str]) -> list[str]:
    sniffed = [name for name in images if not has_suffix(name, IMAGE_SUFFIXES)]
    if not sniffed:
        return []
    files = "file is an image" if len(sniffed) == 1 else "files are images"
    return [
        f"{len(sniffed):,} {files} by their first bytes, not by name: {suffix_counts(sniffed)}."
    ]


def _no_images(files: Files) -> str:
    wanted = " ".join(IMAGE_SUFFIXES[:6])
    message = (
        f"No images under {shown(files.location)} (searched recursively for {wanted} …; "
        f"saw {suffix_counts(files.names)})."
    )
    archive = next((name for name in files.names if has_suffix(name, ARCHIVE_SUFFIXES)), None)
    if archive:
        message += f" Did you mean {shown(f'{files.location}/{archive}')}?"
    return " ".join([message, *hidden_remarks(files.hidden)])
