"""People decide on a page: in a real browser, from a click to the next verdict."""

import base64
import hashlib
import json
import re

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from browser import browser
from commands import called
from make import as_folder, encoded, picture
from pages import HOSTILE, made_of, needs_browser, painted, provenance, row
from rara import Decisions, ScoreTable
from rara.decisions.decision import today
from rara.decisions.exported import decisions_of
from rara.report import summarise, to_html
from rara.report.controls import controls_of
from rara.report.scripts import script
from scenes import scene

NAME = "near <img src=x onerror=alert(1)> \"'&.jpg"
"""Of a near copy."""
GROUP = 'fieldset.decide[data-sample-id="{}"]'


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A saved reference of pictures, and samples of which two are near copies."""
    place = tmp_path_factory.mktemp("page")
    as_folder(place / "train", {f"{i}.png": encoded(picture(i)) for i in range(80)})
    as_folder(place / "samples", {
        **{f"fresh {i}.png": encoded(picture(100 + i)) for i in range(4)},
        "near 0.jpg": encoded(picture(0), "JPEG", quality=60),
        NAME: encoded(picture(3), "JPEG", quality=60),
        "same.png": encoded(picture(7)),
    })  # fmt: skip
    return place


@pytest.fixture
def folder(place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("samples", "train"):
        (tmp_path / name).symlink_to(place / name)
    assert called(capsys, "reference", "build", "train", "-o", "ref")[0] == 0
    return tmp_path


def scored(capsys):
    """The rows by id, and the page."""
    code, _, err = called(
        capsys, "score", "samples", "--reference", "ref", "--evidence", "none", "--alpha", 0.2,
        "-o", "t.parquet", "--report", "page.html",
    )  # fmt: skip
    assert code == 0, err
    return {one["id"]: one for one in ScoreTable.from_parquet("t.parquet").arrow.to_pylist()}


def group(name):
    """The selector of a control, by the sample's name."""
    return GROUP.format(re.sub(r'(["\\])', r"\\\1", name))


def choose(tab, name, value):
    tab.click(f'{group(name)} input[value="{value}"]')


def downloaded(tab, folder):
    file = folder / "decisions.json"
    tab.click("#decisions button")
    tab.wait(lambda: any(
        one.get("method") == "Browser.downloadProgress" and one["params"]["state"] == "completed"
        for one in tab.events
    ))  # fmt: skip
    return file


@needs_browser
def test_from_a_click_on_the_page_to_the_next_verdict(folder, capsys):
    before = scored(capsys)
    assert before["near 0.jpg"]["verdict"] == before[NAME]["verdict"] == "near copy"
    with browser(folder) as tab:
        tab.open(folder / "page.html")
        assert tab.value("document.querySelector('#decisions button').disabled")
        choose(tab, "near 0.jpg", "not a copy")
        assert tab.value("document.querySelector('#decisions output').value") == "1 new decision"
        tab.value(f"document.querySelector({json.dumps(group(NAME) + ' input')}).focus()")
        tab.press("ArrowRight")  # from undecided to a copy
        assert tab.value("document.querySelector('#decisions output').value") == "2 new decisions"
        file = downloaded(tab, folder)
        assert tab.complaints() == ([], [])
    decisions = {one.sample_id: one for one in decisions_of(file.read_bytes(), file)}
    assert {name: one.word for name, one in decisions.items()} == {
        "near 0.jpg": "not a copy", NAME: "copy",
    }  # fmt: skip
    assert (decisions[NAME].source_id, decisions[NAME].date) == ("3.png", today())
    code, out, err = called(capsys, "decide", "--from", "decisions.json", "--reference", "ref")
    assert (code, err) == (0, "")
    assert out.startswith("Decided     2 pairs: 2 new, 0 changed\n")
    after = scored(capsys)
    assert after["near 0.jpg"]["verdict"] not in ("copy", "near copy", "no verdict")
    assert after[NAME]["verdict"] == "copy"
    assert [after[name]["decision"] for name in ("near 0.jpg", NAME, "same.png")] == [
        "not a copy", "copy", None,
    ]  # fmt: skip
    assert after["near 0.jpg"]["decision_source"] == "0.png"


@needs_browser
def test_what_was_decided_is_shown_and_can_be_changed(folder, capsys):
    pair = ("samples/near 0.jpg", "train/0.png")
    assert called(capsys, "decide", *pair, "--not-a-copy", "-r", "ref")[0] == 0
    assert called(capsys, "decide", "samples/same.png", "7.png", "--copy", "-r", "ref")[0] == 0
    scored(capsys)
    html = (folder / "page.html").read_text("utf-8")
    part = html.partition('<section id="decided"')[2].partition("</section>")[0]
    text = " ".join(re.sub(r"<[^>]*>", "", part).split())
    assert "2 samples by your 2 decisions: 1 copy, 1 not a copy." in text
    assert f"You decided on {today()} that this is no copy of 0.png." in text
    assert "near 0.jpg" not in html.partition('<section id="copies"')[2].partition("</section>")[0]
    with browser(folder) as tab:
        tab.open(folder / "page.html")
        inputs = json.dumps("#decided " + group("near 0.jpg") + " input")
        values = f"[...document.querySelectorAll({inputs})]"
        assert tab.value(f"{values}.map(one => [one.value, one.checked])") == [
            ["copy", False], ["not a copy", True],
        ]  # fmt: skip
        assert tab.value("document.querySelector('#decisions output').value") == ""
        choose(tab, "near 0.jpg", "copy")
        file = downloaded(tab, folder)
    [changed] = json.loads(file.read_text())
    assert (changed["sample_id"], changed["decision"]) == ("near 0.jpg", "copy")
    out = called(capsys, "decide", "--from", "decisions.json", "-r", "ref")[1]
    assert "1 pair: 0 new, 1 changed" in out
    assert [one.word for one in Decisions.load("ref/decisions.csv")] == ["copy", "copy"]


@needs_browser
def test_a_pair_in_large_asks_the_same_question(tmp_path):
    rows = [*accused("a", "b"), *(row(f"t{i}", verdict="typical", reason="So.", volume_p=0.5)
                                  for i in range(12))]  # fmt: skip
    (tmp_path / "page.html").write_text(page(rows), "utf-8")
    with browser(tmp_path) as tab:
        tab.open(tmp_path / "page.html")
        asked = tab.value("document.querySelectorAll('.decide').length")
        tab.click("#pair-1 .shot")
        tab.click('#compare .decide input[value="copy"]')
        assert tab.value("document.querySelector('#decisions output').value") == "1 new decision"
        tab.click("#compare [data-step='1']")
        chosen = "document.querySelector('#compare .decide input:checked').value"
        assert tab.value(chosen) == ""
        tab.click("#compare [data-close]")
        kept = "document.querySelector('#pair-1 .decide input:checked').value"
        assert tab.value(kept) == "copy"
        assert tab.value("document.querySelectorAll('.decide').length") == asked
        assert tab.complaints() == ([], [])


@needs_browser
def test_without_scripts_the_page_is_whole(folder, capsys):
    scored(capsys)
    visible = "[...document.querySelectorAll('.decide, #decisions')].some(e => e.offsetParent)"
    with browser(folder) as tab:
        tab.open(folder / "page.html", scripts=False)
        assert tab.value(visible) is False
        assert tab.value("document.querySelectorAll('article').length") > 3
        without = tab.value("document.body.innerText")
        assert tab.complaints() == ([], [])
        tab.open(folder / "page.html")
        assert tab.value(visible) is True
        assert "Is it a copy?" in tab.value("document.body.innerText")
        assert "Is it a copy?" not in without
        assert "The same content as reference image 7.png." in without


@needs_browser
def test_a_script_that_was_changed_does_not_run(folder, capsys):
    scored(capsys)
    html = (folder / "page.html").read_text("utf-8")
    (folder / "page.html").write_text(html.replace('"use strict"', '"use strict" '), "utf-8")
    with browser(folder) as tab:
        tab.open(folder / "page.html")
        assert tab.value("document.querySelector('.decide').hidden") is True
        assert "script-src" in json.dumps(tab.complaints()[0])


@needs_browser
def test_a_pair_on_several_cards_has_one_decision_which_can_be_taken_back(folder, capsys):
    scored(capsys)
    checked = (
        f"[...document.querySelectorAll({json.dumps(group('near 0.jpg') + ' input:checked')})]"
        ".map(one => one.value)"
    )
    html = (folder / "page.html").read_text("utf-8")
    section = html.partition('<section id="samples"')[2].partition("</section>")[0]
    twice = html.replace(section, section + re.sub('name="decide-', 'name="again-', section))
    (folder / "page.html").write_text(twice, "utf-8")
    with browser(folder) as tab:
        tab.open(folder / "page.html")
        choose(tab, "near 0.jpg", "copy")
        assert tab.value(checked) == ["copy", "copy"]
        assert tab.value("document.querySelector('#decisions output').value") == "1 new decision"
        choose(tab, "near 0.jpg", "")
        assert tab.value(checked) == ["", ""]
        assert tab.value("document.querySelector('#decisions button').disabled")


@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_controls_fit_and_can_be_hit(folder, capsys, width):
    scored(capsys)
    with browser(folder) as tab:
        tab.open(folder / "page.html", width=width, dark=width == 390)
        choose(tab, NAME, "copy")
        assert tab.value("document.documentElement.scrollWidth") <= width
        boxes = tab.value(
            "[...document.querySelectorAll('.decide label, #decisions button')]"
            ".map(one => [one.getBoundingClientRect().width, one.getBoundingClientRect().height])"
        )
        assert np.min(boxes) >= 32
        assert tab.complaints() == ([], [])


@needs_browser
def test_sources_of_a_search_are_decided_in_the_same_way(tmp_path, capsys, monkeypatch):
    files = {f"train/{i}.png": encoded(Image.fromarray(scene(i))) for i in range(6)}
    cut = Image.fromarray(scene(2)).crop((60, 40, 280, 200))
    files[f"samples/{NAME}"] = encoded(cut, "JPEG", quality=80)
    as_folder(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    code, _, err = called(capsys, "search", "samples", "-r", "train", "--report", "s.html")
    assert code == 0, err
    with browser(tmp_path) as tab:
        tab.open(tmp_path / "s.html", width=390)
        assert tab.value("document.querySelectorAll('.decide').length") == 1
        assert tab.value("document.querySelectorAll('polygon.line').length") == 2
        tab.click('.decide input[value="not a copy"]')
        file = downloaded(tab, tmp_path)
        assert tab.complaints() == ([], [])
    assert called(capsys, "decide", "--from", file, "--decisions", "d.csv")[0] == 0
    [one] = Decisions.load("d.csv")
    assert (one.word, one.sample_id, one.source_id) == ("not a copy", NAME, "2.png")
    contents = (files[f"samples/{NAME}"], files["train/2.png"])
    assert (one.sample, one.source) == tuple(hashlib.sha256(one).hexdigest() for one in contents)


# -- without a browser --


@pytest.mark.parametrize("name", ["decide", "every", "compare"])
def test_the_policy_allows_that_script_alone(name):
    text = script(name).text
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert script(name).policy == f"'sha256-{digest}'"
    text = text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|fetch|XMLHttp|innerHTML|eval|import|</", text)


class Known:
    """Painted pictures whose contents are known, but for some."""

    def __init__(self, *unknown):
        self.unknown = unknown

    def __call__(self, side, ids):
        return painted(side, ids)

    def contents(self, side, ids):
        digests = {one: hashlib.sha256(f"{side} {one}".encode("utf-8", "replace")).hexdigest()
                   for one in ids}  # fmt: skip
        return {one: digest for one, digest in digests.items() if one not in self.unknown}


def accused(*names, **changed):
    plain = {"verdict": "near copy", "reason": "Nearer to reference image ref/0.png (p = 0.001).",
             "volume_p": 0.001, **changed}  # fmt: skip
    return [row(name, **plain) for name in names]


def page(rows, pictures=None):
    more = {"verdict": {"alpha": 0.05, "rare": 5.0, "uncommon": 25.0, "shortfall": None}}
    made = summarise(made_of(rows), provenance(len(rows), **more), pictures or Known())
    return to_html(made)


def test_a_pair_whose_content_is_unknown_has_no_control_and_no_script():
    for unknown in (painted, Known("a")):
        html = page(accused("a"), unknown)
        assert '<fieldset class="decide"' not in html
        assert script("decide").text not in html
        assert script("decide").policy not in html
    assert page(accused("a", "b"), Known("a")).count('<fieldset class="decide"') == 1


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_names_from_outside_are_names(name):
    html = page([one | {"nearest": name} for one in accused(name, reason=f"Nearer to {name}.")])
    assert html.count("<script") == html.count("</script") == 3
    assert html.count('<fieldset class="decide"') == 1
    assert "onerror=alert" not in re.sub(r'"[^"]*"', "", html).replace("onerror=alert(1)&gt;", "")


def test_the_control_is_of_the_image_that_the_reason_names():
    reason = "Nearer to reference image ref/2.png than expected by chance (p = 0.001)."
    html = page(accused("a", reason=reason, decision="not a copy", decision_source="ref/0.png"))
    assert 'data-source-id="ref/2.png" data-decided=""' in html
    assert 'data-source-id="ref/0.png" data-decided="not a copy"' not in html  # of another card


@pytest.mark.parametrize(
    ("reason", "source"),
    [
        ("Nearer to reference image 1 than expected by chance (p = 0.1).", "1"),
        ("Nearer to reference image 1 2 than expected by chance (p = 0.1).", "1 2"),
        ("Nearer to reference image 10 than expected by chance (p = 0.1).", "10"),
        ("The same content as reference image 12.", "12"),
        ("Names none that is on the card.", "1"),
    ],
)
def test_no_name_is_taken_for_the_beginning_of_another(reason, source):
    near = [{"id": one, "distance": 1.0} for one in ("1", "1 2", "10", "12", "2")]
    [one] = accused("a", reason=reason)
    html = page([one | {"nearest": "1", "neighbors": near}])
    assert re.findall(r'data-source-id="(.*?)"', html) == [source]


def test_copies_in_spite_of_a_decision_do_not_lead_the_page():
    plain = {"verdict": "copy", "reason": "The same content as reference image ref/0.png.",
             "copy_p": 0.001, "volume_p": 0.001, "copy_volume": 0.0}  # fmt: skip
    words = {"a": "not a copy", "b": None, "c": "copy"}
    rows = [
        row(name, **plain, decision=word, decision_source=word and "ref/0.png")
        for name, word in words.items()
    ]
    more = {
        "verdict": {"alpha": 0.05, "rare": 5.0, "uncommon": 25.0, "shortfall": None},
        "decisions": {"held": 7, "fingerprint": "", "copies": 1, "not_copies": 1},
    }
    rows += [row(f"t{i}", **{**plain, "verdict": "typical", "reason": "Near."}, decision=None,
                 decision_source=None) for i in range(20)]  # fmt: skip
    made = summarise(made_of(rows), provenance(len(rows), **more), Known())
    shown = made.rows
    assert [one.record.id for one in shown["copies"].cards] == ["b", "c", "a"]
    assert [one.record.id for one in shown["decided"].cards] == ["a", "c"]
    assert [one.partner.id for one in shown["decided"].cards] == ["ref/0.png"] * 2
    assert "1 sample is a copy by your decision." in shown["copies"].lede
    lede = "2 samples by your 7 decisions: 1 copy, 1 not a copy."
    assert shown["decided"].lede.startswith(lede)
    assert [line.cells[-1] for line in made.every.lines[:3]] == ["", "copy", "not a copy"]
    assert made.order[0] == "copies"


def test_a_digest_that_is_none_gives_no_control():
    class Wrong(Known):
        def contents(self, side, ids):
            return dict.fromkeys(ids, '"><script>')

    assert '<fieldset class="decide"' not in page(accused("a"), Wrong())
    assert controls_of([], Known()) == {}


def test_a_table_from_a_file_reads_the_contents_from_where_the_images_are(folder, capsys):
    scored(capsys)
    table = ScoreTable.from_parquet("t.parquet", samples="samples", reference="train")
    table.report("later.html")
    pairs = [
        set(re.findall(r'data-sample="(.*?)" data-source="(.*?)"', file.read_text("utf-8")))
        for file in (folder / "page.html", folder / "later.html")
    ]
    assert pairs[0] == pairs[1]
    assert len(pairs[0]) >= 3
    ScoreTable.from_parquet("t.parquet").report("bare.html")
    assert '<fieldset class="decide"' not in (folder / "bare.html").read_text("utf-8")


# -- the common region --

HALF = [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],
        [[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]]  # fmt: skip


def found(region, p=1e-9):
    """A sample that shows a reference image."""
    words = "Shows reference image ref/3.png, mirrored, cropped to 50 % (p <= 1e-9)."
    [one] = accused("a", verdict="copy", reason=words, source="ref/3.png", source_p=p, copy_p=p,
                    source_edit="mirrored, cropped to 50 %", source_region=region,
                    pixel_nearest="ref/1.png", pixel_distance=90, pixel_p=0.2)  # fmt: skip
    return [one]


def test_a_card_draws_the_region_on_both_and_says_what_named_the_source():
    html = page(found(HALF))
    lines = re.findall(r'<polygon class="region line" points="([^"]*)"', html)
    assert [one.split() for one in lines] == [
        ["0.00,0.00", "28.00,0.00", "28.00,28.00", "0.00,28.00"],
        ["14.00,0.00", "28.00,0.00", "28.00,28.00", "14.00,28.00"],
    ]
    text = re.sub(r"<[^>]*>", "", html).replace("\u00a0", " ")
    assert "50 % of the source is 100 % of the sample." in text
    assert "Named by the pictures (p = 1e-09); by pixels p = 0.2, by vectors p = 0.001." in text
    assert "mirrored, cropped to 50 %" in text


def test_a_card_says_whether_pixels_or_vectors_named_the_image():
    texts = []
    for p in (0.01, 0.2):
        [one] = accused("a", pixel_nearest="ref/0.png", pixel_distance=40, pixel_p=p, volume_p=0.1)
        texts.append(re.sub(r"<[^>]*>", "", page([one])).replace("\u00a0", " "))
    assert "Named by pixels (p = 0.01); by vectors p = 0.1." in texts[0]
    assert "Named by vectors (p = 0.1); by pixels p = 0.2." in texts[1]


@pytest.mark.parametrize(
    "region",
    [None, [], HALF[:1], [HALF[0], []], [HALF[0], [[0.0], [1.0], [2.0]]], [HALF[0], HALF[1][:2]],
     [HALF[0], [[float("nan"), 0.0], *HALF[1]]]],
)  # fmt: skip
def test_a_region_that_is_none_is_not_drawn(region):
    html = page(found(pa.scalar(region, pa.list_(pa.list_(pa.list_(pa.float64())))).as_py()))
    assert "<polygon" not in html
    assert "Named by the pictures" in html
