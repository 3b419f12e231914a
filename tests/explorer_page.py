"""The explorer's page in the distribution's Chromium: how tests open it, wait, and look at it."""

import json
import time
from contextlib import contextmanager

from pages import CHROMIUM

LIMIT = 30
"""Seconds that something may take to hold."""
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip


@contextmanager
def chromium():
    """One browser for many pages."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield Browser(browser)
        browser.close()


class Browser:
    """Pages of one kind share a context, and with it what the browser keeps of the modules."""

    def __init__(self, browser):
        self.browser, self.contexts = browser, {}

    def context(self, width, height, scheme):
        kind = (width, height, scheme)
        if kind not in self.contexts:
            self.contexts[kind] = self.browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme,
                reduced_motion="reduce", accept_downloads=True,
            )  # fmt: skip
        return self.contexts[kind]


class Site:
    """A page of a server, and what it complained of or asked elsewhere."""

    def __init__(self, browser, server, *, width=1280, height=800, scheme="light"):
        self.server, self.world = server, server.world
        self.context = browser.context(width, height, scheme)
        self.page = self.context.new_page()
        self.complaints, self.asked = [], []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def _console(self, message):
        # Screenshots read pixels back, and a busy machine is late with what it preloaded.
        remark = "GL Driver Message" in message.text or "was preloaded" in message.text
        if message.type in ("error", "warning") and not remark:
            self.complaints.append(message.text)

    def open(self, address=""):
        """Load the page and wait until all of it is there."""
        self.page.goto(self.server.address + address)
        self.page.wait_for_selector("body[data-ready]", timeout=1000 * LIMIT)
        return self

    def until(self, expression, value=True):
        """Waits until an expression of the page has a value; none while an element is missing."""
        end = time.monotonic() + LIMIT
        tried = f"(() => {{ try {{ return {expression}; }} catch {{ return undefined; }} }})()"
        while (found := self.page.evaluate(tried)) != value:
            assert time.monotonic() < end, f"{expression} is {found!r}, not {value!r}"
            time.sleep(0.02)

    def text(self, selector):
        """What people read of the first such element, in one line."""
        return " ".join(self.page.locator(selector).first.inner_text().split())

    def shown(self, what="all"):
        """How many samples a tab counts."""
        return int(self.text(f"[data-show={what}] b").replace(",", ""))

    def until_shown(self, count, what="all"):
        """Waits until a tab counts that many samples."""
        read = f"document.querySelector('[data-show={what}] b').textContent.replaceAll(',', '')"
        self.until(read, str(count))

    def names(self):
        """Names of the gallery's first cells, in their order."""
        return self.page.evaluate("""() => [...document.querySelectorAll('.cell')]
            .sort((a, b) => a.ariaPosInSet - b.ariaPosInSet)
            .map((one) => one.querySelector('.name').textContent)""")

    def hash(self):
        return self.page.evaluate("location.hash")

    def until_hash(self, part):
        self.until(f"decodeURIComponent(location.hash).includes({json.dumps(part)})")

    def spot(self, side, row):
        """Where a point lies in the window, when the whole map is shown."""
        world = self.world
        point = row + (world.reference if side else 0)
        return self.page.evaluate(
            """async ([x, y, xs, ys]) => {
              const { Camera } = await import('/static/camera.js');
              const { leaveRoom } = await import('/static/map.js');
              const box = document.getElementById('map').getBoundingClientRect();
              const camera = new Camera();
              Object.assign(camera, { width: box.width, height: box.height });
              camera.frame(xs, ys);
              leaveRoom(camera, document.getElementById('map'), xs.length);
              camera.reset();
              const [left, top] = camera.toWindow(x, y);
              return [box.left + left, box.top + top];
            }""",
            [float(world.x[point]), float(world.y[point]), world.x.tolist(), world.y.tolist()],
        )

    def close(self):
        """Ends the page, which must have complained of nothing and asked no one else."""
        self.page.close()
        assert not self.complaints, self.complaints
        own = (self.server.address, "blob:")
        foreign = [url for url in self.asked if not url.startswith(own)]
        assert not foreign, foreign
