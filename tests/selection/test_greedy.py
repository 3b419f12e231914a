"""Greedy picks: as plain greedy, within their bounds of the best, the same on every machine."""

from itertools import combinations
from math import e

import numpy as np
import pytest

from make import gaussian
from rara.geometry.similarities import Bounds, Residuals, added, mean_square, near_to, similar_to
from rara.geometry.threads import Crew
from rara.selection.farthest_first import farthest_first
from rara.selection.greedy import greedy
from rara.selection.quotas import Room, one_group
from rara.selection.terms import Diverse, Representative

MEMORY = 2**30


@pytest.fixture(scope="module")
def crew():
    with Crew(2) as made:
        yield made


def clusters(n, d=12, seed=0):
    """Some groups of near points and some points apart."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(5, d)) * 2
    return (centres[rng.integers(0, 5, n)] + rng.normal(size=(n, d)) * 0.4).astype(np.float32)


def similarities(vectors):
    """By numpy, in float64."""
    wide = vectors.astype(np.float64)
    d2 = ((wide[:, None] - wide[None]) ** 2).sum(axis=2)
    n = len(wide)
    return np.exp(-d2 / (d2.sum() / (n * (n - 1))))


def objective(values, similar, weights, picks, count):
    """What picks are worth, from the formulas."""
    rows = list(picks)
    part = similar[np.ix_(rows, rows)]
    diverse = np.linalg.slogdet(np.eye(len(rows)) + part)[1] / np.log(2) / count
    stands = similar[:, rows].max(axis=1).mean()
    return values[rows].sum() + weights[0] * diverse + weights[1] * stands


def terms_of(vectors, count, crew, weights=(1.0, 1.0), memory=MEMORY):
    scale = mean_square(vectors)
    bounds = Bounds(vectors, scale, memory, crew)
    made = [Diverse(vectors, scale, count, crew), Representative(vectors, scale, bounds, crew)]
    for term, weight in zip(made, weights, strict=True):
        term.weight = weight
    return [term for term in made if term.weight]


def test_similarities_are_those_of_the_formula(crew):
    vectors = clusters(60)
    expected, scale = similarities(vectors), mean_square(vectors)
    for row in (0, 31, 59):
        np.testing.assert_allclose(similar_to(vectors, row, scale, crew), expected[row], rtol=1e-12)
    best = expected[3] * 0.9
    assert added(expected[5], best) == pytest.approx(np.maximum(expected[5] - best, 0).sum())


@pytest.mark.parametrize("memory", [MEMORY, 1])
@pytest.mark.parametrize("offset", [0, 30])
def test_bounds_on_gains_are_above_them_and_near(crew, memory, offset):
    vectors = clusters(500) + np.float32(offset)
    scale, rows = mean_square(vectors), np.arange(len(vectors))
    best = similar_to(vectors, 7, scale, crew)
    exact = np.array([added(similar_to(vectors, row, scale, crew), best) for row in rows])
    upper = Bounds(vectors, scale, memory, crew).upper(rows, best)
    assert (upper >= exact).all()
    assert (upper - exact).max() < 0.02


def test_residuals_are_those_of_a_gaussian_process(crew):
    vectors = clusters(80)
    similar, scale = similarities(vectors), mean_square(vectors)
    made, picks = Residuals(vectors, scale, 6), [3, 50, 7, 4, 70, 21]
    for row in picks:
        made.refresh(np.arange(0, 80, 3), crew)  # some meet the picks one by one, others at once
        made.pick(row, crew)
    made.refresh(np.arange(80), crew)
    inner, outer = similar[np.ix_(picks, picks)], similar[picks]
    expected = 1 - (outer * np.linalg.solve(np.eye(6) + inner, outer)).sum(axis=0)
    np.testing.assert_allclose(made.residual, expected, atol=1e-9)


WEIGHTS = [(1.0, 0.0), (0.0, 1.0), (0.7, 2.0)]


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("seed", range(6))
def test_picks_are_within_the_bound_of_the_best(crew, weights, seed):
    vectors, count = clusters(11, seed=seed), 4
    values = np.random.default_rng(seed).random(11) / 20
    similar = similarities(vectors)
    picked = greedy(values, terms_of(vectors, count, crew, weights), one_group(11, count), count)
    reached = objective(values, similar, weights, picked.rows, count)
    best = max(objective(values, similar, weights, one, count)
               for one in combinations(range(11), count))  # fmt: skip
    assert picked.gains.sum() == pytest.approx(reached)
    assert (1 - 1 / e) * best <= reached <= best + 1e-9
    assert best <= picked.upper + 1e-9


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("seed", range(4))
def test_quotas_hold_and_half_of_the_best_is_reached(crew, weights, seed):
    vectors, count = clusters(10, seed=seed), 4
    group = np.random.default_rng(seed).integers(0, 3, 10)
    room = Room(group, np.array([2, 1, 2]))
    if min(np.bincount(group, minlength=3)[i] for i in (0, 2)) < 2:
        pytest.skip("a group with too few")
    values, similar = np.linspace(0, 0.1, 10), similarities(vectors)
    picked = greedy(values, terms_of(vectors, count, crew, weights), room, count)
    assert (np.bincount(group[picked.rows], minlength=3) <= room.most).all()
    allowed = [one for one in combinations(range(10), count)
               if (np.bincount(group[list(one)], minlength=3) <= room.most).all()]  # fmt: skip
    best = max(objective(values, similar, weights, one, count) for one in allowed)
    reached = objective(values, similar, weights, picked.rows, count)
    assert best / 2 <= reached <= best + 1e-9
    assert best <= picked.upper + 1e-9


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("memory", [MEMORY, 1])
def test_lazy_greedy_is_plain_greedy_bit_for_bit(crew, weights, memory):
    vectors, count = clusters(400, seed=3), 25
    vectors[200:220] = vectors[100:120]  # ties
    values = np.round(np.random.default_rng(0).random(400), 1) / 200
    room = Room(np.arange(400) % 4, np.array([9, 9, 9, 2]))
    lazy = greedy(values, terms_of(vectors, count, crew, weights, memory), room, count)
    plain = greedy(values, terms_of(vectors, count, crew, weights), room, count, lazy=False)
    assert lazy.rows.tolist() == plain.rows.tolist()
    assert lazy.gains.tobytes() == plain.gains.tobytes()


def test_gains_never_grow(crew):
    vectors = clusters(300, seed=5)
    picked = greedy(np.zeros(300), terms_of(vectors, 40, crew), one_group(300, 40), 40)
    assert (np.diff(picked.gains) <= 1e-12).all()


def test_values_alone_give_the_largest_and_a_tight_bound():
    values = np.array([0.1, 0.5, 0.5, 0.2, 0.9])
    picked = greedy(values, [], one_group(5, 3), 3)
    assert picked.rows.tolist() == [4, 1, 2]
    assert picked.upper == pytest.approx(1.9)


def test_the_number_of_threads_changes_nothing():
    vectors = clusters(700, d=40, seed=8)
    made = []
    for threads in (1, 2, 5):
        with Crew(threads) as some:
            picked = greedy(np.zeros(700), terms_of(vectors, 20, some), one_group(700, 20), 20)
            far = farthest_first(vectors, one_group(700, 20), 20, some)
        made.append((picked.rows.tolist(), picked.gains.tobytes(), far.rows.tolist()))
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize("seed", range(5))
def test_farthest_first_is_within_half_of_the_largest_distance(crew, seed):
    vectors = clusters(12, d=3, seed=seed)
    picked = farthest_first(vectors, one_group(12, 4), 4, crew)
    d2 = np.array([near_to(vectors, row, crew) for row in range(12)])

    def smallest(rows):
        return min(d2[one, other] for one, other in combinations(rows, 2)) ** 0.5

    best = max(map(smallest, combinations(range(12), 4)))
    assert best / 2 <= smallest(picked.rows) <= best
    assert picked.gains[1:].min() == pytest.approx(smallest(picked.rows))


def test_one_candidate_is_picked(crew):
    vectors = gaussian(1, 4)
    picked = greedy(np.zeros(1), terms_of(vectors, 1, crew), one_group(1, 1), 1)
    assert picked.rows.tolist() == [0]
    assert picked.gains[0] == pytest.approx(2.0)
