"""The bytes of a tar in one direction, compressed or not, for `tar_headers` and `tars`.

Reading a compressed stream to its end verifies it. A stream that grows out of all
proportion to its file is refused before it takes minutes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol, cast

from rara.errors import DamagedArchiveError
from rara.sources.limits import PIECE, amount
from rara.sources.names import has_suffix, shown

PLAIN_BYTES = 256 << 20
"""A compressed tar may hold so much whatever its own size: a second or two of work."""

MOST_RATIO = 100
"""Beyond that, it may hold so many times its own size. Encoded images hardly shrink."""

_XZ_MEMORY = 512 << 20  # xz itself uses 65 MiB at its highest setting
_FED = 1 << 16


class _Decompressor(Protocol):
    """What `bz2` and `lzma` offer."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class Stream:
    """Bytes from the beginning to the end, and how many have passed."""

    def __init__(self, file: IO[bytes]) -> None:
        self.at = 0
        self._file = file

    def read(self, size: int) -> bytes:
        """So many bytes; fewer at the end only."""
        data = self._file.read(size)
        self.at += len(data)
        return data

    def skip(self, size: int) -> bool:
        """Go past so many bytes; whether there were as many."""
        while size > 0:
            passed = len(self.read(min(size, PIECE)))
            if not passed:
                return False
            size -= passed
        return True


class _PlainStream(Stream):
    """A file as it is: nothing is read to go past it."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self._end = file.seek(0, io.SEEK_END)
        file.seek(0)

    def skip(self, size: int) -> bool:
        if size > self._end - self.at:
            return False
        self.at = self._file.seek(size, io.SEEK_CUR)
        return True


class _CompressedStream(Stream):
    """What a file decompresses to, within a multiple of its size."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        super().__init__(file)
        self._path = path
        self._most = max(PLAIN_BYTES, MOST_RATIO * path.stat().st_size)

    def read(self, size: int) -> bytes:
        data = super().read(size)
        if self.at > self._most:
            raise DamagedArchiveError(
                f"{shown(self._path)} decompresses to more than {amount(self._most)}, over "
                f"{self._most / self._path.stat().st_size:,.0f} times its size. "
                "Images do not shrink so far; unpack it if they do."
            )
        return data


_USTAR_AT = 257
_HEAD = _USTAR_AT + 5
_STARTS = {
    b"\x1f\x8b\x08": ".tar.gz",
    b"\xfd7zXZ\x00": ".tar.xz",
    b"\x28\xb5\x2f\xfd": ".tar.zst",
}
"""How compressed files begin; those of bzip2 could be the name of a member."""


@contextmanager
def opened(path: Path) -> Iterator[Stream]:
    """The bytes of a tar by what its name says of its compression."""
    with path.open("rb") as file:
        _check_name(path, file.read(_HEAD))
        file.seek(0)
        if has_suffix(path.name, (".tar",)):
            yield _PlainStream(file)
        else:
            with _decompressed(path, file) as inner:
                yield _CompressedStream(inner, path)


def _check_name(path: Path, head: bytes) -> None:
    """Raise `DamagedArchiveError` where the first bytes tell of another compression."""
    actual = next((suffix for start, suffix in _STARTS.items() if head.startswith(start)), None)
    actual = ".tar" if head[_USTAR_AT:].startswith(b"ustar") else actual
    suffix = path.suffix.lower().replace(".tgz", ".gz")
    if actual is not None and not actual.endswith(suffix):
        raise DamagedArchiveError(
            f"{shown(path)} is a {actual}, which its name does not say. Rename it to end in "
            f"{actual}."
        )


def _decompressed(path: Path, file: IO[bytes]) -> IO[bytes]:
    match path.suffix.lower():
        case ".gz" | ".tgz":
            import gzip

            return cast("IO[bytes]", gzip.open(file))
        case ".bz2":
            import bz2

            return io.BufferedReader(_Frames(file, bz2.BZ2Decompressor), _FED)
        case ".xz":
            import lzma

            start = partial(lzma.LZMADecompressor, memlimit=_XZ_MEMORY)
            return io.BufferedReader(_Frames(file, start), _FED)
        case _:
            import pyarrow as pa

            return cast("IO[bytes]", pa.input_stream(str(path), compression="zstd"))


class _Frames(io.RawIOBase):
    """Compressed frames one after the other; what follows them and is none is damage.

    The standard library's own files take that for the end, and leave it out in silence.
    """

    def __init__(self, file: IO[bytes], start: Callable[[], _Decompressor]) -> None:
        super().__init__()
        self._file = file
        self._start = start
        self._frame = start()
        self._fed = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._next(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _next(self, most: int) -> bytes:
        """At most so many bytes; none at the end only."""
        while True:
            if self._frame.eof and not self._begin():
                return b""
            fed = self._feed() if self._frame.needs_input else b""
            if self._frame.needs_input and not fed:
                raise EOFError("it ends in the middle of its compressed data")
            if data := self._frame.decompress(fed, most):
                return data

    def _feed(self) -> bytes:
        fed, self._fed = self._fed or self._file.read(_FED), b""
        return fed

    def _begin(self) -> bool:
        """Start the next frame, if there is one; zeros between frames say nothing."""
        fed = self._frame.unused_data
        while not (fed := fed.lstrip(b"\0")):
            if not (fed := self._file.read(_FED)):
                return False
        self._fed, self._frame = fed, self._start()
        return True
