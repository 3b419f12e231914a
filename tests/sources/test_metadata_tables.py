"""Tables of metadata: which rows describe which images, and what is said of the rest."""

import io
import json
import unicodedata

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedding import Means
from make import known, png
from rara.errors import ParameterError
from rara.features.opening import features_of
from rara.run import Run
from rara.sources import open_source
from rara.sources.metadata.matching import ImageNames


def place(root, images, **tables):
    """A folder with images and files `metadata_csv=...` for metadata.csv."""
    for i, name in enumerate(images):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(png(i))
    for name, content in tables.items():
        data = content if isinstance(content, bytes) else content.encode()
        (root / name.replace("_", ".")).write_bytes(data)
    return root


def read(path):
    source = open_source(path)
    return known(source), source.remarks


def lines(*rows):
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


# -- names that are nearly the same -----------------------------------------------------


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_names_in_another_unicode_form_are_joined(tmp_path, stored, written):
    names = [f"{word}_{i}.png" for i, word in enumerate(["café", "Müller", "ångström"])]
    table = lines(*({"file_name": unicodedata.normalize(written, n), "seed": 1} for n in names))
    images = [unicodedata.normalize(stored, name) for name in names]
    known, remarks = read(place(tmp_path, images, metadata_jsonl=table))
    assert list(known.values()) == [{"seed": 1}] * 3
    assert remarks == []


def test_names_in_another_case_are_joined_where_they_mean_one_image(tmp_path):
    table = "file_name,x\nCAT.JPG.png,1\nd.PNG,2\n"
    known, remarks = read(place(tmp_path, ["Cat.jpg.png", "D.png"], metadata_csv=table))
    assert known == {"Cat.jpg.png": {"x": 1}, "D.png": {"x": 2}}
    assert remarks == []


def test_a_name_that_fits_two_images_fits_none():
    names = ImageNames(["a.png", "A.png", "caf\u00e9.png", "cafe\u0301.png", "b.png"])
    assert names.find("A.png") == "A.png"
    assert names.find("A.PNG") is None
    assert names.find("CAFE\u0301.png") is None
    assert names.find("B.PNG") == "b.png"


def test_the_exact_name_counts_before_others(tmp_path):
    table = "file_name,x\na.png,1\nA.png,2\n"
    assert read(place(tmp_path, ["a.png", "A.png"], metadata_csv=table))[0] == {
        "a.png": {"x": 1},
        "A.png": {"x": 2},
    }


# -- rows without an image, images without a row ----------------------------------------


def test_rows_and_images_that_do_not_match_are_counted(tmp_path):
    table = lines(
        {"file_name": "x.png"}, {"file_name": "a.png", "s": 1}, {"file_name": "y.png"}, {}
    )
    known, remarks = read(place(tmp_path, ["a.png", "b.png", "c.png"], metadata_jsonl=table))
    assert known == {"a.png": {"s": 1}, "b.png": {}, "c.png": {}}
    assert remarks == [
        "3 of 4 rows of 'metadata.jsonl' match no image; the first is 'x.png'. "
        "File names are relative to the table's folder.",
        "2 images have no row in 'metadata.jsonl'; the first is 'b.png'.",
    ]


def test_a_table_that_matches_nothing_does_not_end_the_run(tmp_path):
    known, remarks = read(place(tmp_path, ["a.png"], metadata_csv="file_name,x\nq/a.png,1\n"))
    assert known == {"a.png": {}}
    assert remarks == [
        "1 of 1 rows of 'metadata.csv' matches no image; the first is 'q/a.png'. "
        "File names are relative to the table's folder."
    ]


def test_images_outside_the_folder_of_a_table_miss_no_row(tmp_path):
    place(tmp_path / "k", ["a.png", "b.png"], metadata_csv="file_name,x\na.png,1\n")
    _, remarks = read(place(tmp_path, ["c.png"]))
    assert remarks == ["1 image has no row in 'k/metadata.csv'; the first is 'k/b.png'."]


def test_the_own_folder_in_names_is_left_out(tmp_path):
    table = lines({"file_name": "train/a.png", "s": 1}, {"file_name": "train/k/b.png", "s": 2})
    place(tmp_path / "train", ["a.png", "k/b.png"], metadata_jsonl=table)
    known, (remark,) = read(tmp_path / "train")
    assert known == {"a.png": {"s": 1}, "k/b.png": {"label": "k", "s": 2}}
    assert remark.startswith("2 rows of 'metadata.jsonl' begin with the name of its own folder")
    known, _ = read(tmp_path)
    assert known == {"train/a.png": {"s": 1}, "train/k/b.png": {"label": "k", "s": 2}}


def test_a_table_above_or_beside_is_named(tmp_path):
    place(tmp_path, ["train/a.png"], metadata_jsonl=lines({"file_name": "train/a.png", "s": 1}))
    assert read(tmp_path)[0] == {"train/a.png": {"s": 1}}
    assert read(tmp_path / "train")[1] == [
        "'metadata.jsonl' in the folder above was not read. Give that folder to use it."
    ]
    place(tmp_path, ["b.png"])
    assert read(tmp_path / "b.png")[1] == [
        "'metadata.jsonl' beside the files was not read. Give their folder to use it."
    ]


def test_several_rows_of_one_image_are_joined(tmp_path):
    rows = "".join(f"a.png,caption {k},7,\nb.png,one,{k},\n" for k in range(3))
    known, remarks = read(
        place(tmp_path, ["a.png", "b.png"], metadata_csv=f"file_name,text,seed,none\n{rows}")
    )
    assert known == {
        "a.png": {"prompt": '["caption 0", "caption 1", "caption 2"]', "seed": 7},
        "b.png": {"prompt": "one", "seed": "[0, 1, 2]"},
    }
    assert remarks == [
        "2 images have several rows in 'metadata.csv' (6 rows): values that differ are stored as a "
        "JSON list."
    ]


# -- kinds of tables --------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-bom"])
def test_delimiters_and_encodings(tmp_path, delimiter, encoding):
    text = f'file_name{delimiter}text\r\n"a.png"{delimiter}"über, all; of\tit"\r\n'
    data = (
        "\ufeff".join(["", text]).encode("utf-16-be") if "be" in encoding else text.encode(encoding)
    )
    known, remarks = read(place(tmp_path, ["a.png"], metadata_csv=data))
    assert known == {"a.png": {"prompt": "über, all; of\tit"}}
    assert remarks == []


NO_COLUMN = "it has no column 'file_name'"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("csv", "isic_id,age,sex\n1,2,m\n", f"{NO_COLUMN} (columns: isic_id, age, sex)."),
        ("csv", "isic_id;age\n1;2\n", f"{NO_COLUMN} (columns: isic_id, age)."),
        ("csv", "a_file_name,b_file_name\n1,2\n", f"{NO_COLUMN} (columns: a_file_name, b_file_n"),
        ("jsonl", '{"seed": 1}\n{"x": 2}\n', f"{NO_COLUMN} (columns: seed, x)."),
        ("csv", b"file_name\na.png\nb\xff\n", "line 3 is not UTF-8; save it as UTF-8"),
        ("csv", b"\xff\xfea", "line 1 is not UTF-16; save it as UTF-8"),
    ],
)  # fmt: skip
def test_a_foreign_table_is_said_and_not_used(tmp_path, name, content, reason):
    known, (remark,) = read(place(tmp_path, ["a.png"], **{f"metadata_{name}": content}))
    assert known == {"a.png": {}}
    assert remark.startswith(f"'metadata.{name}' was not used: {reason}")


@pytest.mark.parametrize("column", ["image_file_name", "filename", "Image_FileName"])
def test_a_column_of_another_name_is_taken_and_said(tmp_path, column):
    known, remarks = read(place(tmp_path, ["a.png"], metadata_csv=f"{column},s\na.png,1\n"))
    assert known == {"a.png": {"s": 1}}
    assert remarks == [f"'metadata.csv' names its images in the column '{column}'."]


def test_columns_of_one_name_are_all_kept(tmp_path):
    known, _ = read(place(tmp_path, ["a.png"], metadata_csv="file_name,x,x\na.png,1,2\n"))
    assert known == {"a.png": {"x": 1, "x~2": 2}}


def test_metadata_parquet(tmp_path):
    buffer = io.BytesIO()
    table = {"file_name": ["a.png", "b.png"], "text": ["p", None], "at": [{"x": 1}, {"x": 2}]}
    pq.write_table(pa.table(table), buffer)
    known, remarks = read(place(tmp_path, ["a.png", "b.png"], metadata_parquet=buffer.getvalue()))
    assert known == {"a.png": {"prompt": "p", "at.x": 1}, "b.png": {"at.x": 2}}
    assert remarks == []


# -- reading images alone ---------------------------------------------------------------


def test_metadata_is_read_or_ignored(tmp_path):
    with pytest.raises(ParameterError, match=r"metadata='none': give 'read' or 'ignore'"):
        open_source(place(tmp_path, ["a.png"]), metadata="none")


def test_a_run_without_metadata_reads_no_damaged_table(tmp_path):
    place(tmp_path / "s", ["a.png", "b.png"], metadata_csv="file_name\na.png,too,many\n")
    run = Run(cache=tmp_path / "cache", metadata="ignore")
    features, _ = features_of(tmp_path / "s", Means(), run)
    assert len(features) == 2
    assert features.remarks == ("1 other file was not read: 1 .csv.",)
