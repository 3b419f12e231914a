"""Samples that repeat one another are found, in any order, and ordinary ones are not."""

import json

import numpy as np
import pytest
from PIL import Image

import oracle
from make import features, fit
from rara import Run
from rara.duplicates.repeats import near_distance, repeats_of
from rara.duplicates.statistics import Pairs, first_alike
from rara.provenance.parts import RepeatCounts
from rara.report import summarise, to_html
from rara.report.repeats import Repeats, beside_real, interval_of, repeats
from rara.stats.intervals import repeats_interval

ONE = Run(threads=1)


def sizes(vectors, limit=0.1):
    return repeats_of(features(vectors), limit, ONE).sizes


def jittered(rng, count, noise=1e-4, d=16):
    return rng.normal(size=d) + noise * rng.normal(size=(count, d))


@pytest.mark.parametrize("noise", [0.0, 1e-4])
@pytest.mark.parametrize("count", [2, 20, 60, 700])
def test_repeats_among_others_are_found_in_any_order(count, noise):
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(size=(200, 16)), jittered(rng, count, noise)])
    order = rng.permutation(len(vectors))
    expected = np.where(order >= 200, count, 1)
    np.testing.assert_array_equal(sizes(vectors[order]), expected)


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_those_of_all_distances(seed):
    """Tight groups of all sizes: what pairs below the limit connect, by brute force."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(40, 8))
    vectors = np.repeat(centres, rng.integers(1, 30, 40), axis=0)
    vectors = (vectors + 1e-3 * rng.normal(size=vectors.shape)).astype(np.float32)
    near = oracle.squared_distances(vectors, vectors) <= 0.1**2
    one, other = np.nonzero(near)
    expected = first_alike(len(vectors), Pairs(one, other, np.zeros(len(one))))
    found = repeats_of(features(vectors), 0.1, ONE).first
    assert ((found[:, None] == found) == (expected[:, None] == expected)).all()


def test_no_image_is_far_from_the_first_of_its_group():
    """A chain of near images is no one picture."""
    chain = 0.09 * np.arange(50)[:, None]
    found = repeats_of(features(chain), 0.1, ONE)
    assert (np.abs(chain - chain[found.first]) <= 0.2).all()
    assert found.sizes.max() <= 5


def test_exact_and_near_copies_of_one_picture_are_one_group():
    """Lists of 4 that exact copies fill would hide the near ones."""
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=16), rng.normal(size=16)
    vectors = np.concatenate([[one] * 30, [one + 1e-3] * 30, [other] * 3])
    found = repeats_of(features(vectors), 0.1, ONE)
    assert found.sizes.tolist() == [60] * 60 + [3] * 3
    assert found.exact[:60].sum() == 30


def test_order_changes_neither_group_nor_first():
    rng = np.random.default_rng(2)
    vectors = np.concatenate([rng.normal(size=(50, 4)), 0.3 * rng.normal(size=(50, 4))])
    order = rng.permutation(100)
    plain = repeats_of(features(vectors), 0.4, ONE).first
    moved = repeats_of(features(vectors[order]), 0.4, ONE).first
    assert 10 < (plain != np.arange(100)).sum() < 90
    np.testing.assert_array_equal(order[moved], plain[order])


def test_the_near_distance_is_rare_among_reference_images():
    """Below half the fence: in 2 to 64 dimensions at most 1 in 500 has its nearest as near."""
    for d in (2, 16, 64):
        reference = fit(np.random.default_rng(3).normal(size=(3_000, d)))
        nearest = np.sqrt(reference.geometry.d2[:, 0])
        assert (nearest <= near_distance(reference.geometry.d2[:, 0])).mean() <= 0.002
    assert near_distance(np.zeros(5)) == 0


@pytest.fixture(scope="module")
def reference():
    return fit(np.random.default_rng(4).normal(size=(500, 16)))


@pytest.mark.parametrize(("noise", "kind"), [(0.0, "exact"), (1e-4, "near")])
def test_a_collapsed_generator_is_told(reference, noise, kind):
    rng = np.random.default_rng(5)
    table = reference.score_features(jittered(rng, 60, noise), run=ONE)
    assert table["repeats"].tolist() == [60] * 60
    (name,) = set(table["repeat_of"])
    kinds = table["repeat_kind"]
    assert kinds[int(name)] == "exact"
    assert set(np.delete(kinds, int(name))) == {kind}
    found = table.provenance["repeats"]
    assert found["groups"] == [{"id": name, "size": 60, "kind": kind}]
    assert found["samples"] == {"images": 60, "repeating": 60, "groups": 1, "largest": 60}
    assert found["reference"] == {"images": 60, "repeating": 0, "groups": 0, "largest": 1}
    nearly = "" if noise == 0 else "nearly "
    others = f"({name} and 59 others)"
    assert f"Repeats   60 samples are {nearly}one picture {others}.\n" in table.summary() + "\n"


def test_the_page_shows_the_picture_and_its_count_on_both_sides(reference):
    rng = np.random.default_rng(9)
    groups = [jittered(rng, 40), jittered(rng, 12, 0.0), rng.normal(size=(8, 16))]
    table = reference.score_features(np.concatenate(groups), run=ONE)
    case, other = table.provenance["repeats"]["groups"]
    red = Image.new("RGB", (8, 8), "red")
    wanted = []

    def pictures(side, ids):
        wanted.extend(ids if side == "samples" else ())
        return dict.fromkeys(ids, red)

    found = summarise(table.arrow, table.provenance, pictures)
    row = found.rows["repeats"]
    assert [card.record.id for card in row.cards] == [case["id"], other["id"]]
    assert [card.sentence for card in row.cards] == [
        "40 samples have nearly this picture, none of the others exactly.",
        "12 samples have exactly this picture.",
    ]
    for card in row.cards:
        assert table["repeat_of"][int(card.partner.id)] == card.record.id
        assert found.keys.samples[card.record.id] == "picture-1"
        assert found.keys.samples[card.partner.id] == "picture-1"
        assert {card.record.id, card.partner.id} <= set(wanted)
    page = to_html(found)
    told = "or nearly the same: 52 samples (86.7 %) of 2 pictures, one of them 40 times. "
    assert (
        f"{told}Among 60 reference images: none. More samples repeat one another than real " in page
    )
    low, high = found.facts.repeated.interval
    assert low < 52 / 60 < high
    assert found.facts.conclusion.of("repeats").interval == (low, high)
    assert page.count('<i class="whisker" style=') >= 2
    assert page.index('id="repeats"') < page.index("40 samples have nearly this picture")
    lines = table.summary().splitlines()
    assert "          52 are in 2 such groups; of 60 reference images 0" in lines
    assert all(len(line) <= 80 for line in lines)


def counts(images, *sizes):
    return RepeatCounts(images=images, repeating=sum(sizes), groups=len(sizes),
                        largest=max(sizes, default=min(1, images)))  # fmt: skip


@pytest.mark.parametrize("sizes", [(), (2,), (2, 2), (3,), (5, 2), (5, 5, 2), (9, 3, 3), (60, 2)])
def test_the_interval_is_never_narrower_than_by_the_real_number_of_pairs(sizes):
    pairs = 2 * sizes.count(2)
    low, high = interval_of(counts(100, *sizes))
    exact = repeats_interval(100, sum(sizes), pairs)
    assert low <= exact[0] + 1e-12
    assert exact[1] <= high + 1e-12
    assert (low, high) == pytest.approx(exact) or len(sizes) > 1


@pytest.mark.parametrize(("ours", "theirs", "said"), [
    (counts(400, 40, 40), counts(400), "More samples repeat one another than real"),
    (counts(400, 2), counts(400, 2), "real images may repeat one another as often"),
    (counts(400), counts(400, 40, 40), "Fewer samples repeat one another than real"),
    (counts(400, 40, 40), counts(90), "fewer images also repeat less"),
    (counts(0), counts(90), ""),
])  # fmt: skip
def test_samples_are_said_to_repeat_more_where_intervals_are_apart(ours, theirs, said):
    both = [interval_of(one) if one.images else None for one in (ours, theirs)]
    sentence = beside_real(Repeats(ours, both[0], theirs, both[1], ()))
    assert said in sentence
    assert bool(sentence) == bool(said)


def test_a_table_without_the_first_of_a_group_shows_another(reference):
    table = reference.score_features(jittered(np.random.default_rng(10), 5), run=ONE)
    first = table["repeat_of"][0]
    found = repeats(table.filter(table["id"] != first).arrow, table.provenance)
    assert found.cases[0].id != first
    assert (found.cases[0].size, found.cases[0].exact) == (4, 0)
    alone = table.filter(table["id"] == first)
    assert repeats(alone.arrow, table.provenance).cases == ()


def test_long_names_fit_a_terminal(reference):
    samples = jittered(np.random.default_rng(11), 3)
    ids = [f"{'folder/' * 20}{name}" for name in "abc"]
    lines = reference.score_features(samples, ids=ids, run=ONE).summary().splitlines()
    assert any(line.startswith("Repeats") and line.endswith(" and 2 others).") for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_ordinary_samples_repeat_none(reference):
    fresh = np.random.default_rng(6).normal(size=(400, 16))
    table = reference.score_features(fresh, run=ONE)
    assert set(table["repeats"]) == {1}
    assert set(table["repeat_of"]) == set(table["repeat_kind"]) == {None}
    assert table.provenance["repeats"]["groups"] == []
    assert "Repeats" not in table.summary()


def test_a_reference_that_repeats_itself_is_said_beside_the_samples():
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(300, 16))
    reference = fit(np.concatenate([vectors, vectors[:20]]))
    samples = np.concatenate([rng.normal(size=(990, 16)), jittered(rng, 10)])
    found = reference.score_features(samples, run=ONE).provenance["repeats"]
    assert found["reference"] == {"images": 320, "repeating": 40, "groups": 20, "largest": 2}
    itself = reference.score_features(reference.features, run=ONE).provenance["repeats"]
    assert itself["samples"] == itself["reference"] == found["reference"]


def test_at_most_twenty_groups_are_listed_and_all_are_counted(reference):
    rng = np.random.default_rng(8)
    samples = np.repeat(rng.normal(size=(30, 16)), range(1, 31), axis=0)
    found = reference.score_features(samples, run=ONE).provenance["repeats"]
    assert [group["size"] for group in found["groups"]] == list(range(30, 10, -1))
    assert found["samples"]["groups"] == 29
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_single_sample_repeats_none(reference):
    table = reference.score_features(np.ones((1, 16)), run=ONE)
    assert (table["repeats"].tolist(), table["repeat_of"].tolist()) == ([1], [None])


def test_the_order_of_the_reference_plays_no_role():
    """Fewer samples than reference images: some of these are drawn."""
    rng = np.random.default_rng(12)
    vectors = np.concatenate([rng.normal(size=(200, 8)), np.repeat(rng.normal(size=(40, 8)), 4, 0)])
    samples = rng.normal(size=(90, 8))
    counts = set()
    for order in [np.arange(len(vectors)), *(rng.permutation(len(vectors)) for _ in range(4))]:
        table = fit(vectors[order]).score_features(samples, run=ONE)
        counts.add(str(table.provenance["repeats"]["reference"]))
    assert len(counts) == 1
    [one] = counts
    assert "'images': 90" in one
    assert "'repeating': 0" not in one
