"""The classifier two-sample test: its error rate, what it sees, and what plays no role.

Seeds are fixed. A bound on a number of calls is the 99.9 % quantile of the binomial law.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from make import gaussian
from rara import Features, Reference, Run
from rara.provenance.json_format import encoded
from rara.report import facts, summarise, summary_lines, to_html
from rara.report.summary import TEXT
from rara.report.two_sample import Difference, difference_line
from rara.two_sample import two_sample
from rara.two_sample.classifier import inverse, pairs_won
from rara.two_sample.pool import FOLDS, folds_of, keys_of
from rara.two_sample.ranks import p_value
from rara.two_sample.repeats import cells_of

ONE = Run(threads=1)


def on_sphere(rng, count, radius):
    drawn = gaussian(count, seed=rng)
    return radius * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def unit_ball(rng, count):
    filled = on_sphere(rng, count, 1) * rng.random((count, 1)) ** (1 / 16)
    return filled.astype(np.float32)


# -- what balls cannot see --


def test_an_inner_radius_is_told_although_all_are_inside():
    rng = np.random.default_rng(0)
    reference = Reference.from_features(unit_ball(rng, 2_000), run=ONE)
    table = reference.score_features(on_sphere(rng, 500, 0.3), run=ONE)
    assert table["inside"].all()
    told = table.provenance["two_sample"]
    assert told["auc"] >= 0.999
    assert told["p"] == 1 / 1000
    assert told["view"] == "squares"
    assert "no more outside, but a classifier detects them: AUC" in table.summary()


def test_a_shift_of_one_dimension_in_a_thousand_is_told():
    rng = np.random.default_rng(0)
    samples = gaussian(1_000, 1_000, seed=rng)
    samples[:, 7] += 6
    told = two_sample(samples, gaussian(4_000, 1_000, seed=rng), permutations=99)
    assert told.auc >= 0.999
    assert told.p == 1 / 100
    assert told.view == "coordinates"


def test_a_missing_mode_is_told_and_no_better_than_theory_allows():
    """Where one of four modes is missing, a quarter of the reference can be told from all samples
    and the rest from none: the best AUC is 1/4 + 3/4 / 2."""
    rng = np.random.default_rng(0)
    centres = 6 * gaussian(4, seed=rng)
    samples = centres[rng.integers(0, 3, 1_000)] + gaussian(1_000, seed=rng)
    reference = centres[rng.integers(0, 4, 4_000)] + gaussian(4_000, seed=rng)
    told = two_sample(samples, reference, permutations=99)
    assert told.p == 1 / 100
    error = math.sqrt(0.25 * 0.75 / 4_000) / 2 + math.sqrt(1 / 12 * (1 / 1_000 + 1 / 3_000))
    assert told.auc == pytest.approx(0.625, abs=4 * error)


def test_correlation_is_told_although_every_coordinate_is_alike():
    rng = np.random.default_rng(0)
    samples = gaussian(1_000, seed=rng)
    samples[:, 1::2] = 0.5 * samples[:, ::2] + math.sqrt(0.75) * samples[:, 1::2]
    told = two_sample(samples, gaussian(2_000, seed=rng), permutations=99)
    assert (told.p, told.view) == (1 / 100, "squares")


def test_a_shift_is_told_as_well_as_the_best_classifier_tells_it():
    """Two normal laws 2 apart: the best AUC is Phi(2 / sqrt(2))."""
    rng = np.random.default_rng(0)
    samples = gaussian(4_000, 4, seed=rng)
    samples[:, 0] += 2
    told = two_sample(samples, gaussian(4_000, 4, seed=rng), permutations=9)
    best = 0.5 * (1 + math.erf(2 / math.sqrt(2) / math.sqrt(2)))
    assert told.auc == pytest.approx(best, abs=0.01)


# -- the error rate --


@pytest.mark.parametrize(
    ("samples", "reference", "dimensions", "repetitions"),
    [(50, 50, 2, 200), (50, 120, 16, 200), (120, 50, 8, 200), (50, 60, 300, 100)],
)
def test_alike_sets_are_seldom_told_apart(samples, reference, dimensions, repetitions):
    rng = np.random.default_rng(0)
    p = np.array([
        two_sample(
            gaussian(samples, dimensions, seed=rng), gaussian(reference, dimensions, seed=rng),
            seed=seed, permutations=99, threads=1,
        ).p
        for seed in range(repetitions)
    ])  # fmt: skip
    for level in (0.05, 0.2, 0.5):
        usual = math.sqrt(repetitions * level * (1 - level))
        called = np.count_nonzero(p <= level)
        assert called <= repetitions * level + 3.5 * usual
        assert called >= repetitions * level - 3.5 * usual - 1  # not merely cautious
    assert np.count_nonzero(p <= 0.01) <= 9  # binomial(200, .01): 9 or fewer with 99.99 %


def with_repeats(rng, count, special, dimensions=8):
    """Three draws in ten are one of a few vectors."""
    drawn, repeated = gaussian(count, dimensions, seed=rng), rng.random(count) < 0.3
    drawn[repeated] = special[rng.integers(0, len(special), repeated.sum())]
    return drawn


@pytest.mark.parametrize("distinct", [1, 10])
def test_repeats_keep_the_level_where_one_side_is_thinned(distinct):
    """Chosen by a hash of the vector, copies came in together: .37 and .25 were called at .05."""
    repetitions, p = 150, []
    for seed in range(repetitions):
        rng = np.random.default_rng([seed, distinct])
        special = gaussian(distinct, 8, seed=rng)
        samples, reference = (with_repeats(rng, count, special) for count in (100, 2_000))
        p.append(two_sample(samples, reference, seed=seed, permutations=99, threads=1).p)
    called = np.count_nonzero(np.array(p) <= 0.05)
    assert called <= 17  # binomial(150, .05): 17 or fewer with 99.9 %


@pytest.mark.parametrize("counts", [(60, 50), (120, 300), (600, 60)])
def test_a_samples_p_keeps_its_level(counts):
    """Both for samples that were taken and for those beyond five times the reference."""
    rng = np.random.default_rng(1)
    shares = [
        np.mean(two_sample(
            gaussian(counts[0], seed=rng), gaussian(counts[1], seed=rng),
            seed=seed, permutations=9, threads=1,
        ).two_sample_p <= 0.2)
        for seed in range(60)
    ]  # fmt: skip
    # Samples of one set share a classifier: their mean is judged by its own spread.
    assert np.mean(shares) <= 0.2 + 3 * np.std(shares) / math.sqrt(len(shares))
    assert np.mean(shares) > 0.1  # ranks among ten reference images a fold are cautious


def test_a_samples_p_is_its_rank_among_the_reference_images_of_its_fold():
    rng = np.random.default_rng(0)
    samples, reference = gaussian(200, seed=rng) + np.float32(1), gaussian(300, seed=rng)
    told = two_sample(samples, reference, permutations=9)
    sizes = np.bincount(folds_of(keys_of(reference, 0)), minlength=FOLDS)
    ranks = told.two_sample_p * (1 + sizes[folds_of(keys_of(samples, 0))])
    np.testing.assert_allclose(ranks, np.rint(ranks), atol=1e-9)
    assert ranks.min() == pytest.approx(1)
    for fold in range(FOLDS):
        mine = folds_of(keys_of(samples, 0)) == fold
        order = np.argsort(told.two_sample_score[mine])
        assert (np.diff(told.two_sample_p[mine][order]) <= 0).all()
    assert (told.two_sample_p <= 0.05).mean() > 0.5


# -- what plays no role --


@given(
    seed=st.integers(0, 2**32),
    threads=st.sampled_from([1, 2]),
    counts=st.sampled_from([(60, 90), (60, 400)]),
    repeated=st.booleans(),
)
@settings(max_examples=12, deadline=None)
def test_order_and_threads_play_no_role(seed, threads, counts, repeated):
    rng = np.random.default_rng(seed)
    draw = with_repeats if repeated else lambda rng, count, _: gaussian(count, 8, seed=rng)
    special = gaussian(3, 8, seed=rng)
    samples, reference = (draw(rng, count, special) for count in counts)
    told = two_sample(samples + np.float32(0.3), reference, permutations=19, threads=1)
    orders = [rng.permutation(count) for count in counts]
    again = two_sample(
        samples[orders[0]] + np.float32(0.3), reference[orders[1]], permutations=19, threads=threads
    )
    assert again.describe() == told.describe()
    for name in ("two_sample_score", "two_sample_p"):
        np.testing.assert_array_equal(getattr(again, name), getattr(told, name)[orders[0]])


def test_exchanging_the_sides_changes_neither_auc_nor_p():
    rng = np.random.default_rng(3)
    one, other = gaussian(200, seed=rng) + np.float32(0.1), gaussian(300, seed=rng)
    there, back = two_sample(one, other), two_sample(other, one)
    assert (there.auc, there.p, there.view) == (back.auc, back.p, back.view)
    assert (there.samples, there.reference) == (back.reference, back.samples)
    assert 0 < there.p < 0.5


def test_seeds_choose_folds_and_shuffles():
    rng = np.random.default_rng(0)
    one, other = gaussian(100, seed=rng), gaussian(100, seed=rng)
    assert two_sample(one, other, seed=1).auc != two_sample(one, other, seed=2).auc


# -- which images, and copies --


def test_equal_vectors_share_a_fold():
    rng = np.random.default_rng(0)
    vectors = gaussian(500, seed=rng)
    vectors[0, 0] = 0
    same = vectors.copy()
    same[0, 0] = -0.0
    np.testing.assert_array_equal(keys_of(vectors, 0), keys_of(same, 0))
    assert np.bincount(folds_of(keys_of(vectors, 0)), minlength=FOLDS).min() > 60


def test_copies_of_the_reference_are_not_told_apart():
    """Copies are judged by what has not seen their originals, and tie with those.

    Shuffles part some of the pairs, so that about half of them are above 0.5 by chance.
    """
    rng = np.random.default_rng(0)
    reference = gaussian(300, seed=rng)
    told = two_sample(reference.copy(), reference)
    assert told.auc == 0.5
    assert told.p > 0.4


def test_near_copies_are_taken_for_their_originals():
    rng = np.random.default_rng(0)
    reference = gaussian(1_000, 64, seed=rng)
    told = two_sample(reference[:500] + np.float32(0.02) * gaussian(500, 64, seed=rng), reference)
    assert told.auc < 0.45
    assert told.p > 0.95


def test_a_generator_that_repeats_itself_is_told_by_nothing_but_its_repeats():
    """Each sample twice: trained on a twin, a classifier would know the other."""
    rng = np.random.default_rng(0)
    once, reference = gaussian(100, 400, seed=rng), gaussian(200, 400, seed=rng)
    told = two_sample(np.concatenate([once, once]), reference, permutations=199)
    assert (told.p, told.view, told.repeats) == (1 / 200, "repeats", 100)
    assert min(told.p_by_view["coordinates"], told.p_by_view["squares"]) > 0.05


@pytest.mark.parametrize("jitter", [0, 1e-4])
@pytest.mark.parametrize("reference", [600, 2_000])
def test_repeats_are_told(reference, jitter):
    """A third of the outputs is one picture, far out; or 20 are, in the usual place."""
    rng = np.random.default_rng(1)
    real = gaussian(reference, 64, seed=rng)
    far, usual = gaussian(600, 64, seed=rng), gaussian(600, 64, seed=rng)
    far[:200] = 10
    usual[:20] = usual[0]
    for samples, repeated in ((far, 200), (usual, 20)):
        samples[:repeated] += np.float32(jitter) * gaussian(repeated, 64, seed=rng)
        told = two_sample(samples, real, permutations=199)
        assert told.p <= 0.01
        assert told.p_by_view["repeats"] == 1 / 200
        assert told.repeats == repeated * (repeated - 1) // 2


def test_repeats_on_both_sides_alike_are_not_told():
    rng = np.random.default_rng(2)
    special = gaussian(4, 8, seed=rng)
    told = two_sample(with_repeats(rng, 600, special), with_repeats(rng, 600, special))
    assert told.repeats > 1_000
    assert told.p > 0.05


def test_cells_hold_what_is_nearly_equal_and_no_more():
    rng = np.random.default_rng(0)
    rows = gaussian(1_000, seed=rng)
    rows[:3], rows[3:5] = rows[0], rows[3] + np.float32(1e-4)
    cells = cells_of(rows)
    sizes = np.bincount(cells)
    assert sorted(sizes[sizes > 1].tolist()) == [2, 3]
    assert len({*cells[:3].tolist()}) == len({*cells[3:5].tolist()}) == 1


def test_p_takes_the_extreme_view_and_breaks_ties():
    """Ten orders; the first is the largest in one view, another one in the other view."""
    one = np.array([9.0, 1, 2, 3, 4, 5, 6, 7, 8, 0])
    other = np.array([0.0, 8, 1, 2, 3, 4, 5, 6, 7, 100])
    assert p_value(np.array([one, np.zeros(10)])) == 1 / 10
    assert p_value(np.array([one, other])) == 2 / 10  # both are 1 of 10: the other stands out more
    assert p_value(np.array([other, one])) == 2 / 10
    assert p_value(np.zeros((2, 10))) == 1


@given(st.integers(0, 2**32))
def test_p_is_uniform_over_the_orders(seed):
    """Whichever order is the true one: at most a share of alpha have p <= alpha."""
    rng = np.random.default_rng(seed)
    statistics = rng.integers(0, 6, (3, 20)).astype(float)
    p = [p_value(np.roll(statistics, -i, axis=1)) for i in range(20)]
    for alpha in np.arange(1, 20) / 20:
        assert np.mean(np.array(p) <= alpha) <= alpha + 1e-9


@pytest.mark.parametrize("size", [1, 5, 200, 333])
def test_inverse_of_quarters(size):
    rng = np.random.default_rng(0)
    rows = gaussian(2 * size + 3, size, seed=rng)
    matrix = rows.T @ rows + np.eye(size, dtype="f")
    exact = np.linalg.inv(matrix.astype(float))
    assert np.abs(inverse(matrix) - exact).max() <= 1e-4 * np.abs(exact).max()


def test_many_images_are_taken_in_part_and_all_are_scored():
    rng = np.random.default_rng(0)
    samples, reference = gaussian(60, 4, seed=rng) + np.float32(1), gaussian(2_000, 4, seed=rng)
    told = two_sample(samples, reference)
    assert (told.samples, told.reference) == (60, 300)
    told = two_sample(reference, samples)
    assert (told.samples, told.reference) == (300, 60)
    assert told.two_sample_score.shape == (2_000,)
    # Deviations of the reference from its mean, whether or not a sample was trained on.
    assert told.two_sample_score.mean() > 1


def test_scores_are_greatest_where_samples_differ():
    """Half the samples are like the reference: the others score higher."""
    rng = np.random.default_rng(0)
    samples = gaussian(400, seed=rng)
    samples[:200] += 2
    told = two_sample(samples, gaussian(400, seed=rng))
    shares = (np.arange(400) < 200)[:, None].astype(np.float32)
    share = pairs_won(told.two_sample_score[None].astype(np.float32), shares)
    assert share[0] / (200 * 200) > 0.95


def test_ties_count_half():
    scores = np.array([[1, 1, 1, 3], [0, 2, 1, 2]], np.float32)
    labels = np.array([[1, 0], [0, 1], [0, 1], [1, 0]], np.float32)
    np.testing.assert_array_equal(pairs_won(scores, labels), [3.0, 2.5])


def test_a_vector_of_both_sides_counts_by_its_shares():
    """Half a sample at 1 and a whole one at 2, against half a reference image and a whole one."""
    scores, shares = np.array([[1, 2, 0]], np.float32), np.array([[0.5], [1], [0]], np.float32)
    np.testing.assert_array_equal(pairs_won(scores, shares), [0.5 * (1 + 0.25) + 1.5])


# -- odd sets --


@pytest.mark.parametrize("dimensions", [1, 16, 400])
def test_constant_vectors_are_not_told_apart(dimensions):
    told = two_sample(np.full((60, dimensions), 3, "f"), np.full((70, dimensions), 3, "f"))
    assert (told.auc, told.p) == (0.5, 1.0)
    assert (told.two_sample_score == 0).all()


def test_constant_features_and_offsets_do_no_harm():
    rng = np.random.default_rng(0)
    samples, reference = gaussian(200, 4, seed=rng), gaussian(200, 4, seed=rng)
    samples[:, 0] += 3
    both = [
        np.concatenate([side, np.full((200, 3), 1e6, "f")], axis=1) for side in (samples, reference)
    ]
    told = two_sample(*both)
    assert told.auc > 0.95
    assert np.isfinite(told.two_sample_score).all()


@pytest.mark.parametrize("scale", [1e-40, 1e-30, 1e30])
def test_tiny_and_huge_vectors_do_no_harm(scale):
    rng = np.random.default_rng(0)
    samples, reference = ((scale * rng.normal(size=(60, 4))).astype("f") for _ in range(2))
    told = two_sample(samples, reference, permutations=9)
    assert np.isfinite(told.two_sample_score).all()
    assert 0 < told.p <= 1


def test_few_dimensions_and_more_dimensions_than_images():
    rng = np.random.default_rng(0)
    for dimensions in (1, 2, 3_000):
        samples = gaussian(100, dimensions, seed=rng) + np.float32(1)
        told = two_sample(samples, gaussian(100, dimensions, seed=rng), permutations=99)
        assert told.p == 1 / 100
        assert np.isfinite(told.two_sample_score).all()


# -- in a table --


@pytest.fixture(scope="module")
def reference():
    return Reference.from_features(gaussian(200, seed=np.random.default_rng(0)), run=ONE)


def test_a_table_has_the_column_and_the_record(reference):
    samples = gaussian(80, seed=np.random.default_rng(1)) + np.float32(0.5)
    table = reference.score_features(samples, run=ONE)
    direct = two_sample(samples, reference.features.vectors)
    np.testing.assert_array_equal(table["two_sample_score"], direct.two_sample_score)
    np.testing.assert_array_equal(table["two_sample_p"], direct.two_sample_p)
    assert table.provenance["two_sample"] == encoded(direct.describe())
    assert direct.describe().folds == FOLDS


@pytest.mark.parametrize(
    ("count", "options", "word"),
    [(49, {}, "there are 49"), (80, {"compat": "official"}, "authors")],
)
def test_without_a_test_the_reason_is_said(reference, count, options, word):
    samples = gaussian(count, seed=np.random.default_rng(1))
    table = reference.score_features(samples, run=ONE, **options)
    assert "two_sample_score" not in table.columns
    assert word in table.provenance["two_sample"]["absent"]
    assert "Detected" not in table.summary()


def test_the_references_own_images_are_not_tested(reference):
    table = reference.score_leave_one_out(run=ONE)
    assert "own images" in table.provenance["two_sample"]["absent"]


def test_the_report_shows_the_samples_that_differ_most(reference):
    rng = np.random.default_rng(1)
    samples = Features.from_arrays(gaussian(80, seed=rng), ids=[f"s{i}.png" for i in range(80)])
    samples.vectors[5] += 3
    samples.vectors[:] += 0.7
    table = reference.score_features(samples, run=ONE)
    found = facts(table.arrow, table.provenance)
    assert found.two_sample.detected
    assert found.picks.two_sample_score[0].id == "s5.png"
    assert table["two_sample_score"].argmax() == 5
    page = to_html(summarise(table.arrow, table.provenance, None))
    assert "The samples that differ most from the reference" in page
    assert "standard deviations beyond the average reference image" in page


def test_the_report_says_that_samples_repeat_one_another(reference):
    samples = gaussian(80, seed=np.random.default_rng(5))
    samples[:20] = samples[0]
    table = reference.score_features(samples, run=ONE)
    found = facts(table.arrow, table.provenance)
    assert found.two_sample.view == "repeats"
    assert "samples repeat one another: 190 pairs (p = 0.001)" in table.summary()
    assert "190 pairs of samples are equal" in to_html(
        summarise(table.arrow, table.provenance, None)
    )


def test_the_report_says_where_nothing_is_told_apart(reference):
    table = reference.score_features(gaussian(80, seed=np.random.default_rng(5)), run=ONE)
    told = table.provenance["two_sample"]
    assert told["p"] > 0.05
    found = facts(table.arrow, table.provenance)
    assert found.picks.two_sample_score is None
    assert "no difference: a classifier reaches AUC" in table.summary()
    assert "No difference detected: a classifier reaches AUC" in to_html(
        summarise(table.arrow, table.provenance, None)
    )


def test_the_summary_never_reads_as_if_all_were_told(reference):
    table = reference.score_features(gaussian(80, seed=np.random.default_rng(1)), run=ONE)
    told = replace(table.provenance.two_sample, auc=0.99996, p=0.001)
    lines = summary_lines(facts(table.arrow, replace(table.provenance, two_sample=told)))
    assert any("AUC 0.999 (p = 0.001)" in line for line in lines)
    assert len(lines) <= 10
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "a classifier tells samples from the reference: AUC 0.994 (p = 0.001)"),
        ({"hidden": True}, "no more outside, but a classifier detects them: AUC 0.994 (p = 0.001)"),
        (
            {"auc": 0.5259, "hidden": True},
            "a classifier can barely tell samples from reference images (AUC 0.525)",
        ),
        (
            {"auc": 0.7, "p": 0.2, "detected": False},
            "no difference: a classifier reaches AUC 0.700 (p = 0.200)",
        ),
    ],
)
def test_the_line_says_how_large_a_difference_is(changes, line):
    result = Difference(
        auc=0.994, p=0.001, view="coordinates", repeats=0, samples=100, reference=400,
        detected=True, hidden=False,
    )  # fmt: skip
    assert difference_line(replace(result, **changes)) == line
    assert len(line) <= TEXT
