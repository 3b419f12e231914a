"""Feature folders: what goes in comes out, whole or not at all, and nothing foreign is touched."""

import errno
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rara.errors import (
    DamagedStoreError,
    FeatureError,
    LockedStoreError,
    ParameterError,
    SourceNotFoundError,
    UnwritableError,
)
from rara.extractors import Spec
from rara.features.features import Features, Noted, Skipped
from rara.features.item_table import ITEMS
from rara.storage import atomic as durable
from rara.storage import folder as stored
from rara.storage.folder import Parts, array_part, claim, kind_of, read_folder, table_part

SPEC = Spec("fake", "weights", "none", 3)


def some(n=4, *, seed=0, failed=True):
    """Features of n images, with one that failed in their midst."""
    rows = [
        {"id": f"{i}.png", "digest": f"{seed}-{i}", "state": "done", "width": 5, "height": 6}
        for i in range(n)
    ]
    if failed:
        rows.insert(1, {"id": "bad.png", "state": "failed", "reason": "truncated PNG"})
    rows = [{"metadata": '{"label": "cat"}', **row} for row in rows]
    vectors = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    return Features(vectors, pa.Table.from_pylist(rows, schema=ITEMS), SPEC, "gen/")


def same(one, other):
    return (
        one.vectors.tobytes() == other.vectors.tobytes()
        and one.items.equals(other.items)
        and (one.spec, one.location) == (other.spec, other.location)
    )


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


# -- features ---------------------------------------------------------------------------


def test_rows_belong_to_the_items_that_are_done():
    features = some(3)
    assert len(features) == 3
    assert features.ids == ["0.png", "1.png", "2.png"]
    assert features.items["id"].to_pylist() == ["0.png", "bad.png", "1.png", "2.png"]
    assert features.skipped == [Skipped("bad.png", "truncated PNG")]


def test_vectors_must_fit_their_items():
    items = some(3).items
    for vectors in (np.zeros((4, 3), "f4"), np.zeros((3, 2), "f4"), np.zeros((3, 3), "f8")):
        with pytest.raises(FeatureError, match=r"ask for float32 of shape \(3, 3\)"):
            Features(vectors, items, SPEC, "gen/")


def test_fingerprint_is_of_the_content_in_order_and_of_the_extractor():
    features = some()
    assert features.fingerprint == some(failed=False).fingerprint
    other = Spec("fake", "other weights", "none", 3)
    backwards = features.items.take(list(range(len(features.items)))[::-1])
    different = [
        some(seed=1),
        some(5),
        Features(features.vectors, features.items, other, "gen/"),
        Features(features.vectors, backwards, SPEC, "gen/"),
    ]
    assert len({one.fingerprint for one in [features, *different]}) == 5
    elsewhere = Features(features.vectors, features.items, SPEC, "somewhere/else")
    assert elsewhere.fingerprint == features.fingerprint


def test_arrays_from_elsewhere():
    given = np.arange(6, dtype=np.float64).reshape(3, 2)
    features = Features.from_arrays(given)
    assert features.ids == ["0", "1", "2"]
    assert features.vectors.dtype == np.float32
    assert features.vectors.tolist() == given.tolist()
    named = Features.from_arrays(given, ids=["a", "b", "c"])
    assert named.ids == ["a", "b", "c"]
    assert named.fingerprint == features.fingerprint
    assert Features.from_arrays(given[::-1]).fingerprint != features.fingerprint
    assert Features.from_arrays(np.asfortranarray(given)).fingerprint == features.fingerprint


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        ([1.0, 2.0], r"shape \(2,\)"),
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
        (np.zeros((3, 0)), r"shape \(3, 0\)"),
        ([["a", "b"]], "numbers of shape"),
        ([[0.0, 0.0], [0.0, np.nan], [np.inf, 0.0]], "2 of 3 vectors .* first in row 1"),
        ([[1e39, 0.0]], "infinite in float32"),
    ],
)
def test_arrays_that_are_no_features_are_refused(vectors, words):
    with pytest.raises(FeatureError, match=words):
        Features.from_arrays(vectors)


def test_ids_must_be_as_many_and_differ():
    with pytest.raises(ParameterError, match="2 ids for 3 vectors"):
        Features.from_arrays(np.zeros((3, 2)), ids=["a", "b"])
    with pytest.raises(ParameterError, match="'b' is given 2 times"):
        Features.from_arrays(np.zeros((3, 2)), ids=["a", "b", "b"])


# -- there and back ---------------------------------------------------------------------


def test_saved_features_are_loaded_as_they_were(tmp_path):
    features = some()
    features.save(tmp_path / "deep" / "folder")
    loaded = Features.load(tmp_path / "deep" / "folder")
    assert same(loaded, features)
    assert isinstance(loaded.vectors, np.memmap)
    assert loaded.fingerprint == features.fingerprint


def noted(*notes):
    """Features whose images have these notes, with one that failed in their midst."""
    features = some(len(notes))
    column = pa.array([notes[0], None, *notes[1:]], pa.string())
    at = ITEMS.get_field_index("note")
    items = features.items.set_column(at, ITEMS.field(at), column)
    return Features(features.vectors, items, SPEC, "gen/")


def test_notes_are_counted_and_the_first_are_named(tmp_path):
    features = noted("", "dark", "flat; dark", *["dark"] * 30, "flat")
    features.save(tmp_path / "a")
    for one in (features, Features.load(tmp_path / "a")):
        dark, flat = one.noted
        assert (dark.note, dark.count, dark.ids) == ("dark", 32, [f"{i}.png" for i in range(1, 21)])
        assert (flat.note, flat.count, flat.ids) == ("flat", 2, ["2.png", "33.png"])
    assert features.take(np.array([0, 33]), "x").noted == [Noted("flat", 1, ["33.png"])]
    assert noted("", "").noted == []
    assert features.leave_out({1: "repeats"}).noted[0].count == 31


def test_folders_without_notes_are_read_and_nothing_is_known_of_them(tmp_path):
    features = noted("dark", "")
    without = features.items.drop_columns(["note"])
    facts = {
        "extractor": asdict(SPEC),
        "location": "gen/",
        "prints": features.parts().facts["prints"],
    }
    files = {"vectors.npy": array_part(features.vectors), "items.parquet": table_part(without)}
    with claim(tmp_path / "old") as place:
        place.write(Parts("features", facts, files))
    loaded = Features.load(tmp_path / "old")
    assert loaded.items.schema.names == ITEMS.names
    assert loaded.noted is None
    assert loaded.ids == features.ids
    assert Features.from_arrays([[0.0]]).noted is None
    other = Features.from_arrays(np.ones((1, 3)), ids=["new"])
    mixed = loaded.joined(replace(other, spec=SPEC))
    assert mixed.noted is None


def test_equal_features_make_equal_files(tmp_path):
    some().save(tmp_path / "a")
    some().save(tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_manifest_tells_what_a_person_asks(tmp_path):
    some().save(tmp_path / "a")
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert manifest["kind"] == "features"
    assert manifest["facts"]["counts"] == {"done": 4, "failed": 1}
    assert manifest["facts"]["extractor"]["weights"] == "weights"


ARRAYS = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64]),
    hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5),
)


@given(ARRAYS, st.booleans(), st.integers(1, 40))
def test_arrays_are_written_as_numpy_reads_them(array, transposed, block):
    array = array.T if transposed else array
    file = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "_BLOCK_BYTES", block)
        array_part(array)(file)
    file.seek(0)
    read = np.load(file)
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    assert read.tobytes() == array.tobytes()


def test_a_folder_is_replaced_and_old_parts_go(tmp_path):
    folder = tmp_path / "a"
    some().save(folder)
    old = Features.load(folder)
    new = some(7, seed=1)
    new.save(folder)
    assert same(Features.load(folder), new)
    assert len(contents(folder)) == 3
    assert same(old, some())  # what is mapped stays readable


def test_features_are_saved_over_themselves(tmp_path):
    some().save(tmp_path / "a")
    before = contents(tmp_path / "a")
    Features.load(tmp_path / "a").save(tmp_path / "a")
    assert contents(tmp_path / "a") == before


def test_other_modules_add_parts(tmp_path):
    features = some()
    own = features.parts()
    radii = np.arange(8.0).reshape(4, 2)
    table = pa.table({"x": [1, 2]})
    files = {**own.files, "radii.npy": array_part(radii), "more.parquet": table_part(table)}
    with claim(tmp_path / "a") as place:
        place.write(Parts("reference", {**own.facts, "k": 3}, files))
    read = read_folder(tmp_path / "a")
    assert (read.kind, read.facts["k"]) == ("reference", 3)
    assert read.array("radii.npy", np.float64, 4, 2).tolist() == radii.tolist()
    assert read.table("more.parquet").equals(table)
    assert "radii.npy" in read
    assert same(Features.from_stored(read), features)
    features.save(tmp_path / "a")
    assert len(contents(tmp_path / "a")) == 3
    with pytest.raises(DamagedStoreError, match=r"no radii\.npy: it holds features, made of"):
        read_folder(tmp_path / "a").array("radii.npy", np.float64, 4, 2)


def test_kinds_are_told_apart(tmp_path):
    some().save(tmp_path / "a")
    (tmp_path / "other").mkdir()
    assert kind_of(tmp_path / "a") == "features"
    assert kind_of(tmp_path / "other") is None
    assert kind_of(tmp_path / "nothing") is None
    assert kind_of(tmp_path / "a" / "manifest.json") is None


# -- damage -----------------------------------------------------------------------------


@pytest.mark.parametrize("stem", ["vectors", "items"])
@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-1], lambda b: b"", lambda b: b[:50] + bytes([b[50] ^ 1]) + b[51:]],
)
def test_altered_files_are_named(tmp_path, stem, damage):
    some().save(tmp_path / "a")
    (path,) = (tmp_path / "a").glob(f"{stem}-*")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedStoreError, match=rf"{path.name}' is damaged.* delete .*a' and make"):
        Features.load(tmp_path / "a")


def test_missing_files_are_named(tmp_path):
    some().save(tmp_path / "a")
    (path,) = (tmp_path / "a").glob("vectors-*")
    path.unlink()
    with pytest.raises(DamagedStoreError, match=f"{path.name}' is missing"):
        Features.load(tmp_path / "a")


def test_every_changed_byte_of_the_manifest_is_noticed(tmp_path):
    some().save(tmp_path / "a")
    path = tmp_path / "a" / "manifest.json"
    text = path.read_bytes()
    loaded = read_folder(tmp_path / "a")
    for position in range(0, len(text), 7):
        path.write_bytes(text[:position] + bytes([text[position] ^ 2]) + text[position + 1 :])
        try:
            again = read_folder(tmp_path / "a")
        except DamagedStoreError:
            continue
        assert again == loaded  # white space means nothing


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "damaged, or not rara's"),
        (b"[1, 2]", "damaged, or not rara's"),
        (b'{"format": "something else", "version": 1}', "damaged, or not rara's"),
        (b'{"format": "rara folder", "version": 2}', "newer rara: update"),
        (b'{"format": "rara folder", "version": 1}', "half-written"),
        (None, r"no manifest\.json"),
    ],
)
def test_foreign_and_half_written_folders_are_told_so(tmp_path, text, words):
    if text is not None:
        (tmp_path / "manifest.json").write_bytes(text)
    with pytest.raises(DamagedStoreError, match=words):
        Features.load(tmp_path)


def test_where_nothing_is(tmp_path):
    with pytest.raises(SourceNotFoundError, match="Nothing is at"):
        Features.load(tmp_path / "nothing")
    (tmp_path / "file").write_text("")
    with pytest.raises(DamagedStoreError, match="is a file"):
        Features.load(tmp_path / "file")


def test_a_folder_replaced_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    folder = tmp_path / "a"
    some().save(folder)
    new = some(7, seed=1)
    verified = stored._verified

    def replaced_meanwhile(*args):
        monkeypatch.undo()
        new.save(folder)
        return verified(*args)

    monkeypatch.setattr(stored, "_verified", replaced_meanwhile)
    assert same(Features.load(folder), new)


# -- refusals to write ------------------------------------------------------------------


def test_foreign_files_are_never_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UnwritableError, match=r"not rara's \(thesis\.tex\): give a new or empty"):
        some().save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UnwritableError, match="is a file"):
        some().save(tmp_path / "thesis.tex")


def test_a_file_added_to_our_folder_is_left_alone(tmp_path):
    some().save(tmp_path / "a")
    (tmp_path / "a" / "notes.txt").write_text("mine")
    some(5).save(tmp_path / "a")
    assert (tmp_path / "a" / "notes.txt").read_text() == "mine"


def test_half_written_folders_of_ours_are_finished(tmp_path):
    with claim(tmp_path / "a") as place, pytest.raises(ZeroDivisionError):
        place.write(Parts("features", {}, {"x.npy": lambda file: file.write(b"%d" % (1 // 0))}))
    assert kind_of(tmp_path / "a") == "unfinished"
    some().save(tmp_path / "a")
    assert same(Features.load(tmp_path / "a"), some())


def test_one_writer_at_a_time(tmp_path):
    with claim(tmp_path / "a"), pytest.raises(LockedStoreError, match="Another run is writing"):
        some().save(tmp_path / "a")
    some().save(tmp_path / "a")
    assert len(Features.load(tmp_path / "a")) == 4


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, r"No room left in '.*' \(.* MB free\): free some space"),
        (errno.EROFS, r"Cannot write to '.*' \(read-only file system\): choose another"),
        (errno.EIO, r"Cannot write to '.*' \(input/output error\)"),
    ],
)
@pytest.mark.parametrize("calls", range(5))  # two parts, their names, the manifest, its name
def test_a_disk_that_refuses_leaves_the_old_folder(tmp_path, monkeypatch, number, words, calls):
    folder = tmp_path / "a"
    some().save(folder)
    left = iter(range(calls))
    real = os.fsync

    def refusing(descriptor):
        if next(left, None) is None:
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(durable.os, "fsync", refusing)
    try:
        with pytest.raises(UnwritableError, match=words):
            some(7, seed=1).save(folder)
    finally:
        monkeypatch.undo()
    assert same(Features.load(folder), some() if calls < 4 else some(7, seed=1))
    assert not list(folder.glob(".writing-*"))


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableError, match=r"Cannot write to .*\(not a directory\)"):
        some().save(tmp_path / "file" / "a")


# -- kills ------------------------------------------------------------------------------

SAVING = """
import sys
sys.path.insert(0, sys.argv[1])
from test_features import some
print("ready", flush=True)
while True:
    for seed in (0, 1):
        some(2000, seed=seed).save(sys.argv[2])
"""


def killed_while_saving(folder, delay):
    command = [sys.executable, "-c", SAVING, str(Path(__file__).parent), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(delay)
        process.kill()


def hold_against_kills(folder, delays):
    old, new = (some(2000, seed=seed) for seed in (0, 1))
    for delay in delays:
        killed_while_saving(folder, delay)
        if kind_of(folder) in (None, "unfinished"):
            continue  # killed before the first was whole
        loaded = Features.load(folder)
        assert same(loaded, old) or same(loaded, new)
    old.save(folder)
    assert same(Features.load(folder), old)
    assert len(contents(folder)) == 3


def test_a_killed_writer_leaves_the_old_folder_or_the_new(tmp_path):
    hold_against_kills(tmp_path / "a", [0.003, 0.05, 0.1])


def test_a_writer_that_was_killed_before_anything_was_whole_is_followed_by_another(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".writing-c0edbf0d661f49eabe520351ae4df597").write_bytes(b"half of it")
    some().save(tmp_path)
    assert same(Features.load(tmp_path), some())
    assert not list(tmp_path.glob(".writing-*"))


@pytest.mark.slow
def test_a_killed_writer_leaves_the_old_folder_or_the_new_many_times(tmp_path):
    hold_against_kills(tmp_path / "a", np.random.default_rng().uniform(0, 0.1, 60))


VALUES = st.one_of(
    st.none(),
    st.text(),
    st.integers(),
    st.floats(allow_nan=False),
    st.booleans(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
    st.integers(0, 9).map(np.int16),
    st.just(Path("a/b")),
)


@given(st.dictionaries(st.text(max_size=4), st.lists(VALUES, min_size=3, max_size=3), max_size=3))
def test_metadata_is_the_json_of_each_row(metadata):
    found = Features.from_arrays(np.eye(3), metadata=metadata).items["metadata"].to_pylist()

    def plain(value):
        return value.item() if isinstance(value, np.generic) else str(value)

    for row, text in enumerate(found):
        record = {k: values[row] for k, values in metadata.items() if values[row] is not None}
        assert text == json.dumps(record, ensure_ascii=False, default=plain)


def test_fingerprints_stay_what_they_were():
    """A kept reference is found again by it."""
    vectors = np.arange(12, dtype=np.float32).reshape(4, 3)
    features = Features.from_arrays(
        vectors, ids=list("abcd"), metadata={"label": [1, None, "x", 2]}
    )
    assert (
        features.fingerprint == "b6ce7456c48414126c3e955dd284ed1d289dfc3d458a138b472e41896d2d12e5"
    )
