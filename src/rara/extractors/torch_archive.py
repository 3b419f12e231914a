"""Reads the tensors in a PyTorch archive (1.6 or later, or TorchScript), without PyTorch.

An archive is a ZIP file: a pickle `NAME/data.pkl`, and each storage raw in `NAME/data/KEY`.
TorchScript's has code beside them, and objects of its modules in the pickle. The code is not read:
a module is taken as the names and tensors that it holds, whatever its class is called. Other
objects are refused by `tensor_pickle`. The file bounds the memory: nothing in it may be compressed,
and its tensors may not have more bytes together than the file.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rara.errors import WeightsError
from rara.extractors.tensor_pickle import Storage, TensorUnpickler, View

MOST_TENSORS: Final = 10_000
"""A file with more is refused: a few modules that hold each other make any number."""

_MOST_BYTES: Final = 16 << 20
"""Of the pickle, which holds names and shapes."""

_LONGEST: Final = 1000
"""Characters of a name."""

_FAULTS: Final = (
    zipfile.BadZipFile, pickle.UnpicklingError, struct.error, EOFError, ValueError, TypeError,
    AttributeError, LookupError, RuntimeError, OverflowError, OSError,
)  # fmt: skip
"""What a damaged or hostile file can end in."""


class ScriptModule:
    """Stands in for a module of TorchScript: what it holds, by name."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held: Mapping[str, object] = {}

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError("a module is no set of names")
        self.held = state

    @classmethod
    def of(cls, content: object) -> ScriptModule:
        """What a file holds, as a module; a state dict is one without others in it."""
        if isinstance(content, ScriptModule):
            return content
        module = cls()
        module.__setstate__(dict(content) if isinstance(content, Mapping) else content)
        return module


class _ArchiveUnpickler(TensorUnpickler):
    """Knows modules of TorchScript too, and the lists of numbers that they may hold."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "__torch__" or module.startswith("__torch__."):
            return ScriptModule
        if (module, name) in _LISTS:
            return list
        return super().find_class(module, name)


_LISTS: Final = {
    ("torch.jit._pickle", f"build_{kind}list") for kind in ("int", "double", "bool", "tensor")
}


def read_archive(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a state dict, or of the modules of a TorchScript file, by dotted names.

    Raises WeightsError where the file is no such archive, or holds other objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path.stat().st_size)
    except _FAULTS as error:
        short = " ".join(str(error).split())[:120] or type(error).__name__
        raise WeightsError(
            f"'{path}' is no PyTorch archive of weights: rara reads tensors and nothing else "
            f"({short})."
        ) from error


def _read(archive: zipfile.ZipFile, size: int) -> dict[str, NDArray[Any]]:
    names = archive.namelist()
    tops = [name.partition("/")[0] for name in names if name.endswith("/data.pkl")]
    if len(tops) != 1:
        raise pickle.UnpicklingError("it has no data.pkl")
    order = f"{tops[0]}/byteorder"
    if order in names and _stored(archive, order, _MOST_BYTES) != b"little":
        raise pickle.UnpicklingError("it was written on a big-endian machine")
    pickled = _stored(archive, f"{tops[0]}/data.pkl", _MOST_BYTES)
    unpickler = _ArchiveUnpickler(io.BytesIO(pickled))
    views = dict(_named(unpickler.load()))
    _check_sizes(unpickler.storages, views, size)
    for key, storage in unpickler.storages.items():
        content = _stored(archive, f"{tops[0]}/data/{key}", size)
        if len(content) != _bytes(storage.size, storage):
            raise pickle.UnpicklingError(f"storage {key} has {len(content):,} bytes")
        storage.data = np.frombuffer(content, storage.dtype)
    return {name: view.array() for name, view in views.items()}


def _check_sizes(storages: Mapping[str, Storage], views: Mapping[str, View], size: int) -> None:
    """Neither the storages nor the tensors may have more bytes than the file."""
    stored = [_bytes(one.size, one) for one in storages.values()]
    taken = [_bytes(math.prod(one.shape), one.storage) for one in views.values()]
    if min([0, *stored, *taken]) < 0 or max(sum(stored), sum(taken)) > size:
        raise pickle.UnpicklingError("its tensors have more bytes than the file")


def _bytes(numbers: int, storage: Storage) -> int:
    return numbers * storage.dtype.itemsize


def _stored(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """The bytes of an entry that is not compressed, as all are that PyTorch writes."""
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > most:
        raise pickle.UnpicklingError(f"{name} is compressed or too large")
    return archive.read(entry)


def _named(content: object) -> Iterator[tuple[str, View]]:
    """The tensors of a state dict, or of a module and those within, by dotted names."""
    waiting: list[tuple[str, object]] = [("", ScriptModule.of(content))]
    met = 0
    while waiting:
        name, one = waiting.pop()
        met += 1
        if met > MOST_TENSORS or len(name) > _LONGEST:
            raise pickle.UnpicklingError("it has too many tensors, or names that are too long")
        if isinstance(one, View):
            yield name, one
        elif isinstance(one, ScriptModule):
            inner = [(f"{name}.{key}".lstrip("."), value) for key, value in one.held.items()]
            waiting += reversed(inner)
