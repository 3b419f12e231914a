"""Pixel hashes as evidence in a search: what both tests say together, and how often by chance."""

import gc
import weakref

import numpy as np
import pytest
from PIL import Image

import rara
from make import as_folder, encoded
from rara.features.opening import features_of
from rara.features.pixel_hashes import pixel_hashes_of
from rara.geometry import closest_codes
from rara.image_search.pixel_test import NearestByPixels, nearest_by_pixels
from rara.retrieval.ready_pictures import Ready
from rara.retrieval.sources import FoundSource

RUN = rara.Run(threads=1)
IMAGES = 90
SMALLEST = 2 * 2 / (IMAGES + 1)
"""Of two tests: the copy and its source are nearer to each other than others are."""


def smooth(seed):
    """Slow changes only: a picture with hardly a local feature."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC)


def noisy(image, seed):
    noise = np.random.default_rng(seed).normal(0, 10, (96, 96, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    files = {f"{i}.png": encoded(smooth(i)) for i in range(IMAGES)}
    return as_folder(tmp_path_factory.mktemp("smooth") / "train", files)


@pytest.fixture(scope="module")
def reference(place):
    return rara.Reference.fit(place, run=RUN)


def test_a_picture_with_few_features_is_found_by_its_pixels(reference):
    (query,) = rara.search(noisy(smooth(7), 0), reference, run=RUN)
    assert query.source.source == "7.png"
    assert query.source.p <= SMALLEST
    assert query.source.edit


def test_what_people_decided_is_no_source_is_none(place, tmp_path):
    copy, decided = tmp_path / "copy.png", rara.Reference.fit(place, run=RUN)
    noisy(smooth(7), 0).save(copy)
    (before,) = rara.search(copy, decided, run=RUN)
    decided.decisions.add(copy, place / "7.png")
    (after,) = rara.search(copy, decided, run=RUN)
    assert before.source.source == "7.png"
    assert after.source is None


def test_the_p_value_counts_real_images_with_the_sample_among_them(reference):
    fresh = {f"{i}": noisy(smooth(i), i) if i < 5 else smooth(1000 + i) for i in range(40)}
    samples, _ = features_of(fresh, reference.extractor, RUN)
    nearest = nearest_by_pixels(samples, reference.features, RUN)
    ours, theirs = (
        pixel_hashes_of(one).codes for one in (samples, reference.features)
    )  # fmt: skip
    among = bits(theirs, theirs) + 1000 * np.eye(IMAGES, dtype=int)
    for row, to_each in enumerate(bits(ours, theirs)):
        nearest_others = np.minimum(among.min(axis=1), to_each)
        p = (1 + np.count_nonzero(nearest_others <= to_each.min())) / (IMAGES + 1)
        assert nearest.p[row] == p
        assert to_each[nearest.rows[row]] == to_each.min()
    assert nearest.p.min() == 2 / (IMAGES + 1)


def bits(some, others):
    """Bits that differ at best over the ways to turn one; each pair by itself."""
    pairs = [[closest_codes(one[None], other[None], k=1, threads=1).distance[0, 0]
              for other in others] for one in some]  # fmt: skip
    return np.array(pairs)


def found(p):
    region = np.array([[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]])
    return FoundSource(p, region, region, "cropped")


@pytest.fixture(scope="module")
def pictures():
    return {row: Ready(smooth(row)) for row in range(3)}


def joined(p, direct, pictures, *, nearest=1, past=()):
    test = NearestByPixels(np.array([nearest], np.int32), np.array([p]))
    return test.joined(0, direct, Ready(smooth(9)), pictures, past)


def test_each_of_two_tests_costs_a_factor_of_two(pictures):
    both = joined(0.02, {0: found(1e-9), 2: found(0.025)}, pictures)
    assert {row: one.p for row, one in both.items()} == {0: 2e-9, 1: 0.04, 2: 0.05}
    assert both[0].edit == "cropped"


@pytest.mark.parametrize(("p", "shown"), [(0.025, True), (np.nextafter(0.025, 1), False)])
def test_what_is_above_the_level_is_not_shown(p, shown, pictures):
    assert (1 in joined(p, {}, pictures)) == shown
    assert (2 in joined(1.0, {2: found(p)}, pictures)) == shown


def test_the_smaller_p_value_speaks_and_the_region_stays(pictures):
    (one,) = joined(0.01, {1: found(0.02)}, pictures).values()
    assert (one.p, one.edit) == (0.02, "cropped")
    (other,) = joined(0.02, {1: found(0.01)}, pictures).values()
    assert (other.p, other.edit) == (0.02, "cropped")


def test_pixels_name_no_image_that_was_not_looked_at_or_is_decided(pictures):
    assert not joined(0.001, {}, {0: pictures[0]})
    assert not joined(0.001, {}, pictures, past={1})
    assert not joined(0.001, {}, pictures, nearest=-1)


def test_without_pixels_of_the_reference_there_is_no_test():
    vectors = np.zeros((4, 3), np.float32)
    features = rara.Reference.from_features(vectors + np.arange(4)[:, None]).features
    assert nearest_by_pixels(features, features, RUN) is None


def test_a_search_keeps_no_features_alive(place):
    features = rara.Reference.fit(place, run=RUN).features
    alive = weakref.ref(features)
    nearest_by_pixels(features, features, RUN)
    del features
    gc.collect()
    assert alive() is None
