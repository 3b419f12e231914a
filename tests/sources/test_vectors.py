"""Files of vectors where images are expected, and the options that choose arrays and columns."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import rara
from rara.cli.app import run
from rara.cli.array_options import Reading
from rara.errors import ParameterError, ReferenceMismatchError, UnknownSourceError
from rara.features.opening import features_of, is_features
from rara.run import Run

RNG = np.random.default_rng(3)
REAL = RNG.normal(size=(40, 6)).astype(np.float32)
MADE = RNG.normal(size=(12, 6)).astype(np.float32)


def test_files_of_vectors_are_used_as_they_are(tmp_path):
    np.savez_compressed(tmp_path / "real.npz", reps=REAL, labels=np.arange(40) % 2)
    np.save(tmp_path / "made.npy", MADE.astype(">f8"))
    run = Run(cache=tmp_path / "cache")
    reference = rara.Reference.fit(tmp_path / "real.npz", run=run)
    found = reference.score(tmp_path / "made.npy", run=run)
    given = rara.Reference.from_features(REAL).score_features(MADE)
    for column in ("rarity", "nearest_distance", "inside"):
        assert np.array_equal(found[column], given[column], equal_nan=True)
    assert reference.features.location == str(tmp_path / "real.npz")
    assert reference.features.remarks == (
        "40 rows of 6 numbers were used as vectors; no image was read.",
    )
    grouped = reference.score(tmp_path / "real.npz", group_by="label", run=run)
    assert set(grouped["group"]) == {"0", "1"}


def test_what_is_a_file_of_vectors(tmp_path):
    arrays = {"mu": REAL[0], "sigma": np.eye(6), "a": REAL, "stack": np.zeros((3, 8, 9), np.uint8)}
    cases = {
        "one": (["a"], None, True), "statistics": (["mu", "sigma"], None, False),
        "beside statistics": (["mu", "sigma", "a"], None, True),
        "images": (["stack", "a"], None, False), "asked for": (["stack", "a"], "a", True),
    }  # fmt: skip
    for name, (keys, key, vectors) in cases.items():
        place = f"{tmp_path}/{name}.npz" + (f"#{key}" if key else "")
        np.savez(f"{tmp_path}/{name}.npz", **{key: arrays[key] for key in keys})
        assert is_features(place) == vectors, name
    np.save(tmp_path / "flat.npy", np.zeros((5, 784), np.uint8))
    assert not is_features(tmp_path / "flat.npy")
    found, _ = features_of(f"{tmp_path}/asked for.npz#a", None, Run())
    assert np.array_equal(found.vectors, REAL)
    assert found.location.endswith("asked for.npz#a")


def test_vectors_and_images_do_not_mix(tmp_path):
    np.save(tmp_path / "a.npy", REAL)
    np.save(tmp_path / "images.npy", RNG.integers(0, 256, (9, 8, 8, 3), dtype=np.uint8))
    run = Run(cache=tmp_path / "cache")
    reference = rara.Reference.fit(tmp_path / "a.npy", run=run)
    with pytest.raises(ReferenceMismatchError, match="given vectors"):
        reference.score(tmp_path / "images.npy", run=run)
    np.save(tmp_path / "wide.npy", RNG.normal(size=(9, 7)))
    with pytest.raises(ReferenceMismatchError, match="6 dimensions"):
        reference.score(tmp_path / "wide.npy", run=run)
    with pytest.raises(UnknownSourceError, match="one vector in each row"):
        rara.open_source(tmp_path / "a.npy")


# -- options ----------------------------------------------------------------------------


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", x=REAL)
    np.savez("b.npz", x=REAL)
    pq.write_table(pa.table({"image": [b"1"]}), "t.parquet")
    (tmp_path / "tables").mkdir()
    pq.write_table(pa.table({"image": [b"1"]}), "tables/t.parquet")
    (tmp_path / "folder").mkdir()
    Image.new("L", (2, 2)).save("folder/1.png")


@pytest.mark.parametrize(
    ("options", "given", "meant"),
    [
        ({"array": "x"}, ["a.npz", "b.npz"], ["a.npz#x", "b.npz#x"]),
        ({"array": "x"}, ["a.npz#y", "*.npz"], ["a.npz#y", "*.npz#x"]),
        ({"array": "x"}, ["folder", "b.npz"], ["folder", "b.npz#x"]),
        ({"image_column": "c"}, ["tables", "folder"], ["tables#c", "folder"]),
        ({"array": "x", "image_column": "c"}, ["a.npz", "t.parquet"], ["a.npz#x", "t.parquet#c"]),
        ({"array": "x"}, ["a.npz", "gone.npz"], ["a.npz#x", "gone.npz"]),
        ({}, ["a.npz", "t.parquet"], ["a.npz", "t.parquet"]),
    ],
)  # fmt: skip
def test_an_option_goes_to_the_places_that_it_fits(places, options, given, meant):
    assert Reading(**options).places(given) == meant


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"array": "x"}, "--array x: folder and t.parquet hold no .npz"),
        ({"image_column": "c"}, "--image-column c: folder and a.npz hold no table"),
    ],
)
def test_an_option_that_fits_no_place_is_refused(places, options, words):
    others = {"array": "t.parquet", "image_column": "a.npz"}
    with pytest.raises(ParameterError, match=words):
        Reading(**options).places(["folder", others[next(iter(options))]])


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("score made.npz --array a --reference real.npz#b -o scores.csv", "made.npz#a"),
        ("score made.npz#a --array b --reference real.npz -o scores.csv", "real.npz#b"),
        ("score --leave-one-out --array b --reference real.npz", "real.npz#b"),
        ("reference build real.npz --array b -o built", "real.npz#b"),
        ("reference audit real.npz --array b --samples made.npz#a", "real.npz#b"),
    ],
)
def test_commands_pass_the_choice_on(tmp_path, monkeypatch, capsys, command, wanted):
    monkeypatch.chdir(tmp_path)
    np.savez("real.npz", a=REAL, b=REAL[::2])
    np.savez("made.npz", a=MADE, b=MADE[:3])
    assert run(command.split()) == 0
    out, err = capsys.readouterr()
    assert wanted in out
    assert "rows of 6 numbers were used as vectors" in err
    assert run(command.replace("y b", "y c").replace("#b", "#c").split()) == 2
    assert "has no array 'c': it holds a" in capsys.readouterr().err


def test_places_without_the_array_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("real.npz", b=REAL)
    np.savez("made.npz", a=MADE)
    assert run(["score", "made.npz", "--array", "a", "--reference", "real.npz"]) == 2
    assert "'real.npz' has no array 'a': it holds b (40, 6). Give" in capsys.readouterr().err
    assert run(["score", "made.npz", "--image-column", "a", "--reference", "real.npz"]) == 2
    assert "--image-column a: real.npz and made.npz hold no table." in capsys.readouterr().err
