"""PyTorch archives and TorchScript files, read without PyTorch and without running them."""

import os
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from rara.errors import WeightsError
from rara.extractors.torch_archive import MOST_TENSORS, read_archive
from torch_pickles import Module, Storage, Tensor, archive, archive_of

ARRAYS = {
    "first.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "first.inner.bias": np.arange(3, dtype=np.float32),
    "last": np.float32([[7]]),
}


@pytest.mark.parametrize("script", [False, True])
def test_tensors_come_by_dotted_names(tmp_path, script):
    read = read_archive(archive_of(tmp_path / "a.pt", ARRAYS, script=script))
    assert sorted(read) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(read[name], array)


def test_what_is_no_tensor_is_passed_over(tmp_path):
    tensor = Tensor(Storage("0", 2), 0, (2,), (1,))
    content = Module(training=True, names=["a"], pair=(1, 2), none=None, weight=tensor)
    assert list(read_archive(archive(tmp_path / "a.pt", content, {"0": [1, 2]}))) == ["weight"]


class Harmful:
    """Pickles as a call that leaves a trace."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("held", [lambda one: {"w": one}, lambda one: Module(w=one)])
def test_nothing_but_tensors_is_unpickled(tmp_path, held):
    path = archive(tmp_path / "a.pt", held(Harmful(tmp_path / "trace")), {})
    with pytest.raises(WeightsError, match="mkdir, which no weights need"):
        read_archive(path)
    assert not (tmp_path / "trace").exists()


def test_code_is_not_run(tmp_path):
    path = archive_of(tmp_path / "a.pt", ARRAYS, script=True)
    assert b"raise SystemExit" in path.read_bytes()
    assert len(read_archive(path)) == 3


def one(shape=(8,), strides=(1,), offset=0, size=8, key="0"):
    return Tensor(Storage(key, size), offset, shape, strides)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"w": one((9,))}, "more bytes than the file|outside its storage"),
        ({"w": one((2,), (8,))}, "outside its storage"),
        ({"w": one((2,), offset=-1)}, "outside its storage"),
        ({"w": one(size=7)}, "storage 0 has 32 bytes"),
        ({"w": one(key="1")}, "net/data/1"),
        ({"w": one((10**12,), (0,))}, "more bytes than the file"),
        ({"w": one((-1,))}, "more bytes than the file"),
        (Module(**{"w" * 2000: one()}), "names that are too long"),
        ([one()], "no set of names"),
    ],
)
def test_what_reaches_too_far_is_refused(tmp_path, content, words):
    path = archive(tmp_path / "a.pt", content, {"0": np.arange(8)})
    with pytest.raises(WeightsError, match=words):
        read_archive(path)


def test_modules_that_hold_each_other_end(tmp_path):
    inner = Module(w=one())
    for _ in range(40):  # 2^40 names
        inner = Module(a=inner, b=inner)
    with pytest.raises(WeightsError, match="too many tensors"):
        read_archive(archive(tmp_path / "a.pt", inner, {"0": np.arange(8)}))
    around = Module()
    vars(around)["a"] = around
    with pytest.raises(WeightsError, match="too many tensors"):
        read_archive(archive(tmp_path / "a.pt", around, {}))
    assert MOST_TENSORS < 2**40


def test_tensors_that_share_a_storage_cannot_fill_the_memory(tmp_path):
    content = OrderedDict((f"w{i}", one((2000,), size=2000)) for i in range(50))
    with pytest.raises(WeightsError, match="more bytes than the file"):
        read_archive(archive(tmp_path / "a.pt", content, {"0": np.arange(2000)}))


def test_storages_that_share_their_bytes_cannot_fill_the_memory(tmp_path):
    """Many names for the same bytes of the file: a ZIP file may list an entry again and again."""
    count, numbers = 50, np.arange(2000, dtype=np.float32)
    content = OrderedDict((f"w{i}", one((2000,), size=2000, key=str(i))) for i in range(count))
    path = archive(tmp_path / "a.pt", content, {"0": numbers})
    with zipfile.ZipFile(path, "a") as file:
        entry = file.getinfo("net/data/0")
        for i in range(1, count):
            again = zipfile.ZipInfo(f"net/data/{i}")
            for name in ("CRC", "file_size", "compress_size", "header_offset"):
                setattr(again, name, getattr(entry, name))
            file.filelist.append(again)
            file.NameToInfo[again.filename] = again
        file._didModify = True
    with pytest.raises(WeightsError, match="more bytes than the file"):
        read_archive(path)


def test_compressed_and_big_endian_archives_are_refused(tmp_path):
    content, storages = {"w": one()}, {"0": np.zeros(8)}
    path = archive(tmp_path / "a.pt", content, storages, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsError, match="compressed"):
        read_archive(path)
    with pytest.raises(WeightsError, match="big-endian"):
        read_archive(archive(tmp_path / "b.pt", content, storages, byteorder="big"))


def test_files_of_another_kind_or_damaged_are_refused(tmp_path):
    whole = archive_of(tmp_path / "a.pt", ARRAYS, script=True).read_bytes()
    path = tmp_path / "b.pt"
    for length in range(0, len(whole), 13):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match="no PyTorch archive"):
            read_archive(path)
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            read_archive(path)
        except WeightsError:
            continue
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("other.txt", "nothing")
    with pytest.raises(WeightsError, match=r"no data\.pkl"):
        read_archive(path)
