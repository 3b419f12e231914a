"""rara.select: what is picked, what never is, and what is said of bad input."""

import numpy as np
import pyarrow as pa
import pytest

import rara
from make import fit, gaussian
from rara.errors import FeatureError, ParameterError
from rara.selection.select import ADDED, picked

COUNT = 12


def samples_of(seed=1):
    """Originals, exact and near repeats of some, copies, and samples far away."""
    rng = np.random.default_rng(seed)
    usual = rng.normal(size=(160, 8)) * 1.15
    near = usual[:20] + rng.normal(size=(20, 8)) * 1e-4
    copies = gaussian(400, 8)[:15]
    far = rng.normal(size=(10, 8)) + 40
    return np.concatenate([usual, usual[:10], near, copies, far]).astype(np.float32)


@pytest.fixture(scope="module")
def world():
    """A reference, the samples' features, and their table."""
    vectors = samples_of()
    names = [f"{'ab'[row % 2]}/{row:03}.png" for row in range(len(vectors))]
    labels = {
        "label": [name[0] for name in names],
        "prompt": [f"p{row % 7}" for row in range(len(names))],
    }
    features = rara.Features.from_arrays(vectors, ids=names, metadata=labels)
    reference = fit(gaussian(400, 8))
    return reference, features, reference.score_features(features)


def chosen(world, count=COUNT, **options):
    return rara.select(world[2], count, samples=world[1], **options)


def ids(table):
    return picked(table)["id"].tolist()


WANTS = [
    ("rare",),
    ("faithful",),
    ("diverse",),
    ("representative",),
    ("rare", "faithful", "diverse"),
]


@pytest.mark.parametrize("want", WANTS)
def test_a_copy_a_repeat_or_a_sample_off_the_manifold_is_never_picked(world, want):
    table = chosen(world, 20, want=want)
    picks = picked(table)
    assert picks["pick"].tolist() == list(range(1, 21))
    assert set(picks["verdict"]) <= {"typical", "uncommon", "rare"}
    if "rare" in want:
        assert "typical" not in set(picks["verdict"])
    vectors = world[1].vectors[[world[1].ids.index(name) for name in ids(table)]]
    d = np.sqrt(((vectors[:, None].astype(float) - vectors[None]) ** 2).sum(axis=2))
    limit = table.provenance.repeats.distance
    assert limit > 0
    assert d[np.triu_indices(20, 1)].min() > limit


def test_what_is_not_eligible_is_named_and_counted(world):
    table = chosen(world, want="diverse")
    reasons = dict(zip(table["id"], table["not_eligible"], strict=True))
    part = table.provenance.selection
    named = [reason for reason in reasons.values() if reason is not None]
    assert sum(one.count for one in part.not_eligible) == len(named)
    assert part.eligible + len(named) == len(table)
    counts = {one.reason: one.count for one in part.not_eligible}
    verdicts = list(world[2]["verdict"])
    for verdict in ("copy", "off-manifold", "unknown to this reference"):
        if verdict in verdicts:
            assert counts[verdict] == verdicts.count(verdict)
    assert counts["copy"] == 15
    assert counts["repeat"] >= 20
    assert any(str(reason).startswith("repeats ") for reason in named)


def test_a_repeat_of_a_copy_is_not_picked(world):
    _, features, table = world
    rows = [row for row, verdict in enumerate(table["verdict"]) if verdict != "copy"]
    original = next(
        row for row in rows if table["verdict"][row] == "typical" and table["repeats"][row] == 1
    )
    copy = list(table["verdict"]).index("copy")
    first = table["id"][original]
    arrow = table.arrow
    stands = arrow["repeat_of"].to_pylist()
    stands[copy] = stands[original] = first
    at = arrow.column_names.index("repeat_of")
    changed = rara.ScoreTable(
        arrow.set_column(at, "repeat_of", pa.array(stands)), table.provenance, None
    )
    found = rara.select(changed, 5, want="diverse", samples=features)
    reasons = dict(zip(found["id"], found["not_eligible"], strict=True))
    assert reasons[first] == f"repeats {table['id'][copy]} (copy)"


@pytest.mark.parametrize("want", ["rare", "diverse"])
def test_picks_are_compared_even_where_the_table_denies_repeats(world, want):
    _, features, table = world
    at = table.arrow.column_names.index("repeat_of")
    silent = table.arrow.set_column(at, "repeat_of", pa.nulls(len(table), pa.string()))
    found = rara.select(rara.ScoreTable(silent, table.provenance), 30, want=want, samples=features)
    vectors = features.vectors[[features.ids.index(name) for name in ids(found)]].astype(float)
    d = np.sqrt(((vectors[:, None] - vectors[None]) ** 2).sum(axis=2))
    assert d[np.triu_indices(30, 1)].min() > table.provenance.repeats.distance
    if want == "rare":
        assert "repeat" in {one.reason for one in found.provenance.selection.not_eligible}


def test_repeats_are_found_anew_where_the_first_of_them_is_gone(world):
    table = world[2]
    firsts = {name for name in table["repeat_of"] if name is not None}
    rest = table.filter(np.array([name not in firsts for name in table["id"]]))
    found = rara.select(rest, 20, want="diverse", samples=world[1])
    vectors = world[1].vectors[[world[1].ids.index(name) for name in ids(found)]].astype(float)
    d = np.sqrt(((vectors[:, None] - vectors[None]) ** 2).sum(axis=2))
    assert d[np.triu_indices(20, 1)].min() > table.provenance.repeats.distance


@pytest.mark.parametrize("want", WANTS)
def test_the_order_of_the_rows_plays_no_role(world, want):
    _, features, table = world
    order = np.random.default_rng(4).permutation(len(table))
    mixed = rara.ScoreTable(table.arrow.take(order), table.provenance)
    one, other = chosen(world, want=want), rara.select(mixed, COUNT, want=want, samples=features)
    assert ids(one) == ids(other)
    assert picked(one)["pick_gain"].tobytes() == picked(other)["pick_gain"].tobytes()
    assert one.provenance.selection == other.provenance.selection


def test_the_objective_is_the_mean_of_its_terms_and_above_draws_at_random(world):
    part = chosen(world, want=("diverse", "faithful", "rare", "rare")).provenance.selection
    assert part.want == ("rare", "faithful", "diverse")
    assert sum(part.weights.values()) == pytest.approx(1)
    mean = sum(part.weights[want] * value for want, value in part.terms.items())
    assert part.objective == pytest.approx(mean)
    assert part.objective <= part.upper <= 1 + 1e-9
    assert all(part.terms[want] > part.at_random[want] for want in part.want)


def test_gains_add_up_to_the_objective(world):
    for want in WANTS:
        table = chosen(world, want=want)
        assert picked(table)["pick_gain"].sum() == pytest.approx(
            table.provenance.selection.objective
        )


def test_rare_alone_takes_the_rarest(world):
    table = chosen(world, 5, want="rare")
    eligible = table.filter(np.array([reason is None for reason in table["not_eligible"]]))
    share = np.fmax(eligible["knn_p"], 1 - np.nan_to_num(eligible["rarity_percentile"]) / 100)
    assert sorted(share)[4] == pytest.approx(
        max(np.fmax(picked(table)["knn_p"], 1 - picked(table)["rarity_percentile"] / 100))
    )


def test_each_pick_has_its_reason_in_one_sentence(world):
    table = picked(chosen(world))
    for reason in table["pick_reason"]:
        assert reason.endswith(".")
        assert reason.count(". ") == 0
        assert "of real images" in reason
        assert len(reason.split()) <= 30
    assert "of the usual distance from pick 1" in table["pick_reason"][1]


def test_the_result_is_a_table_that_is_saved_and_read(world, tmp_path):
    table = chosen(world)
    table.save(tmp_path / "picks.parquet")
    again = rara.ScoreTable.from_parquet(tmp_path / "picks.parquet")
    assert again.provenance == table.provenance
    assert again.arrow.select(ADDED).equals(table.arrow.select(ADDED))
    assert again.head(COUNT)["pick"].tolist() == list(range(1, COUNT + 1))
    other = rara.select(again, 3, samples=world[1], want="diverse")  # earlier picks are replaced
    assert picked(other)["pick"].tolist() == [1, 2, 3]
    table.report(tmp_path / "report.html")


def test_metadata_of_the_names_of_new_columns_stays(world):
    table = world[2]
    mine = pa.array([f"mine {row}" for row in range(len(table))])
    named = rara.ScoreTable(table.arrow.append_column("pick", mine), table.provenance)
    found = rara.select(named, 3, want="diverse", samples=world[1])
    assert found["pick"][:3].tolist() == [1, 2, 3]
    assert all(text.startswith("mine ") for text in found["metadata_pick"])


def test_farthest_first(world):
    table = chosen(world, want="diverse", method="farthest-first")
    part = table.provenance.selection
    assert part.objective == pytest.approx(part.smallest_distance / part.usual_distance)
    greedy = chosen(world, want="diverse").provenance.selection
    assert part.smallest_distance >= greedy.smallest_distance / 2
    with pytest.raises(ParameterError, match="distances alone"):
        chosen(world, method="farthest-first")


def test_threads_and_memory_change_nothing(world):
    made = [
        chosen(
            world, want=("diverse", "representative"), run=rara.Run(threads=threads, memory=memory)
        )
        for threads, memory in ((1, None), (3, 1))
    ]
    assert ids(made[0]) == ids(made[1])
    assert made[0].provenance.selection.objective == made[1].provenance.selection.objective


# -- quotas --


def test_quotas_by_a_key(world):
    table = chosen(world, 8, group_by="label", quota=4, want="diverse")
    labels = [name[0] for name in ids(table)]
    assert labels.count("a") == labels.count("b") == 4
    part = table.provenance.selection
    assert part.guarantee == 0.5
    assert [(one.group, one.most, one.picked) for one in part.quotas] == [("a", 4, 4), ("b", 4, 4)]


def test_groups_without_a_quota_give_none(world):
    table = chosen(world, 6, group_by="prompt", quota={"p1": 4, "p3": 2}, want="diverse")
    prompts = dict(zip(world[1].ids, (f"p{row % 7}" for row in range(999)), strict=False))
    assert sorted(prompts[name] for name in ids(table)) == ["p1"] * 4 + ["p3"] * 2
    assert "no quota for p2" in set(table["not_eligible"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"group_by": "label"}, "needs quota"),
        ({"quota": 3}, "needs group_by"),
        ({"group_by": "lable", "quota": 3}, "Keys: label, prompt"),
        ({"group_by": "label", "quota": {"c": 3}}, "there are a, b"),
        ({"group_by": "label", "quota": {}}, "which group"),
        ({"group_by": "label", "quota": 0}, "at least 1"),
        ({"group_by": "label", "quota": {"a": -1}}, "at least 0"),
        ({"group_by": "label", "quota": 2}, "allow 4 picks, and 12 are wanted"),
        ({"group_by": 3, "quota": 2}, "key as text"),
    ],
)
def test_quotas_that_cannot_be_are_refused(world, options, says):
    with pytest.raises(ParameterError, match=says):
        chosen(world, want="diverse", **options)


# -- bad input --


def only(table, *verdicts):
    return table.filter(np.isin(table["verdict"].astype(str), verdicts))


@pytest.mark.parametrize(
    ("verdicts", "says"),
    [
        (("copy",), "None of 15 samples can be picked: 15 copies"),
        (("off-manifold", "unknown to this reference"), r"None of \d+ samples can be picked: "),
    ],
)
def test_where_nothing_can_be_picked_all_reasons_are_counted(world, verdicts, says):
    with pytest.raises(ParameterError, match=says):
        rara.select(only(world[2], *verdicts), 2, samples=world[1])


def test_too_few_that_can_be_picked(world):
    with pytest.raises(ParameterError, match=r"Only \d+ of 215 samples can be picked: .* typical"):
        chosen(world, 200)
    with pytest.raises(ParameterError, match="the table has 215 samples"):
        chosen(world, 216)


def test_one_image(world):
    _, features, table = world
    name = picked(chosen(world, 1, want="diverse"))["id"][0]
    alone = table.filter(table["id"] == name)
    found = rara.select(alone, 1, want=("diverse", "representative"), samples=features)
    assert found["pick"].tolist() == [1]
    assert found.provenance.selection.smallest_distance is None


@pytest.mark.parametrize(
    ("column", "want", "says"),
    [
        ("rarity_percentile", "rare", "leave 'rare' out"),
        ("knn_p", "rare", "leave 'rare' out"),
        ("ball_ratio_p", "faithful", "leave 'faithful' out"),
        ("verdict", "diverse", "score the samples again"),
        ("repeat_of", "diverse", "score the samples again"),
    ],
)
def test_a_table_without_what_is_needed_is_refused(world, column, want, says):
    table = world[2]
    lacking = rara.ScoreTable(table.arrow.drop_columns([column]), table.provenance)
    with pytest.raises(ParameterError, match=says):
        rara.select(lacking, 3, want=want, samples=world[1])


def test_a_reference_too_small_for_verdicts_says_so():
    table = fit(gaussian(20, 4)).score_features(gaussian(30, 4, 1))
    with pytest.raises(
        ParameterError, match=r"None of 30 samples can be picked: .*without a verdict"
    ):
        rara.select(table, 3)


def test_vectors_are_needed_where_picks_are_compared(world):
    table = rara.ScoreTable(world[2].arrow, world[2].provenance)
    with pytest.raises(ParameterError, match="`samples`"):
        rara.select(table, 3)
    assert picked(rara.select(table, 3, want="rare"))["pick"].tolist() == [1, 2, 3]


def test_other_samples_are_refused(world):
    with pytest.raises(ParameterError, match="other images"):
        rara.select(world[2], 3, samples=rara.Features.from_arrays(samples_of(2)))
    with pytest.raises(FeatureError, match="NaN"):
        rara.select(world[2], 3, samples=np.full((215, 8), np.nan))
    with pytest.raises(ParameterError, match="give a score table"):
        rara.select("table", 3)


def test_all_alike_in_rarity_is_no_division_by_zero(world):
    table = world[2]
    at = table.arrow.column_names.index("rarity_percentile")
    none = pa.array(np.full(len(table), np.nan))
    bare = rara.ScoreTable(table.arrow.set_column(at, "rarity_percentile", none), table.provenance)
    found = rara.select(bare, 5, samples=world[1])
    assert found.provenance.selection.terms["rare"] == 0
    assert picked(found)["pick_reason"][0].startswith("Outside every ball")
