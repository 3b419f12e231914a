"""Rows of data sets, batches of loaders and other things that Python code yields."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from make import encoded, pictures
from rara.errors import EmptySourceError, ImageError, SourceError, UnknownSourceError
from rara.images.decode import decode
from rara.sources import open_source

RNG = np.random.default_rng(11)
STACK = RNG.integers(0, 256, (6, 8, 7, 3), dtype=np.uint8)
STACK[0].flat[:2] = 0, 255
FIRST = STACK.transpose(0, 3, 1, 2)
SIGNED = (FIRST / 127.5 - 1).astype(np.float32)


class Tensor:
    """An array of another library: indexed, converted by numpy, and nothing else."""

    def __init__(self, array):
        self._array, self.shape = array, tuple(np.shape(array))

    def __len__(self):
        return len(self._array)

    def __getitem__(self, row):
        return Tensor(self._array[row])

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._array)

    def item(self):
        return self._array.item()


class DataSet:
    """A data set by place: no iterator, and no end of its own."""

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, at):
        return self.rows[at % len(self.rows)]


class Loader:
    """Batches anew each time that it is iterated over."""

    def __init__(self, batches):
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        return iter(self.batches)


def metadata(source):
    return [dict(item.metadata) for item in source]


FORMS = {
    "PIL": Image.fromarray,
    "bytes": encoded,
    "bytearray": lambda pixels: bytearray(encoded(pixels)),
    "array": lambda pixels: pixels,
    "channels first": lambda pixels: pixels.transpose(2, 0, 1),
    "tensor": lambda pixels: Tensor(pixels.transpose(2, 0, 1)),
    "struct": lambda pixels: {"bytes": encoded(pixels), "path": "a.png"},
}
COLLECTIONS = {"list": list, "generator": iter, "data set": DataSet, "loader": Loader}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", COLLECTIONS)
@pytest.mark.parametrize("key", ["image", "img", "pixel_values", "images", "jpg"])
def test_rows_with_an_image_and_what_else_is_known(form, kind, key):
    rows = [
        {key: FORMS[form](pixels), "label": at, "caption": "a cat", "size": {"w": 3}, "none": None}
        for at, pixels in enumerate(STACK)
    ]
    items = list(open_source(COLLECTIONS[kind](rows)))
    assert [item.id for item in items] == [f"{row:06d}" for row in range(6)]
    assert np.array_equal(pictures(items), STACK)
    expected = [{"label": str(at), "prompt": "a cat", "size.w": 3} for at in range(6)]
    assert metadata(items) == expected


def test_paths_in_rows_are_read_when_asked_for(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(STACK[0]))
    places = [str(tmp_path / "a.png"), tmp_path / "no.png", "https://example.org/x.png"]
    there, gone, address = open_source([{"image": place} for place in places])
    assert np.array_equal(np.asarray(decode(there.load())), STACK[0])
    with pytest.raises(ImageError, match=r"no\.png' cannot be read: No such file"):
        gone.load()
    (endless,) = open_source([{"image": "/dev/zero"}])
    with pytest.raises(ImageError, match="neither a file nor a link to one"):
        endless.load()
    with pytest.raises(ImageError, match="nothing from the network"):
        address.load()
    (struct,) = open_source([{"image": {"bytes": None, "path": places[0]}}])
    assert struct.load() == encoded(STACK[0])


def test_the_key_of_the_image_can_be_given():
    rows = [{"image": STACK[1], "edited": STACK[0]}]
    assert np.array_equal(pictures(open_source(rows)), STACK[1:2])
    assert np.array_equal(pictures(open_source(rows, image_column="edited")), STACK[:1])
    with pytest.raises(UnknownSourceError, match=r"'image', 'edited', not 'mask'.*image_column="):
        list(open_source(rows, image_column="mask"))
    with pytest.raises(UnknownSourceError, match=r"row with 'a', 'b': it is unclear which"):
        list(open_source([{"a": STACK[0], "b": STACK[1]}]))
    assert np.array_equal(pictures(open_source([{"a": STACK[0], "b": 3}])), STACK[:1])


def test_what_is_no_plain_value_is_left_out_and_counted():
    source = open_source([{"image": pixels, "mask": pixels[..., 0]} for pixels in STACK])
    assert metadata(source) == [{}] * 6
    assert source.remarks == [
        "'mask' of 6 images is no plain value and was left out of the metadata."
    ]
    assert metadata(source)
    assert len(source.remarks) == 1  # counted anew


def test_class_names_of_a_data_set():
    class Feature:
        names = ("cat", "dog")

    class Features:
        feature = Feature()

    data = DataSet([{"image": STACK[0], "label": 1}, {"image": STACK[1], "label": -1}])
    data.features = {"label": Feature()}
    assert metadata(open_source(data)) == [{"label": "dog"}, {"label": "-1"}]
    batched = DataSet([{"image": list(STACK[:2]), "label": [1, 0]}])
    batched.features = {"label": Features()}
    assert metadata(open_source(batched)) == [{"label": "dog"}, {"label": "cat"}]


BATCHES = {
    "bare": lambda x, y: x,
    "one": lambda x, y: (x,),
    "pair": lambda x, y: (x, y),
    "list": lambda x, y: [x, y],
    "dict": lambda x, y: {"pixel_values": x, "labels": y},
    "columns": lambda x, y: {"image": list(x), "label": list(y)},
    "images": lambda x, y: list(x),
}


@pytest.mark.parametrize("form", BATCHES)
@pytest.mark.parametrize("images", [STACK, FIRST, SIGNED], ids=["last", "first", "signed"])
@pytest.mark.parametrize("wrap", [np.asarray, Tensor])
@pytest.mark.parametrize("kind", ["list", "loader"])
def test_each_image_of_a_batch_is_one(form, images, wrap, kind):
    labels = np.array([3, 1, 4, 1, 5, 9])
    batches = [BATCHES[form](wrap(images[at : at + 4]), wrap(labels[at : at + 4])) for at in (0, 4)]
    source = open_source(COLLECTIONS[kind](batches))
    items = list(source)
    assert source.count() is None
    assert [item.id for item in items] == [f"{row:06d}" for row in range(6)]
    assert np.array_equal(pictures(items), STACK)
    told = form not in ("bare", "one", "images")
    assert metadata(items) == ([{"label": str(one)} for one in labels] if told else [{}] * 6)
    assert any("Channels were moved last in 6" in one for one in source.remarks) == (
        images is not STACK
    )


def test_one_hot_labels_and_grey_images_of_a_batch():
    source = open_source([(STACK, np.eye(6)[::-1])])
    assert [one["label"] for one in metadata(source)] == list("543210")
    assert "one-hot" in source.remarks[0]
    grey = open_source([(STACK[..., 0], np.arange(6))])
    assert np.array_equal(pictures(grey)[..., 0], STACK[..., 0])
    with pytest.raises(UnknownSourceError, match=r"\(3, 8, 7\) and 3 labels: one image, or 3 grey"):
        list(open_source([(STACK[:3, ..., 0], np.arange(3))]))
    with pytest.raises(UnknownSourceError, match=r"\(6, 8, 7\); for a batch of grey images give"):
        list(open_source([STACK[..., 0]]))


def test_a_slice_of_a_data_set_is_one_mapping_of_columns():
    source = open_source({"image": list(STACK), "label": list(range(6))})
    assert np.array_equal(pictures(source), STACK)
    assert metadata(source)[5] == {"label": "5"}


@pytest.mark.parametrize(
    ("element", "words"),
    [
        (17, r"Element 0 \(int\) is no image"),
        (STACK[0].astype(np.int64), r"\(8, 7, 3\)\) is no image: integers of 64 bits; give uint8"),
        (STACK[0].astype(np.complex64), "complex numbers"),
        (np.zeros(64, np.float32), r"\(64,\)\) is a vector.*Reference\.from_features"),
        (Tensor(FIRST[0].astype(np.int64)), "integers of 64 bits"),
        ((STACK[0], STACK[1]), r"tuple of 2: ndarray \(8, 7, 3\), ndarray"),
        ((STACK[0], 1, 2), "tuple of 3: ndarray .*, int, int"),
        ([STACK, STACK], "list of 2: ndarray"),
        ({}, "row with nothing"),
        ({"image": 17}, r"Element 0 \(int\) is no image"),
        ("name", "is the path 'name'"),
    ],
)
@pytest.mark.parametrize("kind", ["generator", "data set"])
def test_what_is_no_image_is_refused_once_for_all(element, words, kind):
    source = open_source(COLLECTIONS[kind]([element] * 9))
    with pytest.raises(UnknownSourceError, match=words):
        list(source)


@pytest.mark.parametrize(
    "images",
    [
        {"train": DataSet([STACK[0]]), "test": DataSet([STACK[1]])},
        [{"image": DataSet([STACK[0]])}],
        [{"image": STACK[0].tolist()}],
    ],
)
def test_splits_of_a_data_set_and_nested_lists_are_no_images(images):
    with pytest.raises(UnknownSourceError, match=r"is no image: .* give such a collection alone"):
        list(open_source(images))


def test_tables_in_memory_are_asked_for_their_rows():
    for table in (pd.DataFrame({"image": [b"1"]}), pa.table({"image": [b"1"]})):
        with pytest.raises(UnknownSourceError, match=r"is a table: give its rows, .*to_dict"):
            open_source(table)


def test_a_generator_of_floats_in_another_range_is_refused_at_once():
    for images in (SIGNED, STACK.astype(np.float32)):
        with pytest.raises(UnknownSourceError, match=r"iterator .* from .*, not from 0 to 1; "):
            list(open_source(iter(images)))
    broken = np.full((8, 7, 3), np.nan, np.float32)
    first, second = open_source(iter([broken, STACK[1] / np.float32(255)]))
    with pytest.raises(ImageError, match="nan"):
        decode(first.load())
    assert np.array_equal(np.asarray(decode(second.load())), STACK[1])


def test_tensors_that_numpy_cannot_take_are_made_floats():
    class Half:
        shape = (8, 7, 3)

        def __array__(self, dtype=None, copy=None):
            raise TypeError("unsupported type BFloat16")

        def float(self):
            return STACK[0] / np.float32(255)

    class Remote(Tensor):
        def detach(self):
            return self

        def cpu(self):
            return STACK[0]

        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("on another device")

    for one in (Half(), Remote(STACK[0])):
        assert np.array_equal(pictures(open_source([one, one]))[1], STACK[0])


def test_names_of_webdataset_and_of_mappings():
    sample = {"__key__": "00/7", "__url__": "x.tar", "png": encoded(STACK[0]), "cls": 4,
              "txt": b"a cat", "json": {"seed": 3}}  # fmt: skip
    for told in ({"seed": 3}, b'{"seed": 3}'):
        (item,) = open_source(iter([sample | {"json": told}]))
        assert (item.id, item.metadata) == ("00/7", {"label": "4", "prompt": "a cat", "seed": 3})
    (item,) = open_source([sample | {"json": b"no json"}])
    assert item.metadata["json"] == "no json"
    pair = open_source(iter([(Image.fromarray(STACK[0]), {"seed": 3})]))
    assert metadata(pair) == [{"seed": 3}]
    named = open_source({7: STACK[0], "b": (STACK[1], "cat"), "c": {"image": STACK[2]}})
    assert [item.id for item in named] == ["7", "b", "c"]
    assert metadata(named) == [{}, {"label": "cat"}, {}]


def test_floats_of_a_list_have_one_range():
    images = [one.copy() for one in SIGNED.transpose(0, 2, 3, 1)]
    images[1] = abs(images[1])  # alone it would lie in 0 to 1
    expected = pictures(open_source(np.stack(images)))
    for kind in ("list", "data set", "loader"):
        assert np.array_equal(pictures(open_source(COLLECTIONS[kind](images))), expected)
    named = open_source({str(at): one for at, one in enumerate(images)})
    assert np.array_equal(pictures(named.select(["1"])), expected[1:2])
    with pytest.raises(UnknownSourceError, match="list of 6 images holds floats from -2 to 2"):
        list(open_source([2 * one for one in images]))


def test_other_kinds_beside_floats_keep_their_meaning():
    clear = np.dstack([STACK[2].astype(np.float32), np.full((8, 7), 255, np.float32)])
    deep = STACK.astype(np.uint16) << 4
    mixed = [STACK[0].astype(np.float32), encoded(STACK[1]), clear, None, deep[3], deep[4] >> 2]
    items = list(open_source(mixed))
    assert np.array_equal(pictures(items[:3]), STACK[:3])
    assert np.array_equal(pictures(items[4:]), [STACK[3], STACK[4] >> 2])


def test_floats_of_a_generator_are_read_alone_and_that_is_said():
    source = open_source(one / np.float32(255) for one in STACK)
    assert np.array_equal(pictures(source), STACK)
    assert "6 arrays of floats or sixteen bits come from a generator" in source.remarks[0]
    source = open_source(iter(STACK))
    assert len(list(source)) == 6
    assert source.remarks == []


def test_a_generator_of_rows_is_read_once_and_not_ahead():
    def rows():
        yield from ({"image": one} for one in STACK)
        pytest.fail("read ahead")

    items = iter(open_source(rows()))
    assert [next(items).id for _ in range(6)][-1] == "000005"
    source = open_source({"image": one} for one in STACK)
    assert len(list(source)) == 6
    with pytest.raises(SourceError, match="can be read once"):
        list(source)


def test_a_data_set_without_an_end_stops_at_its_length():
    assert len(list(open_source(DataSet([STACK[0], STACK[1]])))) == 2
    with pytest.raises(EmptySourceError):
        open_source(DataSet([]))
