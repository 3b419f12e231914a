"""Families of scores that are made on request, beside the ones that every table has."""

import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from sklearn.neighbors import LocalOutlierFactor

import oracle
from make import fit, gaussian
from rara import Run, ScoreTable
from rara.cli.app import run
from rara.errors import MissingPackageError, ParameterError, RaraError
from rara.features.features import Features
from rara.scores import ball_geometry_of

ONE = Run(threads=1)
BOTH = ("rarity_clipped", "local_outlier_factor")
NEIGHBOURS = 10


def repeated(n, d=8, seed=0):
    """Up to nine copies of an image, fewer than there are neighbours."""
    vectors = gaussian(n, d, seed)
    vectors[20:28] = vectors[0]
    vectors[28:40] = vectors[60:72]
    return vectors


def skewed(n, d=8, seed=0):
    """Far from the origin, and of unlike scales."""
    return (100 + np.exp(2 * gaussian(n, d, seed))).astype(np.float32)


def piled(n, d=2, seed=0):
    """A grid, full of ties, with more copies of an image than there are neighbours."""
    vectors = np.random.default_rng(seed).integers(0, 6, (n, d)).astype(np.float32)
    vectors[:25] = (9, 1)
    return vectors


# -- local outlier factor --


def peer(vectors, neighbours=NEIGHBOURS):
    """scikit-learn on the vectors; a tree takes differences, where products would cancel."""
    model = LocalOutlierFactor(n_neighbors=neighbours, novelty=True, algorithm="kd_tree")
    return model.fit(np.asarray(vectors, np.float64))


@pytest.mark.parametrize("make", [gaussian, repeated, skewed])
@pytest.mark.parametrize("k", [1, 3, 15])
def test_the_factor_is_scikit_learns_whatever_the_k_of_balls(make, k):
    vectors = make(300, 8)
    samples = np.concatenate([1.2 * make(80, 8, seed=1), vectors[:40]])
    table = fit(vectors, k).score_features(samples, also=BOTH, run=ONE)
    expected = -peer(vectors).score_samples(samples.astype(np.float64))
    np.testing.assert_allclose(table["local_outlier_factor"], expected, rtol=1e-12)


@pytest.mark.parametrize("make", [gaussian, repeated, skewed])
def test_the_references_own_images_have_the_factors_of_its_members(make):
    vectors = make(300, 8)
    table = fit(vectors).score_leave_one_out(also=BOTH, run=ONE)
    expected = -peer(vectors).negative_outlier_factor_
    np.testing.assert_allclose(table["local_outlier_factor"], expected, rtol=1e-12)


@pytest.mark.parametrize("count", [2, 3, 8, 11, 12])
def test_small_references_take_all_neighbours_that_there_are(count):
    vectors, samples = gaussian(count, 8), gaussian(20, 8, seed=1)
    table = fit(vectors, 1).score_features(samples, also=BOTH, run=ONE)
    neighbours = min(NEIGHBOURS, count - 1)
    assert table.provenance["families"]["local_outlier_factor"]["neighbours"] == neighbours
    expected = -peer(vectors, neighbours).score_samples(samples.astype(np.float64))
    np.testing.assert_allclose(table["local_outlier_factor"], expected, rtol=1e-12)


def defined(d2, own2):
    """The factor from all squared distances, ties in order, with scikit-learn's 1e-10."""
    near, others = (np.argsort(a, axis=1, kind="stable")[:, :NEIGHBOURS] for a in (d2, own2))
    reach = np.sqrt(np.take_along_axis(own2, others, axis=1))[:, -1]

    def density(distances2, found):
        distances = np.sqrt(np.take_along_axis(distances2, found, axis=1))
        return 1 / (np.maximum(distances, reach[found]).mean(axis=1) + 1e-10)

    return density(own2, others)[near].mean(axis=1) / density(d2, near)


def test_ties_and_piles_of_copies_follow_the_definition():
    vectors = piled(200)
    samples = np.concatenate([piled(60, seed=1), gaussian(60, 2)])
    own2 = oracle.squared_distances(vectors, vectors)
    np.fill_diagonal(own2, np.inf)
    table = fit(vectors).score_features(samples, also=BOTH, run=ONE)
    expected = defined(oracle.squared_distances(samples, vectors), own2)
    np.testing.assert_allclose(table["local_outlier_factor"], expected, rtol=1e-9)
    own = fit(vectors).score_features(vectors, also=BOTH, run=ONE)
    np.testing.assert_allclose(own["local_outlier_factor"], defined(own2, own2), rtol=1e-9)


def test_the_factor_has_no_unit_and_is_one_inside():
    vectors, samples = gaussian(2_000, 2), gaussian(500, 2, seed=1)
    found = fit(vectors).score_features(samples, also=BOTH, run=ONE)["local_outlier_factor"]
    scaled = fit(8 * vectors).score_features(8 * samples, also=BOTH, run=ONE)
    np.testing.assert_allclose(scaled["local_outlier_factor"], found, rtol=1e-8)  # but for 1e-10
    assert abs(np.median(found) - 1) < 0.05
    assert found[np.linalg.norm(samples, axis=1) > 3].min() > 1.05


def test_the_factor_sees_who_left_a_narrow_mode_where_distance_does_not():
    """A wide mode, and a narrow one far away; samples at twice the narrow one's spread."""
    wide, narrow = gaussian(1_000, 8), 0.1 * gaussian(1_000, 8, seed=1) + np.float32(30)
    fallen = 0.2 * gaussian(200, 8, seed=2) + np.float32(30)
    table = fit(np.concatenate([wide, narrow])).score_features(
        np.concatenate([fallen, gaussian(200, 8, seed=3)]), also=BOTH, run=ONE
    )
    factor, distance = table["local_outlier_factor"], table["knn_distance"]
    assert np.mean(factor[:200, None] > factor[200:]) > 0.9
    assert distance[:200].max() < np.median(distance[200:])


# -- clipped rarity --


@pytest.mark.parametrize(
    "make", [pytest.param(partial(gaussian, d=8), id="gaussian"), repeated, piled]
)
@pytest.mark.parametrize("boundary", ["open", "closed"])
@pytest.mark.parametrize("k", [1, 4])
def test_clipped_rarity_is_rarity_of_a_reference_that_is_clipped(make, boundary, k):
    vectors, samples = make(300), 1.2 * make(100, seed=1)
    plain, clipped = fit(vectors, k), fit(vectors, k, clip_radii=0.99)
    for images in (samples, vectors):
        table = plain.score_features(images, boundary=boundary, also=BOTH, run=ONE)
        other = clipped.score_features(images, boundary=boundary, run=ONE)
        np.testing.assert_array_equal(table["rarity_clipped"], other["rarity"])
        part, cleaned = table.provenance["families"]["rarity_clipped"], clipped.describe(k)
        assert part["quantile"] == 0.99
        assert part["largest_radius"] == cleaned["cleaning"]["largest_radius"]
        assert part["clipped"] == cleaned["cleaning"]["clipped"]


def test_a_reference_that_is_clipped_lower_stays_so():
    vectors, samples = gaussian(300, 8), gaussian(100, 8, seed=1)
    table = fit(vectors, clip_radii=0.5).score_features(samples, also=BOTH, run=ONE)
    np.testing.assert_array_equal(table["rarity_clipped"], table["rarity"])
    assert table.provenance["families"]["rarity_clipped"]["clipped"] == 0


def test_the_clipped_radius_is_that_of_each_k_and_computed_once(monkeypatch):
    geometry = replace(ball_geometry_of(gaussian(100, 3), 5), clip=0.9)
    by_k = {k: geometry.at_k(k) for k in range(1, 6)}
    for k, one in by_k.items():
        assert np.count_nonzero(one.knn2 > one.largest2) == 10
        assert one.largest2 in one.knn2
        np.testing.assert_array_equal(one.radii2, np.minimum(geometry.d2[:, k - 1], one.largest2))
    before = [one.largest2 for one in by_k.values()]
    monkeypatch.delattr(np, "quantile")
    assert [one.largest2 for one in by_k.values()] == before


def test_junk_in_an_outliers_ball_is_the_rarest_of_all_but_not_when_clipped():
    rng = np.random.default_rng(10)
    vectors = gaussian(4_000, 16)
    vectors[0] *= 20 / np.linalg.norm(vectors[0])
    fresh, junk = gaussian(2_000, 16, seed=1), rng.uniform(-5, 5, (4_000, 16))
    table = fit(vectors).score_features(np.concatenate([fresh, junk]), also=BOTH, run=ONE)
    rarity, clipped = table["rarity"], table["rarity_clipped"]
    assert np.mean(~np.isnan(rarity[2_000:])) > 0.01
    assert np.nanmin(rarity[2_000:]) > np.nanmedian(rarity[:2_000])
    assert (table.sort("rarity", descending=True).head(40)["rarity"] > 15).all()
    assert np.mean(~np.isnan(clipped[2_000:])) < 0.003
    lost = np.isnan(clipped[:2_000]).mean() - np.isnan(rarity[:2_000]).mean()
    assert 0 <= lost < 0.02
    assert np.nanmax(clipped) < 6


# -- on request --


def test_they_are_made_on_request_and_change_nothing_else():
    reference, samples = fit(gaussian(300, 8)), gaussian(100, 8, seed=1)
    plain = reference.score_features(samples, run=ONE)
    assert not {*BOTH} & {*plain.columns}
    assert "families" not in plain.provenance
    table = reference.score_features(samples, also=[*BOTH, *BOTH], run=ONE)
    assert {*table.columns} - {*plain.columns} == {*BOTH}
    for column in plain.columns:
        np.testing.assert_equal(*(one.arrow[column].to_pylist() for one in (table, plain)))
    one = reference.score_features(samples, also=BOTH[:1], run=ONE)
    assert {*one.columns} - {*plain.columns} == {"rarity_clipped"}
    assert list(one.provenance["families"]) == ["rarity_clipped"]


def test_what_cannot_be_made_is_refused_before_the_work(tmp_path, monkeypatch):
    reference = fit(gaussian(30, 8))
    for also in (["nonsense"], "rarity_clipped"):
        with pytest.raises(ParameterError, match="give some of rarity_clipped, local_outlier"):
            reference.score(tmp_path / "nowhere", also=also)
    with pytest.raises(ParameterError, match="The authors' code has no rarity_clipped"):
        reference.score(tmp_path / "nowhere", also=["rarity_clipped"], compat="official")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingPackageError, match="`pip install scikit-learn`") as raised:
        reference.score(tmp_path / "nowhere", also=BOTH)
    assert isinstance(raised.value, RaraError)
    assert isinstance(raised.value, ImportError)
    table = reference.score_features(gaussian(5, 8), also=BOTH[:1])
    assert "rarity_clipped" in table.columns


def test_the_command_takes_both(tmp_path, monkeypatch, capsys):
    vectors, samples = gaussian(60, 8), gaussian(9, 8, seed=1)
    Features.from_arrays(vectors).save(tmp_path / "train")
    Features.from_arrays(samples).save(tmp_path / "samples")
    monkeypatch.chdir(tmp_path)
    command = ["score", "samples", "--reference", "train", "-o", "scores.parquet"]
    assert run([*command, "--also", BOTH[0], "--also", BOTH[1]]) == 0
    table = ScoreTable.from_parquet("scores.parquet")
    expected = fit(vectors).score_features(samples, also=BOTH, run=ONE)
    for column in BOTH:
        np.testing.assert_array_equal(table[column], expected[column])
    assert table.provenance["families"] == expected.provenance["families"]
    capsys.readouterr()
    assert run([*command, "--also", "nonsense"]) == 2
    assert "local_outlier_factor" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert run([*command, "--also", BOTH[1]]) == 2
    assert "scikit-learn" in capsys.readouterr().err
