"""What Python code yields for images -> single images with an id and metadata.

An element may be an image, a pair of id and image or of image and label, a row of a data set
(a dict), or a batch of these. `in_memory.py` iterates over the elements; here each is taken apart.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rara.errors import ImageError, UnknownSourceError
from rara.images.decode import Payload
from rara.sources.arrays.labels import labels_of
from rara.sources.arrays.pixels import CHANNELS, channels_first, pixels_of, refused_pixels, shape_of
from rara.sources.base import Scalar
from rara.sources.folder import bytes_of
from rara.sources.limits import IMAGE
from rara.sources.metadata.records import tidy

IMAGE_KEYS = (
    *("image", "img", "images", "imgs", "pixel_values", "jpg", "jpeg", "png", "webp"),
    *("picture", "x"),
)
"""What rows call their image; the first one of them counts."""

_WEBDATASET = {"txt": "prompt", "cls": "label", "labels": "label", "y": "label"}
_VECTORS = (
    "Features are no images: stack them with numpy.stack, and give them to "
    "Reference.from_features or score_features."
)
_ENCODED = (bytes, bytearray, memoryview)
_PLAIN = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class Part:
    """One image of an element; `id` is None where it has no name."""

    image: Any
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    id: str | None = None


@dataclass(slots=True)
class Taker:
    """Takes elements apart, and counts what a person should hear of."""

    image_key: str | None = None
    """The key of the image in rows; by default one of `IMAGE_KEYS`."""
    classes: Sequence[str] = ()
    """Names of the class numbers in `label`."""
    left_out: dict[str, int] = field(default_factory=dict)
    """What lay beside images and is no plain value, with the number of images."""
    remarks: dict[str, None] = field(default_factory=dict)

    def parts(self, row: int, element: Any) -> Iterator[Part]:
        """The images of one element; UnknownSourceError where it is open which they are."""
        match element:
            case str() | os.PathLike():
                raise UnknownSourceError(
                    f"Element {row} is the path {str(element)!r}. Pass a list of paths, "
                    "not a generator, and no mixture of paths and images."
                )
            case Mapping():
                return self._of_row(row, element)
            case (str() | os.PathLike() as path, beside) if _is_label(beside):
                raise UnknownSourceError(
                    f"Element {row} is the path {str(path)!r} with {beside!r} beside it. Give rows "
                    "such as {'image': path, 'label': label}, or a list of the paths alone."
                )
            case (str() as id_, image):
                return self._with_id(row, id_, image)
            case (image,):
                return self.parts(row, image)
            case tuple() | list():
                return self._of_sequence(row, element)
        return self._batch(element, {}) if _is_batch(element) else iter((Part(element),))

    def _with_id(self, row: int, id_: str, element: Any) -> Iterator[Part]:
        """An image, or a pair or row with one, under an id; a batch has ids below that."""
        if is_image(element) or not isinstance(element, (Mapping, tuple, list)):
            return iter((Part(element, id=id_),))
        parts = list(self.parts(row, element))
        if len(parts) == 1:
            return iter((replace(parts[0], id=id_),))
        return (replace(part, id=f"{id_}#{at}") for at, part in enumerate(parts))

    def _of_row(self, row: int, element: Mapping[Any, Any]) -> Iterator[Part]:
        values = {str(key): value for key, value in element.items()}
        key = self._key(row, values)
        image = values.pop(key)
        name = values.pop("__key__", None)
        others = {_WEBDATASET.get(k, k): v for k, v in values.items() if not k.startswith("__")}
        if _is_batch(image) or isinstance(image, (list, tuple)):
            return self._batch(image, others)
        return iter((Part(image, self._metadata(others), name if name is None else str(name)),))

    def _key(self, row: int, values: Mapping[str, object]) -> str:
        """The key of the image in a row."""
        if self.image_key is not None:
            usual = [self.image_key] if self.image_key in values else []
        else:
            pictures = [key for key, value in values.items() if is_image(value)]
            usual = [key for key in IMAGE_KEYS if key in values] or pictures
        if usual and (len(usual) == 1 or usual[0] in IMAGE_KEYS):
            return usual[0]
        keys = ", ".join(map(repr, values)) or "nothing"
        meant = "" if self.image_key is None else f", not {self.image_key!r}"
        raise UnknownSourceError(
            f"Element {row} is a row with {keys}{meant}: it is unclear which is the image. Call "
            "rara.open_source(rows, image_column=...) with its key, or rename it to 'image'."
        )

    def _of_sequence(self, row: int, element: Sequence[Any]) -> Iterator[Part]:
        images = [part for part in element if is_image(part) or _is_batch(part)]
        if isinstance(element, list) and len(images) == len(element) and not _has_batch(element):
            return self._batch(element, {})
        if len(element) == 2 and len(images[:1]) == 1 and images[0] is element[0]:
            image, beside = element
            batch = _is_batch(image) and not _is_batch(beside)
            if batch or _is_grey_batch(row, image, beside):
                return self._batch(image, _beside(beside))
            if len(images) == 1:
                return iter((Part(image, self._metadata(_beside(beside))),))
        kinds = ", ".join(_described(part) for part in element[:4])
        if any(map(_is_vector, element)) or {float} == set(map(type, element)):
            raise UnknownSourceError(f"Element {row} ({kinds}) holds a vector. {_VECTORS}")
        at = next((at for at, part in enumerate(element) if is_image(part) or _is_batch(part)), 0)
        raise UnknownSourceError(
            f"Element {row} is a {type(element).__name__} of {len(element)}: {kinds}. rara takes "
            f"(image, label), (id, image) or a dict; choose, such as (x[{at}] for x in images)."
        )

    def _batch(self, images: Any, others: Mapping[str, object]) -> Iterator[Part]:
        """Each image of a batch with what lies beside it at the same place."""
        count = len(images)
        columns = {
            key: self._column(key, value, count)
            for key, value in others.items()
            if not self._has_other_length(key, value, count)
        }
        for at in range(count):
            beside = {key: values[at] for key, values in columns.items()}
            yield Part(images[at], self._metadata(beside))

    def _has_other_length(self, key: str, value: Any, count: int) -> bool:
        """Whether several values cannot belong to the images of a batch one by one."""
        several = isinstance(value, (list, tuple)) or len(shape_of(value)) > 0
        if not several or len(value) == count:
            return False
        self.remarks[
            f"A batch of {count:,} images has {len(value):,} values in {key!r}. They were left "
            "out, because it is unclear which belongs to which image."
        ] = None
        return True

    def _column(self, key: str, value: Any, count: int) -> Sequence[Any]:
        if isinstance(value, (list, tuple)) and len(value) == count:
            return value
        if shape_of(value)[:1] == (count,):
            labels, remarks = labels_of(pixels_of(value), f"The batch's {key!r}")
            self.remarks |= dict.fromkeys(remarks)
            numbers = [int(label) if label.lstrip("-").isdigit() else label for label in labels]
            return numbers or [None] * count
        return [value] * count

    def _metadata(self, values: Mapping[str, object]) -> Mapping[str, Scalar]:
        plain: dict[str, object] = {}
        for key, value in values.items():
            simple = _plain(value)
            if simple is None and value is not None:
                self.left_out[key] = self.left_out.get(key, 0) + 1
            elif key == "json":
                plain |= _object(simple)
            else:
                plain[key] = self._class_name(simple) if key == "label" else simple
        return tidy(plain)

    def _class_name(self, label: Any) -> Any:
        has_name = isinstance(label, int) and 0 <= label < len(self.classes)
        return self.classes[label] if has_name else label


# -- what is what -----------------------------------------------------------------------


def is_image(value: Any) -> bool:
    """Whether this may be one image: encoded, of PIL, or an array of two or three axes."""
    if isinstance(value, Mapping):
        return {"bytes", "path"} >= set(value) and bool(value)
    return isinstance(value, (*_ENCODED, Image.Image)) or len(shape_of(value)) in (2, 3)


def _is_batch(value: Any) -> bool:
    return len(shape_of(value)) == 4


def _has_batch(element: Sequence[Any]) -> bool:
    return any(map(_is_batch, element))


def _is_label(value: Any) -> bool:
    """Whether this is a class number, and neither an image nor the path of one."""
    return (
        value is None or isinstance(value, int) or (hasattr(value, "item") and not shape_of(value))
    )


def _is_vector(value: Any) -> bool:
    return len(shape_of(value)) == 1


def _is_grey_batch(row: int, image: Any, beside: Any) -> bool:
    """Whether an array of three axes is a batch of grey images, as its labels say."""
    shape = shape_of(image)
    if len(shape) != 3 or shape_of(beside) != shape[:1]:
        return False
    if channels_first(shape):
        raise UnknownSourceError(
            f"Element {row} has an array of shape {shape} and {shape[0]} labels: one image, or "
            f"{shape[0]} grey ones? Give x[:, None] for grey images."
        )
    return shape[2] not in CHANNELS


def _beside(value: Any) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {"label": value}


def _plain(value: Any) -> Any:
    """A value as JSON has it; None where it is none."""
    if isinstance(value, (*_PLAIN, Mapping)):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="replace") if len(value) < 1 << 16 else None
    if isinstance(value, (list, tuple)):
        return list(value) if all(isinstance(entry, _PLAIN) for entry in value) else None
    if hasattr(value, "item") and shape_of(value) == () and not isinstance(value, Image.Image):
        return _plain(value.item())
    return str(value) if type(value).__module__ in ("datetime", "uuid", "decimal") else None


def _object(value: Any) -> Mapping[str, object]:
    """What a JSON object says, be it read or text; anything else stays under its name."""
    with suppress(ValueError, RecursionError):
        value = json.loads(value) if isinstance(value, str) else value
    return value if isinstance(value, Mapping) else {"json": value}


def _described(value: Any) -> str:
    shape = shape_of(value)
    return f"{type(value).__name__} {shape}" if shape else type(value).__name__


# -- one image --------------------------------------------------------------------------


def payload_of(image: Any) -> Payload:
    """One image as rara decodes it; `ImageError` where it is none, or a file cannot be read."""
    if image is None:
        raise ImageError("None instead of an image")
    if isinstance(image, Mapping):
        data = image.get("bytes")
        return payload_of(image.get("path") if data is None else data)
    if isinstance(image, (str, os.PathLike)):
        return _file(str(image))
    if isinstance(image, (bytes, Image.Image)):
        return image
    if isinstance(image, (bytearray, memoryview)):
        return bytes(image)
    pixels = pixels_of(image)
    pixels = np.moveaxis(pixels, 0, -1) if channels_first(pixels.shape) else pixels
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _file(place: str) -> bytes:
    if "://" in place:
        raise ImageError(f"the address {place[:100]!r}; rara reads nothing from the network")
    try:
        return bytes_of(Path(place), IMAGE)
    except OSError as error:
        raise ImageError(f"file {place[:100]!r} cannot be read: {error.strerror}") from error


def check_first(row: int, image: Any) -> None:
    """Refuse all where already the first is no image, rather than skip each for one reason."""
    if image is None or isinstance(image, (str, os.PathLike, Mapping)):
        return
    if _is_vector(image):
        raise UnknownSourceError(f"Element {row} ({_described(image)}) is a vector. {_VECTORS}")
    try:
        pixels = payload_of(image)
    except ImageError as error:
        many = hasattr(image, "__getitem__") and not shape_of(image)
        remedy = "; give such a collection alone, or numbers as numpy.asarray" if many else ""
        reason = f"{error}{remedy}"
    else:
        reason = _refused(pixels)
    if reason:
        raise UnknownSourceError(
            f"Element {row} ({_described(image)}) is no image: {reason}. rara takes arrays "
            "(height x width, or with 1, 3 or 4 channels), PIL images or encoded bytes."
        )


def _refused(pixels: Any) -> str:
    if not isinstance(pixels, np.ndarray):
        return ""
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in CHANNELS):
        grey = "; for a batch of grey images give x[:, None]" if pixels.ndim == 3 else ""
        return f"its shape is {pixels.shape}{grey}"
    return refused_pixels(pixels.dtype)
