"""The figures: shares at a level among real images, the same by tables and by neighbour lists."""

import numpy as np
import pytest

from make import features, fit, gaussian
from rara import Run
from rara.comparison.figures import FIGURES, Levels, RealImages, Standing, met_by, shares_of
from rara.comparison.generator import Judge
from rara.comparison.sampling import Sampled, difference, half_differences, paired_difference
from rara.verdict.rules import Thresholds

ALONE = Run(threads=1)


@pytest.fixture(scope="module")
def judged():
    """Samples of a law that is a little too wide, with some copies."""
    real, made = gaussian(500, 6), 1.1 * gaussian(300, 6, seed=1)
    made[:20] = real[:20] + 0.01 * gaussian(20, 6, seed=2)
    judge = Judge.of(fit(features(real)).scorer(run=ALONE), ALONE)
    return judge, judge.judge("made", features(made), None, 300)


def test_lists_give_what_the_table_gives(judged):
    """But for what a sample changes by joining: the ranks of k images, or of ten for copies."""
    judge, one = judged
    table = Standing.of_table(one.table, judge.balls.knn2)
    lists = RealImages.around(judge.balls).of(one.lists.part(0, judge.balls.d2.shape[1]))
    assert np.array_equal(table.inside, lists.inside)
    assert np.array_equal(table.rarity_percentile, lists.rarity_percentile, equal_nan=True)
    assert np.abs(table.near_p - lists.near_p).max() < 1e-12
    for name in ("knn_p", "off_manifold_p", "copy_p"):
        apart = 501 * np.abs(getattr(table, name) - getattr(lists, name))
        assert apart.max() <= 12, name
        assert np.median(apart) <= 2, name


def test_real_images_meet_a_level_as_often_as_it_says():
    own = RealImages.around(fit(gaussian(1000, 6)).geometry.ball_geometry()).own
    for name in ("knn_p", "near_p", "copy_p"):
        for level in (0.01, 0.05, 0.25):
            assert np.mean(getattr(own, name) <= level) == pytest.approx(level, abs=0.002)
    assert np.mean(own.off_manifold_p <= 0.05) <= 0.05


def test_the_level_of_copies_follows_the_reference():
    assert Levels.of(Thresholds(), 400).copies == 0.01
    assert Levels.of(Thresholds(), 399).copies == 0.05
    assert Levels.of(Thresholds(0.005), 4000).copies == 0.005


def test_conditions_exclude_each_other(judged):
    judge, one = judged
    met = dict(zip(FIGURES, Standing.of_table(one.table, judge.balls.knn2).met(
        Levels.of(Thresholds(), 500)), strict=True))  # fmt: skip
    assert met["copies"][:20].all()
    assert met["yield"].any()
    assert not (met["yield"] & (met["copies"] | met["off_manifold"] | ~met["inside"])).any()
    rare = one.table["verdict"] == "rare"
    assert (met["yield"] <= rare).all()  # a verdict may call fewer copies, never more that is rare


def sampled(judge, generators):
    levels = Levels.of(Thresholds(), 500)
    found = half_differences(judge.deep, judge.parts, [one.lists for one in generators], levels)
    real = RealImages.around(judge.balls).own.met(levels).mean(axis=1)
    return [
        Sampled(Standing.of_table(one.table, judge.balls.knn2).met(levels), real, half)
        for one, half in zip(generators, found, strict=True)
    ]


def test_a_difference_is_surer_than_its_sides(judged):
    """The reference is shared: most of its part cancels out."""
    judge, one = judged
    other = judge.judge("other", features(1.1 * gaussian(300, 6, seed=5)), None, 300)
    first, second = sampled(judge, [one, other])
    for number, figure in enumerate(FIGURES):
        apart, p = difference(first, second, number, 0.95)
        assert apart.low <= apart.value <= apart.high
        if figure != "copies":  # 20 of the first are
            assert p > 0.05, figure
            assert apart.low < 0 < apart.high
    off = FIGURES.index("off_manifold")
    shared = first.reference_variance(off, 1.0) + second.reference_variance(off, 1.0)
    apart, _ = difference(first, second, off, 0.95)
    assert (apart.high - apart.low) < 2 * 2.1 * (shared + 2 * 0.25 / 300) ** 0.5


def test_pairs_take_out_what_they_share(judged):
    """The same samples in pairs: no difference, and an interval far narrower than unpaired."""
    judge, one = judged
    first, second = sampled(judge, [one, one])
    units = np.arange(300)
    for number in range(len(FIGURES)):
        paired, p = paired_difference(first, second, (units, units), number, 0.95)
        apart, _ = difference(first, second, number, 0.95)
        assert paired.value == 0
        assert p == 1
        assert paired.high - paired.low <= apart.high - apart.low
    inside = FIGURES.index("inside")
    paired, _ = paired_difference(first, second, (units, units), inside, 0.95)
    apart, _ = difference(first, second, inside, 0.95)
    assert paired.high - paired.low < 0.3 * (apart.high - apart.low)


def test_samples_of_one_unit_are_one_draw(judged):
    judge, one = judged
    (plain,) = sampled(judge, [one])
    met = np.repeat(plain.met, 4, axis=1)
    unit = np.repeat(np.arange(300), 4)
    half = type(plain.halves)(np.repeat(plain.halves.samples, 4, axis=2), plain.halves.real)
    grouped = Sampled(met, plain.real, half, unit)
    repeated = Sampled(met, plain.real, half)
    for number in (0, 1, 3):
        widths = [
            np.subtract(*reversed(side.share(number, 0.95)[1:]))
            for side in (plain, grouped, repeated)
        ]
        assert widths[1] == pytest.approx(widths[0], rel=0.02)
        assert widths[2] < 0.95 * widths[0]


def test_shares_are_nan_where_no_p_value_can_reach_them():
    for count, missing in ((20, {"copies", "yield"}), (300, set())):
        scorer = fit(features(gaussian(count, 4))).scorer()
        table = scorer.score(features(gaussian(50, 4, 1)))
        shares = shares_of(table, scorer)
        assert {figure for figure, share in shares.items() if np.isnan(share)} == missing
        for met, figure in zip(met_by(table, scorer), FIGURES, strict=True):
            assert figure in missing or shares[figure] == met.mean()
