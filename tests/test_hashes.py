"""Prints of pixels: what they see, what they do not, and whom they find."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from rara.hashes import BITS, Prints, closest, closest_others, take_prints
from rara.sources import open_source

TURN = Image.Transpose


def picture(seed, size=(120, 90)):
    """Blobs of several sizes in colour."""
    rng = np.random.default_rng(seed)
    layers = [rng.integers(0, 256, (n, n, 3), dtype=np.uint8) for n in (3, 6, 12)]
    grown = [np.asarray(Image.fromarray(layer).resize(size), float) for layer in layers]
    return Image.fromarray(np.mean(grown, axis=0).astype(np.uint8))


def encoded(image, **options):
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


def prints(*images):
    return take_prints(open_source({str(i): image for i, image in enumerate(images)}))


@pytest.fixture(scope="module")
def reference():
    return prints(*(encoded(picture(seed), format="PNG") for seed in range(60)))


def jpeg(image):
    return encoded(image, format="JPEG", quality=40)


ALTERED = {
    "compressed": jpeg,
    "smaller": lambda image: image.resize((60, 45)),
    "grey": lambda image: image.convert("L"),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "stretched": lambda image: image.resize((120, 120)),
    **{way.name.lower(): lambda image, way=way: image.transpose(way) for way in TURN},
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED)
def test_altered_copies_are_nearer_than_anything_else(reference, alter):
    fresh = closest(prints(*(picture(seed) for seed in range(100, 160))), reference)
    found = closest(prints(*(alter(picture(seed)) for seed in range(20))), reference)
    assert found.index.tolist() == list(range(20))
    assert (found.distance >= 0).all()
    assert found.distance.max() < fresh.distance.min()


def test_the_same_file_and_the_same_picture_are_told_apart(reference):
    again = encoded(picture(7), format="PNG")
    other = encoded(picture(7), format="PNG", compress_level=1)
    found = closest(prints(again, other, jpeg(picture(7))), reference)
    assert found.index.tolist() == [7, 7, 7]
    assert found.distance[:2].tolist() == [-2, -1]
    assert found.distance[2] >= 0


def by_hand(sample, other):
    """Bits in which two codes differ, over the ways to turn the sample."""
    bits = np.unpackbits(sample.view(np.uint8).reshape(8, -1), axis=1)
    return int((bits != np.unpackbits(other[0].view(np.uint8))).sum(axis=1).min())


def test_distances_are_counted_bits(reference):
    samples = prints(*(picture(seed) for seed in range(200, 205)))
    table = [[by_hand(code, other) for other in reference.codes] for code in samples.codes]
    found = closest(samples, reference)
    assert found.distance.tolist() == np.min(table, axis=1).tolist()
    assert found.index.tolist() == np.argmin(table, axis=1).tolist()


def test_others_leave_each_image_itself_out(reference):
    found = closest_others(reference)
    for i in range(0, 60, 7):
        rest = [j for j in range(60) if j != i]
        alone = closest(part(reference, [i]), part(reference, rest))
        assert found.distance[i] == alone.distance[0]
        assert found.index[i] == rest[alone.index[0]]


def part(some, rows):
    return Prints(
        *([column[i] for i in rows] for column in (some.ids, some.files, some.pictures)),
        some.codes[rows],
        some.flat[rows],
    )


def test_others_find_duplicates():
    one, other = encoded(picture(1), format="PNG"), encoded(picture(2), format="PNG")
    found = closest_others(prints(one, other, one))
    assert found.distance.tolist()[::2] == [-2, -2]
    assert found.index.tolist()[::2] == [2, 0]
    assert found.distance[1] > 0


def test_blocks_do_not_matter(reference, monkeypatch):
    whole = closest_others(reference)
    monkeypatch.setattr("rara.hashes._BLOCK", 1)
    np.testing.assert_array_equal(closest_others(reference).distance, whole.distance)


def test_flat_pictures_match_nothing_but_themselves(reference):
    red, blue = Image.new("RGB", (50, 50), "red"), Image.new("RGB", (50, 50), "blue")
    mixed = prints(red, picture(1))
    found = closest(prints(blue, red), mixed)
    assert found.distance.tolist() == [BITS + 1, -2]
    assert found.index.tolist() == [-1, 0]


def test_what_cannot_be_read_is_left_out():
    found = prints(picture(1), b"no image", picture(2))
    assert list(found.ids) == ["0", "2"]
    assert found.codes.shape == (2, 8, 4)


def test_nothing_to_compare_with():
    empty = take_prints(open_source([b"no image"]))
    found = closest(prints(picture(1)), empty)
    assert found.distance.tolist() == [BITS + 1]
    assert found.index.tolist() == [-1]
    assert closest_others(prints(picture(1))).index.tolist() == [-1]
