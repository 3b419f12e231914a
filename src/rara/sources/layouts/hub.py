"""A data set in the cache of Hugging Face's Hub: one revision of it is read.

The cache keeps files in `blobs/` and shows each revision in `snapshots/` by links to
them, so that reading all of it would read each file several times.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from rara.errors import DamagedStoreError
from rara.storage.plain_files import read_plain

_SHOWN = "snapshots/"
_LONGEST_NAME = 1000
"""Bytes: a revision is a hash of 40 characters."""


def one_revision(root: Path, names: Sequence[str]) -> tuple[Sequence[str], str, list[str]]:
    """The files of one revision, the folder that holds them all, and what there is to say.

    Any other folder is left as it is: all files, no such folder, nothing to say.
    """
    remarks: list[str] = []
    kept = ""
    for start, cache in _caches(root, names):
        inside = [name for name in names if name.startswith(start.removesuffix(_SHOWN))]
        shown = [
            name.removeprefix(start).split("/")[0] for name in inside if name.startswith(start)
        ]
        kept = f"{start}{_main(cache, shown)}/"
        others = {name for name in inside if not name.startswith(kept)}
        names = [name for name in names if name not in others]
        files = "other file of it was" if len(others) == 1 else "other files of it were"
        remarks.append(
            f"'{kept}' was read of a cache of Hugging Face's Hub: {len(others):,} {files} not read."
        )
    wrapper = kept if all(name.startswith(kept) for name in names) else ""
    return names, wrapper, remarks


def _caches(root: Path, names: Sequence[str]) -> list[tuple[str, Path]]:
    """Where revisions lie below a folder (`""` if in itself), each with its cache."""
    if names and root.name == _SHOWN.rstrip("/") and _is_cache(root.parent):
        return [("", root.parent)]
    starts = {f"/{name}".partition(f"/{_SHOWN}") for name in names if _SHOWN in name}
    folders = {f"{before[1:]}/".lstrip("/") for before, shown, _ in starts if shown}
    return [(cache + _SHOWN, root / cache) for cache in sorted(folders) if _is_cache(root / cache)]


def _is_cache(folder: Path) -> bool:
    return all((folder / own).is_dir() for own in ("blobs", "refs"))


def _main(cache: Path, shown: Collection[str]) -> str:
    """The revision that the main branch is at; else the last by name."""
    with suppress(OSError, DamagedStoreError, UnicodeDecodeError):
        main = read_plain(cache / "refs" / "main", most=_LONGEST_NAME).decode().strip()
        if main in shown:
            return main
    return max(shown)
