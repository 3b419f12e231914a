"""`rara proxies`: what it takes, prints, writes and refuses."""

import csv
import hashlib
import json

import numpy as np
import pytest

import rara
from commands import called
from make import gaussian
from rara.cli.proxies import named_proxies
from rara.errors import ParameterError
from rara.report.formatting import width


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Vectors: two proxies, and samples of which three are copies."""
    root = tmp_path_factory.mktemp("proxies")
    web, ours = gaussian(400, 8, 1), gaussian(12, 8, 2)
    np.save(root / "web.npy", web)
    np.save(root / "ours.npy", ours)
    np.save(root / "samples.npy", np.concatenate([web[:2], ours[:1], gaussian(20, 8, 3)]))
    return root


@pytest.fixture(autouse=True)
def _there(place, monkeypatch):
    monkeypatch.chdir(place)


WORDS = ("proxies", "samples.npy", "--proxy", "web=web.npy", "--proxy", "ours=ours.npy")


def test_lines_say_what_was_found(capsys, tmp_path):
    page, table = tmp_path / "page.html", tmp_path / "t.csv"
    code, out, _ = called(
        capsys, *WORDS, "--scope", "web=photos of the web=2023", "--report", page, "-o", table
    )
    assert code == 0
    lines = out.splitlines()
    assert lines[:4] == [
        "Judged    23 samples from samples.npy",
        "By        these 2 references",
        "Copies    3, and 0 near",
        "Others    20 with no copy found",
    ]
    assert "ours: too few images for p-values; facts still count" in lines
    assert "  rests on ours" in lines
    assert lines[-1].startswith("Written ")
    assert "photos of the web=2023" in page.read_text("utf-8")
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert [row["verdict"] for row in rows[:3]] == ["copy of web"] * 2 + ["copy of ours"]
    assert json.loads(rows[2]["rests_on"]) == ["ours"]
    assert len(json.loads(rows[0]["by_proxy"])) == 2


@pytest.mark.parametrize("columns", [60, 80])
def test_lines_fit_a_terminal(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    long = "x" * 64
    code, out, _ = called(capsys, *WORDS, "--proxy", f"{long}=samples.npy")
    assert code == 0
    assert all(width(line) <= columns for line in out.splitlines())


def test_json_has_the_cards(capsys):
    code, out, _ = called(capsys, *WORDS, "--json", "--alpha", "0.01")
    found = json.loads(out)
    assert code == 0
    assert found["alpha"] == 0.01
    assert [card["name"] for card in found["proxies"]] == ["web", "ours"]
    assert [card["rest_on_it"] for card in found["proxies"]] == [2, 1]
    assert [one["verdict"] for one in found["found"]] == ["copy of web"] * 2 + ["copy of ours"]


def test_decisions_hold_for_all_references(capsys, tmp_path):
    new, image = (np.load(name)[row] for name, row in (("samples.npy", 10), ("ours.npy", 3)))
    decisions = rara.Decisions()
    decisions.add(*(hashlib.sha256(one.tobytes()).hexdigest() for one in (new, image)), copy=True)
    decisions.save(tmp_path / "decisions.csv")
    code, out, _ = called(capsys, *WORDS, "--decisions", tmp_path / "decisions.csv", "--json")
    assert code == 0
    found = {one["id"]: one for one in json.loads(out)["found"]}
    assert found["10"]["verdict"] == "copy of ours"
    assert found["10"]["source"] == "3"


REFUSED = {
    "no references": (["proxies", "samples.npy"], "--proxy web=photos/"),
    "no samples": (["proxies", "--proxy", "web=web.npy"], "give the images to judge"),
    "not there": (["proxies", "samples.npy", "--proxy", "web=gone"], "Proxy 'web': "),
    "samples not there": (["proxies", "gone", "--proxy", "web=web.npy"], "gone"),
    "two of one name": ([*WORDS, "--proxy", "web=ours.npy"], "Two proxies are named 'web'"),
    "the same images": ([*WORDS, "--proxy", "again=web.npy"], "'web' and 'again' hold the same"),
    "a scope of nothing": ([*WORDS, "--scope", "art=x"], "no proxy 'art'"),
    "a scope without a name": ([*WORDS, "--scope", "x"], "NAME=TEXT"),
    "two scopes": ([*WORDS, "--scope", "web=x", "--scope", "web=y"], "has a scope already"),
    "a page that is none": ([*WORDS, "--report", "page.pdf"], ".html"),
    "alpha": ([*WORDS, "--alpha", "2"], "alpha"),
    "k": ([*WORDS, "-k", "0"], "k = 0"),
    "k beyond the images": ([*WORDS, "-k", "12"], "Proxy 'ours': k = 12"),
    "control characters": ([*WORDS, "--proxy", "a\x1b[2J=web.npy"], "cannot be shown"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_mistakes_are_said_in_one_line(capsys, name):
    words, message = REFUSED[name]
    code, out, err = called(capsys, *words)
    assert code == 2
    assert out == ""
    assert message in err.replace("\n", " ")
    assert "\x1b" not in err


def test_places_without_a_name_are_named_after_their_folder():
    assert named_proxies(["a/web.zip", "x=b/web"]) == {"web": "a/web.zip", "x": "b/web"}
    with pytest.raises(ParameterError, match="Two proxies"):
        named_proxies(["a/web.zip", "b/web"])
