"""`rara card` and `rara verify`: what they take, print, write and refuse."""

import io
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

import rara
from commands import called
from embedding import Means, Small
from make import as_folder, as_zip, encoded, picture
from rara.cli.app import app
from rara.features import compatibility
from rara.features import opening as running


@pytest.fixture(scope="module")
def made_place(tmp_path_factory):
    root = tmp_path_factory.mktemp("card")
    as_folder(root / "train", {f"{i}.png": encoded(picture(i)) for i in range(20)})
    some = {f"{i}.png": encoded(picture(i)) for i in (50, 51)}
    as_folder(
        root / "samples", {**some, "broken.png": b"no image", "inner/x y.png": some["50.png"]}
    )
    as_zip(root / "few", some)
    as_folder(root / "bad", {"broken.png": b"no image"})
    rara.Reference.fit(root / "train", extractor=Means()).save(root / "reference")
    rara.Features.save(rara.Reference.load(root / "reference").features, root / "vectors")
    return root


@pytest.fixture(autouse=True)
def place(made_place, monkeypatch, tmp_path):
    """A copy, with a cheap network in place of the usual one."""
    shutil.copytree(made_place, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    networks = {"means": Means(), "small": Small()}
    monkeypatch.setattr(
        running, "get_extractor", lambda name="means", **_: networks.get(name, networks["means"])
    )
    monkeypatch.setattr(compatibility, "is_name", lambda name: name in networks)
    return tmp_path / "here"


def card(capsys, *words):
    return called(capsys, "card", *words)


def verify(capsys, *words):
    return called(capsys, "verify", *words)


def test_a_card_is_written_and_verified(capsys, place):
    code, out, _ = card(capsys, "samples/50.png", "-r", "reference", "-o", "a.json",
                        "--report", "a.html")  # fmt: skip
    assert code == 0
    assert out.splitlines()[0].startswith("Picture    50.png, 120 × 90 pixels")
    assert out.splitlines()[-1] == "Written    a.json  a.html"
    assert "What a card shows" in Path("a.html").read_text("utf-8")
    code, out, err = verify(capsys, "a.json", "-r", "reference", "-i", "samples/50.png")
    assert code == 0, err
    assert out.splitlines()[0] == "Card       verified: these images give every number of it again"
    for words in ((), ("-r", "reference"), ("-i", "samples")):
        code, out, _ = verify(capsys, "a.json", *words)
        assert code == 0
        assert "nothing was made again" in out


def test_the_reference_may_be_images_and_the_picture_piped(capsys, place, monkeypatch):
    class Piped:
        buffer = io.BytesIO(Path("samples/50.png").read_bytes())

    assert card(capsys, "samples/50.png", "-r", "train", "-o", "a.json")[0] == 0
    monkeypatch.setattr(sys, "stdin", Piped)
    assert card(capsys, "-", "-r", "reference", "-o", "b.json")[0] == 0
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()
    assert verify(capsys, "a.json", "-r", "train", "-i", "few.zip")[0] == 0


def test_json_is_the_card_itself(capsys):
    _, out, _ = card(capsys, "samples/50.png", "-r", "reference", "--json", "-o", "a.json")
    assert out.encode() == Path("a.json").read_bytes()
    code, _, err = card(capsys, "few.zip", "-r", "reference", "--json")
    assert code == 2
    assert "--json prints one card" in err


def test_several_cards_go_into_a_folder_under_safe_names(capsys):
    code, out, err = card(capsys, "samples", "-r", "reference", "-o", "cards")
    assert code == 0
    assert "broken.png: not an image" in err
    names = sorted(path.name for path in Path("cards").iterdir())
    assert [re.sub(r"[0-9a-f]{12}\.json$", "…", name) for name in names] == [
        "50-…",
        "51-…",
        "x_y-…",
    ]
    assert out.splitlines()[-1] == "Written    cards"
    for name in names:
        assert verify(capsys, f"cards/{name}", "-r", "reference", "-i", "samples")[0] == 0
    code, _, err = card(capsys, "few.zip", "-r", "reference", "-o", "one.json")
    assert code == 2
    assert "one file, and there are 2 cards" in err


def test_a_row_of_a_table_is_judged_alone_by_its_options(capsys, place):
    words = ["samples", "-r", "reference", "-o", "t.parquet", "--alpha", "0.2", "-k", "2"]
    assert called(capsys, "score", *words)[0] == 0
    code, out, err = card(capsys, "t.parquet", "--id", "51.png", "--samples", "samples",
                          "-r", "reference", "-o", "a.json")  # fmt: skip
    assert code == 0, err
    assert out.startswith("Picture    51.png")
    options = json.loads(Path("a.json").read_text())["options"]
    assert (options["k"], options["alpha"]) == (2, 0.2)
    assert verify(capsys, "a.json", "-r", "reference", "-i", "samples")[0] == 0
    code, _, err = card(capsys, "t.parquet", "--id", "51.png", "--samples", "samples",
                        "-r", "reference", "--alpha", "0.1")  # fmt: skip
    assert code == 2
    assert "A table says how it was judged" in err
    code, _, err = card(capsys, "t.parquet", "--id", "gone", "--samples", "samples", "-r", "train")
    assert (code, "no such row" in err) == (2, True)


@pytest.mark.parametrize(("words", "says"), [
    (["samples/50.png"], "--reference"),
    (["-r", "train"], "No pictures"),
    (["samples/50.png", "-r", "gone"], "gone"),
    (["gone.png", "-r", "train"], "gone.png"),
    (["--quick", "-r", "train"], "--quick"),
    (["vectors", "-r", "train"], "takes pictures"),
    (["bad", "-r", "reference"], "broken.png"),
    (["few.zip", "-r", "reference", "-o", "samples/50.png"], "is a file"),
    (["few.zip", "-r", "reference", "--report", "a.pdf"], ".html"),
    (["few.zip", "-r", "reference", "-k", "20"], "k <="),
    (["few.zip", "-r", "reference", "--alpha", "2"], "alpha"),
    (["few.zip", "-r", "reference", "--id", "50.png"], "table"),
    (["few.zip", "-r", "reference", "--copy-network", "other"], "No extractor"),
])  # fmt: skip
def test_what_cannot_be_is_refused_in_one_sentence(capsys, words, says):
    code, out, err = card(capsys, *words)
    message = err[err.index("rara:") :]
    assert code == 2, err
    assert says in message
    assert len(message.splitlines()) == 1
    assert out == ""


def test_a_card_that_was_changed_has_exit_code_1(capsys):
    assert card(capsys, "samples/50.png", "-r", "reference", "-o", "a.json")[0] == 0
    text = Path("a.json").read_text()
    Path("a.json").write_text(text.replace('"k": 3', '"k": 2'))
    code, out, err = verify(capsys, "a.json", "-r", "reference", "-i", "samples")
    assert (code, err) == (1, "")
    assert out.startswith("Card       changed: this is not what rara wrote")
    code, out, _ = verify(capsys, "a.json", "--json")
    assert code == 1
    assert json.loads(out)["status"] == "changed"


def test_other_images_have_exit_code_1(capsys):
    assert card(capsys, "samples/50.png", "-r", "reference", "-o", "a.json")[0] == 0
    code, out, _ = verify(capsys, "a.json", "-r", "reference", "-i", "samples/51.png")
    assert code == 1
    assert "image.sha256" in out
    code, _, err = verify(capsys, "gone.json")
    assert code == 2
    assert "No card at 'gone.json'" in err


def test_a_card_of_a_later_version_says_so(capsys):
    from rara.cards.canonical import text_of

    Path("a.json").write_text(text_of({"kind": "rara originality card", "schema": 9}))
    code, _, err = verify(capsys, "a.json")
    assert code == 2
    assert "schema 9" in err


@pytest.mark.parametrize("command", ["card", "verify"])
def test_the_help_fits_a_narrow_terminal(capsys, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert called(capsys, command, "--help")[0] == 0
    assert command in app
