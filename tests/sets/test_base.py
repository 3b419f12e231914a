"""What every set metric shares: the result, the check of vectors, and the order of rows."""

import numpy as np
import pytest

import rara
from make import features, gaussian
from rara.errors import FeatureError, ParameterError, ReferenceMismatchError
from rara.sets.base import KeptVectors, SetScore, in_order, keys_of


def test_the_wing_is_reached_from_the_package():
    assert rara.sets.SetScore is SetScore


def test_a_score_is_its_value():
    score = SetScore("fid", 2.5, 2.0, 3.0, 1200, None, "lower is closer")
    assert float(score) == 2.5
    assert repr(score) == "fid 2.5 (95 %: 2 to 3; 1,200 samples; lower is closer)"


def test_keys_depend_on_content_and_seed_alone():
    vectors = gaussian(500, 7)
    order = np.random.default_rng(1).permutation(500)
    assert np.array_equal(keys_of(vectors)[order], keys_of(vectors[order]))
    assert not np.isin(keys_of(vectors, seed=1), keys_of(vectors)).any()
    assert np.array_equal(in_order(vectors), in_order(vectors[order]))


def test_keys_see_one_bit_and_not_the_sign_of_zero():
    vectors = np.zeros((3, 4), np.float32)
    vectors[1] = -0.0
    vectors[2, 3] = np.float32(1e-45)
    keys = keys_of(vectors)
    assert keys[0] == keys[1] != keys[2]


def test_keys_are_evenly_spread():
    groups = np.bincount((keys_of(gaussian(20_000, 3)) % np.uint64(20)).astype(int))
    assert ((groups - 1000) ** 2 / 1000).sum() < 43.8  # chi-squared, 19 degrees: p > 0.001


def test_keys_of_tiles_are_those_of_the_whole(monkeypatch):
    vectors = gaussian(100, 8)
    keys = keys_of(vectors)
    monkeypatch.setattr("rara.sets.base._TILE", 30)
    assert np.array_equal(keys_of(vectors), keys)


@pytest.mark.parametrize("bad", [[[0.0, np.nan]], [[np.inf]], [0.0], [[]], [["a"]]])
def test_vectors_that_are_none(bad):
    with pytest.raises(FeatureError):
        KeptVectors().update(samples=bad)


def test_other_dimensions_are_refused():
    state = KeptVectors()
    state.update(samples=gaussian(3, 4))
    with pytest.raises(ReferenceMismatchError, match=r"Vectors of 4 and of 5 dimensions"):
        state.update(reference=gaussian(3, 5))
    other = KeptVectors()
    other.update(samples=gaussian(3, 6))
    with pytest.raises(ReferenceMismatchError):
        state.merge(other)


def test_features_are_taken_as_they_are():
    state = KeptVectors()
    state.update(samples=features(gaussian(5, 4)), reference=gaussian(6, 4))
    assert np.array_equal(np.sort(state.samples.ordered(5, "x"), 0), np.sort(gaussian(5, 4), 0))
    with pytest.raises(ParameterError, match=r"6 reference images: x needs at least 7"):
        state.reference.ordered(7, "x")


def test_other_metrics_do_not_merge():
    class Other(KeptVectors):
        options = (3,)

    with pytest.raises(ParameterError, match="cannot be merged"):
        KeptVectors().merge(Other())
