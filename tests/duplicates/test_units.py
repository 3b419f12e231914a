"""References of bursts: scenes are exchangeable, their images are not."""

import numpy as np
import pytest

from rara import Features, Reference, Run
from rara.cli.app import run
from rara.errors import ParameterError

SIZES = {
    "2": [2], "4": [4], "10": [10], "20": [20], "50": [50], "4 to 20": range(4, 21),
    "1 to 50": [1, 2, 5, 10, 20, 50],
}  # fmt: skip
SCENES = 100
FRAME = 0.05
"""How far frames are from their scene, beside scenes from one another."""


def scenes(rng, sizes, count=SCENES, *, d=16, first=0, prefix=""):
    """Frames of scenes in random order, with their scene as a key and as a folder."""
    each = rng.choice(np.array(sizes), count)
    of = np.repeat(np.arange(first, first + count), each)
    vectors = rng.normal(size=(count, d))[of - first] + FRAME * rng.normal(size=(len(of), d))
    order = rng.permutation(len(of))
    names = [f"{prefix}scene {of[i]}/{i}.png" for i in order]
    metadata = {"scene": [int(of[i]) for i in order]}
    return Features.from_arrays(vectors[order], ids=names, metadata=metadata)


def off(table):
    return np.isin(table["verdict"], ["off-manifold", "unknown to this reference"])


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_new_scenes_are_off_the_manifold_as_often_as_promised(sizes):
    """One frame each; with every image as its own unit all of them are."""
    rates = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        train = scenes(rng, sizes)
        new = scenes(rng, [1], 200)
        reference = Reference.from_features(train, unit="scene")
        assert len(reference) == SCENES
        rates.append(off(reference.score_features(new)).mean())
    error = np.std(rates) / np.sqrt(len(rates) - 1)
    assert np.mean(rates) <= 0.05 + 2 * error
    assert np.mean(rates) > 0.02
    if min(sizes) > 3:
        assert off(Reference.from_features(train).score_features(new)).mean() > 0.9


@pytest.mark.parametrize("by", ["scene", "folder", "found"])
def test_units_may_be_named_or_found(by):
    train = scenes(np.random.default_rng(0), range(2, 21))
    reference = Reference.from_features(train, unit=by)
    assert len(reference) == SCENES
    by_key = Reference.from_features(train, unit="scene")
    assert reference.geometry.fingerprint == by_key.geometry.fingerprint
    assert reference.describe()["cleaning"]["unit"] == by
    assert len(reference.features.left_out) == len(train) - SCENES
    assert "of the same unit as 'scene" in reference.features.left_out[0].reason


def test_the_order_of_the_images_plays_no_role():
    train = scenes(np.random.default_rng(0), range(1, 9))
    order = np.random.default_rng(1).permutation(len(train))
    one, other = (
        Reference.from_features(some, unit="scene") for some in (train, train.take(order, "array"))
    )
    assert set(one.ids) == set(other.ids)


def test_images_without_the_key_are_units_of_their_own():
    vectors = np.random.default_rng(0).normal(size=(30, 3))
    keys = ["a"] * 4 + [None] * 20 + ["b"] * 6
    train = Features.from_arrays(vectors, metadata={"scene": keys})
    assert len(Reference.from_features(train, unit="scene")) == 22


def test_copies_of_frames_that_were_left_out_are_copies():
    train = scenes(np.random.default_rng(0), [10])
    reference = Reference.from_features(train, unit="scene")
    gone = [one.id for one in reference.features.left_out]
    rows = [train.ids.index(name) for name in gone[:50]]
    samples = Features.from_arrays(train.vectors[rows], ids=[f"s{i}" for i in range(50)])
    table = reference.score_features(samples)
    assert set(table["verdict"]) == {"copy"}
    assert table["reason"][0] == f"The same content as reference image {gone[0]}."
    near = reference.score_features(train.vectors[rows] + np.float32(1e-3))
    assert np.isin(near["verdict"], ["near copy"]).mean() > 0.9


def test_calibration_and_held_out_images_are_treated_alike(tmp_path):
    rng = np.random.default_rng(0)
    train, more = scenes(rng, [10]), scenes(rng, [5], 60, first=500, prefix="more/")
    new = scenes(rng, [1], 400)
    reference = Reference.from_features(train, unit="scene")
    table = reference.score_features(new, calibration=more)
    assert table.provenance["calibration"]["real_images"] == 60
    assert off(table).mean() < 0.15
    train.save(tmp_path / "train")
    new.save(tmp_path / "new")
    arguments = ["score", str(tmp_path / "new"), "-r", str(tmp_path / "train"), "--unit", "scene"]
    assert run([*arguments, "--held-out", "0.3", "-o", str(tmp_path / "table.parquet")]) == 0
    assert run([*arguments, "--unit", "camera"]) == 2


def test_a_saved_reference_has_its_unit(tmp_path, capsys):
    train = scenes(np.random.default_rng(0), [5])
    train.save(tmp_path / "train")
    build = ["reference", "build", str(tmp_path / "train"), "-o", str(tmp_path / "reference")]
    assert run([*build, "--unit", "folder"]) == 0
    assert "one image each, by 'folder'; 400 left out in all" in capsys.readouterr().out
    saved = Reference.load(tmp_path / "reference")
    assert (len(saved), saved.geometry.cleaning.unit) == (SCENES, "folder")
    score = ["score", str(tmp_path / "train"), "-r", str(tmp_path / "reference")]
    assert run([*score, "--unit", "folder"]) == 0
    assert run([*score, "--unit", "scene"]) == 2
    assert "was made with folder" in capsys.readouterr().err


def test_a_reference_of_units_can_be_extended():
    rng = np.random.default_rng(0)
    one, other = scenes(rng, [5]), scenes(rng, [4], 30, first=80, prefix="more/")
    whole = Reference.from_features(one.joined(other), unit="scene")
    grown = Reference.from_features(one, unit="scene").extend(other)
    assert grown.ids == whole.ids
    np.testing.assert_array_equal(grown.geometry.d2, whole.geometry.d2)
    with pytest.raises(ParameterError, match="build the reference anew"):
        Reference.from_features(one, unit="found").extend(other)


@pytest.mark.parametrize("deduplicate", [None, "exact", "near"])
@pytest.mark.parametrize("clip_radii", [None, 0.8])
def test_other_treatments_follow(deduplicate, clip_radii):
    rng = np.random.default_rng(0)
    train = scenes(rng, range(2, 9))
    new = scenes(rng, [1], 30)
    options = {"deduplicate": deduplicate, "clip_radii": clip_radii}
    reference = Reference.from_features(train, unit="scene", **options)
    kept = train.take(np.flatnonzero(np.isin(train.ids, reference.ids)), train.location)
    alone = Reference.from_features(kept, **options)
    for column in ("rarity", "balls", "off_manifold_p", "copy_p"):
        np.testing.assert_array_equal(
            reference.score_features(new)[column], alone.score_features(new)[column]
        )


def test_what_cannot_be_had_is_said():
    train = scenes(np.random.default_rng(0), [5])
    with pytest.raises(ParameterError, match="reference 'array' has the key 'camera'"):
        Reference.from_features(train, unit="camera")
    alike = Features.from_arrays(np.eye(6), metadata={"scene": ["a"] * 6})
    with pytest.raises(ParameterError, match="6 images of the reference are of 1 units by 'scene'"):
        Reference.from_features(alike, unit="scene", run=Run())
