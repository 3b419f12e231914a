"""Reads the weights in an old-format PyTorch file (before 1.6), without PyTorch.

Such a file is four pickles (a magic number, the protocol, the writer's machine, the
object) and then the storages themselves, raw and little-endian. The object's pickle is
read with an unpickler that can name four things: an ordered dict, two types of storage and
the function that views a storage as a tensor, the last three being stand-ins of ours.
Whatever else the pickle asks for is refused before anything runs.
"""

from __future__ import annotations

import math
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rara.errors import WeightsError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


@dataclass(slots=True)
class _Storage:
    """A run of numbers that tensors are views of; its bytes come at the end of the file."""

    dtype: np.dtype[Any]
    size: int
    data: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor: where it begins in its storage, its shape, and its strides in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> NDArray[Any]:
        data = self.storage.data
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        inside = min(self.offset, *self.strides, 0) >= 0 and last < self.storage.size
        if data is None or not inside or math.prod(self.shape) > data.size:
            raise pickle.UnpicklingError("a tensor reaches outside its storage")
        bytes_apart = tuple(s * data.itemsize for s in self.strides)
        return np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, bytes_apart).copy()


def _view(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...],
          *_gradients_and_hooks: object) -> _View:  # fmt: skip
    return _View(storage, offset, shape, strides)


class _TensorUnpickler(pickle.Unpickler):
    """Knows tensors and nothing else."""

    _NAMES = {  # noqa: RUF012 - never changed
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _view,
        ("torch", "FloatStorage"): "<f4",
        ("torch", "LongStorage"): "<i8",
    }

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._NAMES[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which no weights need"
            ) from None

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, size, _part = pid
        if kind != "storage" or dtype not in ("<f4", "<i8"):
            raise pickle.UnpicklingError(f"it asks for {kind!r} of {dtype!r} kept elsewhere")
        return self.storages.setdefault(key, _Storage(np.dtype(dtype), size))


def read_state_dict(path: Path) -> dict[str, NDArray[Any]]:
    """The named tensors in an old-format PyTorch file, as arrays.

    Raises WeightsError where the file holds anything else, or less.
    """
    with path.open("rb") as file:
        try:
            return _read(file)
        except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, KeyError,
                IndexError) as error:  # fmt: skip
            raise WeightsError(
                f"'{path}' is not a PyTorch state dict in the old format: {error}."
            ) from error


def _read(file: BinaryIO) -> dict[str, NDArray[Any]]:
    if (_TensorUnpickler(file).load(), _TensorUnpickler(file).load()) != (_MAGIC, _PROTOCOL):
        raise pickle.UnpicklingError("its first bytes are those of another format")
    machine = _TensorUnpickler(file).load()
    if not machine["little_endian"]:
        raise pickle.UnpicklingError("it was written on a big-endian machine")
    unpickler = _TensorUnpickler(file)
    views = unpickler.load()
    for key in _TensorUnpickler(file).load():
        _fill(unpickler.storages[key], file)
    return {name: view.array() for name, view in views.items()}


def _fill(storage: _Storage, file: BinaryIO) -> None:
    size = int.from_bytes(file.read(8), "little")
    if size != storage.size:
        raise pickle.UnpicklingError(f"a storage of {storage.size} numbers says it has {size}")
    storage.data = np.frombuffer(file.read(size * storage.dtype.itemsize), storage.dtype, size)
