"""A folder of files that belong together: replaced as a whole, verified when read.

    folder/
      manifest.json             kind, facts, and the name and sha256 of every file
      vectors-1f3a9c02d4e5.npy  a part; its name carries the beginning of its digest
      items-77b2e60c41aa.parquet

A new version never touches the files of the old one, for its names differ, and replacing
the manifest is the one step from old to new: whenever a run is killed, the folder holds
one of the two. Features are kept like this, and so is a reference, which puts its own
parts beside those of its features.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rara.errors import DamagedStoreError, SourceNotFoundError, UnwritableError
from rara.storage.atomic import (
    TEMPORARY,
    Writer,
    sync_folder,
    unwritable_explained,
    write_aside,
    write_file,
)
from rara.storage.locks import locked
from rara.storage.manifest import (
    MANIFEST,
    again,
    manifest_text,
    part_file,
    raw_manifest,
    sealed_manifest,
    verified_manifest,
)
from rara.storage.plain_files import mapped_array, open_plain

if TYPE_CHECKING:
    import pyarrow as pa

_LOCK = ".lock"
_PART = re.compile(r".+-[0-9a-f]{12}\.(npy|parquet)")
_BLOCK_BYTES = 16 << 20
_MOST_ROWS_A_BYTE = 30
"""Rows with ids of their own take at least a byte; repeats alone would fill the memory."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What is to be written: the kind of folder, JSON-able facts, and files by name."""

    kind: str
    facts: Mapping[str, object]
    files: Mapping[str, Writer]
    """`radii.npy` -> what writes it; the suffix must be .npy or .parquet."""
    spare: frozenset[str] = frozenset()
    """Those that can be made again: where they are damaged, a folder is read without them."""

    def __add__(self, more: Parts) -> Parts:
        """Both in one folder, of this kind."""
        facts, files = {**self.facts, **more.facts}, {**self.files, **more.files}
        return Parts(self.kind, facts, files, self.spare | more.spare)


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """A folder that was read and found undamaged."""

    folder: Path
    kind: str
    facts: Mapping[str, object]
    _names: Mapping[str, str]

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def path(self, name: str) -> Path:
        """Where the part `name` lies. Raises DamagedStoreError where there is no such part."""
        if name not in self._names:
            raise DamagedStoreError(
                f"'{self.folder}' has no {name}: it holds {self.kind}, made of "
                f"{', '.join(self._names)}."
            )
        return self.folder / self._names[name]

    def array(self, name: str, kind: type[np.generic], *shape: int | None) -> NDArray[Any]:
        """The array in the part `name`, memory-mapped and read-only.

        Raises DamagedStoreError unless its numbers are of this kind and its shape is this one,
        where None stands for any length.
        """
        array = mapped_array(self.path(name))
        fits = array.ndim == len(shape) and all(
            wanted in (None, actual) for wanted, actual in zip(shape, array.shape, strict=True)
        )
        if array.dtype != kind or not fits:
            wanted = ", ".join("any" if length is None else str(length) for length in shape)
            raise self.wrong(
                f"{name} is {array.dtype} of shape {array.shape}, not {np.dtype(kind)} of shape "
                f"({wanted})"
            )
        return array

    def table(self, name: str) -> pa.Table:
        """The table in the part `name`. Raises DamagedStoreError where it is none."""
        from pyarrow import ArrowException, parquet

        with open_plain(self.path(name)) as file:
            try:
                parquet_file = parquet.ParquetFile(file)
                rows, size = parquet_file.metadata.num_rows, os.fstat(file.fileno()).st_size
                if rows > _MOST_ROWS_A_BYTE * size:
                    raise self.wrong(f"{name} claims {rows:,} rows in {size:,} bytes")
                table = parquet_file.read()
                table.validate(full=True)
            except (ArrowException, OSError, ValueError, KeyError) as error:
                if isinstance(error, DamagedStoreError):
                    raise
                raise self.wrong(f"{name} is no table: {error}") from None
        return table

    def wrong(self, what: str) -> DamagedStoreError:
        """The error for content that no rara writes."""
        return DamagedStoreError(
            f"'{self.folder}' holds what rara does not write ({what}): {again(self.folder)}."
        )


def array_part(array: NDArray[Any]) -> Writer:
    """Writes an array as .npy, a block at a time: a mapped array never fills the memory."""

    def write(file: BinaryIO) -> None:
        described = np.lib.format.dtype_to_descr(array.dtype)
        header = {"descr": described, "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(file, header)
        rows = max(1, _BLOCK_BYTES // max(1, array[:1].nbytes))
        for start in range(0, len(array), rows):
            file.write(np.ascontiguousarray(array[start : start + rows]).data)

    return write


def table_part(table: pa.Table) -> Writer:
    """Writes a table as Parquet."""

    def write(file: BinaryIO) -> None:
        from pyarrow import parquet

        parquet.write_table(table, file, compression="zstd")

    return write


# -- reading ----------------------------------------------------------------------------


def read_folder(folder: Path) -> StoredFolder:
    """What is in a folder, every byte verified.

    Raises DamagedStoreError, with the file's name, where the folder is half-written, was
    altered or is not rara's, and SourceNotFoundError where there is none.
    """
    text = _manifest_text(folder)
    try:
        return _verified(folder, text)
    except DamagedStoreError:
        if _manifest_text(folder) == text:
            raise
    return read_folder(folder)  # another run has replaced it meanwhile


def kind_of(folder: Path) -> str | None:
    """What kind of rara's folders this is, without verifying it; None where it is none.

    "unfinished" where a first run was killed, "damaged" where parts lie without a manifest.
    """
    with suppress(DamagedStoreError, SourceNotFoundError):
        return str(raw_manifest(folder, _manifest_text(folder)).get("kind", "unfinished"))
    if folder.is_dir() and any(_PART.fullmatch(name) for name in os.listdir(folder)):  # noqa: PTH208
        return "damaged"
    return None


def _manifest_text(folder: Path) -> bytes:
    try:
        return manifest_text(folder)
    except NotADirectoryError:
        raise DamagedStoreError(f"'{folder}' is a file: give a folder that rara wrote.") from None
    except FileNotFoundError:
        if folder.exists():
            raise DamagedStoreError(
                f"'{folder}' has no {MANIFEST}: rara did not write it, or did not finish. "
                "`rara reference build` and `rara embed` make such folders of images."
            ) from None
        raise SourceNotFoundError(f"Nothing is at '{folder}'.") from None


def _verified(folder: Path, text: bytes) -> StoredFolder:
    manifest = verified_manifest(folder, text)
    names = {}
    for name, part in manifest.parts.items():
        try:
            _check(folder, folder / part.file, part.sha256)
        except DamagedStoreError:
            if not part.spare:
                raise
            continue
        names[name] = part.file
    return StoredFolder(folder, manifest.kind, manifest.facts, names)


def _check(folder: Path, path: Path, digest: str) -> None:
    try:
        actual = _sha256(path)
    except FileNotFoundError:
        raise DamagedStoreError(f"'{path}' is missing: {again(folder)}.") from None
    if actual != digest:
        raise DamagedStoreError(
            f"'{path}' is damaged, its digest is not the one in {MANIFEST}: {again(folder)}."
        )


def _sha256(path: Path) -> str:
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- writing ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write to a folder, held until its `claim` ends."""

    folder: Path

    def write(self, parts: Parts) -> None:
        """Replace what the folder holds. Raises UnwritableError and then leaves it as it was."""
        with unwritable_explained(self.folder):
            if not (self.folder / MANIFEST).exists():
                self._commit({})  # tells a half-written folder of ours from a foreign one
            files = {
                name: {**self._place(name, write), "spare": name in parts.spare}
                for name, write in parts.files.items()
            }
            sync_folder(self.folder)
            content = {"kind": parts.kind, "facts": dict(parts.facts), "files": files}
            self._commit(content)
            self._sweep({str(file["file"]) for file in files.values()})

    def _place(self, name: str, write: Writer) -> dict[str, str]:
        with write_aside(self.folder, write) as aside:
            digest = _sha256(aside)
            place = aside.replace(self.folder / part_file(name, digest))
        return {"file": place.name, "sha256": digest}

    def _commit(self, content: Mapping[str, object]) -> None:
        text = sealed_manifest(content)
        write_file(self.folder / MANIFEST, lambda file: file.write(text))

    def _sweep(self, keep: set[str]) -> None:
        """Remove the parts of older versions and what kills have left."""
        for path in self.folder.iterdir():
            ours = _PART.fullmatch(path.name) or path.name.startswith(TEMPORARY)
            if ours and path.name not in keep:
                with suppress(OSError):
                    path.unlink()


@contextmanager
def claim(folder: Path) -> Iterator[Claim]:
    """Take a folder for writing, made where need be; before long work, so that it fails early.

    Raises UnwritableError where something else lies there or the system refuses, and
    LockedStoreError where another run has it.
    """
    _refuse_foreign(folder)
    busy = f"Another run is writing to '{folder}': wait until it ends, or give another folder."
    with ExitStack() as held:
        with unwritable_explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(folder / _LOCK, wait=0, otherwise=busy))
        yield Claim(folder)


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UnwritableError(f"'{folder}' is a file: give a new or empty folder.")
    names = [path.name for path in _entries(folder)]
    others = [name for name in names if name != _LOCK and not name.startswith(TEMPORARY)]
    if others and kind_of(folder) is None:
        raise UnwritableError(
            f"'{folder}' holds files that are not rara's ({', '.join(sorted(others)[:3])}): "
            "give a new or empty folder."
        )


def _entries(folder: Path) -> list[Path]:
    with unwritable_explained(folder):
        return list(folder.iterdir()) if folder.exists() else []
