"""What decisions change in scores: the accusation of their own pair, and nothing else."""

import os
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

import rara
from make import as_folder, encoded, features, fit, gaussian, picture
from rara import Decisions, Features, Reference
from rara.calibration.copies import NEAR_BITS
from rara.decisions.decision import Decision, today
from rara.decisions.pairs import fingerprint_of, judged_pairs
from rara.errors import DamagedStoreError
from rara.robustness.contested import contested
from rara.robustness.second_opinions import by_halves
from rara.stats.conformal import q_values
from rara.verdict.decided import speak

N, D = 400, 8
DECIDED = {"verdict", "reason", "decision", "decision_source", "stability"}


def real(seed=0):
    return gaussian(N, D, seed)


def made(train, copies=6, others=30, noise=1e-3, seed=1):
    """Samples: near copies of the first reference images, then fresh ones."""
    rng = np.random.default_rng(seed)
    near = train[:copies] + noise * rng.normal(size=(copies, D))
    return features(np.concatenate([near, gaussian(others, D, rng)]))


def contents(one):
    return one.done["digest"].to_pylist()


def decide(reference, samples, pairs, copy=False):
    """Decide on pairs of rows."""
    ours, theirs = contents(samples), contents(reference.features)
    for sample, source in pairs:
        reference.decisions.add(ours[sample], theirs[source], copy=copy)


def same_columns(one, other, but=DECIDED):
    names = set(one.columns) - but
    assert names == set(other.columns) - but
    for name in names:
        assert one.arrow[name].equals(other.arrow[name]) or np.array_equal(
            one[name], other[name], equal_nan=True
        ), name


@pytest.fixture
def sides():
    train = real()
    return fit(train), made(train)


def test_a_pair_that_is_no_copy_is_not_accused_and_nothing_else_changes(sides):
    reference, samples = sides
    before = reference.score_features(samples)
    assert before["verdict"][:6].tolist() == ["near copy"] * 6
    decide(reference, samples, [(0, 0), (3, 3)])
    after = reference.score_features(samples)
    assert after["verdict"][[0, 3]].tolist() == ["typical", "typical"] or set(
        after["verdict"][[0, 3]]
    ) <= {"typical", "uncommon"}
    rest = np.delete(np.arange(len(samples)), [0, 3])
    assert after["verdict"][rest].tolist() == before["verdict"][rest].tolist()
    assert after["reason"][rest].tolist() == before["reason"][rest].tolist()
    assert "decision" not in before.columns
    assert after.arrow["decision"].to_pylist()[:4] == ["not a copy", None, None, "not a copy"]
    assert after["reason"][3].endswith(f"You decided on {today()} that this is no copy of 3.")
    same_columns(before, after)


def test_a_pair_that_is_a_copy_is_one(sides):
    reference, samples = sides
    before = reference.score_features(samples)
    assert before["verdict"][20] != "copy"
    decide(reference, samples, [(20, 7)], copy=True)
    after = reference.score_features(samples)
    assert after["verdict"][20] == "copy"
    assert after["stability"][20] == 1
    assert after["reason"][20] == f"You decided on {today()} that this is a copy of 7."
    assert after.arrow["decision"].to_pylist().count("copy") == 1
    same_columns(before, after)
    others = np.delete(np.arange(len(samples)), 20)
    assert after["verdict"][others].tolist() == before["verdict"][others].tolist()


def test_the_order_of_the_two_does_not_matter(sides):
    reference, samples = sides
    reference.decisions.add(contents(reference.features)[0], contents(samples)[0])
    assert reference.score_features(samples)["verdict"][0] != "near copy"


def test_a_decision_that_bears_on_no_accusation_is_held_and_not_applied(sides):
    reference, samples = sides
    before = reference.score_features(samples)
    decide(reference, samples, [(0, 9), (25, 50)])
    reference.decisions.add("a" * 64, "b" * 64)
    after = reference.score_features(samples)
    assert after["verdict"].tolist() == before["verdict"].tolist()
    assert after["reason"].tolist() == before["reason"].tolist()
    part = after.provenance.decisions
    assert (part.held, part.copies, part.not_copies) == (3, 0, 0)


def test_behind_an_image_that_is_no_original_the_next_one_is_named():
    train = real()
    train[1] = train[0] + 0.01
    reference, samples = fit(train), made(train, copies=1)
    before = reference.score_features(samples)
    assert before["verdict"][0] in ("near copy", "no verdict")
    decide(reference, samples, [(0, 0)])
    one = reference.score_features(samples)
    decide(reference, samples, [(0, 1)])
    both = reference.score_features(samples)
    assert one["verdict"][0] in ("near copy", "no verdict")
    assert "reference image 1 " in one["reason"][0]
    assert one["reason"][0].endswith("no copy of 0.")
    assert both["verdict"][0] not in ("near copy", "no verdict", "copy")
    same_columns(before, both)


@pytest.mark.parametrize("seed", range(12))
def test_decisions_against_pairs_only_ever_take_accusations_away(seed):
    """Whatever pairs are chosen by looking, no other sample is called: so the share of false calls
    falls wherever the decisions are right."""
    rng = np.random.default_rng(seed)
    train = gaussian(120, 3, rng)
    near = train[:40] + rng.normal(size=(40, 3)) * rng.choice([1e-3, 0.02, 0.1], size=(40, 1))
    samples = features(np.concatenate([near, gaussian(20, 3, rng)]))
    reference = fit(train)
    before = reference.score_features(samples, alpha=0.2)
    names = before["nearest"].astype(int)
    chosen = np.flatnonzero(rng.random(60) < 0.4)
    decide(reference, samples, [(row, names[row]) for row in chosen])
    after = reference.score_features(samples, alpha=0.2)
    called = [set(np.flatnonzero(np.isin(t["verdict"], ["near copy", "copy"])))
              for t in (before, after)]  # fmt: skip
    assert called[1] <= called[0]
    assert called[0] - called[1] <= set(chosen)
    assert len(called[0] - called[1]) > 0
    rest = np.setdiff1d(np.arange(60), chosen)
    assert after["verdict"][rest].tolist() == before["verdict"][rest].tolist()
    same_columns(before, after)


def test_right_decisions_never_raise_the_share_of_false_calls():
    """For each single result, and with pairs chosen by looking at it."""
    shares = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        train = gaussian(150, 4, rng)
        near = train[:40] + 1e-3 * rng.normal(size=(40, 4))
        samples = features(np.concatenate([near, gaussian(40, 4, rng)]))
        reference = fit(train)
        before = reference.score_features(samples, alpha=0.3)
        called = np.flatnonzero(before["verdict"] == "near copy")
        names = before["nearest"].astype(int)
        for row in rng.permutation(called)[: len(called) // 2]:
            true = row < 40
            decide(reference, samples, [(row, row if true else names[row])], copy=bool(true))
        after = reference.score_features(samples, alpha=0.3)
        shares.append([false_share(before), false_share(after)])
    before, after = np.transpose(shares)
    assert (after <= before).all()
    assert after.mean() < before.mean()
    assert before.mean() > 0.05


def false_share(table):
    """Of the samples called copies, the share of those that are none: rows from 40 on."""
    called = np.flatnonzero(np.isin(table["verdict"], ["copy", "near copy"]))
    return np.mean(called >= 40)


def test_the_evidence_behind_is_that_of_brute_force(sides):
    """By hand: the next nearest image, and a q-value from the p-values of all others as before."""
    train = real()
    train[1], train[2] = train[0] + 0.01, train[0] + 0.02
    reference, samples = fit(train), made(train, copies=1, others=3)
    decide(reference, samples, [(0, 0), (0, 1)])
    table = reference.score_features(samples)
    distance = np.linalg.norm(samples.vectors[0].astype(float) - train.astype(float), axis=1)
    distance[[0, 1]] = np.inf
    assert f"reference image {np.argmin(distance)} " in table["reason"][0]
    p = float(table["reason"][0].split("p <= ")[-1].split("p = ")[-1].split(",")[0].rstrip(")"))
    assert p >= table["copy_p"][0]
    q = q_values(np.append(p, table["copy_p"][1:]))[0]
    assert (table["verdict"][0] == "near copy") == (q <= 0.05)


def test_a_decision_against_an_image_that_only_the_pictures_name_bears_on_the_sample(sides):
    reference, samples = sides
    decide(reference, samples, [(0, 9), (25, 50)])
    pairs = judged_pairs(list(reference.decisions), samples, reference.features)
    nearest = pa.array(["0"] * len(samples))
    evidence = SimpleNamespace(
        columns={"nearest": nearest, "pixel_nearest": nearest}, same_content={},
        copies=np.zeros(len(samples), bool),
    )  # fmt: skip
    facts, reasons = np.zeros(len(samples), bool), ["Typical."] * len(samples)
    spoken = speak(reasons, evidence, facts, pairs, {0: ["9"]})
    assert spoken.reasons[0] == f"Typical. You decided on {today()} that this is no copy of 9."
    assert (spoken.decision[0].as_py(), spoken.source[0].as_py()) == ("not a copy", "9")
    assert spoken.decision[25].as_py() is None
    assert spoken.part.not_copies == 1


# -- facts --


def test_the_same_content_stays_a_copy_and_the_reason_says_both():
    train = real()
    reference, samples = fit(train), made(train, noise=0)
    decide(reference, samples, [(0, 0)])
    table = reference.score_features(samples)
    assert table["verdict"][0] == "copy"
    assert table["reason"][0] == (
        f"The same content as reference image 0. You decided on {today()} that this is no copy of "
        "0; both have the same content, which no decision changes."
    )
    assert table.arrow["decision"][0].as_py() == "not a copy"


def at_distance_zero():
    """A sample whose vector an extractor gives to two different pictures."""
    train, samples = features(real()), made(real(), noise=0)
    items = samples.items.set_column(
        samples.items.schema.get_field_index("digest"), "digest",
        [[f"{i:064x}" for i in range(len(samples))]],
    )  # fmt: skip
    other = Features(samples.vectors, items, samples.spec, samples.location)
    return Reference.from_features(train), other


def test_distance_zero_is_no_fact():
    reference, samples = at_distance_zero()
    before = reference.score_features(samples)
    assert before["verdict"][:6].tolist() == ["copy"] * 6
    decide(reference, samples, [(0, 0)])
    after = reference.score_features(samples)
    assert after["verdict"][0] in ("typical", "uncommon")
    assert after["verdict"][1:].tolist() == before["verdict"][1:].tolist()
    same_columns(before, after)


def test_another_image_at_distance_zero_is_still_copied():
    reference, samples = at_distance_zero()
    vectors = real()
    vectors[9] = vectors[0]
    items = reference.features.items.set_column(
        reference.features.items.schema.get_field_index("digest"), "digest",
        [[f"{i:064x}" for i in range(1000, 1000 + N)]],
    )  # fmt: skip
    spec = reference.features.spec
    reference = Reference.from_features(Features(vectors, items, spec, "changed"))
    decide(reference, samples, [(0, 0)])
    one = reference.score_features(samples)
    decide(reference, samples, [(0, 9)])
    both = reference.score_features(samples)
    assert one["verdict"][0] == "copy"
    assert "reference image 9." in one["reason"][0]
    assert both["verdict"][0] != "copy"


# -- contents, not names --


def test_a_decision_holds_for_every_image_of_the_same_content():
    train = real()
    train[5] = train[0]
    names = [f"r{i}" for i in range(N)]
    reference = Reference.from_features(train, ids=names)
    samples = made(train, copies=1)
    decide(reference, samples, [(0, 0)])
    table = reference.score_features(samples)
    assert table["verdict"][0] not in ("copy", "near copy", "no verdict")
    twice = features(np.concatenate([samples.vectors, samples.vectors[:1]]))
    assert reference.score_features(twice).arrow["decision"].to_pylist().count("not a copy") == 2


def test_decisions_survive_saving_extending_and_moving(tmp_path, sides):
    reference, samples = sides
    reference.save(tmp_path / "ref")
    assert not (tmp_path / "ref" / "decisions.csv").exists()
    saved = Reference.load(tmp_path / "ref")
    decide(saved, samples, [(0, 0)])
    saved.decisions.save()
    (tmp_path / "ref").rename(tmp_path / "moved")
    again = Reference.load(tmp_path / "moved")
    more = Features.from_arrays(gaussian(30, D, 9), ids=[f"new {i}" for i in range(30)])
    again.extend(more).save(tmp_path / "moved")
    extended = Reference.load(tmp_path / "moved")
    assert len(extended) == N + 30
    assert extended.score_features(samples).arrow["decision"][0].as_py() == "not a copy"
    smaller = extended.without(["1"])
    assert smaller.score_features(samples)["verdict"][0] != "near copy"
    smaller.save(tmp_path / "other")
    assert len(Decisions.load(tmp_path / "other" / "decisions.csv")) == 1
    fit(real()).save(tmp_path / "other")  # built anew in the same place
    assert len(Reference.load(tmp_path / "other").decisions) == 1


def test_a_reference_takes_the_decisions_of_a_file(tmp_path, sides):
    reference, samples = sides
    decide(reference, samples, [(0, 0)])
    reference.decisions.save(tmp_path / "d.csv")
    other = fit(real())
    other.decisions = rara.Decisions.load(tmp_path / "d.csv")
    assert other.score_features(samples)["verdict"][0] != "near copy"
    other.decisions.add(contents(samples)[1], "1")  # an id of the reference
    assert other.score_features(samples)["verdict"][1] != "near copy"


def test_a_scorer_keeps_the_decisions_that_it_was_made_with(sides):
    reference, samples = sides
    scorer = reference.scorer()
    decide(reference, samples, [(0, 0)])
    assert scorer.score_features(samples)["verdict"][0] == "near copy"
    assert reference.scorer().score_features(samples)["verdict"][0] != "near copy"


def test_a_file_with_a_mistake_stops_scoring_before_the_work(tmp_path, sides):
    reference, samples = sides
    reference.save(tmp_path / "ref")
    (tmp_path / "ref" / "decisions.csv").write_text("nonsense")
    with pytest.raises(rara.RaraError, match="line 1"):
        Reference.load(tmp_path / "ref").score_features(samples)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_received_folder_leads_to_no_other_file(tmp_path, sides, kind):
    reference, samples = sides
    reference.save(tmp_path / "ref")
    file = tmp_path / "ref" / "decisions.csv"
    (tmp_path / "precious").write_text("content")
    if kind == "link":
        file.symlink_to(tmp_path / "precious")
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.mkdir()
    with pytest.raises(DamagedStoreError, match="not a plain file"):
        Reference.load(tmp_path / "ref").score_features(samples)


# -- with other options --


def test_leave_one_out(sides):
    train = real()
    train[:2] = train[2:4] + 1e-3
    reference = fit(train)
    before = reference.score_leave_one_out()
    accused = [i for i in range(4) if before["verdict"][i] in ("near copy", "no verdict")]
    assert accused
    decide(reference, reference.features, [(0, 2), (1, 3)])
    after = reference.score_leave_one_out()
    assert not set(after["verdict"][:4]) & {"near copy", "no verdict"}
    same_columns(before, after)
    assert after.arrow["decision"].to_pylist()[:5] == ["not a copy"] * 4 + [None]


def test_a_content_decided_against_itself_names_no_image_itself():
    train = real()
    train[5] = train[0]
    reference = fit(train)
    content = contents(reference.features)
    reference.decisions.add(content[0], content[5], copy=True)
    reference.decisions.add(content[9], content[9], copy=True)
    table = reference.score_leave_one_out()
    assert "is a copy of 5." in table["reason"][0]
    assert "is a copy of 0." in table["reason"][5]
    assert table.arrow["decision"].to_pylist().count("copy") == 2
    assert table["verdict"][9] != "copy"


def test_images_that_calibrate_and_groups(sides):
    reference, samples = sides
    calibration = Features.from_arrays(gaussian(300, D, 5))
    labels = ["a"] * len(samples)
    train = Features.from_arrays(real(), metadata={"label": ["a"] * N})
    samples = Features.from_arrays(samples.vectors, metadata={"label": labels})
    reference = Reference.from_features(train)
    options = {"group_by": "label", "calibration": calibration}
    before = reference.score_features(samples, **options)
    decide(reference, samples, [(0, 0)])
    after = reference.score_features(samples, **options)
    assert before["verdict"][0] == "near copy"
    assert after["verdict"][0] != "near copy"
    same_columns(before, after)


def test_halves_heed_decisions(sides):
    reference, samples = sides
    decide(reference, samples, [(i, i) for i in range(3)])
    table = reference.score_features(samples, alpha=0.3)
    table = contested(table, halves=by_halves(table, reference, samples))
    verdicts = table.arrow["verdict_by_half"].to_pylist()
    assert all("near copy" not in pair for pair in verdicts[:3])
    assert all("near copy" in pair for pair in verdicts[3:6])


def test_the_authors_numbers_carry_no_decision(sides):
    reference, samples = sides
    decide(reference, samples, [(0, 0)])
    table = reference.score_features(samples, compat="official")
    assert "decision" not in table.columns
    assert table.provenance.decisions is None


def test_a_comparison_uses_no_decisions(sides):
    reference, samples = sides
    before = rara.compare({"one": samples}, reference)
    decide(reference, samples, [(20, 7)], copy=True)
    assert rara.compare({"one": samples}, reference).to_json() == before.to_json()


def test_too_small_a_reference_to_look_past():
    """Nothing is left to be compared with: the sample is not accused, and nothing fails."""
    train = gaussian(4, 2)
    reference, samples = fit(train, k=1), features(train + 1e-4)
    decide(reference, samples, [(0, i) for i in range(4)])
    table = reference.score_features(samples, alpha=0.5)
    assert table["verdict"][0] not in ("copy", "near copy")


# -- pixels --


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A reference of pictures, and samples of which two are near copies, and one the same."""
    place = tmp_path_factory.mktemp("photos")
    train = as_folder(place / "train", {f"{i}.png": encoded(picture(i)) for i in range(80)})
    samples = as_folder(place / "samples", {
        **{f"fresh {i}.png": encoded(picture(100 + i)) for i in range(4)},
        **{f"near {i}.jpg": encoded(picture(i), "JPEG", quality=95) for i in (0, 3)},
        "same 6.png": encoded(picture(6), compress_level=1),
    })  # fmt: skip
    return Reference.fit(train), samples


def test_pixels_are_looked_past_as_well(photos):
    reference, samples = photos
    before = reference.score(samples, alpha=0.2, evidence="none")
    rows = {name: i for i, name in enumerate(before["id"])}
    near = rows["near 0.jpg"]
    assert before["verdict"][near] == "near copy"
    assert before["pixel_distance"][near] <= NEAR_BITS
    reference.decisions = Decisions()
    reference.decisions.add(samples / "near 0.jpg", "0.png")
    reference.decisions.add(samples / "same 6.png", "6.png")
    after = reference.score(samples, alpha=0.2, evidence="none")
    reference.decisions = Decisions()
    assert after["verdict"][near] not in ("near copy", "copy", "no verdict")
    assert after["verdict"][rows["near 3.jpg"]] == before["verdict"][rows["near 3.jpg"]]
    same = rows["same 6.png"]
    assert after["verdict"][same] == "copy"
    assert "no decision changes" in after["reason"][same]
    same_columns(before, after)


# -- what is said --


def test_the_summary_the_json_and_the_record_count_decisions(sides, tmp_path):
    reference, samples = sides
    decide(reference, samples, [(0, 0), (1, 1), (9, 9)])
    decide(reference, samples, [(20, 7)], copy=True)
    table = reference.score_features(samples)
    assert "Decided   3 samples by your 4 decisions: 1 copy, 2 not a copy" in table.summary()
    part = table.provenance.decisions
    assert (part.held, part.copies, part.not_copies) == (4, 1, 2)
    assert part.fingerprint == fingerprint_of(list(reference.decisions))
    table.to_parquet(tmp_path / "t.parquet")
    again = rara.ScoreTable.from_parquet(tmp_path / "t.parquet")
    assert again.provenance.decisions == part
    assert again.filter(again["id"] == "0").summary().count("1 sample by your 4 decisions") == 1
    from rara.report import facts

    assert facts(table.arrow, table.provenance).to_json()["decided"] == {
        "held": 4, "fingerprint": part.fingerprint, "copies": 1, "not_copies": 2,
    }  # fmt: skip
    table.report(tmp_path / "page.html")
    assert f"You decided on {today()}" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_without_decisions_nothing_is_said(sides):
    reference, samples = sides
    table = reference.score_features(samples)
    assert "decisions" not in table.provenance
    assert "Decided" not in table.summary()


def test_the_fingerprint_depends_on_contents_and_words_alone():
    one = Decision(sample="a" * 64, source="b" * 64, copy=True)
    turned = Decision(sample="b" * 64, source="a" * 64, copy=True, note="n", date="2020-01-01")
    other = Decision(sample="a" * 64, source="b" * 64, copy=False)
    assert fingerprint_of([one]) == fingerprint_of([turned]) != fingerprint_of([other])
