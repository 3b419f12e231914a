"""How the explorer's page looks: nothing is cut or covered; names and pixels are as they are."""

import json

import numpy as np
import pytest

from explorer_page import Site
from explorer_world import World, served
from pages import needs_browser

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = needs_browser

BACKSLASH = "gan/back\\slash.png"


@pytest.fixture(scope="module")
def server():
    with served(World(1200, 400, names=[BACKSLASH])) as found:
        yield found


def outermost(world):
    """Side and row of the points at the four ends of the map."""
    ends = {int(pick(places)) for places in (world.x, world.y) for pick in (np.argmin, np.argmax)}
    return [(int(world.side[end]), int(world.row[end])) for end in ends]


@pytest.mark.parametrize("by", ["verdict", "label"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("many", [(1200, 400), (1, 4)])
def test_nothing_lies_over_the_whole_map(browser, many, width, by):
    with served(World(*many)) as server:
        site = Site(browser, server, width=width, height=844)
        site.open(f"#by={by}")
        site.until("document.querySelector('#map').dataset.settled", "true")
        places = (".controls .select", ".controls .group", ".over.tools", "#legend", "#map")
        *over, whole = [site.page.locator(place).bounding_box() for place in places]
        half = 0 if many[0] > 1 else 40
        for side, row in outermost(server.world):
            x, y = site.spot(side, row)
            assert whole["x"] + half < x < whole["x"] + whole["width"] - half
            assert whole["y"] + half < y < whole["y"] + whole["height"] - half
            for box in over:
                across = box["x"] - half < x < box["x"] + box["width"] + half
                assert not (across and box["y"] - half < y < box["y"] + box["height"] + half)
            site.page.mouse.move(x, y)
            site.page.wait_for_selector("#tip:not([hidden])")
            site.page.mouse.move(5, 5)
            site.page.wait_for_selector("#tip", state="hidden")
        site.close()


def test_a_new_legend_leaves_a_chosen_view_as_it_is(site):
    site.open("#view=0.3,0.1,1")
    site.until("document.querySelector('#map').dataset.settled", "true")
    site.page.keyboard.press("+")
    site.until_hash("view=0.3,0.1,2")
    site.page.select_option("#by", "label")
    site.until("document.querySelector('#legend').textContent.includes('Boot')")
    assert "view=0.3%2C0.1%2C2" in site.hash()
    site.page.set_viewport_size({"width": 900, "height": 700})
    site.page.keyboard.press("0")
    site.until("location.hash.includes('view')", False)


def test_few_points_are_drawn_large_and_a_million_as_before(site):
    site.open()
    styles = """async (total) => {
      const { Renderer } = await import('/static/renderer.js');
      const view = { scale: 200, fit: 200, ratio: 1 };
      return Renderer.prototype.styles.call({ total }, view);
    }"""
    few, many = (site.page.evaluate(styles, total) for total in (5_000, 1_000_000))
    assert many[1] == pytest.approx([1, 0.6 * 0.42])
    assert many[2] == pytest.approx([1, 0.42])
    assert few[1][0] > 2.5
    assert few[1][1] > 0.55
    assert few[2][1] > few[1][1]


def test_narrow_windows_cut_no_words(browser, server):
    site = Site(browser, server, width=390, height=844)
    site.open()
    for selector in ("#sizes", "#title"):
        wide = f"document.querySelector('{selector}')"
        assert site.page.evaluate(f"{wide}.scrollWidth <= {wide}.clientWidth")
    fits = """() => {
      const select = document.getElementById('sort');
      const pen = document.createElement('canvas').getContext('2d');
      pen.font = getComputedStyle(select).font;
      return select.clientWidth - pen.measureText('As in the table').width;
    }"""
    assert site.page.evaluate(fits) > 20
    site.page.keyboard.press("?")
    boxes = "[...document.querySelectorAll('#help kbd')].map((one) => one.offsetHeight)"
    site.page.wait_for_selector("#help[open]")
    assert len(set(site.page.evaluate(boxes))) == 1
    site.close()


def test_only_a_slash_parts_names(site):
    site.open("#at=s0")
    site.until("document.querySelector('#sample-0 .name').textContent", "back\\slash.png")
    site.page.wait_for_selector(".head .file")
    site.page.keyboard.press("c")
    site.until("document.querySelector('#compare .sample-word').textContent", "back\\slash.png")


@pytest.mark.parametrize("longest", [64, 65])
def test_small_pictures_show_their_pixels(browser, longest):
    world = World(60, 20)
    world.longest = longest
    with served(world) as server:
        site = Site(browser, server)
        site.open("#at=s3")
        site.until("document.querySelector('#map').dataset.settled", "true")
        site.page.mouse.move(*site.spot(1, 3))
        site.page.keyboard.press("c")
        expected = "pixelated" if longest == 64 else "auto"
        for place in (".cell", "#tip", ".hero .own", ".hero .other", ".neighbour",
                      ".layer.own", ".layer.other"):  # fmt: skip
            image = f"document.querySelector('{place} img')"
            site.until(f"{image}?.naturalWidth", longest)
            site.until(f"getComputedStyle({image}).imageRendering", expected)
        site.close()


def test_a_line_does_not_end_inside_an_option(site):
    site.open()
    shown = """async (text) => {
      const { make, unbroken } = await import('/static/dom.js');
      const line = make('p', {}, unbroken(text));
      line.style.width = '1px';
      document.body.append(line);
      const found = [...line.querySelectorAll('.option')];
      const kept = found.map((one) => [one.textContent, one.getClientRects().length]);
      const whole = line.textContent;
      line.remove();
      return [whole, kept];
    }"""
    text = "Use at least 39, or --alpha 0.4. Or start with --decisions FILE <b>."
    assert site.page.evaluate(shown, text) == [text, [["--alpha 0.4", 1], ["--decisions", 1]]]


def test_fingers_zoom_and_move_the_comparison(browser, server):
    context = browser.browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True,
                                          is_mobile=True, reduced_motion="reduce")  # fmt: skip
    page = context.new_page()
    page.goto(f"{server.address}#at=s20&compare=slider")
    page.wait_for_selector("#compare[open]")
    assert page.locator("#compare .with-fingers").is_visible()
    assert page.locator("#compare .with-mouse").is_hidden()
    box = page.locator(".stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = context.new_cdp_session(page)

    def touch(kind, *places):
        points = [{"x": place[0], "y": place[1], "id": i} for i, place in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def moved():
        style = page.evaluate("document.querySelector('.layer.own .moved').style.transform")
        numbers = style.replace("translate(", "").replace("px", "").replace(") scale(", ",")
        return [float(one) for one in json.loads(f"[{numbers.rstrip(')')}]")]

    for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80)):
        touch(kind, (x - apart, y + 30), (x + apart, y + 30))
    touch("touchEnd")
    left, top, zoom = moved()
    assert zoom == pytest.approx(2, abs=0.01)
    assert [left, top] == pytest.approx([0, -30], abs=1)
    for kind, shift in (("touchStart", 0), ("touchMove", 20), ("touchMove", 50)):
        touch(kind, (x + 80 + shift, y + 40))
    touch("touchEnd")
    assert moved() == pytest.approx([left + 50, top, zoom], abs=0.5)
    context.close()


def test_without_fingers_the_comparison_names_wheel_and_keys(site):
    site.open("#at=s20&compare=slider")
    site.page.wait_for_selector("#compare[open]")
    assert site.page.locator("#compare .with-mouse").is_visible()
    assert site.page.locator("#compare .with-fingers").is_hidden()
