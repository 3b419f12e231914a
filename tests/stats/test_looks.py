"""Repeated looks at a share: exact tails, the limit of a threshold, the error of a run."""

import math
from fractions import Fraction

import numpy as np
import pytest

from rara.stats.looks import hits_p, level_of_look, share_limit


def exact_tail(hits, samples, share):
    """The oracle: every term as a fraction."""
    p = Fraction(share)
    terms = (math.comb(samples, j) * p**j * (1 - p) ** (samples - j) for j in range(samples + 1))
    return float(sum(term for j, term in enumerate(terms) if j >= hits))


@pytest.mark.parametrize("samples", [1, 7, 60])
@pytest.mark.parametrize("share", [1e-9, 0.01, 0.3, 0.5, 0.999])
def test_the_tail_is_the_binomial_one(samples, share):
    for hits in range(samples + 2):
        expected = exact_tail(hits, samples, share)
        assert hits_p(hits, samples, share) == pytest.approx(expected, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(("share", "hits", "p"), [(0.0, 1, 0), (0.0, 0, 1), (1.0, 5, 1)])
def test_the_tail_at_its_ends(share, hits, p):
    assert hits_p(hits, 5, share) == p


def test_far_tails_do_not_vanish_and_large_counts_do_not_overflow():
    assert 0 < hits_p(200, 1000, 0.01) < 1e-150
    assert 0.4 < hits_p(10_000, 1_000_000, 0.01) < 0.6


def test_the_tail_rises_with_the_share():
    values = [hits_p(20, 1000, share) for share in np.linspace(0.001, 0.05, 50)]
    assert values == sorted(values)


def test_the_levels_of_all_looks_add_up():
    assert sum(level_of_look(j, 0.05) for j in range(1, 100_001)) == pytest.approx(0.05, rel=1e-4)
    assert sum(level_of_look(j, 0.05) for j in range(1, 100_001)) < 0.05


@pytest.mark.parametrize(("level", "images", "error"), [(0.01, 1000, 0.025), (0.05, 99, 0.1)])
def test_the_limit_is_exceeded_as_often_as_it_says(level, images, error):
    """Of thresholds set by uniform scores of real images."""
    rng, k = np.random.default_rng(0), math.floor(level * (images + 1) + 1e-9)
    thresholds = np.sort(rng.random((20_000, images)), axis=1)[:, -k] if images < 200 else (
        rng.beta(images + 1 - k, k, 20_000)
    )  # fmt: skip
    above = (1 - thresholds) > share_limit(level, images, error)
    assert above.mean() == pytest.approx(error, abs=3 * math.sqrt(error / 20_000))


def test_a_level_that_no_score_reaches_has_no_share():
    assert share_limit(0.01, 98, 0.05) == 0
    assert share_limit(0.01, 99, 0.05) > 0.01


def test_a_long_run_is_alarmed_as_seldom_as_promised_where_each_look_at_5_percent_is_not():
    rng, runs, looks, share = np.random.default_rng(0), 4000, 100, 0.013
    hits = rng.binomial(1000, share, (runs, looks))
    p = np.array([hits_p(j, 1000, share) for j in range(hits.max() + 1)])[hits]
    levels = np.array([level_of_look(j, 0.05) for j in range(1, looks + 1)])
    assert (p <= levels).any(axis=1).mean() <= 0.05
    assert (p <= 0.05).any(axis=1).mean() > 0.9
