"""What a person waits for: a page in headless Chromium, from its address to its first view.

    address --looked_at--> View (seconds, bytes, requests) --moved--> frames a second

Every viewer is measured alike, and by nothing that only one of them has. The browser sends small
pictures of the window whenever it changes. The page's first view is the first of them that is
nearly the last one: nine tenths of it are there, and stay. Frames are counted in which the page
drew something with WebGL or WebGPU, without a GPU.
"""

from __future__ import annotations

import base64
import io
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import psutil
from PIL import Image

from viewer_processes import Meter, marked

WINDOW = {"width": 1280, "height": 800}
SMALL = {"maxWidth": 320, "maxHeight": 200}
NEARLY, TOLERANCE = 0.1, 12
"""A view is complete when, of the pixels in which an empty window differs from the last picture by
more than so many levels, at most this share is still different."""
STILL = 0.002
"""A map that moves changes more than this share of the window."""
QUIET = 15.0
"""Seconds without a change, after which the window is as it stays."""
MOVING = 6.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
    # WebGPU in software, which no browser has of its own accord.
    "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--ignore-gpu-blocklist",
    "--enable-features=Vulkan", "--use-vulkan=swiftshader", "--disable-vulkan-surface",
]  # fmt: skip
COUNT = """(() => {
  let drawn = false;
  window.drawn_ = [];
  const watch = (type, names) => names.forEach((name) => {
    const old = type?.prototype?.[name];
    if (old) type.prototype[name] = function (...all) {
      drawn = true;
      return old.apply(this, all);
    };
  });
  const draws = ['drawArrays', 'drawElements', 'drawArraysInstanced', 'drawElementsInstanced'];
  watch(window.WebGLRenderingContext, draws);
  watch(window.WebGL2RenderingContext, draws);
  watch(window.GPUQueue, ['submit']);
  const tick = (now) => { if (drawn) window.drawn_.push(now); drawn = false;
    requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
})()"""


class View(NamedTuple):
    """Seconds from the address to the first view, bytes and requests until then."""

    seconds: float
    bytes: int
    requests: int
    cpu: float
    """CPU seconds of the browser until then."""
    elsewhere: list[str]
    """Hosts other than the viewer's own that the page asked for something."""


def browser() -> str | None:
    """The distribution's browser, where there is one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def looked_at(
    address: str, there: str, limit: float, prepare: Callable[[Any], None] | None = None
) -> Iterator[tuple[Page, View]]:
    """The page of an address, and what it took to show it; RuntimeError if it shows nothing.

    There is no view before an element is `there`: the map. `prepare` does what a person does to
    see it, and belongs to the time.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=browser(), args=FLAGS)
        page = opened.new_page(viewport=WINDOW, color_scheme="light")
        page.add_init_script(COUNT)
        meter = Meter(_processes)
        watch = _Watch(page, meter)
        page.goto(address, wait_until="commit", timeout=1000 * limit)
        try:
            if prepare:
                prepare(page)
            page.wait_for_selector(there, timeout=1000 * limit)
            yield Page(page, meter), watch.first_view(address, limit)
        finally:
            meter.end()
            opened.close()


def _processes() -> list[psutil.Process]:
    """Of the browser: what this process started and does not belong to the viewer."""
    return [one for one in psutil.Process().children(recursive=True) if not marked(one)]


class Page(NamedTuple):
    """A page, and what its browser spends."""

    page: Any
    meter: Meter


class _Watch:
    """What comes over the wire, and what the window shows, with times."""

    def __init__(self, page: Any, meter: Meter) -> None:
        self.page, self.meter, self.begun = page, meter, time.time()
        self.offset, self.spent = 0.0, list[tuple[float, float]]()
        self.frames: list[tuple[float, str]] = []
        self.wire: list[tuple[float, int]] = []
        self.asked: list[tuple[float, str]] = []
        self.session = page.context.new_cdp_session(page)
        self.session.on("Page.screencastFrame", self._frame)
        self.session.on("Network.loadingFinished", self._received)
        self.session.on("Network.requestWillBeSent", self._sent)
        self.session.send("Network.enable")
        self.session.send("Page.startScreencast", {"format": "jpeg", "quality": 80, **SMALL})

    def _frame(self, event: dict[str, Any]) -> None:
        self.frames.append((event["metadata"]["timestamp"], event["data"]))
        self.session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    def _received(self, event: dict[str, Any]) -> None:
        self.wire.append((event["timestamp"] + self.offset, event["encodedDataLength"]))

    def _sent(self, event: dict[str, Any]) -> None:
        self.offset = event["wallTime"] - event["timestamp"]  # from the browser's clock to ours
        self.asked.append((event["wallTime"], event["request"]["url"]))

    def heard(self) -> float:
        """When the last bytes came."""
        return self.wire[-1][0] if self.wire else self.begun

    def first_view(self, address: str, limit: float) -> View:
        """Wait until the window stays as it is; then say when it came to be so."""
        seen: list[tuple[float, np.ndarray]] = []
        while True:
            self.page.wait_for_timeout(500)
            self.spent.append((time.time(), self.meter.cpu()))
            seen += [(at, _pixels(data)) for at, data in self.frames[len(seen) :]]
            calm = time.time() - QUIET
            if seen and np.ptp(seen[-1][1]) > TOLERANCE and _stays(seen) < calm > self.heard():
                break
            if time.time() > self.begun + limit:
                raise RuntimeError(f"no view that stays within {limit:.0f} s")
        self.session.send("Page.stopScreencast")
        at = _stays(seen)
        hosts = {urlsplit(url).netloc for when, url in self.asked if url.startswith("http")}
        return View(
            at - self.begun,
            sum(size for when, size in self.wire if when <= at + 0.25),
            sum(when <= at for when, _ in self.asked),
            next(cpu for when, cpu in self.spent if when >= at),
            sorted(hosts - {urlsplit(address).netloc}),
        )


def _pixels(data: str) -> np.ndarray:
    image = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    return np.asarray(image, np.int16)


def _stays(seen: list[tuple[float, np.ndarray]]) -> float:
    """Since when every picture is nearly the last one, measured by how full that is."""
    last, since = seen[-1][1], seen[-1][0]
    few = NEARLY * different(np.full_like(last, 255), last)
    for at, pixels in reversed(seen):
        if different(pixels, last) > few:
            break
        since = at
    return since


def different(one: np.ndarray, other: np.ndarray) -> float:
    """Share of pixels that differ."""
    if one.shape != other.shape:
        return 1.0
    return float((np.abs(one - other).max(axis=2) > TOLERANCE).mean())


# -- frames --


class Pace(NamedTuple):
    """How a map moves: frames a second, and CPU seconds of the browser for each."""

    rate: float
    cpu: float


def moved(opened: Page, selector: str) -> dict[str, Pace]:
    """While the map is dragged and zoomed; RuntimeError if it does not move."""
    page = opened.page
    box = page.locator(selector).first.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    found = {}
    for name, move in (("panning", _pan), ("zooming", _zoom)):
        before = _shot(page)
        spent = opened.meter.cpu()
        frames, seconds = _frames(page, lambda move=move: move(page, middle, box["width"]))
        spent = opened.meter.cpu() - spent
        if different(before, _shot(page)) < STILL:
            raise RuntimeError(f"the map stays where it is while {name}")
        found[name] = Pace(frames / seconds, spent / max(frames, 1))
    return found


def _shot(page: Any) -> np.ndarray:
    image = Image.open(io.BytesIO(page.screenshot(timeout=120_000))).convert("RGB")
    return np.asarray(image.resize((320, 200)), np.int16)


def _frames(page: Any, move: Callable[[], None]) -> tuple[int, float]:
    """Frames in which the page drew, and seconds, while something is done with the mouse."""
    page.evaluate("() => { window.drawn_.length = 0; }")
    begun = time.monotonic()
    move()
    frames = page.evaluate("() => window.drawn_.length")
    return frames, time.monotonic() - begun


def _pan(page: Any, middle: tuple[float, float], wide: float) -> None:
    """Drags from side to side, and lets go beside where it began."""
    page.mouse.move(*middle)
    page.mouse.down()
    end, step = time.monotonic() + MOVING, 0
    while time.monotonic() < end:
        step += 1
        page.mouse.move(middle[0] + wide * ((step % 80) - 40) / 160, middle[1] + (step % 50) - 25)
        time.sleep(0.008)
    page.mouse.move(middle[0] + wide / 8, middle[1] + 40)
    page.mouse.up()


def _zoom(page: Any, middle: tuple[float, float], _: float) -> None:
    """Turns the wheel in and out, and ends further in."""
    page.mouse.move(*middle)
    end, step = time.monotonic() + MOVING, 0
    while time.monotonic() < end:
        step += 1
        page.mouse.wheel(0, -40 if step % 120 < 70 else 40)
        time.sleep(0.008)


def kept(page: Any, path: Path) -> None:
    """A picture of the window, to be looked at."""
    page.screenshot(path=path, timeout=120_000)
