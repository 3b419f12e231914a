"""Arrays in files: which one is read, its labels, and files that are not what they say."""

import io
import zipfile

import numpy as np
import pytest

from embedding import Means
from make import pictures
from rara.cli.array_options import Reading
from rara.errors import DamagedArchiveError, EmptySourceError, ParameterError, UnknownSourceError
from rara.features.embed import embed
from rara.sources import open_source

RNG = np.random.default_rng(5)
STACK = RNG.integers(0, 256, (6, 8, 7, 3), dtype=np.uint8)
OTHER = RNG.integers(0, 256, (4, 8, 7, 3), dtype=np.uint8)
SAVES = pytest.mark.parametrize("save", [np.savez, np.savez_compressed])


def labels(source):
    return [item.metadata.get("label") for item in source]


@SAVES
@pytest.mark.parametrize(
    ("images", "numbers"),
    [("images", "labels"), ("x", "y"), ("x_train", "y_train"), ("train_images", "train_labels"),
     ("samples", "label"), ("arr_0", "arr_1"), ("mine", "labels"), ("mine", None)],
)  # fmt: skip
def test_usual_names_of_images_and_their_labels(tmp_path, save, images, numbers):
    arrays = {images: STACK} | ({numbers: np.arange(6)[:, None]} if numbers else {})
    save(tmp_path / "a.npz", mu=np.zeros(8), sigma=np.eye(8), **arrays)
    source = open_source(tmp_path / "a.npz")
    assert np.array_equal(pictures(source), STACK)
    assert labels(source) == ([str(i) for i in range(6)] if numbers else [None] * 6)
    assert source.remarks == []
    assert {item.size for item in source} == {8 * 7 * 3}


def test_an_array_is_chosen_by_option_or_in_the_path_and_the_place_opens_again(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, train_images=STACK, train_labels=np.arange(6), val_images=OTHER)
    assert np.array_equal(pictures(open_source(path)), STACK)
    assert open_source(path).remarks == [
        "Array 'train_images' was read; --array chooses another of val_images (4, 8, 7, 3)."
    ]
    chosen = open_source(path, array="val_images")
    assert chosen.location == f"{path}#val_images"
    assert labels(chosen) == [None] * 4
    for source in (chosen, open_source(chosen.location), open_source(f"{path}#val_images")):
        assert np.array_equal(pictures(source), OTHER)
        assert source.remarks == []
    with pytest.raises(
        UnknownSourceError, match=r"no array 'test': it holds train_images .*#train"
    ):
        open_source(path, array="test")
    with pytest.raises(ParameterError, match="not both"):
        open_source(path, array="x", image_column="y")


def test_a_name_with_the_sign_of_a_key_is_a_name(tmp_path):
    np.savez(tmp_path / "a#b.npz", images=STACK)
    np.savez(tmp_path / "a", images=OTHER)
    for spec in ("a#b.npz", "a#b.npz#images"):
        assert np.array_equal(pictures(open_source(f"{tmp_path}/{spec}")), STACK)
    np.save(tmp_path / "x.npy", STACK)
    with pytest.raises(UnknownSourceError, match="one array without a name: remove 'images'"):
        open_source(f"{tmp_path}/x.npy#images")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "1.png").write_bytes(b"")
    with pytest.raises(UnknownSourceError, match="'images' would name an array"):
        open_source(f"{tmp_path}/folder#images")


def test_a_key_behind_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.savez(tmp_path / "a.npz", one=STACK, two=OTHER)
    source = open_source("~/a.npz#two")
    assert np.array_equal(pictures(source), OTHER)
    assert source.location == f"{tmp_path}/a.npz#two"
    assert Reading(array="two").place("~/a.npz") == "~/a.npz#two"


def test_several_files_share_a_key(tmp_path):
    for name, stack in (("a", STACK), ("b", OTHER)):
        np.savez(tmp_path / f"{name}.npz", mine=stack, other=stack[:1])
    source = open_source(f"{tmp_path}/*.npz#mine")
    assert np.array_equal(pictures(source), np.concatenate([STACK, OTHER]))
    assert np.array_equal(pictures(open_source(source.location)), pictures(source))


@SAVES
def test_labels_in_other_forms(tmp_path, save):
    path, numbers = tmp_path / "a.npz", np.array([2, 0, 1, 1, 0, 2])
    save(path, images=STACK, labels=np.eye(3)[numbers])
    assert labels(open_source(path)) == list("201102")
    assert "one-hot" in open_source(path).remarks[0]
    save(path, images=STACK, labels=np.array([b"cat", b"dog"] * 3))
    assert labels(open_source(path)) == ["cat", "dog"] * 3
    save(path, images=STACK, labels=numbers.astype(float))
    assert labels(open_source(path)) == list("201102")
    save(path, images=STACK, labels=np.ones((6, 3)))
    assert labels(open_source(path)) == [None] * 6
    assert "(6, 3) holds no single label" in open_source(path).remarks[0]
    save(path, images=STACK, labels=np.zeros((6, 70_000), np.uint8))
    assert "too large for labels" in open_source(path).remarks[0]
    save(path, images=STACK, labels=np.array(["a", None] * 3, dtype=object))
    with pytest.raises(UnknownSourceError, match=r"'labels' .* unpickle.*astype\(str\)"):
        open_source(path)


def test_statistics_for_fid_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", mu=np.zeros(8), sigma=np.eye(8))
    with pytest.raises(UnknownSourceError, match=r"mu \(8,\), sigma .*: statistics for FID"):
        open_source(tmp_path / "a.npz")


@pytest.mark.parametrize("how", ["npy", "npz", "compressed", "memory"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("scale", [1, 1 / 255])
def test_channels_that_come_first_are_moved(tmp_path, how, channels, scale):
    last = RNG.integers(0, 256, (3, 8, 7, channels), dtype=np.uint8)
    last[0].flat[:2] = 0, 255
    kind = np.uint8 if scale == 1 else np.float32
    last, first = last * kind(scale), last.transpose(0, 3, 1, 2) * kind(scale)
    if how == "memory":
        found, expected = open_source(first), open_source(last)
    else:
        save = {"npy": np.save, "npz": np.savez, "compressed": np.savez_compressed}[how]
        path = tmp_path / f"a.{'npy' if how == 'npy' else 'npz'}"
        save(path, np.ascontiguousarray(first))
        found, expected = open_source(path), open_source(last)
    assert np.array_equal(pictures(found), pictures(expected))
    assert "channels were moved last" in found.remarks[0]
    assert expected.remarks == []


def test_few_grey_images_are_said_to_be_read_so():
    assert "read as 3 grey images" in open_source(np.zeros((3, 8, 9), np.uint8)).remarks[0]


@SAVES
@pytest.mark.parametrize("kind", [">u2", ">f4", "<f2", "?", ">f8"])
def test_byte_orders_and_sizes_give_the_same_pictures(tmp_path, save, kind):
    native = (STACK > 99) if kind == "?" else (STACK / 255).astype(kind[1:])
    native = STACK.astype(np.uint16) << 4 if kind == ">u2" else native
    save(tmp_path / "a.npz", native.astype(kind))
    assert np.array_equal(pictures(open_source(tmp_path / "a.npz")), pictures(open_source(native)))


def header(shape, dtype="|u1"):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": dtype, "fortran_order": False, "shape": shape}
    )
    return out.getvalue()


@pytest.mark.parametrize(
    ("shape", "size"),
    [((5, 4, 7, 3), 419), ((5, 4, 7, 3), 421), ((10**30, 4, 4), 64), ((-5, 4, 4), 80),
     ((2**62, 4, 4), 0), ((5, -4, -4, 3), 240), ((5, 4, 7, 3), 0)],
)  # fmt: skip
@pytest.mark.parametrize("how", ["npy", zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_headers_are_held_against_the_bytes_that_are_there(tmp_path, shape, size, how):
    data = header(shape) + bytes(size)
    path = tmp_path / ("a.npy" if how == "npy" else "a.npz")
    if how == "npy":
        path.write_bytes(data)
    else:
        with zipfile.ZipFile(path, "w", how) as archive:
            archive.writestr("arr_0.npy", data)
    with pytest.raises(DamagedArchiveError, match=r"is damaged: shape .* takes .* bytes, and"):
        open_source(path)


def test_a_deflated_member_that_ends_early_is_damaged(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, np.zeros((5, 40, 70, 3), np.uint8))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02") + 24
    true = int.from_bytes(data[at : at + 4], "little")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arr_0.npy", header((5, 40, 70, 3)) + bytes(100))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = true.to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(DamagedArchiveError, match=r"ends inside image 0 of 5|CRC"):
        list(open_source(path))


def test_single_numbers_and_no_array_at_all(tmp_path):
    np.save(tmp_path / "a.npy", np.uint8(3))
    with pytest.raises(UnknownSourceError, match=r"shape \(\) .* no stack of images"):
        open_source(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz")
    with pytest.raises(UnknownSourceError, match="holds no array"):
        open_source(tmp_path / "a.npz")


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.uint16])
@pytest.mark.parametrize("how", ["npy", "compressed"])
def test_no_pixel_of_larger_images_is_read(tmp_path, kind, how, monkeypatch):
    path = tmp_path / ("a.npy" if how == "npy" else "a.npz")
    (np.save if how == "npy" else np.savez_compressed)(path, np.zeros((2, 30, 30), kind))
    stacks = "rara.sources.arrays.stacks.MappedStack.walk" if how == "npy" else (
        "rara.sources.arrays.stacks.CompressedStack.walk"
    )  # fmt: skip
    source = open_source(path)
    monkeypatch.setattr(stacks, lambda *_: pytest.fail("read"))
    with pytest.raises(EmptySourceError, match=r"None of the 2 images .*--max-pixels"):
        embed(source, Means(), cache=tmp_path / "cache", max_pixels=899)


def test_parts_within_the_limit_are_read_beside_larger_ones(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 40, 30), np.uint8))
    np.save(tmp_path / "b.npy", STACK)
    found = embed(
        open_source(f"{tmp_path}/*.npy"), Means(), cache=tmp_path / "cache", max_pixels=899
    )
    assert len(found) == 6
    assert [one.id for one in found.skipped] == ["a.npy/000000", "a.npy/000001"]


@pytest.mark.parametrize("name", ["a.pt", "a.PKL", "a.h5", "a.tfrecord", "a.lmdb", "a.safetensors"])
def test_formats_that_are_not_read_have_a_remedy(tmp_path, name):
    (tmp_path / name).write_bytes(b"cposix\nsystem\n")
    for place in (tmp_path / name, tmp_path):
        with pytest.raises((UnknownSourceError, EmptySourceError), match=r"numpy\.save as uint8"):
            open_source(place)


def test_a_folder_of_arrays_has_a_remedy(tmp_path):
    for i in range(3):
        np.save(tmp_path / f"{i}.npy", STACK[i])
    with pytest.raises(EmptySourceError, match=r"3 arrays.*'.*0\.npy', or .*numpy\.stack"):
        open_source(tmp_path)
