"""A generator drawn from until enough is original: what is picked, refused, and when it stops."""

import numpy as np
import pytest
from PIL import Image

import rara
from embedding import Means
from make import fit, gaussian, noise
from rara import Reference, Run
from rara.errors import GeneratorError, ParameterError

REAL = gaussian(600, 8)
SCORER = fit(REAL).scorer()


class Generator:
    """Gives rows of an array in turn, and remembers what it was asked."""

    def __init__(self, rows):
        self.rows, self.asked, self.at = rows, [], 0

    def __call__(self, count):
        self.asked.append(count)
        self.at += count
        return self.rows[self.at - count : self.at]


def fresh(n=4000, scale=1.0, seed=1):
    return Generator(scale * gaussian(n, 8, seed=seed))


def refused(table):
    return {one.reason: one.count for one in table.provenance.sampling.refused}


def test_picks_are_uncommon_and_no_copies_and_every_draw_is_accounted_for():
    generate = fresh()
    table = rara.sample_original(generate, 20, SCORER, 1000)
    part = table.provenance.sampling
    assert len(table) == part.picked == part.asked == 20
    assert part.stopped == "complete"
    assert set(table["verdict"]) <= {"uncommon", "rare"}
    assert (table["copy_p"] > 0.05).all()
    assert list(table["pick"]) == list(range(1, 21))
    assert part.drawn == sum(generate.asked) == 20 + sum(refused(table).values())
    assert table["pick_reason"][0] == f"Draw {int(table['id'][0][5:])}: {table['verdict'][0]}."


def test_picks_are_the_draws_that_are_accepted_in_their_order():
    table = rara.sample_original(fresh(), 5, SCORER, 500, accept="typical")
    alone = SCORER.score_features(fresh()(64))
    good = np.isin(alone["verdict"], ["typical", "uncommon", "rare"]) & (alone["copy_p"] > 0.05)
    assert list(table["id"]) == [f"draw-{row + 1:06d}" for row in np.flatnonzero(good)[:5]]


@pytest.mark.parametrize("accept", ["typical", "uncommon", "rare"])
def test_the_verdicts_that_are_accepted(accept):
    allowed = {"typical", "uncommon", "rare"}
    allowed -= {"uncommon": {"typical"}, "rare": {"typical", "uncommon"}}.get(accept, set())
    table = rara.sample_original(fresh(), 10, SCORER, 3000, accept=accept)
    assert len(table) == 10
    assert set(table["verdict"]) <= allowed


def test_best_of_takes_the_highest_reward_of_each_turn():
    table = rara.sample_original(fresh(), 8, SCORER, 2000, accept="typical", best_of=4, batch=40)
    terms = SCORER.reward_terms(fresh()(40))
    rewards = terms["reward"] + terms["repeat"]
    judged = SCORER.score_features(fresh()(40))
    good = np.isin(judged["verdict"], ["typical", "uncommon", "rare"]) & (judged["copy_p"] > 0.05)
    best = [
        max((row for row in turn if good[row]), key=lambda row: rewards[row])
        for turn in np.arange(40).reshape(-1, 4)
        if good[turn].any()
    ]
    assert list(table["id"]) == [f"draw-{row + 1:06d}" for row in best[:8]]
    assert "the best of 4 by its reward of" in table["pick_reason"][0]


def test_the_expected_cost_is_said_after_the_first_batch():
    said = []
    table = rara.sample_original(fresh(), 40, SCORER, 4000, batch=100, expect=said.append)
    (expected,) = said
    assert expected == table.provenance.sampling.expected
    assert expected.after == 100
    assert expected.draws == 40 * 100 / expected.picked
    assert expected.fewest < expected.draws < expected.most
    assert expected.fewest <= table.provenance.sampling.drawn <= expected.most + 100


def test_what_expect_raises_ends_the_sampling():
    def no(expected):
        raise KeyError(expected.after)

    generate = fresh()
    with pytest.raises(KeyError, match="50"):
        rara.sample_original(generate, 100, SCORER, 1000, batch=50, expect=no)
    assert generate.asked == [50]


def test_it_stops_at_the_budget():
    generate = fresh()
    table = rara.sample_original(generate, 60, SCORER, 130, accept="rare")
    part = table.provenance.sampling
    assert part.drawn == sum(generate.asked) == 130
    assert generate.asked == [64, 64, 2]
    assert (part.stopped, part.picked) == ("budget", len(table))
    assert len(table) < 60


def test_with_best_of_no_turn_is_begun_that_the_budget_cannot_end():
    generate = fresh()
    table = rara.sample_original(generate, 10, SCORER, 41, accept="rare", best_of=4, batch=10)
    assert generate.asked == [8, 8, 8, 8, 8]
    assert table.provenance.sampling.stopped == "budget"


def test_copies_are_never_picked():
    table = rara.sample_original(Generator(REAL), 5, SCORER, 500)
    assert len(table) == 0
    assert table.columns[:3] == ["id", "pick", "pick_reason"]
    assert refused(table) == {"copy": 500}
    expected = table.provenance.sampling.expected
    assert (expected.draws, expected.most, expected.picked) == (None, None, 0)
    assert expected.fewest > 5


def test_near_copies_among_others_are_never_picked():
    rows = gaussian(2000, 8, seed=1)
    rows[::2] = REAL[np.arange(1000) % 600] + 1e-4
    table = rara.sample_original(Generator(rows), 30, SCORER, 2000, accept="typical")
    assert len(table) == 30
    assert all(int(name[5:]) % 2 == 0 for name in table["id"])  # draws count from 1


def test_no_copy_at_the_level_that_is_asked_for():
    strict = rara.sample_original(fresh(), 30, SCORER, 4000, accept="typical", alpha=0.5)
    assert (strict["copy_p"] > 0.5).all()
    assert refused(strict)["copy at alpha"] > 0


def test_what_is_off_the_manifold_is_never_picked():
    table = rara.sample_original(fresh(scale=9), 5, SCORER, 300)
    assert len(table) == 0
    assert set(refused(table)) <= {"off-manifold", "unknown to this reference"}


def test_a_generator_that_returns_one_image_gives_one_pick():
    one = gaussian(1, 8, seed=5)
    table = rara.sample_original(lambda n: np.repeat(one, n, axis=0), 5, SCORER, 200,
                                 accept="typical")  # fmt: skip
    assert len(table) == 1
    assert refused(table) == {"repeat": 199}


def test_near_repeats_across_batches_are_refused():
    rows = np.tile(gaussian(50, 8, seed=1), (4, 1)) + 1e-5 * gaussian(200, 8, seed=2)
    table = rara.sample_original(Generator(rows), 100, SCORER, 200, accept="typical", batch=50)
    assert len(table) <= 50
    assert refused(table)["repeat"] >= 2 * len(table)


# -- images -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def by_images(tmp_path_factory):
    run = Run(cache=tmp_path_factory.mktemp("cache"), threads=1)
    return Reference.fit(noise(300, 0), extractor=Means(), run=run).scorer(run=run, evidence="none")


@pytest.mark.parametrize("kind", [np.asarray, list, lambda x: map(Image.fromarray, x)])
def test_images_of_every_kind_are_judged_with_their_pictures(by_images, kind):
    seeds = iter(range(1, 100))
    table = rara.sample_original(
        lambda n: kind(noise(n, next(seeds))), 10, by_images, 600, accept="typical"
    )
    assert len(table) == 10
    assert table.pictures is not None
    assert "pixel_p" in table.columns


def test_copies_of_pictures_are_refused(by_images):
    table = rara.sample_original(lambda n: noise(300, 0)[:n], 3, by_images, 64)
    assert refused(table) == {"copy": 64}


def test_images_that_cannot_be_read_are_counted(by_images):
    seeds = iter(range(1, 100))

    def broken(count):
        return [*noise(count - 1, next(seeds)), b"no image"]

    table = rara.sample_original(broken, 5, by_images, 300, accept="typical", batch=20)
    assert refused(table)["unreadable"] == table.provenance.sampling.drawn // 20
    with pytest.raises(GeneratorError, match="None of 40 draws can be read"):
        rara.sample_original(lambda n: [b"no image"] * n, 5, by_images, 40)


# -- generators that fail ---------------------------------------------------------------


def raises(count):
    raise OSError("no device")


@pytest.mark.parametrize(
    ("generate", "words"),
    [
        (raises, r"generate\(64\) raised OSError: no device"),
        (lambda n: None, r"generate\(64\) returned None: let it return 64 images"),
        (lambda n: "picture.png", "returned 'picture.png'"),
        (lambda n: 3, "returned 3"),
        (lambda n: gaussian(n - 1, 8), "returned 63 samples: let it return 64"),
        (lambda n: gaussian(n + 1, 8), "returned 65 samples: let it return 64"),
        (lambda n: [], "returned 0 samples"),
        (lambda n: gaussian(n, 8) * np.nan, "not finite in 64 of 64 rows, the first is row 0"),
        (lambda n: gaussian(n, 9), "cannot be used: The reference has 8 dimensions"),
        (lambda n: noise(n, 0), "cannot be used: This reference was made of given vectors"),
        (lambda n: rara.Features.from_arrays(gaussian(3, 8)), "returned 3 samples"),
    ],
)
def test_a_generator_that_fails_is_named(generate, words):
    with pytest.raises(GeneratorError, match=words) as found:
        rara.sample_original(generate, 5, SCORER, 100)
    assert found.value.table is None


def test_what_was_picked_before_a_failure_is_kept():
    rows = fresh()

    def fails(count):
        if len(rows.asked) == 2:
            raise OSError("no device")
        return rows(count)

    with pytest.raises(GeneratorError) as found:
        rara.sample_original(fails, 100, SCORER, 1000)
    table = found.value.table
    assert len(table) > 0
    assert table.provenance.sampling.stopped == "generator"
    assert table.provenance.sampling.drawn == 128


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"budget": 0}, "budget = 0: give at least 1"),
        ({"budget": 9}, "budget = 9: 10 picks take at least 10 draws"),
        ({"budget": 39, "best_of": 4}, "10 picks take at least 40 draws"),
        ({"n": 0}, "n = 0"),
        ({"accept": "copy"}, "accept = 'copy': give typical or uncommon or rare"),
        ({"alpha": 0}, "alpha = 0"),
        ({"best_of": 0}, "best_of = 0"),
        ({"batch": 2.5}, "batch = 2.5"),
        ({"expect": 3}, "expect = 3"),
        ({"generate": 3}, "generate = 3"),
        ({"scorer": 3}, "scorer = 3"),
    ],
)
def test_options_out_of_range_are_refused(options, words):
    with pytest.raises(ParameterError, match=words):
        rara.sample_original(
            **{"generate": fresh(), "n": 10, "scorer": SCORER, "budget": 100, **options}
        )


def test_a_budget_of_just_enough_draws_is_taken():
    table = rara.sample_original(fresh(), 10, SCORER, 10, accept="typical")
    assert table.provenance.sampling.drawn == 10


def test_features_are_taken_and_the_provenance_is_written_and_read(tmp_path):
    rows = fresh()
    table = rara.sample_original(
        lambda n: rara.Features.from_arrays(rows(n)), 10, SCORER, 1000, best_of=2
    )
    assert len(table) == 10
    table.save(tmp_path / "picks.parquet")
    again = rara.ScoreTable.from_parquet(tmp_path / "picks.parquet")
    assert again.provenance.sampling == table.provenance.sampling


def test_a_reference_without_verdicts_says_so():
    small = fit(gaussian(12, 8)).scorer()
    table = rara.sample_original(fresh(), 2, small, 20)
    assert "no verdict" in refused(table)
