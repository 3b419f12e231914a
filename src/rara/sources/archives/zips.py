"""Images in a zip, read where they lie: nothing is ever unpacked to disk."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import IO
from zipfile import ZipInfo

from rara.errors import DamagedArchiveError, ImageError, RaraError
from rara.sources.archives.damage import explained_damage, repeated_texts, wrapping_folder
from rara.sources.archives.zip_layout import ENCRYPTED, UTF_8, Layout, layout_of
from rara.sources.first_bytes import HEAD
from rara.sources.limits import Limit, amount, read_whole
from rara.sources.names import IMAGE_SUFFIXES, has_suffix, is_hidden, member_name, shown
from rara.sources.paths import beside_archive

_IN_PIECES = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_AT_ONCE = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_PACKED = 4096
"""`zipfile` inflates all that it reads of these two at once: 4 kB may become 80 MB."""


class ZipFiles:
    """The visible members of a zip, in the order of its table of contents."""

    def __init__(self, path: Path) -> None:
        """Read all headers; `DamagedArchiveError` if they do not agree on what there is."""
        self.location = str(path.absolute())
        with explained_damage(path):
            self._zip = zipfile.ZipFile(path)
            members = self._zip.infolist()
            with path.open("rb", buffering=0) as file:
                layout = layout_of(file, members, self._zip.start_dir)
            _check(path, layout, len(members))
        names = [member_name(_name(member)) for member in members]
        visible = [
            index
            for index, (name, member) in enumerate(zip(names, members, strict=True))
            if not member.is_dir() and not is_hidden(name)
        ]
        self.names = [names[index] for index in visible]
        self.hidden = [
            name
            for name, member in zip(names, members, strict=True)
            if not member.is_dir() and is_hidden(name)
        ]
        self._members = [members[index] for index in visible]
        self._faults = [layout.faults.get(index) or _fault(members[index]) for index in visible]
        self.wrapper = wrapping_folder(path, self.names)
        self.parts = [range(len(self.names))]
        listed = {index for index in visible if has_suffix(names[index], IMAGE_SUFFIXES)}
        unseen = {names[i]: fault for i, fault in layout.faults.items() if i not in listed}
        self.remarks = [
            *beside_archive(path),
            *_left_out(layout),
            *_damaged(unseen),
            *repeated_texts(self.names, self.parts),
        ]
        # One handle and one position in the file for all threads.
        self._lock = Lock()

    def size(self, index: int) -> int | None:
        """Bytes of one member, as the archive says."""
        return self._members[index].file_size

    def read(self, index: int, limit: Limit) -> bytes:
        """One member, its checksum verified."""
        member = self._members[index]
        if fault := self._faults[index]:
            raise ImageError(fault)
        limit.check(member.file_size)
        try:
            with self._lock, self._zip.open(member) as file:
                return read_whole(partial(_piece, file, member), limit)
        except RaraError:
            raise
        except Exception as error:
            raise ImageError(f"damaged in the archive: {error}") from error

    def head(self, index: int) -> bytes:
        """The first bytes of one member; nothing if it cannot be read."""
        member = self._members[index]
        if not self._faults[index]:
            with suppress(Exception), self._lock, self._zip.open(member) as file:
                return _piece(file, member, HEAD)
        return b""

    def walk(
        self, indices: Sequence[int], limit: Limit
    ) -> Iterator[tuple[int, Callable[[], bytes]]]:
        """The members in this order, none read before it is asked for."""
        return ((index, partial(self.read, index, limit)) for index in indices)


def _piece(file: IO[bytes], member: ZipInfo, size: int) -> bytes:
    return file.read(min(size, _PACKED) if member.compress_type in _AT_ONCE else size)


def _fault(member: ZipInfo) -> str:
    if member.flag_bits & ENCRYPTED:
        return "encrypted in the archive; pack it again without a password"
    if member.compress_type not in (*_IN_PIECES, *_AT_ONCE):
        return f"compression method {member.compress_type} is not known; pack it again with deflate"
    return ""


def _check(path: Path, layout: Layout, members: int) -> None:
    if not layout.agrees(members):
        raise DamagedArchiveError(
            f"{shown(path)} is damaged: the record at its end counts {layout.counted} members, "
            f"its directory lists {members}. Fetch it or pack it again."
        )
    for stretch in layout.unlisted:
        if stretch.is_member and (stretch.start == 0 or stretch.end == layout.size):
            raise DamagedArchiveError(
                f"{shown(path)} holds a second zip, or members that its directory does not list "
                f"(bytes {stretch.start} to {stretch.end}). Split it or pack it again."
            )


def _damaged(unseen: Mapping[str, str]) -> list[str]:
    """A remark on damaged members that are not called like images; they may have been some."""
    if not unseen:
        return []
    name, fault = next(iter(unseen.items()))
    members = "member that is no image" if len(unseen) == 1 else "members that are no images"
    return [f"Not read: {len(unseen):,} {members} by name, such as {name!r} ({fault})."]


def _name(member: ZipInfo) -> str:
    """The name of a member; macOS writes UTF-8 and does not say so."""
    if member.flag_bits & UTF_8 or member.filename.isascii():
        return member.filename
    try:
        return member.filename.encode("cp437").decode()
    except UnicodeError:
        return member.filename


def _left_out(layout: Layout) -> list[str]:
    """A remark on bytes that nothing lists."""
    if not layout.unlisted:
        return []
    size = amount(sum(stretch.end - stretch.start for stretch in layout.unlisted))
    remark = f"Not read: {size} that the directory of the zip does not list."
    members = any(stretch.is_member for stretch in layout.unlisted)
    return [f"{remark} They seem to hold members." if members else remark]
