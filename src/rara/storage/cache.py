"""Where rara keeps what can be made again: models, vectors, radii, machine code.

The one folder outside the paths a user names that rara writes to. `RARA_CACHE` moves it;
deleting it costs time, never results. Only `marks` cannot be made again: what people marked in the
explorer without naming a file for it.
"""

from __future__ import annotations

import os
from pathlib import Path

from rara.errors import ParameterError


def cache_folder() -> Path:
    """The folder in force; not created until something is written to it.

    A relative one lies in the working folder. Raises ParameterError where RARA_CACHE begins with
    the home folder of a user that there is none of.
    """
    chosen = os.environ.get("RARA_CACHE", "").strip()
    if chosen:
        return _expanded(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("rara", appauthor=False))


def _expanded(chosen: str) -> Path:
    try:
        return Path(chosen).expanduser().absolute()
    except RuntimeError:
        raise ParameterError(
            f"RARA_CACHE = '{chosen}': there is no such user on this machine. Give a folder that "
            "you can write to."
        ) from None
