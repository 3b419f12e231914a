"""Halves of the reference: balanced, disjoint, with the classical variance for means."""

from dataclasses import replace

import numpy as np
import pytest

from make import features, fit, gaussian
from rara import Run
from rara.comparison.halves import FREEDOM, GROUPS, balanced_cuts, halves_of, variance
from rara.comparison.lists import DeepLists, DeepReference, Parts
from rara.comparison.real_images import reference_of
from rara.features import neighbours as neighbour_lists
from rara.features.features import Features
from rara.geometry import Balls, Nearest, neighbours, query
from rara.scores import judge

ALONE = Run(threads=1)


def test_cuts_are_balanced():
    signs = np.where(balanced_cuts(), 1, -1)
    assert signs.shape == (FREEDOM, GROUPS)
    assert not signs.sum(axis=1).any()
    assert (signs @ signs.T == GROUPS * np.eye(FREEDOM)).all()


def test_halves_follow_contents_and_not_their_order():
    vectors = gaussian(200, 3)
    vectors[150:] = vectors[:50]
    given = Features.from_arrays(vectors)
    order = np.random.default_rng(1).permutation(200)
    cuts = halves_of(given)
    assert (cuts[:, 150:] == cuts[:, :50]).all()
    assert (halves_of(Features.from_arrays(vectors[order])) == cuts[:, order]).all()
    assert abs(cuts.mean() - 0.5) < 0.05


def test_the_variance_of_a_mean_is_that_of_its_groups():
    """For a plain mean the 19 cuts together give the classical estimate exactly."""
    totals = np.random.default_rng(0).normal(size=GROUPS)
    signs = np.where(balanced_cuts(), 1, -1)
    differences = signs @ totals / (GROUPS / 2)
    assert variance(differences) == pytest.approx(totals.var(ddof=1) / GROUPS)
    assert variance(differences, differences**2) == 0


def deep(vectors, k=3):
    given = features(vectors)
    geometry = fit(given, k=k).geometry.ball_geometry()
    return given, geometry, DeepReference.of(given, geometry, ALONE)


@pytest.mark.parametrize("k", [1, 3, 12])
def test_lists_by_one_scan_are_those_of_two(monkeypatch, k):
    vectors = gaussian(120, 4)
    vectors[90:95] = vectors[:5]
    given, geometry, apart = deep(vectors, k)
    made = reference_of(given, k=k, run=ALONE).geometry
    assert np.array_equal(made.d2, geometry.d2)
    assert np.array_equal(made.index, geometry.index)
    monkeypatch.setattr(neighbour_lists, "find", None)  # no further scan
    together = DeepReference.of(given, made.ball_geometry(), ALONE, made.deep)
    assert np.array_equal(together.d2, apart.d2)
    assert np.array_equal(together.index, apart.index)


@pytest.mark.parametrize("boundary", ["open", "closed"])
def test_a_part_of_the_lists_is_what_that_part_alone_gives(boundary):
    vectors, samples = gaussian(120, 4), gaussian(50, 4, seed=1)
    samples[:5] = vectors[:5]
    given, geometry, reference = deep(vectors)
    geometry = replace(geometry, boundary=boundary)
    reference = replace(reference, geometry=geometry)
    kept = np.random.default_rng(2).random(120) < 0.7
    axis = DeepLists(reference, Parts.of(reference, kept[None]))
    judge(samples, given.vectors, [axis], geometry)
    for number, some in enumerate((np.ones(120, bool), kept)):
        part = reference.part(some)
        width = part.d2.shape[1]
        own, _ = neighbours(vectors[some], width)
        assert np.array_equal(part.d2, own.d2)
        assert np.array_equal(part.index, own.index)
        lists = axis.lists.part(number, width)
        near, balls = Nearest(len(samples), width), Balls(len(samples), part.knn2, boundary)
        closed = Balls(len(samples), part.knn2, "closed")
        query(samples, vectors[some], [near, balls, closed])
        assert np.array_equal(lists.nearest.d2, near.d2)
        assert np.array_equal(lists.nearest.index, near.index)
        assert np.array_equal(lists.radius2, balls.radius2, equal_nan=True)
        assert np.array_equal(lists.held, closed.count > 0)
        assert 0 < lists.held.sum() < 50
