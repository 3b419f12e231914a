"""A pair in large, the choice and order of rows, and the page without scripts: in a browser."""

import json
from contextlib import contextmanager

import pytest

from browser import browser
from pages import HOSTILE, made_of, needs_browser, painted, provenance, row
from rara.report import summarise, to_html
from rara.report.copied import copy_numbers, in_words
from rara.report.records import records

KNOWN = {"verdict": {"alpha": 0.05, "rare": 95.0, "uncommon": 80.0, "shortfall": None}}
HALF = [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],
        [[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]]  # fmt: skip
PLAIN = {"copy_p": 1e-9, "copy_q": 0.0, "volume_p": 0.001, "source": None, "source_p": None,
         "source_edit": None, "source_region": None, "label": "cat"}  # fmt: skip


def rows():
    """Three copies, the first of which shows a half of its source; and typical samples."""
    first = PLAIN | {"source": "ref/3.png", "source_p": 1e-9, "source_edit": "cropped to 50 %",
                     "source_region": HALF}  # fmt: skip
    copied = {"verdict": "copy", "reason": "Shows reference image ref/3.png."}
    plain = PLAIN | {"copy_p": 0.5, "verdict": "typical", "reason": "So.", "label": "dog"}
    return [
        row("c0", rarity=2.0, **first, **copied),
        *(row(name, rarity=2.0, nearest=0.0, **PLAIN, **copied) for name in ("c1", "c2")),
        *(row(f"t{i}", rarity=2.0 + i, knn=2.0 + i, **plain) for i in range(12)),
    ]


def written(folder, made=None):
    made = rows() if made is None else made
    page = folder / "page.html"
    page.write_text(to_html(summarise(made_of(made), provenance(len(made), **KNOWN), painted)),
                    encoding="utf-8")  # fmt: skip
    return page


@contextmanager
def opened(folder, **how):
    with browser(folder) as tab:
        tab.open(written(folder), **how)
        yield tab
        assert tab.complaints() == ([], [])


def mode(tab, name):
    tab.click(f"#compare [value={name}]")


def search(tab, text):
    tab.value("(one => { one.value = " + json.dumps(text) + ";"
              " one.dispatchEvent(new Event('input', {bubbles: true})); })"
              "(document.querySelector('#every [type=search]'))")  # fmt: skip


IS_OPEN = "document.getElementById('compare').open"
TITLE = "document.getElementById('compare-title').textContent"


@needs_browser
def test_a_click_opens_a_pair_and_keys_lead_through_them(tmp_path):
    with opened(tmp_path) as tab:
        assert tab.value(IS_OPEN) is False
        tab.click("#pair-1 .shot")
        assert (tab.value(IS_OPEN), tab.value(TITLE)) == (True, "c0")
        assert tab.value("location.hash") == "#pair-1"
        tab.press("ArrowRight")
        assert tab.value(TITLE) == "c1"
        tab.press("ArrowLeft")
        assert tab.value(TITLE) == "c0"
        assert tab.value("document.querySelector('[data-step=\"-1\"]').disabled") is True
        tab.click("#compare [data-close]")
        assert tab.value(IS_OPEN) is False
        assert tab.value("location.hash") == ""
        assert tab.value("document.activeElement.getAttribute('href')") == "#pair-1"


@needs_browser
def test_a_link_to_a_pair_opens_it(tmp_path):
    page = written(tmp_path)
    with browser(tmp_path) as tab:
        linked = type("Linked", (), {"as_uri": lambda self: page.as_uri() + "#pair-2"})()
        tab.open(linked)
        assert (tab.value(IS_OPEN), tab.value(TITLE)) == (True, "c1")


@needs_browser
def test_the_numbers_are_open_and_begin_with_what_was_done(tmp_path):
    with opened(tmp_path) as tab:
        tab.click("#pair-1 .shot")
        heads = tab.value(
            "[...document.querySelectorAll('.about .numbers th')].map(e => e.textContent)"
        )
        assert heads[:2] == ["what was done", "copy_p"]
        cells = tab.value(
            "[...document.querySelectorAll('.about .numbers td')].map(e => e.textContent)"
        )
        assert cells[0] == "cropped to 50\u00a0%"
        assert tab.value("document.querySelector('.about .numbers').checkVisibility()")


@needs_browser
def test_the_source_is_aligned_by_the_region(tmp_path):
    """The right half of the source is the whole sample: twice as wide, and shifted to the left."""
    matrix = "document.querySelector('.stage figure + figure g').getAttribute('transform')"
    with opened(tmp_path) as tab:
        tab.click("#pair-1 .shot")
        assert tab.value(matrix) is None
        assert tab.value("document.querySelectorAll('.stage polygon.line').length") == 2
        mode(tab, "slider")
        numbers = [float(one) for one in tab.value(matrix)[len("matrix(") : -1].split()]
        assert numbers == pytest.approx([2, 0, 0, 1, -28, 0], abs=1e-6)
        tab.click("#compare [name=align]")
        plain = [float(one) for one in tab.value(matrix)[len("matrix(") : -1].split()]
        assert plain == [1, 0, 0, 1, 0, 0]
        tab.click("#compare [name=region]")
        shown = "document.querySelector('.stage polygon.line').checkVisibility()"
        assert tab.value(shown) is False


@needs_browser
def test_a_pair_without_a_region_has_no_region_to_align_by(tmp_path):
    with opened(tmp_path) as tab:
        tab.click("#pair-2 .shot")
        mode(tab, "slider")
        shown = "[...document.querySelectorAll('.with-region')].some(e => e.checkVisibility())"
        assert tab.value(shown) is False


@needs_browser
def test_both_pictures_are_zoomed_and_moved_together(tmp_path):
    transforms = "[...document.querySelectorAll('.stage svg')].map(e => e.style.transform)"
    with opened(tmp_path) as tab:
        tab.click("#pair-1 .shot")
        tab.click("#compare [data-zoom='2']")
        one, other = tab.value(transforms)
        assert one == other == "translate(-50%, -50%) scale(2)"
        assert tab.value("document.querySelector('.zoom output').value") == "2×"
        view = "document.querySelector('.view').getBoundingClientRect()"
        box = tab.value(f"(b => [b.x + b.width / 2, b.y + b.height / 2, b.width])({view})")
        tab.send("Input.dispatchMouseEvent", type="mousePressed", x=box[0], y=box[1],
                 button="left", buttons=1, clickCount=1)  # fmt: skip
        tab.send("Input.dispatchMouseEvent", type="mouseMoved", x=box[0] + box[2] / 4, y=box[1],
                 button="left", buttons=1)  # fmt: skip
        one, other = tab.value(transforms)
        assert one == other
        assert float(one[len("translate(") :].split("%")[0]) == pytest.approx(-25, abs=1)


@needs_browser
def test_the_slider_divides_the_pictures(tmp_path):
    with opened(tmp_path) as tab:
        tab.click("#pair-1 .shot")
        mode(tab, "slider")
        tab.value("(() => { const one = document.querySelector('.stage > input'); one.value = 20;"
                  " one.dispatchEvent(new Event('input')); })()")  # fmt: skip
        clip = "getComputedStyle(document.querySelector('.stage figure + figure .view')).clipPath"
        assert tab.value(clip) == "inset(0px 0px 0px 20%)"
        mode(tab, "difference")
        blend = "getComputedStyle(document.querySelector('.stage figure + figure')).mixBlendMode"
        assert tab.value(blend) == "difference"
        mode(tab, "blink")
        off = "document.querySelector('.stage').classList.contains('off')"
        tab.wait(lambda: tab.value(off))
        tab.wait(lambda: not tab.value(off))


@needs_browser
def test_rows_are_chosen_searched_and_ordered(tmp_path):
    shown = ("[...document.querySelectorAll('#every tbody tr')].filter(e => e.checkVisibility())"
             ".map(e => e.cells[0].textContent.trim())")  # fmt: skip
    with opened(tmp_path) as tab:
        assert len(tab.value(shown)) == 15
        tab.click("#f0-0")
        assert tab.value(shown) == ["c0", "c1", "c2"]
        assert tab.value("document.querySelector('#every output').value") == "3 of 15"
        tab.click("#f0-all")
        search(tab, "T1")
        assert tab.value(shown) == ["t11", "t10", "t1"]
        heads = tab.value(
            "[...document.querySelectorAll('#every thead th')].map(e => e.textContent)"
        )
        at = heads.index("rarity") + 1
        tab.click(f"#every thead th:nth-child({at}) button")
        assert tab.value(shown) == ["t1", "t10", "t11"]
        tab.click(f"#every thead th:nth-child({at}) button")
        assert tab.value(shown) == ["t11", "t10", "t1"]
        sort = f"document.querySelector('#every thead th:nth-child({at})').ariaSort"
        assert tab.value(sort) == "descending"


@needs_browser
def test_without_scripts_rows_are_chosen_and_pairs_are_shown_large(tmp_path):
    shown = ("[...document.querySelectorAll('#every tbody tr')].filter(e => e.checkVisibility())"
             ".length")  # fmt: skip
    with opened(tmp_path, scripts=False) as tab:
        tab.click("#f0-0")
        assert tab.value(shown) == 3
        tab.click("#f0-all")
        tab.value("document.querySelector('#every select').value = '1'")
        assert tab.value(shown) == 3  # the cats
        tab.click("#pair-1 .shot")
        tab.wait(lambda: tab.value("location.hash") == "#pair-1")
        width = tab.value("document.querySelector('#pair-1 .shot').getBoundingClientRect().width")
        assert width > 900
        assert tab.value("document.querySelector('#pair-1 .numbers').checkVisibility()")
        tab.click("#pair-1 .steps a:last-child")
        tab.wait(lambda: tab.value("location.hash") == "#copies")
        assert tab.value("document.querySelector('#pair-1 .numbers').checkVisibility()") is False


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False), (2560, False)])
def test_the_page_and_the_large_view_fit(tmp_path, width, dark):
    with opened(tmp_path, width=width, dark=dark) as tab:
        assert tab.value("document.documentElement.scrollWidth") <= width
        tab.click("#pair-1 .shot")
        for name in ("side", "slider", "blink", "difference"):
            mode(tab, name)
            over = tab.value("(() => { const d = document.getElementById('compare');"
                             " return d.scrollWidth - d.clientWidth; })()")  # fmt: skip
            assert over == 0, name


@needs_browser
def test_hostile_names_are_names_in_the_large_view_and_the_search(tmp_path):
    made = [one | {"id": f"{HOSTILE[i % len(HOSTILE)]}{i}"} for i, one in enumerate(rows())]
    page = written(tmp_path, made)
    with browser(tmp_path) as tab:
        tab.open(page)
        for place in (1, 2, 3):
            tab.value(f"document.querySelector('#pair-{place} .shot').click()")
            assert tab.value(TITLE)
        search(tab, HOSTILE[0])
        assert tab.value("document.querySelector('#every output').value") == "2 of 15"
        assert tab.complaints() == ([], [])
        assert tab.value("document.querySelectorAll('img, iframe, object, base').length") == 0


# -- words --


def words_of(**more):
    made = made_of([row("a", **{**PLAIN, "verdict": "copy", "reason": "So.", **more})])
    return records(made, [0], {})[0]


def test_what_was_done_is_said_first():
    found = words_of(source="ref/3.png", source_p=1e-9, source_edit="mirrored", copy_p=1e-9)
    assert in_words(found) == "mirrored"
    numbers = copy_numbers(found, "ref/0.png")
    assert [name for name, _ in numbers] == ["what was done", "copy_p", "distance", "copy_q"]
    assert numbers[1] == ("copy_p", "p = 1e-09")


def test_without_a_source_the_test_that_named_it_is_said():
    same = words_of(pixel_nearest="ref/0.png", pixel_distance=-1, pixel_p=1e-9, nearest=0.5)
    assert in_words(same) in (
        "the same picture",
        "features nearer than real images have (p = 1e-09)",
    )
    near = words_of(nearest=1.0, copy_p=0.001)
    assert in_words(near) == "features nearer than real images have (p = 0.001)"
    assert in_words(words_of(nearest=0.0)) == "the same features"
