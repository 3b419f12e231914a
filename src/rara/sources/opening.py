"""What a place is, and the source that it stands for: `open_source` puts all others together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from rara.arguments import path_of
from rara.errors import EmptySourceError, ParameterError, UnknownSourceError
from rara.run import MetadataUse
from rara.sources.archives.tars import open_tar
from rara.sources.archives.zips import ZipFiles
from rara.sources.arrays.in_memory import from_iterable
from rara.sources.arrays.numpy_files import open_arrays
from rara.sources.base import Source
from rara.sources.files import FileSource, other_remarks
from rara.sources.first_bytes import may_be_image, starts_like_image
from rara.sources.folder import FolderFiles, read_head
from rara.sources.joined import JoinedSource, RemarkedSource
from rara.sources.layouts.hidden import hidden_remarks
from rara.sources.layouts.splits import split_remarks
from rara.sources.names import (
    ARCHIVE_SUFFIXES,
    ARRAY_SUFFIXES,
    IMAGE_SUFFIXES,
    TABLE_SUFFIXES,
    TAR_SUFFIXES,
    has_suffix,
    printable,
    shown,
    unescaped,
    unique,
)
from rara.sources.paths import (
    above_folder,
    beside_files,
    expand,
    in_system_folder,
    is_pattern,
    name_remarks,
    not_found,
    sidecars_beside,
    split_key,
    with_key,
)
from rara.sources.schemes import is_remote, local_path
from rara.sources.tables.saved_datasets import saved_tables
from rara.sources.unreadable_formats import remedy_below, remedy_for
from rara.storage.folder import kind_of

_KNOWN = (
    "rara reads a folder, an image file, a .zip, a .tar (also .gz, .bz2, .xz, .zst), .npz, .npy, "
    ".parquet, .arrow, a pattern such as 'shards/*.tar', and in Python a list of paths or anything "
    "that yields arrays, PIL images, encoded bytes or rows of a data set"
)


@dataclass(frozen=True, slots=True)
class _How:
    """How places are opened."""

    metadata: MetadataUse
    key: str | None
    """The array of an .npz or the column of a table that holds the images."""


def open_source(
    spec: str | os.PathLike[str] | Iterable[Any],
    *,
    array: str | None = None,
    image_column: str | None = None,
    metadata: MetadataUse = "read",
) -> Source:
    """The source that a path, a pattern, a list of paths or an iterable of images stands for.

    `array` names the array of images in an .npz, `image_column` the column of a table or the key
    of rows; by default they are found by their usual names. `path#name` says the same in a path.

    `metadata="ignore"` reads images alone, and no table or small file that describes them.

    Raises `ParameterError` where both are given, `SourceNotFoundError`, `UnknownSourceError`,
    `EmptySourceError` or `DamagedArchiveError`, each with one sentence that says what to do.

    >>> open_source({"cat": b"...", "dog": b"..."}).count()
    2
    """
    if array is not None and image_column is not None:
        raise ParameterError("Give array= for an .npz or image_column= for a table, not both.")
    if metadata not in get_args(MetadataUse):
        raise ParameterError(f"metadata={metadata!r}: give 'read' or 'ignore'.")
    how = _How(metadata, image_column if array is None else array)
    if isinstance(spec, (str, os.PathLike)):
        return _from_text(os.fspath(spec), how)
    if isinstance(spec, Source):
        return spec
    if isinstance(spec, Sequence) and spec and all(isinstance(s, (str, os.PathLike)) for s in spec):
        return _from_list([os.fspath(path) for path in spec], how)
    return from_iterable(spec, how.key)


def _from_text(text: str, how: _How) -> Source:
    if "://" in text and is_remote(text):
        return _from_remote([text], how)
    if not text.strip() or "://" in text:
        raise UnknownSourceError(f"{text!r} is no place on this machine. {_KNOWN}.")
    text = text if os.path.lexists(text) else unescaped(text)
    expanded = os.path.expanduser(text)  # noqa: PTH111 (a Path would lose a slash at the end)
    path = Path(expanded)
    if os.path.lexists(path):
        _check_plain(expanded, path)
        return _remarked(_open_path(path, how), name_remarks(expanded, path))
    place, inner = split_key(expanded)
    if inner is not None:
        return _from_text(place, _How(how.metadata, inner))
    if is_pattern(expanded):
        return _from_pattern(expanded, how)
    parts = text.split(os.pathsep)
    if len(parts) > 1 and all(Path(part).exists() for part in parts):
        return _from_list(parts, how)
    path_of(text, "The place")
    raise not_found(text)


def _from_remote(places: Sequence[str], how: _How) -> Source:
    """Places with a scheme; `file://` is the path behind it."""
    local = [local_path(place) for place in places]
    if all(path is not None for path in local):
        paths = [path for path in local if path is not None]
        return _from_text(paths[0], how) if len(paths) == 1 else _from_list(paths, how)
    if not all(map(is_remote, places)) or any(path is not None for path in local):
        raise UnknownSourceError(
            "A list has paths of this machine and other places: give one kind at a time."
        )
    from rara.sources.remote.opening import open_remote  # it is for remote places alone

    def open_local(paths: Sequence[Path], key: str | None) -> Source:
        inner = _How(how.metadata, key)
        if len(paths) == 1:
            return _open_path(paths[0], inner)
        return _from_paths(paths, inner, location=str(_common_folder(paths)))

    return open_remote(places, how.key, how.metadata, open_local)


def _from_pattern(pattern: str, how: _How) -> Source:
    """What a pattern matches, each once, without files of the system."""
    matched = expand(pattern)
    paths = list(dict.fromkeys(matched))
    kept = [path for path in paths if not in_system_folder(path, pattern)] or paths
    notes = []
    if again := len(matched) - len(paths):
        notes.append(f"{again:,} of {len(matched):,} matches repeat a path: each is read once.")
    if hidden := len(paths) - len(kept):
        notes.append(f"{hidden:,} matches in folders of the system were left out, such as @eaDir.")
    source = _from_paths(kept, how, location=str(Path(pattern).absolute()))
    return _remarked(source, notes)


def _from_list(texts: Sequence[str], how: _How) -> Source:
    if any("://" in text and is_remote(text) for text in texts):
        return _from_remote(texts, how)
    paths = [Path(text).expanduser() for text in texts]
    for text, path in zip(texts, paths, strict=True):
        if not path.exists():
            raise not_found(text)
    location = os.pathsep.join(str(path.absolute()) for path in paths)
    if all(_any_ends(paths, suffixes) for suffixes in (IMAGE_SUFFIXES, ARCHIVE_SUFFIXES)):
        return _joined(paths, how, root=_common_folder(paths), location=location)
    return _from_paths(paths, how, location=location)


def _check_plain(text: str, path: Path) -> None:
    """Refuse a file that is written like a folder."""
    if text.endswith(("/", os.sep)) and not path.is_dir():
        raise UnknownSourceError(
            f"{text!r} ends with a slash like a folder, but is a file. "
            f"Write {shown(path)} to read it."
        )


# -- paths ------------------------------------------------------------------------------


def _open_path(path: Path, how: _How) -> Source:
    if path.is_dir():
        return _open_folder(path, how)
    name = path.name
    if not path.is_file():
        raise UnknownSourceError(f"{shown(path)} is neither a file nor a folder. {_KNOWN}.")
    if has_suffix(name, ARRAY_SUFFIXES):
        return open_arrays(path, how.key)
    if has_suffix(name, TABLE_SUFFIXES):
        return _tables([path], how, location=str(path.absolute()))
    _refuse_key(path, how.key)
    if has_suffix(name, IMAGE_SUFFIXES):
        return _loose_files([path], how.metadata, location=str(path.absolute()))
    if has_suffix(name, (".zip",)):
        return FileSource(ZipFiles(path), metadata=how.metadata)
    if has_suffix(name, TAR_SUFFIXES):
        return FileSource(open_tar(path), metadata=how.metadata)
    if may_be_image(name) and starts_like_image(read_head(path)):
        return _loose_files([path], how.metadata, location=str(path.absolute()))
    if remedy := remedy_for(path):
        raise UnknownSourceError(f"{shown(path)} {remedy}")
    raise UnknownSourceError(f"{shown(path)} is of no kind that rara reads. {_KNOWN}.")


def _open_folder(path: Path, how: _How) -> Source:
    if (saved := saved_tables(path)) is not None:
        return _tables(saved, how, location=str(path.absolute()))
    files = FolderFiles(path, remarks=above_folder(path))
    if kind_of(path) is not None:
        _refuse_features(path)
    tars = [path / name for name in files.stored if has_suffix(name, TAR_SUFFIXES)]
    tables = [path / name for name in files.stored if has_suffix(name, TABLE_SUFFIXES)]
    if _has_images(files) or not (tars or tables):
        _refuse_key(path, how.key)
        return _images_below(path, files, how)
    if tars and tables:
        raise UnknownSourceError(
            f"{shown(path)} holds no images, but {len(tars)} tars and {len(tables)} Parquet files. "
            f"Say which to read, such as {shown(path / '*.tar')}."
        )
    beside = [n for n in files.names if not has_suffix(n, (*TAR_SUFFIXES, *TABLE_SUFFIXES))]
    notes = [*files.remarks, *hidden_remarks(files.hidden), *other_remarks(beside)]
    if tables:
        return _remarked(_tables(tables, how, location=files.location), notes)
    return _remarked(_joined(tars, how, root=path, location=files.location), notes)


def _images_below(path: Path, files: FolderFiles, how: _How) -> Source:
    try:
        return FileSource(files, metadata=how.metadata)
    except EmptySourceError as error:
        if remedy := remedy_below(path, files.stored):
            raise EmptySourceError(f"No images under {shown(path)}: {remedy}") from error
        raise


def _refuse_key(path: Path, key: str | None) -> None:
    if key is not None:
        raise UnknownSourceError(
            f"{key!r} would name an array of an .npz or a column of a table, and {shown(path)} is "
            "neither. Remove it."
        )


def holds_tables(text: str) -> bool:
    """Whether a place, by its name or by what is in the folder, is read as tables."""
    if has_suffix(text, TABLE_SUFFIXES):
        return True
    path = Path(text).expanduser()
    if not path.is_dir() or kind_of(path) is not None:
        return False
    files = FolderFiles(path)
    return not _has_images(files) and any(has_suffix(n, TABLE_SUFFIXES) for n in files.stored)


def refuse_mixed(folder: Path) -> None:
    """Refuse a folder that rara wrote if it holds images as well: which are meant?"""
    if _has_images(FolderFiles(folder)):
        raise UnknownSourceError(
            f"{shown(folder)} is both: it holds images, and features that rara saved. "
            "Move one of the two into a folder of its own."
        )


def _has_images(files: FolderFiles) -> bool:
    return any(has_suffix(name, IMAGE_SUFFIXES) for name in files.names)


def _refuse_features(folder: Path) -> None:
    """Refuse a folder that rara wrote: what is in its Parquet file is no images."""
    refuse_mixed(folder)
    raise UnknownSourceError(
        f"{shown(folder)} holds features that rara saved, not images. Give the folder with the "
        "images that they were made from."
    )


def _from_paths(paths: Sequence[Path], how: _How, *, location: str) -> Source:
    """Images as if they lay in one folder, tables as one table, anything else one by one."""
    files = all(path.is_file() or _is_lost_image(path) for path in paths)
    if files and _any_ends(paths, IMAGE_SUFFIXES):
        _refuse_key(paths[0], how.key)
        return _loose_files(paths, how.metadata, location=location)
    if files and all(has_suffix(path.name, TABLE_SUFFIXES) for path in paths):
        return _tables(paths, how, location=location)
    return _joined(paths, how, root=_common_folder(paths), location=location)


def _any_ends(paths: Sequence[Path], suffixes: tuple[str, ...]) -> bool:
    return any(has_suffix(path.name, suffixes) for path in paths)


def _is_lost_image(path: Path) -> bool:
    """Whether this is called like an image, but cannot be read: it is skipped with its reason."""
    return has_suffix(path.name, IMAGE_SUFFIXES) and not path.is_dir()


def _loose_files(paths: Sequence[Path], metadata: MetadataUse, *, location: str) -> Source:
    """Image files as if they lay in one folder; one that is given twice is read twice."""
    root = _common_folder(paths)
    stored = [_below(root, path) for path in paths]
    if metadata == "read":
        images = set(paths)
        stored += [_below(root, path) for path in sidecars_beside(paths) if path not in images]
    files = FolderFiles(root, stored=stored, location=location, remarks=beside_files(paths))
    return FileSource(files, metadata=metadata)


def _tables(paths: Sequence[Path], how: _How, *, location: str) -> Source:
    from rara.sources.tables.table_source import TableSource  # pyarrow is slow to import

    root = _common_folder(paths)
    names = list(unique(printable(_below(root, path)) for path in paths))
    source = TableSource(
        dict(zip(names, paths, strict=True)),
        location=with_key(location, how.key),
        column=how.key,
    )
    return _remarked(source, split_remarks(paths, root, source.rows_by_file))


def _joined(paths: Sequence[Path], how: _How, *, root: Path, location: str) -> Source:
    names = list(unique(printable(_below(root, path)) for path in paths))
    parts = [_open_path(path, how) for path in paths]
    counts = {path: part.count() for path, part in zip(paths, parts, strict=True)}
    notes = split_remarks(paths, root, counts)
    source = JoinedSource(with_key(location, how.key), dict(zip(names, parts, strict=True)))
    return _remarked(source, notes)


def _remarked(source: Source, notes: Sequence[str]) -> Source:
    return RemarkedSource(source, tuple(notes)) if notes else source


def _common_folder(paths: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([path.absolute().parent for path in paths]))


def _below(root: Path, path: Path) -> str:
    return path.absolute().relative_to(root.absolute()).as_posix()
