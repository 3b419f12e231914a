"""`rara search`: what it takes, prints, writes and refuses."""

import csv
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from commands import called
from make import as_folder, as_zip, encoded
from scenes import pasted, scene

Flip = Image.Transpose


def drawing(seed):
    return scene(seed, 200, 150)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    as_folder(folder / "train", {f"{i}.png": encoded(drawing(i)) for i in range(3)})
    crop = encoded(Image.fromarray(drawing(1)).crop((30, 20, 170, 140)))
    as_folder(folder / "samples", {"crop.png": crop, "new.png": encoded(drawing(9))})
    as_folder(folder / "bad", {"text.png": b"hello", "crop.png": crop})
    as_zip(folder / "crop", {"crop.png": crop})
    return folder


@pytest.fixture(autouse=True)
def _there(place, monkeypatch):
    monkeypatch.chdir(place)


def test_a_block_for_each_sample(capsys, tmp_path):
    page, table = tmp_path / "page.html", tmp_path / "m.csv"
    code, out, _ = called(
        capsys, "search", "samples", "-r", "train", "--top", 2, "--report", page, "-o", table
    )
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("Searched  3 reference images from ")
    at = lines.index("crop.png")
    assert lines[at + 1] == "  1  1.png"
    assert "cropped to" in lines[at + 2]
    assert lines[lines.index("new.png") + 1] == "  no region of 3 reference images was found in it"
    assert lines[-1].startswith("Written ")
    assert "<polygon" in page.read_text("utf-8")
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert [row["sample"] for row in rows] == ["crop.png"] * 2 + ["new.png"] * 2
    assert json.loads(rows[0]["source_region"])
    assert rows[1]["p"] == ""


def test_json_has_every_match(capsys):
    code, out, _ = called(capsys, "search", "samples", "-r", "train", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["by"] == "copy"
    assert [query["id"] for query in found["queries"]] == ["crop.png", "new.png"]
    assert [match["rank"] for match in found["queries"][0]["matches"]] == [1, 2, 3]
    assert found["queries"][0]["matches"][0]["p"] < 1e-6


@pytest.mark.parametrize("words", [
    ("samples/crop.png",), ("crop.zip",), ("samples/crop.png", "samples/new.png"),
])  # fmt: skip
def test_places_of_every_kind_are_taken(capsys, words):
    code, out, _ = called(capsys, "search", *words, "-r", "train", "--json")
    assert code == 0
    found = json.loads(out)["queries"]
    assert len(found) == len(words)
    assert found[0]["matches"][0]["source"] == "1.png"


class Piped:
    """A stdin of bytes."""

    def __init__(self, data):
        self.buffer = io.BytesIO(data)


def test_one_picture_comes_from_standard_input(capsys, monkeypatch, place):
    monkeypatch.setattr(sys, "stdin", Piped((place / "samples" / "crop.png").read_bytes()))
    code, out, _ = called(capsys, "search", "-", "-r", "train", "--by", "look", "--json")
    assert code == 0
    assert json.loads(out)["queries"][0]["id"] == "standard input"


@pytest.mark.parametrize(("words", "why"), [
    (["samples"], "--reference train/"),
    (["-r", "train"], "No pictures"),
    (["samples", "-r", "train", "--top", "0"], "--top 0: give at least 1"),
    (["samples", "-r", "train", "--tpo", "3"], "'--tpo' is no option of `rara search`"),
    (["-", "samples", "-r", "train"], "give it alone"),
    (["-", "-r", "train"], "Standard input is empty"),
    (["samples", "-r", "nowhere"], "nowhere"),
    (["samples", "-r", "train", "-o", "m.txt"], ".parquet"),
    (["bad/text.png", "-r", "train"], "not an image"),
])  # fmt: skip
def test_mistakes_are_refused(capsys, monkeypatch, words, why):
    monkeypatch.setattr(sys, "stdin", Piped(b""))
    code, out, err = called(capsys, "search", *words)
    assert code == 2
    assert out == ""
    assert why in err


def test_what_is_no_image_is_listed(capsys):
    code, _, err = called(capsys, "search", "bad", "-r", "train")
    assert code == 0
    assert "Skipped 1 sample:\n  text.png: not an image" in err


def contact_sheet(parts, columns=3):
    """Pictures of 160 x 120 in a grid, with white gutters of 8 pixels and a margin."""
    rows = len(parts) // columns
    whole = Image.new("RGB", (columns * 168 + 8, rows * 128 + 8), "white")
    for place, part in enumerate(parts):
        whole.paste(
            part.resize((160, 120)), (8 + place % columns * 168, 8 + place // columns * 128)
        )
    return whole


def test_the_panels_of_a_sheet_are_searched_for(capsys, tmp_path):
    parts = [Image.fromarray(scene(40 + i, 160, 120)) for i in range(4)]
    parts[2] = Image.fromarray(drawing(1)).crop((30, 20, 170, 140))
    place = as_folder(tmp_path, {"sheet.png": encoded(contact_sheet(parts, 2))}) / "sheet.png"
    code, out, err = called(capsys, "search", place, "-r", "train", "--json")
    found = json.loads(out)
    assert code == 0
    assert "Samples: sheet.png was split into 4 panels." in err
    assert found["sheets"][0]["panels"] == [f"sheet.png#{i}" for i in range(1, 5)]
    sources = {query["id"]: query["matches"][0]["p"] for query in found["queries"]}
    assert sources["sheet.png#3"] < 1e-4
    assert sources["sheet.png#1"] is None
    code, out, err = called(capsys, "search", place, "-r", "train", "--no-split", "--json")
    assert [query["id"] for query in json.loads(out)["queries"]] == ["sheet.png"]
    assert json.loads(out)["sheets"] == []
    assert "split" not in err


PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "find-the-source.md"


def without_numbers(lines):
    return [re.sub(r"[\d.]+(e-\d+)?", "#", line) for line in lines]


def test_the_page_shows_what_is_printed(capsys, tmp_path):
    """All but the numbers, which may differ a little from machine to machine."""
    as_folder(tmp_path / "train", {f"{i:02}.png": encoded(drawing(i)) for i in range(11)})
    part = Image.fromarray(drawing(3)).crop((20, 15, 180, 135)).transpose(Flip.FLIP_LEFT_RIGHT)
    poster = pasted(np.asarray(part), scene(40, 320, 240), 100, 60)
    as_folder(tmp_path, {"poster.png": encoded(poster)})
    code, out, _ = called(
        capsys, "search", tmp_path / "poster.png", "-r", tmp_path / "train", "--top", 1
    )
    assert code == 0
    printed = out[out.index("poster.png") :].partition("\n\n")[0].splitlines()
    assert without_numbers(printed) == without_numbers(shown_on(PAGE).splitlines()), out


def shown_on(page):
    (shown,) = re.findall(r"```text\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return shown


def nine_results():
    """What a generator may give: nine pictures, two of them made of training images."""
    parts = [Image.fromarray(scene(40 + i, 160, 120)) for i in range(9)]
    parts[1] = Image.fromarray(drawing(3)).crop((20, 15, 180, 135)).transpose(Flip.FLIP_LEFT_RIGHT)
    parts[6] = Image.fromarray(drawing(7))
    return contact_sheet(parts)


def test_the_page_shows_what_is_printed_of_a_sheet(capsys, tmp_path):
    """The first three panels and the seventh."""
    as_folder(tmp_path / "train", {f"{i:02}.png": encoded(drawing(i)) for i in range(11)})
    as_folder(tmp_path, {"sheet.png": encoded(nine_results())})
    code, out, err = called(
        capsys, "search", tmp_path / "sheet.png", "-r", tmp_path / "train", "--top", 1
    )
    assert code == 0
    remark, *blocks = shown_on(PAGE.with_name("search-a-contact-sheet.md")).split("\n\n")
    assert remark in err
    printed = out.split("\n\n")
    assert "\n".join(printed[0].splitlines()[-1:]) == blocks[0]
    for block in (one for one in blocks[1:] if one.strip() != "…"):
        names = [one for one in printed if one.startswith(block.splitlines()[0] + "\n")]
        assert without_numbers(names[0].splitlines()) == without_numbers(block.splitlines()), out


def test_an_index_is_kept_with_a_reference(capsys, tmp_path):
    folder = tmp_path / "reference"
    assert called(capsys, "reference", "build", "train", "-o", folder, "-k", 1, "--index")[0] == 0
    code, out, _ = called(capsys, "reference", "info", folder)
    assert code == 0
    assert re.search(r"^Index +of local features$", out, re.MULTILINE)
    _, out, _ = called(capsys, "search", "samples", "-r", folder, "--json")
    found = json.loads(out)
    assert "index of local features" in found["candidates"]
    assert found["queries"][0]["matches"][0]["source"] == "1.png"
    path = next((folder / "index").glob("rows-*.npy"))
    path.write_bytes(path.read_bytes()[:-1])
    _, _, err = called(capsys, "search", "samples", "-r", folder)
    assert "is damaged" in err
    _, out, _ = called(capsys, "score", "samples", "-r", folder, "-k", 1)
    assert "is damaged" in " ".join(out.split())
