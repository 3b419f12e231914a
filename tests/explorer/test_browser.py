"""The explorer's page as a person uses it, in Chromium: every control, key and view."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from explorer_world import VERDICTS
from pages import HOSTILE, needs_browser

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = needs_browser

MIDDLE = "document.querySelector('#map').dataset.settled"


def column(site, name):
    return np.array(site.world.table[name].to_pylist(), dtype=object)


def test_it_opens_with_all_samples(site):
    site.open()
    site.until(MIDDLE, "true")
    assert site.shown() == 1200
    assert site.text("#sizes") == "1,200 samples beside 400 images of train/"
    assert site.page.title() == "Made-up shoes beside made-up photos · rara"
    assert len(site.page.evaluate("document.querySelector('#legend').textContent")) > 20


def test_a_verdict_filters_and_back_and_reload_keep_it(site):
    site.open()
    copies = int(np.sum(site.world.verdict == 0))
    site.page.get_by_role("button", name=re.compile("^Copy ")).first.click()
    site.until_shown(copies)
    site.until_hash("is.verdict=copy")
    site.page.reload()
    site.page.wait_for_selector("body[data-ready]")
    site.until_shown(copies)
    site.page.go_back()
    site.until_shown(1200)
    site.page.go_forward()
    site.until_shown(copies)
    site.page.click("#clear")
    site.until_shown(1200)


def test_counts_of_values_leave_their_own_filter_out(site):
    site.open("#is.verdict=copy")
    counts = site.page.locator(".value .count").all_inner_texts()[:2]
    expected = [int(np.sum(site.world.verdict == v)) for v in (0, 1)]
    assert [int(one) for one in counts] == expected
    label = column(site, "label")[site.world.verdict == 0]
    most = max(np.unique(label, return_counts=True)[1])
    labels = site.page.locator(".column").nth(1).locator(".count").all_inner_texts()
    assert max(int(one) for one in labels) == most


def test_a_brush_filters_numbers(site):
    site.open()
    site.page.locator(".histogram").first.scroll_into_view_if_needed()
    box = site.page.locator(".histogram").first.bounding_box()
    y = box["y"] + box["height"] / 2
    site.page.mouse.move(box["x"] + box["width"] * 0.25, y)
    site.page.mouse.down()
    site.page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=4)
    site.page.mouse.up()
    site.until_hash("in.rarity=")
    site.page.wait_for_timeout(300)  # the last movement of the brush too
    low, high = map(float, re.search(r"in\.rarity=([\d.]+)\.\.([\d.]+)", site.hash()).groups())
    rarity = column(site, "rarity").astype(float)
    site.until_shown(int(np.sum((rarity >= low) & (rarity <= high))))
    spread = np.nanmax(rarity) - np.nanmin(rarity)
    assert low == pytest.approx(np.nanmin(rarity) + spread / 4, rel=0.05)
    site.page.mouse.click(box["x"] + 3, y)
    site.until_shown(1200)


def test_numbers_can_be_typed(site):
    site.open()
    rarity = column(site, "rarity").astype(float)
    site.page.get_by_label("rarity, from").fill("8")
    site.page.keyboard.press("Enter")
    site.page.keyboard.press("Tab")
    site.until_shown(int(np.sum(rarity >= 8)))
    site.page.get_by_label("Clear the filter of rarity").click()
    site.until_shown(1200)


def test_every_column_can_filter_and_colour(site):
    site.open()
    closed = site.page.locator(".block:not([open]) > summary")
    while closed.count():
        closed.first.click()
    site.until("document.querySelectorAll('.block .spread, .block .values').length", 9)
    for button in site.page.locator(".paint").all():
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
    site.page.select_option("#by", "rarity")
    site.until("document.querySelector('#legend .ramp') !== null")
    site.page.select_option("#by", "side")
    site.until("document.querySelector('#legend').textContent.startsWith('Samples')")


def test_words_are_sought_in_names_and_texts(site):
    site.open()
    site.page.keyboard.press("/")
    site.page.keyboard.type("Studio BOOT")
    prompts = [text for text in column(site, "prompt") if "studio" in text and "boot" in text]
    site.until_shown(len(prompts))
    site.page.fill("#words", "onerror")
    site.until_shown(1)
    site.page.fill("#words", "no such word")
    site.until_shown(0)
    assert site.page.locator("#nothing").is_visible()


def test_the_gallery_is_sorted_both_ways_and_gaps_come_last(site):
    site.open()
    rarity = column(site, "rarity").astype(float)
    ids = [name.rsplit("/", 1)[-1] for name in column(site, "id")]
    site.page.select_option("#sort", "rarity")
    site.until_hash("sort=rarity")
    site.until("document.querySelector('.cell[aria-posinset=\"1\"] .name').textContent",
               ids[int(np.nanargmin(rarity))])  # fmt: skip
    assert site.names()[:5] == [ids[row] for row in np.argsort(rarity)[:5]]
    site.page.click("#down")
    site.until("document.querySelector('.cell[aria-posinset=\"1\"] .name').textContent",
               ids[int(np.nanargmax(rarity))])  # fmt: skip
    site.page.focus("#gallery")
    site.page.keyboard.press("End")
    row = int(re.search(r"at=s(\d+)", site.hash())[1])
    assert np.isnan(rarity[row])


def around(site, row, size=60):
    """Corners of a square of the window around a sample."""
    x, y = site.spot(1, row)
    return [(x - size, y - size), (x + size, y - size), (x + size, y + size), (x - size, y + size)]


def within(site, corners):
    """Samples in a square of the window."""
    (left, top), (right, bottom) = corners[0], corners[2]
    (x0, y0), (x1, _) = site.spot(1, 0), site.spot(1, 1)
    world, first = site.world, site.world.reference
    scale = (x1 - x0) / float(world.x[first + 1] - world.x[first])
    x = x0 + (world.x[first:] - world.x[first]) * scale
    y = y0 - (world.y[first:] - world.y[first]) * scale
    return np.flatnonzero((x > left) & (x < right) & (y > top) & (y < bottom))


def drawn(site, corners, steps=6):
    site.page.mouse.move(*corners[0])
    site.page.mouse.down()
    for corner in corners[1:]:
        site.page.mouse.move(*corner, steps=steps)
    site.page.mouse.up()


def test_a_lasso_selects_shift_adds_alt_takes_away_and_it_is_exported(site):
    site.open()
    square = around(site, 20)
    expected = within(site, square)
    assert 5 < len(expected) < 600
    site.page.keyboard.press("l")
    drawn(site, [*square, square[0]])
    site.until("document.querySelector('[data-show=selected]').ariaPressed", "true")
    selected = site.shown("selected")
    assert abs(selected - len(expected)) <= 3  # on the line itself
    site.page.keyboard.press("r")
    site.page.keyboard.down("Shift")
    drawn(site, [*around(site, 77)[::2]])
    site.page.keyboard.up("Shift")
    site.until(f"document.querySelector('[data-show=selected] b').textContent !== '{selected}'")
    both = site.shown("selected")
    assert abs(both - len(set(expected) | set(within(site, around(site, 77))))) <= 5
    site.page.keyboard.down("Alt")
    drawn(site, [*around(site, 77)[::2]])
    site.page.keyboard.up("Alt")
    site.until(f"document.querySelector('[data-show=selected] b').textContent !== '{both}'")
    left = site.shown("selected")
    assert abs(left - len(set(expected) - set(within(site, around(site, 77))))) <= 5
    site.page.reload()
    site.page.wait_for_selector("body[data-ready]")
    site.until_shown(left, "selected")
    site.page.click("#export > summary")
    with site.page.expect_download() as download:
        site.page.click("[data-format=csv]")
    assert download.value.suggested_filename == "selection.csv"
    assert len(site.world.exports[-1]["rows"]) == left
    site.page.click("#deselect")
    site.until_shown(0, "selected")


@pytest.mark.parametrize("form", ["parquet", "folder", "decisions"])
def test_what_the_gallery_shows_is_exported(site, form):
    site.open("#is.verdict=rare")
    site.page.click("#export > summary")
    with site.page.expect_download():
        site.page.click(f"[data-format={form}]")
    rows = np.flatnonzero(site.world.verdict == VERDICTS.index("rare")).tolist()
    assert site.world.exports == [{"rows": rows, "format": form}]


def test_keys_go_through_samples_and_neighbours(site):
    site.open("#at=s900")
    site.page.wait_for_selector("#sample-900.at")
    site.page.goto(site.server.address + "#at=s12")
    site.page.wait_for_selector("#sample-12.at")
    site.page.keyboard.press("j")
    site.until_hash("at=s13")
    site.page.keyboard.press("k")
    site.until_hash("at=s12")
    name = site.world.table["id"][12].as_py()
    site.until("document.querySelector('.head .file')?.textContent", name)
    before = site.page.get_attribute(".neighbour[aria-pressed=true]", "data-row")
    site.page.keyboard.press("ArrowRight")
    site.until_hash("beside=r")
    site.until("document.querySelectorAll('.neighbour')[1].ariaPressed", "true")
    site.page.keyboard.press("ArrowLeft")
    site.until("document.querySelector('.neighbour[aria-pressed=true]').dataset.row", before)
    site.page.keyboard.press("Space")
    site.until_shown(1, "selected")
    site.page.keyboard.press("Space")
    site.until_shown(0, "selected")
    site.page.keyboard.press("s")
    site.until_shown(1, "starred")
    site.page.keyboard.press("n")
    site.until_shown(1, "decided")
    site.page.keyboard.press("Escape")
    site.until("location.hash.includes('at=')", False)
    site.page.keyboard.press("?")
    site.page.wait_for_selector("#help[open]")
    keys = site.page.locator("#help kbd").all_inner_texts()
    assert {"j", "k", "←", "→", "space", "c", "/", "?"} <= set(keys)
    site.page.keyboard.press("?")
    site.until("document.querySelector('#help').open", False)


def test_decisions_and_notes_reach_the_server_and_come_back(site):
    site.open("#at=s12")
    site.page.get_by_role("radio", name="Not a copy").check(force=True)
    site.page.get_by_label("Note").fill("the shadow differs")
    site.page.get_by_role("button", name="Star", exact=True).click()
    site.until_shown(1, "starred")
    for _ in range(300):
        found = site.world.decisions
        if found and found[0].get("note") and found[0]["star"] and found[0]["decision"]:
            break
        site.page.wait_for_timeout(20)
    near = int(site.world.nearest[12])
    assert found == [{"sample": 12, "reference": near, "decision": "not a copy", "star": True,
                      "note": "the shadow differs"}]  # fmt: skip
    other = site.page.locator(".neighbour[data-row]").nth(2)
    other.click()
    site.page.keyboard.press("y")
    site.until("document.querySelector('.decide input[value=copy]').checked")
    site.page.get_by_role("radio", name="Not a copy").check(force=True)
    chosen = int(other.get_attribute("data-row"))
    for _ in range(300):
        if site.world.decisions[0]["reference"] == chosen:
            break
        site.page.wait_for_timeout(20)
    assert site.world.decisions[0]["reference"] == chosen
    assert site.world.decisions[0]["decision"] == "not a copy"
    site.page.reload()
    site.page.wait_for_selector("body[data-ready]")
    site.until_shown(1, "decided")
    site.until("document.querySelector('.decide textarea').value", "the shadow differs")
    assert site.page.get_by_role("radio", name="Not a copy").is_checked()


def test_the_comparison_has_four_views_and_its_keys(site):
    row = int(np.flatnonzero(site.world.verdict == 0)[0])
    site.open(f"#at=s{row}")
    site.page.keyboard.press("c")
    site.page.wait_for_selector("#compare[open]")
    dialog = site.page.locator("#compare")
    for key, mode in enumerate(("side", "slider", "blink", "difference"), 1):
        site.page.keyboard.press(str(key))
        site.until("document.querySelector('#compare').dataset.mode", mode)
        site.until_hash(f"compare={mode}")
    site.page.keyboard.press("2")
    stage = dialog.locator(".stage").bounding_box()
    y = stage["y"] + stage["height"] / 2
    site.page.mouse.move(stage["x"] + stage["width"] / 2, y)
    site.page.mouse.down()
    site.page.mouse.move(stage["x"] + stage["width"] / 4, y, steps=3)
    site.page.mouse.up()
    site.until("Math.round(document.querySelector('.cut').value)", 25)
    site.page.mouse.move(stage["x"] + 100, y)
    site.page.mouse.wheel(0, -300)
    moved = "[...document.querySelectorAll('.moved')].map((one) => one.style.transform)"
    site.until(f"{moved}.every((one) => /scale\\(1\\.5/.test(one))")
    own, other = site.page.evaluate(moved)
    assert other.startswith(own)
    assert "scaleX(-1)" in other  # the source was mirrored, so it starts mirrored
    site.page.keyboard.press("m")
    site.until(f"{moved}[1].includes('scaleX(1)')")
    site.page.keyboard.press("o")
    site.until("document.querySelector('.stage').classList.contains('bare')")
    site.page.reload()
    site.page.wait_for_selector("#compare[open]")
    site.page.keyboard.press("Escape")
    site.until("location.hash.includes('compare')", False)
    site.page.go_back()
    site.page.wait_for_selector("#compare[open]")


def test_a_wide_picture_keeps_its_shape(site):
    row = next(r for r in range(600, 700) if site.world.verdict[r] > 1 and r % 3 == 0)
    site.open(f"#at=s{row}&compare=slider")
    for frame in (".hero .own .frame", "#compare .layer.own .fitted"):
        box = f"document.querySelector('{frame}').getBoundingClientRect()"
        site.until(f"Math.abs({box}.width / {box}.height - 1.5) < 0.02")


def picture(colour=(200, 40, 40)):
    sink = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(sink, "PNG")
    return sink.getvalue()


def test_a_picture_is_chosen_dropped_or_pasted_and_judged(site):
    site.open()
    site.page.set_input_files("#file", {"name": HOSTILE[0], "mimeType": "image/png",
                                        "buffer": picture()})  # fmt: skip
    site.page.wait_for_selector(".head h2.v-near")
    assert site.text(".reason").startswith("It is nearer")
    assert site.page.evaluate("document.querySelectorAll('.dropped').length") == 1
    assert site.page.evaluate("document.querySelector('.hero canvas').width") == 64
    give = """(kind) => {
      const bytes = Uint8Array.from(atob(window.png_), (one) => one.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], 'dropped.png', { type: 'image/png' }));
      const what = { bubbles: true, cancelable: true };
      document.body.dispatchEvent(kind === 'paste'
        ? new ClipboardEvent('paste', { ...what, clipboardData: data })
        : new DragEvent(kind, { ...what, dataTransfer: data }));
    }"""
    site.page.evaluate("(png) => { window.png_ = png; }", base64.b64encode(picture()).decode())
    site.page.evaluate(give, "dragenter")
    assert site.page.locator("#dropzone").is_visible()
    site.page.evaluate(give, "drop")
    site.until("document.querySelectorAll('.dropped').length", 2)
    site.page.evaluate(give, "paste")
    site.until("document.querySelectorAll('.dropped').length", 3)
    site.page.get_by_role("region", name="Dropped pictures").get_by_role("button").first.click()
    site.until_hash("at=j0")
    site.page.keyboard.press("s")
    site.until("document.querySelector('#says').textContent.startsWith('Only samples')")
    assert site.shown("starred") == 0
    site.page.wait_for_selector("[aria-label='Dropped pictures'] [aria-pressed=true]")
    site.page.keyboard.press("c")
    site.page.wait_for_selector("#compare[open] canvas")
