"""Local copies in the cache of what is read as a whole: archives, arrays, tables, rara's folders.

entries --copies_of--> a local folder with the same names; a place --stored_copy--> a local path

A copy has its place and version in its path, so a changed file is copied anew. A copy that was
cut goes on where it was, and has its name only once it has its length. Folders that rara wrote
are verified by their own manifest.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from rara.errors import DamagedStoreError, ImageError, SourceError
from rara.sources.limits import SIDECAR
from rara.sources.names import ARCHIVE_SUFFIXES, ARRAY_SUFFIXES, IMAGE_SUFFIXES, has_suffix
from rara.sources.remote.filesystem import AccessError, Entry, Remote, check_length, tried
from rara.sources.remote.listing import is_safe, listing_of
from rara.sources.schemes import split_remote_key
from rara.storage.atomic import unwritable_explained
from rara.storage.cache import cache_folder
from rara.storage.folder import read_folder
from rara.storage.locks import locked
from rara.storage.manifest import MANIFEST, raw_manifest

_PIECE = 8 << 20
_WAIT = 3600.0


def copies_of(remote: Remote, entries: Mapping[str, Entry]) -> Path:
    """A local folder that holds these files under their names relative to the place.

    Raises SourceError where a file cannot be read or was cut, UnwritableError where the cache
    cannot be written.
    """
    known = [f"{name}\n{entry.version or uuid.uuid4()}" for name, entry in entries.items()]
    folder = cache_folder() / "remote" / _short(remote.place) / _short(*known)
    data = folder / (remote.place.rpartition("/")[2] or "copy")
    otherwise = f"Another run copies '{remote.place}' for an hour by now: wait for it to end."
    with unwritable_explained(folder, remedy="move the cache with RARA_CACHE"):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock", wait=_WAIT, otherwise=otherwise):
            for name, entry in entries.items():
                _copy(remote, entry, _inside(data, name), folder / f".part-{_short(name)}")
    return data


def stored_copy(place: str) -> str | None:
    """A local copy of a folder that rara wrote, or of a file of arrays; None for anything else.

    A key behind `#` stays behind the copy.
    """
    inner, key = split_remote_key(place)
    name = inner.partition("?")[0]
    if has_suffix(name, ARRAY_SUFFIXES):
        remote = Remote.at(inner)
        if (entry := remote.entry()) is None:
            return None
        copy = str(file_copy(remote, entry))
        return copy if key is None else f"{copy}#{key}"
    if has_suffix(name, (*ARCHIVE_SUFFIXES, *IMAGE_SUFFIXES)) or "*" in name or "{" in name:
        return None
    remote = Remote.at(inner)
    if not is_raras(remote):
        return None
    return str(_verified(remote))


def file_copy(remote: Remote, entry: Entry) -> Path:
    """A local copy of the file at a place, under its own name."""
    name = remote.place.rpartition("/")[2]
    return copies_of(remote, {name: entry}) / name


def is_raras(remote: Remote) -> bool:
    """Whether rara wrote the folder at a place."""
    manifest = remote.below(MANIFEST)
    if (entry := manifest.entry()) is None:
        return False
    try:
        text = manifest.read(entry, SIDECAR)
    except ImageError as error:
        raise SourceError(f"'{manifest.place}' {error}. Run the command again.") from None
    with suppress(DamagedStoreError):
        return "kind" in raw_manifest(Path(remote.place), text)
    return False


def _verified(remote: Remote) -> Path:
    """A copy of a folder of rara's. Raises DamagedStoreError where it is not as it was written."""
    folder = copies_of(remote, listing_of(remote).visible)
    try:
        read_folder(folder)
    except DamagedStoreError as error:
        shutil.rmtree(folder, ignore_errors=True)
        said = str(error).replace(str(folder), remote.place)
        raise DamagedStoreError(said) from None
    return folder


def _copy(remote: Remote, entry: Entry, target: Path, part: Path) -> None:
    if target.is_file() and entry.size in {None, target.stat().st_size}:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    whole = entry.size is None or not entry.ranges
    try:
        if whole:
            tried(partial(_stream_into, remote, entry, part))
        else:
            _pieces_into(remote, entry, part)
    except AccessError as error:
        raise remote.error(error) from None
    part.replace(target)


def _stream_into(remote: Remote, entry: Entry, part: Path) -> None:
    """From its start, as a server without ranges gives it."""
    with part.open("wb") as file, remote.stream(entry) as stream:
        while piece := stream.read(_PIECE):
            file.write(piece)
        check_length(file.tell(), entry)
        _flush(file)


def _pieces_into(remote: Remote, entry: Entry, part: Path) -> None:
    """Piece by piece, behind what an earlier run has."""
    size = entry.size or 0
    with part.open("ab") as file:
        start = file.tell()
        if start > size:
            file.truncate(start := 0)
        while start < size:
            piece = remote.piece(entry, start, min(start + _PIECE, size))
            file.write(piece)
            start += len(piece)
        _flush(file)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _inside(folder: Path, name: str) -> Path:
    if not is_safe(name):
        raise SourceError(f"{name!r} leads out of its folder and is not copied.")
    return folder / name


def _short(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:24]
