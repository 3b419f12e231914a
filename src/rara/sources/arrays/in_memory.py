"""Images in memory, or made by Python code: arrays, lists, data sets, loaders, generators.

`elements.py` takes each element apart; here they are iterated over, named and counted. What
float and sixteen-bit numbers mean is decided over all elements that can be read twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sized
from functools import cached_property, partial
from itertools import chain, tee
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rara.errors import EmptySourceError, ImageError, SourceError, UnknownSourceError
from rara.images.decode import Payload
from rara.images.ranges import UNIT, Meaning, Ranged, meaning_of
from rara.sources.arrays.elements import IMAGE_KEYS, Part, Taker, check_first, payload_of
from rara.sources.arrays.pixels import channels_first, shape_of
from rara.sources.arrays.stacks import ArraySource, MappedStack, check_stack, number
from rara.sources.base import Item, pick
from rara.sources.names import unique

Meanings = dict[str, Meaning]
"""What the numbers of arrays mean, by their type."""


class IterableSource:
    """Images of any kind from a list, a mapping, a data set, a loader or a generator."""

    def __init__(self, images: Iterable[Any], image_key: str | None = None) -> None:
        """`image_key` is the key of the image in rows that are dicts."""
        self._images = images
        self._key = image_key
        self._once = isinstance(images, Iterator)
        self._spent = False
        self._decided: Meanings | None = None
        self.remarks: list[str] = []

    @property
    def location(self) -> str:
        """What kind of thing the images come from; nothing on disk to reopen."""
        count = self.count()
        number = "" if count is None else f"{count} "
        return f"{type(self._images).__name__} of {number}images"

    def count(self) -> int | None:
        """The number of images, where it is known before they are read."""
        if not isinstance(self._images, Sized) or len(self._first) != 1:
            return None
        return len(self._images)

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
        taker, meanings = self._taker(), self._meanings()
        moved = Counter[tuple[int, ...]]()
        alone = 0
        ids, parts = tee(enumerate(self._parts(taker)))
        names = unique(number(at) if part.id is None else part.id for at, part in ids)
        for id_, (_, part) in zip(names, parts, strict=True):
            moved[shape_of(part.image)] += channels_first(shape_of(part.image))
            alone += self._once and self._is_alone(part, first=not alone)
            yield Item(id_, partial(_load, part.image, meanings), part.metadata)
        self.remarks = [*_moved(moved), *_left_out(taker), *taker.remarks, *_alone(alone)]

    def _is_alone(self, part: Part, *, first: bool) -> bool:
        """Whether an image is an array whose range no other tells; the first must lie in 0 to 1."""
        kind = _kind(part)
        if first and kind == "f":
            self._check_unit(cast("NDArray[Any]", payload_of(part.image)))
        return kind is not None

    def _check_unit(self, pixels: NDArray[Any]) -> None:
        if not np.isfinite(pixels).all():
            return  # a fault of this image, for which it is skipped
        try:
            UNIT.eight_bit(pixels)
        except ImageError as error:
            raise UnknownSourceError(f"The {self.location} yields {error}.") from error

    def _taker(self) -> Taker:
        return Taker(self._key, _class_names(self._images))

    def _parts(self, taker: Taker) -> Iterator[Part]:
        """The images one by one; refused where the first is none."""
        for row, element in enumerate(_elements(self._images)):
            for part in taker.parts(row, element):
                if row == 0:
                    check_first(row, part.image)
                yield part

    @cached_property
    def _first(self) -> list[Part]:
        """The images of the first element, where that can be read again."""
        element = next(_elements(self._images), None)
        return [] if element is None else list(self._taker().parts(0, element))

    def _meanings(self) -> Meanings:
        """What floats and sixteen bits mean, decided by all images that can be read twice."""
        if self._decided is None:
            in_memory = isinstance(self._images, (list, tuple, Mapping))
            first = [] if self._once else self._first[:1]
            kinds = ["f", "u"] if in_memory else [kind for part in first if (kind := _kind(part))]
            meanings = {kind: self._meaning(kind) for kind in kinds}
            self._decided = {kind: meaning for kind, meaning in meanings.items() if meaning}
        return self._decided

    def _meaning(self, kind: str) -> Meaning | None:
        parts = (part for part in self._parts(self._taker()) if _kind(part) == kind)
        images = (cast("NDArray[Any]", payload_of(part.image)) for part in parts)
        first = next(images, None)
        if first is None:
            return None
        return meaning_of(first.dtype, chain([first], images), f"The {self.location}")


def from_iterable(images: Any, image_key: str | None = None) -> ArraySource | IterableSource:
    """Images that are in memory already, or that Python code makes."""
    if _is_stack(images) and not _is_table(images):
        stack = MappedStack(images)
        check_stack(stack.shape, stack.dtype, "The array")
        kind = "array" if isinstance(images, np.ndarray) else type(images).__name__
        return ArraySource(stack, location=f"{kind} of {stack.shape[0]} images")
    if isinstance(images, (bytes, bytearray, memoryview, Image.Image)):
        raise UnknownSourceError(
            f"A single image ({type(images).__name__}) is no source. Put it into a list: [image]."
        )
    if _is_table(images):
        raise UnknownSourceError(
            f"{type(images).__name__} is a table: give its rows, such as x.to_dict('records') of "
            "pandas, x.to_dicts() of polars or x.to_pylist() of pyarrow."
        )
    if isinstance(images, np.generic) or (
        not isinstance(images, Iterable) and not hasattr(images, "__getitem__")
    ):
        raise UnknownSourceError(
            f"{type(images).__name__} is no source. Give a path, a pattern, or something that "
            "can be iterated and yields arrays, PIL images, encoded bytes, or rows of these."
        )
    if isinstance(images, Sized) and not len(images):
        raise EmptySourceError(f"No images: the {type(images).__name__} is empty.")
    return IterableSource(images, image_key)


def _is_stack(images: Any) -> bool:
    """Whether this is one array, or a tensor of another library, and no collection of images."""
    if isinstance(images, np.ndarray):
        return images.dtype != object or images.ndim != 1
    return len(shape_of(images)) in (2, 3, 4)


def _is_table(images: Any) -> bool:
    """Whether this is a table of pandas, polars or pyarrow, which iterates over columns."""
    return hasattr(images, "columns") and hasattr(images, "shape")


def _elements(images: Any) -> Iterator[Any]:
    """What there is to take apart, in order."""
    if isinstance(images, Mapping):
        return iter([images]) if _is_columns(images) else map(_named, images.items())
    if isinstance(images, Sized) and not hasattr(images, "__iter__"):
        return (cast(Any, images)[row] for row in range(len(images)))
    return iter(images)


def _is_columns(images: Mapping[Any, Any]) -> bool:
    """Whether a mapping holds columns, such as a slice of a data set, and not images by id."""
    columns = [images[key] for key in IMAGE_KEYS if key in images]
    return any(
        isinstance(column, (list, tuple)) or len(shape_of(column)) == 4 for column in columns
    )


def _named(pair: tuple[Any, Any]) -> tuple[str, Any]:
    return str(pair[0]), pair[1]


def _class_names(images: Any) -> tuple[str, ...]:
    """Names of the class numbers, where a data set of Hugging Face tells them."""
    try:
        label = images.features["label"]
        return tuple(map(str, getattr(label, "feature", label).names))  # a batch has a list of them
    except (AttributeError, LookupError, TypeError):
        return ()


def _kind(part: Part) -> str | None:
    """`f` for an array of floats, `u` for one of sixteen bits; None where its type tells all."""
    if not shape_of(part.image):
        return None
    try:
        payload = payload_of(part.image)
    except ImageError:
        return None
    if not isinstance(payload, np.ndarray) or payload.ndim not in (2, 3) or not payload.size:
        return None
    if payload.dtype.kind == "f":
        return "f"
    return "u" if payload.dtype == np.uint16 else None


def _load(image: Any, meanings: Meanings) -> Payload:
    payload = payload_of(image)
    if not isinstance(payload, np.ndarray):
        return payload
    meaning = meanings.get("u" if payload.dtype == np.uint16 else payload.dtype.kind)
    return payload if meaning is None or meaning == UNIT else Ranged(payload, meaning)


# -- what to say ------------------------------------------------------------------------


def _moved(shapes: Counter[tuple[int, ...]]) -> Iterator[str]:
    many = sum(shapes.values())
    if many:
        shape = " x ".join(map(str, shapes.most_common(1)[0][0]))
        yield f"Channels were moved last in {many:,} arrays, such as one of {shape}."


def _left_out(taker: Taker) -> Iterator[str]:
    for key, count in taker.left_out.items():
        yield f"{key!r} of {count:,} images is no plain value and was left out of the metadata."


def _alone(images: int) -> Iterator[str]:
    if images:
        yield (
            f"{images:,} arrays of floats or sixteen bits come from a generator: the range of each "
            "was decided alone. Give a list to decide it for all."
        )
