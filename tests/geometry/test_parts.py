"""Counts in parts of both sides against a loop over all pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
from make import gaussian
from rara.geometry import CountsInParts, SmallestInParts, holds, neighbours, query
from rara.geometry.parts import edges2

RULES = ("open", "closed", "official")
DISTANCES = st.floats(0, 1e30).map(lambda d: float(np.float32(d)) ** 2)


def sides():
    """On a grid, so that distances equal radii, with copies on both sides."""
    rng = np.random.default_rng(3)
    reference = rng.integers(0, 5, (60, 3)).astype(np.float32)
    samples = rng.integers(0, 5, (45, 3)).astype(np.float32)
    samples[:5] = reference[:5]
    kept = rng.random((45, 7)) < 0.5
    radii2 = np.repeat(neighbours(reference, 3)[0].d2[:, -1:], 7, axis=1)
    radii2[:, 1] *= 2
    radii2[rng.random((60, 7)) < 0.5] = np.nan
    return samples, reference, kept, radii2


@pytest.mark.parametrize("rule", RULES)
def test_counts_are_those_of_all_pairs(rule):
    samples, reference, kept, radii2 = sides()
    counts = CountsInParts(kept, radii2, rule)
    query(samples, reference, [counts])
    d2 = oracle.squared_distances(samples, reference)
    for part in range(7):
        there = ~np.isnan(radii2[:, part])
        held = oracle.holds(d2, np.where(there, radii2[:, part], 0), rule)
        held &= there & kept[:, part, None]
        assert held.any()
        assert np.array_equal(counts.by_sample[:, part], held.sum(axis=1))
        assert np.array_equal(counts.by_ball[:, part], held.sum(axis=0))


def test_counts_of_pieces_merge():
    samples, reference, kept, radii2 = sides()
    whole, *pieces = (CountsInParts(kept, radii2) for _ in range(3))
    query(samples, reference, [whole])
    for piece, rows in zip(pieces, (slice(0, 20), slice(20, 45)), strict=True):
        query(samples, reference, [piece], rows=rows)
    pieces[0].merge(pieces[1])
    assert np.array_equal(pieces[0].by_sample, whole.by_sample)
    assert np.array_equal(pieces[0].by_ball, whole.by_ball)


@given(DISTANCES, DISTANCES | st.just(np.nan), st.sampled_from(RULES), st.booleans())
def test_edges_say_what_balls_hold(d2, radius2, rule, equal):
    d2 = radius2 if equal and not np.isnan(radius2) else d2
    expected = bool(holds(np.array([d2]), np.array([radius2]), rule)[0]) and not np.isnan(radius2)
    assert (d2 < edges2(np.array([radius2]), rule)[0]) == expected


def test_a_demand_reaches_the_largest_ball_of_any_part():
    _, _, kept, radii2 = sides()
    reach = CountsInParts(kept, radii2).need().reach
    nowhere = np.isnan(radii2).all(axis=1)
    assert np.array_equal(np.isnan(reach), nowhere)
    assert np.array_equal(reach[~nowhere], np.nanmax(radii2[~nowhere], axis=1))


def test_no_part_holds_anything_without_vectors_in_it():
    samples, reference = gaussian(5, 2), gaussian(8, 2)
    counts = CountsInParts(np.full((5, 1), False), np.full((8, 1), np.nan))
    query(samples, reference, [counts])
    assert not counts.by_sample.any()
    assert not counts.by_ball.any()


@pytest.mark.parametrize("rule", RULES)
def test_smallest_balls_are_those_of_all_pairs(rule):
    samples, reference, _, radii2 = sides()
    found = SmallestInParts(45, radii2, rule)
    query(samples, reference, [found])
    d2 = oracle.squared_distances(samples, reference)
    for part in range(7):
        there = ~np.isnan(radii2[:, part])
        radius2 = np.where(there, radii2[:, part], 0)
        held = oracle.holds(d2, radius2, rule) & there
        expected = np.where(held, radius2, np.inf).min(axis=1)
        assert np.isfinite(expected).any()
        assert np.array_equal(found.radius2[:, part], expected)
        closed = (oracle.holds(d2, radius2, "closed") & there).any(axis=1)
        assert np.array_equal(found.closed[:, part], closed)


def test_smallest_balls_merge():
    samples, reference, _, radii2 = sides()
    whole, left, right = (SmallestInParts(45, radii2) for _ in range(3))
    query(samples, reference, [whole])
    query(samples, reference, [left], columns=slice(0, 25))
    query(samples, reference, [right], columns=slice(25, 60))
    left.merge(right)
    assert np.array_equal(left.radius2, whole.radius2)
    assert np.array_equal(left.closed, whole.closed)
