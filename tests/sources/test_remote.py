"""Places with a scheme: the same images, ids and digests as in a local folder; faults are said."""

import errno
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fsspec", reason="the extra `remote` is not installed")
import fsspec

from commands import called
from faulty_filesystem import FaultyFileSystem, StatusError
from make import as_folder, as_tar, as_zip, ids, known, loaded, noise, png
from rara.comparison.names import named
from rara.errors import (
    DamagedStoreError,
    EmptySourceError,
    ImageError,
    MissingPackageError,
    ParameterError,
    SourceError,
    SourceNotFoundError,
    UnknownSourceError,
    UnwritableError,
)
from rara.features.features import Features
from rara.features.opening import features_of, is_features
from rara.images.decode import content_digest
from rara.sources import open_source
from rara.sources.base import remarks_of
from rara.sources.paths import split_key
from rara.sources.remote import files as remote_files
from rara.sources.remote import filesystem
from rara.sources.schemes import is_remote, local_path, shown_place, without_secrets
from rara.storage.atomic import write_text

FILES = {
    "cat/10.png": png(1),
    "cat/2.png": png(2),
    "cat/2.txt": b"a cat",
    "dog/1.png": png(3),
    "dog/.hidden.png": png(4),
    "README.md": b"read me",
    "photo": png(5),
}


@pytest.fixture(autouse=True)
def world(tmp_path, monkeypatch):
    fsspec.register_implementation("faulty", FaultyFileSystem, clobber=True)
    FaultyFileSystem.forget()
    monkeypatch.setattr(filesystem, "WAITS", (0.0, 0.0, 0.0))
    monkeypatch.setenv("RARA_CACHE", str(tmp_path / "cache"))


def put(files, root="bucket/train"):
    fs = FaultyFileSystem()
    for name, data in files.items():
        fs.pipe_file(f"/{root}/{name}", data)
    return f"faulty://{root}"


def put_file(path, root="bucket"):
    return f"{put({path.name: path.read_bytes()}, root)}/{path.name}"


# -- the same as locally ----------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_remote_folder_is_read_as_a_local_one(tmp_path, slash):
    here = open_source(as_folder(tmp_path / "train", FILES))
    there = open_source(put(FILES) + slash)
    assert ids(there) == ids(here) == ["cat/2.png", "cat/10.png", "dog/1.png", "photo"]
    assert [item.metadata for item in there] == [item.metadata for item in here]
    assert [item.size for item in there] == [item.size for item in here]
    assert [item.load() for item in there] == [item.load() for item in here]
    assert remarks_of(there) == remarks_of(here)
    assert there.count() == here.count()
    assert there.location == "faulty://bucket/train"
    assert ids(open_source(there.location)) == ids(here)


@pytest.mark.parametrize("pack", [as_zip, as_tar])
def test_a_remote_archive_is_read_as_a_local_one(tmp_path, pack):
    path = pack(tmp_path / "train", FILES)
    here, there = open_source(path), open_source(put_file(path))
    assert loaded(there) == loaded(here)
    assert known(there) == known(here)
    assert remarks_of(there) == remarks_of(here)
    assert there.location == f"faulty://bucket/{path.name}"


def test_shards_are_named_as_locally(tmp_path):
    (tmp_path / "shards").mkdir()
    for name in ("a.tar", "b.tar", "c.tar"):
        path = as_tar(tmp_path / "shards" / name[0], {f"{name}.png": png(ord(name[0]))})
        put_file(path, "bucket/shards")
    for pattern in ("shards/*.tar", "shards/{a,b}.tar", "shards"):
        here = open_source(f"{tmp_path}/{pattern}")
        assert ids(open_source(f"faulty://bucket/{pattern}")) == ids(here)


def test_arrays_and_their_keys(tmp_path):
    np.savez(tmp_path / "x.npz", images=noise(3, 0), other=noise(2, 1))
    place = put_file(tmp_path / "x.npz")
    assert ids(open_source(place)) == ids(open_source(tmp_path / "x.npz"))
    assert len(list(open_source(f"{place}#other"))) == 2
    assert len(list(open_source(place, array="other"))) == 2
    assert open_source(f"{place}#other").location == f"{place}#other"
    assert split_key(f"{place}#other") == (place, "other")


def test_tables(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"image": [png(1), png(2)], "prompt": ["a", "b"]}), tmp_path / "t.parquet"
    )
    place = put_file(tmp_path / "t.parquet", "bucket/tables")
    here = open_source(tmp_path / "t.parquet")
    assert known(open_source(place)) == known(here)
    assert known(open_source("faulty://bucket/tables")) == known(here)


def test_files_by_pattern_and_by_list(tmp_path):
    root = put(FILES)
    assert ids(open_source(f"{root}/cat/*.png")) == ["2.png", "10.png"]
    assert ids(open_source(f"{root}/cat/{{2,10}}.png")) == ["2.png", "10.png"]
    several = [f"{root}/dog/1.png", f"{root}/cat/2.png"]
    assert ids(open_source(several)) == ["dog/1.png", "cat/2.png"]
    assert ids(open_source(f"{root}/cat/2.png")) == ["2.png"]
    with pytest.raises(SourceNotFoundError, match="No file matches"):
        open_source(f"{root}/*.jpg")
    with pytest.raises(SourceNotFoundError, match=r"3\.png"):
        open_source(f"{root}/cat/{{2,3}}.png")
    with pytest.raises(UnknownSourceError, match="one kind"):
        open_source([f"{root}/cat/2.png", str(tmp_path)])


def test_digests_are_those_of_the_local_bytes(tmp_path):
    local = {
        item.id: content_digest(item.load()) for item in open_source(as_folder(tmp_path, FILES))
    }
    assert {i.id: content_digest(i.load()) for i in open_source(put(FILES))} == local


def test_saved_features_are_verified_copies(tmp_path):
    saved = Features.from_arrays(np.eye(4, dtype=np.float32), location="somewhere")
    saved.save(tmp_path / "features")
    place = put({p.name: p.read_bytes() for p in (tmp_path / "features").iterdir() if p.is_file()})
    assert is_features(place)
    assert np.array_equal(features_of(place, None, None)[0].vectors, saved.vectors)
    with pytest.raises(UnknownSourceError, match="features that rara saved"):
        open_source(place)
    part = next(p for p in FaultyFileSystem.store if p.endswith(".npy"))
    data = bytearray(FaultyFileSystem.store[part].getvalue())
    data[-1] ^= 1
    FaultyFileSystem().pipe_file(part, bytes(data))
    for _ in range(2):
        with pytest.raises(DamagedStoreError, match=re.escape(place)):
            is_features(place)


def test_vectors_in_a_file(tmp_path):
    np.save(tmp_path / "v.npy", np.eye(4, dtype=np.float32))
    place = put_file(tmp_path / "v.npy")
    assert is_features(place)
    features = features_of(place, None, None)[0]
    assert len(features) == 4
    assert features.location == place


# -- names ------------------------------------------------------------------------------


def test_names_that_lead_out_are_left_out_and_counted():
    place = put({"a.png": png(1)})
    info = {"size": 3, "type": "file"}
    keys = [
        "/bucket/train/../x.png",
        "/bucket/train//b.png",
        "/bucket/train/./c.png",
        "/other/d.png",
    ]
    FaultyFileSystem.extra_keys = {key: {**info, "name": key} for key in keys}
    FaultyFileSystem.extra_keys["/bucket/train/folder/"] = {"size": 0, "type": "file"}
    source = open_source(place)
    assert ids(source) == ["a.png"]
    assert [remark for remark in remarks_of(source) if remark.startswith("4 files were not read")]


def test_a_place_that_is_not_there():
    for place in ("faulty://nowhere", "faulty://nowhere/x.zip", "faulty://nowhere/x/"):
        with pytest.raises(SourceNotFoundError, match="nowhere"):
            open_source(place)
    with pytest.raises(UnknownSourceError, match="names no place"):
        open_source("faulty://")


def test_a_place_without_images():
    with pytest.raises(EmptySourceError, match="faulty://bucket/train"):
        open_source(put({"a.md": b"text"}))


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("https://u:p@h/x.zip?sig=1", "https://h/x.zip"),
        ("s3://KEY:sec/ret@bucket/x", "s3://bucket/x"),
        ("s3://bucket/a@b/x", "s3://bucket/a@b/x"),
        ("http://h:80/a@b", "http://h:80/a@b"),
        ("abfs://box@account.host/x?sv=1&sig=2", "abfs://box@account.host/x"),
        ("s3://bucket/00?.tar", "s3://bucket/00?.tar"),
        ("ftp://user@h/x", "ftp://h/x"),
    ],
)
def test_what_is_shown_of_a_place(place, shown):
    assert shown_place(place) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "No card at 'https://me:secret@host/a.json?key=secret'.",
            "No card at 'https://host/a.json'.",
        ),
        ("'s3:/me:secret@bucket/a' is unknown", "'s3://bucket/a' is unknown"),
        ("two: s3://u:secret@a/b http://host/?t=secret", "two: s3://a/b http://host/"),
        ("'http:/folder/a.png' and C:/x@y and user@host", None),
        ("Nothing is at 's3://bucket/a@b'.", None),
    ],
)
def test_messages_hold_no_secret_of_a_place(said, shown):
    assert without_secrets(said) == (shown or said)


@pytest.mark.parametrize(
    "command",
    [
        "score train --reference train -o", "score train --reference train --report",
        "score train --reference train --decisions", "report", "verify",
    ],
)  # fmt: skip
def test_no_command_says_the_secret_of_a_place(command, tmp_path, monkeypatch, capsys):
    as_folder(tmp_path / "train", {"a.png": png(1)})
    monkeypatch.chdir(tmp_path)
    place = "https://me:secret@127.0.0.1:9/a.html?signature=secret"
    last = ["b.html"] if command == "report" else []
    code, out, err = called(capsys, *command.split(), place, *last)
    assert code == 2
    assert "secret" not in out + err


def test_generators_are_named_without_secrets():
    place = "https://me:secret@host/gan.zip?signature=secret"
    assert named([place]) == {"gan": place}
    with pytest.raises(ParameterError, match=r"'https://host/gan\.zip' is given twice"):
        named([place, "https://host/gan.zip?signature=other"])


def test_what_is_a_place_with_a_scheme():
    assert is_remote("s3://b/x")
    assert not any(map(is_remote, ["C:/x", "C://x", "a:b", "a:/b", "/s3://b", "", 3, None]))


def test_file_places_are_paths(tmp_path):
    folder = as_folder(tmp_path / "a b", {"x.png": png(1)})
    for text in (f"file://{folder}", f"file://localhost{folder}", folder.as_uri()):
        source = open_source(text)
        assert ids(source) == ["x.png"]
        assert source.location == str(folder)
    with pytest.raises(UnknownSourceError, match="no path of this machine"):
        local_path("file://server/share")


def test_schemes_of_nothing():
    with pytest.raises(UnknownSourceError, match="no filesystem"):
        open_source("nosuch://bucket/x")
    with pytest.raises(UnknownSourceError, match="wraps another place"):
        open_source("zip://x.zip")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingPackageError, match=r"extra `remote`.*pip install fsspec s3fs"):
        open_source("s3://bucket/x")


def test_local_paths_import_no_fsspec(tmp_path):
    as_folder(tmp_path, {"x.png": png(1)})
    code = (
        "import sys, rara; list(rara.open_source(sys.argv[1])); assert 'fsspec' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_nothing_is_written_to_a_place_with_a_scheme(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    as_folder(tmp_path / "a", {f"{i}.png": png(i) for i in range(9)})
    with pytest.raises(UnwritableError, match="no place on this machine"):
        write_text(Path("s3://bucket/x.csv"), "text")
    with pytest.raises(UnwritableError, match="no place on this machine"):
        Features.from_arrays(np.eye(4, dtype=np.float32)).save("gs://bucket/features")
    for words in (["score", "-o"], ["score", "--report"], ["reference", "build", "-o"]):
        target = "s3://bucket/x.html" if words[-1] == "--report" else "s3://bucket/x.csv"
        more = ["a"] if words[0] == "reference" else ["a", "--reference", "a"]
        code, _, err = called(capsys, *words, target, *more)
        assert code != 0
        assert "no place on this machine" in " ".join(err.split())
    assert not list(tmp_path.glob("s3*"))
    write_text(Path("notes:/x.csv"), "a colon is a letter like others")
    assert Path("notes:/x.csv").exists()


# -- faults -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        TimeoutError(),
        ConnectionResetError(),
        StatusError(503),
        OSError(errno.EBUSY, "slow"),
        5,
        b"x",
    ],
)
def test_what_passes_is_tried_again_up_to_a_bound(fault):
    place = put({"a.png": png(1), "b.png": png(2)})
    FaultyFileSystem.faults = {"b.png": [fault] * 3}
    assert [item.load() for item in open_source(place)] == [png(1), png(2)]
    FaultyFileSystem.faults = {"b.png": [fault] * 4}
    _, item = open_source(place)
    with pytest.raises(ImageError, match="in 4 tries") as raised:
        item.load()
    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (FileNotFoundError("SECRET"), "not there"),
        (PermissionError("SECRET"), "permission"),
        (StatusError(403), "permission"),
        (StatusError(404), "not there"),
        (StatusError(400), "answered 400"),
        (RuntimeError("SECRET"), r"failed \(RuntimeError\)"),
    ],
)
def test_what_does_not_pass_is_tried_once(fault, reason):
    place = put({"a.png": png(1)})
    (item,) = open_source(place)
    FaultyFileSystem.faults = {"a.png": [fault, fault]}
    with pytest.raises(ImageError, match=reason) as raised:
        item.load()
    assert "SECRET" not in str(raised.value)
    assert FaultyFileSystem.faults == {"a.png": [fault]}


def test_a_file_that_vanishes_is_an_error_of_that_image_alone():
    place = put({"a.png": png(1), "b.png": png(2)})
    source = open_source(place)
    FaultyFileSystem().rm("/bucket/train/a.png")
    first, second = source
    with pytest.raises(ImageError, match="not there"):
        first.load()
    assert second.load() == png(2)


def test_a_listing_that_fails():
    place = put({"a.png": png(1)})
    FaultyFileSystem.listing_faults = [StatusError(503)] * 3
    assert ids(open_source(place)) == ["a.png"]
    FaultyFileSystem.listing_faults = [StatusError(503)] * 4
    with pytest.raises(SourceError, match="answered 503, in 4 tries"):
        open_source(place)
    FaultyFileSystem.listing_faults = [PermissionError("SECRET")]
    with pytest.raises(SourceError, match="no permission") as raised:
        open_source(place)
    assert "SECRET" not in str(raised.value)


def test_an_unknown_file_that_cannot_be_looked_at_is_not_passed_over():
    place = put({"a.png": png(1), "photo": png(2)})
    FaultyFileSystem.faults = {"photo": [TimeoutError()] * 4}
    with pytest.raises(SourceError, match="4 tries"):
        open_source(place)


def test_a_copy_that_was_cut_goes_on_where_it_was(tmp_path, monkeypatch):
    from rara.sources.remote import copies

    monkeypatch.setattr(copies, "_PIECE", 100)
    path = as_zip(tmp_path / "x", {f"{i}.png": png(i) for i in range(9)})
    place = put_file(path)
    FaultyFileSystem.faults = {"x.zip": [None, None, StatusError(403)]}
    with pytest.raises(SourceError, match="no permission"):
        open_source(place)
    FaultyFileSystem.reads = []
    assert len(ids(open_source(place))) == 9
    assert min(start for _, start, _ in FaultyFileSystem.reads) == 200
    FaultyFileSystem.reads = []
    assert len(ids(open_source(place))) == 9
    assert FaultyFileSystem.reads == []
    put_file(as_zip(tmp_path / "x", {"new.png": png(1)}))
    assert ids(open_source(place)) == ["new.png"]


# -- reading ahead ----------------------------------------------------------------------


def test_nothing_is_read_before_it_is_asked_for():
    source = open_source(put({f"{i}.png": png(i) for i in range(9)}))
    assert len(list(source)) == 9
    assert FaultyFileSystem.reads == []


def test_reading_ahead_is_bounded_and_reads_each_file_once(monkeypatch):
    source = open_source(put({f"{i}.png": png(i) for i in range(90)}))
    items = iter(source)
    assert next(items).load() == png(0)
    items.close()
    assert len(FaultyFileSystem.reads) <= 1 + remote_files.AHEAD
    FaultyFileSystem.reads = []
    assert [item.load() for item in source] == [png(i) for i in range(90)]
    assert len(FaultyFileSystem.reads) == 90
    monkeypatch.setattr(remote_files, "AHEAD_BYTES", 0)
    FaultyFileSystem.reads = []
    next(iter(source)).load()
    assert len(FaultyFileSystem.reads) == 1


def test_items_in_any_order_and_twice():
    items = list(open_source(put({f"{i}.png": png(i) for i in range(90)})))
    order = [89, 0, 45, 0, 44, 46]
    assert [items[i].load() for i in order] == [png(i) for i in order]


def test_large_files_are_refused_before_they_are_read():
    fs = put({"a.png": png(1)})
    FaultyFileSystem.extra_keys = {
        "/bucket/train/b.png": {"size": 2 << 30, "type": "file", "name": "b.png"}
    }
    _, item = open_source(fs)
    with pytest.raises(ImageError, match="more than"):
        item.load()
    assert FaultyFileSystem.reads == []


def test_an_empty_file_is_an_empty_image():
    (item,) = open_source(put({"a.png": b""}))
    assert item.load() == b""
