"""What is known to be true: experiments whose answer theory or construction gives.

Seeds are fixed. Tolerances are stated where they are used: four standard errors of means
over independent references, or the 99.9 % quantile of the statistic where all is as claimed
(binomial, or Kolmogorov and Smirnov's for two samples).
"""

import math

import numpy as np
import pytest

from make import fit, gaussian
from rara import Run

ONE = Run(threads=1)


@pytest.fixture(scope="module")
def scene():
    """4,000 reference images in 16 dimensions, and 2,000 fresh ones, scored."""
    rng = np.random.default_rng(0)
    reference = fit(gaussian(4_000, seed=rng))
    fresh = gaussian(2_000, seed=rng)
    return reference, fresh, reference.score_features(fresh, run=ONE)


# -- the geometry --


@pytest.mark.parametrize("law", ["normal", "exponential", "uniform"])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (5, 2), (3, 12)])
def test_fresh_images_lie_in_k_balls_on_average(law, k, d):
    """n balls, each of which holds the k likeliest of n others: k, for any continuous law."""
    rng = np.random.default_rng(1)
    draw = {"normal": rng.normal, "exponential": rng.exponential, "uniform": rng.random}[law]
    means = []
    for _ in range(25):
        table = fit(draw(size=(300, d)), k).score_features(draw(size=(150, d)), run=ONE)
        means.append(table["balls"].mean())
    error = np.std(means, ddof=1) / 5
    assert error < 0.1 * k
    assert abs(np.mean(means) - k) < 4 * error


def test_radii_on_a_torus_are_those_of_theory():
    """Uniform on the flat 3-torus: E r_k = G(k + 1/d) / G(k) (n V_d)^(-1/d)."""
    n, k, d, margin = 2_000, 3, 3, 0.25
    means = []
    for seed in range(4):
        points = np.random.default_rng(seed).random((n, d))
        shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * d, indexing="ij"), -1).reshape(-1, d)
        shifts = shifts[np.argsort(np.abs(shifts).sum(axis=1), kind="stable")]
        tiled = (points[None] + shifts[:, None]).reshape(-1, d)
        near = (np.abs(tiled - 0.5) < 0.5 + margin).all(axis=1)
        means.append(fit(tiled[near], k).radii[:n].mean())
    volume = math.pi ** (d / 2) / math.gamma(d / 2 + 1)
    theory = math.gamma(k + 1 / d) / math.gamma(k) * ((n - 1) * volume) ** (-1 / d)
    error = np.std(means, ddof=1) / 2
    assert error < 0.005 * theory
    # Beside the noise, 1/d-th powers of Beta order statistics against their limit: of order 1/n.
    assert abs(np.mean(means) - theory) < 4 * error + theory / n


def test_rarity_follows_density():
    """Two clusters of one shape with masses 9:1, in 8 dimensions: radii in a ratio of 9^(1/8)."""
    ratios = []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        away = np.float32(100)
        reference = fit(
            np.concatenate([gaussian(3_600, 8, seed=rng), gaussian(400, 8, seed=rng) + away])
        )
        many = reference.score_features(gaussian(1_000, 8, seed=rng), run=ONE)
        few = reference.score_features(gaussian(1_000, 8, seed=rng) + away, run=ONE)
        ratios.append(np.nanmedian(few["rarity"]) / np.nanmedian(many["rarity"]))
    error = np.std(ratios, ddof=1) / 4
    assert error < 0.01
    # Beside the noise 1 %: the sparser cluster's balls reach farther down the slope of its density.
    assert abs(np.mean(ratios) - 9 ** (1 / 8)) < 4 * error + 0.013


def test_rarity_scales_with_the_space(scene):
    reference, fresh, table = scene
    scaled = fit(4 * reference.features.vectors).score_features(4 * fresh, run=ONE)
    np.testing.assert_array_equal(scaled["rarity"], 4 * table["rarity"])
    for column in ("rarity_percentile", "off_manifold_p", "copy_p", "copy_q"):
        np.testing.assert_array_equal(scaled[column], table[column])


# -- percentiles and error rates --


def most_of(level, *counts):
    """What a share of `level` stays below in 99.9 % of cases; samples and reals both vary."""
    return level + 3.09 * math.sqrt(level * (1 - level) * sum(1 / count for count in counts))


def departure(levels):
    """Kolmogorov and Smirnov's distance of numbers in 0..1 from the uniform law."""
    ordered = np.sort(levels)
    steps = np.arange(len(ordered) + 1) / len(ordered)
    return max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max())


def usual_departure(*counts):
    """Its 99.9 % quantile, where reals and samples are drawn by one law."""
    return 1.95 * math.sqrt(sum(1 / count for count in counts))


@pytest.mark.parametrize("method", ["own", "held-out"])
@pytest.mark.parametrize("n", [500, 5_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_percentiles_of_fresh_images_are_uniform(n, method):
    rng = np.random.default_rng(2)
    reference, fresh, reals = fit(gaussian(n, seed=rng)), gaussian(4_000, seed=rng), None
    if method == "held-out":
        reals = gaussian(n // 4, seed=rng)
    table = reference.score_features(fresh, calibration=reals, run=ONE)
    calibration = table.provenance["calibration"]
    rarity = table["rarity_percentile"][table["inside"]] / 100
    assert departure(rarity) < usual_departure(len(rarity), calibration["real_images_inside"])
    for levels in (table["typicality_percentile"] / 100, table["knn_p"], table["copy_p"]):
        assert departure(levels) < usual_departure(4_000, calibration["real_images"])


def test_raw_rarity_falls_as_the_reference_grows_and_percentiles_stay():
    rarity, percentile = [], []
    for n in (500, 1_000, 5_000):
        rng = np.random.default_rng(3)
        table = fit(gaussian(n, seed=rng)).score_features(gaussian(2_000, seed=rng), run=ONE)
        rarity.append(np.nanmean(table["rarity"]))
        percentile.append(np.nanmean(table["rarity_percentile"]))
    assert rarity[0] > 1.02 * rarity[1] > 1.02 * 1.05 * rarity[2]
    # The mean of uniform numbers, among 500 reals (some 78 % of them inside) and as many samples.
    deviation = 100 * math.sqrt(1 / 12 * (1 / 390 + 1 / 1_500))
    assert np.abs(np.array(percentile) - 50).max() < 3.3 * deviation


def drawn_with_duplicates(n, seed):
    """From 3,000 possible images on a coarse grid: a fresh one is often a duplicate."""
    drawn = np.random.default_rng(seed).integers(0, 3_000, n)
    return drawn[:, None] // (1, 20, 400) % (20, 20, 8)


@pytest.mark.parametrize("draw", [gaussian, drawn_with_duplicates])
@pytest.mark.parametrize(("n", "references"), [(500, 40), (5_000, 3)])
def test_no_more_than_alpha_of_real_images_are_called(draw, n, references):
    rng = np.random.default_rng(4)
    tables = [
        fit(draw(n, seed=rng)).score_features(draw(1_000, seed=rng), run=ONE)
        for _ in range(references)
    ]
    for column in ("knn_p", "ball_ratio_p", "off_manifold_p", "volume_p", "copy_p"):
        p = np.concatenate([table[column] for table in tables])
        for alpha in (0.01, 0.05, 0.2):
            assert (p <= alpha).mean() <= most_of(alpha, len(p), references * n)


@pytest.mark.parametrize(("method", "copied"), [("own", 0), ("own", 20), ("held-out", 20)])
def test_false_discoveries_stay_below_their_rate(method, copied):
    """Near copies among fresh images, at q <= 10 %; all copies are found."""
    false = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        vectors = gaussian(5_000, seed=rng)
        near = vectors[:copied] + np.float32(0.02) * gaussian(copied, seed=rng)
        reals = gaussian(2_500, seed=rng) if method == "held-out" else None
        samples = np.concatenate([near, gaussian(250 - copied, seed=rng)])
        called = fit(vectors).score_features(samples, calibration=reals, run=ONE)["copy_q"] <= 0.1
        assert called[:copied].all()
        false.append(called[copied:].sum() / max(called.sum(), 1))
    # The share falsely called lies in 0..1 and is 10 % on average, or less: its variance at most
    # that of a coin, and in fact, where there are copies, far smaller.
    error = math.sqrt(0.1 * 0.9 / 30) if copied == 0 else np.std(false, ddof=1) / math.sqrt(30)
    assert np.mean(false) <= 0.1 + 3.09 * error


# -- what samples are --


def test_rarity_cannot_see_exact_copies_and_the_copy_axis_does(scene):
    reference, _, table = scene
    copies = reference.score_features(reference.features.vectors[:400], run=ONE)
    assert copies["inside"].all()
    assert abs(np.mean(copies["rarity"]) / np.nanmean(table["rarity"]) - 1) < 0.03
    assert (copies["copy_q"] <= 0.05).all()
    assert (copies["copy_p"] == 2 / 4_001).all()
    assert (table["copy_p"] <= 0.01).mean() <= most_of(0.01, 2_000, 4_000)


def test_rarity_is_as_blind_to_near_copies(scene):
    """Each mean has a standard error of .8 %."""
    reference, _, table = scene
    for noise in (0.05, 0.2):
        near = reference.features.vectors[:1_000] + np.float32(noise) * gaussian(
            1_000, seed=np.random.default_rng(5)
        )
        copies = reference.score_features(near, run=ONE)
        assert abs(np.nanmean(copies["rarity"]) / np.nanmean(table["rarity"]) - 1) < 0.03
        assert copies["inside"].all()
        assert (copies["copy_q"] <= 0.05).all()


def test_shrunk_samples_are_less_rare_and_more_often_inside(scene):
    reference, fresh, _ = scene
    tables = [
        reference.score_features(np.float32(f) * fresh, run=ONE) for f in (1, 0.8, 0.6, 0.4, 0.2)
    ]
    rarity = [np.nanmean(table["rarity"]) for table in tables]
    percentile = [np.nanmean(table["rarity_percentile"]) for table in tables]
    inside = [table["inside"].mean() for table in tables]
    far = [(table["off_manifold_p"] <= 0.05).mean() for table in tables]
    assert (np.diff(rarity) < 0).all()
    assert (np.diff(percentile) < 0).all()
    assert (np.diff(inside) >= 0).all()
    assert inside[0] < 0.85 < 0.99 < inside[-1]
    assert far[0] <= most_of(0.05, 2_000, 4_000)
    assert max(far[1:]) < 0.01


def test_scattered_samples_look_rarer_and_are_off_the_manifold(scene):
    reference, fresh, _ = scene
    tables = [reference.score_features(np.float32(f) * fresh, run=ONE) for f in (1, 1.2, 1.5, 2)]
    rarity = [np.nanmean(table["rarity"]) for table in tables]
    inside = [table["inside"].mean() for table in tables]
    far = [(table["off_manifold_p"] <= 0.05).mean() for table in tables]
    assert (np.diff(rarity) > 0).all()
    assert (np.diff(inside) < 0).all()
    assert (np.diff(far) > 0).all()
    assert far[-1] > 0.95
    assert (tables[-1]["off_manifold_q"] <= 0.05).mean() > 0.95


def test_a_lost_mode_changes_nothing_on_the_rest_and_none_of_it_is_shown():
    rng = np.random.default_rng(6)
    away = np.float32(12)
    real = np.concatenate([gaussian(2_000, seed=rng), gaussian(2_000, seed=rng) + away])
    reference, samples = fit(real), gaussian(2_000, seed=rng)
    both = np.concatenate([samples, gaussian(2_000, seed=rng) + away])
    half, whole = (reference.score_features(one, run=ONE) for one in (samples, both))
    for column in ("rarity", "rarity_percentile", "off_manifold_p", "copy_p"):
        np.testing.assert_array_equal(half[column], whole[column][:2_000])
    # With the roles exchanged: which of the reference's images the samples come near.
    shown = fit(samples).score_features(real, run=ONE)["inside"]
    assert abs(shown[:2_000].mean() - half["inside"].mean()) < 4 * 0.015
    assert not shown[2_000:].any()
    assert fit(both).score_features(real, run=ONE)["inside"][2_000:].mean() > 0.7


# -- what balls cannot see, or see only in part --


def test_balls_do_not_see_an_inner_radius():
    """All at .3 of the radius of a ball that is filled evenly: a classifier tells them at once."""
    rng = np.random.default_rng(7)
    sphere = gaussian(4_500, seed=rng)
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    filled = sphere * rng.random((4_500, 1)).astype(np.float32) ** (1 / 16)
    reference = fit(filled[:3_000])
    fresh = reference.score_features(filled[3_000:4_000], run=ONE)
    inner = reference.score_features(np.float32(0.3) * sphere[4_000:], run=ONE)
    assert inner["inside"].mean() > 0.98 > fresh["inside"].mean()
    assert np.nanmean(inner["rarity"]) < 1.05 * np.nanmean(fresh["rarity"])
    assert (inner["off_manifold_p"] <= 0.05).mean() == 0
    assert inner.provenance["two_sample"]["auc"] >= 0.999


def test_balls_hardly_see_a_shift_of_one_dimension_in_a_thousand():
    rng = np.random.default_rng(8)
    reference, fresh = fit(gaussian(1_000, 1_000, seed=rng)), gaussian(400, 1_000, seed=rng)
    shifted = fresh.copy()
    shifted[:, 7] += 6
    table, moved = (reference.score_features(one, run=ONE) for one in (fresh, shifted))
    assert abs(np.nanmean(moved["rarity"]) / np.nanmean(table["rarity"]) - 1) < 0.01
    assert moved.provenance["two_sample"]["auc"] > 0.95
    assert moved.provenance["two_sample"]["p"] == 1 / 1000
    assert table.provenance["two_sample"]["p"] > 0.01


def ranks(values):
    return np.argsort(np.argsort(values))


def correlation(one, other):
    """Spearman's, without ties."""
    return np.corrcoef(ranks(one), ranks(other))[0, 1]


def test_the_outside_are_the_rarer_and_distance_orders_them_all(scene):
    """One in five real images has no rarity, and these are the most surprising ones."""
    _, fresh, table = scene
    surprise, inside = (fresh.astype(np.float64) ** 2).sum(axis=1) / 2, table["inside"]
    assert 0.17 < 1 - inside.mean() < 0.25
    error = surprise.std() / math.sqrt((~inside).sum())
    assert surprise[~inside].mean() > surprise[inside].mean() + 4 * error
    distance, rarity = table["knn_distance"], table["rarity"]
    assert correlation(distance, surprise) > 0.9
    assert correlation(distance[inside], surprise[inside]) > 0.85
    assert correlation(rarity[inside], surprise[inside]) < 0.8


def test_drawing_the_reference_anew_shrinks_its_balls_and_halving_it_does_not(scene):
    """With replacement a share of 1/e are duplicates: of fresh images .68 are inside, not .79."""
    reference, fresh, table = scene
    rng = np.random.default_rng(9)
    vectors = reference.features.vectors
    drawn = fit(vectors[rng.integers(0, 4_000, 4_000)])
    again = drawn.score_features(fresh, run=ONE)["inside"].mean()
    half = fit(vectors[rng.permutation(4_000)[:2_000]]).score_features(fresh, run=ONE)
    assert again < table["inside"].mean() - 0.07
    assert abs(half["inside"].mean() - table["inside"].mean()) < 0.03
    found = drawn.audit(run=ONE)["exact duplicates"]
    assert abs(found.share - 1 / math.e) < 4 * math.sqrt(0.0972 / 4_000)
