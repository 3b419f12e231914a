"""Reads the weights in an old-format PyTorch file (before 1.6), without PyTorch.

Such a file is four pickles (a magic number, the protocol, the writer's machine, the
object) and then the storages themselves, raw and little-endian. `tensor_pickle` reads the
object's pickle and refuses whatever is no tensor.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rara.errors import WeightsError
from rara.extractors.tensor_pickle import Storage, TensorUnpickler

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


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
    if (TensorUnpickler(file).load(), TensorUnpickler(file).load()) != (_MAGIC, _PROTOCOL):
        raise pickle.UnpicklingError("its first bytes are those of another format")
    machine = TensorUnpickler(file).load()
    if not machine["little_endian"]:
        raise pickle.UnpicklingError("it was written on a big-endian machine")
    unpickler = TensorUnpickler(file)
    views = unpickler.load()
    for key in TensorUnpickler(file).load():
        _fill(unpickler.storages[key], file)
    return {name: view.array() for name, view in views.items()}


def _fill(storage: Storage, file: BinaryIO) -> None:
    size = int.from_bytes(file.read(8), "little")
    if size != storage.size:
        raise pickle.UnpicklingError(f"a storage of {storage.size} numbers says it has {size}")
    storage.data = np.frombuffer(file.read(size * storage.dtype.itemsize), storage.dtype, size)
