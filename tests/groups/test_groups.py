"""Samples judged within their group and against their siblings, held against brute force."""

import json

import numpy as np
import pytest

import oracle
from rara import Features, Reference, Run, ScoreTable
from rara.cli.app import run
from rara.errors import ParameterError
from rara.stats.joint_rank import LISTED

GROUPED = ("group_rarity", "group_rarity_percentile", "group_off_manifold_p", "group_copy_p")
TOLD = (*GROUPED, "group_off_manifold_q")
SPREADS = {"narrow": 1.0, "wide": 3.0, "tiny": 1.0, "unheard of": 1.0}


def images(counts, seed, *, d=4, prefix="", stretch=1.0):
    """So many vectors of each label, in random order; None stands for images without one."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.array(list(counts), dtype=object), list(counts.values()))
    labels = labels[rng.permutation(len(labels))]
    scale = np.array([SPREADS.get(label, 1.0) for label in labels])
    vectors = stretch * rng.normal(size=(len(labels), d)) * scale[:, None]
    ids = [f"{prefix}{i}" for i in range(len(labels))]
    return Features.from_arrays(vectors, ids=ids, metadata={"label": list(labels)})


def labels_of(features):
    records = [json.loads(record) for record in features.done["metadata"].to_pylist()]
    return np.array([record.get("label") for record in records], dtype=object)


def reals(seed=0):
    return images({"narrow": 120, "wide": 60, "tiny": 19, None: 5}, seed)


def outputs(seed=1):
    counts = {"narrow": 20, "wide": 15, "tiny": 3, "unheard of": 2, None: 2}
    return images(counts, seed, prefix="s", stretch=2.0)


@pytest.fixture(scope="module")
def reference():
    return Reference.from_features(reals(), k=3)


@pytest.fixture(scope="module")
def table(reference):
    return reference.score_features(outputs(), group_by="label")


def same(one, other):
    """Equal in every bit, null and NaN included."""
    return repr(one.to_pylist()) == repr(other.to_pylist())


# -- within groups --


@pytest.mark.parametrize("group", ["narrow", "wide"])
def test_each_group_is_judged_by_brute_force_among_its_own(group, reference, table):
    ours = outputs().vectors[labels_of(outputs()) == group]
    theirs = reals().vectors[labels_of(reals()) == group]
    radii2 = oracle.radii2(theirs, 3)
    rarity2, _ = oracle.rarity(oracle.squared_distances(ours, theirs), radii2)
    rows = table["group"] == group
    np.testing.assert_array_equal(table["group_rarity"][rows], np.sqrt(rarity2))
    assert 0 < np.isnan(rarity2).sum() < len(rarity2)
    for sample, p in zip(ours, table["group_off_manifold_p"][rows], strict=True):
        scores = oracle.members_scores(np.vstack([theirs, sample]), 3, 10, 10)
        far, ratio = scores["knn"], scores["ratio"]
        smallest = oracle.rank_of_last(far)
        if ratio[-1] > 1:
            smallest = min(smallest, oracle.rank_of_last(ratio))
        exact = ratio[-1] > 1 and 2 * smallest <= LISTED * len(far)
        joint = oracle.joint_of_last(far, ratio) if exact else min(len(far), 2 * smallest)
        assert p == joint / len(far)


@pytest.mark.parametrize("group", ["narrow", "wide"])
def test_each_group_is_judged_as_by_a_reference_of_that_group_alone(group, table):
    ours = outputs().vectors[labels_of(outputs()) == group]
    alone = Reference.from_features(reals().vectors[labels_of(reals()) == group], k=3)
    expected = alone.score_features(ours)
    rows = table["group"] == group
    for column in GROUPED:
        name = column.removeprefix("group_")
        np.testing.assert_array_equal(table[column][rows], expected[name])
    assert (expected["copy_p"] != table["copy_p"][rows]).any()


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    ("made", "asked"),
    [
        ({"clip_radii": 0.5}, {}),
        ({"metric": "cosine"}, {}),
        ({"k": 5}, {"k": 2}),
        ({}, {"compat": "official"}),
        ({"k": 2, "clip_radii": 0.9, "metric": "cosine"}, {"k": 4, "boundary": "closed"}),
    ],
    ids=str,
)
def test_what_holds_for_the_whole_reference_holds_for_each_group(made, asked, own):
    """No option is lost on the way to the groups."""
    whole = Reference.from_features(reals(), **made)
    rows = labels_of(reals()) == "wide"
    alone = Reference.from_features(reals().vectors[rows], **made)
    if own:
        table = whole.score_leave_one_out(group_by="label", **asked)
        expected = alone.score_leave_one_out(**asked)
    else:
        table = whole.score_features(outputs(), group_by="label", **asked)
        ours = outputs().vectors[labels_of(outputs()) == "wide"]
        expected = alone.score_features(ours, **asked)
    plain = Reference.from_features(reals())
    other = plain.score_leave_one_out if own else lambda **how: plain.score(outputs(), **how)
    mine = table["group"] == "wide"
    for column in GROUPED:
        np.testing.assert_array_equal(table[column][mine], expected[column[len("group_") :]])
    usual = other(group_by="label")["group_rarity"][mine]
    assert repr(usual.tolist()) != repr(table["group_rarity"][mine].tolist())


def test_what_was_there_before_stays_as_it_was(reference, table):
    plain = reference.score_features(outputs())
    assert set(table.columns) - set(plain.columns) == {"group", *TOLD}
    assert same(plain.arrow, table.arrow.select(plain.columns))
    assert "groups" not in plain.provenance
    assert "siblings" not in plain.provenance


def test_the_order_of_images_and_groups_does_not_matter(reference, table):
    rng = np.random.default_rng(9)
    theirs = reals().take(rng.permutation(len(reals())), "array")
    ours = outputs().take(rng.permutation(len(outputs())), "array")
    other = Reference.from_features(theirs, k=3).score_features(ours, group_by="label")
    columns = ["id", "group", *TOLD]
    assert same(
        other.arrow.sort_by("id").select(columns), table.arrow.sort_by("id").select(columns)
    )


def test_names_of_groups_say_nothing(reference, table):
    renamed = [
        Features.from_arrays(one.vectors, ids=one.ids, metadata={"kind": list(labels)})
        for one in (reals(), outputs())
        for labels in [[label and label[::-1] for label in labels_of(one)]]
    ]
    other = Reference.from_features(renamed[0], k=3).score_features(renamed[1], group_by="kind")
    assert same(other.arrow.select(TOLD), table.arrow.select(TOLD))
    assert other["group"][0] == table["group"][0][::-1]


def test_groups_too_small_are_null_and_named(table):
    judged = np.isin(table["group"].astype(str), ["narrow", "wide"])
    for column in TOLD:
        null = table.arrow[column].is_null().to_numpy()
        np.testing.assert_array_equal(null, ~judged)
    known = table.provenance["groups"]
    assert (known["by"], known["least"]) == ("label", 20)
    assert known["ungrouped"] == {"samples": 2, "reference": 5}
    counts = {one["group"]: (one["reference"], one["samples"]) for one in known["groups"]}
    expected = {"narrow": (120, 20), "wide": (60, 15), "tiny": (19, 3), "unheard of": (0, 2)}
    assert counts == expected
    small = {one["group"] for one in known["groups"] if one["smallest_p"] is None}
    assert small == {"tiny", "unheard of"}


def test_outside_is_nan_and_not_null(table):
    wide = table.arrow.filter(table.arrow["group"].to_numpy() == "wide")["group_rarity"]
    assert wide.null_count == 0
    assert np.isnan(wide.to_numpy()).any()


@pytest.mark.parametrize(("k", "enough"), [(1, 20), (10, 20), (15, 30)])
def test_a_group_needs_so_many_reference_images(k, enough):
    for count in (enough - 1, enough):
        features = images({"narrow": count, "wide": 60}, 3)
        table = Reference.from_features(features, k=k).score_features(outputs(), group_by="label")
        judged = {one["group"] for one in table.provenance["groups"]["groups"] if one["smallest_p"]}
        assert judged == ({"narrow", "wide"} if count == enough else {"wide"})


def test_shares_of_groups_are_those_of_the_columns(table):
    for one in table.provenance["groups"]["groups"]:
        rows = table["group"] == one["group"]
        if one["smallest_p"]:
            p = table["group_off_manifold_p"][rows]
            assert one["off_manifold"] == np.mean(p <= 0.05)
            assert p.min() >= one["smallest_p"]["off_manifold"] == 1 / (1 + one["reference"])
            assert one["copies"] == np.mean(table["group_copy_p"][rows] <= 0.05)


def test_q_values_are_over_all_that_were_judged_and_nobody_else(table):
    """Benjamini and Hochberg by its definition: the smallest of m p / rank from there on."""
    judged = table.arrow["group_off_manifold_p"].is_valid().to_numpy()
    p, q = (table[f"group_off_manifold_{name}"][judged] for name in "pq")
    assert len(p) == 35
    for one, found in zip(p, q, strict=True):
        beyond = [other * len(p) / np.sum(p <= other) for other in p[p >= one]]
        assert found == pytest.approx(min(beyond), rel=1e-12)


@pytest.mark.parametrize("strays", [0, 10])
def test_false_strays_among_those_called_keep_their_rate_over_all_groups(strays):
    """40 times two groups of unlike size and spread, and strays in the smaller one."""
    false, found = [], []
    for seed in range(40):
        reference = Reference.from_features(
            images({"narrow": 400, "wide": 800}, 2 * seed, d=8), k=3
        )
        fresh = images({"narrow": 20, "wide": 20}, 2 * seed + 1, d=8)
        far = 4 * np.random.default_rng(seed).normal(size=(strays, 8))
        samples = Features.from_arrays(
            np.concatenate([far, fresh.vectors]),
            metadata={"label": ["narrow"] * strays + labels_of(fresh).tolist()},
        )
        table = reference.score_features(samples, group_by="label")
        called = table["group_off_manifold_q"] <= 0.1
        false.append(called[strays:].sum() / max(called.sum(), 1))
        found.append(called[:strays].mean() if strays else 1)
    assert np.mean(found) > 0.9
    # Without strays each share is none or all: it varies at most as a coin does.
    error = np.sqrt(0.1 * 0.9 / 40) if not strays else np.std(false, ddof=1) / np.sqrt(40)
    assert np.mean(false) <= 0.1 + 3 * error


def test_a_share_that_could_only_be_none_is_not_told():
    """With 20 images the smallest p of copies is 2 in 21: above 5 %, even for an exact copy."""
    features = images({"narrow": 20}, 4)
    copies = Features.from_arrays(features.vectors[:5], metadata={"label": ["narrow"] * 5})
    table = Reference.from_features(features).score_features(copies, group_by="label")
    (one,) = table.provenance["groups"]["groups"]
    assert one["copies"] is None
    assert one["off_manifold"] == 0


def test_error_rates_hold_within_groups_where_they_fail_over_all():
    """A rare, wide group pays for all the false alarms unless it is judged by itself."""
    reference = Reference.from_features(images({"narrow": 900, "wide": 100}, 5, d=8), k=3)
    fresh = images({"narrow": 1000, "wide": 1000}, 6, d=8)
    table = reference.score_features(fresh, group_by="label")
    called = {
        column: {g: np.mean(table[column][table["group"] == g] <= 0.05) for g in ("narrow", "wide")}
        for column in ("off_manifold_p", "group_off_manifold_p")
    }
    assert called["off_manifold_p"]["wide"] > 0.3
    assert called["off_manifold_p"]["narrow"] < 0.02
    # Each share has a standard error of under 0.03, most of it from the 100 reference images.
    assert called["group_off_manifold_p"] == pytest.approx({"narrow": 0.05, "wide": 0.05}, abs=0.06)


def test_an_image_of_the_wrong_group_is_found_by_its_group_alone():
    reference = Reference.from_features(images({"narrow": 300, "wide": 300}, 7, d=8), k=3)
    rng = np.random.default_rng(8)
    stray = Features.from_arrays(3 * rng.normal(size=(50, 8)), metadata={"label": ["narrow"] * 50})
    table = reference.score_features(stray, group_by="label")
    assert np.mean(table["knn_p"] <= 0.05) < 0.2
    assert np.mean(table["group_off_manifold_p"] <= 0.05) > 0.9


def test_the_references_own_images_are_judged_without_themselves(reference):
    table = reference.score_leave_one_out(group_by="label")
    vectors = reals().vectors[labels_of(reals()) == "wide"]
    expected = Reference.from_features(vectors, k=3).score_leave_one_out()
    rows = table["group"] == "wide"
    for column in GROUPED:
        np.testing.assert_array_equal(table[column][rows], expected[column.removeprefix("group_")])


def test_the_references_images_under_other_labels_are_ordinary_samples(reference):
    other = Features.from_arrays(reals().vectors, metadata={"label": ["narrow"] * len(reals())})
    table = reference.score_features(other, group_by="label")
    assert set(table["verdict"]) == {"copy"}
    assert (table["group_off_manifold_p"] < 0.05).any()


def test_the_rule_of_the_balls_and_k_are_those_asked_for(reference):
    table = reference.score_features(outputs(), group_by="label", k=2, compat="official")
    assert (table["group_rarity"][table["group"] == "wide"] == 0).any()
    ours = outputs().vectors[labels_of(outputs()) == "wide"]
    theirs = reals().vectors[labels_of(reals()) == "wide"]
    rarity2, _ = oracle.rarity(
        oracle.squared_distances(ours, theirs), oracle.radii2(theirs, 2), "official"
    )
    expected = np.sqrt(np.nan_to_num(rarity2))
    np.testing.assert_array_equal(table["group_rarity"][table["group"] == "wide"], expected)


def test_working_otherwise_changes_nothing(reference, table):
    for way in (Run(memory=1), Run(threads=3)):
        other = reference.score_features(
            outputs(), group_by="label", against_siblings="label", run=way
        )
        assert same(other.arrow.select(table.columns), table.arrow)


def test_a_key_that_a_side_lacks_is_an_error_that_lists_those_there_are(reference):
    prompts = ["a bird"] * len(outputs())
    ours = Features.from_arrays(outputs().vectors, metadata={"prompt": prompts})
    with pytest.raises(
        ParameterError, match=r"of the samples.*samples: prompt\. Keys of the reference: label"
    ):
        reference.score_features(ours, group_by="label")
    with pytest.raises(
        ParameterError, match=r"of the reference.*samples: prompt\. Keys of the reference: label"
    ):
        reference.score_features(ours, group_by="prompt")
    with pytest.raises(ParameterError, match=r"samples: none\."):
        reference.score_features(outputs().vectors, against_siblings="prompt")


def test_numbers_are_the_same_group_however_they_are_written():
    numbers = Features.from_arrays(
        np.random.default_rng(0).normal(size=(40, 3)), metadata={"year": np.arange(40) % 2 + 1990}
    )
    samples = Features.from_arrays(np.eye(3), metadata={"year": [1990.0, "1991", None]})
    table = Reference.from_features(numbers).score_features(samples, group_by="year")
    assert table["group"].tolist() == ["1990", "1991", None]
    assert table.arrow["group_copy_p"].null_count == 1


def test_groups_survive_on_disk(table, tmp_path):
    table.to_parquet(tmp_path / "scores.parquet")
    again = ScoreTable.from_parquet(tmp_path / "scores.parquet")
    assert same(again.arrow, table.arrow)
    assert again.provenance["groups"] == table.provenance["groups"]


# -- against siblings --


def prompts(counts, seed=0, d=4):
    """Vectors of so many outputs for each prompt, on a grid with many ties."""
    rng = np.random.default_rng(seed)
    names = np.repeat(list(counts), list(counts.values()))
    names = names[rng.permutation(len(names))].tolist()
    vectors = rng.integers(0, 5, size=(len(names), d))
    return Features.from_arrays(vectors, metadata={"prompt": names})


@pytest.mark.parametrize("k", [1, 3, 5])
def test_siblings_by_brute_force(reference, k):
    counts = {"a cat": 30, "a dog": 12, "an owl": 4, "a yak": 3}
    samples = prompts(counts)
    table = reference.score_features(samples, k=k, against_siblings="prompt")
    for prompt, count in counts.items():
        rows = np.flatnonzero(table["prompt"] == prompt)
        depth = min(k, count - 2)
        for row in rows:
            others = samples.vectors[rows[rows != row]]
            d2 = np.sort(oracle.squared_distances(samples.vectors[[row]], others)[0])[depth - 1]
            assert table["sibling_distance"][row] == np.sqrt(d2)
        distance = table["sibling_distance"][rows]
        expected = [np.mean(distance >= value) for value in distance]
        np.testing.assert_allclose(table["sibling_p"][rows], expected, rtol=1e-15)


def test_the_odd_one_out_is_named(reference):
    vectors = np.random.default_rng(1).normal(size=(12, 4))
    vectors[[2, 7]] += 50
    features = Features.from_arrays(vectors, metadata={"prompt": ["a cat"] * 6 + ["a dog"] * 6})
    table = reference.score_features(features, against_siblings="prompt")
    known = table.provenance["siblings"]
    assert [one["odd"] for one in known["groups"]] == ["2", "7"]
    np.testing.assert_array_equal(np.flatnonzero(table["sibling_p"] == 1 / 6), [2, 7])


def test_even_of_three_outputs_the_odd_one_is_found(reference):
    features = Features.from_arrays(
        [[0.0] * 4, [0.1] * 4, [9.0] * 4], metadata={"prompt": ["a cat"] * 3}
    )
    table = reference.score_features(features, against_siblings="prompt")
    assert table["sibling_p"].tolist() == [1, 1, 1 / 3]
    (one,) = table.provenance["siblings"]["groups"]
    assert (one["k"], one["odd"]) == (1, "2")


def test_where_all_are_equal_none_is_odd(reference):
    features = Features.from_arrays(np.ones((5, 4)), metadata={"prompt": ["a cat"] * 5})
    table = reference.score_features(features, against_siblings="prompt")
    assert table["sibling_p"].tolist() == [1] * 5
    assert table.provenance["siblings"]["groups"][0]["odd"] is None


def test_too_few_siblings_are_null_and_named(reference):
    names = ["a cat"] * 3 + ["a dog"] * 2 + [None]
    features = Features.from_arrays(
        np.random.default_rng(2).normal(size=(6, 4)), metadata={"prompt": names}
    )
    table = reference.score_features(features, against_siblings="prompt")
    for column in ("sibling_distance", "sibling_p"):
        assert table.arrow[column].is_null().to_pylist() == [False] * 3 + [True] * 3
    known = table.provenance["siblings"]
    assert [one["k"] for one in known["groups"]] == [1, None]
    assert [one["samples"] for one in known["groups"]] == [3, 2]
    assert known["ungrouped"] == 1


def test_ranks_among_outputs_that_are_alike_are_uniform(reference):
    counts = {f"prompt {i}": 10 for i in range(300)}
    names = [name for name, count in counts.items() for _ in range(count)]
    vectors = np.random.default_rng(3).normal(size=(3000, 4))
    features = Features.from_arrays(vectors, metadata={"prompt": names})
    p = reference.score_features(features, against_siblings="prompt")["sibling_p"]
    for level in (0.1, 0.3, 0.5):
        assert np.mean(p <= level + 1e-9) <= level + 1e-9  # exactly, within every prompt
    assert np.mean(p <= 0.1 + 1e-9) > 0.05  # mutual neighbours may tie at k = 3, most do not


# -- vectors with metadata --


def test_metadata_of_given_vectors_become_columns(reference):
    metadata = {"label": ["a", None], "size": np.array([3, 4]), "safe": [True, False]}
    features = Features.from_arrays(np.eye(4)[:2], metadata=metadata)
    table = reference.score_features(features)
    assert table["label"].tolist() == ["a", None]
    assert table["size"].tolist() == [3, 4]
    assert table["safe"].tolist() == [True, False]
    with pytest.raises(ParameterError, match="2 values of 'size' for 3 vectors"):
        Features.from_arrays(np.eye(3), metadata={"size": [1, 2]})


# -- the command --


@pytest.fixture
def place(tmp_path, monkeypatch):
    reals().save(tmp_path / "train")
    outputs().save(tmp_path / "samples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def called(capsys, *arguments):
    code = run(["score", "samples", "--reference", "train", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_says_what_was_found_and_what_was_not(place, capsys, table):
    code, out, err = called(
        capsys, "--group-by", "label", "--siblings-by", "label", "-o", "scores.parquet"
    )
    assert code == 0
    assert "2 of 4 groups by label judged: 35 samples" in out
    assert "wide (15): " in out
    assert "3 of 4 groups by label judged: 38 samples" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "which needs 20 reference images: 5 samples of 2 groups" in err
    assert "tiny: 19 reference images" in err
    assert "unheard of: 0 reference images" in err
    assert "2 samples without 'label'" in err
    assert "which needs 3 samples: 2 samples of 1 group" in err
    found = ScoreTable.from_parquet(place / "scores.parquet")
    assert same(found.arrow.select(GROUPED), table.arrow.select(GROUPED))
    assert "sibling_p" in found.columns


def test_the_command_tells_groups_as_json(place, capsys, table):
    _, out, _ = called(capsys, "--group-by", "label", "--json")
    assert json.loads(out)["groups"] == table.provenance["groups"]
    _, out, _ = called(capsys, "--json")
    assert "groups" not in json.loads(out)


def test_siblings_are_of_one_prompt_unless_told_otherwise(place, capsys):
    code, _, err = called(capsys, "--against-siblings")
    assert code == 2
    assert "the key 'prompt'" in err
    assert "samples: label" in err


def test_a_page_shows_groups(table, tmp_path):
    table.report(tmp_path / "report.html")
    assert "group_off_manifold_p" in (tmp_path / "report.html").read_text(encoding="utf-8")
