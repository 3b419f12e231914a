"""Whole pictures laid over each other: small copies that were moved, and where they lie."""

import numpy as np
import pytest
from PIL import Image

from rara.retrieval import aligned_picture
from rara.retrieval.aligned_picture import Alignment, alignable, laid
from rara.retrieval.alignment_search import COARSE, LEVELS, placed, refined, squares
from rara.retrieval.chance_agreement import FEWEST, ChanceAgreement
from rara.retrieval.evidence import aligned_evidence_between
from rara.retrieval.local_features import without_features
from rara.retrieval.polygons import area, mapped, overlap_ratio, rectangle
from rara.retrieval.ready_pictures import Ready
from rara.retrieval.sources import ACCUSES, CERTAIN, compared
from rara.retrieval.whole_picture import WAYS, turned_back
from scenes import scene

SIDE = 32
UNRELATED = 24


def drawn(seed):
    """A photo as small as those of CIFAR-10."""
    return Image.fromarray(scene(seed, 160, 160)).resize((SIDE, SIDE), Image.Resampling.BOX)


def padded(image):
    ground = Image.new("RGB", (SIDE + 8, SIDE + 12), "white")
    ground.paste(image, (4, 6))
    return ground


def pasted(image):
    ground = drawn(99)
    ground.paste(image.resize((22, 22)), (3, 8))
    return ground


def shifted(image):
    ground = Image.new("RGB", image.size)
    ground.paste(image, (4, -3))
    return ground


def turned(image):
    return image.rotate(5, Image.Resampling.BICUBIC, fillcolor="white")


def corners(left, top, right, bottom):
    """The source's corners in the sample, from 0 to 1 of its sides."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def cropped(box):
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    ends = corners(-left / width, -top / height, (SIDE - left) / width, (SIDE - top) / height)
    return lambda image: image.crop(box), ends


EDITS = {
    "as it is": (lambda image: image, corners(0, 0, 1, 1)),
    "cropped to 90 %": cropped((2, 1, 31, 30)),
    "cropped to 80 %": cropped((4, 2, 30, 28)),
    "cropped to 60 %": cropped((9, 6, 28, 25)),
    "padded": (padded, corners(4 / 40, 6 / 44, 36 / 40, 38 / 44)),
    "pasted at 70 %": (pasted, corners(3 / 32, 8 / 32, 25 / 32, 30 / 32)),
    "shifted": (shifted, corners(4 / 32, -3 / 32, 36 / 32, 29 / 32)),
}


@pytest.fixture(scope="module")
def reference():
    return [alignable(drawn(seed)) for seed in range(UNRELATED)]


@pytest.fixture(scope="module")
def most(reference):
    """The strongest of unrelated pictures."""
    return max(
        one.strength
        for row, sample in enumerate(reference)
        for one in laid(sample, reference[row + 1 :])
    )


@pytest.mark.parametrize("edit", EDITS)
def test_moved_copies_agree_as_no_unrelated_pictures_do_and_lie_where_they_were_put(
    edit, reference, most
):
    alter, ends = EDITS[edit]
    for seed in (0, 1, 2):
        found = laid(alignable(alter(drawn(seed))), [reference[seed]])[0]
        assert found.strength > 3 * most
        np.testing.assert_allclose(mapped(rectangle(1, 1), found.matrix), ends, atol=0.04)


def test_of_a_slight_turn(reference, most):
    for seed in (0, 1, 2):
        found = laid(alignable(turned(drawn(seed))), [reference[seed]])[0]
        assert found.strength > 3 * most
        across, down = found.matrix[:2, 0], found.matrix[:2, 1]
        assert np.degrees(np.arctan2(across[1], across[0])) == pytest.approx(-5, abs=0.7)
        assert np.degrees(np.arctan2(-down[0], down[1])) == pytest.approx(-5, abs=0.7)


@pytest.mark.parametrize("way", range(WAYS))
@pytest.mark.parametrize("edit", ["cropped to 80 %", "pasted at 70 %"])
def test_in_every_orientation(way, edit, reference):
    alter, ends = EDITS[edit]
    upright = alter(drawn(4))
    sample = next(
        turned
        for turn in [None, *Image.Transpose]
        for turned in [upright if turn is None else upright.transpose(turn)]
        if np.array_equal(turned_back(turned, way), upright)
    )
    found = laid(alignable(sample), [reference[4]])[0]
    places = mapped(rectangle(1, 1), found.matrix)
    plain = laid(alignable(upright), [reference[4]])[0]
    assert found.strength == pytest.approx(plain.strength, rel=0.05)
    # the edit's corners, turned as the sample was: mark them in a picture and turn that
    marks = np.stack([_moved(end, way) for end in ends])
    np.testing.assert_allclose(places, marks, atol=0.04)


def _moved(place, way):
    """Where a place of the picture turned back lies in the sample."""
    grid = np.arange(SIDE * SIDE).reshape(SIDE, SIDE).astype(np.int32)
    back = np.asarray(turned_back(Image.fromarray(grid), way))
    picked = np.array([[0, 0], [SIDE - 1, 0], [0, SIDE - 1]])
    origin, across, down = (
        (np.array([back[y, x] % SIDE, back[y, x] // SIDE]) + 0.5) / SIDE for x, y in picked
    )
    step = (SIDE - 1) / SIDE
    x, y = place - 0.5 / SIDE
    return origin + (across - origin) / step * x + (down - origin) / step * y


def test_how_samples_and_sources_are_grouped_changes_nothing(reference):
    sample = alignable(pasted(drawn(3)))
    together = laid(sample, reference)
    for one, source in zip(together, reference, strict=True):
        alone = laid(sample, [source])[0]
        assert alone.strength == one.strength
        np.testing.assert_array_equal(alone.matrix, one.matrix)


def test_pictures_without_detail_and_things_alone_on_a_plain_ground_say_nothing(reference):
    plain = alignable(Image.new("RGB", (SIDE, SIDE), "grey"))
    disc = np.full((SIDE, SIDE), 255, np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE]
    disc[(x - 16) ** 2 + (y - 16) ** 2 < 80] = 60
    alone = alignable(Image.fromarray(disc))
    for one in (plain, alone):
        assert not one.sufficient
        assert laid(one, [one, reference[0]])[0].strength == 0
        assert laid(reference[0], [one])[0].strength == 0
    assert laid(reference[0], []) == []


def framed(seed):
    image = Image.new("RGB", (64, 64), "white")
    image.paste("black", (4, 4, 60, 60))
    image.paste(drawn(seed).resize((48, 48)), (8, 8))
    return image


def test_a_common_frame_is_no_agreement(monkeypatch):
    def agreement():
        left, right = alignable(framed(5)), alignable(framed(6))
        return laid(left, [right])[0].strength

    without = agreement()
    monkeypatch.setattr(aligned_picture, "_EVEN", 0.0)
    assert agreement() > 10
    assert without < 5


def test_a_copy_is_found_inside_its_frame():
    source = alignable(framed(5))
    found = laid(alignable(framed(5).transpose(Image.Transpose.ROTATE_90)), [source])[0]
    assert found.strength > 20


def test_a_small_picture_is_placed_where_it_was_cut_out():
    rng = np.random.default_rng(0)
    whole = rng.integers(-100, 100, (COARSE, COARSE)).astype(np.int32)
    level, side = 3, LEVELS[3]
    sample = np.zeros((WAYS, len(LEVELS), COARSE, COARSE), np.int32)
    sample[5, level, :side, :side] = whole[2 : 2 + side, 4 : 4 + side]
    source = np.zeros((len(LEVELS), COARSE, COARSE), np.int32)
    source[0] = whole
    places = placed(
        sample,
        np.stack([[squares(one, n) for one, n in zip(way, LEVELS, strict=True)] for way in sample]),
        source,
        np.stack([squares(one, n) for one, n in zip(source, LEVELS, strict=True)]),
    )
    best = places[places[:, 0].argmax()]
    assert best[1:].tolist() == [0, 5, level, 2, 4]
    pixels = side**2
    power = float(np.sum(sample[5, level].astype(float) ** 2))
    likelihood = -pixels / 2 * np.log(1 - (power / (power + 9 * pixels)) ** 2)
    assert best[0] == pytest.approx(likelihood)


def test_sums_of_squares_are_those_of_rectangles():
    plane = np.random.default_rng(1).integers(-255, 255, (COARSE, COARSE)).astype(np.int32)
    sums = squares(plane, 11)
    assert sums[11, 11] == np.sum(plane[:11, :11] ** 2)
    assert sums[7, 9] - sums[3, 9] - sums[7, 2] + sums[3, 2] == np.sum(plane[3:7, 2:9] ** 2)


def test_a_map_is_refined_to_a_small_share_of_a_pixel():
    y, x = np.mgrid[:64, :64].astype(float)

    def smooth(x, y):
        return 20 * np.sin(x / 5 + 0.3) * np.cos(y / 6) + 15 * np.sin((x + 2 * y) / 9)

    truth = np.array([[1.05, 0.06, 33.2], [-0.03, 0.97, 30.1]])
    u, v = x[:48, :48] - 23.5, y[:48, :48] - 23.5
    top = smooth(*(truth @ np.stack([u.ravel(), v.ravel(), np.ones(u.size)]))).reshape(48, 48)
    start = np.array([[1.0, 0, 32], [0, 1.0, 32]])
    possible, found = refined(0.5 * top, smooth(x, y), start)
    assert possible
    np.testing.assert_allclose(found[:, :2], truth[:, :2], atol=0.01)
    np.testing.assert_allclose(found[:, 2], truth[:, 2], atol=0.1)
    assert not refined(-top, smooth(x, y), truth)[0]


def test_what_is_usual_is_measured_on_pairs_of_the_reference(reference):
    assert ChanceAgreement.among_aligned(reference[: FEWEST - 1]) is None
    chance = ChanceAgreement.among_aligned(reference)
    copy = laid(alignable(EDITS["cropped to 80 %"][0](drawn(1))), [reference[1]])[0]
    assert chance.p_value(copy.strength, candidates=50_000) < 1e-6
    p = chance.p_value(copy.strength, candidates=1)
    assert chance.p_value(copy.strength, candidates=1_000) == pytest.approx(1_000 * p)
    strengths = np.array(
        [
            laid(reference[i], [reference[(i + k) % UNRELATED]])[0].strength
            for i in range(UNRELATED)
            for k in range(1, (UNRELATED - 1) // 2 + 1)
        ]
    )
    assert chance == ChanceAgreement.of(strengths)


def test_the_evidence_names_the_region_in_both_and_the_edit():
    image = Image.fromarray(scene(1, 160, 160)).resize((64, 64))
    sample = image.crop((8, 4, 56, 52)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    found = laid(alignable(sample), [alignable(image)])[0]
    ours, theirs = found.regions()
    true = corners(8 / 64, 4 / 64, 56 / 64, 52 / 64)
    assert overlap_ratio(ours, rectangle(1, 1)) > 0.93
    assert overlap_ratio(theirs[::-1], true) > 0.93
    sides = [without_features(np.asarray(one)) for one in (sample, image)]
    measured = aligned_evidence_between(*sides, found)
    assert measured.mirrored
    assert "mirrored, cropped to 5" in measured.edit
    assert measured.rotation == pytest.approx(0, abs=1.5)
    assert measured.scale == pytest.approx(1, abs=0.03)
    assert overlap_ratio(measured.source_region, true) > 0.9
    assert area(measured.sample_region) > 0.9


def test_regions_of_pictures_of_other_shapes():
    image = Image.fromarray(scene(2, 320, 160))
    sample = image.crop((40, 20, 280, 140)).transpose(Image.Transpose.ROTATE_90)
    found = laid(alignable(sample), [alignable(image)])[0]
    sides = [without_features(np.asarray(one)) for one in (sample, image)]
    measured = aligned_evidence_between(*sides, found)
    true = corners(40 / 320, 20 / 160, 280 / 320, 140 / 160)
    assert overlap_ratio(measured.source_region, true) > 0.9
    assert measured.rotation == pytest.approx(-90, abs=2)


def test_an_alignment_without_a_region_has_none():
    away = Alignment(1.0, np.array([[1.0, 0, 2], [0, 1, 0], [0, 0, 1]]))
    assert len(away.regions()[0]) == 0


def test_of_three_witnesses_the_one_that_sees_most_names_the_source(reference):
    """The p-value is three times that of the alignment, and all images count; it is no fact."""
    alter, _ = EDITS["cropped to 60 %"]
    image, images = alter(drawn(2)), 50_000
    sources = {seed: Ready(drawn(seed)) for seed in (5, 2, 7)}
    without = compared(Ready(image), sources, None, images)
    assert all(one.p > CERTAIN for one in without.values())
    chance = ChanceAgreement.among_aligned(reference)
    found = compared(Ready(image), sources, None, images, aligned=chance)
    strength = laid(alignable(image), [reference[2]])[0].strength
    assert found.keys() == {2}
    assert 3 * chance.p_value(strength, images) <= CERTAIN < found[2].p == ACCUSES
    more = 10**6 * images
    (of_more,) = compared(Ready(image), sources, None, more, aligned=chance).values()
    assert ACCUSES < of_more.p == 3 * chance.p_value(strength, more)
    true = corners(9 / 32, 6 / 32, 28 / 32, 25 / 32)
    assert overlap_ratio(found[2].source_region, true) > 0.8
    assert "cropped to" in found[2].edit


def test_threads_change_nothing(reference):
    alone, together = (ChanceAgreement.among_aligned(reference, threads=one) for one in (1, 3))
    assert alone == together
