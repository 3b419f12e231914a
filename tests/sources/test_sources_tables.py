"""Parquet files, arrays on disk and in memory, and whatever can be iterated."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from make import ids, loaded, png
from rara.errors import (
    DamagedArchiveError,
    EmptySourceError,
    ImageError,
    SourceError,
    UnknownSourceError,
)
from rara.images.decode import decode
from rara.images.ranges import Ranged
from rara.sources import open_source


def structs(*rows):
    return [{"bytes": data, "path": path} for data, path in rows]


def write(path, columns, *, group=None, metadata=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    pq.write_table(table.replace_schema_metadata(metadata), path, row_group_size=group)
    return path


# -- Parquet ----------------------------------------------------------------------------


def test_structs_of_bytes_and_path(tmp_path):
    images = structs((png(1), "cats/1.png"), (png(2), "../2.png"))
    source = open_source(write(tmp_path / "x.parquet", {"image": images}))
    assert loaded(source) == [("cats/1.png", png(1)), ("2.png", png(2))]
    assert source.count() == 2
    assert source.location == str(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    "paths", [("a.png", "a.png"), ("a.png", None), ("", "b.png"), (None, None)]
)
def test_paths_that_do_not_tell_rows_apart_are_no_ids(tmp_path, paths):
    images = structs(*((png(n), path) for n, path in enumerate(paths)))
    source = open_source(write(tmp_path / "x.parquet", {"image": images}))
    assert ids(source) == ["x.parquet#0", "x.parquet#1"]


def test_shards_are_one_table(tmp_path):
    for shard in (0, 1, 10, 9):
        rows = structs((png(shard), f"{shard}-a.png"), (png(shard), f"{shard}-b.png"))
        write(tmp_path / "data" / f"train-{shard}.parquet", {"image": rows})
    (tmp_path / "README.md").write_text("about")
    source = open_source(tmp_path)
    assert ids(source) == [f"{shard}-{row}.png" for shard in (0, 1, 9, 10) for row in "ab"]
    assert ids(open_source(str(tmp_path / "data" / "train-1*.parquet"))) == [
        f"{shard}-{row}.png" for shard in (1, 10) for row in "ab"
    ]
    assert ids(open_source(source.location)) == ids(source)


def test_shards_with_the_same_paths_are_told_apart_by_file(tmp_path):
    for shard in ("a", "b"):
        write(tmp_path / f"{shard}.parquet", {"image": structs((png(), "1.png"))})
    assert ids(open_source(tmp_path)) == ["a.parquet#0", "b.parquet#0"]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_a_binary_column_of_any_name(tmp_path, kind):
    columns = {"picture": pa.array([png(1), png(2)], kind), "id": ["x", "y"]}
    source = open_source(write(tmp_path / "x.parquet", columns))
    assert [item.load() for item in source] == [png(1), png(2)]
    assert [dict(item.metadata) for item in source] == [{"id": "x"}, {"id": "y"}]


def test_image_goes_before_other_binary_columns(tmp_path):
    columns = {"thumb": [b"t"], "image": [png(1)]}
    assert loaded(open_source(write(tmp_path / "x.parquet", columns)))[0][1] == png(1)


def test_scalar_columns_become_metadata(tmp_path):
    columns = {
        "image": [png()],
        "caption": ["a cat"],
        "label": pa.array([1]),
        "seed": [5],
        "cfg": [7.5],
        "safe": [True],
        "missing": pa.array([None], pa.string()),
        "nan": [float("nan")],
        "vector": [[1.0, 2.0]],
        "split": pa.array(["train"]).dictionary_encode(),
    }
    (item,) = open_source(write(tmp_path / "x.parquet", columns))
    assert item.metadata == {
        **{"prompt": "a cat", "label": "1", "seed": 5, "cfg": 7.5, "safe": True},
        "split": "train",
    }
    json.dumps(dict(item.metadata))


def test_class_names_from_the_card_in_the_schema(tmp_path):
    card = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
    columns = {"image": [png()] * 3, "label": [1, 0, -1]}
    place = write(tmp_path / "x.parquet", columns, metadata={"huggingface": json.dumps(card)})
    assert [item.metadata["label"] for item in open_source(place)] == ["dog", "cat", "-1"]


def test_select_reads_only_the_row_groups_that_are_needed(tmp_path):
    rows = {"image": [png(n) for n in range(100)]}
    source = open_source(write(tmp_path / "x.parquet", rows, group=40))
    assert loaded(source) == [(f"x.parquet#{n}", png(n)) for n in range(100)]
    wanted = [99, 3, 41, 40]
    picked = loaded(source.select([f"x.parquet#{n}" for n in wanted] + ["no"]))
    assert picked == [(f"x.parquet#{n}", png(n)) for n in sorted(wanted)]
    data = bytearray((tmp_path / "x.parquet").read_bytes())
    data[4 : len(data) // 4] = bytes(len(data) // 4 - 4)  # the first row group is lost
    (tmp_path / "x.parquet").write_bytes(data)
    assert loaded(source.select(["x.parquet#99"])) == [("x.parquet#99", png(99))]
    with pytest.raises(DamagedArchiveError, match=r"x.parquet' is damaged"):
        list(source)


def test_rows_without_bytes_fail_one_by_one(tmp_path):
    images = structs((None, "/data/a.png"), (png(), "b.png"))
    missing, whole = open_source(write(tmp_path / "x.parquet", {"image": images}))
    with pytest.raises(ImageError, match=r"no bytes in the table, only the path '/data/a.png'"):
        missing.load()
    assert whole.load() == png()


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"image": ["a.png"], "n": [1]}, r"no column with images among image \(string\), n"),
        ({"a": [b"1"], "b": [b"2"]}, "2 columns that could hold images"),
    ],
)
def test_tables_without_a_clear_column_of_images(tmp_path, columns, reason):
    with pytest.raises(UnknownSourceError, match=reason):
        open_source(write(tmp_path / "x.parquet", columns))


def test_a_table_without_rows(tmp_path):
    with pytest.raises(EmptySourceError, match=r"No rows"):
        open_source(write(tmp_path / "x.parquet", {"image": pa.array([], pa.binary())}))


# -- .npz and .npy ----------------------------------------------------------------------


STACK = np.random.default_rng(0).integers(0, 256, (5, 4, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_with_labels(tmp_path, save):
    save(tmp_path / "x.npz", arr_0=STACK, arr_1=np.array([3, 1, 4, 1, 5]))
    source = open_source(tmp_path / "x.npz")
    assert ids(source) == [f"{row:06d}" for row in range(5)]
    assert [item.metadata["label"] for item in source] == ["3", "1", "4", "1", "5"]
    for item, expected in zip(source, STACK, strict=True):
        assert np.array_equal(item.load(), expected)
    picked = list(source.select(["000004", "000001", "9"]))
    assert [item.id for item in picked] == ["000001", "000004"]
    assert all(np.array_equal(item.load(), STACK[int(item.id)]) for item in picked)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "images", [STACK[..., 0], STACK[..., :1], STACK.astype(np.float32) / 255, STACK.astype("u2")]
)
def test_npz_of_other_kinds(tmp_path, save, images):
    save(tmp_path / "x.npz", images=images)
    for item, expected in zip(open_source(tmp_path / "x.npz"), images, strict=True):
        payload = item.load()
        pixels = payload.pixels if isinstance(payload, Ranged) else payload
        assert np.array_equal(pixels, expected)
        assert decode(item.load()).size == (7, 4)


@pytest.mark.parametrize("images", [STACK, np.asfortranarray(STACK), STACK[..., 0]])
def test_npy_is_mapped(tmp_path, images):
    np.save(tmp_path / "x.npy", images)
    source = open_source(tmp_path / "x.npy")
    assert all(
        np.array_equal(item.load(), expected) for item, expected in zip(source, images, strict=True)
    )


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"arr_0": STACK[0]}, r"x\[None\]"),
        ({"arr_0": np.zeros((5, 7), np.float32)}, "no stack of images"),
        ({"a": STACK, "b": STACK}, r"holds several .*: a \(5, 4, 7, 3\), b .* --array a, or .*#a'"),
    ],
)
def test_npz_that_is_no_stack_of_images(tmp_path, arrays, reason):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(UnknownSourceError, match=reason):
        open_source(tmp_path / "x.npz")


def test_objects_are_never_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("it was unpickled",)

    objects = np.array([Bomb()], dtype=object)
    np.savez(tmp_path / "x.npz", arr_0=objects)
    np.save(tmp_path / "x.npy", objects)
    np.savez(tmp_path / "labels.npz", arr_0=STACK, arr_1=objects)
    for name in ("x.npz", "x.npy"):
        with pytest.raises(UnknownSourceError, match=r"Python objects"):
            open_source(tmp_path / name)
    with pytest.raises(UnknownSourceError, match=r"'arr_1' .* Python objects.*astype\(str\)"):
        open_source(tmp_path / "labels.npz")


def test_fortran_order_is_read_where_it_can_be(tmp_path):
    np.savez(tmp_path / "x.npz", np.asfortranarray(STACK))
    loaded_images = [item.load() for item in open_source(tmp_path / "x.npz")]
    assert np.array_equal(loaded_images, STACK)
    np.savez_compressed(tmp_path / "y.npz", np.asfortranarray(STACK))
    with pytest.raises(UnknownSourceError, match=r"Fortran order"):
        open_source(tmp_path / "y.npz")


def test_truncated_arrays(tmp_path):
    np.save(tmp_path / "x.npy", STACK)
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-10])
    np.savez(tmp_path / "x.npz", STACK)
    (tmp_path / "x.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:-10])
    for name in ("x.npy", "x.npz"):
        with pytest.raises(DamagedArchiveError, match=rf"{name}' is damaged"):
            open_source(tmp_path / name)


def test_labels_of_another_length(tmp_path):
    np.savez(tmp_path / "x.npz", STACK, np.arange(4))
    with pytest.raises(DamagedArchiveError, match=r"5 images, but 4 labels"):
        open_source(tmp_path / "x.npz")


def test_no_images_in_an_array(tmp_path):
    np.save(tmp_path / "x.npy", STACK[:0])
    with pytest.raises(EmptySourceError, match=r"no images"):
        open_source(tmp_path / "x.npy")


# -- in memory --------------------------------------------------------------------------


def test_an_array_of_images():
    source = open_source(STACK)
    assert (source.count(), source.location) == (5, "array of 5 images")
    assert np.array_equal(next(source.select(["000003"])).load(), STACK[3])


def test_a_list_of_anything_that_decodes():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return STACK[2]

    source = open_source([STACK[0], Image.fromarray(STACK[1]), Tensor(), png(), bytearray(png())])
    assert ids(source) == [f"{row:06d}" for row in range(5)]
    assert [decode(item.load()).mode for item in source] == ["RGB"] * 5
    assert source.location == "list of 5 images"


def test_pairs_and_mappings():
    pairs = [("a", png(1)), ("b", png(2)), ("a", png(3))]
    assert loaded(open_source(pairs)) == [("a", png(1)), ("b", png(2)), ("a~2", png(3))]
    assert loaded(open_source(dict(pairs[:2]))) == pairs[:2]
    assert loaded(open_source(dict(pairs[:2])).select(["b"])) == pairs[1:2]


def test_data_sets_of_images_and_labels():
    class DataSet:
        def __len__(self):
            return 2

        def __getitem__(self, row):
            if row >= 2:
                raise IndexError
            return Image.fromarray(STACK[row]), row + 7

    source = open_source(DataSet())
    for _ in range(2):
        assert [item.metadata for item in source] == [{"label": "7"}, {"label": "8"}]
    assert (source.count(), source.location) == (2, "DataSet of 2 images")


def test_a_generator_can_be_read_once():
    source = open_source(image for image in STACK)
    assert source.count() is None
    assert len(list(source)) == 5
    with pytest.raises(SourceError, match=r"generator of images can be read once, and it was"):
        list(source)
    with pytest.raises(SourceError, match=r"Pass a list"):
        list(source.select(["000001"]))


def test_an_infinite_generator_is_not_read_ahead():
    def images():
        yield from STACK
        pytest.fail("read ahead")

    items = iter(open_source(images()))
    assert [next(items).id for _ in range(5)][-1] == "000004"


def test_elements_that_are_no_images_fail_one_by_one():
    whole, nonsense, missing = open_source([png(), {1, 2}, None])
    with pytest.raises(ImageError, match=r"set is no array, PIL image or encoded bytes"):
        nonsense.load()
    with pytest.raises(ImageError, match=r"None instead of an image"):
        missing.load()
    assert whole.load() == png()


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (png(), r"A single image \(bytes\).*Put it into a list"),
        (Image.new("L", (2, 2)), "A single image"),
        (np.zeros((8, 8, 3), np.uint8), "one image, or many without their channels"),
        (np.zeros((2, 5, 8, 8), np.uint8), "no stack of images"),
        (np.zeros((2, 8), np.float32), "one vector in each row.*Reference.from_features"),
        (
            np.zeros((2, 8, 8), np.int64),
            r"integers of 64 bits; .*astype\(numpy.uint8\)",
        ),
        (np.zeros((2, 8, 8), np.complex64), r"complex numbers; .* numpy.abs\(x\)"),
        (np.zeros((2, 8, 8), "u1,u1"), r"records; give one field, such as x\['f0'\]"),
        (np.zeros((2, 8, 0), np.uint8), "images without pixels"),
        (17, "int is no source"),
        (None, "NoneType is no source"),
    ],
)
def test_what_is_no_source(spec, reason):
    with pytest.raises(UnknownSourceError, match=reason):
        open_source(spec)


def test_nothing_in_memory():
    for nothing in ([], {}, np.zeros((0, 4, 4), np.uint8)):
        with pytest.raises(EmptySourceError):
            open_source(nothing)


def test_paths_among_images(tmp_path):
    with pytest.raises(UnknownSourceError, match=r"Element 0 is the path"):
        list(open_source(iter([tmp_path / "a.png"])))
