"""`rara decide`, and the decisions that `rara score` heeds."""

import json

import pytest

from commands import called
from make import as_folder, encoded, picture, png
from rara import Decisions, ScoreTable
from rara.decisions.decision import today


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A saved reference of pictures, and samples of which two are near copies."""
    place = tmp_path_factory.mktemp("decide")
    as_folder(place / "train", {f"{i}.png": encoded(picture(i)) for i in range(80)})
    as_folder(place / "samples", {
        **{f"fresh {i}.png": encoded(picture(100 + i)) for i in range(4)},
        **{f"near {i}.jpg": encoded(picture(i), "JPEG", quality=60) for i in (0, 3)},
    })  # fmt: skip
    return place


@pytest.fixture
def folder(place, tmp_path, monkeypatch, capsys):
    """The working folder of a command: with samples, train and a reference without decisions."""
    monkeypatch.chdir(tmp_path)
    for name in ("samples", "train"):
        (tmp_path / name).symlink_to(place / name)
    assert called(capsys, "reference", "build", "train", "-o", "ref")[0] == 0
    return tmp_path


def verdicts(capsys, *words):
    words = ("--alpha", 0.2, "-o", "t.parquet", *words)
    code, out, err = called(capsys, "score", "samples", "--evidence", "none", *words)
    assert code == 0, err
    rows = ScoreTable.from_parquet("t.parquet").to_arrow().to_pylist()
    return {row["id"]: row for row in rows}, out


def test_accuse_decide_and_score_again(folder, capsys):
    before, _ = verdicts(capsys, "--reference", "ref")
    assert before["near 0.jpg"]["verdict"] == before["near 3.jpg"]["verdict"] == "near copy"
    code, out, err = called(
        capsys, "decide", "samples/near 0.jpg", "train/0.png", "--not-a-copy", "-r", "ref",
        "--note", "the same logo",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert out == (
        "Decided     samples/near 0.jpg is no copy of train/0.png\nWritten to  ref/decisions.csv\n"
    )
    assert called(capsys, "decide", "samples/fresh 1.png", "5.png", "--copy", "-r", "ref")[0] == 0
    after, out = verdicts(capsys, "--reference", "ref")
    assert after["near 0.jpg"]["verdict"] not in ("near copy", "no verdict", "copy")
    assert after["near 0.jpg"]["reason"].endswith(
        f"You decided on {today()} that this is no copy of 0.png."
    )
    assert after["fresh 1.png"]["verdict"] == "copy"
    same = before["near 3.jpg"] | {"decision": None, "decision_source": None}
    assert {name: str(value) for name, value in after["near 3.jpg"].items()} == {
        name: str(value) for name, value in same.items()
    }  # as text, NaN equals NaN
    assert "Decided   2 samples by your 2 decisions: 1 copy, 1 not a copy" in out
    code, out, _ = called(capsys, "score", "samples", "--reference", "ref", "--json")
    assert json.loads(out)["decided"]["held"] == 2


def test_decisions_survive_extending_and_moving(folder, capsys):
    assert called(capsys, "decide", "near 0.jpg", "0.png", "--samples", "samples", "--not-a-copy",
                  "--reference", "ref")[0] == 0  # fmt: skip
    as_folder(folder / "more", {f"later/{i}.png": encoded(picture(200 + i)) for i in range(3)})
    assert called(capsys, "reference", "extend", "ref", "more")[0] == 0
    (folder / "ref").rename(folder / "moved")
    rows, _ = verdicts(capsys, "--reference", "moved")
    assert rows["near 0.jpg"]["decision"] == "not a copy"


def test_a_file_of_decisions_for_a_reference_of_images(folder, capsys):
    pair = ("samples/near 0.jpg", "train/0.png", "--not-a-copy")
    code, _, err = called(capsys, "decide", *pair, "--reference", "train")
    assert code == 2
    assert "give --decisions FILE" in err
    assert called(capsys, "decide", *pair, "--decisions", "d.csv")[0] == 0
    rows, _ = verdicts(capsys, "--reference", "train", "--decisions", "d.csv")
    assert rows["near 0.jpg"]["decision"] == "not a copy"
    rows, _ = verdicts(capsys, "--reference", "ref", "--decisions", "d.csv", "--held-out", 0.1)
    assert "decision" in rows["near 0.jpg"]
    code, _, err = called(capsys, "score", "samples", "-r", "train", "--decisions", "typo.csv")
    assert code == 2
    assert "Nothing is at 'typo.csv'" in err


def test_list_and_remove(folder, capsys):
    pair = ("samples/near 0.jpg", "0.png")
    assert called(capsys, "decide", *pair, "--not-a-copy", "-r", "ref", "--note", "a logo")[0] == 0
    code, out, _ = called(capsys, "decide", "--list", "--reference", "ref")
    assert code == 0
    assert out.splitlines() == [
        f"{today()}  not a copy  samples/near 0.jpg  0.png  a logo",
        "1 decision in ref/decisions.csv",
    ]
    code, out, _ = called(capsys, "decide", "--list", "--reference", "ref", "--json")
    assert [one["decision"] for one in json.loads(out)] == ["not a copy"]
    code, out, _ = called(capsys, "decide", *pair, "--copy", "--reference", "ref")
    assert "; before, it was 'not a copy'" in out
    assert called(capsys, "decide", *pair, "--remove", "--reference", "ref")[0] == 0
    assert len(Decisions.load("ref/decisions.csv")) == 0
    code, _, err = called(capsys, "decide", *pair, "--remove", "--reference", "ref")
    assert code == 2
    assert "Nothing is decided" in err


def test_an_exported_list_is_taken_in_whole_or_not_at_all(folder, capsys):
    reference = Decisions("ref/decisions.csv")
    reference.add("samples/near 0.jpg", "train/0.png")
    [one] = reference
    good = {"sample": one.sample, "source": one.source, "decision": "not a copy"}
    other = {"sample": "1" * 64, "source": "2" * 64, "decision": "copy", "note": "=cmd()"}
    (folder / "e.json").write_text(json.dumps([good, other]))
    code, out, err = called(capsys, "decide", "--from", "e.json", "--reference", "ref")
    assert code == 0
    assert "2 pairs: 2 new, 0 changed" in out
    assert "1 decision of pictures that the reference does not hold" in err
    assert "'=cmd()" in (folder / "ref" / "decisions.csv").read_text()
    before = (folder / "ref" / "decisions.csv").read_bytes()
    (folder / "e.json").write_text(json.dumps([{**good, "decision": "copy"}, {**good, "x": "y"}]))
    code, _, err = called(capsys, "decide", "--from", "e.json", "--reference", "ref")
    assert code == 2
    assert "entry 2: the key 'x'" in err
    assert (folder / "ref" / "decisions.csv").read_bytes() == before
    (folder / "e.json").write_text(json.dumps([{**good, "decision": "copy"}]))
    code, out, _ = called(capsys, "decide", "--from", "e.json", "--reference", "ref")
    assert "1 pair: 0 new, 1 changed" in out
    with (folder / "e.json").open("wb") as file:
        file.truncate(1 << 30)
    assert called(capsys, "decide", "--from", "e.json", "--reference", "ref")[0] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Give one of --not-a-copy, --copy"),
        (["a", "b", "--copy", "--not-a-copy"], "Give one of"),
        (["--copy"], "Give the sample and the reference image"),
        (["a", "--list"], "'a' with --list"),
        (["--list", "--note", "n"], "--note belongs to one decision"),
        (["--list"], "Give --reference REFERENCE, or --decisions FILE"),
        (["--list", "--reference", "train"], "is no folder of `rara reference build`"),
        (["no.png", "0.png", "--copy", "-r", "ref"], "SAMPLE = 'no.png': no image file is there"),
        (["samples/near 0.jpg", "no.png", "--copy", "-r", "ref"], "SOURCE = 'no.png'"),
        (["train/0.png", "samples/near 0.jpg", "--copy", "-r", "ref"],
         "is no image of the reference 'ref'"),
        (["samples", "0.png", "--copy", "-r", "ref"], "SAMPLE = 'samples': no image file"),
        (["--from", "no.json", "-r", "ref"], "Nothing is at 'no.json'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(folder, capsys, words, message):
    code, out, err = called(capsys, "decide", *words)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())


def test_the_same_content_is_said_at_once(folder, capsys):
    (folder / "same.png").write_bytes((folder / "train" / "0.png").read_bytes())
    code, _, err = called(capsys, "decide", "same.png", "0.png", "--not-a-copy", "-r", "ref")
    assert code == 0
    assert "the verdict stays `copy`" in err


def test_a_mistake_in_the_file_is_found_before_the_work(folder, capsys):
    (folder / "ref" / "decisions.csv").write_text("sample,source\n")
    for words in (["score", "samples", "-r", "ref"], ["decide", "--list", "-r", "ref"]):
        code, out, err = called(capsys, *words)
        assert (code, out) == (2, "")
        assert "'ref/decisions.csv', line 1:" in err
    assert called(capsys, "reference", "info", "ref")[0] == 0


def test_names_that_steer_a_terminal_are_shown_harmless(folder, capsys):
    (folder / "a\x1b[31m.png").write_bytes(png(3))
    assert called(capsys, "decide", "a\x1b[31m.png", "0.png", "--copy", "-r", "ref")[0] == 0
    _, out, _ = called(capsys, "decide", "--list", "--reference", "ref")
    assert "\x1b" not in out + (folder / "ref" / "decisions.csv").read_text(encoding="utf-8")
