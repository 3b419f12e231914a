"""What a network expects of its input: size, fit, normalisation, layout.

Given by the user for a network that rara does not know, and resolved against what the
file itself says (`onnx.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from rara.errors import ParameterError

Fit: TypeAlias = Literal["stretch", "crop"]
Layout: TypeAlias = Literal["nchw", "nhwc"]
Order: TypeAlias = Literal["rgb", "bgr"]
ValueRange: TypeAlias = Literal["0-1", "0-255"]
Colour: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """What an ONNX file expects of its input; None is read from the file.

    A network that takes floats gets `(pixel / 255 - mean) / std`, or `(pixel - mean) / std`
    with the value range `0-255`. One that takes uint8 gets the pixels: `mean`, `std` and
    `value_range` must stay as they are. `mean` and `std` are for red, green and blue, whatever
    the `order`.

    >>> Preprocessing(size=(224, 224), mean=(0.485, 0.456, 0.406)).fit
    'stretch'
    """

    size: tuple[int, int] | None = None
    """(width, height)."""
    fit: Fit = "stretch"
    """`stretch` keeps the whole image, `crop` its proportions."""
    mean: Colour = (0.0, 0.0, 0.0)
    std: Colour = (1.0, 1.0, 1.0)
    layout: Layout | None = None
    output: str | None = None
    """Which output holds the features; None is the first. Feature maps are averaged."""

    output_layout: Layout | None = None
    """The axes of feature maps; None is read from the operations that make them."""

    order: Order = "rgb"
    """The order in which the network takes the colours; Caffe's networks want `bgr`."""

    value_range: ValueRange = "0-1"
    """The range of the pixels that `mean` and `std` are for."""

    def __post_init__(self) -> None:
        if self.size is not None and (len(self.size) != 2 or min(self.size) < 1):
            raise ParameterError(f"size={self.size}: give a width and a height of at least 1.")
        if self.fit not in get_args(Fit):
            raise ParameterError(f"fit={self.fit!r}: give 'stretch' or 'crop'.")
        if self.layout not in (None, *get_args(Layout)):
            raise ParameterError(f"layout={self.layout!r}: give 'nchw' or 'nhwc'.")
        if self.output_layout not in (None, *get_args(Layout)):
            raise ParameterError(f"output_layout={self.output_layout!r}: give 'nchw' or 'nhwc'.")
        if self.order not in get_args(Order):
            raise ParameterError(f"order={self.order!r}: give 'rgb' or 'bgr'.")
        if self.value_range not in get_args(ValueRange):
            raise ParameterError(f"value_range={self.value_range!r}: give '0-1' or '0-255'.")
        _check_colours(self.mean, self.std)

    @property
    def normalises(self) -> bool:
        """Whether `mean`, `std` or `value_range` change anything."""
        return any(self.mean) or set(self.std) != {1.0} or self.value_range != "0-1"


def _check_colours(mean: Colour, std: Colour) -> None:
    if not (len(mean) == len(std) == 3 and np.isfinite([*mean, *std]).all() and min(std) > 0):
        raise ParameterError(
            f"mean={mean}, std={std}: give three finite numbers each, for red, green and blue, "
            "std above 0."
        )
