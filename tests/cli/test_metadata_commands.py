"""Metadata and names from anywhere, through the commands: no run ends late because of them."""

import json
import os

import pytest

from rara import ScoreTable
from rara.cli.app import run
from rara.features.features import Features

HOSTILE = (
    '{"file_name": "%s", "id": "mine", "metadata_id": "theirs", "verdict": "v", "big": '
    + "9" * 40
    + ', "half": "x\\ud800y", "nul": "a\\u0000b", "k\\u001b[2J": 1, "deep": '
    + "[" * 60
    + "]" * 60
    + "}"
)


@pytest.fixture
def places(tmp_path, monkeypatch, draw):
    """Two folders with images, the samples with hostile metadata."""
    draw(tmp_path / "train", 12, 0)
    draw(tmp_path / "samples", 5, 1)
    rows = [HOSTILE % path.name for path in sorted((tmp_path / "samples").iterdir())]
    (tmp_path / "samples" / "metadata.jsonl").write_text("\n".join(rows))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["scores.parquet", "scores.csv", "scores.json"])
def test_hostile_metadata_comes_out_whole(places, capsys, name):
    command = ["score", "samples", "-r", "train", "-o", name, "--report", "page.html"]
    assert run(command) == 0
    assert "5 metadata values with halves of surrogate pairs" in capsys.readouterr().err
    if name.endswith(".parquet"):
        table = ScoreTable.from_parquet(name).to_arrow()
        assert table["metadata_id"].to_pylist() == ["mine"] * 5
        assert table["metadata_metadata_id"].to_pylist() == ["theirs"] * 5
        assert table["half"].to_pylist() == ["x\ufffdy"] * 5


def test_remarks_reach_the_provenance_and_the_page(places):
    (places / "samples" / "notes.md").write_text("about")
    assert run(["score", "samples", "-r", "train", "-o", "s.parquet", "--report", "p.html"]) == 0
    remark = "1 other file was not read: 1 .md."
    assert remark in ScoreTable.from_parquet("s.parquet").provenance["samples"]["remarks"]
    assert remark in (places / "p.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("side", ["samples", "train"])
def test_a_damaged_table_can_be_passed_by(places, capsys, side):
    (places / side / "metadata.csv").write_text("file_name,x\na,b,c\n")
    assert run(["score", "samples", "-r", "train"]) == 2
    assert "give --no-metadata to read the images alone" in capsys.readouterr().err
    assert run(["score", "samples", "-r", "train", "--no-metadata"]) == 0
    read = capsys.readouterr()
    side = "Reference images" if side == "train" else "Samples"
    assert f"{side}: " in read.err
    assert "not read" in read.err


def test_folders_that_are_not_utf8_work_from_end_to_end(places, draw):
    folder = os.fsdecode(b"caf\xe9")
    draw(places / folder / "real", 12, 0)
    draw(places / folder / "gen", 4, 2)
    build = ["reference", "build", f"{folder}/real", "-o", f"{folder}/ref"]
    assert run(build) == 0
    out, page = f"{folder}/scores.parquet", places / "page.html"
    command = ["score", f"{folder}/gen", "-r", f"{folder}/ref", "-o", out, "--report", str(page)]
    assert run(command) == 0
    table = ScoreTable.from_parquet(out)
    assert table.provenance["samples"]["location"] == f"{places}/caf\\xe9/gen"
    json.dumps(table.provenance.to_json()).encode()
    assert page.read_text(encoding="utf-8").count("data:image") >= 4
    for _ in range(2):  # a folder of the same place may be written again
        assert run(build) == 0
        assert run(["embed", f"{folder}/gen", "-o", f"{folder}/features"]) == 0
    assert len(Features.load(places / folder / "features")) == 4
