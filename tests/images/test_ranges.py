"""What the numbers of an array mean is decided once, for all of its images, or refused."""

import numpy as np
import pytest

from embedding import Means
from make import pictures
from rara.errors import EmptySourceError, ImageError, UnknownSourceError
from rara.features.embed import embed
from rara.images.decode import content_digest, decode, decode_noted
from rara.sources import open_source

RNG = np.random.default_rng(7)
WHOLE = RNG.integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
WHOLE[0].flat[:2] = 0, 255
EVERY = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)


def saved(tmp_path, images, how):
    """A source of these images, by one of the ways in which rara reads arrays."""
    if how == "memory":
        return open_source(images)
    path = tmp_path / ("x.npy" if how == "npy" else "x.npz")
    {"npy": np.save, "npz": np.savez, "compressed": np.savez_compressed}[how](path, images)
    return open_source(path)


WAYS = pytest.mark.parametrize("how", ["memory", "npy", "npz", "compressed"])
SCALES = {
    "unit": lambda x: x / np.float32(255),
    "signed": lambda x: x / np.float32(127.5) - np.float32(1),
    "bytes": lambda x: x.astype(np.float32),
    "bytes in double": lambda x: x.astype(np.float64),
}


@WAYS
@pytest.mark.parametrize("scale", SCALES)
def test_floats_of_every_range_give_the_pixels_they_were_made_of(tmp_path, how, scale):
    source = saved(tmp_path, SCALES[scale](WHOLE), how)
    assert np.array_equal(pictures(source), WHOLE)


@pytest.mark.parametrize("scale", SCALES)
def test_each_of_the_256_values_comes_back(tmp_path, scale):
    assert np.array_equal(pictures(open_source(SCALES[scale](EVERY)))[..., 0], EVERY)


@WAYS
@pytest.mark.parametrize("scale", SCALES)
def test_an_image_is_read_like_its_array_though_it_alone_would_mean_something_else(
    tmp_path, how, scale
):
    pixels = WHOLE.copy()
    pixels[1], pixels[2, :2], pixels[2, 2:], pixels[3] = 1, 0, 1, 200  # only bright, only dark
    source = saved(tmp_path, SCALES[scale](pixels), how)
    assert np.array_equal(pictures(source), pixels)
    chosen = list(source.select(["000001", "000003"]))
    assert [item.id for item in chosen] == ["000001", "000003"]
    assert np.array_equal(pictures(chosen), pixels[[1, 3]])


@WAYS
@pytest.mark.parametrize(
    ("images", "found"),
    [
        (np.linspace(-0.2, 1, 60), "from -0.2 to 1"),
        (np.linspace(-2.1, 2.6, 60), "from -2.1 to 2.6"),
        (np.linspace(0, 1.5, 60), "from 0 to 1.5"),
        (np.linspace(0, 100, 60), "from 0 to 100"),
        (np.linspace(0, 4095, 60), "from 0 to 4095"),
        (np.linspace(-1, 1.1, 60), "from -1 to 1.1"),
        (np.linspace(-128, 127, 60), "from -128 to 127"),
    ],
)
def test_ranges_that_are_open_or_none_are_refused_as_a_whole(tmp_path, how, images, found):
    source = saved(tmp_path, images.reshape(2, 5, 6), how)
    words = rf"holds floats {found}\. rara reads 0 to 1, -1 to 1 .* and 0 to 255"
    with pytest.raises(UnknownSourceError, match=words):
        next(iter(source))
    with pytest.raises(UnknownSourceError, match=words):  # nor one of the images that would do
        list(source.select(["000001"]))


class Tensor:
    """An array of another library: numpy takes it, and that is all it has of numpy's."""

    dtype = "float32 of mine"

    def __init__(self, array):
        self._array, self.shape = array, list(array.shape)

    def __len__(self):
        return len(self._array)

    def __getitem__(self, rows):
        return Tensor(self._array[rows])

    def __array__(self, dtype=None, copy=None):
        return self._array


def test_a_tensor_is_read_as_a_whole_like_an_array():
    images = SCALES["signed"](WHOLE)
    images[1] = 0.5  # alone it would lie in 0 to 1
    source = open_source(Tensor(images))
    assert source.location == "Tensor of 6 images"
    assert np.array_equal(pictures(source), pictures(open_source(images)))
    with pytest.raises(UnknownSourceError, match=r"holds floats from -2 to 2"):
        next(iter(open_source(Tensor(images * 2))))
    turned = open_source(Tensor(images.transpose(0, 3, 2, 1)))
    assert np.array_equal(pictures(turned), pictures(source).transpose(0, 2, 1, 3))
    assert turned.remarks == ["The images have shape 3 x 4 x 5: their channels were moved last."]


def test_colours_and_opacity_must_lie_in_one_range():
    images = np.concatenate([WHOLE, np.full((6, 5, 4, 1), 255, np.uint8)], axis=3)
    for scale in SCALES.values():
        assert np.array_equal(pictures(open_source(scale(images))), WHOLE)
    half = SCALES["signed"](images)
    half[0, 0, 0, 3] = 0.5
    with pytest.raises(UnknownSourceError, match=r"from -1 to 1 and opacity from 0.5 to 1"):
        next(iter(open_source(half)))
    mixed = images.astype(np.float32)
    mixed[..., 3] = 1
    with pytest.raises(UnknownSourceError, match=r"from 0 to 255 and opacity from 1 to 1"):
        next(iter(open_source(mixed)))


def test_an_image_without_numbers_is_refused_alone():
    images = SCALES["signed"](WHOLE)
    images[1, 0, 0, 0], images[2, 0, 0, 0] = np.nan, np.inf
    for row, item in enumerate(open_source(images)):
        if row in (1, 2):
            with pytest.raises(ImageError, match=r"to (nan|inf), not from -1 to 1"):
                decode(item.load())
        else:
            assert np.array_equal(np.asarray(decode(item.load())), WHOLE[row])


@WAYS
def test_sixteen_bits_have_one_depth_for_the_whole_array(tmp_path, how):
    deep = WHOLE.astype(np.uint16) << 4
    deep[1] >>= 2  # alone it would be read as 10-bit, and bright
    source = saved(tmp_path, deep, how)
    assert np.array_equal(pictures(source), deep >> 4)
    notes = {decode_noted(item.load()).note for item in source}
    assert notes == {"16-bit pixels read as 12-bit, as no value needs more"}
    deep[0, 0, 0, 0] = 65_535
    source = saved(tmp_path, deep, how)
    assert np.array_equal(pictures(source), deep >> 8)
    assert decode_noted(next(iter(source)).load()).note == ""


def test_opacity_of_sixteen_bits_has_one_depth_too():
    deep = np.zeros((2, 3, 4, 4), np.uint16)
    deep[..., :3], deep[0, ..., 3], deep[1, ..., 3] = 0, 65_535, 257
    deep[0, 0, 0, 0] = 4095
    read = pictures(open_source(deep))
    assert read[0, 0, 0].tolist() == [255, 0, 0]
    assert (read[1] == 254).all()  # hardly opaque, hence white


def test_what_the_array_means_is_part_of_the_digest():
    signed, alone = SCALES["signed"](WHOLE), abs(SCALES["signed"](WHOLE[:1]))
    signed[0] = alone[0]
    digests = [content_digest(next(iter(open_source(x))).load()) for x in (signed, alone)]
    assert digests[0] != digests[1]
    assert digests[1] == content_digest(alone[0])
    dark, deep = np.full((2, 3, 6), 9, np.uint16), np.full((2, 3, 6), 9, np.uint16)
    deep[1] = 65_535
    assert len({content_digest(next(iter(open_source(x))).load()) for x in (dark, deep)}) == 2


def test_arrays_of_no_numbers_at_all_leave_no_image(tmp_path):
    images = np.full((3, 5, 6), np.nan, np.float32)
    with pytest.raises(EmptySourceError, match=r"None of the 3 images"):
        embed(open_source(images), Means(), cache=tmp_path)
