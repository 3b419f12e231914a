"""The explorer's map and what must hold whatever comes: hostile names, no WebGL, axe, many rows."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from explorer_page import Site
from explorer_world import World, served
from pages import HOSTILE, needs_browser

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = needs_browser


def settled(site):
    site.until("document.querySelector('#map').dataset.settled", "true")


def view(site):
    found = re.search(r"view=([-\d.]+)%2C([-\d.]+)%2C([-\d.]+)", site.hash())
    return [float(one) for one in found.groups()] if found else None


def test_hovering_names_a_point_and_a_click_shows_it(site):
    site.open()
    settled(site)
    site.page.mouse.move(*site.spot(1, 40))
    site.page.wait_for_selector("#tip:not([hidden]) strong")
    site.page.mouse.click(*site.spot(1, 40))
    site.until_hash("at=")
    site.page.wait_for_selector(".head h2")
    site.page.wait_for_selector(".overlay line.owner")
    site.page.mouse.move(5, 5)
    for spot in (".cell", ".neighbour"):
        site.page.wait_for_selector(".overlay .hovered.off", state="attached")
        site.page.hover(spot)
        site.page.wait_for_selector(".overlay .hovered:not(.off)", state="attached")
        site.page.mouse.move(5, 5)


def test_wheel_drag_keys_and_double_click_move_the_map(site):
    site.open()
    settled(site)
    box = site.page.locator("#map").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    site.page.mouse.move(*middle)
    site.page.mouse.wheel(0, -400)
    site.until_hash("view=")
    zoomed = view(site)
    assert zoomed[2] > 0.5
    site.page.mouse.down()
    site.page.mouse.move(middle[0] + 90, middle[1])
    site.page.mouse.up()
    site.until(f"location.hash.includes('{zoomed[0]}')", False)
    panned = view(site)
    assert panned[0] < zoomed[0]
    assert panned[2] == zoomed[2]
    site.page.focus("#map")
    site.page.keyboard.press("ArrowRight")
    site.until(f"location.hash.includes('view={panned[0]}')", False)
    assert view(site)[0] > panned[0]
    for key, change in (("+", 1), ("-", -1)):
        before = view(site)[2]
        site.page.keyboard.press(key)
        site.until_hash(f",{round(before + change, 4):g}")
    before = view(site)[2]
    site.page.mouse.dblclick(middle[0] + 60, middle[1] + 60)
    site.until_hash(f",{round(before + 1, 4):g}")
    kept = view(site)
    site.page.reload()
    site.page.wait_for_selector("body[data-ready]")
    settled(site)
    assert view(site) == kept
    site.page.keyboard.press("0")
    site.until("location.hash.includes('view')", False)


def test_two_fingers_zoom(site):
    site.open()
    box = site.page.locator("#map").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = site.context.new_cdp_session(site.page)
    for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80)):
        points = [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    site.until_hash("view=")
    assert view(site)[2] == pytest.approx(1, abs=0.1)


def test_thumbnails_replace_points_when_there_is_room(site):
    site.open("#view=0.6,0,4")
    settled(site)
    site.until("Number(document.querySelector('#map').dataset.pictures) > 3")
    apart = site.page.evaluate("""async () => {
      const { apart } = await import('/static/thumbnails.js');
      const at = (step) => Float32Array.from({ length: 4000 }, (_, i) => (i * step) % 1);
      const [x, y] = [at(0.7549), at(0.5698)];
      const kept = apart([...x.keys()], { x, y }, 0.1, 700);
      let least = 1;
      for (const a of kept) for (const b of kept) if (a < b)
        least = Math.min(least, Math.max(Math.abs(x[a] - x[b]), Math.abs(y[a] - y[b])));
      return [kept.length, least];
    }""")
    assert apart[0] > 20
    assert apart[1] >= 0.1


def test_a_side_can_be_hidden(site):
    site.open()
    site.page.get_by_role("button", name="Reference", exact=True).click()
    site.until_hash("hide=reference")
    settled(site)
    site.page.get_by_role("button", name="Reference", exact=True).click()
    site.until("location.hash.includes('hide')", False)


def test_hostile_names_are_text(site):
    for row, name in enumerate(HOSTILE):
        site.open(f"#at=s{row}")
        site.until("document.querySelector('.head .file')?.textContent", name)
    for mode in ("side", "difference"):
        site.page.evaluate(f"location.hash = 'at=s0&compare={mode}'")
        site.page.wait_for_selector("#compare[open]")
    assert site.page.evaluate("document.querySelectorAll('script, iframe').length") == 1
    assert site.page.evaluate("[...document.images].some((one) => one.src.endsWith('/x'))") is False


@pytest.mark.parametrize(
    "address",
    [
        "#is.__proto__=x&in.constructor=1..2&is.toString=1",
        "#pick==r0.1.zzzzzz&pick=+1,2&pick=-a,b,c,d,e,f&pick=x",
        "#at=s999999999&beside=r-1&compare=slider",
        "#view=NaN,1e999,5&sort=__proto__&by=<img src=x>&show=../..&q=%00%ff",
        "#at=j5&hide=all.%2e%2e.reference",
        "#view=9,9,99&in.rarity=..&is.verdict=",
    ],
)
def test_hostile_addresses_do_no_harm(browser, server, address):
    site = Site(browser, server)
    try:
        site.open(address)
        site.page.keyboard.press("Escape")
        if site.page.locator("#clear").is_visible():
            site.page.click("#clear")
        site.until_shown(1200)
        site.page.keyboard.press("j")
        site.until_hash("at=s")
    finally:
        site.complaints = [one for one in site.complaints if "404" not in one]
        site.close()


def test_a_picture_that_is_gone_leaves_its_name(browser, server):
    site = Site(browser, server)
    site.open("#at=s1100")
    site.page.wait_for_selector(".hero .missing")
    assert site.text(".hero .missing") == "No picture"
    site.complaints = [one for one in site.complaints if "404" not in one]
    site.close()


def test_a_server_that_fails_is_named(browser, server):
    site = Site(browser, server)
    site.open()
    site.page.route("**/record/*", lambda route: route.fulfill(
        status=500, content_type="application/problem+json",
        body=json.dumps({"title": "Broken <b>", "detail": "Try again."})))  # fmt: skip
    site.page.keyboard.press("j")
    site.page.wait_for_selector("#detail .trouble")
    assert site.text("#detail .trouble") == "Broken <b> Try again."
    site.page.route("**/data/table.arrow*", lambda route: route.abort())
    site.page.select_option("#sort", "seed")
    site.page.wait_for_selector("#says.trouble.shown")
    assert "does not answer" in site.text("#says")
    site.complaints = [one for one in site.complaints if "500" not in one and "ERR_" not in one]
    site.close()


def test_without_webgl_the_rest_works(browser, server):
    site = Site(browser, server)
    site.page.add_init_script(
        "HTMLCanvasElement.prototype.getContext = ((old) => function (kind, ...more) {"
        " return kind === 'webgl2' ? null : old.call(this, kind, ...more); })"
        "(HTMLCanvasElement.prototype.getContext);"
    )
    site.open("#is.verdict=copy")
    assert site.page.locator("#no-map").is_visible()
    assert "no WebGL 2" in site.text("#no-map")
    assert site.shown() == int(np.sum(site.world.verdict == 0))
    site.page.keyboard.press("j")
    site.page.wait_for_selector(".hero img")
    site.complaints = [one for one in site.complaints if "No map" not in one]
    site.close()


def test_a_hundred_thousand_rows_are_few_elements(browser):
    with served(World(100_000, 2_000)) as server:
        site = Site(browser, server)
        site.open()
        for share in (0.37, 1):
            site.page.evaluate(
                f"(() => {{ const one = document.getElementById('gallery');"
                f" one.scrollTop = one.scrollHeight * {share}; }})()"
            )
            site.page.wait_for_timeout(60)
            assert 8 <= site.page.locator(".cell").count() < 120
        site.until("document.querySelector('.cell[aria-posinset=\"100000\"]') !== null")
        site.page.focus("#gallery")
        site.page.keyboard.press("Home")
        site.until("document.querySelector('.cell.at')?.ariaPosInSet", "1")
        site.close()


@pytest.mark.parametrize("count", [1, 40])
def test_little_and_bare_tables(browser, count):
    world = World(count, 1)
    world.bare = True
    with served(world) as server:
        site = Site(browser, server)
        site.open()
        settled(site)
        assert site.shown() == count
        samples = "1 sample" if count == 1 else f"{count} samples"
        assert site.text("#sizes") == f"{samples} beside 1 image of train/"
        site.page.keyboard.press("j")
        site.page.wait_for_selector(".hero .missing")
        for key in ("s", "n", "c", "Escape", "+", "+", "+", "+", "+"):
            site.page.keyboard.press(key)
        settled(site)
        assert site.page.locator("#judge").is_hidden()
        assert not [url for url in site.asked if "/picture/" in url or "/atlas/" in url]
        site.close()


def axe():
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None:
        pytest.skip("axe-playwright-python is not installed")
    return (Path(found.submodule_search_locations[0]) / "axe.min.js").read_text("utf-8")


VIEWS = {
    "whole": "#",
    "sample": "#at=s12&is.verdict=typical&is.verdict=copy",
}
DIALOGS = {"compared": "#at=s12&compare=slider", "keys": "#"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 2560])
def test_axe_finds_no_violation(browser, server, scheme, width):
    site = Site(browser, server, width=width, height=844 if width == 390 else 900, scheme=scheme)
    source = axe()
    for name, address in {**VIEWS, **(DIALOGS if width == 1280 else {})}.items():
        site.page.goto("about:blank")
        site.open(address)
        if name == "whole":
            site.page.click("#export > summary")
        if name == "keys":
            site.page.keyboard.press("?")
        site.page.evaluate(source)
        found = site.page.evaluate("axe.run()")["violations"]
        assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []
        assert site.page.evaluate("document.documentElement.scrollWidth") <= width
    site.close()


def test_narrow_windows_show_one_pane_below_the_map(browser, server):
    site = Site(browser, server, width=390, height=844)
    site.open()
    for pane, inside in (("filters", "#filters"), ("gallery", "#gallery"), ("detail", "#detail")):
        site.page.click(f"button[data-pane={pane}]")
        for other in ("#filters", "#gallery", "#detail"):
            assert site.page.locator(other).is_visible() == (other == inside)
    site.page.click("button[data-pane=gallery]")
    site.page.locator(".cell").nth(4).click()
    site.page.wait_for_selector(".hero img")
    assert site.page.locator("#detail").is_visible()
    site.close()


def test_the_reader_agrees_with_pyarrow(site):
    table = pa.table({
        "whole": pa.array([1, None, -3]), "real": [1.5, float("nan"), None],
        "half": pa.array([1.5, -2, 65504], pa.float16()), "flag": [True, None, False],
        "text": ["é <b>", None, ""], "long": pa.array(["x", "yy", None], pa.large_string()),
        "code": pa.array(["p", None, "q"]).dictionary_encode(), "none": pa.nulls(3),
        "byte": pa.array([1, 2, 255], pa.uint8()), "big": pa.array([1, 2, 2**40], pa.uint64()),
    })  # fmt: skip
    table = pa.concat_tables([table, table.slice(1, 2)])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    site.open()
    found = site.page.evaluate(
        """async (bytes) => {
          const { read } = await import('/static/arrow.js');
          const columns = read(Uint8Array.from(bytes).buffer);
          return Object.fromEntries(Object.entries(columns).map(([name, one]) =>
            [name, Array.from({ length: one.length }, (_, row) => one.at(row))]));
        }""",
        list(sink.getvalue().to_pybytes()),
    )
    expected = {name: table[name].to_pylist() for name in table.column_names}
    expected["real"] = [1.5, None, None, None, None]
    expected["flag"] = [1, None, 0, None, 0]
    assert found == expected
