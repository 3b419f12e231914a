"""The members of a tar, header by header, in one pass over a `Stream`; read by `tars`.

Python's `tarfile` takes a header that it cannot read for the end, and reads names and
lists of any claimed size into memory. Here a tar ends with zeros and nothing else does;
what follows them is another tar (`cat a.tar b.tar`) or damage; and headers have a limit.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rara.errors import DamagedArchiveError
from rara.sources.archives.tar_stream import Stream
from rara.sources.limits import amount
from rara.sources.names import shown

_BLOCK = tarfile.BLOCKSIZE
_ZEROS = bytes(_BLOCK)
_DIGITS = 20  # of a size, more than any has
# Whether a map of a sparse file goes on in the next block (GNU's old format).
_MORE_IN_HEADER, _MORE_IN_MAP = 482, 504
_LONGEST = 1 << 20
"""Most bytes of one extended header: room for a path and some hundred attributes."""

_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE)
_LONG_TEXTS = {tarfile.GNUTYPE_LONGNAME: "path", tarfile.GNUTYPE_LONGLINK: "linkpath"}
_EXTENSIONS = (*_PAX, *_LONG_TEXTS)
_LINKS = (tarfile.SYMTYPE, tarfile.LNKTYPE)

_LINK = "a link inside the archive, not an image of its own"
_SPARSE = "stored as a sparse file; pack it again without --sparse"
_NO_FILE = "no plain file in the archive"


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a tar."""

    name: str
    """As it is stored."""
    start: int
    """Where its bytes begin."""
    size: int
    fault: str
    """Why it has no bytes of its own, or nothing."""
    folder: bool
    part: int
    """How many tars come before the one that it belongs to."""


def members(stream: Stream, path: Path) -> Iterator[Member]:
    """All entries; at each the stream stands at its bytes, and may be read up to their end.

    Raises `DamagedArchiveError` where the tar does not go to its end.
    """
    return _Scan(stream, path).members()


class _Scan:
    """One pass over a stream, and what it has met so far."""

    def __init__(self, stream: Stream, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._at = 0
        """Where the header begins that is being read."""
        self._members_read = 0
        self._part = 0
        self._shared: dict[str, str] = {}
        """What a global header says of all members after it in the same part."""

    def members(self) -> Iterator[Member]:
        while block := self._next_block():
            member, end = self._member(block)
            yield member
            if not self._stream.skip(end - self._stream.at):
                raise self._damage(f"it ends within {member.name!r}")
            self._members_read += 1

    def _next_block(self) -> bytes:
        """The next header, past the zeros between two tars; nothing at the end."""
        zeros = 0
        while (block := self._header_block()) == _ZEROS:
            zeros += 1
        if not block.strip(b"\0"):
            if not zeros:
                raise self._damage("it ends without the zeros that end a tar")
            return b""
        if zeros and self._members_read:
            self._part += 1
            self._shared = {}
        return block

    def _header_block(self) -> bytes:
        self._at = self._stream.at
        return self._stream.read(_BLOCK)

    def _member(self, block: bytes) -> tuple[Member, int]:
        """The member that begins with this header, and where the next header is."""
        own: dict[str, str] = {}
        while (header := self._header(block)).type in _EXTENSIONS:
            if header.type in _LONG_TEXTS:
                own[_LONG_TEXTS[header.type]] = self._long_text(self._extension(header))
            else:
                about = self._shared if header.type == tarfile.XGLTYPE else own
                about |= self._records(self._extension(header))
            block = self._header_block()
        about = self._shared | own
        size = self._size(header, about)
        if header.type == tarfile.GNUTYPE_SPARSE:
            self._skip_sparse_map(block)
        start = self._stream.at
        stored = size if header.isreg() or header.type not in tarfile.SUPPORTED_TYPES else 0
        name = about.get("GNU.sparse.name") or about.get("path") or header.name
        member = Member(name, start, size, _fault(header, about), header.isdir(), self._part)
        return member, start + _padded(stored)

    def _header(self, block: bytes) -> tarfile.TarInfo:
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError, IndexError) as error:
            raise self._damage(f"no tar header follows ({error})") from None
        if header.size < 0:
            raise self._damage(f"a size of {header.size} bytes")
        return header

    def _size(self, header: tarfile.TarInfo, about: Mapping[str, str]) -> int:
        text = about.get("size", str(header.size))
        if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
            raise self._damage(f"a size of {text[:_DIGITS]!r} bytes")
        return int(text)

    def _extension(self, header: tarfile.TarInfo) -> bytes:
        """The text of a header that extends the next one."""
        if header.size > _LONGEST:
            size = f"{amount(header.size)}, at most {amount(_LONGEST)} are allowed"
            raise self._damage(f"an extended header of {size}")
        data = self._stream.read(_padded(header.size))
        if len(data) < _padded(header.size):
            raise self._damage("it ends within a header")
        return data[: header.size]

    def _long_text(self, data: bytes) -> str:
        text = data.rstrip(b"\0")
        if b"\0" in text:
            raise self._damage("an unreadable long name")
        return _text(text)

    def _records(self, data: bytes) -> dict[str, str]:
        """The lines `length keyword=value` of a pax header."""
        records: dict[str, str] = {}
        at = 0
        while at < len(data) and data[at]:
            digits, space, _ = data[at : at + _DIGITS].partition(b" ")
            end = at + int(digits) if space and digits.isdigit() else 0
            record = data[at + len(digits) + 1 : end]
            keyword, equals, value = record.partition(b"=")
            if not (equals and value.endswith(b"\n") and end <= len(data)):
                raise self._damage("an unreadable pax header")
            records[_text(keyword)] = _text(value[:-1])
            at = end
        return records

    def _skip_sparse_map(self, block: bytes) -> None:
        more = block[_MORE_IN_HEADER]
        while more:
            block = self._stream.read(_BLOCK)
            if len(block) < _BLOCK:
                raise self._damage("it ends within a header")
            more = block[_MORE_IN_MAP]

    def _damage(self, what: str) -> DamagedArchiveError:
        return DamagedArchiveError(
            f"{shown(self._path)} is damaged after {self._members_read} members, at byte "
            f"{self._at}: {what}. Fetch it or pack it again."
        )


def _fault(header: tarfile.TarInfo, about: Mapping[str, str]) -> str:
    if header.type in _LINKS:
        return _LINK
    if header.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse.") for key in about):
        return _SPARSE
    return "" if header.isreg() else _NO_FILE


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
