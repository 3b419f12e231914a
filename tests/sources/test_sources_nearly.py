"""Inputs that are nearly as expected: read, or told of in a sentence that is true."""

import io
import tarfile
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from make import as_folder, as_tgz, as_zip, known, png
from rara.errors import DamagedArchiveError, ImageError, ParameterError, UnknownSourceError
from rara.features.metadata_groups import check_key
from rara.sources import open_source
from rara.sources.limits import TABLE, Limit, check_cells

PIXELS = np.random.default_rng(0).integers(0, 255, (4, 6, 5, 3), np.uint8)


def parquet(table, **options):
    buffer = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), buffer, **options)
    return buffer.getvalue()


EVERYWHERE = pytest.mark.parametrize("pack", [as_folder, as_zip, as_tgz])


# -- sidecars ---------------------------------------------------------------------------


@EVERYWHERE
@pytest.mark.parametrize(("image", "sidecar"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_sidecars_in_another_unicode_form_are_joined(tmp_path, pack, image, sidecar):
    word = "café"
    files = {
        f"{unicodedata.normalize(image, word)}.png": png(),
        f"{unicodedata.normalize(sidecar, word)}.txt": b"a cup",
    }
    source = open_source(pack(tmp_path / "x", files))
    assert list(known(source).values()) == [{"prompt": "a cup"}]
    assert source.remarks == []


@EVERYWHERE
def test_sidecars_in_another_case_are_joined(tmp_path, pack):
    files = {
        **{"A.PNG": png(), "a.txt": b"first"},
        **{"b.png": png(1), "B.JSON": b'{"seed": 1}', "B.CLS": b"cat"},
        **{"c.left.png": png(2), "c.right.png": png(3), "C.Txt": b"both"},
    }
    source = open_source(pack(tmp_path / "x", files))
    assert known(source) == {
        "A.PNG": {"prompt": "first"},
        "b.png": {"seed": 1, "label": "cat"},
        "c.left.png": {"prompt": "both"},
        "c.right.png": {"prompt": "both"},
    }
    assert not any("other file" in remark for remark in source.remarks)


@EVERYWHERE
def test_a_sidecar_is_not_joined_where_its_case_is_that_of_another_image(tmp_path, pack):
    files = {"a.png": png(), "A.png": png(1), "a.txt": b"small", "b.png": png(2), "B.txt": b"near"}
    files |= {"b.txt": b"exact"}
    source = open_source(pack(tmp_path / "x", files))
    found = known(source)
    assert found == {"a.png": {"prompt": "small"}, "A.png": {}, "b.png": {"prompt": "exact"}}
    assert source.remarks == ["1 other file was not read: 1 .txt."]


# -- tables -----------------------------------------------------------------------------


@EVERYWHERE
@pytest.mark.parametrize("table", [b"", b"file_name,x\n", b"a.png,cat\n", b"\n\n"])
def test_a_table_without_rows_is_said(tmp_path, pack, table):
    source = open_source(pack(tmp_path / "x", {"a.png": png(), "metadata.csv": table}))
    assert known(source) == {"a.png": {}}
    assert source.remarks == ["'metadata.csv' was not used: it has no rows below a header."]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("metadata.csv", b"file_name,x\n17,1\n18,2\n"),
        ("metadata.jsonl", b'{"file_name": 17, "x": 1}\n{"file_name": 18, "x": 2}'),
        ("metadata.parquet", parquet({"file_name": [17, 18], "x": [1, 2]})),
    ],
)
def test_a_number_is_a_file_name_too(tmp_path, name, table):
    files = {"17": png(), "a.png": png(1), name: table}
    source = open_source(as_folder(tmp_path / "x", files))
    assert known(source)["17"] == {"x": 1}
    assert any("the first is '18'" in remark for remark in source.remarks)


def test_one_image_with_several_rows_is_one(tmp_path):
    files = {"a.png": png(), "metadata.csv": b"file_name,x\na.png,1\na.png,2\n"}
    source = open_source(as_folder(tmp_path / "x", files))
    known(source)
    assert source.remarks[0].startswith("1 image has several rows in 'metadata.csv' (2 rows)")


@pytest.mark.parametrize("unit", ["ms", "us"])
def test_a_date_that_is_none_is_said(tmp_path, unit):
    table = parquet({"file_name": ["a.png"], "t": pa.array([2**62], pa.timestamp(unit))})
    place = as_folder(tmp_path / "x", {"a.png": png(), "metadata.parquet": table})
    with pytest.raises(
        DamagedArchiveError, match=r"metadata\.parquet' cannot be read: .*--no-meta"
    ):
        open_source(place)
    assert known(open_source(place, metadata="ignore")) == {"a.png": {}}


@EVERYWHERE
@pytest.mark.parametrize("dictionary", [True, False])
def test_a_text_that_is_stored_once_for_many_rows_is_counted_each_time(tmp_path, pack, dictionary):
    rows = 2 * TABLE.size // 50_000
    text = pa.array(["x" * 50_000]).dictionary_encode()
    column = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), text.dictionary)
    if not dictionary:
        column = pa.StructArray.from_arrays([column], ["inner"])
    data = parquet({"file_name": ["a.png"] * rows, "text": column})
    assert len(data) < 100_000
    place = pack(tmp_path / "x", {"a.png": png(), "metadata.parquet": data})
    with pytest.raises(DamagedArchiveError, match="take more than the 268 MB read of a table"):
        open_source(place)


def test_a_column_larger_than_a_table_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("rara.sources.metadata.rows.TABLE", Limit(1 << 20, "a metadata table"))
    data = parquet({"file_name": ["a.png"], "text": ["x" * 2_000_000]}, compression="zstd")
    place = as_folder(tmp_path / "x", {"a.png": png(), "metadata.parquet": data})
    with pytest.raises(DamagedArchiveError, match=r"2 MB, more than the 1\.05 MB that are read"):
        open_source(place)


@pytest.mark.parametrize("size", [(4_000_001, 1), (1, 10_001), (5_000, 9_000)])
def test_cells_of_a_table_are_limited(size):
    with pytest.raises(ImageError, match="that are read of a table"):
        check_cells(*size)


def test_rows_without_an_image_are_counted(tmp_path):
    lists = pa.array([[png(), png(1)], [], None, [png(2)]], pa.list_(pa.binary()))
    pq.write_table(pa.table({"images": lists}), tmp_path / "x.parquet")
    source = open_source(tmp_path / "x.parquet")
    for _ in range(2):
        assert len(known(source)) == 3
        assert source.remarks == ["2 of 4 rows hold no image."]


# -- rows and batches -------------------------------------------------------------------


@pytest.mark.parametrize("labels", [[1, 2], np.arange(3), (1,) * 5])
def test_values_of_another_number_than_a_batch_are_left_out(labels):
    source = open_source([{"image": PIXELS, "label": labels, "set": "train"}])
    assert list(known(source).values()) == [{"set": "train"}] * 4
    assert source.remarks == [
        f"A batch of 4 images has {len(labels)} values in 'label'. They were left out, because "
        "it is unclear which belongs to which image."
    ]


@pytest.mark.parametrize(
    "element", [np.zeros(64), (np.zeros(64), 1), [0.5] * 8, ("name", np.zeros(64))]
)
def test_vectors_name_what_takes_them(element):
    with pytest.raises(UnknownSourceError, match=r"vector.*Reference\.from_features"):
        known(open_source([element] * 3))


@pytest.mark.parametrize("label", [3, np.int64(3), None, True])
@pytest.mark.parametrize("kind", [str, Path])
def test_pairs_of_path_and_class_say_what_to_give(label, kind):
    with pytest.raises(UnknownSourceError, match=r"is the path 'a\.png' with .*Give rows such as"):
        known(open_source([(kind("a.png"), label)]))


def test_the_remedy_takes_the_image_out_of_a_tuple():
    with pytest.raises(UnknownSourceError, match=r"\(x\[1\] for x in images\)"):
        known(open_source([(0, PIXELS[0])]))


def test_what_a_place_says_of_its_array_is_kept(tmp_path):
    np.savez(tmp_path / "x.npz", one=PIXELS[:1], two=PIXELS[:2])
    assert open_source(f"{tmp_path / 'x.npz'}#two", array="one").count() == 2


# -- layouts ----------------------------------------------------------------------------


@pytest.mark.parametrize("given", [".", "hub", "hub/snapshots"])
def test_a_cache_of_the_hub_says_what_it_mixes_wherever_it_is_opened(tmp_path, given):
    files = {"hub/refs/main": b"new", "hub/blobs/1": b""}
    for revision in ("old", "new"):
        files |= {f"hub/snapshots/{revision}/{s}/cat/1.png": png() for s in ("train", "test")}
    source = open_source(as_folder(tmp_path, files) / given)
    assert list(known(source).values()) == [{"label": "cat"}] * 2
    assert any("The splits 'test' and 'train' are read together" in r for r in source.remarks)
    assert any("was read of a cache of Hugging Face's Hub" in r for r in source.remarks)


def test_several_caches_of_the_hub_are_told_apart_by_their_folders(tmp_path):
    files = {}
    for name in ("a", "b"):
        files |= {
            f"{name}/refs/main": b"r",
            f"{name}/blobs/1": b"",
            f"{name}/snapshots/r/1.png": png(),
        }
    source = open_source(as_folder(tmp_path, files))
    assert [record["label"] for record in known(source).values()] == ["a", "b"]


def named(data):
    """A zip whose first member has a name of these bytes, not said to be UTF-8."""
    placeholder = b"~" * len(data)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{placeholder.decode()}.png", png())
        archive.writestr("metadata.csv", "file_name,x\ncafé.png,1\n")
    return buffer.getvalue().replace(placeholder, data)


@pytest.mark.parametrize(
    ("encoding", "form"), [("utf-8", "NFC"), ("utf-8", "NFD"), ("cp437", "NFC")]
)
def test_names_in_a_zip_that_does_not_say_that_they_are_utf8(tmp_path, encoding, form):
    name = unicodedata.normalize(form, "café")
    (tmp_path / "x.zip").write_bytes(named(name.encode(encoding)))
    assert known(open_source(tmp_path / "x.zip")) == {f"{name}.png": {"x": 1}}


def test_an_archive_in_a_list_with_images_is_read(tmp_path):
    archives = [pack(tmp_path / "x", {"a.png": png()}) for pack in (as_zip, as_tgz)]
    np.save(tmp_path / "x.npy", PIXELS)
    pq.write_table(pa.table({"image": [png()]}), tmp_path / "x.parquet")
    (tmp_path / "b.png").write_bytes(png(1))
    others = [tmp_path / name for name in ("x.npy", "x.parquet", "b.png")]
    source = open_source([*archives, *others])
    assert source.count() == len(known(source)) == 1 + 1 + len(PIXELS) + 1 + 1


@pytest.mark.parametrize("pattern", [True, False])
def test_an_image_of_a_pattern_that_is_gone_does_not_end_the_run(tmp_path, pattern):
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "b.png").symlink_to("nowhere")
    items = list(open_source(str(tmp_path / "*.png") if pattern else tmp_path))
    assert [item.id for item in items] == ["a.png", "b.png"]
    with pytest.raises(ImageError, match="cannot be read: no such file"):
        items[1].load()


@EVERYWHERE
def test_values_that_another_place_replaces_are_counted(tmp_path, pack):
    files = {
        "a.png": png(),
        "metadata.csv": b"file_name,x,y,z\na.png,1,1,1\n",
        "metadata.jsonl": b'{"file_name": "a.png", "x": 2, "y": 2, "z": 1}',
        "a.json": b'{"x": 3}',
    }
    source = open_source(pack(tmp_path / "x", files))
    for _ in range(2):
        assert known(source) == {"a.png": {"x": 3, "y": 2, "z": 1}}
        assert source.remarks == [
            "2 metadata values were replaced by what 'metadata.jsonl' says of the same image and "
            "key.",
            "1 metadata value was replaced by what a sidecar says of the same image and key.",
        ]


def test_a_missing_key_comes_with_the_reason(tmp_path):
    files = {"a.png": png(), "metadata.csv": b"isic_id,age\na,30\n"}
    source = open_source(as_folder(tmp_path / "x", files))
    with pytest.raises(ParameterError, match=r"'metadata\.csv' was not used: it has no column"):
        check_key("age", samples=source)


@pytest.mark.parametrize("mode", ["", "gz", "xz"])
@pytest.mark.parametrize("suffix", [".tar", ".tgz", ".tar.xz", ".tar.bz2", ".tar.zst"])
def test_a_tar_whose_name_says_another_compression_gets_the_remedy(tmp_path, mode, suffix):
    path = tmp_path / f"x{suffix}"
    with tarfile.open(path, f"w:{mode}") as archive:
        member = tarfile.TarInfo("a.png")
        member.size = len(png())
        archive.addfile(member, io.BytesIO(png()))
    found = f".tar.{mode}" if mode else ".tar"
    if suffix.replace(".tgz", ".tar.gz") == found:
        assert open_source(path).count() == 1
        return
    with pytest.raises(DamagedArchiveError, match=f"is a {found}, which .*Rename it to end in"):
        open_source(path)
