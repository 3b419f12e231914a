"""Unpickles tensors and nothing else, without PyTorch: what its files of weights have in common.

A tensor's pickle names an ordered dict, types of storage and the function that views a storage as
a tensor. All but the first are stand-ins of ours here. Whatever else a pickle asks for is refused
before anything runs. Used by `legacy_torch` and `torch_archive`.
"""

from __future__ import annotations

import math
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class Storage:
    """A run of numbers that tensors are views of; its bytes lie elsewhere in the file."""

    dtype: np.dtype[Any]
    size: int
    data: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A tensor: where it begins in its storage, its shape, and its strides in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> NDArray[Any]:
        """The numbers, as an array of its own; raises UnpicklingError outside of the storage."""
        data = self.storage.data
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        inside = min(self.offset, *self.strides, 0) >= 0 and last < self.storage.size
        if data is None or not inside or math.prod(self.shape) > data.size:
            raise pickle.UnpicklingError("a tensor reaches outside its storage")
        bytes_apart = tuple(s * data.itemsize for s in self.strides)
        return np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, bytes_apart).copy()


def _view(storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...],
          *_gradients_and_hooks: object) -> View:  # fmt: skip
    return View(storage, offset, shape, strides)


NAMES: Final[Mapping[tuple[str, str], Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _view,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}
"""What a pickle may name, and what stands in for it."""


class TensorUnpickler(pickle.Unpickler):
    """Knows tensors and nothing else."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of that name; raises UnpicklingError for any other."""
        try:
            return NAMES[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which no weights need"
            ) from None

    def persistent_load(self, pid: Any) -> Storage:
        """The storage of that key; its numbers are still to be read."""
        kind, dtype, key, _device, size, *_part = pid
        if kind != "storage" or dtype not in ("<f4", "<i8"):
            raise pickle.UnpicklingError(f"it asks for {kind!r} of {dtype!r} kept elsewhere")
        return self.storages.setdefault(key, Storage(np.dtype(dtype), size))
