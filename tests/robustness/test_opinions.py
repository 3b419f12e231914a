"""Second opinions: by halves of the reference, by other extractors, and what they contest."""

import shutil

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from embedding import Means, Small
from make import features, gaussian
from rara import Features, Reference, Run, ScoreTable
from rara.cli.app import run
from rara.errors import ParameterError, ReferenceMismatchError
from rara.extractors import Spec
from rara.features.reembed import reembed
from rara.report import facts, summarise, to_html
from rara.report import formatting as words
from rara.report.disagreement import Disagreement, disagreement_line, dissents
from rara.report.rows import Row
from rara.robustness.contested import contested
from rara.robustness.second_opinions import by_extractor, by_halves, halves
from rara.verdict.disagreement import contradicts, halves_against

OFF = "off-manifold"
VERDICTS = ("copy", "near copy", "unknown to this reference", OFF, "rare", "uncommon", "typical")


def asked(reference, samples, **options):
    """A table, the opinions of the halves, and both together."""
    samples = samples if isinstance(samples, Features) else features(samples)
    table = reference.score(samples, **options)
    parts = by_halves(table, reference, samples, calibration=options.get("calibration"))
    return table, parts, contested(table, halves=parts)


def rows(table):
    """The rows as text: NaN equals NaN."""
    return [str(row) for row in table.arrow.to_pylist()]


@pytest.fixture(scope="module")
def reference():
    return Reference.from_features(gaussian(600, 8))


# -- rules --


@pytest.mark.parametrize(
    ("given", "said", "contests"),
    [
        ("rare", "rare", False),
        ("rare", "uncommon", True),
        ("typical", OFF, True),
        ("typical", "near copy", True),
        ("copy", "near copy", False),
        ("unknown to this reference", OFF, False),
        ("rare", "no verdict", False),
        ("no verdict", "rare", False),
        ("rare", None, False),
    ],
)
def test_an_opinion_contradicts_where_it_says_another_thing(given, said, contests):
    assert contradicts(given, said) is contests
    assert halves_against(given, [given, said]) is (contests and given != "copy")


@given(st.sampled_from(VERDICTS), st.sampled_from(VERDICTS))
def test_contradiction_has_no_direction(one, other):
    assert contradicts(one, other) is contradicts(other, one)
    assert not contradicts(one, one)


@pytest.mark.parametrize(
    ("said", "contests"),
    [
        (["copy", "typical"], False),
        (["typical", "near copy"], False),
        (["typical", "rare"], True),
        (["typical", "no verdict"], False),
        ([None, "typical"], False),
    ],
)
def test_a_copy_is_contested_only_where_no_half_may_have_seen_it(said, contests):
    for verdict in ("copy", "near copy"):
        assert halves_against(verdict, said) is contests


# -- halves --


def test_halves_are_disjoint_and_whole_and_of_a_seed(reference):
    one, other = halves(reference)
    assert len(one) == len(other) == 300
    assert sorted(one.ids + other.ids) == sorted(reference.ids)
    assert halves(reference)[0].ids == one.ids
    assert halves(reference, seed=1)[0].ids != one.ids


def test_images_of_the_same_content_stay_in_one_half():
    vectors = gaussian(100, 8)
    one, other = halves(Reference.from_features(np.concatenate([vectors, vectors, vectors[:30]])))
    contents = [set(half.features.done["digest"].to_pylist()) for half in (one, other)]
    assert contents[0].isdisjoint(contents[1])
    assert len(contents[0]) == len(contents[1]) == 50


def test_halves_are_treated_as_the_reference_is():
    vectors = np.concatenate([gaussian(200, 8), gaussian(50, 8)])
    whole = Reference.from_features(vectors, deduplicate="exact", clip_radii=0.5)
    one, other = halves(whole)
    assert len(one) + len(other) == len(whole) == 200
    for half in (one, other):
        assert half.geometry.cleaning.clip_radii == 0.5
        assert half.radii.max() == np.sort(np.sqrt(half.geometry.d2[:, 2]))[49]


@pytest.mark.parametrize("boundary", ["open", "closed"])
@pytest.mark.parametrize("calibration", [None, gaussian(150, 8, seed=5)], ids=["own", "held out"])
def test_a_half_says_what_a_reference_of_its_images_would(reference, boundary, calibration):
    samples = features(gaussian(120, 8, seed=1))
    reals = None if calibration is None else features(calibration)
    options = {"k": 4, "alpha": 0.1, "boundary": boundary, "calibration": reals}
    _, parts, _ = asked(reference, samples, **options)
    for half, part in zip(halves(reference), parts, strict=True):
        alone = Reference.from_features(half.features.vectors, ids=half.ids)
        expected = alone.score(samples, **options)
        for name in ("verdict", "rarity", "off_manifold_p", "copy_q", "nearest"):
            np.testing.assert_array_equal(part[name], expected[name])


def test_the_opinions_are_beside_the_reason_in_the_order_of_the_halves(reference):
    table, parts, weighed = asked(reference, gaussian(100, 8, seed=1))
    said = [list(pair) for pair in zip(*(part["verdict"] for part in parts), strict=True)]
    assert [list(pair) for pair in weighed["verdict_by_half"]] == said
    flags = [halves_against(*pair) for pair in zip(table["verdict"], said, strict=True)]
    assert weighed["contested"].tolist() == flags
    assert 0.05 < np.mean(flags) < 0.6
    assert weighed.columns[:5] == ["id", "verdict", "reason", "contested", "verdict_by_half"]
    assert [name for name in weighed.columns if name in table.columns] == table.columns


def test_a_copy_is_uncontested_although_one_half_cannot_know(reference):
    vectors = reference.features.vectors
    samples = np.concatenate([vectors[:40], vectors[40:80] + np.float32(0.003)])
    table, parts, weighed = asked(reference, samples)
    assert set(table["verdict"]) == {"copy", "near copy"}
    assert not weighed["contested"].any()
    first = np.isin(np.arange(80).astype(str), halves(reference)[0].ids)
    called = np.isin([list(pair) for pair in weighed["verdict_by_half"]], ("copy", "near copy"))
    assert called[np.arange(80), np.where(first, 0, 1)].all()
    assert called[np.arange(80), np.where(first, 1, 0)].mean() < 0.1
    assert {len(part) for part in parts} == {80}


def test_what_is_far_off_is_never_contested(reference):
    rng = np.random.default_rng(1)
    far = features((30 + 10 * rng.random((20, 1))) * rng.normal(size=(20, 8)))
    for seed in range(3):
        table = reference.score(far)
        parts = by_halves(table, reference, far, seed=seed)
        assert not contested(table, halves=parts)["contested"].any()
        assert set(table["verdict"]) == {OFF}


def test_a_place_that_only_one_half_knows_is_contested():
    """Twelve images of one content are in one half: to the other nothing is there."""
    place = np.full((1, 8), 20, np.float32)
    whole = Reference.from_features(
        np.concatenate([gaussian(600, 8), np.repeat(place, 12, axis=0)])
    )
    samples = np.concatenate([place + np.float32(0.4), gaussian(20, 8, seed=1)])
    table, _, weighed = asked(whole, samples)
    assert table["verdict"][0] not in (OFF, "copy", "near copy", "no verdict")
    assert sorted(weighed["verdict_by_half"][0])[0] == OFF
    assert sum(said == OFF for said in weighed["verdict_by_half"][0]) == 1
    assert weighed["contested"][0]


def test_own_images_are_judged_by_the_half_that_does_not_hold_them(reference):
    table = reference.score_leave_one_out()
    parts = by_halves(table, reference, reference.features)
    weighed = contested(table, halves=parts)
    held = halves(reference)
    assert [part["id"].tolist() for part in parts] == [held[1].ids, held[0].ids]
    for row, pair in enumerate(weighed["verdict_by_half"]):
        assert pair[0 if str(row) in set(held[0].ids) else 1] is None
    assert "copy" not in {said for pair in weighed["verdict_by_half"] for said in pair}
    assert 0.05 < weighed["contested"].mean() < 0.5
    both = weighed.provenance["opinions"]["by_half"]["rank_correlation"]
    assert both == {"rarity": None, "knn_distance": None}


def test_samples_of_the_same_content_are_copies_to_both_halves_together(reference):
    """Not asked to leave any out, one half or the other holds each sample."""
    renamed = Features.from_arrays(reference.features.vectors, ids=[f"b{i}" for i in range(600)])
    weighed = asked(reference, renamed)[2]
    assert {"copy"} == set(weighed["verdict"])
    assert all("copy" in pair for pair in weighed["verdict_by_half"])


def test_halves_too_small_for_a_verdict_contest_none():
    small = Reference.from_features(gaussian(60, 3))
    table, _, weighed = asked(small, gaussian(30, 3, seed=1))
    abstained = np.array([set(pair) == {"no verdict"} for pair in weighed["verdict_by_half"]])
    assert {"typical", "uncommon"} <= set(table["verdict"][abstained])
    assert abstained.sum() > 20
    assert not weighed["contested"][abstained].any()
    [one, other] = weighed.provenance["opinions"]["by_half"]["halves"]
    assert "Too few" in one["shortfall"]
    assert "Too few" in other["shortfall"]


def test_too_few_images_make_no_halves():
    small = Reference.from_features(gaussian(7, 8))
    with pytest.raises(ParameterError, match="7 reference images are too few for two halves"):
        halves(small)


def test_the_order_of_the_samples_plays_no_role(reference):
    samples, order = gaussian(60, 8, seed=1), np.random.default_rng(0).permutation(60)
    forward = asked(reference, samples)[2]
    named = Features.from_arrays(samples[order], ids=[str(i) for i in order])
    shuffled = asked(reference, named)[2]
    assert shuffled["contested"].tolist() == forward["contested"][order].tolist()


def test_working_otherwise_changes_no_opinion(reference):
    samples = features(gaussian(60, 8, seed=1))
    table = reference.score(samples)
    expected = by_halves(table, reference, samples)
    found = by_halves(table, reference, samples, run=Run(memory=1, threads=2))
    for one, other in zip(expected, found, strict=True):
        assert rows(one) == rows(other)


def test_provenance_says_whose_opinions_and_how_rankings_agree(reference):
    _, parts, weighed = asked(reference, gaussian(150, 8, seed=1))
    about = weighed.provenance["opinions"]
    one, other = about["by_half"]["halves"]
    assert one["reference"]["location"].endswith("(half 1, seed 0)")
    assert one["reference"]["count"] == other["reference"]["count"] == 300
    assert one["reference"]["fingerprint"] != other["reference"]["fingerprint"]
    assert about["contested"] == about["by_half"]["contested"] == weighed["contested"].sum()
    ranks = [part["knn_distance"].argsort().argsort() for part in parts]
    expected = np.corrcoef(*ranks)[0, 1]
    found = about["by_half"]["rank_correlation"]
    assert found["knn_distance"] == pytest.approx(expected, abs=1e-6)
    assert found["rarity"] < found["knn_distance"]


# -- other tables --


def test_an_extractor_that_sees_one_sample_elsewhere_contests_that_one(reference):
    samples = gaussian(80, 8, seed=1)
    table = reference.score_features(samples)
    chosen = int(np.flatnonzero(table["verdict"] == "typical")[0])
    moved = samples.copy()
    moved[chosen] += 50
    other = reference.score_features(moved)
    weighed = contested(table, extractors={"moved": other, "same": table})
    assert np.flatnonzero(weighed["contested"]).tolist() == [chosen]
    assert weighed["verdict_by_extractor"][chosen].tolist() == [
        {"extractor": "moved", "verdict": OFF},
        {"extractor": "same", "verdict": "typical"},
    ]
    moved, same = weighed.provenance["opinions"]["by_extractor"]
    assert (moved["name"], moved["contested"], same["contested"]) == ("moved", 1, 0)
    assert same["rank_correlation"] == {"rarity": 1, "knn_distance": 1}
    assert moved["rank_correlation"]["knn_distance"] < 1


def test_samples_without_an_opinion_are_uncontested(reference):
    table = reference.score_features(gaussian(20, 8, seed=1))
    some = reference.score_features(gaussian(20, 8, seed=1) + 50).filter(np.arange(20) < 5)
    weighed = contested(table, extractors={"some": some})
    assert weighed["verdict_by_extractor"][7].tolist() == [{"extractor": "some", "verdict": None}]
    [about] = weighed.provenance["opinions"]["by_extractor"]
    ranks = [one["knn_distance"][:5].argsort().argsort() for one in (table, some)]
    correlation = about["rank_correlation"]["knn_distance"]
    assert correlation == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-6)
    assert not weighed["contested"][5:].any()
    assert weighed["contested"][:5].sum() == sum(
        verdict not in (OFF, "no verdict") for verdict in table["verdict"][:5]
    )


def test_tables_with_opinions_are_written_and_read(reference, tmp_path):
    _, parts, weighed = asked(reference, gaussian(30, 8, seed=1))
    weighed = contested(
        reference.score(features(gaussian(30, 8, seed=1))), halves=parts, extractors={"a": parts[0]}
    )
    weighed.to_parquet(tmp_path / "a.parquet")
    again = ScoreTable.from_parquet(tmp_path / "a.parquet")
    assert rows(again) == rows(weighed)
    assert again.provenance["opinions"] == weighed.provenance["opinions"]
    weighed.to_csv(tmp_path / "a.csv")
    assert '[""' in (tmp_path / "a.csv").read_text()


def test_metadata_of_the_same_name_stays_metadata(reference):
    named = Features.from_arrays(gaussian(10, 8, seed=1), metadata={"contested": ["yes"] * 10})
    weighed = asked(reference, named)[2]
    assert weighed["contested"].dtype == bool
    assert weighed["metadata_contested"].tolist() == ["yes"] * 10


def test_opinions_answer_the_same_question(reference):
    samples = features(gaussian(20, 8, seed=1))
    table = reference.score(samples)
    elsewhere = Features.from_arrays(gaussian(20, 8, seed=1), ids=[f"b{i}" for i in range(20)])
    official = reference.score(samples, compat="official")
    for other, says in [
        (reference.score(samples, k=5), "k = 5, alpha = 0.05, open balls on verdicts at k = 3"),
        (reference.score(samples, alpha=0.01), "alpha = 0.01"),
        (reference.score(samples, boundary="closed"), "closed balls"),
        (reference.score(elsewhere), "none of its ids"),
        (official, "remove compat"),
    ]:
        with pytest.raises(ParameterError, match=says):
            contested(table, extractors={"other": other})
    with pytest.raises(ParameterError, match="remove compat"):
        by_halves(official, reference, samples)
    with pytest.raises(ParameterError, match="No second opinion"):
        contested(table)
    for parts in (table, [table], [table] * 3):
        with pytest.raises(ParameterError, match="give two score tables"):
            contested(table, halves=parts)
    for extractors in (table, [table], {1: table}):
        with pytest.raises(ParameterError, match="give score tables by their names"):
            contested(table, extractors=extractors)
    with pytest.raises(ParameterError, match="already"):
        contested(contested(table, extractors={"a": table}), extractors={"b": table})


# -- other extractors on the same images --


@pytest.fixture
def images(tmp_path, draw):
    draw(tmp_path / "train", 60, 0)
    draw(tmp_path / "samples", 20, 1)
    return tmp_path


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_another_extractor_says_what_a_reference_made_with_it_would(images, metric):
    run = Run(cache=images / "cache")
    reference = Reference.fit(images / "train", extractor=Means(), metric=metric, run=run)
    table = reference.score(images / "samples", alpha=0.2, run=run)
    said = by_extractor(table, reference, images / "samples", extractor=Small(), run=run)
    other = Reference.fit(images / "train", extractor=Small(), metric=metric, run=run)
    expected = other.score(images / "samples", alpha=0.2, run=run)
    for name in ("id", "verdict", "reason", "rarity", "off_manifold_p", "nearest"):
        np.testing.assert_array_equal(said[name], expected[name])
    weighed = contested(table, extractors={"small": said})
    [about] = weighed.provenance["opinions"]["by_extractor"]
    assert about["extractor"]["name"] == "small"


def test_halves_look_at_the_pixels_too(images):
    run = Run(cache=images / "cache")
    for i in range(3):
        shutil.copy(images / "train" / f"image {3 * i}.png", images / "samples" / f"copy {i}.png")
    reference = Reference.fit(images / "train", extractor=Means(), run=run)
    table = reference.score(images / "samples", run=run)
    parts = by_halves(table, reference, images / "samples", extractor=Means(), run=run)
    for half, part in zip(halves(reference, run=run), parts, strict=True):
        expected = half.score(images / "samples", extractor=Means(), run=run)
        for name in ("verdict", "reason", "pixel_nearest", "pixel_p", "copy_q"):
            np.testing.assert_array_equal(part[name], expected[name])
    weighed = contested(table, halves=parts)
    assert (weighed["verdict"] == "copy").sum() == 3
    assert not weighed["contested"][weighed["verdict"] == "copy"].any()


def test_features_and_saved_references_are_seen_again_where_their_images_are(images):
    run = Run(cache=images / "cache")
    Reference.fit(images / "train", extractor=Means(), run=run).save(images / "reference")
    reference = Reference.load(images / "reference").without(["image 3.png", "image 7.jpg"])
    table = reference.score(images / "samples", extractor=Means(), run=run)
    samples = reembed(reference.features, Small(), run)
    assert samples.ids == reference.ids
    said = by_extractor(table, reference, images / "samples", extractor=Small(), run=run)
    assert said.provenance["reference"]["count"] == 58
    first = Reference.fit(images / "samples", extractor=Means(), run=run).features
    first.save(images / "vectors")
    for again in (first, images / "vectors"):
        same = by_extractor(table, reference, again, extractor=Small(), run=run)
        assert rows(same) == rows(said)


def test_a_reference_that_grew_is_seen_again_at_all_its_places(images, draw):
    run = Run(cache=images / "cache")
    draw(images / "later" / "june", 10, 7)
    reference = Reference.fit(images / "train", extractor=Means(), run=run)
    grown = reference.extend(images / "later", run=run)
    again = reembed(grown.features, Small(), run)
    assert again.ids == grown.ids
    assert len(again) == 70


def test_images_that_the_other_extractor_cannot_use_are_left_out(images):
    class Blind(Small):
        spec = Spec("blind", "b", "none", 27)

        def extract(self, batch):
            vectors = super().extract(batch)
            vectors[vectors[:, 0] > 200] = np.nan
            return vectors

    run = Run(cache=images / "cache")
    features = Reference.fit(images / "train", extractor=Means(), run=run).features
    seen, blind = (reembed(features, one(), run) for one in (Small, Blind))
    kept = [name for name, row in zip(seen.ids, seen.vectors, strict=True) if row[0] <= 200]
    assert blind.ids == kept
    assert 0 < len(kept) < 60


def test_what_was_held_out_is_seen_again_as_well(images):
    run = Run(cache=images / "cache")
    whole = Reference.fit(images / "train", extractor=Means(), run=run).features
    rest, held = whole.split(0.3)
    reference = Reference.fit(rest, run=run)
    table = reference.score(
        images / "samples", calibration=held, extractor=Means(), alpha=0.2, run=run
    )
    said = by_extractor(
        table, reference, images / "samples", extractor=Small(), calibration=held, run=run
    )
    assert said.provenance["calibration"]["real_images"] == len(held) == 18
    assert said.provenance["reference"]["count"] == len(rest) == 42


def test_what_was_held_out_and_grew_is_seen_again_at_all_its_places(images, draw):
    run = Run(cache=images / "cache")
    draw(images / "later" / "june", 10, 7)
    _, held = Reference.fit(images / "train", extractor=Means(), run=run).features.split(0.3)
    grown = Reference.fit(held, run=run).extend(images / "later", extractor=Means(), run=run)
    assert reembed(grown.features, Small(), run).ids == grown.ids


def test_own_images_are_left_out_by_the_other_extractor_too(images):
    run = Run(cache=images / "cache")
    reference = Reference.fit(images / "train", extractor=Means(), run=run)
    table = reference.score_leave_one_out(run=run)
    said = by_extractor(table, reference, images / "train", extractor=Small(), run=run)
    assert said.provenance["leave_one_out"] is True
    assert "copy" not in set(said["verdict"])


def test_images_that_are_gone_or_others_are_refused(images):
    run = Run(cache=images / "cache")
    reference = Reference.fit(images / "train", extractor=Means(), run=run)
    table = reference.score(images / "samples", run=run)

    def ask():
        by_extractor(table, reference, images / "samples", extractor=Small(), run=run)

    shutil.copy(images / "samples" / "image 0.png", images / "train" / "image 0.png")
    with pytest.raises(ReferenceMismatchError, match=r"1 of 60 images .* 'image 0.png'"):
        ask()
    shutil.rmtree(images / "train")
    with pytest.raises(ReferenceMismatchError, match="small needs the images"):
        ask()


def test_vectors_without_images_have_none_to_see_again(reference):
    samples = features(gaussian(5, 8, seed=1))
    with pytest.raises(ReferenceMismatchError, match="have no images for small"):
        by_extractor(reference.score(samples), reference, samples, extractor=Small())


def test_the_same_extractor_is_no_second_opinion(images):
    run = Run(cache=images / "cache")
    reference = Reference.fit(images / "train", extractor=Means(), metric="cosine", run=run)
    table = reference.score(images / "samples", run=run)
    with pytest.raises(ParameterError, match="means made this reference"):
        by_extractor(table, reference, images / "samples", extractor=Means(), run=run)


# -- what people see --


@pytest.fixture(scope="module")
def weighed(reference):
    table, parts, _ = asked(reference, gaussian(200, 8, seed=1))
    moved = reference.score_features(gaussian(200, 8, seed=1) * np.float32(1.5))
    return contested(table, halves=parts, extractors={"<b>\x1b": moved})


def test_the_summary_counts_who_contests(weighed):
    about = weighed.provenance["opinions"]
    [line] = [line for line in weighed.summary().splitlines() if line.startswith("Contested")]
    share = words.percent(about["contested"] / 200)
    assert line == (
        f"Contested {about['contested']} ({share}): {about['by_half']['contested']} by half the "
        f"reference, {about['by_extractor'][0]['contested']} by an extractor"
    )


def test_a_table_that_was_filtered_counts_what_is_left(weighed):
    left = weighed.filter(~weighed["contested"])
    assert facts(left.arrow, left.provenance).dissent == Disagreement(
        contested=0, samples=len(left), by_half=0, by_extractor={"<b>\x1b": 0}
    )
    assert "Contested none" in left.summary()
    assert "No verdict is contested." in to_html(summarise(left.arrow, left.provenance, None))


@pytest.mark.parametrize("by_half", [None, 99_999])
@pytest.mark.parametrize("by_extractor", [{}, {"a": 99_999, "b": 3}])
def test_the_line_fits_the_terminal(by_half, by_extractor):
    found = Disagreement(99_999, 111_111, by_half, by_extractor)
    assert words.width(disagreement_line(found)) <= 70


def test_nobody_asked_is_nothing_said(reference):
    table = reference.score_features(gaussian(30, 8, seed=1))
    assert facts(table.arrow, table.provenance).dissent is None
    assert "ontested" not in table.summary()
    assert "ontested" not in to_html(summarise(table.arrow, table.provenance, None))


def test_the_page_says_what_others_say(weighed):
    found = summarise(weighed.arrow, weighed.provenance, None)
    page = to_html(found)
    shown = [card.record for row in found.rows.values() for card in row.cards]
    rows = {row["id"]: row for row in weighed.arrow.to_pylist()}
    assert any(record.dissents for record in shown)
    for record in shown:
        assert bool(record.dissents) is rows[record.id]["contested"]
        assert "contested" not in record.metadata
    assert "<strong>Contested:</strong> " in page
    assert " calls it " in page
    assert "by half the reference" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "\x1b" not in page


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"verdict_by_half": ["rare", "typical"]}, ["one half of the reference calls it typical"]),
        ({"verdict_by_half": ["copy", "copy"]}, ["both halves of the reference call it a copy"]),
        (
            {"verdict_by_half": ["typical", "unknown to this reference"]},
            ["the halves of the reference call it typical and unknown"],
        ),
        ({"verdict_by_half": ["rare", None]}, []),
        (
            {"verdict_by_extractor": [{"extractor": "a", "verdict": OFF}]},
            ["a calls it off-manifold"],
        ),
        ({}, []),
    ],
)
def test_what_others_say_in_words(row, said):
    assert dissents(Row({"verdict": "rare", **row})) == said


# -- the command line --


@pytest.fixture
def place(images, monkeypatch):
    """Images, and a network that pools an image over squares."""
    entry, exits = (helper.make_tensor_value_info(*one) for one in (
        ("x", TensorProto.FLOAT, [1, 3, 8, 8]), ("y", TensorProto.FLOAT, None)))  # fmt: skip
    nodes = [
        helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "g", [entry], [exits])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
        images / "pool.onnx",
    )
    monkeypatch.chdir(images)
    return images


BOTH = ["--extractor", "efficientnet-lite0", "--extractor", "pool.onnx"]
SCORE = ["score", "samples", "-r", "train", "--alpha", "0.2"]


def test_halves_and_extractors_are_asked_on_the_command_line(place, capsys):
    assert run([*SCORE, *BOTH, "--halves", "-o", "a.parquet", "--report", "a.html"]) == 0
    assert "\nContested " in capsys.readouterr().out
    table = ScoreTable.from_parquet("a.parquet")
    [other] = table.provenance["opinions"]["by_extractor"]
    assert other["name"].startswith("onnx-")
    assert table.provenance["extractor"]["name"] == "efficientnet-lite0"
    assert {len(pair) for pair in table["verdict_by_half"]} == {2}
    alone = Reference.fit("train").score("samples", alpha=0.2)
    assert table["verdict"].tolist() == alone["verdict"].tolist()
    pooled = Reference.fit("train", extractor="pool.onnx").score("samples", alpha=0.2)
    said = [one[0]["verdict"] for one in table["verdict_by_extractor"]]
    assert said == pooled["verdict"].tolist()


def test_a_share_held_out_is_the_same_for_all(place, capsys):
    assert run([*SCORE, *BOTH, "--halves", "--held-out", "0.3", "-o", "a.parquet"]) == 0
    about = ScoreTable.from_parquet("a.parquet").provenance["opinions"]
    counts = [one["reference"]["count"] for one in about["by_half"]["halves"]]
    assert counts == [21, 21]
    assert about["by_extractor"][0]["reference"]["count"] == 42


def test_saved_references_and_features_get_second_opinions(place, capsys):
    assert run(["reference", "build", "train", "-o", "reference"]) == 0
    assert run(["embed", "samples", "-o", "vectors"]) == 0
    assert run([*SCORE, *BOTH, "-o", "a.csv"]) == 0
    assert run(["score", "vectors", "-r", "reference", "--alpha", "0.2", *BOTH, "-o", "b.csv"]) == 0
    assert (place / "a.csv").read_text() == (place / "b.csv").read_text()


MISTAKES = {
    "the same twice": ([*SCORE, *BOTH, "--extractor", "pool.onnx"], "is given twice"),
    "images gone": (["score", "samples", "-r", "moved", *BOTH], "needs the images"),
    "vectors gone": (["score", "orphans", "-r", "train", *BOTH], "needs the images"),
    "no verdicts": ([*SCORE, "--halves", "--compat", "official"], "carry no verdict"),
    "elsewhere": (["embed", "samples", "-o", "v", *BOTH], "second opinions are for `rara score`"),
    "size of a name": ([*SCORE, *BOTH[:2], "--size", "8", "8"], "--size needs an ONNX file"),
    "layout of a name": (
        [*SCORE, *BOTH[:2], "--output-layout", "nhwc"],
        "--output-layout needs an ONNX file",
    ),
    "too few": (["score", "samples", "-r", "few", "--halves"], "too few for two halves"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_get_one_sentence(mistake, place, draw, capsys):
    draw(place / "away", 20, 5)
    draw(place / "few", 7, 6)
    Reference.fit("away").save("moved")
    Reference.load("moved").features.save("orphans")
    shutil.rmtree(place / "away")
    arguments, says = MISTAKES[mistake]
    assert run(arguments) == 2
    error = capsys.readouterr().err
    message = error[error.index("rara:") :]
    assert says in message
    assert len(message.splitlines()) == 1
    assert "Pairs of sample and reference" not in error
