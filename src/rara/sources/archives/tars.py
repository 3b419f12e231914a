"""Images in tars, read where they lie: nothing is ever unpacked to disk.

A tar has no table of contents, so its headers are read once when it is opened. That
makes the count known, finds damage before hours of work instead of after them, and
lets metadata stand anywhere in the archive. The files of a plain tar are then read at
their places; a compressed one is read through, and its items carry their bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import RLock

from rara.errors import DamagedArchiveError, ImageError, SourceError
from rara.sources.archives.damage import explained_damage, is_text, repeated_texts, wrapping_folder
from rara.sources.archives.tar_headers import Member, members
from rara.sources.archives.tar_stream import Stream, opened
from rara.sources.files import fail, text_limit
from rara.sources.first_bytes import HEAD, may_be_image
from rara.sources.limits import PIECE, Limit, amount
from rara.sources.metadata.matching import folded
from rara.sources.names import (
    IMAGE_SUFFIXES,
    TABLES,
    base_name,
    has_suffix,
    is_hidden,
    member_name,
    shown,
)
from rara.sources.paths import beside_archive

TEXT_BYTES = 512 << 20
"""Most bytes of sidecars and tables that are kept of one compressed tar."""

CARRIED_BYTES = 1 << 30
"""Most bytes of large members that items of one compressed tar carry at the same time."""

LARGE = 1 << 20
"""A larger member gives its bytes away when it is loaded, and is read again if asked twice."""


class _Tar:
    """What is known of a tar once its headers are read."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self.location = str(self._path)
        self._members: list[Member] = []
        self.names: list[str] = []
        self.hidden: list[str] = []
        with explained_damage(path), opened(path) as stream:
            for name, member in _visible(stream, self._path, self.hidden):
                self._met(len(self.names), name, member, stream)
                self.names.append(name)
                self._members.append(member)
        self.wrapper = wrapping_folder(path, self.names)
        self.parts = _parts(self._members)
        self.remarks = [
            *beside_archive(path),
            *_several(len(self.parts)),
            *repeated_texts(self.names, self.parts),
        ]

    def _met(self, index: int, name: str, member: Member, stream: Stream) -> None:
        """Called while the stream stands at the member's bytes."""

    def size(self, index: int) -> int | None:
        """Bytes of one member."""
        return self._members[index].size

    def _checked(self, index: int, limit: Limit) -> Member:
        member = self._members[index]
        if member.fault:
            raise ImageError(member.fault)
        limit.check(member.size)
        return member


class TarFiles(_Tar):
    """The visible members of an uncompressed tar, read at their places."""

    def read(self, index: int, limit: Limit) -> bytes:
        """One member, through a handle of its own."""
        member = self._checked(index, limit)
        try:
            with self._path.open("rb") as file:
                file.seek(member.start)
                data = file.read(member.size)
        except OSError as error:
            raise ImageError(f"cannot be read: {str(error.strerror or error).lower()}") from None
        if len(data) < member.size:
            raise ImageError("cut off: the archive was shortened while it was read")
        return data

    def head(self, index: int) -> bytes:
        """The first bytes of one member; nothing if it cannot be read."""
        member = self._members[index]
        if member.fault:
            return b""
        with self._path.open("rb", buffering=0) as file:
            file.seek(member.start)
            return file.read(min(member.size, HEAD))

    def walk(
        self, indices: Sequence[int], limit: Limit
    ) -> Iterator[tuple[int, Callable[[], bytes]]]:
        """The members in this order, none read before it is asked for."""
        return ((index, partial(self.read, index, limit)) for index in indices)


class CompressedTarFiles(_Tar):
    """The visible members of a compressed tar, read through from its beginning."""

    def __init__(self, path: Path) -> None:
        """Read through once, keep sidecars and tables; `DamagedArchiveError` if it ends early."""
        self._texts: dict[int, bytes] = {}
        self._text_bytes = 0
        self._heads: dict[int, bytes] = {}
        self._room = _Room(CARRIED_BYTES)
        super().__init__(path)
        images = {_key(self.names[index]) for index in self._heads}
        images |= {_key(name) for name in self.names if has_suffix(name, IMAGE_SUFFIXES)}
        for index in [i for i in self._texts if not _describes(self.names[i], images)]:
            del self._texts[index]

    def _met(self, index: int, name: str, member: Member, stream: Stream) -> None:
        if may_be_image(name) and not member.fault:
            self._heads[index] = stream.read(min(member.size, HEAD))
        if not is_text(name) or member.fault or member.size > text_limit(name).size:
            return
        self._text_bytes += member.size
        if self._text_bytes > TEXT_BYTES:
            raise SourceError(
                f"{shown(self._path)} holds more than {amount(TEXT_BYTES)} of sidecars and "
                "metadata tables, too much to keep of a compressed tar. Decompress it to a .tar."
            )
        self._texts[index] = _content(stream, member)

    def read(self, index: int, limit: Limit) -> bytes:
        """One member: a sidecar from memory, anything else by reading up to it."""
        self._checked(index, limit)
        if index in self._texts:
            return self._texts[index]
        return next(_content(stream, member) for _, member, stream in self._through({index}))

    def head(self, index: int) -> bytes:
        """The first bytes of one member whose name does not tell what it is."""
        return self._heads.get(index, b"")

    def walk(
        self, indices: Sequence[int], limit: Limit
    ) -> Iterator[tuple[int, Callable[[], bytes]]]:
        """The members in one pass; each carries its bytes."""
        for index, _, stream in self._through(set(indices)):
            yield index, self._load(index, limit, stream)

    def _through(self, wanted: set[int]) -> Iterator[tuple[int, Member, Stream]]:
        """These members, each while the stream stands at its bytes."""
        left = len(wanted)
        with explained_damage(self._path), opened(self._path) as stream:
            for index, (_, member) in enumerate(_visible(stream, self._path, [])):
                if not left:
                    return
                if index in wanted:
                    if self._members[index : index + 1] != [member]:
                        break
                    yield index, member, stream
                    left -= 1
        if left:
            raise DamagedArchiveError(f"{shown(self._path)} changed while it was read. Run again.")

    def _load(self, index: int, limit: Limit, stream: Stream) -> Callable[[], bytes]:
        """What gives the bytes of the member at which the stream stands."""
        try:
            member = self._checked(index, limit)
        except ImageError as error:
            return partial(fail, str(error))
        again = partial(self.read, index, limit)
        if member.size > LARGE:
            give_back = self._room.take(member.size)
            return _Carried(_content(stream, member), give_back, again) if give_back else again
        data = _content(stream, member)
        return lambda: data


class _Room:
    """How many more bytes items may carry."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = RLock()  # an item may be forgotten at any moment, even in here

    def take(self, size: int) -> Callable[[], None] | None:
        """Take so much if there is as much; calling what comes back gives it back."""
        with self._lock:
            if size > self._left:
                return None
            self._left -= size
        return partial(self._give_back, size)

    def _give_back(self, size: int) -> None:
        with self._lock:
            self._left += size


class _Carried:
    """The bytes of a large member until they are loaded, or nobody can load them any more."""

    def __init__(
        self, data: bytes, give_back: Callable[[], None], again: Callable[[], bytes]
    ) -> None:
        self._data = [data]
        self._give_back = give_back
        self._again = again

    def __call__(self) -> bytes:
        try:
            data = self._data.pop()  # by one thread only
        except IndexError:
            return self._again()
        self._give_back()
        return data

    def __del__(self) -> None:
        if self._data:
            self._give_back()


def open_tar(path: Path) -> TarFiles | CompressedTarFiles:
    """A tar by what its name says of its compression."""
    return TarFiles(path) if has_suffix(path.name, (".tar",)) else CompressedTarFiles(path)


def _visible(stream: Stream, path: Path, hidden: list[str]) -> Iterator[tuple[str, Member]]:
    """The visible files; the names of hidden ones are added to `hidden`."""
    for member in members(stream, path):
        name = member_name(member.name)
        if member.folder:
            continue
        if is_hidden(name):
            hidden.append(name)
        else:
            yield name, member


def _describes(text: str, images: Collection[str]) -> bool:
    return has_suffix(text, TABLES) or _key(text) in images


def _key(name: str) -> str:
    """What an image and its sidecars have in common, however they are written."""
    return folded(base_name(name))


def _content(stream: Stream, member: Member) -> bytes:
    """The bytes of the member at which the stream stands, in pieces."""
    data = io.BytesIO()  # gives its bytes away without a copy
    while left := member.size - data.tell():
        if not (piece := stream.read(min(left, PIECE))):
            raise EOFError(f"it ends within {member.name!r}")
        data.write(piece)
    return data.getvalue()


def _parts(members: Sequence[Member]) -> list[range]:
    """Where in the list the members of each of several tars are."""
    firsts = [i for i, m in enumerate(members) if not i or m.part != members[i - 1].part]
    return [range(*ends) for ends in pairwise([*firsts, len(members)])]


def _several(parts: int) -> list[str]:
    if parts < 2:
        return []
    return [f"The file holds {parts} archives one after the other; all of them were read."]
