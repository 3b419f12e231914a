"""How fast the explorer's page is: the time to its first view, and frames a second while it moves.

    python benchmarks/frame_rate.py [POINTS]      # 1,000,000 unless given

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

SERVER = Path(__file__).parents[1] / "tests" / "explorer_world.py"
SECONDS = 6
COUNT = """() => { window.frames_ = []; const tick = (now) => { window.frames_.push(now);
  window.ticking_ = requestAnimationFrame(tick); }; requestAnimationFrame(tick); }"""
STOP = "() => { cancelAnimationFrame(window.ticking_); return window.frames_; }"
RENDERER = """() => { const gl = document.createElement('canvas').getContext('webgl2');
  return gl.getParameter(gl.getExtension('WEBGL_debug_renderer_info').UNMASKED_RENDERER_WEBGL); }"""


def panned(page, middle, wide):
    """Drags from side to side."""
    page.mouse.move(*middle)
    page.mouse.down()
    end, step = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        step += 1
        page.mouse.move(middle[0] + wide * ((step % 80) - 40) / 160, middle[1] + (step % 50) - 25)
        time.sleep(0.008)
    page.mouse.up()


def zoomed(page, middle, _):
    """Turns the wheel in and out."""
    page.mouse.move(*middle)
    end, step = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        step += 1
        page.mouse.wheel(0, -40 if step % 120 < 60 else 40)
        time.sleep(0.008)


def frames(page, move, middle, wide):
    """Frames a second, and the interval in ms that 19 of 20 frames keep to."""
    page.evaluate(COUNT)
    move(page, middle, wide)
    times = page.evaluate(STOP)
    gaps = sorted(b - a for a, b in pairwise(times))
    return 1000 * len(gaps) / sum(gaps), gaps[int(0.95 * len(gaps))]


def measured(address, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address)
    page.wait_for_selector("body[data-ready]", timeout=60000)
    ready = page.evaluate("performance.now()")
    page.wait_for_selector("#map[data-settled=true]", timeout=60000)
    first = page.evaluate("performance.getEntriesByName('rara: first view')[0].startTime")
    box = page.locator("#map").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    print(page.evaluate(RENDERER))
    print(f"first view  {first / 1000:6.2f} s   all columns at hand {ready / 1000:.2f} s")
    for move in (panned, zoomed):
        rate, slow = frames(page, move, middle, box["width"])
        print(f"{move.__name__:<10}  {rate:6.1f} frames a second   19 of 20 within {slow:.0f} ms")
    start = time.monotonic()
    page.wait_for_selector("#map[data-settled=true]", timeout=60000)
    print(f"refined     {time.monotonic() - start:6.2f} s after it rests")


def main():
    from playwright.sync_api import sync_playwright

    points = sys.argv[1] if len(sys.argv) > 1 else "1000000"
    server = subprocess.Popen(
        [sys.executable, str(SERVER), points], stdout=subprocess.PIPE, text=True
    )
    try:
        address = server.stdout.readline().strip()
        print(f"{int(points):,} points, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        with sync_playwright() as play:
            browser = play.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-background-networking"],
            )
            measured(address, browser)
            browser.close()
    finally:
        server.kill()


if __name__ == "__main__":
    main()
