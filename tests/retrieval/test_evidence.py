"""Evidence between two pictures, where the region and the edit are known."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from rara.errors import ParameterError
from rara.retrieval.evidence import evidence, evidence_between, pair_kind
from rara.retrieval.feature_codes import packed, unpacked
from rara.retrieval.local_features import FEWEST, prepare
from rara.retrieval.polygons import overlap_ratio
from rara.retrieval.universal_null import p_value
from scenes import box, pasted, resized, scene

SOURCE = scene(1)
OTHER = scene(2)
EVERYTHING = box(0, 0, 1, 1)


def changed(operation):
    return np.asarray(operation(Image.fromarray(SOURCE)))


def test_of_a_picture_with_itself():
    found = evidence(SOURCE, SOURCE)
    assert overlap_ratio(found.sample_region, EVERYTHING) > 0.99
    assert overlap_ratio(found.source_region, EVERYTHING) > 0.99
    assert (found.mirrored, found.edit) == (False, "unchanged")
    assert found.residual == pytest.approx(0, abs=1e-4)
    assert found.scale == pytest.approx(1, abs=1e-3)
    assert found.correlation > 0.95
    assert found.colour == pytest.approx(1)
    assert FEWEST < found.inliers <= found.matches


def test_of_unrelated_pictures():
    for seed in range(3, 9):
        found = evidence(scene(seed), SOURCE)
        assert found is None or found.strength < 5


@pytest.mark.parametrize(
    ("turn", "mirrored", "rotation"),
    [
        (None, False, 0),
        (Image.Transpose.ROTATE_90, False, -90),
        (Image.Transpose.ROTATE_180, False, 180),
        (Image.Transpose.ROTATE_270, False, 90),
        (Image.Transpose.FLIP_LEFT_RIGHT, True, 0),
        (Image.Transpose.FLIP_TOP_BOTTOM, True, 180),
        (Image.Transpose.TRANSPOSE, True, -90),
        (Image.Transpose.TRANSVERSE, True, 90),
    ],
)
def test_of_the_eight_orientations(turn, mirrored, rotation):
    found = evidence(
        changed(lambda image: image.transpose(turn) if turn is not None else image), SOURCE
    )
    assert found.mirrored is mirrored
    assert (found.rotation - rotation + 180) % 360 - 180 == pytest.approx(0, abs=0.5)
    assert overlap_ratio(found.sample_region, EVERYTHING) > 0.98
    assert overlap_ratio(found.source_region, EVERYTHING) > 0.98
    assert ("mirrored" in found.edit) is mirrored
    assert ("turned" in found.edit) is (rotation != 0)


def test_of_a_crop():
    found = evidence(SOURCE[40:160, 100:260], SOURCE)
    assert overlap_ratio(found.source_region, box(100 / 320, 40 / 240, 260 / 320, 160 / 240)) > 0.95
    assert overlap_ratio(found.sample_region, EVERYTHING) > 0.95
    assert found.source_share == pytest.approx(0.25, abs=0.02)
    assert found.edit.startswith("cropped to 2")


def test_of_a_mirrored_crop():
    found = evidence(SOURCE[40:160, 100:260][:, ::-1], SOURCE)
    assert overlap_ratio(found.source_region, box(100 / 320, 40 / 240, 260 / 320, 160 / 240)) > 0.95
    assert found.edit.startswith("mirrored, cropped to 2")


def test_of_a_picture_pasted_small_on_another():
    sample = pasted(resized(SOURCE, 160, 120), OTHER, 130, 90)
    found = evidence(sample, SOURCE)
    assert overlap_ratio(found.sample_region, box(130 / 320, 90 / 240, 290 / 320, 210 / 240)) > 0.95
    assert overlap_ratio(found.source_region, EVERYTHING) > 0.95
    assert found.scale == pytest.approx(0.5, abs=0.01)
    assert "pasted on another picture at 25 %" in found.edit
    assert "cropped" not in found.edit
    ground = evidence(sample, OTHER)
    assert ground.strength > 20


def test_of_a_part_pasted_on_another():
    """Most of what the map would cover is the other picture: the region is the part."""
    sample = pasted(SOURCE[60:180, 80:240], OTHER, 20, 100)
    found = evidence(sample, SOURCE)
    assert overlap_ratio(found.sample_region, box(20 / 320, 100 / 240, 180 / 320, 220 / 240)) > 0.75
    assert overlap_ratio(found.source_region, box(0.25, 0.25, 0.75, 0.75)) > 0.75
    assert "cropped to" in found.edit
    assert "pasted on another picture" in found.edit


def test_of_a_picture_on_a_plain_ground():
    found = evidence(pasted(SOURCE, np.full((400, 500, 3), 255, np.uint8), 90, 80), SOURCE)
    assert "pasted on a plain ground" in found.edit
    assert found.sample_share == pytest.approx(320 * 240 / 400 / 500, abs=0.02)


def test_of_a_rotated_picture():
    found = evidence(changed(lambda image: image.rotate(30, Image.Resampling.BICUBIC)), SOURCE)
    assert found.rotation == pytest.approx(-30, abs=0.3)
    assert "turned by 30 degrees anticlockwise" in found.edit


def test_of_a_picture_in_perspective():
    corners = np.array([[30, 10], [310, 30], [290, 230], [5, 200]], np.float32)
    bend = cv2.getPerspectiveTransform(box(0, 0, 320, 240).astype(np.float32), corners)
    sample = cv2.warpPerspective(SOURCE, bend, (320, 240), borderValue=(255, 255, 255))
    found = evidence(sample, SOURCE)
    assert overlap_ratio(found.sample_region, corners / (320, 240)) > 0.97
    assert overlap_ratio(found.source_region, EVERYTHING) > 0.97
    assert "in perspective" in found.edit


def test_of_a_stretched_picture():
    found = evidence(resized(SOURCE, 320, 170), SOURCE)
    assert overlap_ratio(found.sample_region, EVERYTHING) > 0.97
    assert "stretched by 4" in found.edit


def test_of_other_colours():
    grey = evidence(changed(lambda image: image.convert("L").convert("RGB")), SOURCE)
    assert "made grey" in grey.edit
    assert np.isnan(grey.colour)
    swapped = evidence(SOURCE[..., ::-1], SOURCE)
    assert "colours changed" in swapped.edit
    assert swapped.colour < 0.9
    darker = evidence((SOURCE * 0.5).astype(np.uint8), SOURCE)
    assert "contrast changed, made darker" in darker.edit
    assert darker.correlation > 0.9


def test_of_a_covered_picture():
    covered = SOURCE.copy()
    covered[:, 200:] = OTHER[:, 200:]
    found = evidence(covered, SOURCE)
    assert overlap_ratio(found.sample_region, box(0, 0, 200 / 320, 1)) > 0.85


def test_strength_falls_with_the_edit():
    strengths = [
        evidence(sample, SOURCE).strength
        for sample in (
            SOURCE,
            SOURCE[20:220, 20:300],
            SOURCE[60:180, 80:240],
            SOURCE[90:160, 90:180],
        )
    ]
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[-1] > 5


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((200, 300, 3), 77, np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((1, 4000, 3), np.uint8),
        scene(1, 8, 8),
        np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (64, 1, 3)),
    ],
    ids=["one colour", "one pixel", "one row", "8 x 8", "gradient"],
)
def test_pictures_with_too_little_in_them_give_none(pixels):
    assert not prepare(pixels).sufficient
    assert evidence(pixels, SOURCE) is None
    assert evidence(SOURCE, pixels) is None
    assert evidence(pixels, pixels) is None


def test_small_photos_are_found():
    small = resized(SOURCE, 32, 24)
    assert prepare(small).sufficient
    assert evidence(small, SOURCE) is not None
    assert evidence(small[:, ::-1], small).mirrored


def test_sizes_do_not_matter():
    large = resized(SOURCE, 1600, 1200)
    found = evidence(large, SOURCE)
    assert found.scale == pytest.approx(5, rel=0.01)
    assert overlap_ratio(found.source_region, EVERYTHING) > 0.97


def test_the_number_of_threads_changes_nothing():
    sample = pasted(resized(SOURCE, 200, 150), OTHER, 60, 40)
    before = cv2.getNumThreads()
    results = []
    try:
        for threads in (1, 2, 5):
            cv2.setNumThreads(threads)
            results.append(repr(evidence(sample, SOURCE)))
    finally:
        cv2.setNumThreads(before)
    assert len(set(results)) == 1


def test_the_inputs_stay_as_they_are():
    sample, source = SOURCE.copy(), OTHER.copy()
    sample.flags.writeable = source.flags.writeable = False
    first, second = prepare(sample), prepare(source)
    evidence_between(first, second)
    assert np.array_equal(sample, SOURCE)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((9, 9, 3)),
        np.zeros((0, 9, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(pixels):
    with pytest.raises(ParameterError, match="give uint8, height x width x 3"):
        evidence(pixels, SOURCE)


def page(seed):
    """Letters that mean nothing, in lines."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (400, 520), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    for y in range(10, 490, 24):
        line = "".join(rng.choice(list("eeeetttaaooinshr  "), 38))
        draw.text((10, y), line, "black", font)
    return np.asarray(image)


def scanned(pixels, seed):
    """A little turned, smaller, blurred, unevenly lit, noisy, and compressed."""
    rng, image = np.random.default_rng(seed), Image.fromarray(pixels)
    image = image.rotate(1.5, Image.Resampling.BICUBIC, fillcolor="white").resize((360, 468))
    grey = np.asarray(image.filter(ImageFilter.GaussianBlur(0.7)), float)
    light = np.linspace(0.6, 1, grey.shape[1])[:, None]
    lit = np.clip(grey * light + rng.normal(0, 6, grey.shape), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(lit).save(file, "JPEG", quality=50)
    return np.asarray(Image.open(file))


def test_pages_of_letters_repeat_themselves_also_scanned():
    pages = [page(seed) for seed in range(4)]
    assert all(prepare(one).repeating for one in pages)
    assert all(prepare(scanned(one, seed)).repeating for seed, one in enumerate(pages))
    assert not any(prepare(scene(seed)).repeating for seed in range(4))
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    assert not prepare(noise).repeating
    assert not prepare(np.zeros((80, 80, 3), np.uint8)).repeating


def test_a_pair_with_one_that_repeats_itself_has_a_table_of_its_own():
    letters, other = prepare(page(0)), prepare(SOURCE)
    small = prepare(scene(0, 48, 36))
    assert pair_kind(other, other) == "large"
    assert pair_kind(letters, other) == pair_kind(other, letters) == "repeating"
    assert pair_kind(letters, small) == pair_kind(small, other) == "small"
    assert letters.mirrored.repeating


def test_features_from_an_index_repeat_as_those_that_were_made():
    for pixels in (page(0), scanned(page(1), 1), SOURCE, OTHER):
        made = prepare(pixels)
        kept = replace(made, features=unpacked(packed(made.features)))
        assert kept.repeating == made.repeating


def test_an_enlarged_picture_is_known_by_its_detail():
    small = resized(scene(3), 28, 21)
    for larger in (resized(small, 112, 84), resized(small, 336, 252)):
        file = io.BytesIO()
        Image.fromarray(larger).save(file, "JPEG", quality=90)
        assert prepare(larger).enlarged
        assert prepare(np.asarray(Image.open(file))).enlarged
        assert pair_kind(prepare(larger), prepare(SOURCE)) == "enlarged"
    assert not any(prepare(scene(seed)).enlarged for seed in range(4))
    assert prepare(np.zeros((80, 80, 3), np.uint8)).enlarged


def faint(seed):
    """A blurred scene in grey values that hardly differ."""
    blurred = cv2.GaussianBlur(scene(seed), (0, 0), 3).astype(float)
    return np.rint(128 + 0.3 * (blurred - 128)).astype(np.uint8)


def band(seed):
    """Detail on a line only, as on a horizon."""
    picture = np.full((320, 480, 3), 150, np.uint8)
    picture[150:166] = np.hstack([scene(seed), scene(seed + 50)])[100:116, :480]
    return picture


@pytest.mark.parametrize("smooth", [faint, band])
def test_a_smooth_picture_is_found_by_its_many_matches(smooth):
    picture = smooth(1)
    found = evidence(picture[:, ::-1].copy(), picture)
    assert (found.kind, found.edit) == ("large", "mirrored")
    assert overlap_ratio(found.source_region, EVERYTHING) > 0.99
    assert p_value(found.strength, kind="large", candidates=300) < 1e-6
    assert evidence(smooth(2), picture) is None
