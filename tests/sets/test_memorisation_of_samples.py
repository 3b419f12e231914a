"""Authenticity, C_T and FLD's gap: oracles, and copies among the samples."""

import math

import numpy as np
import pytest

import oracle
from make import gaussian
from rara.errors import ParameterError
from rara.geometry import Nearest
from rara.sets import CT, FLDGap, authenticity, c_t, fld_gap
from rara.sets.c_t import cells_of, centres_of, mann_whitney
from rara.sets.fld_gap import fitted, log_likelihood

TRAIN, TEST = gaussian(600, 8, seed=1), gaussian(400, 8, seed=2)


def authentic(samples, training):
    """Alaa's flags, with the radius looked up at the nearest training image."""
    d2 = oracle.squared_distances(samples, training)
    nearest = d2.argmin(axis=1)
    own = oracle.neighbours(
        oracle.squared_distances(training, training), 1, own=np.arange(len(training))
    )[1][:, 0]
    return d2.min(axis=1) > own[nearest]


def wrongly_authentic(samples, training):
    """The same with the radius looked up by the number of the sample, as two packages do."""
    d2 = oracle.squared_distances(samples, training)
    own = oracle.neighbours(
        oracle.squared_distances(training, training), 1, own=np.arange(len(training))
    )[1][:, 0]
    return d2.min(axis=1) > own[: len(samples)]


def test_authenticity_is_the_oracles():
    samples = gaussian(300, 8, seed=3)
    samples[:50] = TRAIN[:50]
    found = authenticity(samples, TRAIN)
    assert found.value == pytest.approx(authentic(samples, TRAIN).mean(), abs=1e-12)
    assert found.low < found.value < found.high


def test_the_radius_is_that_of_the_nearest_training_image():
    """Where radii differ, looking them up by the sample's number gives another share."""
    training = np.concatenate([gaussian(200, 4, seed=1), 50 + 20 * gaussian(200, 4, seed=2)])
    samples = 50 + 20 * gaussian(200, 4, seed=3)
    right, wrong = authentic(samples, training).mean(), wrongly_authentic(samples, training).mean()
    assert abs(right - wrong) > 0.2
    assert float(authenticity(samples, training)) == pytest.approx(right, abs=1e-12)


def test_copies_are_seen_by_all_three():
    fresh, copies = gaussian(300, 8, seed=3), TRAIN[:300] + 0.05 * gaussian(300, 8, seed=4)
    assert float(authenticity(copies, TRAIN)) < 0.1 < 0.5 < float(authenticity(fresh, TRAIN))
    assert float(c_t(copies, TRAIN, TEST, cells=2)) < -3
    assert abs(float(c_t(fresh, TRAIN, TEST, cells=2))) < 2.5
    assert float(fld_gap(copies, TRAIN, TEST)) > 20
    assert abs(float(fld_gap(fresh, TRAIN, TEST))) < 5


def test_c_t_of_one_cell_is_mann_whitneys_z():
    samples = gaussian(90, 8, seed=3) * np.float32(1.2)
    a = oracle.squared_distances(samples, TRAIN).min(axis=1)
    b = oracle.squared_distances(TEST, TRAIN).min(axis=1)
    share = (a[:, None] > b[None]).mean() + 0.5 * (a[:, None] == b[None]).mean()
    z = (share - 0.5) * math.sqrt(12 * 90 * 400 / 491)
    assert float(c_t(samples, TRAIN, TEST, cells=1)) == pytest.approx(z, abs=1e-9)
    assert mann_whitney(a, b) == pytest.approx(z, abs=1e-9)
    assert mann_whitney(np.zeros(9), np.zeros(7)) == 0


def test_c_t_weighs_cells_by_their_test_images():
    centres = centres_of(TRAIN, 3, seed=0)
    state = CT(3)
    state.update(samples=gaussian(300, 8, seed=3), train=TRAIN, test=TEST)
    ordered = state.train.ordered(2, "c_t")
    centres = centres_of(ordered, 3, 0)
    total = weight = 0
    a = oracle.squared_distances(gaussian(300, 8, seed=3), TRAIN).min(axis=1)
    b = oracle.squared_distances(TEST, TRAIN).min(axis=1)
    cells = cells_of(gaussian(300, 8, seed=3), centres), cells_of(TEST, centres)
    for cell in range(3):
        one, other = a[cells[0] == cell], b[cells[1] == cell]
        total += len(other) * mann_whitney(one, other)
        weight += len(other)
    assert float(state.compute()) == pytest.approx(total / weight, abs=1e-9)


def test_k_means_finds_separate_clusters():
    rng = np.random.default_rng(0)
    true = np.repeat(np.arange(4), 100)
    vectors = (20 * np.eye(4)[true] + rng.normal(size=(400, 4))).astype(np.float32)
    cells = cells_of(vectors, centres_of(vectors, 4, seed=1))
    assert len({(a, b) for a, b in zip(true, cells, strict=True)}) == 4
    assert len(centres_of(np.ones((9, 2), np.float32), 4, seed=1)) == 1


def test_the_fit_of_fld_rises_and_is_stationary():
    samples = gaussian(40, 8, seed=3)
    d2 = oracle.squared_distances(TRAIN, samples)
    index, nearest = oracle.neighbours(d2, 32)
    lists = Nearest.of(nearest, index.astype(np.int32))
    variances = fitted(lists, 40, 8)
    best = log_likelihood(lists, variances, 8)[0].mean()
    assert best > log_likelihood(lists, np.ones(40), 8)[0].mean()
    for sample in (0, 11, 39):
        for factor in (0.8, 1.25):
            changed = variances.copy()
            changed[sample] *= factor
            assert log_likelihood(lists, changed, 8)[0].mean() < best + 1e-6


def test_log_likelihood_is_that_of_a_mixture():
    samples = gaussian(5, 3, seed=3)
    d2 = oracle.squared_distances(TEST[:9, :3], samples)
    index, nearest = oracle.neighbours(d2, 5)
    variances = np.array([0.5, 1, 2, 3, 4.0])
    density = np.exp(-d2 / (2 * variances)) / (2 * math.pi * variances) ** 1.5
    found, shares = log_likelihood(Nearest.of(nearest, index.astype(np.int32)), variances, 3)
    assert found == pytest.approx(np.log(density.mean(axis=1)))
    assert shares.sum(axis=1) == pytest.approx(1)


def test_half_of_each_side_in_two_updates():
    samples = gaussian(200, 8, seed=3)
    for state, metric in ((CT, c_t), (FLDGap, fld_gap)):
        one, other = state(), state()
        one.update(samples=samples[:90], train=TRAIN[300:])
        other.update(samples=samples[90:], train=TRAIN[:300], test=TEST)
        one.merge(other)
        assert repr(one.compute()) == repr(metric(samples, TRAIN, TEST))


def test_bad_input_gives_one_clear_sentence():
    with pytest.raises(ParameterError, match="1 training images: authenticity with k = 1"):
        authenticity(TEST, TRAIN[:1])
    with pytest.raises(ParameterError, match="5 samples: c_t needs at least 20"):
        c_t(TRAIN[:5], TRAIN, TEST)
    with pytest.raises(ParameterError, match="No cell has 20 samples and 20 test images"):
        c_t(TRAIN[:40], TRAIN, TEST[:25], cells=9)
    with pytest.raises(ParameterError, match="cells = 0"):
        c_t(TEST, TRAIN, TEST, cells=0)
    with pytest.raises(ParameterError, match="1 test images: fld_gap"):
        fld_gap(TEST, TRAIN, TEST[:1])
    with pytest.raises(ParameterError, match="options cannot be merged"):
        CT(1).merge(CT(2))
