"""Copies are told from images that are merely near: formulas, and data whose answer is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
from make import gaussian
from rara import Reference
from rara.scores.copy_volume import LocalVolume


@pytest.fixture(scope="module")
def reference():
    return Reference.from_features(gaussian(4000))


@pytest.fixture(scope="module")
def fresh(reference):
    return reference.score_features(gaussian(4000, seed=1))


def copies(reference, noise, rows=None, seed=2):
    rng = np.random.default_rng(seed)
    vectors = reference.features.vectors
    rows = rng.integers(0, len(vectors), 1000) if rows is None else rows
    return vectors[rows] + noise * rng.normal(size=(len(rows), vectors.shape[1]))


def called(table, fresh, column, level=0.01):
    """Share of a table that is called copies where that share of fresh images would be."""
    return np.mean(table[column] <= np.quantile(fresh[column], level))


# -- formulas --------------------------------------------------------------------------


def share_by_hand(distances, shape, rate):
    """One image's share, as the docstring says it."""
    count = len(distances)
    spread = sum(j * math.log(distances[j] / distances[j - 1]) for j in range(2, count))
    volume = math.log(distances[-1] / distances[0])
    return (1 + volume / (rate + spread)) ** -(shape + count - 2)


def test_volume_follows_its_formula(reference, fresh):
    distances = np.sqrt(oracle.squared_distances(gaussian(20, seed=1), reference.features.vectors))
    law = LocalVolume.around(reference.geometry.d2)
    expected = [share_by_hand(row[:10], law.shape, law.rate) for row in np.sort(distances)]
    np.testing.assert_allclose(fresh["copy_volume"][:20], expected, rtol=1e-9)


def test_ratio_follows_its_formula(reference, fresh):
    distances = np.sqrt(oracle.squared_distances(gaussian(20, seed=1), reference.features.vectors))
    near = np.sort(distances)[:, :10]
    np.testing.assert_allclose(fresh["copy_ratio"][:20], near[:, 0] / near.mean(axis=1))


@pytest.mark.parametrize("shape", [8.0, 30.0])
def test_the_law_of_dimensions_is_found_again(shape):
    """Lists drawn from the model itself: dimensions from a gamma law, evenly filled balls."""
    rng = np.random.default_rng(0)
    dimensions = rng.gamma(shape, 20 / shape, size=100_000)
    inner = rng.uniform(size=(100_000, 9)) ** (1 / dimensions[:, None])
    distances = np.sort(np.concatenate([inner, np.ones((100_000, 1))], axis=1))
    law = LocalVolume.around(distances**2)
    assert law.shape == pytest.approx(shape, rel=0.15)
    assert law.shape / law.rate == pytest.approx(20, rel=0.05)


@given(st.floats(1e-6, 1e6), st.integers(0, 100))
def test_volume_and_ratio_do_not_depend_on_the_unit(scale, seed):
    d2 = np.sort(np.random.default_rng(seed).uniform(0.5, 2, size=(30, 10)))
    one, other = LocalVolume.around(d2).share(d2), LocalVolume.around(d2 * scale).share(d2 * scale)
    np.testing.assert_allclose(one, other, rtol=1e-6)


@given(st.integers(0, 1000))
def test_volume_falls_as_the_nearest_comes_nearer(seed):
    rng = np.random.default_rng(seed)
    law = LocalVolume.around(np.sort(rng.uniform(0.5, 2, size=(30, 10))))
    d2 = np.repeat(np.sort(rng.uniform(0.5, 2, size=(1, 10))), 5, axis=0)
    d2[:, 0] *= [1, 0.5, 0.1, 1e-9, 0]
    share = law.share(d2)
    assert (np.diff(share) < 0).all()
    assert share[-1] == 0
    assert 0 <= share[0] <= 1


def test_too_few_neighbours_tell_nothing():
    for images in (2, 3):
        table = Reference.from_features(gaussian(images, 4), k=1).score_features(
            gaussian(3, 4, seed=1)
        )
        assert np.isnan(table["copy_volume"]).all()
        assert (table["copy_ratio"] > 0).all()
    table = Reference.from_features(gaussian(4, 4), k=1).score_features(gaussian(3, 4, seed=1))
    assert ((table["copy_volume"] > 0) & (table["copy_volume"] <= 1)).all()


def test_duplicates_are_no_trouble():
    vectors = np.repeat(gaussian(40, 4), 12, axis=0)
    table = Reference.from_features(vectors).score_features(gaussian(20, 4, seed=1))
    np.testing.assert_allclose(table["copy_ratio"], 1)
    table = Reference.from_features(np.repeat(vectors, 2, axis=0)).score_features(vectors[:50])
    assert np.isnan(table["copy_volume"]).all()  # nothing but duplicates: no dimension at all
    assert (table["copy_ratio"] == 0).all()
    mixed = np.concatenate([vectors, gaussian(500, 4, seed=2)])
    assert (Reference.from_features(mixed).score_features(vectors[:50])["copy_volume"] == 0).all()


@pytest.mark.parametrize("count", [13, 21, 51])
def test_of_so_many_images_at_most_t_have_a_p_of_t_or_less(count):
    """Each is the sample once: with its law of dimensions, which knew no sample, more had."""
    smallest = []
    for seed in range(5):
        images = gaussian(count, 5, seed)
        p = [
            Reference.from_features(np.delete(images, i, axis=0)).score_features(images[[i]])
            for i in range(count)
        ]
        ranks = np.sort(np.rint([count * table["volume_p"][0] for table in p]))
        assert (ranks >= np.arange(1, count + 1)).all()
        smallest.append(ranks[0])
    assert min(smallest) == 1


# -- authenticity ----------------------------------------------------------------------


def test_authenticity_looks_at_the_nearest_image_itself():
    """Two packages index the reference's distances with the number of the sample."""
    real, samples = gaussian(200, 4), gaussian(300, 4, seed=1)
    d2 = oracle.squared_distances(samples, real)
    own2 = oracle.radii2(real, 1)
    expected = d2.min(axis=1) > own2[d2.argmin(axis=1)]
    table = Reference.from_features(real).score_features(samples)
    np.testing.assert_array_equal(table["authentic"], expected)
    confused = d2[:200].min(axis=1) > own2
    assert (expected[:200] != confused).any()


def test_its_own_images_are_authentic_or_not_without_themselves():
    real = np.concatenate([gaussian(60, 3), gaussian(5, 3)])  # five duplicates
    table = Reference.from_features(real).score_leave_one_out()
    for i, authentic in enumerate(table["authentic"]):
        others = np.delete(real, i, axis=0)
        d2 = oracle.squared_distances(real[i : i + 1], others)[0]
        assert authentic == (d2.min() > oracle.radii2(others, 1)[d2.argmin()])


def test_copies_are_not_authentic(reference):
    assert not reference.score_features(copies(reference, 0))["authentic"].any()
    assert not reference.score_features(copies(reference, 0.2))["authentic"].any()


# -- known answers ---------------------------------------------------------------------


def test_exact_copies_are_seen_and_rarity_cannot_see_them(reference, fresh):
    table = reference.score_features(copies(reference, 0))
    assert (table["copy_volume"] == 0).all()
    assert called(table, fresh, "copy_volume", 0.001) == 1
    assert np.nanmedian(table["rarity"]) == pytest.approx(np.nanmedian(fresh["rarity"]), rel=0.03)


@pytest.mark.parametrize(("noise", "share"), [(0.05, 1.0), (0.2, 1.0), (0.5, 0.70), (1.0, 0.027)])
def test_near_copies_are_called_as_often_as_can_be(reference, fresh, noise, share):
    """At noise 0.5, the likelihood ratio of true densities calls 0.73 and no test can call more."""
    table = reference.score_features(copies(reference, noise))
    found = called(table, fresh, "copy_volume")
    assert found == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 1000) + 0.02)
    assert found >= called(table, fresh, "nearest_distance")


def evidence(table, samples, noise):
    """Logarithm of the densities' ratio, fresh over copy, but for constants and far images."""
    norms = np.sum(samples.astype(float) ** 2, axis=1)
    return table["nearest_distance"] ** 2 / (2 * noise**2) - norms / 2


def test_hardly_more_could_be_found_by_who_knew_the_densities(reference, fresh):
    samples = copies(reference, 0.5).astype(np.float32)
    table = reference.score_features(samples)
    limit = np.quantile(evidence(fresh, gaussian(4000, seed=1), 0.5), 0.01)
    bound = np.mean(evidence(table, samples, 0.5) <= limit)
    assert 0.65 < bound < 0.8
    assert called(table, fresh, "copy_volume") > bound - 0.07


def mixed(n, seed):
    """Half of the images spread in 3 dimensions, half in 40; of about the same spacing."""
    rng = np.random.default_rng(seed)
    flat = np.zeros((n, 40))
    flat[:, :3] = 20 * rng.normal(size=(n, 3))
    flat[n // 2 :] = rng.normal(size=(n - n // 2, 40)) + 100
    return flat.astype(np.float32)


def test_where_the_dimension_varies_the_ratio_is_misled_and_the_volume_is_not():
    reference = Reference.from_features(mixed(4000, 0))
    fresh = reference.score_features(mixed(4000, 1))
    rows = np.random.default_rng(2).integers(2000, 4000, 1000)
    table = reference.score_features(copies(reference, 0.5, rows))
    assert called(table, fresh, "copy_volume") > 0.9
    assert called(table, fresh, "copy_ratio") < 0.1


def test_copies_of_the_rarest_images_look_rare_and_are_seen(reference, fresh):
    everyone = reference.score_features(reference.features.vectors[::-1])
    rarest = everyone.sort("rarity", descending=True).head(20)["nearest"].astype(int)
    table = reference.score_features(reference.features.vectors[rarest])
    inside = fresh["rarity"][fresh["inside"]]
    assert (table["rarity"] > np.quantile(inside, 0.99)).all()
    assert (table["copy_volume"] == 0).all()


def test_the_reference_without_itself_is_as_fresh_images_are(reference, fresh):
    """So that it can calibrate: its first percentile cuts off about one percent of fresh ones."""
    own = reference.score_leave_one_out()
    assert called(fresh, own, "copy_volume") == pytest.approx(0.01, abs=0.006)
    assert called(fresh, own, "copy_volume", 0.1) == pytest.approx(0.1, abs=0.02)
