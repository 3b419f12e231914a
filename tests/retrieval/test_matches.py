"""Matches of features, and the movement that most agree with."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from rara.retrieval.local_features import LocalFeatures, prepare
from rara.retrieval.maps import fitted
from rara.retrieval.matches import Consensus, consensus
from rara.retrieval.polygons import mapped, rectangle
from scenes import scene


def features(rng, count, side=400):
    """Random places with random descriptors, as far from one another as any."""
    descriptors = np.abs(rng.standard_normal((count, 128)))
    descriptors *= 512 / np.linalg.norm(descriptors, axis=1, keepdims=True)
    return LocalFeatures(
        rng.uniform(0, side, (count, 2)),
        rng.uniform(4, 40, count),
        rng.uniform(-np.pi, np.pi, count),
        np.rint(descriptors).astype(np.uint8),
    )


def moved(one, angle, scale, shift):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    places = one.points @ turn.T + shift
    return LocalFeatures(places, one.sizes * scale, one.angles + angle, one.descriptors)


def joined(*several):
    return LocalFeatures(
        *(
            np.concatenate([getattr(one, name) for one in several])
            for name in ("points", "sizes", "angles", "descriptors")
        )
    )


@pytest.mark.parametrize("angle", [0, 0.3, np.pi / 2, -2.5])
@pytest.mark.parametrize("scale", [0.4, 1, 2.5])
def test_the_movement_is_found(angle, scale):
    rng = np.random.default_rng(1)
    source = features(rng, 30, side=150)
    sample = moved(source, angle, scale, np.array([200, 200]))
    found = consensus(joined(sample, features(rng, 100)), joined(source, features(rng, 100)))
    turn = scale * np.array([np.cos(angle), np.sin(angle)])
    assert found.similarity[:2, 0] == pytest.approx(turn, abs=1e-9)
    assert found.similarity[:2, 2] == pytest.approx(200, abs=1e-6)
    assert 20 < found.distinct <= 30
    right = found.source == found.sample
    assert found.agree[right & (found.source < 30)].all()


@pytest.mark.parametrize("shift", [-60.0, 430.0])
def test_points_outside_of_the_picture_count_to_its_edge(shift):
    """Their own places would lie beside the table of places: checked indices make that an error."""
    source = features(np.random.default_rng(5), 30, side=150)
    found = consensus(moved(source, 0, 1, np.array([shift, shift])), source)
    assert found.similarity[:2, 2] == pytest.approx(shift, abs=1e-6)
    assert found.agree[found.source == found.sample].all()


@pytest.mark.parametrize("shift", [-1e6, 1e6])
def test_points_that_all_lie_outside_are_one_place(shift):
    source = features(np.random.default_rng(5), 30, side=150)
    assert consensus(moved(source, 0, 1, np.array([shift, shift])), source) is None


def test_random_features_do_not_agree():
    rng = np.random.default_rng(2)
    for _ in range(20):
        found = consensus(features(rng, 200), features(rng, 200))
        assert found is None or found.distinct < 4


def test_sizes_and_directions_must_agree_too():
    rng = np.random.default_rng(3)
    source = features(rng, 30, side=150)
    sample = moved(source, 0.2, 1, np.array([50, 50]))
    other_sizes = LocalFeatures(sample.points, sample.sizes * 2, sample.angles, sample.descriptors)
    other_angles = LocalFeatures(sample.points, sample.sizes, sample.angles + 1, sample.descriptors)
    assert consensus(sample, source).distinct > 20
    for wrong in (other_sizes, other_angles):
        found = consensus(wrong, source)
        assert found is None or found.distinct < 5


def test_many_matches_at_one_place_count_once():
    rng = np.random.default_rng(4)
    source = features(rng, 3, side=200)
    repeated = joined(*[source] * 10)
    repeated = LocalFeatures(
        repeated.points, repeated.sizes, repeated.angles, features(rng, 30).descriptors
    )
    found = consensus(repeated, repeated)
    assert len(found.source) >= 30
    assert found.distinct <= 3


def test_each_side_finds_the_others_repeats():
    """Twice the same in the sample fails the ratio test there, and passes it from the sample."""
    rng = np.random.default_rng(5)
    source = features(rng, 30, side=100)
    twice = joined(source, moved(source, 0, 1, np.array([250, 250])))
    assert consensus(twice, source).distinct > 20
    assert consensus(source, twice).distinct > 20


def test_too_few_features():
    rng = np.random.default_rng(6)
    for count in (0, 1):
        assert consensus(features(rng, count), features(rng, 9)) is None
        assert consensus(features(rng, 9), features(rng, count)) is None


def test_mirrored_twice_is_the_same():
    image = prepare(scene(1))
    again = image.mirrored.mirrored
    assert np.array_equal(again.pixels, image.pixels)
    assert np.array_equal(again.features.descriptors, image.features.descriptors)
    assert again.features.points == pytest.approx(image.features.points)


def test_mirrored_features_are_those_of_the_mirrored_picture():
    pixels = scene(1)
    ours, theirs = prepare(pixels).mirrored.features, prepare(pixels[:, ::-1].copy()).features
    found = consensus(ours, theirs)
    assert found.distinct > 0.6 * min(len(ours), len(theirs))
    assert found.similarity == pytest.approx(np.eye(3), abs=0.05)


def test_prepared_sizes():
    for shape, longest in [((600, 2000), 512), ((300, 400), 400), ((20, 30), 120), ((9, 200), 256)]:
        image = prepare(np.zeros((*shape, 3), np.uint8))
        assert max(image.pixels.shape[:2]) == longest
        assert image.factor == pytest.approx(longest / max(shape))


def everything(count):
    """All of so many matches, agreeing on no movement at all."""
    rows = np.arange(count)
    return Consensus(rows, rows, np.ones(count, bool), np.eye(3), count)


def fitted_to(corners, size=(300, 200), count=60):
    """The map through matches of random places and where these come to lie."""
    source = np.random.default_rng(7).uniform(10, 190, (count, 2)) * (1.5, 1)
    matrix = cv2.getPerspectiveTransform(
        rectangle(*size).astype(np.float32), np.array(corners, np.float32)
    )
    return fitted(everything(count), source, mapped(source, matrix), size, size)


@pytest.mark.parametrize(
    "corners",
    [
        [[0, 0], [300, 0], [300, 200], [0, 200]],
        [[30, 10], [290, 0], [300, 200], [0, 180]],
        [[0, 0], [300, 0], [300, 120], [0, 120]],
    ],
)
def test_maps_are_fitted(corners):
    found = fitted_to(corners)
    assert mapped(rectangle(300, 200), found.matrix) == pytest.approx(np.array(corners), abs=2)
    assert found.residual < 1
    assert len(found.source) == 60


def test_maps_that_no_picture_goes_through_are_refused():
    too_small = [[0, 0], [20, 0], [20, 13], [0, 13]]
    nearly_a_line = [[0, 0], [300, 0], [300, 6], [0, 6]]
    assert fitted_to(too_small) is None
    assert fitted_to(nearly_a_line) is None
    steep = fitted_to([[140, 0], [160, 0], [300, 200], [0, 200]])
    assert steep is None or steep.bent < 3  # what a similarity covers of it


def test_matches_on_a_line_or_in_a_spot_are_refused():
    rng = np.random.default_rng(8)
    line = np.column_stack([np.linspace(0, 300, 40), np.full(40, 50.0)])
    spot = 100 + rng.uniform(0, 8, (40, 2))
    spread = rng.uniform(0, 200, (40, 2))
    for places, possible in [(line, False), (spot, False), (spread, True)]:
        found = fitted(everything(40), places, places, (300, 200), (300, 200))
        assert (found is not None) is possible


def test_many_matches_on_a_line_are_enough_where_they_may_be():
    line = np.column_stack([np.linspace(0, 250, 40), np.full(40, 50.0)])
    spot = 100 + np.random.default_rng(9).uniform(0, 8, (40, 2))
    shift, size = np.array([9.0, 7.0]), (300, 200)

    def through(places, distinct, *, lines):
        found = replace(everything(40), distinct=distinct)
        return fitted(found, places, places + shift, size, size, lines=lines)

    moved_by = np.array([[1, 0, 9], [0, 1, 7], [0, 0, 1]])
    assert through(line, 8, lines=True).matrix == pytest.approx(moved_by, abs=1e-9)
    assert through(line, 7, lines=True) is through(line, 40, lines=False) is None
    assert through(spot, 40, lines=True) is None
