"""Intervals, p-values of several questions, and trends: against known values and by chance."""

import numpy as np
import pytest

from rara.comparison.pairwise import band, matched
from rara.errors import ParameterError
from rara.stats.intervals import (
    Arms,
    checked_level,
    combined,
    normal_quantile,
    repeats_interval,
    t_p_value,
    t_quantile,
    wilson,
)
from rara.stats.multiple import holm
from rara.stats.trend import trend_of_shares


@pytest.mark.parametrize(("level", "freedom", "known"), [
    (0.9, 19, 1.7291), (0.95, 19, 2.0930), (0.99, 19, 2.8609), (0.95, 9, 2.2622),
    (0.95, 1000, 1.9623),
])  # fmt: skip
def test_quantiles_of_student(level, freedom, known):
    assert t_quantile(level, freedom) == pytest.approx(known, abs=1e-3)
    assert t_p_value(known, freedom) == pytest.approx(1 - level, abs=1e-3)


def test_wilsons_interval_is_the_one_in_books():
    arms = wilson(0.1, 50, 0.95)
    assert (0.1 - arms.below, 0.1 + arms.above) == pytest.approx((0.0435, 0.2136), abs=1e-4)
    assert wilson(0.0, 50, 0.95).below == 0
    assert wilson(1.0, 50, 0.95).above == pytest.approx(0, abs=1e-12)


def test_two_sources_cover_a_share_that_moves():
    """A share whose truth is moved by a normal error of known size, and 200 samples of it."""
    rng, moved = np.random.default_rng(0), 0.03
    half = normal_quantile(0.95) * moved
    covered = []
    for _ in range(2000):
        share = rng.binomial(200, np.clip(0.3 + moved * rng.normal(), 0, 1)) / 200
        found = combined(share, [wilson(share, 200, 0.95), Arms(half, half)])
        covered.append(found.low <= 0.3 <= found.high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


PICTURES = {"rare pairs": (500, 100_000), "many pairs": (500, 2_000), "few pictures": (500, 400)}


@pytest.mark.parametrize(("draws", "pictures"), PICTURES.values(), ids=PICTURES)
def test_the_interval_of_repeats_covers_what_is_usual(draws, pictures):
    """Draws from so many equally likely pictures; Wilson's own interval is too narrow for pairs."""
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, pictures, draws) for _ in range(1000)]
    sizes = [np.unique(one, return_counts=True)[1] for one in drawn]
    counts = [(int(one[one > 1].sum()), 2 * int((one == 2).sum())) for one in sizes]
    usual = np.mean([repeating for repeating, _ in counts]) / draws
    ends = [repeats_interval(draws, *count) for count in counts]
    assert np.mean([low <= usual <= high for low, high in ends]) >= 0.95
    plain = [(one[0] / draws, wilson(one[0] / draws, draws, 0.95)) for one in counts]
    covered = np.mean([x - arms.below <= usual <= x + arms.above for x, arms in plain])
    assert (covered < 0.92) == (pictures > draws)


def test_one_picture_that_repeats_often_is_a_share_like_any_other():
    """Each of its draws is evidence of its own."""
    arms = wilson(0.3, 400, 0.95)
    ends = (0.3 - arms.below, 0.3 + arms.above)
    assert repeats_interval(400, 120, 0) == pytest.approx(ends, abs=1e-3)


@pytest.mark.parametrize("draws", [1, 2, 3, 10, 1000])
def test_the_interval_of_repeats_holds_the_share(draws):
    for repeating in {0, *range(2, min(draws, 12) + 1), draws} - {1}:
        for in_pairs in range(0, repeating + 1, 2):
            low, high = repeats_interval(draws, repeating, in_pairs)
            assert 0 <= low <= repeating / draws <= high <= 1
            assert low < high
            wider = repeats_interval(draws, repeating, in_pairs, 0.99)
            assert wider[0] <= low
            assert high <= wider[1]


@pytest.mark.parametrize("level", [0, 1, 95, -0.1])
def test_a_level_is_a_share(level):
    with pytest.raises(ParameterError, match="level"):
        checked_level(level)


def test_holm_keeps_the_order_and_the_family_level():
    p = [0.04, 0.01, 0.03, None, 0.005]
    adjusted = holm(p)
    assert adjusted == [0.06, 0.03, 0.06, None, 0.02]
    rng = np.random.default_rng(0)
    called = [min(holm(rng.random(6).tolist())) <= 0.05 for _ in range(4000)]
    assert np.mean(called) == pytest.approx(0.05, abs=0.01)
    assert holm([]) == []


def test_a_trend_is_found_in_either_direction_and_not_in_a_bow():
    knob, counts = np.array([1.0, 2, 5]), np.array([300, 300, 300])
    assert trend_of_shares(knob, np.array([60, 30, 10]), counts).p < 0.01
    assert trend_of_shares(knob, np.array([60, 30, 10]), counts).tau == -1
    assert trend_of_shares(knob, np.array([30, 60, 30]), counts).p > 0.5
    nothing = trend_of_shares(knob, np.array([0, 0, 0]), counts)
    assert (nothing.tau, nothing.p) == (0, 1)


def test_bands_are_left_as_seldom_as_they_say():
    rng = np.random.default_rng(0)
    left = [
        band(("a", "b"), [100 * rng.random(80), 100 * rng.random(300)], 0.95).beyond
        for _ in range(1000)
    ]
    assert 0.02 <= np.mean(left) <= 0.06
    assert band(("a", "b"), [np.zeros(0), np.ones(3)], 0.95) is None


def test_units_are_matched_by_their_value():
    first, second = matched(["x", "y", None, "x"], ["z", "x", "y", "y"])
    assert first.tolist() == [0, 1, -1, 0]
    assert second.tolist() == [-1, 0, 1, 1]
