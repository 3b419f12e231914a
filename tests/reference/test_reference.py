"""References: made, saved, loaded, asked; and what they refuse."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import oracle
from make import gaussian
from rara import Features, Reference, Run
from rara.errors import DamagedStoreError, FeatureError, ParameterError, ReferenceMismatchError
from rara.extractors import Spec
from rara.extractors.efficientnet_lite0 import SPEC
from rara.robustness.second_opinions import halves

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def reference():
    return Reference.from_features(gaussian(300, 8), k=3)


def same(one, other):
    """Equal in every bit, NaN included."""
    return repr(one.arrow.to_pylist()) == repr(other.arrow.to_pylist())


def with_duplicates():
    """Duplicates of all degrees, and a grid full of ties."""
    rng = np.random.default_rng(5)
    grid = rng.integers(0, 4, size=(60, 2))
    return np.concatenate([grid, np.repeat(grid[:3] + 9.5, 14, axis=0)]).astype(np.float32)


def test_columns_follow_their_definitions(reference):
    samples = 1.3 * gaussian(80, 8, seed=1)
    table = reference.score_features(samples)
    d2 = oracle.squared_distances(samples.astype(np.float32), reference.features.vectors)
    r2 = oracle.radii2(reference.features.vectors, 3)
    value, witness = oracle.rarity(d2, r2)
    index, near = oracle.neighbours(d2, 5)
    np.testing.assert_array_equal(table["rarity"], np.sqrt(value))
    expected = [None if w < 0 else str(w) for w in witness]
    assert table["rarity_witness"].tolist() == expected
    np.testing.assert_array_equal(table["inside"], ~np.isnan(value))
    np.testing.assert_array_equal(table["balls"], oracle.holds(d2, r2).sum(axis=1))
    np.testing.assert_array_equal(table["realism"], np.sqrt(oracle.realism2(d2, r2)))
    np.testing.assert_array_equal(table["knn_distance"], np.sqrt(near[:, 2]))
    np.testing.assert_array_equal(table["nearest_distance"], np.sqrt(near[:, 0]))
    assert table["nearest"].tolist() == [str(i) for i in index[:, 0]]
    for row, ids, distances in zip(table["neighbors"], index, np.sqrt(near), strict=True):
        assert [n["id"] for n in row] == [str(i) for i in ids]
        assert [n["distance"] for n in row] == distances.tolist()


@pytest.mark.parametrize("make", [lambda: gaussian(60, 3), with_duplicates])
@pytest.mark.parametrize("k", [1, 3, 4])
@pytest.mark.parametrize("boundary", ["open", "closed"])
def test_its_own_images_are_judged_without_themselves(make, k, boundary):
    """Against an oracle that really removes each image and starts again."""
    vectors = make()
    table = Reference.from_features(vectors, k=k).score_leave_one_out(boundary=boundary)
    assert table.provenance["leave_one_out"]
    for i in range(len(vectors)):
        expected = oracle.leave_one_out(vectors, i, k, boundary)
        np.testing.assert_equal(table["rarity"][i], np.sqrt(expected["rarity2"]))
        assert table["balls"][i] == expected["balls"]
        assert table["realism"][i] == np.sqrt(expected["realism2"])
        witness = table["rarity_witness"][i]
        assert (-1 if witness is None else int(witness)) == expected["witness"]


@pytest.mark.parametrize("make", [lambda: gaussian(200, 4), with_duplicates])
def test_leave_one_out_from_lists_equals_the_scan(make):
    reference = Reference.from_features(make(), k=3)
    own = reference.describe()["leave_one_out"]
    table = reference.score_leave_one_out()
    inside = table["inside"]
    assert own["inside"] == inside.mean()
    assert own["rarity"][0] == table["rarity"][inside].min()
    assert own["rarity"][-1] == table["rarity"][inside].max()
    assert own["rarity"][100] == np.quantile(table["rarity"][inside], 0.5)
    assert own["knn_distance"][100] == np.quantile(table["knn_distance"], 0.5)


MEMORISED = {
    "the same": lambda vectors: vectors,
    "reversed": lambda vectors: vectors[::-1],
    "one removed": lambda vectors: vectors[1:],
    "one twice": lambda vectors: np.concatenate([vectors, vectors[:1]]),
    "a single one": lambda vectors: vectors[7:8],
}


@pytest.mark.parametrize("boundary", ["open", "closed"])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("kept", MEMORISED)
def test_samples_that_equal_the_reference_are_copies(kept, k, boundary):
    """No equality of content switches what is computed: only the explicit request does."""
    vectors = gaussian(60, 3)
    samples = MEMORISED[kept](vectors)
    reference = Reference.from_features(vectors, k=k)
    renamed = Features.from_arrays(samples, ids=[f"s{i}" for i in range(len(samples))])
    for given in (samples, renamed):
        table = reference.score_features(given, boundary=boundary)
        assert not table.provenance["leave_one_out"]
        assert (table["nearest_distance"] == 0).all()
        assert set(table["verdict"]) == {"copy"}


def test_the_reference_itself_as_samples_is_all_copies(tmp_path):
    """As features in hand, as a saved reference, and as a folder of features."""
    reference = Reference.from_features(gaussian(60, 3))
    reference.save(tmp_path / "reference")
    loaded = Reference.load(tmp_path / "reference")
    reference.features.save(tmp_path / "features")
    for given in (reference.features, loaded.features, tmp_path / "features"):
        table = loaded.score(given)
        assert not table.provenance["leave_one_out"]
        assert set(table["verdict"]) == {"copy"}


def test_leave_one_out_is_an_explicit_request(reference):
    table = reference.score_leave_one_out()
    assert table.provenance["leave_one_out"]
    assert (table["nearest"] != table["id"]).all()
    assert table.summary().startswith("Judged")
    assert "leave-one-out" in table.summary().splitlines()[0]
    other = reference.score_features(reference.features)
    assert "leave-one-out" not in other.summary()


def test_the_authors_code_sees_copies_too(reference):
    table = reference.score_features(reference.features.vectors, compat="official")
    assert not table.provenance["leave_one_out"]
    assert (table["nearest"] == table["id"]).all()


def test_outside_is_nan_and_never_zero(reference):
    table = reference.score_features(np.full((1, 8), 50.0))
    assert np.isnan(table["rarity"][0])
    assert not table["inside"][0]
    assert table["rarity_witness"][0] is None
    assert np.isfinite(table["knn_distance"][0])


def test_a_copy_is_never_outside_even_of_a_duplicate():
    vectors = with_duplicates()
    table = Reference.from_features(vectors, k=3).score_features(vectors[-4:])
    assert table["inside"].all()
    assert (table["rarity"] == 0).all()
    official = Reference.from_features(vectors, k=3).score_features(vectors[-4:], compat="official")
    assert not official["inside"].any()


def test_every_k_at_no_cost(reference):
    samples = gaussian(40, 8, seed=2)
    for k in (1, 5, 10):
        fresh = Reference.from_features(reference.features.vectors, k=k)
        ours, theirs = reference.score_features(samples, k=k), fresh.score_features(samples)
        assert same(ours, theirs)
        assert ours.provenance["k"] == k


@pytest.mark.parametrize("name", ["plain", "copies", "dups", "offset", "relu", "shift"])
def test_official_numbers_through_the_front_door(name):
    with np.load(GOLDEN / f"rarity_{name}.npz") as golden:
        reference = Reference.from_features(golden["real"], k=int(golden["k"]))
        table = reference.score_features(golden["fake"], compat="official")
        np.testing.assert_allclose(table["rarity"], golden["rarity_official"], rtol=1e-9)
        np.testing.assert_allclose(reference.radii, golden["radii"], rtol=1e-9)
        np.testing.assert_array_equal(table["inside"], golden["rarity_official"] > 0)


def test_closed_balls_hold_what_lies_on_them():
    reference = Reference.from_features([[0.0], [1.0], [5.0]], k=1)
    on_the_ball = [[6.0], [9.0]]
    assert reference.score_features(on_the_ball)["inside"].tolist() == [True, False]
    closed = reference.score_features(on_the_ball, boundary="closed")
    assert closed["inside"].tolist() == [True, True]


def test_saved_and_loaded_is_the_same(reference, tmp_path):
    reference.save(tmp_path / "ref")
    loaded = Reference.load(tmp_path / "ref")
    samples = gaussian(20, 8, seed=3)
    ours, theirs = reference.score_features(samples), loaded.score_features(samples)
    assert same(ours, theirs)
    assert ours.provenance == theirs.provenance


def test_a_damaged_reference_is_refused(reference, tmp_path):
    reference.save(tmp_path / "ref")
    (radii,) = (tmp_path / "ref").glob("radii-*.npy")
    content = bytearray(radii.read_bytes())
    content[-3] ^= 1
    radii.write_bytes(content)
    with pytest.raises(DamagedStoreError, match="radii"):
        Reference.load(tmp_path / "ref")


@pytest.mark.parametrize("harm", ["damage", "delete"])
@pytest.mark.parametrize("part", ["codes", "terms", "frame"])
def test_damaged_codes_are_made_again(reference, tmp_path, harm, part):
    reference.save(tmp_path / "ref")
    (codes,) = (tmp_path / "ref").glob(f"{part}-*.npy")
    if harm == "damage":
        content = bytearray(codes.read_bytes())
        content[-3] ^= 1
        codes.write_bytes(content)
    else:
        codes.unlink()
    loaded = Reference.load(tmp_path / "ref")
    samples = gaussian(20, 8, seed=3)
    assert same(loaded.score_features(samples), reference.score_features(samples))
    loaded.save(tmp_path / "ref")
    assert len(list((tmp_path / "ref").glob(f"{part}-*.npy"))) == 1
    assert Reference.load(tmp_path / "ref").geometry.code_cache.quantized is not None


def test_codes_of_another_version_are_left_alone(reference, tmp_path, monkeypatch):
    monkeypatch.setattr("rara.features.code_cache.VERSION", "coded otherwise")
    reference.save(tmp_path / "ref")
    monkeypatch.undo()
    loaded = Reference.load(tmp_path / "ref")
    assert loaded.geometry.code_cache.quantized is None
    samples = gaussian(20, 8, seed=3)
    assert same(loaded.score_features(samples), reference.score_features(samples))


def test_codes_are_used_and_change_nothing(reference, tmp_path):
    reference.save(tmp_path / "ref")
    loaded = Reference.load(tmp_path / "ref")
    one = gaussian(1, 8, seed=4)
    table = loaded.score_features(one)
    assert table.provenance["engine"]["filter"] == "int8"
    assert same(table, Reference.from_features(gaussian(300, 8), k=3).score_features(one))


def names(count, before="r"):
    return [f"{before}{i}" for i in range(count)]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("count", [5, 200])
def test_an_extended_reference_is_the_one_fitted_on_everything(count, metric):
    vectors, more = gaussian(count, 8), gaussian(30, 8, seed=2)
    grown = Reference.from_features(vectors, k=3, ids=names(count), metric=metric)
    grown = grown.extend(Features.from_arrays(more, ids=names(30, "m")))
    whole = Reference.from_features(
        np.concatenate([vectors, more]), k=3, ids=names(count) + names(30, "m"), metric=metric
    )
    np.testing.assert_array_equal(grown.geometry.d2, whole.geometry.d2)
    np.testing.assert_array_equal(grown.geometry.index, whole.geometry.index)
    assert grown.geometry.fingerprint == whole.geometry.fingerprint
    samples = gaussian(20, 8, seed=3)
    assert same(grown.score_features(samples), whole.score_features(samples))


@pytest.mark.parametrize("left", [5, 150])
def test_a_reduced_reference_is_the_one_fitted_on_the_rest(left):
    vectors = gaussian(200, 8)
    gone = np.random.default_rng(0).permutation(200)[left:]
    kept = np.setdiff1d(np.arange(200), gone)
    whole = Reference.from_features(vectors, k=3, ids=names(200))
    reduced = whole.without([f"r{i}" for i in gone])
    rest = Reference.from_features(vectors[kept], k=3, ids=[f"r{i}" for i in kept])
    np.testing.assert_array_equal(reduced.geometry.d2, rest.geometry.d2)
    np.testing.assert_array_equal(reduced.geometry.index, rest.geometry.index)
    assert reduced.geometry.fingerprint == rest.geometry.fingerprint
    assert reduced.ids == rest.ids


def test_ids_that_cannot_be_added_or_removed(reference):
    with pytest.raises(ParameterError, match=r"1 of 2 images in .* \('7'\)\. Ids must differ"):
        reference.extend(Features.from_arrays(gaussian(2, 8, seed=9), ids=["new", "7"]))
    with pytest.raises(ParameterError, match="No image 'nobody' in Reference of 300"):
        reference.without(["3", "nobody"])
    with pytest.raises(ParameterError, match="at least 4 images"):
        reference.without([str(i) for i in range(297)])


def test_cosine_distances_are_those_of_unit_vectors():
    vectors, samples = gaussian(100, 8), gaussian(20, 8, seed=3)
    reference = Reference.from_features(vectors, k=3, metric="cosine")
    table = reference.score_features(samples * np.float32(37))
    lengths = np.outer(np.linalg.norm(samples, axis=1), np.linalg.norm(vectors, axis=1))
    cosine = 1 - samples @ vectors.T / lengths
    np.testing.assert_allclose(table["nearest_distance"] ** 2 / 2, cosine.min(axis=1), atol=1e-6)
    assert table["nearest"].tolist() == [str(i) for i in cosine.argmin(axis=1)]
    assert table.provenance["reference"]["metric"] == "cosine"


def test_hellinger_distances_are_those_of_shares():
    vectors, samples = np.abs(gaussian(100, 8)), np.abs(gaussian(20, 8, seed=3))
    reference = Reference.from_features(vectors, k=3, metric="hellinger")
    table = reference.score_features(samples * np.float32(37))
    ours, theirs = (v / v.sum(axis=1, keepdims=True, dtype=float) for v in (samples, vectors))
    affinity = np.sqrt(ours) @ np.sqrt(theirs).T
    hellinger = np.sqrt(1 - affinity)
    np.testing.assert_allclose(
        table["nearest_distance"] / np.sqrt(2), hellinger.min(axis=1), atol=1e-6
    )
    assert table["nearest"].tolist() == [str(i) for i in hellinger.argmin(axis=1)]
    assert table.provenance["reference"]["metric"] == "hellinger"


def test_hellinger_takes_no_negative_numbers():
    vectors = np.abs(gaussian(10, 3))
    vectors[[2, 7], 1] *= -1
    with pytest.raises(FeatureError, match=r"2 of 10 vectors have negative .* the first is '2'"):
        Reference.from_features(vectors, metric="hellinger")
    vectors = np.abs(vectors)
    vectors[4] = 0
    with pytest.raises(FeatureError, match=r"1 of 10 vectors are 0 .* the first is '4'"):
        Reference.from_features(vectors, metric="hellinger")


def test_vectors_of_the_default_network_are_compared_by_hellinger(tmp_path):
    vectors = np.abs(np.random.default_rng(0).normal(size=(30, SPEC.dim))).astype(np.float32)
    made = replace(Features.from_arrays(vectors), spec=SPEC)
    made.save(tmp_path / "made")
    usual = Reference.fit(tmp_path / "made")
    assert (
        usual.features.spec.metric
        == Reference.from_features(made).features.spec.metric
        == "hellinger"
    )
    assert Reference.fit(tmp_path / "made", metric="euclidean").features.spec.metric == "euclidean"
    others = replace(made, spec=replace(SPEC, weights="other"))
    assert Reference.from_features(others).features.spec.metric == "euclidean"
    same_again = usual.score(tmp_path / "made")
    assert set(same_again["verdict"]) == {"copy"}
    euclidean = Reference.fit(tmp_path / "made", metric="euclidean")
    for reference in (usual, euclidean):
        parts = halves(reference)
        assert {part.features.spec.metric for part in parts} == {reference.features.spec.metric}


def test_the_metric_is_part_of_what_a_reference_is(tmp_path):
    vectors = gaussian(100, 8)
    plain, cosine = (Reference.from_features(vectors, metric=m) for m in ("euclidean", "cosine"))
    assert plain.geometry.fingerprint != cosine.geometry.fingerprint
    cosine.save(tmp_path / "ref")
    loaded = Reference.load(tmp_path / "ref")
    assert loaded.features.spec.metric == "cosine"
    samples = gaussian(20, 8, seed=3)
    assert same(loaded.score_features(samples), cosine.score_features(samples))
    assert (
        Reference.from_features(loaded.features).geometry.fingerprint == cosine.geometry.fingerprint
    )
    for other in ("euclidean", "hellinger"):
        with pytest.raises(ReferenceMismatchError, match=f"for the cosine metric, not {other}"):
            Reference.from_features(loaded.features, metric=other)


def test_vectors_without_a_direction_are_refused():
    vectors = gaussian(10, 3)
    vectors[4] = 0
    with pytest.raises(FeatureError, match=r"1 of 10 vectors are 0 .* the first is '4'"):
        Reference.from_features(vectors, metric="cosine")
    reference = Reference.from_features(gaussian(10, 3), metric="cosine")
    with pytest.raises(FeatureError, match="no direction"):
        reference.score_features(vectors)


def test_features_are_no_reference(tmp_path):
    Features.from_arrays(gaussian(5, 2)).save(tmp_path / "features")
    with pytest.raises(DamagedStoreError, match="reference build"):
        Reference.load(tmp_path / "features")


@pytest.mark.parametrize(
    ("n", "k", "says"),
    [
        (5, 0, "k = 0: give at least 1"),
        (5, -1, "at least 1"),
        (5, 5, r"k = 5 with 5 reference images: .* at least 6 images or k <= 4"),
        (1, 1, r"k = 1 with 1 reference image: .* at least 2 images\."),
    ],
)
def test_k_that_cannot_be(n, k, says):
    with pytest.raises(ParameterError, match=says):
        Reference.from_features(gaussian(n, 3), k=k)


def test_k_beyond_what_was_kept(reference):
    with pytest.raises(ParameterError, match="k <= 10"):
        reference.score_features(gaussian(2, 8), k=11)


def test_the_smallest_reference_has_no_leave_one_out():
    reference = Reference.from_features([[0.0], [1.0]], k=1)
    assert reference.describe()["leave_one_out"] is None
    assert reference.score_features([[0.5]])["rarity"].tolist() == [1.0]
    with pytest.raises(ParameterError, match="too large to judge this reference's own images"):
        reference.score_leave_one_out()


def test_one_sample_and_more_shown_neighbours_than_there_are():
    table = Reference.from_features(gaussian(3, 2), k=1).score_features(gaussian(1, 2, seed=9))
    assert len(table) == 1
    assert len(table["neighbors"][0]) == 3


def test_constant_features_are_all_copies():
    table = Reference.from_features(np.ones((6, 4)), k=2).score_features(np.ones((3, 4)))
    assert table["inside"].all()
    assert (table["nearest_distance"] == 0).all()
    assert np.isinf(table["realism"]).all()


def test_other_dimension_is_refused_with_both_named(reference):
    with pytest.raises(ReferenceMismatchError, match=r"8 dimensions .* have 5"):
        reference.score_features(gaussian(3, 5))


def test_other_extractor_is_refused_with_both_named(reference):
    given = Features.from_arrays(gaussian(3, 8))
    other = Features(given.vectors, given.items, Spec("clip", "ab" * 32, "224", 8), "there")
    with pytest.raises(ReferenceMismatchError, match=r"given vectors .* clip \(224"):
        reference.score_features(other)


def test_images_cannot_be_compared_with_given_vectors(reference):
    with pytest.raises(ReferenceMismatchError, match="score_features"):
        reference.score([np.zeros((8, 8, 3), np.uint8)])


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_vectors_without_distances_are_refused(bad, reference):
    samples = np.zeros((4, 8))
    samples[2, 1] = bad
    with pytest.raises(FeatureError, match="row 2"):
        reference.score_features(samples)
    with pytest.raises(FeatureError, match="row 2"):
        Reference.from_features(samples)


def test_official_and_closed_exclude_each_other(reference):
    with pytest.raises(ParameterError, match="closed"):
        reference.score_features(gaussian(2, 8), boundary="closed", compat="official")


@pytest.mark.parametrize("name", ["threads", "memory", "max_pixels"])
def test_a_run_needs_positive_numbers(name):
    with pytest.raises(ParameterError, match=f"{name} = 0"):
        Run(**{name: 0})


def test_memory_and_threads_change_nothing(reference):
    samples = gaussian(50, 8, seed=4)
    expected = reference.score_features(samples)
    for run in (Run(memory=1), Run(memory=50_000, threads=1), Run(threads=5)):
        again = Reference.from_features(reference.features.vectors, k=3, run=run)
        assert same(again.score_features(samples, run=run), expected)


def test_provenance_says_relative_to_what():
    reference = Reference.from_features(gaussian(300, 8), k=3)
    provenance = reference.score_features(gaussian(7, 8, seed=6)).provenance
    assert provenance["samples"]["count"] == 7
    assert provenance["reference"]["count"] == 300
    assert provenance["reference"]["fingerprint"] == reference.geometry.fingerprint
    assert provenance["engine"]["filter"] == "float32"
    assert provenance["extractor"] is None
    json.dumps(provenance.to_json())


def test_more_of_the_space_is_covered_by_wider_balls(reference):
    samples = 1.2 * gaussian(200, 8, seed=7)
    shares = [reference.score_features(samples, k=k)["inside"].mean() for k in (1, 3, 10)]
    assert shares == sorted(shares)
    assert shares[0] < shares[-1]
