"""One image as an array: where its channels are, and whether its numbers are pixels.

Shared by stacks of images (`stacks.py`) and single images in memory (`elements.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.errors import ImageError

CHANNELS = (1, 3, 4)
"""How many an image may have."""


def channels_first(shape: tuple[int, ...]) -> bool:
    """Whether the channels of one image come first, and cannot be last."""
    return len(shape) == 3 and shape[0] in CHANNELS and shape[2] not in CHANNELS


def refused_pixels(dtype: np.dtype[Any]) -> str:
    """Why values of this type are no pixels, and what to do; empty where they are.

    >>> refused_pixels(np.dtype(np.int64))
    'integers of 64 bits; give uint8, such as x.astype(numpy.uint8) for values from 0 to 255'
    """
    if dtype.kind in "bf" or (dtype.kind == "u" and dtype.itemsize <= 2):
        return ""
    if dtype.kind in "iu":
        return (
            f"integers of {8 * dtype.itemsize} bits; give uint8, such as x.astype(numpy.uint8) "
            "for values from 0 to 255"
        )
    if dtype.kind == "c":
        return "complex numbers; give real ones, such as numpy.abs(x) scaled to 0 to 1"
    if dtype.hasobject:
        return "Python objects, which rara does not unpickle; save one array of numbers"
    if dtype.names:
        return f"records; give one field, such as x[{dtype.names[0]!r}]"
    return f"{dtype} is no type of pixels; give uint8 or floats, such as x.astype(numpy.float32)"


def pixels_of(element: Any) -> NDArray[Any]:
    """An array or tensor as an array of numpy; ImageError where it is none."""
    if isinstance(element, np.ndarray):
        return element
    if hasattr(element, "detach") and hasattr(element, "cpu"):
        element = element.detach().cpu()
    if not hasattr(element, "__array__"):
        raise ImageError(f"{type(element).__name__} is no array, PIL image or encoded bytes")
    try:
        return _as_array(element)
    except Exception as error:
        raise ImageError(f"{type(element).__name__} gives no array: {error}") from error


def _as_array(element: Any) -> NDArray[Any]:
    try:
        return np.asarray(element)
    except TypeError:  # numpy lacks bfloat16
        return np.asarray(element.float())


def shape_of(element: Any) -> tuple[int, ...]:
    """The shape of an array or tensor; of anything else no axes at all."""
    if not hasattr(element, "__array__"):
        return ()
    return tuple(getattr(element, "shape", ()))
