"""Folders and archives as people have them: of every file it is said what became of it."""

import io
import json
import os
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from make import as_folder, as_tar, as_tgz, as_zip, encoded, known, png
from rara.errors import EmptySourceError
from rara.sources import folder, open_source
from rara.sources.base import remarks_of
from rara.sources.first_bytes import starts_like_image
from rara.sources.layouts.compound import annotating
from rara.text import encodable

EVERYWHERE = pytest.mark.parametrize("pack", [as_folder, as_zip, as_tar, as_tgz])

_COUNTED = re.compile(r"^([\d,]+) .*(?:not read|left out)")


def told(remarks):
    """The number of files that remarks say were not read."""
    counts = [_COUNTED.match(remark) for remark in remarks if " metadata value" not in remark]
    numbers = sum(int(count[1].replace(",", "")) for count in counts if count)
    return numbers + sum(bool(re.match(r"'.*' was not used", remark)) for remark in remarks)


def opened(place, *, files, used=0, metadata="read"):
    """The metadata of all images and the remarks; every one of `files` is accounted for.

    `used` of them describe images.
    """
    source = open_source(place, metadata=metadata)
    found = known(source)
    assert source.count() == len(found)
    assert files == len(found) + used + told(remarks_of(source))
    return found, remarks_of(source)


# -- files that are no images -----------------------------------------------------------


@EVERYWHERE
def test_other_files_are_counted(tmp_path, pack):
    files = {f"{i}.png": png(i) for i in range(3)} | {f"n{i}.md": b"x" for i in range(4)}
    files |= {"LICENSE": b"free", "0.txt": b"zero", "metadata.csv": b"file_name\n1.png\n"}
    known, remarks = opened(pack(tmp_path / "x", files), files=len(files), used=2)
    assert known["0.png"] == {"prompt": "zero"}
    assert remarks == [
        "5 other files were not read: 4 .md, 1 without suffix.",
        "2 images have no row in 'metadata.csv'; the first is '0.png'.",
    ]


@EVERYWHERE
def test_metadata_can_be_ignored(tmp_path, pack):
    files = {"k/0.png": png(), "k/0.txt": b"zero", "metadata.csv": b"file_name,x\nk/0.png,1\n"}
    place = pack(tmp_path / "x", files)
    known, remarks = opened(place, files=3, metadata="ignore")
    assert known == {"k/0.png": {"label": "k"}}
    assert remarks == ["2 other files were not read: 1 .txt, 1 .csv."]


SYSTEM = [
    *("@eaDir/0.png/SYNOPHOTO_THUMB_M.jpg", "sub/.@__thumb/0.png", "#recycle/0.png"),
    *("$RECYCLE.BIN/0.png", ".Trash-1000/files/0.png", "lost+found/0.png", "Thumbs.db"),
    *(".DS_Store", "__MACOSX/._0.png", "._0.png", "System Volume Information/0.png"),
    *(".ipynb_checkpoints/0-checkpoint.png", "desktop.ini"),
]


@EVERYWHERE
def test_what_systems_keep_is_left_out(tmp_path, pack):
    files = {"0.png": png()} | dict.fromkeys(SYSTEM, png(1))
    known, remarks = opened(pack(tmp_path / "x", files), files=len(files))
    assert list(known) == ["0.png"]
    (remark,) = remarks
    assert remark.startswith("13 files of the system were left out: 1 ")


@EVERYWHERE
@pytest.mark.parametrize("name", SYSTEM)
def test_each_system_file_is_named(tmp_path, pack, name):
    _, (remark,) = opened(pack(tmp_path / "x", {"0.png": png(), name: png()}), files=2)
    assert remark.startswith("1 file of the system was left out: 1 ")


@EVERYWHERE
def test_hidden_files_are_counted_with_their_images(tmp_path, pack):
    files = {"0.png": png(), ".x.png": png(), ".git/config": b"", "a/.b/c.jpg": png()}
    known, remarks = opened(pack(tmp_path / "x", files), files=4)
    assert list(known) == ["0.png"]
    assert remarks == ["3 hidden files were left out (2 called like an image)."]


def test_a_folder_with_hidden_images_alone_says_so(tmp_path):
    with pytest.raises(EmptySourceError, match=r"1 file of the system was left out: 1 in @eaDir"):
        open_source(as_folder(tmp_path, {"@eaDir/0.png": png()}))


def test_patterns_do_not_lead_into_folders_of_the_system(tmp_path):
    as_folder(tmp_path, {"0.png": png(), "@eaDir/0.png": png(), "d/1.png": png()})
    known, remarks = opened(f"{tmp_path}/**/*.png", files=3)
    assert list(known) == ["0.png", "d/1.png"]
    assert len(remarks) == 1
    assert opened(f"{tmp_path}/@eaDir/*.png", files=1)[1] == []


def test_a_hidden_folder_that_may_not_be_listed_does_not_end_the_run(tmp_path, monkeypatch):
    as_folder(tmp_path, {"0.png": png(), "lost+found/x": b""})
    listed = os.scandir

    def scandir(path):
        if str(path).endswith("lost+found"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert opened(tmp_path, files=2)[1] == ["1 file of the system was left out: 1 lost+found."]


# -- images by content ------------------------------------------------------------------


def in_format(form):
    return encoded(Image.new("RGB", (9, 7), (200, 10, 90)), form)


FORMATS = ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM"]


@pytest.mark.parametrize("form", FORMATS)
def test_images_are_known_by_their_first_bytes(form):
    assert starts_like_image(in_format(form)[:32])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"BM",
        b"BMW of 1998, and a long text on it",
        b"P1",
        b"P5 is a psychopy file",
        b"II",
        b"RIFF....WAVE",
    ],
)
def test_texts_are_no_images(head):
    assert not starts_like_image(head)


@EVERYWHERE
def test_images_without_a_known_suffix_are_read(tmp_path, pack):
    files = {form.lower(): in_format(form) for form in FORMATS}
    files |= {"frame.0001": png(1), "frame.0001.json": b'{"seed": 1}', "frame.0002": png(2)}
    files |= {
        "notes": b"nothing",
        "v1.dir/blob": png(3),
        "v1.dir/blob.txt": b"a blob",
        "empty": b"",
    }
    known, remarks = opened(pack(tmp_path / "x", files), files=len(files), used=2)
    assert known["frame.0001"] == {"seed": 1}
    assert known["frame.0002"] == {}
    assert known["v1.dir/blob"] == {"label": "v1.dir", "prompt": "a blob"}
    assert sorted(remarks)[0].startswith("12 files are images by their first bytes, not by name")
    assert "2 other files were not read: 2 without suffix." in remarks


@EVERYWHERE
@pytest.mark.parametrize("name", ["a.dng", "a.txt", "a.png.part", "a.npy"])
def test_files_of_another_kind_are_not_looked_at(tmp_path, pack, name):
    known, _ = opened(pack(tmp_path / "x", {"0.png": png(), name: png()}), files=2)
    assert set(known) - {"0.png"} == set()


def test_a_single_file_without_suffix_is_read(tmp_path):
    as_folder(tmp_path, {"blob": png()})
    assert list(opened(tmp_path / "blob", files=1)[0]) == ["blob"]


def test_no_file_with_the_suffix_of_an_image_is_opened_to_list_it(tmp_path, monkeypatch):
    place = as_folder(tmp_path, {f"{i}.png": png() for i in range(5)} | {"a.md": b"", "b.npy": b""})
    monkeypatch.setattr(folder, "read_head", lambda _: pytest.fail("opened"))
    assert open_source(place).count() == 5


def test_a_pipe_without_suffix_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    opened(as_folder(tmp_path, {"0.png": png()}), files=2)


# -- several images of one base name ----------------------------------------------------


@EVERYWHERE
def test_an_annotation_of_an_image_is_no_image(tmp_path, pack):
    files = {}
    for i in range(3):
        files |= {f"{i}.jpg": png(i), f"{i}.Depth.png": png(9), f"{i}.seg.png": png(8)}
        files |= {f"{i}.json": b'{"caption": "c"}'}
    known, remarks = opened(pack(tmp_path / "x", files), files=12, used=3)
    assert known == {f"{i}.jpg": {"prompt": "c"} for i in range(3)}
    assert remarks == [
        "6 images that annotate another of the same base name were not read: 3 .depth.png, "
        "3 .seg.png. To read them, give them without the images that they annotate."
    ]


@EVERYWHERE
def test_two_pictures_of_one_base_name_are_two_images(tmp_path, pack):
    files = {"a.left.png": png(1), "a.right.png": png(2), "a.json": b'{"seed": 4}'}
    known, remarks = opened(pack(tmp_path / "x", files), files=3, used=1)
    assert known == {"a.left.png": {"seed": 4}, "a.right.png": {"seed": 4}}
    assert remarks == [
        "1 base name has several images (such as .left.png, .right.png): "
        "each is read as an image of its own."
    ]


@EVERYWHERE
def test_dots_in_a_name_are_no_second_image(tmp_path, pack):
    files = {"v.1/22.05.png": png(1), "v.1/22.05.txt": b"five", "v.1/22.06.png": png(2)}
    files |= {"v.1/22.png": png(3), "v.1/22.txt": b"whole", "v.1/b.seg.png": png(4)}
    known, remarks = opened(pack(tmp_path / "x", files), files=6, used=2)
    assert {id_: record.get("prompt") for id_, record in known.items()} == {
        "v.1/22.05.png": "five",
        "v.1/22.06.png": None,
        "v.1/22.png": "whole",
        "v.1/b.seg.png": None,
    }
    assert remarks == []


@given(st.lists(st.text("ab/", min_size=1).map(lambda text: f"{text}.seg.png")))
def test_annotations_alone_are_images(names):
    assert annotating(names) == frozenset()


def test_files_given_by_name_find_the_sidecar_of_their_base_name(tmp_path):
    as_folder(tmp_path, {"a.left.png": png(), "a.right.png": png(), "a.json": b'{"seed": 4}'})
    known, _ = opened(f"{tmp_path}/*.left.png", files=2, used=1)
    assert known == {"a.left.png": {"seed": 4}}
    as_folder(tmp_path, {"a.png": png()})
    assert opened(f"{tmp_path}/*.left.png", files=1)[0] == {"a.left.png": {}}


# -- labels from folders ----------------------------------------------------------------


@EVERYWHERE
def test_splits_are_no_labels(tmp_path, pack):
    files = {"train/cat/1.png": png(1), "train/dog/2.png": png(2), "test/cat/3.png": png(3)}
    known, (remark,) = opened(pack(tmp_path / "x", files), files=3)
    assert {id_: record["label"] for id_, record in known.items()} == {
        "train/cat/1.png": "cat", "train/dog/2.png": "dog", "test/cat/3.png": "cat",
    }  # fmt: skip
    assert "read together (test 1, train 2 images)" in remark


@EVERYWHERE
def test_one_class_beside_makes_splits_labels_again(tmp_path, pack):
    files = {"train/1.png": png(1), "boat/2.png": png(2)}
    known, remarks = opened(pack(tmp_path / "x", files), files=2)
    assert [record["label"] for record in known.values()] == [id_.split("/")[0] for id_ in known]
    assert remarks == []


def stylegan(labels):
    files = {f"{i // 2:05d}/img{i:08d}.png": png(i) for i in range(6)}
    return files | {"dataset.json": json.dumps({"labels": labels}).encode()}


@EVERYWHERE
def test_labels_of_stylegan(tmp_path, pack):
    names = [name for name in stylegan(None) if name.endswith(".png")]
    labels = [[name, i % 3] for i, name in enumerate(names)]
    known, remarks = opened(pack(tmp_path / "x", stylegan(labels)), files=7, used=1)
    assert [record["label"] for record in known.values()] == list("012012")
    assert remarks == ["The folders are numbers that only sort the images, and no labels."]


@EVERYWHERE
def test_stylegan_without_labels(tmp_path, pack):
    known, remarks = opened(pack(tmp_path / "x", stylegan(None)), files=7, used=1)
    assert [record for record in known.values() if record] == []
    assert remarks == ["The folders are numbers that only sort the images, and no labels."]


@EVERYWHERE
def test_continuous_labels_of_stylegan(tmp_path, pack):
    files = {
        "f[1.0]_r[20].png": png(),
        "dataset.json": b'{"labels": [["f[1.0]_r[20].png", [1.0, 20]]]}',
    }
    known, _ = opened(pack(tmp_path / "x", files), files=2, used=1)
    assert known == {"f[1.0]_r[20].png": {"label_vector": "[1.0, 20]"}}


@EVERYWHERE
@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"labels": 3}', b'{"labels": [1, 2]}'])
def test_a_foreign_dataset_json_is_not_used(tmp_path, pack, content):
    _, (remark,) = opened(pack(tmp_path / "x", {"0.png": png(), "dataset.json": content}), files=2)
    assert remark.startswith("'dataset.json' was not used: it")


def test_numbered_folders_whose_names_run_on_are_no_labels(tmp_path):
    run_on = {f"{i // 2:05d}/{i}.png": png(i) for i in range(6)}
    classes = {f"{k:05d}/{i}.png": png(i) for i in range(3) for k in range(2)}
    assert all(
        not known for known in opened(as_folder(tmp_path / "a", run_on), files=6)[0].values()
    )
    known, remarks = opened(as_folder(tmp_path / "b", classes), files=6)
    assert {record["label"] for record in known.values()} == {"00000", "00001"}
    assert remarks == []


# -- lists, patterns and folders of shards ----------------------------------------------


def test_a_path_that_is_given_twice_is_read_twice(tmp_path):
    a, b = (
        as_folder(tmp_path, {"a.png": png(1), "b.png": png(2)}) / name
        for name in ("a.png", "b.png")
    )
    source = open_source([a, b, a])
    assert [(item.id, item.load()) for item in source] == [
        ("a.png", png(1)), ("b.png", png(2)), ("a.png~2", png(1)),
    ]  # fmt: skip
    assert [item.id for item in open_source(source.location)] == ["a.png", "b.png", "a.png~2"]
    shard = as_tar(tmp_path / "s", {"x.png": png()})
    assert [item.id for item in open_source([shard, shard])] == ["s.tar/x.png", "s.tar~2/x.png"]


@pytest.mark.parametrize("kind", ["folder", "pattern", "list", "file"])
def test_a_place_that_is_not_utf8_opens_again_from_what_is_stored(tmp_path, kind):
    place = as_folder(tmp_path / os.fsdecode(b"caf\xe9"), {"a.png": png(1), "b.png": png(2)})
    spec = {
        "folder": place,
        "pattern": f"{place}/*.png",
        "list": [place / "b.png", place / "a.png"],
        "file": place / "a.png",
    }[kind]
    source = open_source(spec)
    stored = encodable(source.location)
    stored.encode()
    assert [item.load() for item in open_source(stored)] == [item.load() for item in source]


def test_a_path_that_a_pattern_matches_twice_is_read_once_and_said(tmp_path):
    as_folder(tmp_path, {"a.png": png(1), "b.png": png(2)})
    source = open_source(f"{tmp_path}/{{a,*}}.png")
    assert [item.id for item in source] == ["a.png", "b.png"]
    assert remarks_of(source) == ["1 of 3 matches repeat a path: each is read once."]


def table_of(*names):
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = [{"bytes": png(i), "path": name} for i, name in enumerate(names)]
    buffer = io.BytesIO()
    pq.write_table(pa.table({"image": pa.array(rows, image)}), buffer)
    return buffer.getvalue()


def hub_cache(root, files, *, revisions=("abc",)):
    """A data set as Hugging Face's Hub caches it: files in blobs, links to them in snapshots."""
    as_folder(root, {f"blobs/{i}": data for i, data in enumerate(files.values())})
    as_folder(root, {"refs/main": revisions[0].encode()})
    for revision in revisions:
        for i, name in enumerate(files):
            link = root / "snapshots" / revision / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(root / "blobs" / str(i))
    return root


def test_two_splits_in_a_hub_cache_are_said(tmp_path):
    files = {
        "data/test-00000-of-00001.parquet": table_of("t.png"),
        "data/train-00000-of-00001.parquet": table_of("a.png", "b.png"),
        "README.md": b"card",
    }
    source = open_source(hub_cache(tmp_path / "datasets--me--cats", files))
    assert source.count() == 3
    cache, other, splits = remarks_of(source)
    assert cache.startswith("'snapshots/abc/' was read of a cache of Hugging Face's Hub: 4 other")
    assert other == "1 other file was not read: 1 .md."
    assert "(test 1, train 2 images)" in splits
    pattern = re.search(r"Give '(.*)' to read one alone", splits)[1]
    assert [item.id for item in open_source(pattern)] == ["t.png"]


@pytest.mark.parametrize("below", ["", "hub"])
def test_images_in_a_hub_cache_are_read_once(tmp_path, below):
    files = {"cat/0.png": png(0), "dog/1.png": png(1)}
    hub_cache(tmp_path / below / "" if below else tmp_path, files, revisions=("abc", "old"))
    source = open_source(tmp_path)
    prefix = f"{below}/" if below else ""
    assert [item.id for item in source] == [f"{prefix}snapshots/abc/{name}" for name in files]
    if not below:
        assert [item.metadata["label"] for item in source] == ["cat", "dog"]
    assert "5 other files of it were not read" in " ".join(remarks_of(source))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
@pytest.mark.parametrize("kind", ["long", "pipe", "other"])
def test_a_branch_that_names_no_revision_gives_the_last(tmp_path, kind):
    hub_cache(tmp_path, {"0.png": png(0)}, revisions=("abc", "old"))
    branch = tmp_path / "refs" / "main"
    branch.unlink()
    if kind == "pipe":
        os.mkfifo(branch)
    else:
        branch.write_bytes(b"abc" + b" " * 5000 if kind == "long" else b"\xff")
    assert [item.id for item in open_source(tmp_path)] == ["snapshots/old/0.png"]


def test_splits_in_tars_and_what_lies_beside_them(tmp_path):
    as_tar(tmp_path / "train-0", {"a.png": png()})
    as_tar(tmp_path / "val-0", {"b.png": png()})
    as_folder(tmp_path, {"README.md": b"", ".DS_Store": b""})
    remarks = remarks_of(open_source(tmp_path))
    assert remarks[:2] == [
        "1 file of the system was left out: 1 .DS_Store.",
        "1 other file was not read: 1 .md.",
    ]
    assert "(train 1, val 1 images)" in remarks[2]


def test_shards_of_one_split_need_no_remark(tmp_path):
    as_tar(tmp_path / "train-0", {"a.png": png()})
    as_tar(tmp_path / "train-1", {"b.png": png()})
    assert remarks_of(open_source(tmp_path)) == []


# -- all at once ------------------------------------------------------------------------

IMAGES = ("a.png", "b.PNG", "a.seg.png", "a.left.png", "a.right.png", "22.05.png", "blob", "x.0001")
NAMES = st.sampled_from(
    [
        *IMAGES,
        *("a.txt", "a.json", "a.left.json", "22.05.txt", "22.txt", "b.cls", "blob.json", "n.md"),
        *("metadata.csv", "metadata.jsonl", "dataset.json", ".h.png", "@eaDir/a.png", "Thumbs.db"),
    ]
)
CONTENTS = {
    "metadata.csv": [b"file_name,x\na.png,1\n", b"id;age\n1;2\n", b"\xff\xfea"],
    "metadata.jsonl": [b'{"file_name": "none.png"}', b'{"a": 1}'],
    "dataset.json": [b'{"labels": null}', b"{}"],
}


def content(name, draw):
    """Something that a file of this name may hold."""
    if name in CONTENTS:
        return draw(st.sampled_from(CONTENTS[name]))
    if name in IMAGES:
        return png()
    return b'{"seed": 1}' if name.endswith(".json") else b"words"


@settings(deadline=None, max_examples=60)
@given(data=st.data(), pack=st.sampled_from([as_folder, as_zip, as_tar, as_tgz]))
def test_of_every_file_it_is_said_what_became_of_it(tmp_path_factory, data, pack):
    folders = st.sampled_from(["", "train/", "test/", "cat/", "00000/"])
    chosen = data.draw(st.sets(st.tuples(folders, NAMES), min_size=1, max_size=14))
    files = {folder + name: content(name, data.draw) for folder, name in sorted(chosen)}
    files["zzz.png"] = png()
    source = open_source(pack(tmp_path_factory.mktemp("layout") / "x", files))
    images = list(source)
    used = {name for part in source._metadata for name in part.used}
    unused = {name for name in used if f"'{name}' was not used" in " ".join(source.remarks)}
    assert used <= files.keys() - {item.id for item in images}
    assert len(files) == len(images) + len(used - unused) + told(source.remarks)
