"""Prints of pixels: what they see, what they do not, and how they turn with the picture."""

import hashlib
import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageEnhance, ImageFilter

from make import picture
from rara.geometry.hamming import NONE, closest_codes, closest_other_codes, transposed
from rara.images.decode import decode
from rara.images.phash import BITS, pixel_hash_of

TURN = Image.Transpose


def jpeg(image):
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=40)
    return decode(file.getvalue())


def codes(images):
    return np.frombuffer(
        b"".join(pixel_hash_of(image).code for image in images), np.uint64
    ).reshape(-1, 4)


def signs(words):
    """(n, 16, 16) the signs that codes stand for."""
    classes = np.unpackbits(words.view(np.uint8).reshape(-1, 4, 8), axis=2).reshape(-1, 2, 2, 8, 8)
    whole = np.empty((len(words), 16, 16), np.uint8)
    for row in (0, 1):
        for column in (0, 1):
            whole[:, row::2, column::2] = classes[:, row, column]
    return whole


def eight_ways(matrix):
    """A matrix of signs after each way to mirror and turn what it was made of."""
    odd = np.arange(16) % 2
    for turned in (matrix, matrix.T):
        for rows in (0, odd):
            for columns in (0, odd):
                yield turned ^ (rows * np.ones(16, int))[:, None] ^ (columns * np.ones(16, int))


def by_hand(one, other):
    return min(int((way != other).sum()) for way in eight_ways(one))


# -- one picture --


@pytest.fixture(scope="module")
def reference():
    return codes([picture(seed) for seed in range(60)])


ALTERED = {
    "compressed": jpeg,
    "smaller": lambda image: image.resize((60, 45)),
    "larger": lambda image: image.resize((900, 675)),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "stretched": lambda image: image.resize((120, 120)),
    **{way.name.lower(): lambda image, way=way: image.transpose(way) for way in TURN},
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED)
def test_altered_copies_are_nearer_than_anything_else(reference, alter):
    fresh = closest_codes(codes([picture(seed) for seed in range(100, 160)]), reference)
    found = closest_codes(codes([alter(picture(seed)) for seed in range(20)]), reference)
    assert found.index[:, 0].tolist() == list(range(20))
    assert found.distance.max() < fresh.distance.min()


@pytest.mark.parametrize("way", TURN)
def test_codes_turn_with_the_picture(way):
    """Exactly, but for signs of frequencies that a picture of bytes has next to nothing of."""
    square = picture(3, size=(64, 64))
    one, other = codes([square, square.transpose(way)])
    assert (one != other).any()
    assert by_hand(*signs(np.stack([one, other]))) == 0


def test_the_picture_counts_and_not_its_file():
    one = picture(7)
    file = io.BytesIO()
    one.save(file, format="PNG")
    assert pixel_hash_of(decode(file.getvalue())) == pixel_hash_of(one)
    assert pixel_hash_of(jpeg(one)).picture != pixel_hash_of(one).picture
    wide, high = (Image.new("RGB", size, "red") for size in ((20, 10), (10, 20)))
    assert pixel_hash_of(wide).picture != pixel_hash_of(high).picture


def test_flat_pictures_have_no_code():
    assert pixel_hash_of(Image.new("RGB", (50, 50), "red")).code is None
    assert len(pixel_hash_of(picture(1)).code) == BITS // 8


# -- many codes --

ROWS = st.integers(1, 24)
WORDS = st.integers(0, 2**64 - 1)


@st.composite
def some_codes(draw):
    """Codes full of ties: some repeat others, or differ from them in a few bits."""
    count = draw(ROWS)
    words = draw(arrays(np.uint64, (count, 4), elements=WORDS))
    copied = draw(arrays(np.int64, count, elements=st.integers(0, count - 1)))
    flipped = draw(arrays(np.uint64, (count, 4), elements=st.sampled_from([0, 1, 5, 2**63])))
    return np.where((copied % 2 == 0)[:, None], words[copied] ^ flipped, words)


def oracle(samples, reference, own=None):
    """Distance and index of the nearest, over the matrices of signs."""
    table = np.array(
        [[by_hand(s, r) for r in signs(reference)] for s in signs(samples)], dtype=np.int64
    ).reshape(len(samples), len(reference))
    if own is not None:
        table[np.arange(len(samples)), own] = NONE
    return table


@settings(deadline=None, max_examples=60)
@given(some_codes(), some_codes(), st.sampled_from([1, 3]))
def test_nearest_codes_are_those_of_the_matrices(samples, reference, threads):
    table = oracle(samples, reference)
    others = np.where(np.arange(len(reference)) % 2, 100, 0).astype(np.int32)
    found = closest_codes(samples, reference, others=others, threads=threads)
    np.testing.assert_array_equal(found.distance[:, 0], table.min(axis=1))
    np.testing.assert_array_equal(found.index[:, 0], table.argmin(axis=1))
    at_it = table == table.min(axis=1)[:, None]
    np.testing.assert_array_equal(found.partners, (at_it & (others > table)).sum(axis=1))


@settings(deadline=None, max_examples=60)
@given(some_codes(), st.integers(1, 9))
def test_lists_are_those_of_the_matrices_and_nobody_is_in_its_own(reference, k):
    own = np.arange(len(reference), dtype=np.int32)
    table = oracle(reference, reference, own)
    np.testing.assert_array_equal(table, table.T)  # one is as near to another as that one to it
    table = np.pad(table, ((0, 0), (0, k)), constant_values=NONE)
    order = np.argsort(table, axis=1, kind="stable")[:, :k]
    for found in (
        closest_codes(reference, reference, k=k, own=own),
        closest_other_codes(reference, k=k, threads=1),
        closest_other_codes(reference, k=k, threads=3),
    ):
        np.testing.assert_array_equal(found.distance, np.take_along_axis(table, order, axis=1))
        np.testing.assert_array_equal(found.index, np.where(found.distance == NONE, -1, order))


def test_many_codes_go_in_tiles():
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 2**64, (5000, 4), dtype=np.uint64)
    samples = np.concatenate([reference[[4999, 2048, 2047, 0]], transposed(reference[[3000]])])
    found = closest_codes(samples, reference)
    assert found.distance[:, 0].tolist() == [0] * 5
    assert found.index[:, 0].tolist() == [4999, 2048, 2047, 0, 3000]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_others_go_in_tiles_and_turns(threads):
    """As many codes as make several tiles and turns, on a grid where nearly all tie."""
    rng = np.random.default_rng(1)
    codes = np.zeros((5000, 4), np.uint64)
    codes[:, rng.integers(0, 4)] = rng.integers(0, 64, 5000, dtype=np.uint64)
    own = np.arange(5000, dtype=np.int32)
    expected = closest_codes(codes, codes, k=7, own=own)
    found = closest_other_codes(codes, k=7, threads=threads)
    np.testing.assert_array_equal(found.distance, expected.distance)
    np.testing.assert_array_equal(found.index, expected.index)


def test_no_reference_at_all():
    nothing = np.zeros((0, 4), np.uint64)
    found = closest_codes(np.ones((2, 4), np.uint64), nothing)
    assert found.distance.tolist() == [[NONE], [NONE]]
    assert found.index.tolist() == [[-1], [-1]]
    assert len(closest_codes(nothing, nothing).distance) == 0
    assert len(closest_other_codes(nothing).distance) == 0


def test_a_large_picture_is_not_copied():
    pixels = np.random.default_rng(0).integers(0, 256, (1500, 1999, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    tracemalloc.start()
    found = pixel_hash_of(image)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    whole = hashlib.sha256(f"{image.size}\n".encode() + pixels.tobytes())
    assert found.picture == whole.hexdigest()
    assert peak < pixels.nbytes
