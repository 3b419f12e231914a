"""Batches of images as PyTorch holds them, as the bytes that rara takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rara.errors import ParameterError

if TYPE_CHECKING:
    import torch


def pixels_of(images: torch.Tensor) -> NDArray[np.uint8]:
    """(n, 3, height, width) in uint8, or in floats from 0 to 1 -> (n, height, width, 3) in uint8.

    Raises ParameterError for another shape, type or range.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ParameterError(f"Images of shape {tuple(images.shape)}: give (n, 3, height, width).")
    values: Any = images.detach().cpu()
    if values.is_floating_point():
        if not bool(((values >= 0) & (values <= 1)).all()):
            raise ParameterError("Images in floats: give values from 0 to 1, or uint8.")
        values = (values.float() * 255).round().byte()
    array = values.permute(0, 2, 3, 1).numpy()
    if array.dtype != np.uint8:
        raise ParameterError(f"Images of {array.dtype}: give uint8, or floats from 0 to 1.")
    return np.ascontiguousarray(array)
