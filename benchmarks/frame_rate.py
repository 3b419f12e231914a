"""How fast the explorer's page is: the time to its first view, and frames a second while it moves.

    python benchmarks/frame_rate.py [--points 1000000] [--results FOLDER]

A made-up world (tests/explorer_world.py) is opened in headless Chromium without a GPU. Then
the mouse pans and the wheel zooms, as a hand would, while the page counts its frames.
"""

import os
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

from measuring import parser, save

SERVER = Path(__file__).parents[1] / "tests" / "explorer_world.py"
SIZES = {"points": 1_000_000, "seconds": 6}
COUNT = """() => { window.frames_ = []; const tick = (now) => { window.frames_.push(now);
  window.ticking_ = requestAnimationFrame(tick); }; requestAnimationFrame(tick); }"""
STOP = "() => { cancelAnimationFrame(window.ticking_); return window.frames_; }"
RENDERER = """() => { const gl = document.createElement('canvas').getContext('webgl2');
  return gl.getParameter(gl.getExtension('WEBGL_debug_renderer_info').UNMASKED_RENDERER_WEBGL); }"""


def panning(page, middle, wide, seconds):
    """Drags from side to side."""
    page.mouse.move(*middle)
    page.mouse.down()
    end, step = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        step += 1
        page.mouse.move(middle[0] + wide * ((step % 80) - 40) / 160, middle[1] + (step % 50) - 25)
        time.sleep(0.008)
    page.mouse.up()


def zooming(page, middle, _, seconds):
    """Turns the wheel in and out."""
    page.mouse.move(*middle)
    end, step = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        step += 1
        page.mouse.wheel(0, -40 if step % 120 < 60 else 40)
        time.sleep(0.008)


def frames(page, move, *how):
    """Frames a second, and the interval in ms that 19 of 20 frames keep to."""
    page.evaluate(COUNT)
    move(page, *how)
    times = page.evaluate(STOP)
    gaps = sorted(b - a for a, b in pairwise(times))
    return 1000 * len(gaps) / sum(gaps), gaps[int(0.95 * len(gaps))]


def measured(address, browser, seconds):
    """What a person waits for, as rows; the renderer of the browser."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address)
    page.wait_for_selector("body[data-ready]", timeout=600_000)
    ready = page.evaluate("performance.now()")
    page.wait_for_selector("#map[data-settled=true]", timeout=600_000)
    first = page.evaluate("performance.getEntriesByName('rara: first view')[0].startTime")
    box = page.locator("#map").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    rows = [row("first view", first / 1000, "s"), row("all columns at hand", ready / 1000, "s")]
    for move in (panning, zooming):
        rate, slow = frames(page, move, middle, box["width"], seconds)
        rows.append(row(move.__name__, rate, "frames a second", f"19 of 20 within {slow:.0f} ms"))
    start = time.monotonic()
    page.wait_for_selector("#map[data-settled=true]", timeout=600_000)
    rows.append(row("refined, once it rests", time.monotonic() - start, "s"))
    return rows, page.evaluate(RENDERER)


def row(what, value, unit, note=""):
    return {"what": what, "value": value, "unit": unit, "note": note}


def main() -> None:
    size = parser(__doc__, SIZES).parse_args()
    words = [sys.executable, str(SERVER), str(size.points)]
    chromium = shutil.which("chromium")
    rows, renderer = [row("not measured: no Chromium", 0, "s")], "none"
    if chromium is not None:
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            try:
                rows, renderer = seen(server.stdout.readline().strip(), chromium, size.seconds)
            finally:
                server.kill()
    save(size.results, "frame_rate", settings=size, rows=rows, renderer=renderer,
         load=os.getloadavg()[0])  # fmt: skip


def seen(address, chromium, seconds):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        found = measured(address, browser, seconds)
        browser.close()
    return found


if __name__ == "__main__":
    main()
