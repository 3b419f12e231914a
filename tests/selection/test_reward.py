"""The reward: its scale, what raises and lowers it, and that it rests on exact neighbours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding import Images, Means
from make import features, fit, gaussian, noise
from rara import Reference, Run
from rara.errors import ParameterError, ReferenceMismatchError
from rara.reward.formula import measured, penalty, rank_weights
from rara.reward.scale import RewardScale, _without_one

REAL = gaussian(800, 8)
SCORER = fit(REAL).scorer()
FRESH = gaussian(64, 8, seed=1)


# -- the scale --------------------------------------------------------------------------


def left_out(vectors, row, scale):
    """The reward of one reference image by the others, on the scale of the whole reference."""
    others = fit(np.delete(vectors, row, axis=0)).geometry
    far2 = ((vectors[row].astype(float) - others.features.vectors) ** 2).sum(1)
    index = np.argsort(far2)[:10]
    d2 = far2[index]
    logs = np.log(others.d2[:, :10] + scale.floor2) / 2
    spacing = (logs * scale.weights).sum(1)[index]
    own = measured(d2[None], spacing[None], scale.weights, scale.floor2, scale.rate, np.log)
    return scale.terms(own, None).reward[0]


def test_0_is_the_median_real_image_and_1_the_99th_percentile_each_left_out():
    some = REAL[:120]
    scale = fit(some).scorer().rewards.scale
    own = [left_out(some, row, scale) for row in range(len(some))]
    middle, top = np.quantile(own, [0.5, 0.99])
    assert middle == pytest.approx(0, abs=1e-9)
    assert top == pytest.approx(1, abs=1e-9)


def test_fresh_real_images_have_the_same_scale():
    rewards = SCORER.reward(gaussian(2000, 8, seed=2))
    assert np.median(rewards) == pytest.approx(0, abs=0.15)
    assert np.quantile(rewards, 0.99) == pytest.approx(1, abs=0.1)


def test_the_terms_make_up_the_reward():
    terms = SCORER.reward_terms(FRESH)
    assert list(terms) == ["rarity", "off_manifold", "copy", "repeat", "reward"]
    taken = terms["off_manifold"] + terms["copy"] + terms["repeat"]
    assert np.array_equal(
        terms["reward"],
        terms["rarity"] - terms["off_manifold"] - terms["copy"] - terms["repeat"],
    )
    assert np.array_equal(terms["reward"], SCORER.reward(FRESH))
    assert (taken >= 0).all()


# -- what it ranks ----------------------------------------------------------------------


def ray(direction, lengths):
    return (lengths[:, None] * direction / np.linalg.norm(direction)).astype("f")


def test_it_rises_outwards_and_falls_off_the_manifold():
    """Along a ray from the centre, each point alone: rarer at first, then off the manifold."""
    points = ray(np.ones(8), np.linspace(0.5, 20, 40))
    rewards = np.array([SCORER.reward(one[None])[0] for one in points])
    best = int(rewards.argmax())
    assert 0 < best < 39
    assert rewards[best] > 0.5
    assert (np.diff(rewards[best + 3 :]) < 0).all()
    assert rewards[-1] < -5


def test_it_is_bounded_above():
    scales = np.linspace(0.1, 10, 3000)[:, None]
    rewards = SCORER.reward((scales * gaussian(3000, 8, seed=3)).astype("f"))
    assert rewards.max() < 1.5


def test_copies_and_near_copies_are_below_every_typical_image():
    copies = SCORER.reward_terms(REAL[:100])
    near = SCORER.reward_terms(REAL[:100] + 1e-3 * gaussian(100, 8, seed=4))
    for terms in (copies, near):
        assert (terms["copy"] > 1).all()
        assert (terms["reward"] < np.quantile(SCORER.reward(FRESH), 0.05)).all()


def test_a_repeat_costs_both_of_a_batch_and_nothing_alone():
    twice = np.concatenate([FRESH[:20], FRESH[:1]])
    terms = SCORER.reward_terms(twice)
    assert (terms["repeat"][[0, 20]] > 1).all()
    assert SCORER.reward_terms(FRESH[:1])["repeat"] == 0
    assert np.median(SCORER.reward_terms(FRESH)["repeat"]) == 0
    one = SCORER.reward(FRESH[:1])[0]
    assert SCORER.reward(twice)[0] == pytest.approx(one - terms["repeat"][0])


def test_the_same_batch_in_another_order_has_the_same_rewards():
    order = np.random.default_rng(0).permutation(len(FRESH))
    assert np.array_equal(SCORER.reward(FRESH[order]), SCORER.reward(FRESH)[order])


def test_k_changes_it():
    reference = fit(REAL)
    by_k = [reference.scorer(k=k).reward(FRESH) for k in (1, 3, 10)]
    assert not np.allclose(by_k[0], by_k[1])
    assert not np.allclose(by_k[1], by_k[2])


@given(st.floats(0.01, 100), st.integers(0, 5))
def test_units_and_places_play_no_role(scale, seed):
    shift = gaussian(1, 8, seed=seed)
    moved = fit((scale * REAL[:100] + shift).astype("f")).scorer()
    plain = fit(REAL[:100]).scorer()
    rewards = moved.reward((scale * FRESH[:8] + shift).astype("f"))
    assert rewards == pytest.approx(plain.reward(FRESH[:8]), abs=2e-2)


def test_it_is_continuous_where_neighbours_change():
    """Steps along a line between samples: no jump, however fine the steps."""
    share = np.linspace(0, 1, 4001)[:, None]
    line = ((1 - share) * FRESH[0].astype(float) + share * FRESH[1].astype(float)).astype("f")
    terms = SCORER.reward_terms(line)
    rewards = terms["reward"] + terms["repeat"]  # neighbours on the line repeat one another
    assert np.abs(np.diff(rewards)).max() < 0.05


# -- exactness --------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
def test_neighbours_are_those_of_brute_force(threads):
    rewards = fit(REAL).scorer(run=Run(threads=threads)).rewards
    batch = rewards.neighbours(FRESH)
    d2 = ((FRESH[:, None].astype(float) - REAL.astype(float)) ** 2).sum(-1)
    order = np.argsort(d2, axis=1)[:, : rewards.scale.depth]
    assert np.array_equal(batch.nearest.index, order)
    among = ((FRESH[:, None].astype(float) - FRESH.astype(float)) ** 2).sum(-1)
    np.fill_diagonal(among, np.inf)
    assert np.array_equal(batch.others.index[:, 0], among.argmin(1))


def test_threads_and_memory_play_no_role():
    expected = SCORER.reward(FRESH)
    for run in (Run(threads=1), Run(threads=3, memory=1 << 20)):
        assert np.array_equal(Reference.from_features(REAL).scorer(run=run).reward(FRESH), expected)


# -- NaN, and what cannot be rewarded ---------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_not_finite_has_no_reward_and_changes_no_other(bad):
    broken = FRESH[:10].copy()
    broken[3, 2] = bad
    terms = SCORER.reward_terms(broken)
    assert all(np.flatnonzero(np.isnan(values)).tolist() == [3] for values in terms.values())
    assert np.array_equal(np.delete(terms["reward"], 3), SCORER.reward(np.delete(FRESH[:10], 3, 0)))


def test_nothing_but_nan_has_no_reward():
    assert np.isnan(SCORER.reward(np.full((3, 8), np.nan))).all()


def test_features_and_their_vectors_have_the_same_rewards():
    assert np.array_equal(SCORER.reward(features(FRESH)), SCORER.reward(FRESH))


def test_images_are_rewarded_in_their_order_and_unreadable_ones_are_nan(tmp_path):
    run = Run(cache=tmp_path, threads=1)
    scorer = Reference.fit(noise(100, 0), extractor=Means(), run=run).scorer(run=run)
    pictures = noise(6, 1)
    given = {f"{row}.png": one for row, one in enumerate(pictures)}
    rewards = scorer.reward(Images({**given, "2.png": b"no image"}))
    assert np.flatnonzero(np.isnan(rewards)).tolist() == [2]
    without = scorer.reward([one for row, one in enumerate(pictures) if row != 2])
    assert np.array_equal(np.delete(rewards, 2), without)


def test_small_references_and_other_vectors_are_refused():
    with pytest.raises(ParameterError, match="by 19 reference images: give at least 20"):
        fit(REAL[:19]).scorer().reward(FRESH)
    assert len(fit(REAL[:20]).scorer().reward(FRESH)) == 64
    with pytest.raises(ReferenceMismatchError, match="8 dimensions"):
        SCORER.reward(gaussian(3, 9))
    assert SCORER.reward(np.zeros((0, 8))).shape == (0,)


def test_references_without_a_scale_say_what_to_do():
    with pytest.raises(ParameterError, match="deduplicate='exact'"):
        fit(np.repeat(REAL[:10], 5, axis=0)).scorer().reward(FRESH)


def test_duplicates_in_the_reference_do_no_harm():
    some = np.concatenate([REAL, REAL[:100]])
    rewards = fit(some).scorer().reward(FRESH)
    assert np.isfinite(rewards).all()
    copies = fit(some).scorer().reward_terms(REAL[:200])  # of single images and of repeated ones
    assert (copies["reward"] < np.quantile(rewards, 0.05)).all()


# -- the formula ------------------------------------------------------------------------


@given(st.integers(1, 10), st.integers(3, 10))
def test_ranks_are_weighted_in_a_triangle_round_k(k, depth):
    weights = rank_weights(k, depth)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    assert weights.argmax() == min(k, depth) - 1


def test_a_penalty_begins_flat_and_becomes_a_line():
    x = np.array([-5.0, 0.0, 1e-6, 1.0, 1e6, 1e6 + 1])
    values = penalty(x)
    assert list(values[:2]) == [0, 0]
    assert values[2] == pytest.approx(1e-12)
    assert values[3] == 0.5
    assert values[5] - values[4] == pytest.approx(1)


def test_neighbours_of_a_reference_image_are_measured_without_it():
    """By hand, at k = 1 on a line: of 0 and 1, far from the others, each is the other's nearest."""
    line = np.concatenate([[0.0, 1.0], 100 + 3 * np.arange(30.0) ** 1.5])[:, None]
    reference = fit(line.astype("f"), k=1)
    balls = reference.geometry.ball_geometry()
    scale = RewardScale.around(balls)
    # `radius` of image 1 without image 0 is its distance to 100.
    with_it = np.log(1 + scale.floor2) / 2
    without = np.log(99**2 + scale.floor2) / 2
    assert scale.spacing[1] == pytest.approx(with_it)
    logs = np.log(balls.d2 + scale.floor2) / 2
    near = _without_one(balls.index, logs, scale.weights, scale.spacing, scale.depth)
    assert near[0, 0] == pytest.approx(without)
