"""Machine code for the inner loops, compiled once and kept in rara's cache folder.

Compilation keeps IEEE semantics unless a loop says otherwise: no fast-math, no contraction
to fused multiply-adds, so that a loop gives the same bits on every machine.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from rara.errors import ParameterError
from rara.storage.cache import cache_folder
from rara.storage.compiled_cache import Kept, own_folder

Loop = TypeVar("Loop", bound=Callable[..., Any])

_SOURCES = ("geometry", "retrieval", "stats", "storage")
"""The packages that have loops, and this one, which says how they are compiled."""


def compiled(loop: Loop) -> Loop:
    """`numba.njit` without the interpreter lock, its code cached where rara may write."""
    return _compile(loop, fastmath=False)


def compiled_freely(loop: Loop) -> Loop:
    """`compiled` for finite numbers that may be summed in any order, so that sums vectorise."""
    return _compile(loop, fastmath={"reassoc", "nnan", "ninf", "nsz", "contract"})


def why_not_kept() -> str:
    """Why compiled loops are not kept between runs, in a few words; empty where they are."""
    return _code_folder()[1]


def _compile(loop: Loop, *, fastmath: bool | set[str]) -> Loop:
    made: Any = numba.njit(nogil=True, fastmath=fastmath)(loop)
    folder, _ = _code_folder()
    if folder is not None:
        made._cache = Kept(loop, folder)
    return cast("Loop", made)


@cache
def _code_folder() -> tuple[Path | None, str]:
    """A folder for these very sources and this user, or None and the reason where there is none.

    Wheels have constant time stamps and loops call loops of other files, so the key is made of all
    sources. Loops that check their indices (`NUMBA_BOUNDSCHECK=1`) are kept apart from those that
    do not. `NUMBA_CACHE_DIR` moves it, as it does for all that numba keeps.
    """
    config: Any = numba.config
    digest, root = (
        hashlib.sha256(b"checked" if config.BOUNDSCHECK else b""),
        Path(__file__).parents[1],
    )
    for package in _SOURCES:
        for source in sorted((root / package).glob("*.py")):
            digest.update(source.read_bytes())
    user = f"-{os.geteuid()}" if os.name == "posix" else ""
    with suppress(
        ParameterError
    ):  # reported where the cache is needed, not where loops are imported
        place = Path(config.CACHE_DIR or cache_folder() / "code")
        return own_folder(place / f"{digest.hexdigest()[:16]}{user}")
    return None, "RARA_CACHE names no folder"
