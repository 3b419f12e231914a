"""Machine code for the inner loops, compiled once and kept in rara's cache folder.

Compilation keeps IEEE semantics unless a loop says otherwise: no fast-math, no contraction
to fused multiply-adds, so that a loop gives the same bits on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from rara.cache import cache_folder

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(loop: Loop) -> Loop:
    """`numba.njit` without the interpreter lock, its code cached where rara may write."""
    return _compile(loop, fastmath=False)


def compiled_freely(loop: Loop) -> Loop:
    """`compiled` for finite numbers that may be summed in any order, so that sums vectorise."""
    return _compile(loop, fastmath={"reassoc", "nnan", "ninf", "nsz", "contract"})


def _compile(loop: Loop, *, fastmath: bool | set[str]) -> Loop:
    config: Any = numba.config
    before = config.CACHE_DIR
    folder = before or _code_folder()
    config.CACHE_DIR = folder
    try:
        make = numba.njit(nogil=True, cache=bool(folder), fastmath=fastmath)
        return cast("Loop", make(loop))
    finally:
        config.CACHE_DIR = before


@cache
def _code_folder() -> str:
    """A folder for these very sources, or '' where nothing can be written.

    Numba keys code by the time stamp of one file; wheels have constant time
    stamps and loops call loops of other files, so the key is made of all of them.
    """
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    folder = cache_folder() / "code" / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return ""
    return str(folder)
