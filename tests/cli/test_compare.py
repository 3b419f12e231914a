"""`rara compare` as a user meets it."""

import json

import pytest

from commands import called
from rara.cli.app import run
from rara.cli.compare import named_places
from rara.features import neighbours as neighbour_lists


@pytest.fixture(scope="module")
def place(tmp_path_factory, draw):
    """A reference of 60 images, and samples of three generators."""
    root = tmp_path_factory.mktemp("compare")
    draw(root / "train", 60, 0)
    for i, name in enumerate(("gan-0.5", "gan-1.0", "vae"), start=1):
        draw(root / name, 12, i)
    (root / "vae" / "broken.png").write_bytes(b"hello")
    (root / "empty").mkdir()
    assert run(["reference", "build", str(root / "train"), "-o", str(root / "reference")]) == 0
    return root


def test_compare_prints_a_table_and_writes_what_it_is_asked_for(place, capsys, tmp_path):
    page, table = tmp_path / "p.html", tmp_path / "t.tex"
    code, out, err = called(
        capsys, "compare", f"first={place / 'gan-0.5'}", place / "vae", "-r", place / "reference",
        "--report", page, "-o", table,
    )  # fmt: skip
    assert code == 0
    assert "2 generators by 60 reference images" in out
    assert "real images" in out
    assert "first: Yield" in out
    assert "By yield: too few samples to tell" in out
    assert str(page) in out
    assert "Of vae:\nSkipped 1 sample:\n  broken.png" in err
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "<script" not in text
    assert text.count("data:image/") >= 12
    assert "\\begin{tabular}" in table.read_text(encoding="utf-8")


def test_images_of_the_reference_that_cannot_be_read_are_named(place, capsys, tmp_path, draw):
    draw(tmp_path / "real", 8, 5)
    (tmp_path / "real" / "bad.png").write_bytes(b"hello")
    code, _, err = called(capsys, "compare", place / "gan-0.5", "-r", tmp_path / "real")
    assert code == 0
    assert "Skipped 1 reference image:\n  bad.png" in err


def test_images_of_the_reference_are_scanned_once(place, capsys, tmp_path, draw, monkeypatch):
    """And what is found serves `rara score` too."""
    scanned, plain = [], neighbour_lists.neighbours

    def counted(vectors, *rest, **options):
        scanned.append(len(vectors))
        return plain(vectors, *rest, **options)

    monkeypatch.setattr(neighbour_lists, "neighbours", counted)
    monkeypatch.setenv("RARA_CACHE", str(tmp_path / "cache"))
    draw(tmp_path / "real", 47, 8)
    for _ in range(2):
        code, *_ = called(capsys, "compare", place / "gan-0.5", "-r", tmp_path / "real")
        assert code == 0
        assert scanned.count(47) == 1
    assert called(capsys, "score", place / "gan-0.5", "-r", tmp_path / "real")[0] == 0
    assert scanned.count(47) == 1


def test_a_name_like_a_formula_is_noticed(place, capsys, tmp_path):
    given = ("compare", f"@SUM={place / 'gan-0.5'}", "-r", place / "reference")
    table = tmp_path / "t.csv"
    code, _, err = called(capsys, *given, "-o", table)
    assert code == 0
    assert "1 cell of text for a formula; --escape-formulas prevents it" in err
    assert '"@SUM"' in table.read_text(encoding="utf-8")
    assert called(capsys, *given, "-o", table, "--escape-formulas")[0] == 0
    assert '"\'@SUM"' in table.read_text(encoding="utf-8")
    code, _, err = called(capsys, *given, "-o", tmp_path / "t.md", "--escape-formulas")
    assert code == 2
    assert "it is for a .csv file" in err


def test_one_that_is_empty_is_listed(place, capsys):
    code, out, err = called(
        capsys, "compare", place / "gan-0.5", place / "empty", "-r", place / "reference", "--json"
    )
    found = json.loads(out)
    assert code == 0
    assert [row["reason"] is None for row in found["rows"]] == [True, False]
    assert "No images" in found["rows"][1]["reason"]
    assert "Not judged" in err


def test_a_sweep_by_the_names_of_folders(place, capsys):
    code, out, _ = called(
        capsys, "compare", place / "gan-0.5", place / "gan-1.0", "-r", place / "reference",
        "--sweep", "gan-{psi}", "--json",
    )  # fmt: skip
    found = json.loads(out)
    assert code == 0
    assert found["sweep"]["knob"] == {"gan-0.5": 0.5, "gan-1.0": 1.0}


def test_a_folder_with_the_sign_in_its_name_is_a_place(place, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "psi=0.5").mkdir()
    assert named_places(["psi=0.5", "a=b", "x/psi=1"]) == {
        "psi=0.5": "psi=0.5", "a": "b", "psi=1": "x/psi=1",
    }  # fmt: skip


def test_two_places_judge_each_other(place, capsys):
    code, out, _ = called(capsys, "compare", place / "train", place / "gan-0.5")
    assert code == 0
    assert out.count("reference images from") == 2


@pytest.mark.parametrize(("words", "said"), [
    (["gan-0.5", "gan-0.5"], "given twice"),
    (["a={}/vae", "a={}/gan-0.5"], "Two generators are named 'a'"),
    (["gan-0.5", "--sweep", "psi"], "no number for"),
    (["gan-0.5", "--paired", "seed"], "has the key 'seed'"),
    (["gan-0.5", "-o", "t.xls"], "end it in"),
    (["gan-0.5", "--level", "2"], "level = 2"),
    (["missing"], "missing"),
])  # fmt: skip
def test_mistakes_are_one_clear_sentence(place, capsys, words, said):
    words = [
        word.format(place) if "{}" in word
        else str(place / word) if (place / word).exists() or word == "missing" else word
        for word in words
    ]  # fmt: skip
    if words[-2:] == ["--sweep", "psi"]:
        words.insert(0, str(place / "vae"))
    code, out, err = called(capsys, "compare", *words, "-r", place / "reference")
    assert code == 2
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_alpha_needs_a_reference(place, capsys):
    code, _, err = called(capsys, "compare", place / "vae", place / "gan-0.5", "--alpha", "0.1")
    assert code == 2
    assert "--alpha 0.1 needs a reference" in err
