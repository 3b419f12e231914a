"""The test for copies by pixels: its p-values, those with the vectors, and what is shown."""

import zipfile

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from make import encoded, picture
from rara import Features, Reference, Run
from rara.calibration.by_pixels import PixelCopyTest
from rara.duplicates.find import alike
from rara.features.embed import embed
from rara.features.pixel_cache import PixelCache
from rara.features.pixel_hashes import (
    SAME,
    PixelHashes,
    closest,
    closest_others,
    lists_of_others,
    pixel_hashes_of,
)
from rara.geometry import Nearest
from rara.reference.geometry import ReferenceGeometry
from rara.report import summarise, to_html
from rara.sources import open_source

MANY = 150


def archive(path, images):
    with zipfile.ZipFile(path, "w") as zipped:
        for name, image in images.items():
            zipped.writestr(name, encoded(image) if isinstance(image, Image.Image) else image)
    return str(path)


class Blind:
    """An extractor whose vectors tell nothing but whether two pictures are the same."""

    batch_size, lanes = 16, 1

    def __init__(self):
        from rara.extractors import Spec

        self.spec = Spec("blind", "0" * 64, "none", 3)

    def prepare(self, image):
        return np.asarray(image.resize((8, 8), Image.Resampling.BOX))

    def extract(self, batch):
        weights = np.random.default_rng(0).integers(0, 1000, (8 * 8 * 3, self.spec.dim))
        return np.sin(batch.reshape(len(batch), -1) @ weights).astype(np.float32)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def reference(folder, run):
    images = {f"{seed:03}.png": picture(seed) for seed in range(MANY)}
    place = archive(folder / "reference.zip", images)
    return Reference.fit(place, extractor=Blind(), run=run)


SAMPLES = {
    "file.png": picture(3),
    "same.png": encoded(picture(4), compress_level=1),
    "blurred.png": picture(5).filter(ImageFilter.GaussianBlur(2)),
    "mirrored.png": picture(6).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "flat.png": Image.new("RGB", (40, 40), "teal"),
    **{f"fresh-{seed}.png": picture(seed) for seed in range(1000, 1015)},
}


ASKED = {"alpha": 0.3, "evidence": "none"}
"""The tests alone: direct evidence would call the same copies."""


@pytest.fixture(scope="module")
def table(reference, folder, run):
    return reference.score(
        archive(folder / "samples.zip", SAMPLES), alpha=0.3, evidence="none", run=run
    )


def assert_same(one, other):
    for name in ("verdict", "reason", "pixel_nearest", "pixel_distance", "pixel_p", "copy_q"):
        np.testing.assert_array_equal(one[name], other[name])


def row(table, name):
    return table.filter(table["id"] == name).arrow.to_pylist()[0]


# -- what is said --


def test_copies_that_the_vectors_miss_are_called(table):
    verdicts = dict(zip(table["id"], table["verdict"], strict=True))
    assert {name for name, verdict in verdicts.items() if "copy" in verdict} == {
        *("file.png", "same.png", "blurred.png", "mirrored.png")
    }
    assert verdicts["same.png"] == verdicts["file.png"] == "copy"


def test_each_copy_has_its_source_and_its_sentence(table):
    same, blurred = row(table, "same.png"), row(table, "blurred.png")
    assert same["reason"] == "The same picture as reference image 004.png, in another file."
    assert (same["pixel_nearest"], same["pixel_distance"]) == ("004.png", SAME)
    assert blurred["pixel_nearest"] == "005.png"
    assert 0 <= blurred["pixel_distance"] < 20
    assert blurred["reason"].startswith(
        "Nearer by its pixels to reference image 005.png than expected by chance "
        f"({blurred['pixel_distance']} of 256 bits differ, p = "
    )
    assert row(table, "mirrored.png")["pixel_nearest"] == "006.png"


def test_flat_pictures_are_near_to_nothing(table):
    flat = row(table, "flat.png")
    assert (flat["pixel_nearest"], flat["pixel_distance"], flat["pixel_p"]) == (None, None, 1)


def test_together_they_are_between_the_smaller_and_twice_that(table):
    smaller = np.minimum(table["volume_p"], table["pixel_p"])
    assert (table["copy_p"] >= smaller).all()
    assert (table["copy_p"] <= np.minimum(1, 2 * smaller)).all()
    assert (table["copy_p"] < np.minimum(1, 2 * smaller)).any()
    calibration = table.provenance["calibration"]
    assert calibration["smallest_p"]["copy"] == calibration["near_copy"]["p"] == 2 / (MANY + 1)
    assert row(table, "file.png")["copy_p"] == row(table, "same.png")["copy_p"] == 2 / (MANY + 1)


def test_an_exact_copy_of_what_nothing_repeats_is_second_to_its_source_alone(reference, run):
    """Both tests find the same two members, so that the second costs nothing."""
    table = reference.score(reference.features.take(np.arange(9), "some"), run=run)
    np.testing.assert_array_equal(table["copy_p"], 2 / (MANY + 1))
    np.testing.assert_array_equal(table["copy_q"], 0)


def test_the_page_shows_the_picture_that_the_pixels_name(table):
    page = to_html(summarise(table.arrow, table.provenance, table.pictures))
    assert "by pixels" in page
    assert "bits of 256 that differ" in page
    assert "same picture" in page


def test_without_pixels_the_vectors_decide_alone(reference):
    vectors = reference.features.vectors
    table = Reference.from_features(vectors).score_features(vectors[:9] + np.float32(0.1))
    np.testing.assert_array_equal(table["copy_p"], table["volume_p"])
    assert np.isnan(table["pixel_p"]).all()
    assert table.arrow["pixel_nearest"].null_count == 9


def test_vectors_against_a_reference_of_images(reference):
    features = Features.from_arrays(reference.features.vectors[:9])
    given = Features(features.vectors, features.items, reference.features.spec, "given")
    table = reference.score_features(given)
    assert np.isnan(table["pixel_p"]).all()


def test_no_level_is_above_one(folder, run):
    few = archive(folder / "two.zip", {f"{seed}.png": picture(seed) for seed in range(2)})
    other = archive(folder / "other.zip", {"2.png": picture(2)})
    table = Reference.fit(few, k=1, extractor=Blind(), run=run).score(other, run=run)
    assert table.provenance["calibration"]["smallest_p"]["copy"] == 2 / 3
    assert table.provenance["verdict"]["shortfall"] == (
        "Too few reference images: use at least 39."
    )
    twice = archive(folder / "twice.zip", {f"{i}.png": picture(0) for i in range(2)})
    table = Reference.fit(twice, k=1, extractor=Blind(), run=run).score(other, run=run)
    assert table.provenance["calibration"]["smallest_p"]["copy"] == 1


def test_a_folder_without_prints_is_judged_by_its_vectors(reference, folder, run):
    known = reference.features
    items = known.items.drop_columns(["picture", "code"])
    Features(known.vectors, items, known.spec, known.location).save(folder / "before")
    before = Features.load(folder / "before")
    assert before.items.schema.names == known.items.schema.names
    assert before.fingerprint == known.fingerprint
    table = Reference.from_features(before).score_features(known.take(np.arange(9), "some"))
    assert np.isnan(table["pixel_p"]).all()
    np.testing.assert_array_equal(table["copy_p"], table["volume_p"])
    more = archive(folder / "more.zip", {f"more-{seed}.png": picture(seed) for seed in range(4)})
    joined = before.joined(embed(open_source(more), Blind(), cache=run.cache))
    assert joined.items["picture"].null_count == MANY


def test_the_reference_itself_is_judged_without_each(reference):
    own = reference.score_leave_one_out()
    others = closest_others(pixel_hashes_of(reference.features)).distance
    as_near = (others[None] <= others[:, None]).sum(axis=1)  # itself among them
    np.testing.assert_array_equal(own["pixel_p"], as_near / MANY)
    assert own.arrow["pixel_distance"].to_pylist() == others.tolist()


def test_other_reals_calibrate_the_pixels_too(reference, folder, run):
    reals = archive(folder / "reals.zip", {f"{i}.png": picture(i) for i in range(2000, 2040)})
    samples = archive(folder / "few.zip", SAMPLES)
    table = reference.score(samples, calibration=reals, run=run)
    seen = pixel_hashes_of(reference.features)
    measured = closest(pixel_hashes_of(embed(open_source(reals), Blind(), cache=run.cache)), seen)
    for one in table.arrow.to_pylist():
        if one["pixel_distance"] is not None:
            as_near = (measured.distance <= one["pixel_distance"]).sum()
            assert one["pixel_p"] == (1 + as_near) / 41
    assert table.provenance["calibration"]["smallest_p"]["copy"] == 1 / 41


# -- kept --


def test_a_saved_reference_knows_its_pictures(reference, table, folder, run, monkeypatch):
    reference.save(folder / "kept")
    loaded = Reference.load(folder / "kept")
    monkeypatch.setattr("rara.features.pixel_cache.closest_others", None)
    again = loaded.score(
        str(folder / "samples.zip"), alpha=0.3, evidence="none", extractor=Blind(), run=run
    )
    assert_same(again, table)


def test_saving_works_as_the_run_says(reference, tmp_path, monkeypatch):
    threads = []
    monkeypatch.setattr(
        "rara.features.neighbours.cache_folder", lambda: pytest.fail("another cache")
    )
    monkeypatch.setattr(
        "rara.features.pixel_cache.closest_others",
        lambda hashes, many, _: threads.append(many) or closest_others(hashes, 1),
    )
    fresh = Reference(
        ReferenceGeometry(reference.features, reference.geometry.d2, reference.geometry.index, k=3)
    )
    fresh.save(tmp_path / "kept", run=Run(cache=tmp_path / "cache", threads=1))
    assert threads == [1]
    assert len(list((tmp_path / "cache" / "neighbours").iterdir())) == 1


def test_a_damaged_file_of_pictures_is_made_again(reference, table, folder, run):
    reference.save(folder / "damaged")
    (part,) = (folder / "damaged").glob("pixels-*.npy")
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    loaded = Reference.load(folder / "damaged")
    again = loaded.score(
        str(folder / "samples.zip"), alpha=0.3, evidence="none", extractor=Blind(), run=run
    )
    assert_same(again, table)


def test_pictures_are_compared_once(reference, tmp_path, monkeypatch):
    run = Run(cache=tmp_path)
    _, others = PixelCache(reference.features).with_nearest(run)
    monkeypatch.setattr("rara.features.pixel_cache.closest_others", None)
    _, known = PixelCache(reference.features).with_nearest(run)
    np.testing.assert_array_equal(known, others)
    (kept,) = (tmp_path / "neighbours").iterdir()
    kept.write_bytes(b"damaged")
    with pytest.raises(TypeError):
        PixelCache(reference.features).with_nearest(run)


def test_prints_follow_their_images(reference, folder, run):
    more = archive(folder / "more.zip", {"new.png": picture(4000), "again.png": picture(17)})
    grown = reference.extend(more, extractor=Blind(), run=run)
    fewer = grown.without(["000.png"])
    _, others = PixelCache(fewer.features).with_nearest(run)
    found = dict(zip(fewer.ids, others.tolist(), strict=True))
    assert found["017.png"] == found["again.png"] == SAME
    assert found["new.png"] > 20


# -- p-values --


def hashes(codes, pictures, flat):
    words = np.zeros((len(codes), 4), np.uint64)
    words[:, 0] = codes
    return PixelHashes(pa.array(pictures, pa.string()), words, np.array(flat))


@st.composite
def galleries(draw):
    """Few different codes and pictures, so that everything ties."""
    count = draw(st.integers(3, 14))
    several = {"min_size": count, "max_size": count}
    codes = draw(st.lists(st.integers(0, 15), **several))
    pictures = draw(st.lists(st.sampled_from("abcdefghijklmnop"), **several))
    flat = draw(st.lists(st.sampled_from([False, False, True]), **several))
    same = {p: (c, f) for p, c, f in zip(pictures, codes, flat, strict=True)}
    codes, flat = zip(*(same[p] for p in pictures), strict=True)
    return hashes(codes, pictures, flat)


def part(some, rows):
    return PixelHashes(some.pictures.take(pa.array(rows)), some.codes[rows], some.flat[rows])


def pixel_p(sample, reference):
    others = closest_others(reference).distance
    test = PixelCopyTest(reference, others, others, "full conformal")
    _, scores = test.compare(sample, own=None, threads=1)
    return scores.ranks(joins=True)[0] / (len(reference) + 1)


@settings(deadline=None, max_examples=120)
@given(galleries())
def test_p_values_are_those_of_a_reference_that_the_sample_has_joined(members):
    rows = np.arange(len(members))
    everyone = closest_others(members).distance
    for i in rows:
        expected = (everyone <= everyone[i]).sum() / len(members)
        assert pixel_p(part(members, rows[[i]]), part(members, np.delete(rows, i))) == expected


# -- duplicates that only the pixels tell --


@pytest.fixture(scope="module")
def doubled(folder):
    """A reference in which five pictures come again, mirrored."""
    mirror = Image.Transpose.FLIP_LEFT_RIGHT
    images = {f"{seed:03}.png": picture(seed) for seed in range(MANY)}
    again = {f"again-{seed:03}.png": picture(seed).transpose(mirror) for seed in range(5)}
    return archive(folder / "doubled.zip", images | again)


def test_the_audit_finds_what_the_vectors_cannot_tell(doubled, folder, run):
    reference = Reference.fit(doubled, extractor=Blind(), run=run)
    blurred = {f"{seed}.png": picture(seed).filter(ImageFilter.GaussianBlur(2)) for seed in (9, 8)}
    samples = archive(folder / "blurred.zip", blurred | {"fresh.png": picture(5000)})
    audit = reference.audit(samples, run=run)
    pairs = [(case.id, case.other, case.note) for case in audit["near duplicates"].cases]
    assert sorted(pairs) == [
        (f"{seed:03}.png", f"again-{seed:03}.png", "0 of 256 bits differ") for seed in range(5)
    ]
    near = {case.id: case for case in audit["near members"].cases}
    assert {name: case.other for name, case in near.items()} == {
        "8.png": "008.png",
        "9.png": "009.png",
    }
    assert near["8.png"].note.endswith(" of 256 bits differ")
    for case in (*near.values(), *audit["near duplicates"].cases):
        assert case.distance > 0
    assert "bits differ" in audit.summary()


def test_near_duplicates_by_pixels_are_left_out(doubled, run):
    treated = Reference.fit(doubled, extractor=Blind(), deduplicate="near", run=run)
    assert len(treated) == MANY
    assert [one.reason for one in treated.features.left_out] == [
        f"near duplicate of '{seed:03}.png'" for seed in range(5)
    ]
    assert len(Reference.fit(doubled, extractor=Blind(), deduplicate="exact", run=run)) == MANY + 5


def test_pictures_that_repeat_nothing_raise_no_alarm(reference, run):
    found = alike(
        reference.features, Nearest.of(reference.geometry.d2, reference.geometry.index), run
    )
    assert len(found.near) == 0
    assert found.pixels is not None


@pytest.mark.parametrize("count", [1, 2, 3, 30])
def test_flat_pictures_have_no_company(count):
    flat = hashes([0] * count, [str(i) for i in range(count)], [True] * count)
    vectors = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
    features = Features.from_arrays(vectors)
    items = features.items.set_column(
        features.items.schema.get_field_index("picture"), "picture", flat.pictures
    )
    features = Features(vectors, items, features.spec, "flat")
    found = alike(features, Nearest.of(np.ones((count, 1)), np.zeros((count, 1), np.int32)), Run())
    assert found.pixels is None


def test_ties_are_spread_over_one_bit():
    codes = np.array([0, 1, 2, 4, 8, 3], np.uint64)
    several = hashes(codes, list("abcdef"), [False] * 6)
    found = lists_of_others(several, 5)
    assert found.index[0].tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(found.d2[0], [1.125, 1.375, 1.625, 1.875, 2.5])


def test_a_reference_that_repeats_itself_says_so():
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.normal(size=(100, 4)), 2, axis=0)
    repeated = Reference.from_features(vectors).score_features(rng.normal(size=(3, 4)))
    assert repeated.provenance["calibration"]["near_copy"] == {"p": 1.0, "repeating": 200}
    single = Reference.from_features(vectors[::2]).score_features(rng.normal(size=(3, 4)))
    assert single.provenance["calibration"]["near_copy"] == {"p": 2 / 101, "repeating": 0}


def test_prints_of_another_version_are_not_compared(reference, folder, monkeypatch):
    reference.save(folder / "other version")
    for module in ("features.item_table", "features.pixel_cache"):
        monkeypatch.setattr(f"rara.{module}.VERSION", 2)
    loaded = Reference.load(folder / "other version")
    assert pixel_hashes_of(loaded.features) is None
    own = loaded.score_leave_one_out()
    assert own.arrow["pixel_p"].null_count == MANY
    np.testing.assert_array_equal(own["volume_p"], reference.score_leave_one_out()["volume_p"])
