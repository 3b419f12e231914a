"""Plain files in a folder that somebody else may have made: opened, read and mapped.

A link can lead to any other file, and a pipe or a device never ends. So nothing but a plain file
is opened, and an array is what the file's own length says. Whatever else is there is damage.
"""

from __future__ import annotations

import math
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rara.errors import DamagedStoreError

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe put there in between would be waited for
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_LONGEST_HEADER = 10_000
_UNREADABLE = (ValueError, TypeError, OverflowError, SyntaxError, RecursionError, MemoryError)


def open_plain(path: Path) -> BufferedReader:
    """Open a plain file for reading.

    Raises DamagedStoreError for a link, a folder, a pipe or a device, and where the system
    refuses; FileNotFoundError and NotADirectoryError as the system does.
    """
    try:
        _check_plain(os.lstat(path), path)
        return _opened(path)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DamagedStoreError(f"'{path}' cannot be read: {reason}.") from None


def read_plain(path: Path, *, most: int) -> bytes:
    """All bytes of a plain file; DamagedStoreError as well where it has more than `most`."""
    with open_plain(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise DamagedStoreError(
            f"'{path}' has more than {most:,} bytes: rara did not write it. Move it elsewhere."
        )
    return data


def mapped_array(path: Path) -> NDArray[Any]:
    """The array in a .npy file, memory-mapped and read-only.

    Raises DamagedStoreError for Python objects, and for any header that does not fit the file.
    """
    with open_plain(path) as file:
        try:
            shape, dtype = _header(file)
            return np.memmap(file, dtype, "r", file.tell(), shape)
        except _UNREADABLE as error:
            raise DamagedStoreError(f"'{path}' is no array of rara's: {error}.") from None


def _opened(path: Path) -> BufferedReader:
    file = os.fdopen(os.open(path, _FLAGS), "rb")
    try:
        _check_plain(os.fstat(file.fileno()), path)
    except DamagedStoreError:
        file.close()
        raise
    return file


def _check_plain(status: os.stat_result, path: Path) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    raise DamagedStoreError(
        f"'{path}' is {_kind(status.st_mode)}, not a plain file, and is not opened: put the file "
        "itself there, for example with `cp -rL`."
    )


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a link"
    return "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"


def _header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and kind of number; ValueError where rara writes no such header."""
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("the version of its header is not 1.0")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(
        file, max_header_size=_LONGEST_HEADER
    )
    if dtype.kind not in "fiub" or not dtype.isnative or fortran:
        raise ValueError(f"its numbers are {dtype}{' in columns' * fortran}")
    if min(shape, default=0) < 0:
        raise ValueError(f"its shape is {shape}")
    room = os.fstat(file.fileno()).st_size - file.tell()
    if math.prod(shape) * dtype.itemsize != room:
        raise ValueError(f"its header says {dtype} of shape {shape}, its length does not")
    return tuple(map(int, shape)), dtype
