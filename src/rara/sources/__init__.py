"""Where images come from; `open_source` decides what a place is and opens it.

FileSource      a folder, image files, a zip, a tar        files.py folder.py zips.py tars.py
ParquetSource   Parquet files with encoded images          tables.py
ArraySource     .npz, .npy, an array in memory             arrays.py
IterableSource  lists, mappings, data sets, generators     arrays.py
JoinedSource    several of them, such as shards            joined.py
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

from rara.bundle import kind_of
from rara.errors import ParameterError, UnknownSourceError
from rara.sources.arrays import from_iterable, open_arrays
from rara.sources.base import Item, Scalar, Source
from rara.sources.content import may_be_image, starts_like_image
from rara.sources.files import FileSource, MetadataUse, other_remarks
from rara.sources.folder import FolderFiles, read_head
from rara.sources.hidden import hidden_remarks
from rara.sources.joined import JoinedSource, RemarkedSource
from rara.sources.names import (
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
    not_found,
    other_meanings,
    sidecars_beside,
)
from rara.sources.splits import split_remarks
from rara.sources.tars import open_tar
from rara.sources.zips import ZipFiles

__all__ = ["Item", "MetadataUse", "Scalar", "Source", "open_source", "refuse_mixed"]

_KNOWN = (
    "rara reads a folder, an image file, a .zip, a .tar (also .gz, .bz2, .xz, .zst), .npz, .npy, "
    ".parquet, a pattern such as 'shards/*.tar', and in Python a list of paths or anything that "
    "yields arrays, PIL images or encoded bytes"
)


def open_source(
    spec: str | os.PathLike[str] | Iterable[Any], *, metadata: MetadataUse = "read"
) -> Source:
    """The source that a path, a pattern, a list of paths or an iterable of images stands for.

    `metadata="ignore"` reads the images alone, and no table or small file that describes them.
    Raises `SourceNotFoundError`, `UnknownSourceError`, `EmptySourceError` or
    `DamagedArchiveError`, each with one sentence that says what to do.

    >>> open_source({"cat": b"...", "dog": b"..."}).count()
    2
    """
    if metadata not in get_args(MetadataUse):
        raise ParameterError(f"metadata={metadata!r}: give 'read' or 'ignore'.")
    if isinstance(spec, (str, os.PathLike)):
        return _from_text(os.fspath(spec), metadata)
    if isinstance(spec, Source):
        return spec
    if isinstance(spec, Sequence) and spec and all(isinstance(s, (str, os.PathLike)) for s in spec):
        return _from_list([os.fspath(path) for path in spec], metadata)
    return from_iterable(spec)


def _from_text(text: str, metadata: MetadataUse) -> Source:
    if not text.strip() or "://" in text:
        raise UnknownSourceError(f"{text!r} is no place on this machine. {_KNOWN}.")
    text = text if os.path.lexists(text) else unescaped(text)
    expanded = os.path.expanduser(text)  # noqa: PTH111 (a Path would lose a slash at the end)
    path = Path(expanded)
    if os.path.lexists(path):
        _check_plain(expanded, path)
        return _open_path(path, metadata)
    if is_pattern(expanded):
        return _from_pattern(expanded, metadata)
    parts = text.split(os.pathsep)
    if len(parts) > 1 and all(Path(part).exists() for part in parts):
        return _from_list(parts, metadata)
    raise not_found(text)


def _from_pattern(pattern: str, metadata: MetadataUse) -> Source:
    """What a pattern matches, each once, but for what systems keep."""
    matched = expand(pattern)
    paths = list(dict.fromkeys(matched))
    kept = [path for path in paths if not in_system_folder(path, pattern)] or paths
    notes = []
    if again := len(matched) - len(paths):
        notes.append(f"{again:,} of {len(matched):,} matches repeat a path: each is read once.")
    if hidden := len(paths) - len(kept):
        notes.append(f"{hidden:,} matches in folders of the system were left out, such as @eaDir.")
    source = _from_paths(kept, metadata, location=str(Path(pattern).absolute()))
    return _remarked(source, notes)


def _from_list(texts: Sequence[str], metadata: MetadataUse) -> Source:
    paths = [Path(text).expanduser() for text in texts]
    for text, path in zip(texts, paths, strict=True):
        if not path.exists():
            raise not_found(text)
    location = os.pathsep.join(str(path.absolute()) for path in paths)
    return _from_paths(paths, metadata, location=location)


def _check_plain(text: str, path: Path) -> None:
    """Refuse what can be taken in two ways."""
    if text.endswith(("/", os.sep)) and not path.is_dir():
        raise UnknownSourceError(
            f"{text!r} ends with a slash like a folder, but is a file. "
            f"Write {shown(path)} to read it."
        )
    if others := other_meanings(text, path):
        raise UnknownSourceError(
            f"{text!r} is both a name that exists and a pattern that matches {shown(others[0])}. "
            "Rename one of them, or pass a list of paths from Python."
        )


# -- paths ------------------------------------------------------------------------------


def _open_path(path: Path, metadata: MetadataUse) -> Source:
    if path.is_dir():
        return _open_folder(path, metadata)
    name = path.name
    if not path.is_file():
        raise UnknownSourceError(f"{shown(path)} is neither a file nor a folder. {_KNOWN}.")
    if has_suffix(name, IMAGE_SUFFIXES):
        return _loose_files([path], metadata, location=str(path.absolute()))
    if has_suffix(name, (".zip",)):
        return FileSource(ZipFiles(path), metadata=metadata)
    if has_suffix(name, TAR_SUFFIXES):
        return FileSource(open_tar(path), metadata=metadata)
    if has_suffix(name, ARRAY_SUFFIXES):
        return open_arrays(path)
    if has_suffix(name, TABLE_SUFFIXES):
        return _tables([path], location=str(path.absolute()))
    if may_be_image(name) and starts_like_image(read_head(path)):
        return _loose_files([path], metadata, location=str(path.absolute()))
    raise UnknownSourceError(f"{shown(path)} is nothing that rara knows. {_KNOWN}.")


def _open_folder(path: Path, metadata: MetadataUse) -> Source:
    files = FolderFiles(path, remarks=above_folder(path))
    if kind_of(path) is not None:
        _refuse_features(path)
    tars = [path / name for name in files.stored if has_suffix(name, TAR_SUFFIXES)]
    tables = [path / name for name in files.stored if has_suffix(name, TABLE_SUFFIXES)]
    if _has_images(files) or not (tars or tables):
        return FileSource(files, metadata=metadata)
    if tars and tables:
        raise UnknownSourceError(
            f"{shown(path)} holds no images, but {len(tars)} tars and {len(tables)} Parquet files. "
            f"Say which to read, such as {shown(path / '*.tar')}."
        )
    beside = [n for n in files.names if not has_suffix(n, (*TAR_SUFFIXES, *TABLE_SUFFIXES))]
    notes = [*files.remarks, *hidden_remarks(files.hidden), *other_remarks(beside)]
    if tables:
        return _remarked(_tables(tables, location=files.location), notes)
    return _remarked(_joined(tars, metadata, root=path, location=files.location), notes)


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


def _from_paths(paths: Sequence[Path], metadata: MetadataUse, *, location: str) -> Source:
    """Images as if they lay in one folder, tables as one table, anything else one by one."""
    files = all(path.is_file() for path in paths)
    if files and any(has_suffix(path.name, IMAGE_SUFFIXES) for path in paths):
        return _loose_files(paths, metadata, location=location)
    if files and all(has_suffix(path.name, TABLE_SUFFIXES) for path in paths):
        return _tables(paths, location=location)
    return _joined(paths, metadata, root=_common_folder(paths), location=location)


def _loose_files(paths: Sequence[Path], metadata: MetadataUse, *, location: str) -> Source:
    """Image files as if they lay in one folder; one that is given twice is read twice."""
    root = _common_folder(paths)
    stored = [_below(root, path) for path in paths]
    if metadata == "read":
        given = set(paths)
        stored += [_below(root, path) for path in sidecars_beside(paths) if path not in given]
    files = FolderFiles(root, stored=stored, location=location, remarks=beside_files(paths))
    return FileSource(files, metadata=metadata)


def _tables(paths: Sequence[Path], *, location: str) -> Source:
    from rara.sources.tables import ParquetSource, rows_in  # pyarrow is slow to import

    root = _common_folder(paths)
    names = list(unique(printable(_below(root, path)) for path in paths))
    source = ParquetSource(dict(zip(names, paths, strict=True)), location=location)
    return _remarked(source, split_remarks(paths, root, rows_in))


def _joined(paths: Sequence[Path], metadata: MetadataUse, *, root: Path, location: str) -> Source:
    names = list(unique(printable(_below(root, path)) for path in paths))
    parts = [_open_path(path, metadata) for path in paths]
    counts = dict(zip(paths, parts, strict=True))
    notes = split_remarks(paths, root, lambda path: counts[path].count())
    return _remarked(JoinedSource(location, dict(zip(names, parts, strict=True))), notes)


def _remarked(source: Source, notes: Sequence[str]) -> Source:
    return RemarkedSource(source, tuple(notes)) if notes else source


def _common_folder(paths: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([path.absolute().parent for path in paths]))


def _below(root: Path, path: Path) -> str:
    return path.absolute().relative_to(root.absolute()).as_posix()
