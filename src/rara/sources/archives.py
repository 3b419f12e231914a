"""Images in zips and tars, read where they lie: nothing is ever unpacked to disk.

A tar has no table of contents, so its headers are read once when it is opened. That
makes the count known, finds damage before hours of work instead of after them, and
lets metadata stand anywhere in the archive. The files of a plain tar are then read at
their places; a compressed one is read through, and its items carry their bytes.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import IO, cast

from rara.errors import DamagedArchiveError, ImageError, RaraError, SourceError
from rara.sources.files import check_file_size, fail
from rara.sources.metadata import SIDECAR_SUFFIXES, TABLES
from rara.sources.names import TAR_SUFFIXES, has_suffix, is_hidden, member_name, shown

_BLOCK = tarfile.BLOCKSIZE
_ENCRYPTED = 0x1  # bit of a zip member's flags
_LINK = "a link inside the archive, not an image of its own"


class ZipFiles:
    """The visible members of a zip, in the order of its table of contents."""

    remarks: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        """Read the table of contents; `DamagedArchiveError` if there is none."""
        self.location = str(path.absolute())
        with explained_damage(path):
            self._zip = zipfile.ZipFile(path)
        members = [(member_name(m.filename), m) for m in self._zip.infolist() if not m.is_dir()]
        visible = [(name, member) for name, member in members if not is_hidden(name)]
        self.names = [name for name, _ in visible]
        self._members = [member for _, member in visible]
        self.wrapper = _wrapper(path, self.names)
        # One handle and one position in the file for all threads.
        self._lock = Lock()

    def read(self, index: int) -> bytes:
        """One member, its checksum verified."""
        member = self._members[index]
        if member.flag_bits & _ENCRYPTED:
            raise ImageError("encrypted in the archive; pack it again without a password")
        check_file_size(member.file_size)
        try:
            with self._lock:
                return self._zip.read(member)
        except Exception as error:
            raise ImageError(f"damaged in the archive: {error}") from error

    def walk(self, indices: Sequence[int]) -> Iterator[tuple[int, Callable[[], bytes]]]:
        """The members in this order, none read before it is asked for."""
        return ((index, partial(self.read, index)) for index in indices)


class TarFiles:
    """The visible members of an uncompressed tar, read at their places."""

    remarks: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        """Read all headers; `DamagedArchiveError` if they do not go to the end."""
        self._path = path.absolute()
        self.location = str(self._path)
        with explained_damage(path), tarfile.open(path, "r:") as tar:
            members = list(_visible(tar))
            _check_end(path, tar)
        self.names = [name for name, _ in members]
        self._places = [_place(member) for _, member in members]
        self.wrapper = _wrapper(path, self.names)

    def read(self, index: int) -> bytes:
        """One member, through a handle of its own."""
        place = self._places[index]
        if place is None:
            raise ImageError(_LINK)
        check_file_size(place[1])
        with self._path.open("rb") as file:
            file.seek(place[0])
            return file.read(place[1])

    def walk(self, indices: Sequence[int]) -> Iterator[tuple[int, Callable[[], bytes]]]:
        """The members in this order, none read before it is asked for."""
        return ((index, partial(self.read, index)) for index in indices)


class CompressedTarFiles:
    """The visible members of a compressed tar, read through from its beginning."""

    remarks: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        """Read through once, keep sidecars and tables; `DamagedArchiveError` if it ends early."""
        self._path = path.absolute()
        self.location = str(self._path)
        self.names: list[str] = []
        self._texts: dict[int, bytes] = {}
        with explained_damage(path), _decompressed(path) as stream:
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for index, (name, member) in enumerate(_visible(tar)):
                    self.names.append(name)
                    if has_suffix(name, (*SIDECAR_SUFFIXES, *TABLES)):
                        self._texts[index] = _content(tar, member)()
            while stream.read(1 << 20):  # what follows the last member has a checksum, too
                pass
        self.wrapper = _wrapper(path, self.names)

    def read(self, index: int) -> bytes:
        """One member: a sidecar from memory, anything else by reading up to it."""
        if index in self._texts:
            return self._texts[index]
        return next(load() for _, load in self.walk([index]))

    def walk(self, indices: Sequence[int]) -> Iterator[tuple[int, Callable[[], bytes]]]:
        """The members in one pass; each carries its bytes."""
        wanted = set(indices)
        with (
            explained_damage(self._path),
            _decompressed(self._path) as stream,
            tarfile.open(fileobj=stream, mode="r|") as tar,
        ):
            for index, (_, member) in enumerate(_visible(tar)):
                if index in wanted:
                    yield index, _content(tar, member)


def open_tar(path: Path) -> TarFiles | CompressedTarFiles:
    """A tar by what its name says of its compression."""
    return TarFiles(path) if has_suffix(path.name, (".tar",)) else CompressedTarFiles(path)


@contextmanager
def explained_damage(path: Path) -> Iterator[None]:
    """Turn whatever a damaged or forbidden archive raises into one sentence."""
    try:
        yield
    except RaraError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise SourceError(f"{shown(path)} cannot be read: {error.strerror.lower()}.") from error
        raise DamagedArchiveError(
            f"{shown(path)} is damaged, or is not what its name says: "
            f"{str(error) or type(error).__name__}. Fetch it or pack it again."
        ) from error


def _wrapper(path: Path, names: Sequence[str]) -> str:
    """The folder that an archive is named after, where everything lies in it."""
    suffix = next(s for s in (".zip", *TAR_SUFFIXES) if has_suffix(path.name, (s,)))
    folder = f"{path.name[: -len(suffix)]}/"
    return folder if all(name.startswith(folder) for name in names) else ""


# -- tars -------------------------------------------------------------------------------


def _visible(tar: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    for member in tar:
        name = member_name(member.name)
        if not member.isdir() and not is_hidden(name):
            yield name, member


def _place(member: tarfile.TarInfo) -> tuple[int, int] | None:
    """Offset and size of a member's bytes, if it has bytes of its own in one piece."""
    plain = member.isreg() and not member.issparse()
    return (member.offset_data, member.size) if plain else None


def _check_end(path: Path, tar: tarfile.TarFile) -> None:
    """Raise unless the zeros that end a tar follow its last member.

    `tarfile` takes a header that it cannot read, or none at all, for the end.
    """
    end = 0
    if members := tar.getmembers():
        last = members[-1]
        data = last.size if last.isreg() or last.type not in tarfile.SUPPORTED_TYPES else 0
        end = last.offset_data + -(-data // _BLOCK) * _BLOCK
    with path.open("rb") as file:
        file.seek(end)
        if file.read(_BLOCK) != bytes(_BLOCK):
            raise DamagedArchiveError(
                f"{shown(path)} is damaged: it ends or turns unreadable after {len(members)} "
                f"members, at byte {end}. Fetch it or pack it again."
            )


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], bytes]:
    """The bytes of the member at which a stream stands, or what is wrong with it."""
    if _place(member) is None:
        return partial(fail, _LINK)
    try:
        check_file_size(member.size)
    except ImageError as error:
        return partial(fail, str(error))
    data = cast("IO[bytes]", tar.extractfile(member)).read()
    return lambda: data


def _decompressed(path: Path) -> IO[bytes]:
    """The bytes of a compressed file; reading them to the end verifies them."""
    match path.suffix.lower():
        case ".gz" | ".tgz":
            import gzip

            return cast("IO[bytes]", gzip.open(path))
        case ".bz2":
            import bz2

            return cast("IO[bytes]", bz2.open(path))
        case ".xz":
            import lzma

            return cast("IO[bytes]", lzma.open(path))
        case _:
            import pyarrow as pa

            return cast("IO[bytes]", pa.input_stream(str(path), compression="zstd"))
