"""Files of weights as PyTorch writes them, made without it: old ones, archives, TorchScript."""

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from unittest import mock

import numpy as np


class Storage:
    """Pickles as a reference to numbers elsewhere in the file."""

    def __init__(self, key, size):
        self.key, self.size = key, size


class Tensor:
    """Pickles as a tensor does: by the function that makes it from its storage."""

    def __init__(self, storage, offset, shape, strides):
        self.view = (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.view


class Module:
    """Pickles as a module of TorchScript does."""

    def __init__(self, **held):
        vars(self).update(held)


Module.__module__, Module.__qualname__ = "__torch__.net", "Module"


class TorchPickler(pickle.Pickler):
    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        return ("storage", sys.modules["torch"].FloatStorage, obj.key, "cpu", obj.size, None)


def pickled(content):
    """The pickle of tensors and what holds them; its names are torch's."""
    file = io.BytesIO()
    with mock.patch.dict(sys.modules, _stand_ins()):
        TorchPickler(file, protocol=2).dump(content)
    return file.getvalue()


def _stand_ins():
    """Modules with torch's names for the pickler to write down; ours are called instead."""

    def rebuild(*args):
        raise AssertionError

    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    names = ("torch", "torch._utils", "__torch__", "__torch__.net")
    modules = {name: types.ModuleType(name) for name in names}
    modules["torch"].FloatStorage = type("FloatStorage", (), {"__module__": "torch"})
    modules["torch._utils"]._rebuild_tensor_v2 = rebuild
    modules["__torch__.net"].Module = Module
    return modules


def old_file(content, storages, magic=0x1950A86A20F9469CFC6C):
    """The bytes of a file before PyTorch 1.6."""
    headers = [pickle.dumps(one, protocol=2) for one in (magic, 1001, {"little_endian": True})]
    lists = [pickled(content), pickle.dumps(list(storages), protocol=2)]
    numbers = [
        len(one).to_bytes(8, "little") + np.asarray(one, "<f4").tobytes()
        for one in storages.values()
    ]
    return b"".join([*headers, *lists, *numbers])


def archive(path, content, storages, *, byteorder="little", compression=zipfile.ZIP_STORED):
    """Writes a file of PyTorch 1.6 or later, and gives its path."""
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("net/data.pkl", pickled(content))
        file.writestr("net/byteorder", byteorder)
        file.writestr("net/code/__torch__/net.py", "raise SystemExit")
        for key, numbers in storages.items():
            file.writestr(f"net/data/{key}", np.asarray(numbers, "<f4").tobytes())
    return path


def archive_of(path, arrays, *, script=False):
    """The same of arrays by name: a state dict, or modules that hold each other."""
    storages = {str(i): one.ravel() for i, one in enumerate(arrays.values())}
    tensors = {
        name: Tensor(Storage(str(i), one.size), 0, one.shape, tuple(s // 4 for s in one.strides))
        for i, (name, one) in enumerate(arrays.items())
    }
    return archive(path, _nested(tensors) if script else OrderedDict(tensors), storages)


def _nested(tensors):
    tree = Module(training=False)
    for name, tensor in tensors.items():
        *parents, last = name.split(".")
        inner = tree
        for parent in parents:
            inner = vars(inner).setdefault(parent, Module(training=False))
        vars(inner)[last] = tensor
    return tree
