"""Arrays in .npy and .npz files: which array holds the images, and which the labels.

Nothing is unpickled, and no array of images is loaded whole: stored ones are mapped into
memory, compressed ones are read through. Headers are checked against the bytes of the file.
An array of one vector in each row is not an image source: `vectors_in` reads it.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from rara.errors import DamagedArchiveError, UnknownSourceError
from rara.sources.archives.damage import explained_damage
from rara.sources.archives.zip_layout import ENCRYPTED
from rara.sources.arrays.labels import labels_of
from rara.sources.arrays.stacks import ArraySource, CompressedStack, MappedStack, Stack, check_stack
from rara.sources.names import ARRAY_SUFFIXES, first_few, has_suffix, shown
from rara.sources.paths import with_key

USUAL = ("arr_0", "images", "image", "imgs", "x", "X", "samples", "data", "x_train", "train_images")
"""What arrays of images are usually called in an .npz; the first one of them counts."""

_USUAL_LABELS = ("labels", "label", "y", "Y", "targets", "classes")
_MOST_LABEL = 1 << 16
"""Bytes of one label, or of a one-hot row."""

_LOCAL_HEADER = 30  # bytes before the name in a zip's local header


@dataclass(frozen=True, slots=True)
class _Stored:
    """An array in a file, of which only the header was read."""

    key: str
    """Its name in an .npz; empty in an .npy."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    start: int
    """Where the numbers begin: in the file, or in the member where that is compressed."""
    member: str = ""
    """The compressed member that holds it; empty where it can be mapped."""

    @property
    def stacked(self) -> bool:
        return len(self.shape) in (3, 4)

    @property
    def vectors(self) -> bool:
        """Whether it may hold one vector in each row; FID's `sigma` does not."""
        return len(self.shape) == 2 and self.dtype.kind == "f" and self.key != "sigma"

    @property
    def data(self) -> bool:
        return self.stacked or self.vectors

    def __str__(self) -> str:
        return f"{self.key} {self.shape}"


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors that a file holds."""

    vectors: NDArray[Any]
    labels: list[str]
    """One for each vector, or none at all."""
    location: str
    remarks: list[str]


def open_arrays(path: Path, key: str | None = None) -> ArraySource:
    """The images of an .npy file, or of an .npz: those of the array `key` if it is given."""
    with explained_damage(path):
        arrays = _arrays(path, key)
        images = _images(arrays, path, key)
        check_stack(images.shape, images.dtype, _where(images, path))
        labels, remarks = _labels(arrays, images, path)
    return ArraySource(
        _stack(images, path),
        location=_location(path, key),
        labels=labels,
        remarks=[*_passed_over(arrays, images, key), *remarks],
    )


def holds_vectors(path: Path, key: str | None = None) -> bool:
    """Whether an .npy or .npz holds one vector of floats in each row, and no images."""
    if not has_suffix(path.name, ARRAY_SUFFIXES) or not path.is_file():
        return False
    with explained_damage(path):
        return _vectors(_arrays(path, key), key) is not None


def vectors_in(path: Path, key: str | None = None) -> Vectors:
    """The vectors of such a file; UnknownSourceError where it is none."""
    with explained_damage(path):
        arrays = _arrays(path, key)
        stored = _vectors(arrays, key)
        if stored is None:
            raise UnknownSourceError(f"{shown(path)} holds no array of vectors.")
        vectors = _read(stored, path)
        labels, remarks = _labels(arrays, stored, path)
    used = "{:,} rows of {:,} numbers were used as vectors; no image was read."
    return Vectors(vectors, labels, _location(path, key), [used.format(*stored.shape), *remarks])


# -- which array ------------------------------------------------------------------------


def _images(arrays: Sequence[_Stored], path: Path, key: str | None) -> _Stored:
    """The array that holds the images; UnknownSourceError where that is open."""
    if len(arrays) == 1 or key is not None:
        return _named(arrays, path, key)
    stacked = {stored.key: stored for stored in arrays if stored.stacked}
    usual = [name for name in USUAL if name in stacked]
    if usual or len(stacked) == 1:
        return stacked[(usual or list(stacked))[0]]
    if not stacked:
        raise UnknownSourceError(_no_images(arrays, path))
    raise UnknownSourceError(
        f"{shown(path)} holds several arrays of images: {_listed(stacked.values())}. Choose one "
        f"with --array {next(iter(stacked))}, or write "
        f"{shown(f'{path}#{next(iter(stacked))}')}."
    )


def _named(arrays: Sequence[_Stored], path: Path, key: str | None) -> _Stored:
    """The array of this key, or the only one."""
    if key is None:
        return arrays[0]
    for stored in arrays:
        if stored.key == key:
            return stored
    raise UnknownSourceError(
        f"{shown(path)} has no array {key!r}: it holds {_listed(arrays)}. Give one of these, "
        f"for this file alone as {shown(f'{path}#{arrays[0].key}')}."
    )


def _no_images(arrays: Sequence[_Stored], path: Path) -> str:
    if {"mu", "sigma"} <= {stored.key for stored in arrays}:
        return (
            f"{shown(path)} holds {_listed(arrays)}: statistics for FID, no images. rara compares "
            "image by image: give the images that they were made of."
        )
    return (
        f"{shown(path)} holds {_listed(arrays)}: no stack of images. rara reads images x height "
        "x width, or with 1, 3 or 4 channels; one vector in each row if --array names it."
    )


def _vectors(arrays: Sequence[_Stored], key: str | None) -> _Stored | None:
    """The array of vectors: the one asked for, or the only one in a file without images."""
    if key is not None:
        return next((array for array in arrays if array.key == key and array.vectors), None)
    if any(stored.stacked for stored in arrays):
        return None
    vectors = [stored for stored in arrays if stored.vectors]
    return vectors[0] if len(vectors) == 1 else None


def _passed_over(arrays: Sequence[_Stored], images: _Stored, key: str | None) -> Iterator[str]:
    others = [stored for stored in arrays if stored.stacked and stored is not images]
    if others and key is None:
        yield (f"Array {images.key!r} was read; --array chooses another of {_listed(others)}.")


def _listed(arrays: Iterable[_Stored]) -> str:
    return first_few([str(stored) for stored in arrays])


def _where(stored: _Stored, path: Path) -> str:
    return f"Array {stored.key!r} of {shown(path)}" if stored.key else f"The array in {shown(path)}"


def _location(path: Path, key: str | None) -> str:
    return with_key(str(path.absolute()), key)


# -- labels -----------------------------------------------------------------------------


def _labels(arrays: Sequence[_Stored], images: _Stored, path: Path) -> tuple[list[str], list[str]]:
    """The labels beside some images or vectors, one for each or none, and what to say of them."""
    by_key = {array.key: array for array in arrays if array is not images and not array.stacked}
    alike = [array for array in arrays if array.stacked == images.stacked and array.data]
    names = [*_label_keys(images.key), *(_USUAL_LABELS if len(alike) == 1 else ())]
    stored = next((by_key[name] for name in names if name in by_key), None)
    if stored is None:
        return [], []
    if stored.dtype.hasobject:
        raise UnknownSourceError(
            f"The labels {stored.key!r} in {shown(path)} are Python objects, which rara does not "
            "unpickle. Save them as text, such as labels.astype(str)."
        )
    if stored.shape[:1] != images.shape[:1]:
        count = stored.shape[0] if stored.shape else 1
        raise DamagedArchiveError(
            f"{shown(path)} holds {images.shape[0]} images, but {count} labels in {stored.key!r}. "
            "Give one label for each image, or leave that array out."
        )
    if math.prod(stored.shape[1:]) * stored.dtype.itemsize > _MOST_LABEL:
        return [], [
            f"Array {stored.key!r} of shape {stored.shape} is too large for labels: left out."
        ]
    return labels_of(_read(stored, path), f"Array {stored.key!r}")


def _label_keys(images: str) -> Iterator[str]:
    """What the labels of these images may be called: `val_labels` for `val_images`."""
    if images == "arr_0":
        yield "arr_1"
    for pattern, label in (("images?", "labels"), ("images?", "label"), (r"^[xX](?=_|$)", "y")):
        other = re.sub(pattern, label, images)
        if other != images:
            yield other
    if images in USUAL[:8]:
        yield from _USUAL_LABELS


# -- files ------------------------------------------------------------------------------


def _arrays(path: Path, key: str | None) -> list[_Stored]:
    if not has_suffix(path.name, (".npy",)):
        return _in_npz(path)
    if key is not None:
        raise UnknownSourceError(
            f"{shown(path)} holds one array without a name: remove {key!r}, which names an array "
            "of an .npz."
        )
    with path.open("rb") as file:
        return [_header(file, "", path.stat().st_size, path)]


def _in_npz(path: Path) -> list[_Stored]:
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
        if not members:
            raise UnknownSourceError(f"{shown(path)} holds no array. numpy.savez writes some.")
        return [_member(archive, file, member, path) for member in members]


def _member(
    archive: zipfile.ZipFile, file: IO[bytes], member: zipfile.ZipInfo, path: Path
) -> _Stored:
    key = member.filename.removesuffix(".npy")
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & ENCRYPTED:
        with archive.open(member) as inflated:
            return _header(inflated, key, member.file_size, path, member.filename)
    file.seek(member.header_offset)
    header = file.read(_LOCAL_HEADER)
    name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    start = member.header_offset + _LOCAL_HEADER + name + extra
    file.seek(start)
    return _header(file, key, start + member.file_size, path)


def _header(file: IO[bytes], key: str, end: int, path: Path, member: str = "") -> _Stored:
    """What stands before the numbers, which must reach from there to `end`."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    stored = _Stored(key, shape, dtype, fortran, file.tell(), member)
    promised, actual = math.prod(shape) * dtype.itemsize, end - stored.start
    if min(shape, default=0) < 0 or (promised != actual and not dtype.hasobject):
        raise DamagedArchiveError(
            f"{_where(stored, path)} is damaged: shape {shape} of {dtype} takes {promised:,} "
            f"bytes, and {actual:,} are there. Save or fetch it again."
        )
    return stored


def _stack(stored: _Stored, path: Path) -> Stack:
    if not stored.member:
        return MappedStack(_mapped(stored, path))
    if stored.fortran:
        raise UnknownSourceError(
            f"The array in {shown(path)} is compressed and in Fortran order, so that each "
            "image is scattered over all of it. Save it after numpy.ascontiguousarray."
        )
    return CompressedStack(path, stored.member, stored.start, stored.shape, stored.dtype)


def _mapped(stored: _Stored, path: Path) -> Any:
    order: Any = "F" if stored.fortran else "C"
    return np.memmap(path, stored.dtype, "r", stored.start, stored.shape, order)


def _read(stored: _Stored, path: Path) -> NDArray[Any]:
    """A whole array, which is small beside images."""
    if not stored.member:
        return np.asarray(_mapped(stored, path))
    with zipfile.ZipFile(path) as archive, archive.open(stored.member) as file:
        return np.asarray(npy.read_array(file, allow_pickle=False))
