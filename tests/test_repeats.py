"""Samples that repeat one another are found, in any order, and ordinary ones are not."""

import numpy as np
import pytest

from rara import Features, Run
from rara.repeats import repeats_of

ONE = Run(threads=1)


def others(vectors, spacing=0.0):
    return repeats_of(Features.from_arrays(vectors.astype(np.float32)), spacing, ONE).others


def jittered(rng, count, noise=1e-4, d=16):
    return rng.normal(size=d) + noise * rng.normal(size=(count, d))


@pytest.mark.parametrize("noise", [0.0, 1e-4])
@pytest.mark.parametrize("count", [2, 20, 60])
def test_repeats_among_others_are_found_in_any_order(count, noise):
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(size=(200, 16)), jittered(rng, count, noise)])
    order = rng.permutation(len(vectors))
    expected = np.where(order >= 200, count - 1, 0)
    np.testing.assert_array_equal(others(vectors[order]), expected)


@pytest.mark.parametrize("count", [2, 3, 60, 1_000])
def test_samples_that_are_all_one_picture_are_told_by_the_reference(count):
    rng = np.random.default_rng(1)
    assert (others(jittered(rng, count), 1.0) == count - 1).all()
    assert (others(rng.normal(size=(count, 16)), 1.0) == 0).all()


def test_a_single_sample_repeats_none():
    assert others(np.ones((1, 3))).tolist() == [0]
