"""Machine code of compiled loops, kept between runs: used only if it is whole and one's own.

    loop + types --numba--> machine code --Kept--> one file: a digest, then the code

numba keeps code with pickle, and machine code runs: a damaged file would end the process, and a
file that somebody else wrote would do what they like. So each file carries a digest of its name and
content, lies in a folder that nobody else can write to, and belongs to the user who runs rara.
What fails any of that is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import stat
import sys
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.caching import FunctionCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from rara.errors import DamagedStoreError
from rara.storage.plain_files import open_plain

_DIGEST_BYTES = 32
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_rebuilt: Any = CompileResult._rebuild
_pickled: Any = dumps
_index_key: Any = FunctionCache._index_key


class Kept(FunctionCache):
    """What numba asks for the code of one loop, and gives new code to."""

    def __init__(self, loop: Any, folder: Path) -> None:
        self._py_func = loop
        self._folder = folder
        self._enabled = True

    @property
    def cache_path(self) -> str:
        """The folder."""
        return str(self._folder)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code for these types; None where there is none that may be used."""
        target_context.refresh()
        if not self._enabled:
            return None
        content = read_checked(self._place(sig, target_context.codegen()))
        if content is None:
            return None
        return _rebuilt(target_context, *pickle.loads(content))

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep new code, where the disk lets it and it is the same in every run."""
        if self._enabled and not data.lifted and not data.library.has_dynamic_globals:
            write_checked(self._place(sig, data.codegen), _pickled(data._reduce()))

    def flush(self) -> None:
        """Remove the code of this loop."""
        for path in self._folder.glob(f"{self._py_func.__name__}-*.code"):
            path.unlink(missing_ok=True)

    def _place(self, sig: Any, codegen: Any) -> Path:
        """One file for each loop, types of its arguments, processor and compiler."""
        versions = (sys.version, numba.__version__, llvmlite.__version__)
        source = _source_digest(self._py_func.__code__.co_filename)
        loop = (self._py_func.__qualname__, self._py_func.__code__.co_firstlineno)
        key = repr((versions, source, loop, _index_key(self, sig, codegen)))
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        return self._folder / f"{self._py_func.__name__}-{name}.code"


@cache
def _source_digest(path: str) -> str:
    """Of the file with the loop, for not only code but constants too are compiled in."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def read_checked(path: Path) -> bytes | None:
    """What `write_checked` wrote; None where that is missing, damaged or not one's own."""
    try:
        with open_plain(path) as file:
            if not _is_own(os.fstat(file.fileno())):
                return None
            digest, content = file.read(_DIGEST_BYTES), file.read()
    except (OSError, DamagedStoreError):
        return None
    return content if digest == _digest(path, content) else None


def write_checked(path: Path, content: bytes) -> None:
    """Write a file as a whole; silent where that cannot be done, for it can be made again."""
    aside = path.with_name(f".writing-{uuid.uuid4().hex}")
    with suppress(OSError):
        try:
            aside.touch(mode=0o600, exist_ok=False)
            aside.write_bytes(_digest(path, content) + content)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


def own_folder(folder: Path) -> tuple[Path | None, str]:
    """The folder, made where need be, or None and the reason where it is not one's own alone."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except FileExistsError as error:
        return None, f"'{error.filename}' is no folder"
    except OSError as error:
        return None, (error.strerror or str(error)).lower()
    if stat.S_ISDIR(status.st_mode) and _is_own(status):
        return folder, ""
    return None, f"'{folder}' is a link, belongs to another user, or others may write to it"


def _is_own(status: os.stat_result) -> bool:
    if os.name != "posix":
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS


def _digest(path: Path, content: bytes) -> bytes:
    return hashlib.sha256(path.name.encode() + b"\n" + content).digest()
