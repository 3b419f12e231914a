"""Precision, recall, density, coverage and their clipped kin against a float64 oracle and prdc."""

import tracemalloc
from math import comb
from pathlib import Path

import numpy as np
import pytest

import oracle
from make import features, gaussian
from rara import sets
from rara.errors import FeatureError, ParameterError, ReferenceMismatchError
from rara.sets.clipped_coverage import expected_coverage
from rara.sets.halves import distinct, variance_of

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.npz"))
RULES = ("open", "closed", "official")
BALLS = ("precision", "recall", "density", "coverage", "clipped_density", "clipped_coverage")


# -- the oracle: whole matrices in float64 --


def held(points, centres, k, rule, most2=np.inf):
    radii2 = np.minimum(oracle.radii2(centres, k), most2)
    return oracle.holds(oracle.squared_distances(points, centres), radii2, rule)


def precision(samples, reference, k, rule):
    return held(samples, reference, k, rule).any(axis=1).mean()


def recall(samples, reference, k, rule):
    return held(reference, samples, k, rule).any(axis=1).mean()


def density(samples, reference, k, rule):
    return held(samples, reference, k, rule).sum(axis=1).mean() / k


def coverage(samples, reference, k, rule):
    return held(samples, reference, k, rule).any(axis=0).mean()


def clipped_density(samples, reference, k, rule):
    median2 = np.median(oracle.radii2(reference, k))
    own = held(reference, reference, k, rule, median2)
    np.fill_diagonal(own, False)
    usual = np.minimum(own.sum(axis=1) / k, 1).mean()
    counts = held(samples, reference, k, rule, median2).sum(axis=1)
    return min(np.minimum(counts / k, 1).mean() / usual, 1)


def clipped_coverage(samples, reference, k, rule):
    found = np.minimum(held(samples, reference, k, rule).sum(axis=0) / k, 1).mean()
    expected = [law_of_coverage(m, len(reference), k) for m in range(len(samples) + 1)]
    return np.interp(found, expected, np.arange(len(expected)) / len(samples))


def law_of_coverage(samples, reference, k):
    """E min(J / k, 1), where J samples fall within k - 1 of n - 1 others, by counting orders.

    Of n - 1 reference images and m samples in the order of their distance from a ball's centre,
    every order of labels is as likely: J = j where the k-th reference image comes after j samples.
    """
    n, m = reference - 1, samples
    orders = comb(n + m, m)
    chances = [comb(k - 1 + j, j) * comb(n - k + m - j, m - j) / orders for j in range(m + 1)]
    return sum(min(j / k, 1) * chance for j, chance in enumerate(chances))


def sides(seed=0, n=90, m=70, d=4):
    rng = np.random.default_rng(seed)
    reference = gaussian(n, d, rng)
    samples = gaussian(m, d, rng) * np.float32(1.2)
    samples[:8] = reference[:8]
    reference[40:44] = reference[40]
    return samples, reference


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", BALLS)
def test_value_is_the_oracles(name, rule):
    for seed, k in ((0, 3), (1, 5), (2, 2)):
        samples, reference = sides(seed)
        ours = getattr(sets, name)(samples, reference, k, boundary=rule)
        theirs = globals()[name](samples, reference, k, rule)
        assert float(ours) == pytest.approx(theirs, abs=1e-12)
        assert ours.low <= ours.value <= ours.high
        assert (ours.samples, ours.reference) == (70, 90)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_value_is_prdcs(path):
    with np.load(path) as golden:
        for name in ("precision", "recall", "density", "coverage"):
            metric = getattr(sets, name)
            for rule in ("official", "open"):
                ours = metric(golden["fake"], golden["real"], int(golden["k"]), boundary=rule)
                assert float(ours) == pytest.approx(float(golden[name]), abs=1e-12)


@pytest.mark.parametrize("name", BALLS)
def test_boundary_matters_where_distances_are_equal(name):
    grid = np.stack(np.meshgrid(*[np.arange(8)] * 2), axis=-1).reshape(-1, 2).astype(np.float32)
    samples = grid[:32:3] + np.float32([1, 0])
    grid[:4] += np.float32(0.25)
    found = {rule: float(getattr(sets, name)(samples, grid, 3, boundary=rule)) for rule in RULES}
    for rule in RULES:
        assert found[rule] == pytest.approx(globals()[name](samples, grid, 3, rule), abs=1e-12)
    assert len(set(found.values())) > 1


@pytest.mark.parametrize("name", BALLS)
def test_merged_states_equal_one_call(name):
    samples, reference = sides()
    one, other = (getattr(sets, name.title().replace("_", ""))() for _ in range(2))
    one.update(samples=samples[:30])
    other.update(samples=samples[30:], reference=reference[50:])
    one.update(reference=reference[:50])
    one.merge(other)
    whole = getattr(sets, name)(samples, reference)
    assert repr(one.compute()) == repr(whole)
    assert one.compute().low == whole.low


@pytest.mark.parametrize("name", BALLS)
def test_a_figure_of_halves_is_that_of_those_images_alone(name):
    samples, reference = sides()
    state = getattr(sets, name.title().replace("_", ""))(3)
    state.update(samples=samples, reference=reference)
    fakes, reals = state.samples.ordered(1, name), state.reference.ordered(1, name)
    rng = np.random.default_rng(5)
    parts = [(rng.permutation(70) < 35, rng.permutation(90) < 45) for _ in range(3)]
    figures = state.figure(fakes, reals, 3)(parts)
    for (kept, left), figure in zip(parts, figures, strict=True):
        alone = globals()[name](fakes[kept], reals[left], 3, state.boundary)
        assert min(figure, 1) == pytest.approx(min(alone, 1), abs=1e-12)


def test_the_variance_is_a_quarter_of_the_squared_difference_of_halves():
    samples, reference = np.sort(gaussian(200, 1), axis=0), np.sort(gaussian(300, 1, 1), axis=0)

    def difference(kept, left):
        assert kept.sum() in (100, 101)
        assert left.sum() == 150
        return float(samples[kept].mean() - 2 * reference[left].mean())

    expected = samples.var() / 200 + 4 * reference.var() / 300
    assert variance_of(difference, samples, reference) == pytest.approx(expected, rel=0.5)
    assert np.isnan(variance_of(difference, samples[:1], reference))


def test_copies_are_in_one_half_together():
    vectors = np.repeat(gaussian(50, 2), 4, axis=0)
    assert np.array_equal(distinct(vectors), np.repeat(np.arange(50), 4))
    fives = []
    variance_of(lambda kept: fives.append(kept.reshape(50, 4).sum(axis=1)) or 0.0, vectors)
    assert set(np.concatenate(fives).tolist()) == {0, 4}


@pytest.mark.slow
@pytest.mark.parametrize("name", BALLS)
def test_intervals_hold_the_expected_value(name):
    found = [
        getattr(sets, name)(gaussian(200, 4, 2 * i) * np.float32(1.3), gaussian(200, 4, 2 * i + 1))
        for i in range(150)
    ]
    expected = np.mean([one.value for one in found])
    held = np.mean([one.low <= expected <= one.high for one in found])
    assert 0.9 <= held <= 0.99


def test_expected_coverage_is_the_law():
    expected = expected_coverage(12, 30, 4)
    assert expected == pytest.approx([law_of_coverage(m, 30, 4) for m in range(13)], abs=1e-12)
    assert expected_coverage(5000, 50_000, 5)[-1] < 1


def test_density_of_held_out_images_is_one():
    found = sets.density(gaussian(3000, 5, seed=1), gaussian(3000, 5, seed=2))
    assert found.low < 1 < found.high
    assert found.value == pytest.approx(1, abs=0.05)


def test_coverage_of_held_out_images_is_its_expectation():
    n, k = 2000, 5
    expected = 1 - np.prod([(n - 1 - i) / (2 * n - 1 - i) for i in range(k)])
    assert expected == pytest.approx(1 - law_of_none(n, n, k), abs=1e-12)
    found = sets.coverage(gaussian(n, 5, seed=1), gaussian(n, 5, seed=2))
    assert found.value == pytest.approx(expected, abs=0.01)


def law_of_none(samples, reference, k):
    return comb(reference - 1 - k + samples, samples) / comb(reference - 1 + samples, samples)


def test_an_outlier_fools_density_and_not_its_clipped_kin():
    rng = np.random.default_rng(0)
    reference = np.concatenate([gaussian(500, 8, rng), np.full((1, 8), 9, np.float32)])
    junk = 9 + gaussian(300, 8, rng)
    assert sets.precision(junk, reference).value > 0.9
    assert sets.clipped_density(junk, reference).value < 0.1


def test_features_are_vectors():
    samples, reference = sides()
    assert repr(sets.recall(features(samples), features(reference))) == repr(
        sets.recall(samples, reference)
    )


@pytest.mark.parametrize("name", BALLS)
def test_identical_sets(name):
    reference = gaussian(200, 4)
    assert getattr(sets, name)(reference, reference).value >= 0.99


def crowd(n, m):
    """Samples in the middle of all balls: every pair lies in a ball."""
    reference = gaussian(n, 32)
    return gaussian(m, 32, 1) * np.float32(0.01), reference


@pytest.mark.parametrize("name", BALLS)
def test_memory_plays_no_role_for_the_figure(name):
    metric, whole = getattr(sets, name), []
    for samples, reference in (sides(), crowd(90, 70)):
        whole = [metric(samples, reference, memory=memory) for memory in (None, 1, 40_000)]
        assert len({(one.value, one.low, one.high) for one in whole}) == 1


@pytest.mark.parametrize("name", ["precision", "clipped_coverage"])
def test_memory_is_kept_where_every_pair_lies_in_a_ball(name):
    samples, reference = crowd(1500, 1500)
    metric, memory = getattr(sets, name), 2**23
    metric(samples[:50], reference[:50])
    tracemalloc.start()
    metric(samples, reference, memory=memory)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    own = 2 * (samples.nbytes + reference.nbytes) + 1500 * 28 * 12  # ordered copies, and lists
    assert peak < memory + own


def test_bad_input_gives_one_clear_sentence():
    samples, reference = sides()
    with pytest.raises(ParameterError, match=r"3 reference images: precision with k = 3 needs"):
        sets.precision(samples, reference[:3])
    with pytest.raises(ParameterError, match=r"5 samples: recall with k = 7 needs at least 8"):
        sets.recall(samples[:5], reference, 7)
    with pytest.raises(FeatureError, match=r"shape \(0, 4\)"):
        sets.density(samples[:0], reference)
    with pytest.raises(ParameterError, match="0 samples: density needs at least 1"):
        sets.Density().compute()
    with pytest.raises(ParameterError, match="k = 0"):
        sets.coverage(samples, reference, 0)
    with pytest.raises(ParameterError, match="boundary = 'half'"):
        sets.coverage(samples, reference, boundary="half")
    with pytest.raises(ParameterError, match="level = 95"):
        sets.precision(samples, reference, level=95)
    with pytest.raises(FeatureError, match="NaN"):
        sets.precision(np.full((9, 4), np.nan), reference)
    with pytest.raises(ReferenceMismatchError, match="dimensions"):
        sets.precision(samples[:, :3], reference)
    with pytest.raises(ParameterError, match="options cannot be merged"):
        sets.Precision(3).merge(sets.Precision(4))


def test_one_sample_has_a_value_and_no_interval():
    samples, reference = sides()
    found = sets.precision(samples[:1], reference)
    assert found.value == 1
    assert np.isnan(found.low)


def test_duplicates_of_a_whole_reference_leave_clipped_density_undefined():
    reference = np.ones((20, 3), np.float32)
    assert np.isnan(sets.clipped_density(reference, reference, boundary="official").value)
