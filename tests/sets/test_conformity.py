"""Fidelity and diversity: calibrated on real images, and right where the answer is known."""

import numpy as np
import pytest

import oracle
from make import gaussian
from rara.errors import ParameterError
from rara.sets import Diversity, Fidelity, diversity, fidelity
from rara.sets.base import in_order
from rara.sets.conformity import Conformity
from rara.sets.coordinates import Range, grid_of, off_grid


def sphere(n, d, radius, seed):
    vectors = gaussian(n, d, seed)
    return np.float32(radius) * vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def both(samples, reference):
    return float(fidelity(samples, reference)), float(diversity(samples, reference))


def p_values(judged, base, k=5):
    return Conformity.of(judged, base, k).p()


# -- p-values --


def test_p_is_the_rank_of_a_distance_where_no_other_witness_counts():
    judged, base = gaussian(60, 3, seed=1), gaussian(150, 3, seed=2)
    everyone = np.arange(150)
    own = oracle.neighbours(oracle.squared_distances(base, base), 5, own=everyone)[1][:, -1]
    to_base = oracle.neighbours(oracle.squared_distances(judged, base), 5)[1][:, -1]
    expected = (1 + (own[None] >= to_base[:, None]).sum(axis=1)) / 151
    assert np.array_equal(p_values(judged, base), expected)


@pytest.mark.parametrize("d", [1, 8, 64])
def test_fresh_real_images_are_called_at_the_rate_that_alpha_says(d):
    p = np.concatenate(
        [p_values(gaussian(400, d, seed=i), gaussian(400, d, seed=99 - i)) for i in range(8)]
    )
    for alpha in (0.05, 0.2, 0.5):
        assert (p <= alpha).mean() == pytest.approx(alpha, abs=4 * np.sqrt(alpha / 3200))


def test_beside_a_half_p_is_that_of_the_half_alone():
    judged, base = gaussian(80, 4, seed=1) / 2, gaussian(200, 4, seed=2)
    for copies in (False, True):
        base[100:150] = base[100]
        ordered = in_order(base)
        whole = Conformity.of(judged, ordered, 5, copies=copies)
        assert not any(half.hole or half.beyond for half in whole.halves)
        kept = np.random.default_rng(0).permutation(200) < 100
        alone = Conformity.of(judged, ordered[kept], 5, copies=copies).p()
        assert np.array_equal(whole.p(kept), alone)


def test_copies_in_the_base_change_nothing_unless_they_count():
    judged, base = gaussian(80, 4, seed=1) / 2, gaussian(200, 4, seed=2)
    thrice = np.repeat(base, 3, axis=0)
    p = p_values(judged, thrice)
    assert p == pytest.approx(p_values(judged, base), abs=0.01)
    own = oracle.neighbours(oracle.squared_distances(thrice, thrice), 5, own=np.arange(600))[1][
        :, -1
    ]
    to_base = oracle.neighbours(oracle.squared_distances(judged, thrice), 5)[1][:, -1]
    expected = (1 + (own[None] >= to_base[:, None]).sum(axis=1)) / 601
    assert np.array_equal(Conformity.of(judged, thrice, 5, copies=True).p(), expected)


def test_a_generator_of_a_few_images_is_faithful_and_not_diverse():
    reference = gaussian(1000, 4, seed=1)
    samples = np.repeat(gaussian(20, 4, seed=2), 50, axis=0)
    found = both(samples, reference)
    assert found[0] > 0.8
    assert found[1] < 0.1


def test_bases_of_one_or_two_distinct_vectors():
    one = np.ones((50, 3), np.float32)
    two = np.repeat(np.float32([[0, 0, 0], [1, 1, 1]]), 25, axis=0)
    assert both(one, one) == (1, 1)
    assert both(two, two) == (1, 1)
    assert both(one + 1, one) == pytest.approx((0, 0), abs=0.1)  # no p is below 1 / 51


# -- what is called --


def test_real_images_give_one():
    for seed in range(3):
        found = both(gaussian(1000, 8, seed=seed), gaussian(1000, 8, seed=50 + seed))
        assert found == pytest.approx((1, 1), abs=0.03)


def test_a_share_of_junk_is_lost():
    samples = gaussian(1000, 8, seed=1)
    samples[:300] += 20
    assert float(fidelity(samples, gaussian(1000, 8, seed=2))) == pytest.approx(0.7, abs=0.03)


def test_a_lost_mode_is_lost_in_diversity_alone():
    samples, reference = gaussian(1000, 8, seed=1), gaussian(1000, 8, seed=2)
    reference[:400] += 20
    assert both(samples, reference) == pytest.approx((1, 0.6), abs=0.05)
    assert both(reference, samples) == pytest.approx((0.6, 1), abs=0.05)


@pytest.mark.parametrize("d", [2, 16, 128])
def test_a_hole_is_no_place_for_samples(d):
    reference = sphere(1000, d, 1, 0)
    assert float(fidelity(sphere(1000, d, 0.1, 1), reference)) < 0.05
    assert float(fidelity(sphere(1000, d, 1, 1), reference)) > 0.95
    assert float(diversity(sphere(1000, d, 1.9, 1), reference)) < 0.05


@pytest.mark.parametrize(("d", "shrink"), [(1, 0.001), (8, 0.1), (64, 0.3)])
def test_the_core_of_a_law_is_no_hole(d, shrink):
    samples, reference = np.float32(shrink) * gaussian(1000, d, 1), gaussian(1000, d, 2)
    assert float(fidelity(samples, reference)) > 0.95
    assert float(diversity(samples, reference)) < 0.05
    assert float(fidelity(reference, samples)) < 0.05
    assert float(diversity(reference, samples)) > 0.95


@pytest.mark.parametrize("d", [2, 50, 1000])
def test_one_wrong_coordinate_of_many_is_enough(d):
    samples, reference = gaussian(1000, d, 1), gaussian(1000, d, 2)
    samples[:, d // 2] += 6
    assert max(both(samples, reference)) < 0.05


@pytest.mark.parametrize("d", [1, 8, 64])
def test_a_cube_moved_beyond_another_by_four_fifths_of_its_volume(d):
    rng = np.random.default_rng(d)
    step = 1 - 0.2 ** (1 / d)
    samples, reference = rng.uniform(step, 1 + step, (3000, d)), rng.uniform(size=(3000, d))
    assert both(samples, reference) == pytest.approx((0.2, 0.2), abs=0.06)


def test_a_denser_mode_is_not_beyond_the_range():
    """All samples in a tenth of the reference: ten times as many reach its ends."""
    rng = np.random.default_rng(0)
    modes = np.repeat(np.arange(10, dtype=np.float32), 100)[:, None]
    reference = modes * 10 / 9 + gaussian(1000, 64, rng)
    assert float(fidelity(gaussian(1000, 64, rng), reference)) > 0.93


@pytest.mark.parametrize("scale", [1, 30, 1000])
def test_values_between_whole_numbers_are_off_a_grid_of_them(scale):
    smooth, whole = scale * gaussian(1000, 1, 1), np.round(scale * gaussian(1000, 1, 2))
    assert float(fidelity(smooth, whole)) < 0.05
    assert float(fidelity(whole, smooth)) > 0.93
    assert float(diversity(whole, smooth)) < 0.05
    assert float(diversity(smooth, whole)) > 0.93


# -- ranges and grids --


def test_range_passed_and_excess():
    base = np.float32([[0, 5], [1, 5], [3, 5], [7, 5]])
    limits = Range.of(base)
    vectors = np.float32([[9, 5], [-1, 6], [3, 5]])
    assert limits.passed(vectors).tolist() == [[1, 1], [1, 0]]
    chosen = np.array([[True, True], [True, False]])
    scale = base[:, 0].std()
    assert limits.excess(vectors, chosen) == pytest.approx([2 / scale, np.inf, 0])
    assert limits.own_excess(base, chosen) == pytest.approx([1 / scale, 0, 0, 4 / scale])
    chosen[0, 0] = False
    assert limits.own_excess(base, chosen) == pytest.approx([1 / scale, 0, 0, 0])


@pytest.mark.parametrize("step", [1.0, 1 / 255, 0.1, 2**-20])
def test_a_grid_is_seen_after_rounding_to_float32(step):
    values = (3 + step * np.random.default_rng(0).integers(0, 200, 400)).astype(np.float32)
    if step < 1e-6:  # finer than what float32 holds near 3
        assert off_grid(values[:, None] + np.float32(step), values[:, None]).sum() == 0
        return
    start, found = grid_of(values)
    assert (start, found) == (pytest.approx(values.min()), pytest.approx(step, rel=1e-4))
    assert off_grid(np.float32([[3 + 7 * step], [3 + 7.5 * step]]), values[:, None]).tolist() == [
        False,
        True,
    ]


def test_few_or_smooth_values_show_no_grid():
    rng = np.random.default_rng(0)
    sparse = np.zeros((1000, 200), np.float32)
    for column in range(200):
        sparse[rng.choice(1000, column % 5, replace=False), column] = rng.exponential()
    assert not off_grid(rng.exponential(size=(100, 200)).astype(np.float32), sparse).any()
    smooth = np.maximum(gaussian(1000, 200, rng), 0)
    assert not off_grid(gaussian(100, 200, rng), smooth).any()
    assert grid_of(np.float32([0] * 6 + [1] * 6)) == (0, 1)
    assert grid_of(np.float32([0] * 6 + [1] * 5)) is None
    assert grid_of(np.float32([0, 1, 2, 3, 4])) is None
    assert grid_of(np.float32([0, 1, 2, 3, 4, 5])) == (0, 1)


# -- states and errors --


def test_merged_states_equal_one_call():
    samples, reference = gaussian(120, 4, 1), gaussian(150, 4, 2)
    for state, metric in ((Fidelity, fidelity), (Diversity, diversity)):
        one, other = state(), state()
        one.update(samples=samples[60:], reference=reference[:9])
        other.update(samples=samples[:60], reference=reference[9:])
        one.merge(other)
        assert repr(one.compute()) == repr(metric(samples, reference))


def test_bad_options_give_one_clear_sentence():
    samples, reference = gaussian(50, 4, 1), gaussian(15, 4, 2)
    with pytest.raises(ParameterError, match="15 reference images: no p is below"):
        fidelity(samples, reference)
    with pytest.raises(ParameterError, match="alpha = 5"):
        fidelity(samples, reference, alpha=5)
    with pytest.raises(ParameterError, match="4 samples: diversity with k = 5 needs at least 6"):
        diversity(samples[:4], reference)


def test_identical_sets_and_few_images():
    reference = gaussian(300, 4)
    assert both(reference, reference) == (1, 1)
    assert float(fidelity(reference[:1], reference)) in (0, 1)
    assert float(diversity(reference[:6], reference)) <= 1


def test_a_range_is_the_same_in_tiles(monkeypatch):
    base = np.round(gaussian(60, 3) * 4)
    whole = Range.of(base)
    monkeypatch.setattr("rara.sets.coordinates._TILE", 21)
    tiled = Range.of(base)
    for name in ("first", "second"):
        assert np.array_equal(getattr(whole, name), getattr(tiled, name))
    assert tiled.scale == pytest.approx(base.std(axis=0), rel=1e-6)
    signed = np.stack([base, -base])
    ascending = np.sort(signed, axis=1)
    assert np.array_equal(tiled.first, ascending[:, -1])
    assert np.array_equal(tiled.second, ascending[:, -2])
    for side in range(2):
        for column in range(3):
            assert signed[side, tiled.holder[side, column], column] == tiled.first[side, column]
