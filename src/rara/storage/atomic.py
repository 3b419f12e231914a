"""Files that are whole or not there: how rara writes everything that it keeps.

A file is written under a temporary name in the folder where it belongs, flushed to the
disk, and only then renamed. A reader, whenever the machine stops, sees the old file
or the new one. Used by the graph cache, the vector cache and the feature folders.
"""

from __future__ import annotations

import errno
import os
import shutil
import struct
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rara.errors import RaraError, UnwritableError
from rara.storage.plain_files import open_plain

TEMPORARY = ".writing-"
"""How the names of files begin that are not finished."""

Writer = Callable[[BinaryIO], object]
"""Writes one file's bytes to an open file."""

ELSEWHERE = "choose another folder"
"""What to do where nothing better is known."""

_DAMAGED = (
    OSError, EOFError, ValueError, TypeError, KeyError, RuntimeError, SyntaxError, MemoryError,
    struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip
"""What zipfile and numpy raise for bytes that they do not understand."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_SCHEMES = frozenset(
    f"{scheme}:"
    for scheme in ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "http", "https", "hf", "file")
)


def write_file(
    path: Path, write: Writer, *, remedy: str = ELSEWHERE, name: str = TEMPORARY
) -> None:
    """Make or replace `path`, and its folder where need be; once done it survives a power cut.

    `name`: how its name begins until then.
    """
    with unwritable_explained(path.parent, remedy=remedy):
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_aside(path.parent, write, name) as aside:
            aside.replace(path)
        sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """The same with a text, as UTF-8."""
    write_file(path, lambda file: file.write(text.encode()))


def keep_arrays(place: Path, **arrays: NDArray[Any]) -> None:
    """Keep what can be computed again, so that the next run need not; silent where it cannot."""
    named: Any = arrays
    with suppress(UnwritableError):
        write_file(place, lambda file: np.savez(file, **named))


def kept_arrays(place: Path) -> dict[str, NDArray[Any]] | None:
    """What `keep_arrays` kept; None where it is missing or damaged (zip members have checksums)."""
    try:
        with open_plain(place) as file, np.load(file, allow_pickle=False) as archive:
            return dict(archive)
    except _DAMAGED:
        return None


@contextmanager
def write_aside(folder: Path, write: Writer, name: str = TEMPORARY) -> Iterator[Path]:
    """A finished file under a temporary name, for the caller to rename; what stays is removed."""
    aside = folder / f"{name}{uuid.uuid4().hex}"
    try:
        with aside.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        yield aside
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the system has such a thing."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def unwritable_explained(folder: Path, *, remedy: str = ELSEWHERE) -> Iterator[None]:
    """Turn the system's refusals to write into an `UnwritableError` with a way out."""
    refuse_scheme(folder)
    try:
        yield
    except RaraError:
        raise
    except OSError as error:
        raise UnwritableError(_explanation(error, folder, remedy)) from error


def refuse_scheme(path: Path) -> None:
    """Raise UnwritableError for what was written as `s3://…`: it would be a local folder `s3:`."""
    first = path.parts[0] if path.parts else ""
    if first.lower() in _SCHEMES and not path.exists() and not Path(first).exists():
        raise UnwritableError(
            f"'{path}' is no place on this machine, and rara writes to no other: give a local "
            f"path, and copy the result to {first}// afterwards."
        )


def _explanation(error: OSError, folder: Path, remedy: str) -> str:
    if error.errno in _NO_ROOM:
        return f"No room left in '{folder}'{_free(folder)}: free some space, or {remedy}."
    what = error.strerror or str(error)
    return f"Cannot write to '{folder}' ({what[:1].lower() + what[1:]}): {remedy}."


def _free(folder: Path) -> str:
    with suppress(OSError):
        return f" ({shutil.disk_usage(folder).free / 1e6:.1f} MB free)"
    return ""
