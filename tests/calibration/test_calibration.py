"""Percentiles, p- and q-values against their definitions, and against references that a sample
has really joined."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import oracle
from make import gaussian
from rara import Features, Reference, Run
from rara.calibration.by_vectors import calibrate_by_itself
from rara.calibration.every_k import LARGEST
from rara.calibration.real_images import calibration_set
from rara.errors import ParameterError, ReferenceMismatchError
from rara.features.pixel_cache import PixelCache
from rara.scores import ball_geometry_of, own_balls
from rara.scores.copy_volume import DEPTH
from rara.stats.conformal import (
    at_least,
    below,
    least_called,
    p_values,
    percentiles,
    q_values,
    shortage,
)
from rara.stats.joint_rank import LISTED

RANKED = ("knn_p", "off_manifold_p", "copy_p", "typicality_percentile")
CALIBRATED = (*RANKED, "ball_ratio_p", "rarity_percentile", "off_manifold_q", "copy_q")


def grid(n, seed=0):
    """Full of ties and duplicates."""
    return np.random.default_rng(seed).integers(0, 3, size=(n, 2)).astype(np.float32)


SIZES = st.tuples(st.integers(7, 24), st.integers(1, 3))
CROWDED = arrays(np.float32, SIZES, elements=st.integers(0, 4))
"""Ties and duplicates everywhere."""
SPREAD = arrays(np.float32, SIZES, elements=st.floats(-8, 8, width=32), unique=True)
MEMBERS = st.one_of(CROWDED, SPREAD)


# -- statistics on numbers --


@given(
    scores=st.lists(st.integers(0, 9), min_size=1), reals=st.lists(st.integers(0, 9), min_size=1)
)
def test_counts_follow_their_definitions(scores, reals):
    one, ascending = np.array(scores, float), np.sort(np.array(reals, float))
    for count, definition in (
        (at_least, lambda s: sum(r >= s for r in reals)),
        (below, lambda s: sum(r < s for r in reals)),
    ):
        assert count(one, ascending).tolist() == [definition(s) for s in scores]


def test_p_values_and_percentiles_span_what_they_can():
    counts = np.arange(5)
    np.testing.assert_array_equal(p_values(counts, 4), [0.2, 0.4, 0.6, 0.8, 1.0])
    np.testing.assert_array_equal(percentiles(counts, 4), [0, 20, 40, 60, 80])


def step_up(p, level):
    """Benjamini and Hochberg as they wrote it: find the last p_(i) <= i level / m, call those."""
    ordered = sorted(p)
    called = [i for i, value in enumerate(ordered, 1) if value <= i * level / len(p)]
    return ordered[called[-1] - 1] if called else -1.0


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=30))
def test_q_is_the_level_at_which_an_image_is_first_called(thousandths):
    p = np.array(thousandths) / 1000
    for one, q in zip(p, q_values(p), strict=True):
        assert one <= step_up(p, q * (1 + 1e-12))
        assert one > step_up(p, q * (1 - 1e-12))


def test_images_without_p_count_for_nothing():
    p = np.array([0.03, np.nan, 0.01, np.nan, 0.5])
    q = q_values(p)
    assert np.isnan(q[[1, 3]]).all()
    np.testing.assert_array_equal(q[[0, 2, 4]], q_values(p[[0, 2, 4]]))
    assert q_values(np.array([])).size == 0


@given(
    reals=st.integers(1, 400), images=st.integers(1, 400), level=st.sampled_from([0.01, 0.05, 0.3])
)
def test_fewer_than_the_least_are_never_called(reals, images, level):
    smallest = 1 / (1 + reals)
    least = least_called(smallest, images, level)
    for extreme in {1, images, *([] if least is None else [least, max(least - 1, 1)])}:
        p = np.full(images, 1.0)
        p[:extreme] = smallest
        called = bool((q_values(p) <= level).any())
        assert called == (least is not None and extreme >= least)


def test_shortage_speaks_only_where_a_single_image_could_not_be_called():
    assert shortage(1 / 20_000, images=1_000, level=0.05) is None
    assert "up to 3 of 200 may be hidden" in shortage(1 / 1_000, images=200, level=0.05)
    assert "none of 3 can be detected" in shortage(1 / 10, images=3, level=0.05)
    assert "(so few: no p is" in shortage(1 / 10, images=3, level=0.05, cause="so few")
    assert shortage(1 / 10, images=0, level=0.05) is None


# -- a sample joins the reference --


def joined(reference, sample, k):
    """What is expected of a sample once it is really added and all are scored anew."""
    members = np.vstack([reference, sample[None]])
    kept = min(max(LARGEST, k) + 1, len(reference) - 1)
    depth, listed = min(DEPTH, kept), min(max(DEPTH, k + 1), kept)
    scores = oracle.members_scores(members, k, depth, listed)
    knn = oracle.rank_of_last(scores["knn"])
    joint = oracle.joint_of_last(scores["knn"], scores["ratio"])
    outside = scores["ratio"][-1] > 1
    return {
        "knn_p": knn / len(members),
        "copy_p": oracle.rank_of_last(scores["copying"]) / len(members),
        "typicality_percentile": 100 * (knn - 1) / len(members),
        "ball_ratio": np.sqrt(scores["ratio"][-1]),
        "ball_ratio_p": oracle.rank_of_last(scores["ratio"]) / len(members),
        "off_manifold_p": joint / len(members),
        "bound": min(
            1.0,
            2
            * min(knn, len(members) if not outside else oracle.rank_of_last(scores["ratio"]))
            / len(members),
        ),
    }


def check_joined(table, row, expected, *, whole):
    """`whole`: the lists hold all that counts, for no distances are equal."""
    for column in ("knn_p", "copy_p", "typicality_percentile"):
        assert table[column][row] == expected[column], column
    if not whole:
        assert table["off_manifold_p"][row] >= expected["off_manifold_p"]
        assert table["ball_ratio_p"][row] >= expected["ball_ratio_p"]
        return
    assert table["ball_ratio"][row] == expected["ball_ratio"]
    assert table["ball_ratio_p"][row] == expected["ball_ratio_p"]
    exact = expected["ball_ratio"] > 1 and expected["bound"] <= LISTED
    assert table["off_manifold_p"][row] == expected["off_manifold_p" if exact else "bound"]


def no_ties(members):
    d2 = oracle.squared_distances(members, members)[np.triu_indices(len(members), 1)]
    return len(np.unique(d2)) == len(d2)


@settings(deadline=None)
@given(MEMBERS, st.integers(1, 5))
def test_p_values_are_those_of_a_reference_that_the_sample_has_joined(members, k):
    reference, samples = members[:-1], members[-1:]
    table = Reference.from_features(reference, k=k).score_features(samples)
    check_joined(table, 0, joined(reference, samples[0], k), whole=no_ties(members))


@pytest.mark.parametrize("k", [1, 2, 3, 8, 12])
@pytest.mark.parametrize("count", [14, 40, 120])
@pytest.mark.parametrize("kind", ["spread", "narrow beside wide", "grid", "near reals"])
def test_many_samples_at_once_join_one_by_one(k, count, kind):
    reference, samples = {
        "spread": lambda: (gaussian(count, 4), 1.7 * gaussian(40, 4, seed=1)),
        "narrow beside wide": lambda: (two_widths(count), two_widths(60, seed=1, stretch=1.6)),
        "grid": lambda: (grid(count), grid(20, seed=1)),
        "near reals": lambda: (gaussian(count, 4), gaussian(count, 4)[::-1][:20] + 0.01),
    }[kind]()
    samples = samples.astype(np.float32)
    table = Reference.from_features(reference, k=k).score_features(samples)
    for i, sample in enumerate(samples):
        check_joined(table, i, joined(reference, sample, k), whole=kind != "grid")
    if kind == "narrow beside wide" and count == 120:
        assert 0 < (table["ball_ratio"] > 1).sum() < len(samples)


def two_widths(n, seed=0, stretch=1.0):
    """A narrow law and a wide one beside it."""
    rng = np.random.default_rng(seed)
    vectors = stretch * rng.normal(size=(n, 3)) * np.where(rng.random(n) < 0.5, 1.0, 9.0)[:, None]
    vectors[:, 0] += np.where(rng.random(n) < 0.5, 0.0, 60.0)
    return vectors.astype(np.float32)


@settings(deadline=None, max_examples=50)
@given(MEMBERS, st.integers(1, 5))
def test_of_any_members_at_most_t_have_a_p_of_t_or_less(members, k):
    """Validity without chance: each member is the sample once, with the others as its reference."""
    count = len(members)
    own = Reference.from_features(members, k=k).score_leave_one_out()
    tables = [
        Reference.from_features(np.delete(members, i, axis=0), k=k).score_features(members[[i]])
        for i in range(count)
    ]
    for column in (*RANKED, "ball_ratio_p"):
        values = np.concatenate([table[column] for table in tables])
        if column in ("knn_p", "typicality_percentile"):
            np.testing.assert_array_equal(values, own[column])
        for p in (values, own[column]) if column.endswith("_p") else ():
            ranks = np.sort(np.rint(p * count))
            assert (ranks >= np.arange(1, count + 1)).all()


def test_an_image_that_the_sample_crowds_is_no_longer_as_far_out():
    """Sample 0 is 3 from its 2nd nearest. Image -1 is 4 from its own, and 2.5 once 0 has joined."""
    crowded = Reference.from_features([[-1.0], [3.0], [-3.5], [20.0], [31.0]], k=2)
    assert crowded.radii.min() > 3
    assert crowded.score_features([[0.0]])["knn_p"][0] == 5 / 6
    lonely = Reference.from_features([[-1.0], [3.0], [-9.0], [20.0], [31.0]], k=2)
    assert lonely.radii.min() > 3
    assert lonely.score_features([[0.0]])["knn_p"][0] == 6 / 6


def test_ties_beyond_those_listed_are_counted():
    """The nearest of the origin are twelve at once, each farther from its own."""
    cross = np.concatenate([np.eye(6), -np.eye(6)])
    far = np.concatenate([10 + 5 * np.eye(6), -10 - 5 * np.eye(6)])
    reference, origin = np.concatenate([cross, far]), np.zeros(6)
    table = Reference.from_features(reference, k=1).score_features(origin[None])
    assert table["copy_p"][0] == joined(reference, origin, 1)["copy_p"]


@pytest.mark.parametrize("boundary", ["open", "closed"])
@pytest.mark.parametrize("make", [lambda: gaussian(150, 3), lambda: gaussian(150, 3).round(1)])
def test_own_rarity_from_the_lists_is_that_of_a_scan(make, boundary):
    vectors = make()
    reference = Reference.from_features(vectors, k=3)
    table = reference.score_leave_one_out(boundary=boundary)
    axis = calibrate_by_itself(reference.geometry.ball_geometry(3, boundary))
    rarity = table["rarity"][table["inside"]]
    np.testing.assert_array_equal(np.sqrt(axis.at_k.rarity2), np.sort(rarity))


@pytest.mark.parametrize("boundary", ["open", "closed"])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_own_balls_from_the_lists_are_counted_once(k, boundary):
    vectors = np.concatenate([gaussian(40, 2), np.repeat(gaussian(20, 2, seed=1), 3, axis=0)])
    reference = Reference.from_features(vectors, k=k)
    balls = reference.score_leave_one_out(boundary=boundary)["balls"]
    np.testing.assert_array_equal(
        own_balls(reference.geometry.ball_geometry(k, boundary)).count, balls
    )


def test_rarity_percentile_counts_the_less_rare_among_those_inside():
    vectors = gaussian(200, 5)
    reference = Reference.from_features(vectors, k=3)
    samples = 1.5 * gaussian(50, 5, seed=1)
    table, own = reference.score_features(samples), reference.score_leave_one_out()
    held = own["rarity"][own["inside"]]
    expected = [100 * (held < value).sum() / (1 + len(held)) for value in table["rarity"]]
    inside = table["inside"]
    assert 0 < inside.sum() < 50
    np.testing.assert_array_equal(table["rarity_percentile"][inside], np.array(expected)[inside])
    assert np.isnan(table["rarity_percentile"][~inside]).all()
    others = [100 * (held < value).sum() / len(held) for value in held]
    np.testing.assert_array_equal(own["rarity_percentile"][own["inside"]], others)


def test_where_no_image_can_be_left_out_rarity_has_no_percentile():
    table = Reference.from_features(gaussian(4, 2), k=3).score_features(gaussian(5, 2, seed=1))
    assert table["inside"].any()
    assert np.isnan(table["rarity_percentile"]).all()
    assert (table["off_manifold_p"] >= 1 / 5).all()


def test_scores_do_not_depend_on_the_reals():
    reference, samples = Reference.from_features(gaussian(100, 4)), gaussian(20, 4, seed=1)
    own = reference.score_features(samples)
    given = reference.score_features(samples, calibration=gaussian(30, 4, seed=2))
    judged = {"verdict", "reason", "stability", "volume_p"}
    for column in set(own.columns) - {*CALIBRATED, *judged, "neighbors", "rarity_by_k"}:
        np.testing.assert_array_equal(own[column], given[column])
    for column in CALIBRATED:
        assert (own[column] != given[column]).any()


def test_official_numbers_are_calibrated_alike():
    reference, samples = Reference.from_features(gaussian(100, 4)), gaussian(40, 4, seed=1)
    ours, theirs = (reference.score_features(samples, compat=c) for c in (None, "official"))
    for column in CALIBRATED:
        np.testing.assert_array_equal(ours[column], theirs[column])


def test_q_values_are_over_the_samples():
    table = Reference.from_features(gaussian(100, 4)).score_features(2 * gaussian(40, 4, seed=1))
    np.testing.assert_array_equal(table["copy_q"], q_values(table["copy_p"]))
    np.testing.assert_array_equal(table["off_manifold_q"], q_values(table["off_manifold_p"]))


# -- others than the reference's own --


def held_out():
    """A reference, other reals, and samples."""
    reference = Reference.from_features(gaussian(200, 3))
    return reference, gaussian(80, 3, seed=1), gaussian(30, 3, seed=2)


def test_held_out_p_values_follow_their_definition():
    reference, reals, samples = held_out()
    table = reference.score_features(1.3 * samples, calibration=reals)
    measured = reference.score_features(reals)
    knn, volume, ratio = (measured[name] for name in ("knn_distance", "copy_volume", "ball_ratio"))
    rarity = measured["rarity"][measured["inside"]]
    for i in range(len(table)):
        assert table["knn_p"][i] == (1 + (knn >= table["knn_distance"][i]).sum()) / 81
        assert table["ball_ratio_p"][i] == (1 + (ratio >= table["ball_ratio"][i]).sum()) / 81
        assert table["copy_p"][i] == (1 + (volume <= table["copy_volume"][i]).sum()) / 81
        far = np.append(knn, table["knn_distance"][i]), np.append(ratio, table["ball_ratio"][i])
        smallest = 2 * min(table["knn_p"][i], table["ball_ratio_p"][i])
        joint = oracle.joint_of_last(*far) / 81 if smallest <= LISTED else min(1, smallest)
        assert table["off_manifold_p"][i] == joint
        if table["inside"][i]:
            less = (rarity < table["rarity"][i]).sum()
            assert table["rarity_percentile"][i] == 100 * less / (1 + len(rarity))


def test_images_of_the_reference_do_not_calibrate_it():
    reference, reals, samples = held_out()
    mixed = np.concatenate([reals, reference.features.vectors[:25]])
    clean = reference.score_features(samples, calibration=reals)
    table = reference.score_features(samples, calibration=mixed)
    assert table.provenance["calibration"]["in_reference"] == 25
    for column in CALIBRATED:
        np.testing.assert_array_equal(table[column], clean[column])
    with pytest.raises(ParameterError, match="All 10 calibration images"):
        reference.score_features(samples, calibration=reference.features.vectors[:10])


def test_its_own_images_have_no_other_calibration():
    reference, reals, _ = held_out()
    images, given = reference.features, Features.from_arrays(reals)
    geometry = reference.geometry.ball_geometry(own=True)
    with pytest.raises(ParameterError, match="calibrates the reference's own images with one"):
        calibration_set(given, images, PixelCache(images), geometry, Run())


def test_calibration_of_another_extractor_is_refused():
    reference, reals, samples = held_out()
    with pytest.raises(ReferenceMismatchError, match="2 "):
        reference.score_features(samples, calibration=reals[:, :2])


def test_working_otherwise_changes_no_held_out_p_value():
    reference, reals, samples = held_out()
    expected = reference.score_features(samples, calibration=reals)
    for run in (Run(memory=1), Run(threads=3)):
        table = reference.score_features(samples, calibration=reals, run=run)
        for column in CALIBRATED:
            np.testing.assert_array_equal(table[column], expected[column])


def test_a_split_leaves_every_image_on_one_side():
    features = Features.from_arrays(gaussian(50, 2))
    rest, held = features.split(0.2, seed=3)
    assert (len(rest), len(held)) == (40, 10)
    assert sorted(rest.ids + held.ids, key=int) == features.ids
    for side in (rest, held):
        assert side.ids == sorted(side.ids, key=int)
        np.testing.assert_array_equal(side.vectors, features.vectors[[int(i) for i in side.ids]])
    again, other = features.split(0.2, seed=3)[1], features.split(0.2, seed=4)[1]
    assert again.ids == held.ids != other.ids
    assert held.location == "array (held out: 0.2, seed 3)"


def test_a_split_keeps_equal_images_together():
    rest, held = Features.from_arrays(np.repeat(gaussian(40, 2), 3, axis=0)).split(0.5)
    assert len(rest) == len(held) == 60
    assert not {tuple(row) for row in rest.vectors} & {tuple(row) for row in held.vectors}


def test_a_split_leaves_what_has_no_vector_with_the_rest():
    given = Features.from_arrays(gaussian(10, 2))
    rows = given.items.to_pylist()
    rows.insert(4, rows[4] | {"id": "broken", "state": "failed", "reason": "no image"})
    items = pa.Table.from_pylist(rows, schema=given.items.schema)
    features = Features(given.vectors, items, given.spec, "here")
    rest, held = features.split(0.3, seed=1)
    assert [one.id for one in rest.skipped] == ["broken"]
    assert not held.skipped
    for side in (rest, held):
        np.testing.assert_array_equal(side.vectors, given.vectors[[int(i) for i in side.ids]])


@pytest.mark.parametrize("share", [0, 1, -0.2, 1.5, 0.001, np.nan])
def test_a_split_needs_images_on_both_sides(share):
    with pytest.raises(ParameterError, match=f"share of {share:g}"):
        Features.from_arrays(gaussian(50, 2)).split(share)


# -- what is said of it --


def test_provenance_names_the_reals():
    reference, reals, samples = held_out()
    own = reference.score_features(samples).provenance["calibration"]
    assert (own["method"], own["rarity_method"]) == ("full conformal", "leave-one-out")
    assert own["real_images"] == 200
    assert own["smallest_p"] == {"off_manifold": 1 / 201, "copy": 2 / 201}
    given = reference.score_features(samples, calibration=reals).provenance["calibration"]
    assert (given["method"], given["rarity_method"]) == ("held-out", "held-out")
    assert given["real_images"] == 80
    assert given["smallest_p"] == {"off_manifold": 1 / 81, "copy": 1 / 81}
    assert given["fingerprint"] == Features.from_arrays(reals).fingerprint
    itself = reference.score_leave_one_out().provenance["calibration"]
    assert (itself["method"], itself["rarity_method"]) == ("leave-one-out", "leave-one-out")
    assert itself["real_images"] == 199
    assert itself["smallest_p"] == {"off_manifold": 1 / 200, "copy": 2 / 200}
    json.dumps([own, given, itself])


@pytest.mark.parametrize("copies", [0, 5])
def test_the_smallest_p_is_reached_and_never_passed(copies):
    """By exact copies, and by what lies beyond everything; more duplicates make it larger."""
    vectors = gaussian(100, 3)
    reference = Reference.from_features(np.concatenate([vectors, vectors[:copies]]))
    samples = np.concatenate([vectors[:8], vectors[50:60], np.full((1, 3), 99.0)])
    for reals in (None, gaussian(40, 3, seed=1)):
        table = reference.score_features(samples, calibration=reals)
        smallest = table.provenance["calibration"]["smallest_p"]
        assert table["copy_p"][:18].max() == smallest["copy"]
        assert table["copy_p"][8:18].min() == smallest["copy"]
        assert table["off_manifold_p"].min() == smallest["off_manifold"]
    own = reference.score_leave_one_out()
    smallest = own.provenance["calibration"]["smallest_p"]
    assert (own["copy_p"][100:] == smallest["copy"]).all()
    assert own["off_manifold_p"].min() == smallest["off_manifold"]


def test_a_setting_of_vectors_alone_has_no_own_rarities():
    axis = calibrate_by_itself(ball_geometry_of(gaussian(20, 2), 3))
    assert axis.describe().real_images_inside == 0
