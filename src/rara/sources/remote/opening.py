"""The source that a remote place stands for: the same kinds as of a local path.

place --open_remote--> images read one by one, or what a local copy holds

Images of a folder are read where they are. Archives, arrays and tables are copied to the cache
first, and the copies are opened as local files are.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote

from rara.errors import SourceError, SourceNotFoundError, UnknownSourceError
from rara.run import MetadataUse
from rara.sources.base import Source
from rara.sources.files import FileSource, other_remarks
from rara.sources.first_bytes import HEAD, may_be_image, starts_like_image
from rara.sources.joined import RemarkedSource
from rara.sources.layouts.hidden import hidden_remarks
from rara.sources.names import (
    ARCHIVE_SUFFIXES,
    ARRAY_SUFFIXES,
    IMAGE_SUFFIXES,
    TABLE_SUFFIXES,
    TAR_SUFFIXES,
    has_suffix,
    natural_order,
)
from rara.sources.paths import alternatives
from rara.sources.remote.copies import copies_of, is_raras
from rara.sources.remote.files import THREADS, RemoteFiles
from rara.sources.remote.filesystem import AccessError, Entry, Remote, tried
from rara.sources.remote.listing import Listing, listing_of
from rara.sources.schemes import shown_place, split_remote_key
from rara.text import plain

OpenLocal: TypeAlias = Callable[[Sequence[Path], str | None], Source]
"""Opens local paths, with the array or column that is meant."""


@dataclass(frozen=True, slots=True)
class CopiedSource(RemarkedSource):
    """A source that reads a local copy, under the place that was copied."""

    place: str

    @property
    def location(self) -> str:
        """The place, not the copy."""
        return self.place


@dataclass(frozen=True, slots=True)
class _How:
    metadata: MetadataUse
    key: str | None
    open_local: OpenLocal


def open_remote(
    places: Sequence[str], key: str | None, metadata: MetadataUse, open_local: OpenLocal
) -> Source:
    """The source of one place or of a list of files.

    Raises MissingPackageError where a filesystem is not installed, and the errors of
    `open_source`.
    """
    if len(places) > 1:
        return _of_list(places, _How(metadata, key, open_local))
    inner, own = split_remote_key(places[0])
    how = _How(metadata, own or key, open_local)
    remote = Remote.at(inner)
    entry = None if inner.endswith("/") else remote.entry()
    if entry is not None:
        return _of_files(_parent(remote), {_name(remote): entry}, how, remote.place, ())
    texts = _alternatives(remote)
    if texts != [remote.path] or (not remote.web and glob.has_magic(remote.path)):
        return _of_pattern(remote, texts, how)
    return _of_folder(remote, how)


def _of_folder(remote: Remote, how: _How) -> Source:
    listing = listing_of(remote)
    if not listing.visible and not listing.hidden:
        raise SourceNotFoundError(
            f"Nothing is at '{remote.place}': no object and no folder of that name. Check bucket, "
            "folder and credentials."
        )
    if "manifest.json" in listing.visible and is_raras(remote):
        raise UnknownSourceError(
            f"'{remote.place}' holds features that rara saved, not images. Give the folder with "
            "the images that they were made from."
        )
    names = list(listing.visible)
    tars = [name for name in names if has_suffix(name, TAR_SUFFIXES)]
    tables = [name for name in names if has_suffix(name, TABLE_SUFFIXES)]
    if any(has_suffix(name, IMAGE_SUFFIXES) for name in names) or not (tars or tables):
        _refuse_key(remote.place, how.key)
        return FileSource(RemoteFiles(remote, listing), metadata=how.metadata)
    if tars and tables:
        raise UnknownSourceError(
            f"'{remote.place}' holds no images, but {len(tars)} tars and {len(tables)} Parquet "
            f"files. Say which to read, such as '{remote.place}/*.tar'."
        )
    beside = [name for name in names if not has_suffix(name, (*TAR_SUFFIXES, *TABLE_SUFFIXES))]
    notes = (*listing.remarks, *hidden_remarks(listing.hidden), *other_remarks(beside))
    wanted = {name: listing.visible[name] for name in tars or tables}
    folder = copies_of(remote, wanted)
    return _copied([folder], how, remote, notes, folder)


def _of_pattern(remote: Remote, texts: Sequence[str], how: _How) -> Source:
    """What braces name must be there, and every wildcard must match a file."""
    found: dict[str, Entry] = {}
    for text in texts:
        one = replace(remote, path=text)
        if remote.web or not glob.has_magic(text):
            if (entry := one.entry()) is None:
                raise SourceNotFoundError(
                    f"'{remote.place}' names '{plain(_last(text))}', which is not there."
                )
            found[text] = entry
            continue
        matched = _globbed(one)
        if not matched:
            raise SourceNotFoundError(f"No file matches '{remote.place}'.")
        found |= {path: matched[path] for path in natural_order(matched)}
    return _of_paths(remote, found, how, remote.place)


def _globbed(remote: Remote) -> dict[str, Entry]:
    try:
        infos = tried(partial(remote.fs.glob, remote.path, detail=True))
    except AccessError as error:
        raise remote.error(error) from None
    return {
        path: remote.described(path, info)
        for path, info in infos.items()
        if info.get("type") != "directory"
    }


def _of_list(places: Sequence[str], how: _How) -> Source:
    """Files of one filesystem, each by its place."""
    remotes = [Remote.at(place) for place in places]
    if any(remote.fs is not remotes[0].fs for remote in remotes):
        raise UnknownSourceError("Places of one list must be of one scheme and account.")
    with ThreadPoolExecutor(THREADS) as crew:
        entries = list(crew.map(Remote.entry, remotes))
    for remote, entry in zip(remotes, entries, strict=True):
        if entry is None:
            raise SourceNotFoundError(
                f"No file is at '{remote.place}'. A list of places names files; give a folder "
                "by itself."
            )
    found = {e.path: e for e in entries if e is not None}
    if len(found) < len(places):
        raise UnknownSourceError("A place is given twice in the list: give it once.")
    location = " ".join(remote.place for remote in remotes)
    return _of_paths(remotes[0], found, how, location)


def _of_paths(remote: Remote, found: Mapping[str, Entry], how: _How, location: str) -> Source:
    folders = [path.split("/")[:-1] for path in found]
    shared = folders[0]
    for parts in folders:
        same = [one == other for one, other in zip(shared, parts, strict=False)]
        shared = shared[: same.index(False) if False in same else len(same)]
    path = "/".join(shared)
    shown = path if "://" in path else f"{remote.place.partition('://')[0]}://{path.lstrip('/')}"
    root = replace(remote, path=path, place=shown_place(shown))
    names = [one.removeprefix(f"{path}/") for one in found]
    if remote.web:
        names = [unquote(name.partition("?")[0]) for name in names]
    return _of_files(root, dict(zip(names, found.values(), strict=True)), how, location, ())


def _of_files(
    root: Remote, files: Mapping[str, Entry], how: _How, location: str, notes: tuple[str, ...]
) -> Source:
    """Images as they are; anything else from a copy."""
    if all(_is_image(root, name, entry) for name, entry in files.items()):
        _refuse_key(location, how.key)
        listing = Listing(dict(files), [], (*notes, _ALONE))
        return FileSource(RemoteFiles(root, listing, location=location), metadata=how.metadata)
    if other := [name for name in files if not has_suffix(name, ARCHIVE_SUFFIXES)]:
        raise UnknownSourceError(
            f"'{root.place}/{other[0]}' is of no kind that rara reads, or an image among archives. "
            "It reads a folder, images, .zip, .tar (also .gz, .bz2, .xz, .zst), .npz, .npy, "
            ".parquet and .arrow."
        )
    keyed = (*ARRAY_SUFFIXES, *TABLE_SUFFIXES)
    if not all(has_suffix(name, keyed) for name in files):
        _refuse_key(location, how.key)
    folder = copies_of(root, files)
    at = replace(root, place=location)
    return _copied([folder / name for name in files], how, at, notes, folder)


_ALONE = "Small files beside images that are named by themselves are not read from remote places."


def _is_image(root: Remote, name: str, entry: Entry) -> bool:
    if has_suffix(name, IMAGE_SUFFIXES):
        return True
    try:
        return may_be_image(name) and starts_like_image(root.head(entry, HEAD))
    except AccessError as error:
        raise root.error(error) from None


def _copied(
    paths: Sequence[Path], how: _How, remote: Remote, notes: tuple[str, ...], folder: Path
) -> Source:
    """The source of a copy. What is wrong with it is said of the place."""
    location = remote.place if how.key is None else f"{remote.place}#{how.key}"
    try:
        return CopiedSource(how.open_local(paths, how.key), notes, location)
    except SourceError as error:
        said = str(error).replace(str(folder), remote.place)
        raise type(error)(said) from None


def _refuse_key(place: str, key: str | None) -> None:
    if key is not None:
        raise UnknownSourceError(
            f"{key!r} would name an array of an .npz or a column of a table, and '{place}' is "
            "neither. Remove it."
        )


def _alternatives(remote: Remote) -> list[str]:
    path, mark, query = remote.path.partition("?") if remote.web else (remote.path, "", "")
    return [f"{text}{mark}{query}" for text in alternatives(path)]


def _parent(remote: Remote) -> Remote:
    path, place = (text.rpartition("/")[0] for text in (_bare(remote), remote.place))
    return replace(remote, path=path, place=place)


def _bare(remote: Remote) -> str:
    return remote.path.partition("?")[0] if remote.web else remote.path


def _name(remote: Remote) -> str:
    name = _last(_bare(remote))
    return unquote(name) if remote.web else name


def _last(path: str) -> str:
    return path.partition("?")[0].rpartition("/")[2] if "://" in path else path.rpartition("/")[2]
