"""Cards: what they hold, what they do not hang on, and what a check finds."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import rara
from embedding import Means, Small
from make import encoded, picture
from rara.cards.card import Card
from rara.cards.record import IMAGES, KEPT, card_record
from rara.columns.score_tables import COLUMNS
from rara.errors import (
    EmptySourceError,
    ParameterError,
    RaraError,
    ReferenceMismatchError,
)

MEANS = Means()


def card_of(image, reference, **options):
    return rara.card(image, reference, extractor=MEANS, **options)


def check(card, reference, image, **options):
    return rara.verify(card, reference=reference, image=image, extractor=MEANS, **options)


# -- what a card holds ----------------------------------------------------------------------


def test_a_card_is_the_row_of_a_table_of_that_picture_alone(world, reference, made):
    table = reference.scorer(extractor=MEANS).score([world / "samples" / "100.png"])
    [row] = table.arrow.to_pylist()
    digests = dict(zip(reference.ids, reference.features.done["digest"].to_pylist(), strict=True))
    kept = [name for name in KEPT if name in row]
    assert list(made.content.record) == kept
    for name in set(kept) - {*IMAGES, "reason"}:
        value = row[name]
        if isinstance(value, float) and not np.isfinite(value):
            value = None if np.isnan(value) else "infinity"
        assert made[name] == value, name
    for name in IMAGES:
        if name in row:
            assert made[name] == digests.get(row[name])
    near = [(one.sha256, one.distance) for one in made.content.neighbours]
    assert near == [(digests[one["id"]], one["distance"]) for one in row["neighbors"]]
    radius = dict(zip(reference.ids, reference.radii, strict=True))
    assert made.content.neighbours[0].radius == radius[row["nearest"]]
    assert made.reason == row["reason"]


def test_every_column_of_one_picture_is_kept_and_those_with_names_have_digests():
    left = {name for name in COLUMNS if name not in KEPT}
    assert left == {
        *("id", "contested", "verdict_by_half", "verdict_by_extractor", "neighbors"),
        *("two_sample_score", "two_sample_p", "repeats", "repeat_of", "repeat_kind"),
        *("group", "group_rarity", "group_rarity_percentile", "group_off_manifold_p"),
        *("group_off_manifold_q", "group_copy_p", "sibling_distance", "sibling_p"),
        *("pick", "pick_reason", "pick_gain", "not_eligible"),
    }
    words = {name for name in KEPT if COLUMNS[name].type == "string"}
    assert words - {*IMAGES} == {"verdict", "reason", "decision", "copy_witness", "source_edit"}


def test_a_card_does_not_hang_on_the_other_pictures_of_its_place(world, reference):
    from rara.cards.making import CardMaker, pictures_of

    maker = CardMaker(reference, MEANS, rara.Run())
    together = [one.text for one in maker.cards(pictures_of(world / "samples"))]
    alone = [card_of(path, reference).text for path in sorted((world / "samples").iterdir())]
    assert sorted(together) == sorted(alone)
    assert len(set(alone)) == 5


def test_the_same_images_under_other_names_give_the_same_bytes(world, made, tmp_path):
    for path in (world / "train").iterdir():  # the order stays
        name = tmp_path / "real" / f"{int(path.stem):03d} of mine.png"
        name.parent.mkdir(exist_ok=True)
        shutil.copy(path, name)
    shutil.copy(world / "samples" / "100.png", tmp_path / "picture")
    other = rara.Reference.fit(tmp_path / "real", extractor=MEANS)
    for threads in (1, 2):
        again = card_of(tmp_path / "picture", other, run=rara.Run(threads=threads))
        assert again.text == made.text
        assert again == made
    assert ".png" not in made.text
    assert str(world) not in made.text


def test_bytes_and_a_path_give_the_same_card(world, reference, made):
    place = world / "samples" / "100.png"
    assert card_of(place.read_bytes(), reference) == made
    with Image.open(place) as image:
        pixels = card_of(image, reference)
    assert pixels["knn_distance"] == made["knn_distance"]
    assert pixels.content.image.sha256 != made.content.image.sha256  # of pixels, not of a file
    array = np.asarray(Image.open(place))
    assert card_of(array, reference)["rarity"] == made["rarity"]


def test_a_copy_is_named_by_its_digest(world, reference):
    made = card_of(world / "samples" / "same.png", reference)
    assert made.verdict == "copy"
    assert made["nearest"] == made.content.image.sha256
    assert made["reason"] == (
        f"The same content as reference image {made.content.image.sha256[:12]}."
    )
    assert made.reason == "The same content as reference image 7.png."


def test_names_in_a_reason_become_digests_even_where_one_begins_another():
    row = {
        "verdict": "typical",
        "nearest": "a",
        "rarity_witness": "ab",
        "reason": "nearest reference image ab is not; reference images; reference image a.",
    }
    digests = {"a": "1" * 64, "ab": "2" * 64}
    record = card_record(row, digests, ())
    assert record["reason"] == (
        f"nearest reference image {'2' * 12} is not; reference images; reference image {'1' * 12}."
    )
    assert record["nearest"] == "1" * 64


def test_what_is_not_finite_has_a_word_or_is_null():
    record = card_record(
        {"realism": float("inf"), "rarity": float("nan"), "rarity_by_k": [None, 1.0]}, {}, ()
    )
    assert record == {"realism": "infinity", "rarity": None, "rarity_by_k": [None, 1.0]}


def test_options_are_held_and_change_the_digest(world, reference, made):
    place = world / "samples" / "100.png"
    others = [
        {"k": 1},
        {"alpha": 0.2},
        {"evidence": "none"},
        {"boundary": "closed"},
        {"also": ["local_outlier_factor"]},
        {"compat": "official"},
    ]
    cards = [card_of(place, reference, **some) for some in others]
    assert len({one.digest for one in [made, *cards]}) == len(others) + 1
    assert "local_outlier_factor" in cards[4].content.record
    for some, one in zip(others, cards, strict=True):
        [(name, value)] = some.items()
        assert json.loads(one.text)["options"][name] == value
        assert check(one, reference, place), some


def test_groups_and_siblings_are_no_matter_of_one_picture(world, reference):
    for option in ("group_by", "against_siblings"):
        with pytest.raises(ParameterError, match="one picture alone"):
            card_of(world / "samples" / "100.png", reference, **{option: "label"})


def test_a_card_is_of_one_picture(world, reference):
    with pytest.raises(ParameterError, match="several images"):
        card_of(world / "samples", reference)
    with pytest.raises(ParameterError, match="these are vectors"):
        card_of(world / "reference", reference)


def test_a_picture_that_cannot_be_used_has_no_card(reference, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(EmptySourceError, match=r"No card of 'broken.png'.*not an image"):
        card_of(tmp_path / "broken.png", reference)


def test_a_reference_of_vectors_alone_has_no_cards(world):
    vectors = rara.Reference.from_features(np.random.default_rng(0).random((30, 9)))
    with pytest.raises(ReferenceMismatchError, match="made of given vectors"):
        rara.card(world / "samples" / "100.png", vectors)


def test_vectors_of_pictures_are_a_reference(world, made, tmp_path):
    rara.Features.save(rara.Reference.load(world / "reference").features, tmp_path / "vectors")
    again = card_of(world / "samples" / "100.png", str(tmp_path / "vectors"))
    assert again == made


# -- read and written -----------------------------------------------------------------------


def test_a_file_gives_the_card_again(made, file):
    again = Card.load(file)
    assert again == made
    assert (again.verdict, again.digest, again.text) == (made.verdict, made.digest, made.text)
    assert again.to_dict() == json.loads(file.read_text())
    with pytest.raises(ParameterError, match="No column 'prompt'"):
        again["prompt"]
    with pytest.raises(ParameterError, match=r"in .json"):
        made.save(file.with_suffix(".txt"))
    assert made.verdict in repr(made)


# -- a check --------------------------------------------------------------------------------


def test_the_same_images_give_every_number_again(world, made, file):
    for reference in (world / "reference", world / "train"):
        found = check(file, reference, world / "samples" / "100.png")
        assert found.status == "verified"
        assert found
        assert found.compared > 60
        assert found.differences == ()
        assert found.card == made
    assert found.card.reason != found.card["reason"]  # it names the images that are at hand
    assert "all the same" in found.summary()


def test_the_picture_is_found_by_its_content_among_others(world, reference, file):
    assert check(file, reference, world / "samples")


def test_a_check_does_not_take_vectors_from_the_cache(world, reference, file, tmp_path):
    network = Means()
    run = rara.Run(cache=tmp_path / "cache")
    options = {"reference": reference, "image": world / "samples" / "100.png", "run": run}
    for times in (1, 2):
        assert rara.verify(file, extractor=network, **options)
        assert network.inferred == times


def test_what_is_at_hand_alone_is_checked_alone(world, reference, file):
    nothing, image, real = (
        rara.verify(file),
        check(file, None, world / "samples" / "100.png"),
        check(file, reference, None),
    )
    assert [one.status for one in (nothing, image, real)] == ["whole"] * 3
    assert not any((nothing, image, real))
    assert nothing.remarks == ()
    assert "The picture is the card's. Give the reference too" in image.remarks[0]
    assert "The reference is the card's. Give the image too" in real.remarks[0]


def test_another_picture_is_named(world, reference, made, file):
    found = check(file, reference, world / "samples" / "101.png")
    assert found.status == "differs"
    [difference] = found.differences
    assert (difference.what, difference.card) == ("image.sha256", made.content.image.sha256)
    assert found.compared == 0
    assert "none of 24 images" in check(file, reference, world / "train").summary()


def test_one_pixel_of_a_picture_is_another_picture(world, reference, tmp_path, file):
    pixels = np.array(Image.open(world / "samples" / "100.png"))
    pixels[0, 0, 0] ^= 1
    (tmp_path / "100.png").write_bytes(encoded(pixels))
    assert check(file, reference, tmp_path / "100.png").status == "differs"


def test_another_reference_is_named(world, reference, file):
    picture_ = world / "samples" / "100.png"
    fewer = reference.without(reference.ids[:1])
    found = check(file, fewer, picture_)
    assert [one.what for one in found.differences] == ["reference.fingerprint", "reference.count"]
    assert any("Another reference" in one for one in found.remarks)
    other = rara.Reference.fit(world / "train", extractor=Small())
    found = rara.verify(file, reference=other, image=picture_, extractor=Small())
    named = {one.what: one.here for one in found.differences}
    assert named["extractor.name"] == "small"


def test_a_reference_that_was_cleaned_in_another_way_gives_other_numbers(world, file):
    clipped = rara.Reference.fit(world / "train", extractor=MEANS, clip_radii=0.5)
    found = check(file, clipped, world / "samples" / "100.png")
    named = {one.what for one in found.differences}
    assert "reference.cleaning.clip_radii" in named
    assert found.compared


def test_a_cleaned_reference_is_made_again_as_the_card_says(world, tmp_path):
    options = {"clip_radii": 0.5, "metric": "cosine", "k": 2}
    real = rara.Reference.fit(world / "train", extractor=MEANS, **options)
    made = card_of(world / "samples" / "100.png", real)
    assert check(made, world / "train", world / "samples")


def test_each_number_that_was_forged_is_named(world, reference, made):
    forged = {"rarity": made["rarity"] * (1 + 2**-52), "verdict": "rare", "balls": 40}
    content = replace(made.content, record={**made.content.record, **forged})
    found = check(Card(content), reference, world / "samples" / "100.png")
    assert {one.what for one in found.differences} == {f"record.{name}" for name in forged}
    assert found.status == "differs"
    assert repr(forged["rarity"]) in found.summary()
    assert found.to_json()["differences"][0]["card"] == "rare"


def test_a_column_that_is_missing_is_named(world, reference, made):
    record = {name: one for name, one in made.content.record.items() if name != "balls"}
    found = check(Card(replace(made.content, record=record)), reference, world / "samples")
    assert [one.what for one in found.differences] == ["record.balls"]


def test_another_version_of_rara_is_a_remark_and_no_difference(world, reference, made):
    earlier = Card(replace(made.content, rara="0.1.9", versions={"numpy": "1.0"}))
    found = check(earlier, reference, world / "samples")
    assert found
    assert any("Made with rara 0.1.9" in one for one in found.remarks)
    record = {**made.content.record, "balls": 40}
    found = check(Card(replace(earlier.content, record=record)), reference, world / "samples")
    assert any("numpy 1.0 then" in one for one in found.remarks)


def test_another_vector_is_explained(world, reference, made):
    image = replace(made.content.image, vector="0" * 64)
    found = check(Card(replace(made.content, image=image)), reference, world / "samples")
    assert [one.what for one in found.differences] == ["image.vector"]
    assert any("another vector" in one for one in found.remarks)


def test_pictures_of_the_reference_that_are_gone_are_named(world, tmp_path):
    """A copy is found by its picture; where that is gone, the card says so, and so does a check."""
    shutil.copytree(world / "train", tmp_path / "train")
    real = rara.Reference.fit(tmp_path / "train", extractor=MEANS)
    real.save(tmp_path / "reference")
    before = card_of(world / "samples" / "crop.png", rara.Reference.load(tmp_path / "reference"))
    shutil.rmtree(tmp_path / "train")
    gone = rara.Reference.load(tmp_path / "reference")
    after = card_of(world / "samples" / "crop.png", gone)
    assert before.content.evidence.unavailable == 0
    assert after.content.evidence.unavailable > 0
    found = check(before, gone, world / "samples")
    assert "evidence.unavailable" in {one.what for one in found.differences}
    assert any("Other pictures were compared" in one for one in found.remarks)
    assert check(after, gone, world / "samples")


def test_what_people_decided_stands_in_the_card_and_is_checked(world):
    real = rara.Reference.load(world / "reference")
    place = world / "samples" / "crop.png"
    before = card_of(place, real)
    real.decisions.add(before.content.image.sha256, before["nearest"])
    after = card_of(place, real)
    assert after["decision"] == "not a copy"
    assert after["decision_source"] == before["nearest"]
    assert "record.decision" in {one.what for one in check(before, real, place).differences}
    assert check(after, real, place)


def test_a_k_that_no_reference_has_is_refused(world, reference, made):
    options = replace(made.content.options, k=10**20)
    with pytest.raises(RaraError, match="k"):
        check(Card(replace(made.content, options=options)), reference, world / "samples")


def test_a_copy_network_without_a_name_is_asked_for(world, reference, made):
    spec = replace(MEANS.spec, name="<b>")
    options = replace(made.content.options, copy_network=spec)
    with pytest.raises(ParameterError, match="copy_network"):
        check(Card(replace(made.content, options=options)), reference, world / "samples")


def test_a_copy_network_is_used_again(world, tmp_path):
    place = world / "samples" / "100.png"
    made = card_of(place, world / "train", copy_network=Small())
    again = rara.Reference.fit(world / "train", extractor=MEANS).features.done["digest"]
    assert made["network_nearest"] in again.to_pylist()
    assert made.content.options.copy_network == Small.spec
    assert check(made, world / "train", place, copy_network=Small())
    assert not check(made, world / "train", place, copy_network=Means(weights="other"))


def test_a_picture_that_cannot_be_used_here_is_a_remark(world, reference, made, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    from hashlib import sha256

    image = replace(made.content.image, sha256=sha256(b"no image").hexdigest())
    found = check(Card(replace(made.content, image=image)), reference, broken)
    assert found.status == "whole"
    assert "cannot be used here: not an image" in found.summary()


def test_the_picture_of_the_reference_itself_is_a_copy_that_verifies(world, reference):
    made = card_of(world / "train" / "7.png", reference)
    assert made.verdict == "copy"
    assert check(made, reference, world / "train")


def test_a_picture_far_from_all_is_outside_and_verifies(world, reference):
    noise = encoded(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))
    made = card_of(noise, reference)
    assert made["rarity"] is None
    assert check(made, reference, {"noise": noise})


def test_decoded_pictures_are_named_alike(world, reference):
    image = picture(100)
    assert check(card_of(image, reference), reference, image)
