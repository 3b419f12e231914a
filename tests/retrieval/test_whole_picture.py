"""Whole pictures that agree, turned in any way."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from make import encoded, picture
from rara.images.decode import decode
from rara.retrieval.chance_agreement import FEWEST, ChanceAgreement
from rara.retrieval.evidence import evidence_of_whole
from rara.retrieval.ready_pictures import Ready
from rara.retrieval.sources import best_as_whole, compared
from rara.retrieval.whole_picture import (
    MIRRORED,
    QUARTER_TURNS,
    WAYS,
    turned_back,
    whole_agreement,
    whole_picture,
)
from scenes import scene

EDITS = {
    "as it is": lambda image: image,
    "compressed": lambda image: decode(encoded(image, "JPEG", quality=20)),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(4)),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "small": lambda image: image.resize((48, 40)),
    "darker": lambda image: image.point(lambda value: value * 0.6),
    "cropped": lambda image: image.crop((8, 6, 312, 234)),
    "stretched": lambda image: image.resize((320, 320)),
}
TURNS = [None, *Image.Transpose]


def drawn(seed):
    return Image.fromarray(scene(seed))


@pytest.fixture(scope="module")
def unrelated():
    return [whole_picture(drawn(seed)) for seed in range(40)]


@pytest.mark.parametrize("edit", EDITS)
def test_copies_agree_as_no_unrelated_pictures_do(edit, unrelated):
    strengths = whole_agreement(unrelated, unrelated)[0]
    most = strengths[np.triu_indices(len(unrelated), 1)].max()
    for seed in (0, 1, 2):
        copy = whole_picture(EDITS[edit](drawn(seed)))
        row = whole_agreement([copy], unrelated)[0][0]
        assert row.argmax() == seed
        assert row[seed] > 2 * most


@pytest.mark.parametrize("turn", TURNS)
def test_every_way_is_found_and_undone(turn):
    image = drawn(3)
    sample = image if turn is None else image.transpose(turn)
    strengths, ways = whole_agreement([whole_picture(sample)], [whole_picture(image)])
    same = whole_agreement([whole_picture(image)], [whole_picture(image)])[0]
    assert strengths[0, 0] > 0.8 * same[0, 0]
    assert np.array_equal(np.asarray(turned_back(sample, int(ways[0, 0]))), np.asarray(image))


@pytest.mark.parametrize("turn", TURNS)
def test_a_way_in_words(turn):
    image = drawn(4)
    sample = image if turn is None else image.transpose(turn)
    way = int(whole_agreement([whole_picture(sample)], [whole_picture(image)])[1][0, 0])
    found = evidence_of_whole(np.asarray(sample), np.asarray(image), way)
    words = {
        None: "unchanged",
        Image.Transpose.FLIP_LEFT_RIGHT: "mirrored",
        Image.Transpose.FLIP_TOP_BOTTOM: "mirrored, turned by 180 degrees",
        Image.Transpose.ROTATE_90: "turned by 90 degrees anticlockwise",
        Image.Transpose.ROTATE_180: "turned by 180 degrees",
        Image.Transpose.ROTATE_270: "turned by 90 degrees clockwise",
        Image.Transpose.TRANSPOSE: "mirrored, turned by 90 degrees anticlockwise",
        Image.Transpose.TRANSVERSE: "mirrored, turned by 90 degrees clockwise",
    }
    assert found.edit == words[turn]
    assert found.correlation > 0.99
    assert found.mirrored == (way in MIRRORED)
    assert len(QUARTER_TURNS) == WAYS


def test_no_grouping_changes_a_bit(unrelated):
    together, ways = whole_agreement(unrelated[:7], unrelated)
    for i in range(7):
        for part in (slice(0, 1), slice(3, 20), slice(20, 40)):
            alone = whole_agreement(unrelated[i : i + 1], unrelated[part])
            assert np.array_equal(alone[0][0], together[i, part])
            assert np.array_equal(alone[1][0], ways[i, part])


def test_both_ways_round_are_equally_strong(unrelated):
    strengths = whole_agreement(unrelated, unrelated)[0]
    assert strengths == pytest.approx(strengths.T, abs=1e-9)


def framed(image, width):
    whole = Image.new("RGB", (320, 240), "white")
    whole.paste(image.resize((320 - 2 * width, 240 - 2 * width)), (width, width))
    return whole


def test_a_frame_is_no_agreement():
    frames = [whole_picture(framed(drawn(seed), 20)) for seed in range(6)]
    strengths = whole_agreement(frames, frames)[0]
    assert strengths[np.triu_indices(6, 1)].max() < 10 < np.diag(strengths).min()


def test_things_alone_on_a_plain_ground_cannot_be_told_apart():
    """Two discs of the same size: the outline agrees, and says nothing."""
    for colours in (("red", "blue"), ("black", "grey")):
        discs = []
        for colour in colours:
            image = Image.new("RGB", (100, 100), "white")
            image.paste(colour, (30, 30, 70, 70))
            discs.append(whole_picture(image))
        assert whole_agreement(discs[:1], discs[1:])[0][0, 0] < 6


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (300, 1), (1, 400)])
def test_pictures_with_nothing_in_them(size):
    flat = whole_picture(Image.new("RGB", size, "teal"))
    assert whole_agreement([flat], [flat])[0][0, 0] == 0
    assert whole_agreement([], [flat])[0].shape == (0, 1)


def test_what_is_usual_is_measured_on_the_reference(unrelated):
    chance = ChanceAgreement.among(unrelated)
    strengths = whole_agreement(unrelated, unrelated)[0][np.triu_indices(len(unrelated), 1)]
    assert np.mean(strengths > chance.start) <= 0.1 < chance.share < 0.15
    p = [chance.p_value(one, 1) for one in np.linspace(0, 80, 200)]
    assert p[0] == 1
    assert np.all(np.diff(p) <= 0)
    assert chance.p_value(40, 300) == pytest.approx(300 * chance.p_value(40, 1))
    assert ChanceAgreement.among(unrelated[: FEWEST - 1]) is None


@pytest.mark.parametrize("pairs", [45, 190, 4950, 44850])
def test_an_exponential_tail_is_not_understated(pairs):
    """Of 200 fits, nearly all are above the truth at every strength, though beyond all pairs."""
    rng = np.random.default_rng(pairs)
    below = 0
    for _ in range(200):
        chance = ChanceAgreement.of(rng.exponential(3.0, pairs))
        truth = [np.exp(-x / 3.0) for x in (20, 40, 60)]
        below += any(chance.p_value(x, 1) < t for x, t in zip((20, 40, 60), truth, strict=True))
    assert below <= 10


def test_pictures_made_alike_call_nothing():
    """Every picture has the same strong pattern: what agrees is the pattern."""
    pattern = np.asarray(picture(99, (160, 120)), float)
    alike = [
        Image.fromarray(
            (0.85 * pattern + 0.15 * np.asarray(picture(seed, (160, 120)))).astype("u1")
        )
        for seed in range(30)
    ]
    wholes = [whole_picture(image) for image in alike]
    chance = ChanceAgreement.among(wholes[1:])
    found = best_as_whole(wholes[0], wholes[1:], chance, 29)
    assert found is None or found.p > 1e-3


def test_blurred_beyond_features_is_found_as_a_whole(unrelated):
    chance = ChanceAgreement.among(unrelated)
    sample, source = drawn(5).filter(ImageFilter.GaussianBlur(5)), drawn(5)
    found = best_as_whole(whole_picture(sample), unrelated, chance, 10_000)
    assert found.place == 5
    assert found.p < 1e-6
    ready = Ready(sample), {5: Ready(source)}
    shown = compared(*ready, chance, 10_000, regions=False)[5]
    assert shown.p == found.p
    assert "blurred" in shown.edit
