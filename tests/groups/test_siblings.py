"""Siblings without a reference: the same numbers, what is said of them, and the page."""

import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import rara
from pages import needs_browser, opened, shown
from rara import Features, Reference, compare_siblings
from rara.cli.app import run
from rara.errors import ParameterError
from rara.report.formatting import times, width
from rara.report.siblings_page import sibling_headline

HOSTILE = "<script>alert(1)</script>"


def outputs():
    """Three prompts with an odd one each, one with two outputs, and one output without any."""
    rng = np.random.default_rng(0)
    prompts = ["a cat"] * 12 + [HOSTILE] * 12 + ["an owl"] * 6 + ["a yak"] * 2 + [None]
    vectors = rng.normal(size=(len(prompts), 4))
    vectors[[3, 17, 26]] += np.array([[6], [40], [15]])
    ids = [f"{i}.png" for i in range(len(prompts))]
    return Features.from_arrays(vectors, ids=ids, metadata={"prompt": prompts})


@pytest.fixture(scope="module")
def found():
    return compare_siblings(outputs())


def test_the_numbers_are_those_beside_a_reference(found):
    reference = Reference.from_features(np.random.default_rng(1).normal(size=(50, 4)))
    for k in (1, 3, 8):
        table = reference.score_features(outputs(), k=k, against_siblings="prompt")
        alone = compare_siblings(outputs(), k=k)
        columns = ["id", "sibling_distance", "sibling_p", "prompt"]
        assert alone.arrow.column_names == columns
        assert alone.arrow.to_pylist() == table.arrow.select(columns).to_pylist()
        assert alone.provenance["siblings"] == table.provenance["siblings"]
    assert compare_siblings(outputs(), k=3).arrow == found.arrow


def test_the_odd_ones_are_told_in_lines_that_fit(found):
    lines = found.summary().splitlines()
    assert lines == [
        "Compared  33 samples from array",
        "          each with the others of its prompt: 3 groups, the largest of 12",
        "Too small 1 group with fewer than 3 samples",
        "Left out  1 sample without prompt",
        *(line for line in lines if line.endswith("times as far)")),
    ]
    named = [line.split()[0].removeprefix("Odd") for line in lines[5:]]
    assert lines[4].startswith("Odd ones  17.png (")
    assert named == ["26.png", "3.png"]


def test_long_names_and_many_groups_fit_too():
    rng = np.random.default_rng(2)
    prompts = np.repeat([f"{'a very long prompt ' * 20}{i}" for i in range(50)], 4).tolist()
    features = Features.from_arrays(
        rng.normal(size=(200, 3)),
        ids=[f"{'folder/' * 30}{i} 日本.png" for i in range(200)],
        metadata={"prompt": prompts},
    )
    lines = compare_siblings(features).summary().splitlines()
    assert len(lines) == 7
    assert max(map(width, lines)) <= 80


def test_where_nobody_is_odd_it_is_said():
    features = Features.from_arrays(np.ones((5, 3)), metadata={"label": ["a"] * 5})
    summary = compare_siblings(features, by="label").summary()
    assert "none: no sample is farther from its siblings" in summary


def test_facts_are_strict_json(found):
    facts = found.to_dict()
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert [case["id"] for case in facts["odd_ones"]["cases"]] == ["17.png", "26.png", "3.png"]
    assert facts["samples"]["compared"] == 30


def test_mistakes_are_named():
    with pytest.raises(ParameterError, match=r"the key 'seed'.*samples: prompt"):
        compare_siblings(outputs(), by="seed")
    with pytest.raises(ParameterError, match="k = 0"):
        compare_siblings(outputs(), k=0)


def test_the_table_is_written_and_is_no_score_table(found, tmp_path):
    found.save(tmp_path / "siblings.parquet")
    assert pq.read_table(tmp_path / "siblings.parquet").to_pylist() == found.arrow.to_pylist()
    with pytest.raises(ParameterError, match="not a score table"):
        rara.ScoreTable.from_parquet(tmp_path / "siblings.parquet")


# -- the page --


def page_of(found, folder, *, pictures):
    painted = {
        one: Image.new("RGB", (8, 8), (7 * i, 50, 90)) for i, one in enumerate(outputs().ids)
    }
    shown = rara.Siblings(
        found.arrow, found.provenance, (lambda side, ids: painted) if pictures else None
    )
    shown.report(folder / "siblings.html")
    return (folder / "siblings.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("pictures", [True, False])
def test_the_page_shows_each_odd_one_beside_its_siblings(found, pictures, tmp_path):
    page = page_of(found, tmp_path, pictures=pictures)
    assert page.count("<article") == 3
    names = re.findall('<h3>\\s*<bdi title="(.*?)"', page)
    assert names == ["17.png", "26.png", "3.png"]
    assert HOSTILE not in page
    assert "The farthest of 6 (an owl): " in page
    assert "1 group with fewer than 3 samples was not compared" in page
    assert page.count("<title>Sample: ") == (3 if pictures else 0)
    assert page.count("<title>First: ") == (3 if pictures else 0)
    assert page.count("<title>Sibling: ") == (6 + 6 + 5 if pictures else 0)


def test_the_page_concludes_and_shows_all_groups_on_one_scale(found, tmp_path):
    page = shown(page_of(found, tmp_path, pictures=False))
    first = found.facts.odd_ones.cases[0]
    assert f"17.png is {times(first.times)} as far from its siblings as is usual in" in page
    drawn = re.findall(
        r'<i class="dot" style="left:([\d.]+)%"', page_of(found, tmp_path, pictures=False)
    )
    reach = [one.times for one in found.facts.odd_ones.cases]
    places = [float(place) for place in drawn]
    assert places == pytest.approx([100 / 1.06 * one / max(reach) for one in reach], abs=0.01)
    for one in found.facts.odd_ones.cases:
        assert one.spread[0] <= 1 <= one.spread[1] <= one.times


def test_the_headline_where_no_ratio_says_it():
    same = np.zeros((6, 4), np.float32)
    apart = same.copy()
    apart[0] = 1
    for vectors, said in (
        (same, "In no prompt does one sample stand farther"),
        (apart, "0 stands alone in x: its siblings are at distance 0"),
        (same[:2], "No prompt has enough samples to compare"),
    ):
        given = Features.from_arrays(vectors, metadata={"prompt": ["x"] * len(vectors)})
        assert sibling_headline(rara.compare_siblings(given).facts).startswith(said)


@needs_browser
def test_a_browser_complains_of_nothing(found, tmp_path):
    elements, console, asked = opened(page_of(found, tmp_path, pictures=True), tmp_path)
    assert elements.count("<article") == 3
    assert console == []
    assert asked == set()


# -- the command --


@pytest.fixture
def place(tmp_path, monkeypatch, draw):
    """Images with their labels, two of them, and one file that is no image."""
    for seed, label in enumerate(("birds", "boats")):
        draw(tmp_path / "samples" / label, 5, seed)
    (tmp_path / "samples" / "birds" / "broken.png").write_bytes(b"hello")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def called(capsys, *arguments):
    code = run(["siblings", "samples", *arguments])
    return code, *capsys.readouterr()


def test_the_command_prints_ten_lines_and_writes_what_it_is_asked_for(place, capsys):
    code, out, err = called(
        capsys, "--by", "label", "-k", "1", "-o", "out.parquet", "--report", "page.html"
    )
    assert code == 0
    lines = out.splitlines()
    assert len(lines) <= 10
    assert max(map(width, lines)) <= 80
    assert "10 samples from " in lines[0]
    assert "2 groups, the largest of 5" in lines[1]
    assert lines[-1] == "Written   page.html  out.parquet"
    assert "broken.png: not an image" in err
    table = pq.read_table("out.parquet")
    assert table["label"].to_pylist() == ["birds"] * 5 + ["boats"] * 5
    page = (place / "page.html").read_text(encoding="utf-8")
    assert page.count("data:image/") >= 2
    assert "1 sample could not be used" in page


def test_the_command_tells_all_as_json(place, capsys):
    code, out, _ = called(capsys, "--by", "label", "--json")
    assert code == 0
    assert json.loads(out)["odd_ones"]["groups"] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "the key 'prompt'. Keys of the samples: label"),
        (["--by", "label", "--report", "page.pdf"], ".html"),
        (["--by", "label", "-o", "table.xls"], ".parquet"),
        (["--by", "label", "-k", "0"], "at least 1"),
    ],
)
def test_mistakes_get_one_sentence(place, capsys, arguments, says):
    code, out, err = called(capsys, *arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err
