"""A data set in the cache of Hugging Face's Hub: one revision of it is read.

The cache keeps files in `blobs/` and shows each revision in `snapshots/` by links to
them, so that whoever read all would read every file several times.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

_SHOWN = "snapshots/"


def one_revision(root: Path, names: Sequence[str]) -> tuple[Sequence[str], str, list[str]]:
    """The files of one revision, the folder that holds them all, and what there is to say.

    Any other folder is left as it is: all files, no such folder, nothing to say.
    """
    remarks: list[str] = []
    wrapper = ""
    for cache in _caches(root, names):
        inside = [name for name in names if name.startswith(cache)]
        start = cache + _SHOWN
        shown = [
            name.removeprefix(start).split("/")[0] for name in inside if name.startswith(start)
        ]
        kept = f"{start}{_main(root / cache, shown)}/"
        names = [name for name in names if not name.startswith(cache) or name.startswith(kept)]
        wrapper = wrapper if cache else kept
        left = sum(not name.startswith(kept) for name in inside)
        files = "other file of it was" if left == 1 else "other files of it were"
        remarks.append(
            f"'{kept}' was read of a cache of Hugging Face's Hub: {left:,} {files} not read."
        )
    return names, wrapper, remarks


def _caches(root: Path, names: Sequence[str]) -> list[str]:
    """The folders below that are such a cache, `""` for the root itself."""
    starts = {f"/{name}".partition(f"/{_SHOWN}") for name in names if _SHOWN in name}
    found = {f"{before[1:]}/".lstrip("/") for before, shown, _ in starts if shown}
    return sorted(
        cache for cache in found if all((root / cache / own).is_dir() for own in ("blobs", "refs"))
    )


def _main(cache: Path, shown: Collection[str]) -> str:
    """The revision that the main branch is at; else the last by name."""
    with suppress(OSError, UnicodeDecodeError):
        main = (cache / "refs" / "main").read_text(encoding="utf-8").strip()
        if main in shown:
            return main
    return max(shown)
