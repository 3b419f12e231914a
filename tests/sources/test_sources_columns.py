"""Tables: which column holds the images and in which form, Arrow files, hostile Parquet."""

import base64
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from make import loaded, png
from rara.errors import DamagedArchiveError, ImageError, UnknownSourceError
from rara.sources import open_source

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def struct(colour):
    return {"bytes": png(colour), "path": f"{colour}.png"}


def parquet(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


def stream(path, table, rows=2, new=pa.ipc.new_stream):
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as file, new(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return path


# -- columns ----------------------------------------------------------------------------


def test_a_column_is_chosen_by_option_or_in_the_path_and_the_place_opens_again(tmp_path):
    path = parquet(
        tmp_path / "a.parquet", {"source": [png(0), png(1)], "edited": [png(10), png(11)]}
    )
    with pytest.raises(UnknownSourceError, match=r"2 columns .*--image-column source, .*#source"):
        open_source(path)
    chosen = open_source(path, image_column="edited")
    assert chosen.location == f"{path}#edited"
    for source in (
        chosen,
        open_source(chosen.location),
        open_source(f"{tmp_path}/*.parquet#edited"),
        open_source(f"{tmp_path}#edited"),
        open_source([path], image_column="edited"),
    ):
        assert [item.load() for item in source] == [png(10), png(11)]
        assert source.remarks == []
        assert [item.load() for item in open_source(source.location)] == [png(10), png(11)]
    with pytest.raises(UnknownSourceError, match="no column 'text': it has source"):
        open_source(path, image_column="text")


def test_the_usual_column_goes_first_and_the_others_are_named(tmp_path):
    columns = {"mask": [png(0)], "image": [png(1)], "thumb": [png(2)]}
    source = open_source(parquet(tmp_path / "a.parquet", columns))
    assert [item.load() for item in source] == [png(1)]
    assert source.remarks == [
        "Column 'image' was read; --image-column chooses another of mask, thumb."
    ]


@pytest.mark.parametrize("kind", [STRUCT, pa.binary()])
def test_each_image_of_a_list_is_one_with_the_rows_metadata(tmp_path, kind):
    one = struct if kind == STRUCT else png
    rows = [[one(0), one(1)], [], None, [one(2), None]]
    columns = {"images": pa.array(rows, pa.list_(kind)), "text": list("abcd")}
    source = open_source(parquet(tmp_path / "a.parquet", columns, row_group_size=1))
    items = list(source)
    assert source.count() is None
    names = ["a.parquet#0#0", "a.parquet#0#1", "a.parquet#3#0", "a.parquet#3#1"]
    assert [item.id for item in items] == names
    assert [item.load() for item in items[:3]] == [png(0), png(1), png(2)]
    assert [item.metadata["prompt"] for item in items] == list("aadd")
    assert [item.size for item in items] == [len(png(0)), len(png(1)), len(png(2)), None]
    with pytest.raises(ImageError, match="null"):
        items[3].load()
    assert loaded(source.select([names[2], names[1], "a.parquet#1#0"])) == [
        (names[1], png(1)), (names[2], png(2)),
    ]  # fmt: skip


@pytest.mark.parametrize("before", ["", "data:image/png;base64,"])
def test_text_in_base64_is_read_and_said(tmp_path, before):
    texts = [before + base64.b64encode(png(n)).decode() for n in range(3)]
    broken = texts[0][:-7] + "!" + texts[0][-6:]
    source = open_source(parquet(tmp_path / "a.parquet", {"image": [None, *texts, broken]}))
    none, *whole, damaged = source
    assert [item.load() for item in whole] == [png(n) for n in range(3)]
    assert source.remarks == ["Column 'image' was read as base64."]
    with pytest.raises(ImageError, match="null"):
        none.load()
    with pytest.raises(ImageError, match="damaged base64"):
        damaged.load()


@pytest.mark.parametrize(
    "text",
    [
        "0.png",
        "https://example.org/" + "x" * 200,
        "A" * 400,
        base64.b64encode(b"BMW of 1998, red, no owner yet".ljust(90)).decode(),
        base64.b64encode(b"RIFF----WAVE".ljust(90)).decode(),
    ],
)
def test_other_text_is_no_image(tmp_path, text):
    path = parquet(tmp_path / "a.parquet", {"url": [text], "n": [1]})
    for options in ({}, {"image_column": "url"}):
        with pytest.raises(UnknownSourceError, match=r"'url' holds text such as .*give a folder"):
            open_source(path, **options)
    with pytest.raises(UnknownSourceError, match=r"Column 'n' .* is int64: no images"):
        open_source(path, image_column="n")


def test_several_splits_in_one_folder_are_said(tmp_path):
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        parquet(tmp_path / f"{name}.parquet", {"image": [png(0)]})
    source = open_source(tmp_path)
    assert source.count() == 3
    assert len(source.remarks) == 1
    assert "Several splits are read together (test 1, train 2 images)" in source.remarks[0]
    assert open_source(f"{tmp_path}/train*.parquet").remarks == []


# -- Arrow ------------------------------------------------------------------------------


CARD = {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}


def saved(folder, colours, *, card=CARD, listed=True):
    """A folder as Hugging Face's `save_to_disk` leaves it, in two files."""
    for at, part in enumerate((colours[:3], colours[3:])):
        columns = {
            "image": pa.array([struct(n) for n in part], STRUCT),
            "label": [n % 2 for n in part],
        }
        stream(folder / f"data-0000{at}-of-00002.arrow", pa.table(columns))
    stream(folder / "cache-1.arrow", pa.table({"image": [b"an earlier step"]}))
    names = [{"filename": f"data-0000{at}-of-00002.arrow"} for at in (0, 1)]
    (folder / "state.json").write_text(json.dumps({"_data_files": names} if listed else {}))
    (folder / "dataset_info.json").write_text(json.dumps(card))
    return folder


@pytest.mark.parametrize("listed", [True, False])
def test_what_save_to_disk_wrote_is_read_with_its_classes(tmp_path, listed):
    source = open_source(saved(tmp_path / "set", range(7), listed=listed))
    assert loaded(source) == [(f"{n}.png", png(n)) for n in range(7)]
    assert [item.metadata["label"] for item in source] == ["cat", "dog"] * 3 + ["cat"]
    assert loaded(source.select(["4.png", "0.png"])) == [("0.png", png(0)), ("4.png", png(4))]
    assert source.location == str(tmp_path / "set")
    assert source.count() == 7


def test_splits_are_chosen_unless_there_is_one(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    saved(tmp_path / "set" / "train", range(4))
    assert len(loaded(open_source(tmp_path / "set"))) == 4
    saved(tmp_path / "set" / "test", range(5))
    with pytest.raises(UnknownSourceError, match=r"2 splits of a data set: test, train.*set/test'"):
        open_source(tmp_path / "set")
    assert len(loaded(open_source(tmp_path / "set" / "test"))) == 5


def test_a_missing_file_of_a_saved_data_set_is_named(tmp_path):
    folder = saved(tmp_path, range(7))
    (folder / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(DamagedArchiveError, match=r"lacks 'data-00001-of-00002\.arrow', which its"):
        open_source(folder)


@pytest.mark.parametrize("new", [pa.ipc.new_stream, pa.ipc.new_file])
def test_arrow_files_of_both_kinds(tmp_path, new):
    table = pa.table({"image": [png(n) for n in range(5)], "seed": list(range(5))})
    path = stream(tmp_path / "a.arrow", table, new=new)
    source = open_source(path)
    assert loaded(source) == [(f"a.arrow#{n}", png(n)) for n in range(5)]
    assert [item.metadata for item in source.select(["a.arrow#3"])] == [{"seed": 3}]


def test_damaged_offsets_of_an_arrow_file_point_nowhere(tmp_path):
    path = stream(tmp_path / "a.arrow", pa.table({"image": [b"12345678" * 9, b"1"]}), rows=9)
    data = path.read_bytes()
    offsets = np.array([0, 72, 73], np.int32).tobytes()
    wrong = np.array([0, 1 << 30, 73], np.int32).tobytes()
    assert data.count(offsets) == 1
    path.write_bytes(data.replace(offsets, wrong))
    with pytest.raises(DamagedArchiveError, match=r"a\.arrow' is damaged"):
        list(open_source(path))
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DamagedArchiveError, match=r"a\.arrow' is damaged"):
        list(open_source(path))


# -- hostile ----------------------------------------------------------------------------


def test_a_table_of_more_rows_than_bytes_is_refused(tmp_path):
    path = parquet(tmp_path / "a.parquet", {"image": pa.nulls(2_000_000, pa.binary())})
    with pytest.raises(DamagedArchiveError, match="claims 2,000,000 rows in"):
        open_source(path)


def test_rows_that_repeat_a_large_value_are_held_one_at_a_time(tmp_path):
    large = bytes(8 << 20)
    path = parquet(tmp_path / "a.parquet", {"image": [large] * 64}, compression="zstd")
    before = pa.total_allocated_bytes()
    for item in open_source(path):
        assert len(item.load()) == len(large)
        assert pa.total_allocated_bytes() - before < 8 * len(large)


def test_many_columns_are_cut_and_deep_ones_refused(tmp_path):
    columns = {"image": [png(0)]} | {f"c{n}": [n] for n in range(1200)}
    source = open_source(parquet(tmp_path / "a.parquet", columns))
    (item,) = source
    assert len(item.metadata) == 1000
    assert source.remarks == ["1,200 columns are metadata; the first 1,000 were read."]
    kind = pa.binary()
    for _ in range(150):
        kind = pa.struct([("bytes", kind)])
    path = parquet(tmp_path / "deep.parquet", {"image": pa.nulls(2, kind)})
    with pytest.raises(DamagedArchiveError, match="too deeply nested"):
        open_source(path)


def test_values_beside_images_that_cannot_be_read_are_counted(tmp_path):
    text = pa.Array.from_buffers(pa.string(), 2, pa.array([b"a", b"\xff"]).buffers())
    path = parquet(tmp_path / "a.parquet", {"image": [png(0), png(1)], "text": text})
    source = open_source(path)
    assert [item.metadata for item in source] == [{"prompt": "a"}, {}]
    assert source.remarks == ["1 values beside images are damaged and were left out."]
