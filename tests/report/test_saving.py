"""The report in files: Markdown, JSON, a page with a folder beside it, and `rara report`."""

import json
import re
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from browser import browser
from commands import called
from firefox import firefox, needs_firefox
from pages import (
    HOSTILE,
    MIXED,
    made_of,
    needs_browser,
    outline,
    painted,
    provenance,
    row,
    shown,
)  # fmt: skip
from rara import ScoreTable
from rara.errors import ParameterError, UnwritableError
from rara.report import assets as beside
from rara.report import facts, gallery, summarise, to_html
from rara.report.thumbnails import Album

KNOWN = {"verdict": {"alpha": 0.05, "rare": 95.0, "uncommon": 80.0, "shortfall": None}}


def rows(count=40, name="s"):
    """Copies, two of them; all others typical."""
    reason = "The same content as reference image ref/0.png."
    more = {"copy_p": 1e-9, "copy_q": 0.0, "label": "cat", "reason": reason}
    return [
        row(f"{name}{i}", rarity=2.0 + i, verdict="copy" if i < 2 else "typical", **more)
        for i in range(count)
    ]


def table(made=None, pictures=painted):
    made = rows() if made is None else made
    return ScoreTable(made_of(made), provenance(len(made), **KNOWN), pictures)


# -- Markdown and JSON --


def test_markdown_says_what_the_page_says(tmp_path):
    table().report(tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text("utf-8")
    assert text.startswith("# 2 of 40 samples are copies of reference images\n")
    assert "| copies | 2 | 5.0 % |" in text
    assert re.search(r"^\| s0 \| copy \| ref/0\.png \|", text, re.MULTILINE)
    assert "## The rarest" in text
    assert "- samples: gen/, fingerprint 5a" in text
    lines = [one for one in text.splitlines() if one.startswith("|")]
    heads = [at for at, one in enumerate(lines) if set(one) == {"|", "-"}]
    assert len(heads) == 3  # the counts, the copies, the rarest


def test_markdown_shows_by_what_the_rarest_are_ordered(tmp_path):
    made = [one | {"verdict": "rare" if i % 2 else "typical", "knn_distance": 1.0 + (7 * i) % 11}
            for i, one in enumerate(rows(11))]  # fmt: skip
    table(made).report(tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text("utf-8").partition("## The rarest")[2]
    said, _, listed = text.partition("|")
    assert "ordered by k-NN distance" in said
    cells = [[cell.strip() for cell in line.split("|")] for line in listed.splitlines()[2:10]]
    at = [cell.strip() for cell in listed.splitlines()[0].split("|")].index("k-NN distance")
    for verdict in ("rare", "typical"):
        shown = [float(line[at + 1]) for line in cells if line[2] == verdict]
        assert shown == sorted(shown, reverse=True)
        assert len(shown) > 2


def test_every_share_is_drawn_on_one_scale_with_its_interval():
    made = [one | {"verdict": "rare" if i < 3 else "typical"} for i, one in enumerate(rows(20))]
    found = summarise(made_of(made), provenance(20, **KNOWN), painted)
    html = to_html(found)
    strip = html.partition('<ul class="strip"')[2].partition("</ul>")[0]
    for one in found.facts.conclusion.statements:
        if one.share is None:
            continue
        [drawn] = [part for part in strip.split("<li")[1:] if one.label in part]
        assert f'style="width:{100 * one.share:.2f}%"' in drawn
        low, high = one.interval
        assert f'style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"' in drawn
    assert "typical" in {one.key for one in found.facts.conclusion.statements}
    assert "A full bar is all samples" in shown(html)


def test_json_is_that_of_the_command(tmp_path):
    made = table()
    made.report(tmp_path / "report.json")
    said = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert said == facts(made.arrow, made.provenance).to_json()
    assert said["conclusion"]["headline"] == "2 of 40 samples are copies of reference images"


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_names_in_markdown_are_names(tmp_path, name):
    table(rows(name=f"{name}|`*_[x](y)")).report(tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text("utf-8")
    plain = re.sub(r"\\.", "", text)
    assert not re.search(r"[<>`*_\[\]]", plain)
    body = [one for one in plain.splitlines() if one.startswith("| ") and "copy" in one]
    assert body
    assert {one.count("|") for one in body if "ref/0" in one} <= {6}
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)


def test_many_copies_are_counted(tmp_path):
    made = [one | {"verdict": "copy"} for one in rows(60)]
    table(made).report(tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text("utf-8")
    assert "And 10 more: the saved table names them all." in text


def test_another_ending_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ParameterError, match=r"end its name in \.html, \.md or \.json"):
        table().report(tmp_path / "report.pdf")
    with pytest.raises(ParameterError, match="Only a page has files beside it"):
        table().report(tmp_path / "report.md", assets=tmp_path / "files")
    assert list(tmp_path.iterdir()) == []


# -- a folder beside the page --


@pytest.fixture
def large(monkeypatch):
    """A page with two rows of its own, and chunks of ten."""
    monkeypatch.setattr("rara.report.score_page.FEW_ROWS", 300)
    monkeypatch.setattr(beside, "ROWS", 10)


def test_pictures_and_rows_are_files_beside_the_page(tmp_path, large):
    place = tmp_path / "a b #?%é"
    place.mkdir()
    table().report(place / "page.html", assets=place / "files 1")
    html = (place / "page.html").read_text("utf-8")
    page = outline(html)
    assert "data:image" not in html
    links = [one for one in page.links if not one.startswith(("#", "data:"))]
    assert links
    names = {re.sub("^files%201/", "", one) for one in links}
    present = {one.name for one in (place / "files 1").iterdir()}
    assert names == {one for one in present if one.startswith("picture-")}
    assert len([one for one in present if one.startswith("rows-")]) == 4
    assert "'strict-dynamic'" in html
    assert "loads pictures and rows from its folder files%201" in shown(html)


def test_the_files_hold_every_row_as_json(tmp_path, large):
    made = table(rows(name="</script><b>"))
    made.report(tmp_path / "page.html", assets=tmp_path / "files")
    names = []
    for file in sorted((tmp_path / "files").glob("rows-*.js")):
        text = file.read_bytes().decode("ascii")
        first, held = re.fullmatch(r"addRows\((\d+), (.*)\);\n", text).groups()
        assert int(first) == len(names)
        names += [cells[0] for _, cells in json.loads(held)]
    assert sorted(names) == sorted(made["id"])


def test_files_of_an_earlier_page_are_replaced_and_others_are_kept(tmp_path, large):
    table().report(tmp_path / "page.html", assets=tmp_path / "files")
    before = {one.name for one in (tmp_path / "files").iterdir()}
    table(rows(12)).report(tmp_path / "page.html", assets=tmp_path / "files")
    after = {one.name for one in (tmp_path / "files").iterdir()}
    assert after < before
    (tmp_path / "files" / "mine.txt").write_text("mine")
    with pytest.raises(UnwritableError, match=r"holds other files, such as 'mine\.txt'"):
        table().report(tmp_path / "page.html", assets=tmp_path / "files")
    assert (tmp_path / "files" / "mine.txt").read_text() == "mine"


SEARCH = """(one => { one.value = %s; one.dispatchEvent(new Event('input', {bubbles: true})); })
(document.querySelector('#every [type=search]'))"""
COUNT = "document.querySelector('#every output').value"
BROKEN = "[...document.images].filter(one => one.complete && one.naturalWidth === 0).length"
SHOWN = "document.querySelectorAll('#every tbody tr').length"


@needs_browser
def test_chromium_loads_rows_and_pictures_from_the_folder(tmp_path, large):
    table().report(tmp_path / "page.html", assets=tmp_path / "files")
    with browser(tmp_path) as tab:
        tab.open(tmp_path / "page.html")
        few = tab.value(SHOWN)
        assert few < 40
        tab.value(SEARCH % '"s3"')
        tab.wait(lambda: tab.value(COUNT) == "11 of 40")
        assert tab.value(SHOWN) == 11
        tab.value(SEARCH % '""')
        tab.wait(lambda: tab.value(SHOWN) == 40)
        assert tab.value(BROKEN) == 0
        tab.click("#pair-1 .shot")
        drawn = "document.querySelectorAll('.stage image').length"
        assert tab.value(drawn) == 2
        assert tab.complaints() == ([], [])


@needs_browser
def test_a_folder_that_was_lost_is_said(tmp_path, large):
    table().report(tmp_path / "page.html", assets=tmp_path / "files")
    for file in (tmp_path / "files").glob("rows-*"):
        file.unlink()
    with browser(tmp_path) as tab:
        tab.open(tmp_path / "page.html")
        tab.value(SEARCH % '"s0"')
        tab.wait(lambda: tab.value("document.querySelector('#every .lost')?.textContent ?? ''") ==
                 "The files beside this page cannot be read.")  # fmt: skip


@needs_firefox
def test_firefox_shows_hostile_names_as_names_and_loads_the_folder(tmp_path, large):
    made = [one | {"id": f"{HOSTILE[i % len(HOSTILE)]}{i}", "label": HOSTILE[i % 3]}
            for i, one in enumerate(rows())]  # fmt: skip
    table(made).report(tmp_path / "page.html", assets=tmp_path / "files")
    table(made).report(tmp_path / "whole.html")
    with firefox(tmp_path) as tab:
        tab.open((tmp_path / "page.html").as_uri())
        tab.value(SEARCH % json.dumps(HOSTILE[0]) + " ?? 0")
        for _ in range(200):
            if tab.value(COUNT) == "4 of 40":
                break
        assert tab.value(COUNT) == "4 of 40"
        assert tab.value(BROKEN) == 0
        assert tab.complaints() == ([], [])
        tab.open((tmp_path / "whole.html").as_uri())
        tab.value("document.querySelector('#pair-1 .shot').click() ?? 0")
        assert tab.value("document.getElementById('compare').open") is True
        assert (
            tab.value("document.querySelectorAll('img[src=x], iframe, object, base').length") == 0
        )
        tab.value("document.querySelector('#compare [data-close]').click() ?? 0")
        tab.value("document.getElementById('f0-0').click() ?? 0")
        visible = (
            "[...document.querySelectorAll('#every tbody tr')].filter(e => e.checkVisibility())"
        )
        assert tab.value(f"{visible}.length") == 2
        assert tab.complaints() == ([], [])


# -- how large a page is --


def test_what_has_no_room_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "LEAST_BYTES", 150_000)
    monkeypatch.setattr(gallery, "BYTES_A_SAMPLE", 0)
    made = [one | {"verdict": "copy"} for one in rows(100)]
    table(made).report(tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text("utf-8")
    tiles = html.count('class="tile"')
    assert 3 < tiles < 100
    said = f"{tiles} pairs of 100 have room on this page; the table names the other {100 - tiles}."
    assert said in shown(html)
    assert html.count("<tr id=") == 100


def enlarged(side, ids):
    """The pictures of `painted`, large enough to be made small again."""
    return {name: image.resize((230, 230)) for name, image in painted(side, ids).items()}


def test_the_strongest_pairs_are_large_where_all_have_room(monkeypatch):
    made = [
        one | {"verdict": "copy", "nearest": f"r{i}", "reason": f"As reference image r{i}."}
        for i, one in enumerate(rows(12))
    ]
    summary = summarise(made_of(made), provenance(12, **KNOWN), None)
    (row,) = (one for one in summary.rows.values() if one.compact)
    for name, value in (("LEAST_PAIR", 24), ("PAIRS", 0), ("LEAST_BYTES", 0)):
        monkeypatch.setattr(gallery, name, value)

    def filled(strongest, limit):
        """How many pairs are large, all others being small; and the bytes of the page."""
        monkeypatch.setattr(gallery, "STRONGEST", strongest)
        album = Album(limit)
        found = gallery.fill([row], (), {}, enlarged, album)
        sizes = [
            {
                album.thumbnails[found.keys.of(side, name)].width
                for side, name in (("samples", one.record.id), ("reference", one.partner.id))
            }
            for one in found.rows[0].cards
        ]
        large = sizes.count({gallery.STRONG_PAIR})
        assert sizes == [{gallery.STRONG_PAIR}] * large + [{24}] * (12 - large)
        return large, album.size

    (none, least), (all_three, most) = filled(0, None), filled(3, None)
    assert (none, all_three) == (0, 3)
    assert filled(3, most) == (3, most)
    some, size = filled(3, most - 1)
    assert some == 2
    assert least < size < most
    assert filled(3, least + 1) == (0, least)


def test_what_is_not_even_read_is_counted_too(monkeypatch):
    monkeypatch.setattr("rara.report.score_page.MOST_PAIRS", 5)
    monkeypatch.setattr(gallery, "MOST_ON_SHEETS", 8)
    made = [one | {"verdict": "copy" if i < 9 else "rare"} for i, one in enumerate(rows(40))]
    found = summarise(made_of(made), provenance(40, **KNOWN), painted)
    assert (len(found.rows["copies"].cards), found.rows["copies"].more) == (5, 4)
    assert (len(found.sheets["rarest"].ids), found.sheets["rarest"].more) == (4, 27)
    assert "5 pairs of 9 have room on this page; the table names the other 4." in shown(
        to_html(found)
    )


def test_room_grows_with_the_samples_and_ends():
    assert gallery.room(0) == gallery.room(2_000) == gallery.LEAST_BYTES
    assert gallery.room(10**7) == gallery.MOST_BYTES


# -- the command --


@pytest.fixture
def saved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table().to_parquet("t.parquet")
    return tmp_path


@pytest.mark.parametrize("name", ["page.html", "page.md", "page.json"])
def test_a_saved_table_becomes_a_report(saved, capsys, name):
    code, out, err = called(capsys, "report", "t.parquet", name)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == f"Written   {name}"
    assert "2 of 40 samples are copies" in (saved / name).read_text("utf-8")


def test_the_command_takes_a_folder_for_files(saved, capsys):
    assert called(capsys, "report", "t.parquet", "page.html", "--assets", "files")[0] == 0
    assert list((saved / "files").glob("rows-*.js"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["t.parquet", "page.pdf"], "end its name in .html, .md or .json"),
        (["t.parquet", "page.md", "--assets", "files"], "Only a page has files beside it"),
        (["none.parquet", "page.html"], "No score table at 'none.parquet'"),
        (["t.parquet", "page.html", "--cards", "0"], "give a number from 1 to 200"),
        (["t.parquet", "page.html", "--assets", "t.parquet"], "is a file"),
    ],
)
def test_mistakes_come_before_the_work(saved, capsys, words, said):
    before = sorted(Path().iterdir())
    code, out, err = called(capsys, "report", *words)
    assert (code, out) == (2, "")
    assert said in " ".join(err.split())
    assert sorted(Path().iterdir()) == before


def test_a_folder_needs_a_page(saved, capsys):
    code, _, err = called(capsys, "score", "x", "-r", "y", "--assets", "files")
    assert code == 2
    assert "--assets files is for the page" in " ".join(err.split())


def test_mixed_tables_have_a_report_in_every_form(tmp_path):
    for made in (MIXED, MIXED[:1]):
        plain = ScoreTable(made_of(made), provenance(len(made)), None)
        for ending in ("md", "json", "html"):
            plain.report(tmp_path / f"report.{ending}")
            assert not re.search(r"\b(nan|NaN|None)\b", (tmp_path / f"report.{ending}").read_text()
                                 .partition("<script")[0])  # fmt: skip


def test_long_names_do_not_make_a_page_large():
    """Bytes are counted, and not letters: these have three each."""
    made = [one | {"id": f"{'長い名前' * 60}{i}", "nearest": "長" * 300}
            for i, one in enumerate(rows(6_000))]  # fmt: skip
    found = summarise(made_of(made), provenance(len(made), **KNOWN), None)
    held = len(found.every.lines)
    assert 500 < held < 6_000
    assert found.every.more == 6_000 - held
    assert len(to_html(found).encode()) < 9_000_000


@pytest.mark.slow
@pytest.mark.parametrize(("count", "copies", "most"), [(2_000, 128, 3e6), (100_000, 5_000, 20e6)])
def test_a_page_of_photos_has_a_largest_size(count, copies, most):
    """Each picture is another part of a noisy photo, as large as the page may show it."""
    across, down = np.meshgrid(np.linspace(0, 40, 2_000), np.linspace(0, 30, 1_500))
    noise = np.random.default_rng(0).normal(0, 8, (1_500, 2_000, 3))
    waves = np.stack([120 + 90 * np.sin(across + i) * np.cos(down * i + 1) for i in range(3)], -1)
    scene = Image.fromarray(np.clip(waves + noise, 0, 255).astype(np.uint8))

    def pictures(side, ids):
        places = {name: crc32(f"{side} {name}".encode()) for name in ids}
        return {name: scene.crop((at % 1_600, at % 1_100, at % 1_600 + 400, at % 1_100 + 400))
                for name, at in places.items()}  # fmt: skip

    kinds = ["copy"] * copies + ["rare", "uncommon", "off-manifold", "typical", "typical"] * count
    made = [one | {"verdict": kinds[i], "nearest": f"ref/{i % 4_000}.png"}
            for i, one in enumerate(rows(count, "folder/sample-"))]  # fmt: skip
    found = summarise(made_of(made), provenance(count, **KNOWN), pictures)
    size = len(to_html(found).encode())
    assert size < most
    assert len(found.rows["copies"].cards) >= min(copies, 100)
