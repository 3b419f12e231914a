"""Images as arrays: .npz and .npy files, arrays in memory, anything that can be iterated.

Nothing is unpickled, and no file is loaded whole: stored arrays are mapped into memory,
compressed ones are read through. Arrays of floats or of sixteen bits are read through once
before, for what their numbers mean is decided for the whole array.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Sized
from functools import partial
from itertools import tee
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image

from rara.errors import (
    DamagedArchiveError,
    EmptySourceError,
    ImageError,
    SourceError,
    UnknownSourceError,
)
from rara.images import Payload
from rara.ranges import UNIT, Meaning, Ranged, meaning_of
from rara.sources.archives import explained_damage
from rara.sources.base import Item, Scalar, pick
from rara.sources.names import shown, unique

_IMAGES, _LABELS = "arr_0", "arr_1"  # as in the sample files of diffusion papers
_LOCAL_HEADER = 30  # bytes before the name in a zip's local header


class Stack(Protocol):
    """Images along the first axis of something."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def walk(self, rows: Sequence[int]) -> Iterator[Callable[[], NDArray[Any]]]:
        """What reads each of these images; `rows` ascend."""


class MappedStack:
    """An array in memory, or mapped into it."""

    def __init__(self, array: Any) -> None:
        """What gives arrays of numpy where it is indexed, such as a tensor, is taken too."""
        self.shape = tuple(array.shape)
        self.dtype = array.dtype if isinstance(array, np.ndarray) else _array(array[:1]).dtype
        self._array = array

    def walk(self, rows: Sequence[int]) -> Iterator[Callable[[], NDArray[Any]]]:
        """The images at these places, none read before it is asked for."""
        return (partial(self._row, row) for row in rows)

    def _row(self, row: int) -> NDArray[Any]:
        return np.array(_array(self._array[row]))


class CompressedStack:
    """An array in a compressed member of an .npz, read through."""

    def __init__(self, path: Path, member: str) -> None:
        self._path = path
        self._member = member
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            self.shape, self.dtype, order = _header(file, path)
            self._start = file.tell()
        if order == "F":
            raise UnknownSourceError(
                f"The array in {shown(path)} is compressed and in Fortran order, so that each "
                "image is scattered over all of it. Save it after numpy.ascontiguousarray."
            )

    def walk(self, rows: Sequence[int]) -> Iterator[Callable[[], NDArray[Any]]]:
        """The images at these places in one pass; each carries its pixels."""
        size = int(np.prod(self.shape[1:])) * self.dtype.itemsize
        with (
            explained_damage(self._path),
            zipfile.ZipFile(self._path) as archive,
            archive.open(self._member) as file,
        ):
            for row in rows:
                file.seek(self._start + row * size)
                image = np.frombuffer(file.read(size), self.dtype).reshape(self.shape[1:])
                yield partial(np.asarray, image)


class ArraySource:
    """The images of one array, called 000000, 000001, …"""

    def __init__(self, stack: Stack, *, location: str, labels: Sequence[str] = ()) -> None:
        """`labels` has one entry for each image, or none at all."""
        self.location = location
        self._stack = stack
        self._labels = labels
        self._known: tuple[Meaning | None] | None = None

    def count(self) -> int:
        """Length of the first axis."""
        return self._stack.shape[0]

    def __iter__(self) -> Iterator[Item]:
        return self._items(range(self.count()))

    def select(self, ids: Collection[str]) -> Iterator[Item]:
        """The items of these ids, in the order of the array."""
        wanted = set(ids)
        return self._items([row for row in range(self.count()) if _number(row) in wanted])

    def _items(self, rows: Sequence[int]) -> Iterator[Item]:
        meaning = self._meaning()
        for row, load in zip(rows, self._stack.walk(rows), strict=True):
            metadata: dict[str, Scalar] = {"label": self._labels[row]} if self._labels else {}
            if meaning is None or meaning == UNIT:  # an image alone is read in the same way
                yield Item(_number(row), load, metadata)
            else:
                yield Item(_number(row), partial(_ranged, load, meaning), metadata)

    def _meaning(self) -> Meaning | None:
        """What the numbers mean, told from all images even where few are asked for."""
        if self._known is None:
            images = (load() for load in self._stack.walk(range(self.count())))
            self._known = (meaning_of(self._stack.dtype, images, f"'{self.location}'"),)
        return self._known[0]


class IterableSource:
    """Arrays, PIL images or encoded bytes from a list, a mapping, a data set or a generator."""

    def __init__(self, images: Iterable[Any]) -> None:
        """Elements may be pairs of id and image, or of image and label."""
        self._images = images
        self._once = isinstance(images, Iterator)
        self._spent = False

    @property
    def location(self) -> str:
        """What kind of thing the images come from; nothing on disk to reopen."""
        number = "" if self.count() is None else f"{self.count()} "
        return f"{type(self._images).__name__} of {number}images"

    def count(self) -> int | None:
        """Length, where there is one."""
        return len(self._images) if isinstance(self._images, Sized) else None

    def __iter__(self) -> Iterator[Item]:
        if self._once and self._spent:
            raise SourceError(
                f"This {self.location} can be read once, and it was. Pass a list, or an "
                "object whose iterator starts anew each time."
            )
        self._spent = True
        return self._items()

    def select(self, ids: Collection[str]) -> Iterator[Item]:
        """The items of these ids, found by reading through."""
        return pick(self, ids)

    def _items(self) -> Iterator[Item]:
        elements = self._images.items() if isinstance(self._images, Mapping) else self._images
        names, parts = tee(_parts(row, element) for row, element in enumerate(elements))
        for id_, (_, image, metadata) in zip(
            unique(name for name, _, _ in names), parts, strict=True
        ):
            yield Item(id_, partial(_payload, image), metadata)


def open_arrays(path: Path) -> ArraySource:
    """The images of an .npy or .npz file."""
    location = str(path.absolute())
    with explained_damage(path):
        if path.suffix.lower() == ".npy":
            return ArraySource(_mapped(path), location=location)
        stack, labels = _npz(path)
        return ArraySource(stack, location=location, labels=labels)


def from_iterable(images: Any) -> ArraySource | IterableSource:
    """Images that are in memory already, or that Python code makes."""
    if _is_stack(images):
        stack = MappedStack(images)
        _check_stack(stack.shape, stack.dtype, "The array")
        kind = "array" if isinstance(images, np.ndarray) else type(images).__name__
        return ArraySource(stack, location=f"{kind} of {stack.shape[0]} images")
    if isinstance(images, (bytes, bytearray, memoryview, Image.Image)):
        raise UnknownSourceError(
            f"A single image ({type(images).__name__}) is no source. Put it into a list: [image]."
        )
    if not isinstance(images, Iterable) and not hasattr(images, "__getitem__"):
        raise UnknownSourceError(
            f"{type(images).__name__} is no source. Give a path, a pattern, or something that "
            "can be iterated and yields arrays, PIL images or encoded bytes."
        )
    if isinstance(images, Sized) and not len(images):
        raise EmptySourceError(f"No images: the {type(images).__name__} is empty.")
    return IterableSource(images)


# -- files ------------------------------------------------------------------------------


def _mapped(path: Path, start: int = 0) -> MappedStack:
    """The array that begins here in a file, be it an .npy or a stored member of an .npz."""
    with path.open("rb") as file:
        file.seek(start)
        shape, dtype, order = _header(file, path)
        offset = file.tell()
    return MappedStack(np.memmap(path, dtype, "r", offset, shape, order))


def _npz(path: Path) -> tuple[Stack, list[str]]:
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(_image_member(archive, path))
        stack = _stack(path, member)
        return stack, _labels(path, stack.shape[0])


def _image_member(archive: zipfile.ZipFile, path: Path) -> str:
    names = [name for name in archive.namelist() if name.endswith(".npy")]
    if f"{_IMAGES}.npy" in names:
        return f"{_IMAGES}.npy"
    if len(names) == 1:
        return names[0]
    arrays = ", ".join(name.removesuffix(".npy") for name in names) or "no array"
    raise UnknownSourceError(
        f"{shown(path)} holds {arrays}. rara reads the array {_IMAGES!r}, or the only one there is."
    )


def _stack(path: Path, member: zipfile.ZipInfo) -> Stack:
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
        return CompressedStack(path, member.filename)
    with path.open("rb") as file:
        file.seek(member.header_offset)
        header = file.read(_LOCAL_HEADER)
        name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    return _mapped(path, member.header_offset + _LOCAL_HEADER + name + extra)


def _header(
    file: IO[bytes], path: Path
) -> tuple[tuple[int, ...], np.dtype[Any], Literal["C", "F"]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    _check_stack(shape, dtype, shown(path))
    return shape, dtype, "F" if fortran else "C"


def _labels(path: Path, count: int) -> list[str]:
    with np.load(path, allow_pickle=False) as arrays:
        if _LABELS not in arrays.files:
            return []
        labels = arrays[_LABELS].ravel()
    if len(labels) != count:
        raise DamagedArchiveError(
            f"{shown(path)} holds {count} images, but {len(labels)} labels in {_LABELS!r}. "
            "Give one label for each image, or leave that array out."
        )
    return [str(label) for label in labels.tolist()]


def _check_stack(shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    if shape[:1] == (0,):
        raise EmptySourceError(f"{where} has shape {shape}: no images.")
    channels = (1, 3, 4)
    hint = ""
    if dtype.hasobject:
        hint = "Python objects, which would have to be unpickled"
    elif len(shape) == 4 and shape[1] in channels and shape[3] not in channels:
        hint = "channels first; move them last with .transpose(0, 2, 3, 1)"
    elif len(shape) == 3 and shape[2] in channels:
        hint = "one image, or many without their channels; say which with x[None] or x[..., None]"
    elif len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in channels):
        hint = "no stack of images"
    if hint:
        raise UnknownSourceError(
            f"{where} has shape {shape} and type {dtype}: {hint}. rara reads images x height x "
            "width, or with 1, 3 or 4 channels last."
        )


# -- elements ---------------------------------------------------------------------------


def _number(row: int) -> str:
    return f"{row:06d}"


def _ranged(load: Callable[[], NDArray[Any]], meaning: Meaning) -> Ranged:
    return Ranged(load(), meaning)


def _is_stack(images: Any) -> bool:
    """Whether this is one array, or a tensor of another library, and no collection of images."""
    if isinstance(images, np.ndarray):
        return True
    return hasattr(images, "__array__") and len(getattr(images, "shape", ())) in (3, 4)


def _parts(row: int, element: Any) -> tuple[str, Any, dict[str, Scalar]]:
    match element:
        case str() | os.PathLike():
            raise UnknownSourceError(
                f"Element {row} is the path {str(element)!r}. Pass a list of paths, "
                "not a generator, and no mixture of paths and images."
            )
        case (str() as id_, image):
            return id_, image, {}
        case (image, (str() | int() | np.integer()) as label):
            return _number(row), image, {"label": str(label)}
    return _number(row), element, {}


def _payload(element: Any) -> Payload:
    if isinstance(element, (bytes, Image.Image, np.ndarray)):
        return element
    if isinstance(element, (bytearray, memoryview)):
        return bytes(element)
    return _array(element)


def _array(element: Any) -> NDArray[Any]:
    if not hasattr(element, "__array__"):
        raise ImageError(f"{type(element).__name__} is no array, PIL image or encoded bytes")
    try:
        return np.asarray(element)
    except Exception as error:
        raise ImageError(f"{type(element).__name__} gives no array: {error}") from error
