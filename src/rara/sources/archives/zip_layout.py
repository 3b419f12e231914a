"""Which bytes of a zip belong to which member, for `zips`: overlaps, gaps and lies.

Readers of zips trust the directory at the end alone. Whatever it leaves out is lost in
silence, and members that it lays over one another make a bomb. So every byte is placed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import SEEK_END
from typing import IO
from zipfile import ZipInfo

from rara.sources.limits import PIECE

_LOCAL = struct.Struct("<4s5H3I2H")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_LOCAL_MAGIC, _END_MAGIC, _END64_MAGIC = b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06"
_LONGEST_COMMENT = 65_535
_IN_ZIP64 = 0xFFFFFFFF

# Bits of a member's flags.
ENCRYPTED = 0x1
UTF_8 = 0x800
_SIZES_FOLLOW = 0x8  # a descriptor with the sizes follows the bytes
_DESCRIPTOR_MAGIC = b"PK\x07\x08"
_LONGEST_DESCRIPTOR = 24

_NO_HEADER = "damaged in the archive: no header where the directory says"
_TWO_NAMES = "damaged in the archive: its header has another name than the directory"
_TWO_SIZES = "damaged in the archive: its header and the directory disagree about its size"
_TOO_LONG = "damaged in the archive: its bytes would reach beyond all members"
_OVERLAP = "damaged in the archive: its bytes overlap those of another member"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes that the directory does not list, and that are not all zeros."""

    start: int
    end: int
    is_member: bool
    """Whether they begin as a member does."""


@dataclass(slots=True)
class Layout:
    """What a look at all headers found."""

    counted: int
    """How many members the record at the end counts; in 16 bits, where it has no more."""
    size: int
    """Of the file."""
    faults: dict[int, str] = field(default_factory=dict)
    """Why a member cannot be read, by its place in the directory."""
    unlisted: list[Stretch] = field(default_factory=list)

    def agrees(self, members: int) -> bool:
        """Whether the record at the end counts as many; it may have lost the higher bits."""
        return self.counted in (members, members % (1 << 16))


def layout_of(file: IO[bytes], members: Sequence[ZipInfo], directory: int) -> Layout:
    """Place all bytes of a zip; `directory` is where the list of members begins."""
    size = file.seek(0, SEEK_END)
    counted, end = _end(file, size)
    layout = Layout(counted, size)
    spans = []
    for index, member in enumerate(members):
        span = _span(file, member, directory)
        if isinstance(span, str):
            layout.faults[index] = span
        if span != _NO_HEADER:
            stop = None if isinstance(span, str) else span
            spans.append((member.header_offset, stop, index))
    gaps = [*_gaps(sorted(spans, key=lambda span: span[0]), directory, layout), (end, size)]
    layout.unlisted = [gap for ends in gaps if (gap := _stretch(file, *ends))]
    return layout


def _gaps(
    spans: Sequence[tuple[int, int | None, int]], directory: int, layout: Layout
) -> Iterator[tuple[int, int]]:
    """What lies between members; those that overlap are noted."""
    covered, last = 0, -1
    for place, (start, stop, index) in enumerate(spans):
        if start < covered:
            layout.faults |= dict.fromkeys((last, index), _OVERLAP)
        else:
            yield covered, start
        after = spans[place + 1][0] if place + 1 < len(spans) else directory
        reach = after if stop is None else stop
        if reach >= covered:
            covered, last = reach, index
    yield covered, directory


def _span(file: IO[bytes], member: ZipInfo, directory: int) -> int | str:
    """Where a member's bytes end, or why that is unclear."""
    start = member.header_offset
    header = _read(file, start, _LOCAL.size) if 0 <= start < directory else b""
    if len(header) < _LOCAL.size or not header.startswith(_LOCAL_MAGIC):
        return _NO_HEADER
    *_, packed, plain, name, extra = _LOCAL.unpack(header)
    if _read(file, start + _LOCAL.size, name) != _stored_name(member):
        return _TWO_NAMES
    if packed not in (0, _IN_ZIP64, member.compress_size):
        return _TWO_SIZES
    if plain not in (0, _IN_ZIP64, member.file_size):
        return _TWO_SIZES
    stop = int(start + _LOCAL.size + name + extra + member.compress_size)
    if stop > directory:
        return _TOO_LONG
    return stop + (_descriptor(file, member, stop) if member.flag_bits & _SIZES_FOLLOW else 0)


def _stored_name(member: ZipInfo) -> bytes:
    return member.orig_filename.encode("utf-8" if member.flag_bits & UTF_8 else "cp437")


def _descriptor(file: IO[bytes], member: ZipInfo, at: int) -> int:
    """Length of the sizes that follow a member, in the four ways to write them."""
    data = _read(file, at, _LONGEST_DESCRIPTOR)
    sizes = (member.compress_size, member.file_size)
    for number in ("I", "Q") if max(sizes) <= _IN_ZIP64 else ("Q",):
        written = struct.pack(f"<I2{number}", member.CRC, *sizes)
        for whole in (_DESCRIPTOR_MAGIC + written, written):
            if data.startswith(whole):
                return len(whole)
    return 0


def _stretch(file: IO[bytes], start: int, end: int) -> Stretch | None:
    """These bytes, unless there are none or only zeros."""
    for at in range(start, end, PIECE):
        if _read(file, at, min(PIECE, end - at)).strip(b"\0"):
            return Stretch(start, end, _read(file, start, 4) == _LOCAL_MAGIC)
    return None


def _end(file: IO[bytes], size: int) -> tuple[int, int]:
    """How many members the record at the end counts, and where it ends with its comment."""
    first = max(0, size - _LONGEST_COMMENT - 1 - _END.size)
    tail = _read(file, first, size - first)
    at = len(tail) - _END.size
    if not (tail.startswith(_END_MAGIC, at) and tail.endswith(b"\0\0")):  # it has a comment
        at = tail.rfind(_END_MAGIC)
    *_, counted, _, _, comment = _END.unpack_from(tail, at)
    before = _read(file, max(0, first + at - _LOCATOR.size - _END64.size), _END64.size)
    if len(before) == _END64.size and before.startswith(_END64_MAGIC):
        counted = _END64.unpack(before)[7]
    return counted, min(size, first + at + _END.size + comment)


def _read(file: IO[bytes], start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)
