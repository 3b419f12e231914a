"""The page in front of the real server: what one sends, the other takes."""

import io
import socket
import threading
import time

import pytest
from PIL import Image

from embedding import Means
from explorer_page import Site, chromium
from exploring import HOSTILE, explored, scored
from pages import needs_browser
from rara import Run
from rara.decisions.decisions import Decisions
from rara.explorer import maps
from rara.explorer.projection import principal_places
from rara.explorer.routes import routes
from rara.explorer.serving import Serving
from rara.service.application import application
from rara.service.judging import Judge
from rara.service.security import Guard

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
uvicorn = pytest.importorskip("uvicorn", reason="uvicorn is not installed")
pytestmark = needs_browser


class Running:
    """A server on a free port, in a thread."""

    world = None

    def __init__(self, serving):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}/"
        app = application(routes(serving), Guard(port=port))
        config = uvicorn.Config(app, port=port, log_level="warning", lifespan="on")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        end = time.monotonic() + 30
        while not self.server.started:
            assert time.monotonic() < end, "the server does not start"
            time.sleep(0.02)

    def stop(self):
        self.server.should_exit = True
        self.thread.join(30)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    place = tmp_path_factory.mktemp("run")
    table, reference, _ = scored(place, place / "cache")
    return explored(table, reference), Run(threads=1, cache=place / "cache")


@pytest.fixture
def site(seen, monkeypatch):
    monkeypatch.setattr(maps, "projected", lambda vectors, run: principal_places(vectors))
    found, run = seen
    serving = Serving.of(
        found, run=run, decisions=Decisions(),
        judge=lambda: Judge(found.reference, run=run, extractor=Means()),
    )  # fmt: skip
    serving.start()
    server = Running(serving)
    with chromium() as browser:
        site = Site(browser, server)
        yield site
        site.close()
    server.stop()
    serving.close()


def test_page_and_server_understand_each_other(site):
    page = site.open().page
    assert site.shown() == 14
    closed = page.locator(".block:not([open]) > summary")
    while closed.count():
        closed.first.click()
    for select in ("#sort", "#by"):
        for option in page.locator(f"{select} option").all():
            page.select_option(select, option.get_attribute("value"))
    page.fill("#words", "onerror")
    site.until_shown(1)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    site.until("document.querySelector('.head .file')?.textContent", f"{HOSTILE}.png")
    page.keyboard.press("s")
    site.until_shown(1, "starred")
    page.keyboard.press("n")
    site.until_shown(1, "decided")
    page.get_by_label("Note").fill("not the same sky")
    page.keyboard.press("Escape")
    page.wait_for_timeout(900)
    page.click("#clear")
    site.until_shown(14)
    for form in ("csv", "parquet", "folder", "decisions"):
        page.click("#export > summary")
        with page.expect_download() as download:
            page.click(f"[data-format={form}]")
        assert download.value.path().stat().st_size > 40
    page.reload()
    page.wait_for_selector("body[data-ready]")
    site.until_shown(1, "starred")
    site.until_shown(1, "decided")
    site.until("document.querySelector('.decide textarea').value", "not the same sky")
    page.keyboard.press("c")
    page.wait_for_selector("#compare[open] .other img")
    page.keyboard.press("Escape")
    sink = io.BytesIO()
    Image.new("RGB", (60, 40), (90, 120, 30)).save(sink, "PNG")
    page.set_input_files("#file", [
        {"name": f"{HOSTILE}.png", "mimeType": "image/png", "buffer": sink.getvalue()},
        {"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"},
    ])  # fmt: skip
    page.wait_for_selector(".hero canvas")
    assert site.text("#says") == "2 pictures judged."
    assert page.locator(".dropped").count() == 1
