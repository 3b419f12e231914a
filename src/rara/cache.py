"""Where rara keeps what can be made again: models, vectors, radii, machine code.

The one folder outside the paths a user names that rara writes to. `RARA_CACHE` moves it;
deleting it costs time, never results.
"""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder in force; not created until something is written to it."""
    chosen = os.environ.get("RARA_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("rara", appauthor=False))
