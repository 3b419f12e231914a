"""Many images in one array: in memory, mapped from a file, or compressed in a zip.

`ArraySource` is the source of one such stack; `numpy_files.py` finds stacks in files and
`in_memory.py` takes them from memory. Arrays of floats or of sixteen bits are read through once
before, because the whole array decides what its numbers mean.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rara.errors import DamagedArchiveError, EmptySourceError, UnknownSourceError
from rara.images.decode import check_size
from rara.images.ranges import UNIT, Meaning, Ranged, meaning_of
from rara.sources.archives.damage import explained_damage
from rara.sources.arrays.pixels import CHANNELS, channels_first, pixels_of, refused_pixels
from rara.sources.base import Item, Scalar
from rara.sources.names import shown


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
        stored = array if isinstance(array, np.ndarray) else pixels_of(array[:1])
        self.dtype = stored.dtype.newbyteorder("=")
        self._array = array

    def walk(self, rows: Sequence[int]) -> Iterator[Callable[[], NDArray[Any]]]:
        """The images at these places, none read before it is asked for."""
        return (partial(self._row, row) for row in rows)

    def _row(self, row: int) -> NDArray[Any]:
        return np.array(pixels_of(self._array[row]), self.dtype)


class CompressedStack:
    """An array in a compressed member of an .npz, read through."""

    def __init__(
        self, path: Path, member: str, start: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        """The array begins at byte `start` of the member."""
        self._path, self._member, self._start = path, member, start
        self.shape, self.dtype, self._stored = shape, dtype.newbyteorder("="), dtype

    def walk(self, rows: Sequence[int]) -> Iterator[Callable[[], NDArray[Any]]]:
        """The images at these places in one pass; each carries its pixels."""
        size = math.prod(self.shape[1:]) * self.dtype.itemsize
        with (
            explained_damage(self._path),
            zipfile.ZipFile(self._path) as archive,
            archive.open(self._member) as file,
        ):
            for row in rows:
                file.seek(self._start + row * size)
                data = file.read(size)
                if len(data) < size:
                    raise DamagedArchiveError(
                        f"{shown(self._path)} is damaged: {self._member!r} ends inside image "
                        f"{row} of {self.shape[0]}. Fetch it again."
                    )
                image = np.frombuffer(data, self._stored).reshape(self.shape[1:])
                yield partial(np.asarray, image, self.dtype)


class ArraySource:
    """The images of one array, called 000000, 000001, …"""

    def __init__(
        self,
        stack: Stack,
        *,
        location: str,
        labels: Sequence[str] = (),
        remarks: Sequence[str] = (),
    ) -> None:
        """`check_stack` passed; `labels` has one entry for each image, or none at all."""
        self.location = location
        self._stack = stack
        self._labels = labels
        self._moves = channels_first(stack.shape[1:])
        self._bytes = math.prod(stack.shape[1:]) * stack.dtype.itemsize
        self._decided: tuple[Meaning | None] | None = None
        self.remarks = [*_shape_remarks(stack.shape), *remarks]

    def count(self) -> int:
        """Length of the first axis."""
        return self._stack.shape[0]

    def __iter__(self) -> Iterator[Item]:
        return self._items(range(self.count()))

    def within(self, max_pixels: int) -> Iterator[Item]:
        """All items; where the images are larger than this, no pixel is read."""
        sides = self._stack.shape[2:4] if self._moves else self._stack.shape[1:3]
        if math.prod(sides) <= max_pixels:
            return iter(self)
        refuse = partial(check_size, (sides[1], sides[0]), max_pixels)
        return (self._item(row, refuse) for row in range(self.count()))

    def select(self, ids: Collection[str]) -> Iterator[Item]:
        """The items of these ids, in the order of the array."""
        rows = {int(name) for name in set(ids) if name.isascii() and name.isdecimal()}
        there = [row for row in sorted(rows) if row < self.count() and number(row) in ids]
        return self._items(there)

    def _items(self, rows: Sequence[int]) -> Iterator[Item]:
        meaning = self._meaning()
        for row, load in zip(rows, self._walk(rows), strict=True):
            yield self._item(row, ranged(load, meaning))

    def _item(self, row: int, load: Callable[[], Any]) -> Item:
        metadata: dict[str, Scalar] = {"label": self._labels[row]} if self._labels else {}
        return Item(number(row), load, metadata, self._bytes)

    def _walk(self, rows: Sequence[int]) -> Iterator[Callable[[], NDArray[Any]]]:
        loads = self._stack.walk(rows)
        return (partial(_moved, load) for load in loads) if self._moves else loads

    def _meaning(self) -> Meaning | None:
        """What the numbers mean, decided by all images even where few are asked for."""
        if self._decided is None:
            images = (load() for load in self._walk(range(self.count())))
            self._decided = (meaning_of(self._stack.dtype, images, f"'{self.location}'"),)
        return self._decided[0]


def check_stack(shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    """Raise EmptySourceError or UnknownSourceError where an array is no stack of images."""
    if shape[:1] == (0,):
        raise EmptySourceError(f"{where} has shape {shape}: no images.")
    if reason := (not dtype.hasobject and _shape_reason(shape)) or refused_pixels(dtype):
        raise UnknownSourceError(
            f"{where} has shape {shape} and type {dtype}: {reason}. rara reads images x height x "
            "width, or with 1, 3 or 4 channels last or first."
        )


def _shape_reason(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[2] in CHANNELS:
        return "one image, or many without their channels; say which with x[None] or x[..., None]"
    if len(shape) == 2:
        return (
            "one vector in each row, no stack of images; give it to Reference.from_features or "
            "score_features in Python, or as a file of floats to `rara score`"
        )
    four = len(shape) == 4 and (shape[3] in CHANNELS or channels_first(shape[1:]))
    if not (four or len(shape) == 3):
        return "no stack of images"
    return "images without pixels" if 0 in shape else ""


def _shape_remarks(shape: tuple[int, ...]) -> Iterator[str]:
    if channels_first(shape[1:]):
        channels, height, width = shape[1:]
        yield (
            f"The images have shape {channels} x {height} x {width}: their channels were moved "
            "last."
        )
    elif len(shape) == 3 and shape[0] in CHANNELS:
        yield (
            f"The array of shape {shape} was read as {shape[0]} grey images. For one image with "
            "channels first, give x[None]."
        )


def number(row: int) -> str:
    """The id of an image that has no name."""
    return f"{row:06d}"


def ranged(load: Callable[[], NDArray[Any]], meaning: Meaning | None) -> Callable[[], Any]:
    """The image with what its numbers mean, where it alone would not be read in the same way."""
    if meaning is None or meaning == UNIT:
        return load
    return partial(_ranged, load, meaning)


def _ranged(load: Callable[[], NDArray[Any]], meaning: Meaning) -> Ranged:
    return Ranged(load(), meaning)


def _moved(load: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    return np.moveaxis(load(), 0, -1)
