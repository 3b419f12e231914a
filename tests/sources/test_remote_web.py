"""Web servers as places: files, index pages, redirects, and errors without the query."""

import http.server
import threading
from functools import partial

import pytest

pytest.importorskip("fsspec", reason="the extra `remote` is not installed")
pytest.importorskip("aiohttp", reason="the extra `remote` is not installed")

from make import as_folder, as_zip, ids, loaded, png
from rara.errors import EmptySourceError, ImageError, SourceError, SourceNotFoundError
from rara.sources import open_source
from rara.sources.remote import filesystem

FILES = {"a b/2.png": png(2), "a b/10.png": png(1), "c/x.png": png(3), "c/notes.md": b"text"}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files; `/busy` is busy so many times, `/to` redirects, `/cut` ends early."""

    busy = 0
    target = ""

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path.startswith("/signed") and query != "sig=SECRET":
            self.send_error(403)
        elif path.startswith("/to"):
            self.send_response(302)
            self.send_header("Location", Handler.target)
            self.end_headers()
        elif path == "/cut.png":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 10)
        elif path == "/busy.png" and Handler.busy:
            Handler.busy -= 1
            self.send_error(503)
        else:
            super().do_GET()

    def do_HEAD(self):
        if self.path.startswith(("/to", "/signed", "/busy")):
            self.send_error(405)
        elif self.path == "/cut.png":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
        else:
            super().do_HEAD()

    def log_message(self, *_):
        pass


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setenv("RARA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(filesystem, "WAITS", (0.0, 0.0, 0.0))
    root = as_folder(tmp_path / "site", FILES)
    handler = partial(Handler, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield root, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_index_page_is_read_as_a_folder(site):
    root, url = site
    assert loaded(open_source(url)) == loaded(open_source(root))
    assert loaded(open_source(f"{url}/a%20b/")) == loaded(open_source(root / "a b"))


def test_a_file_and_an_archive(site, tmp_path):
    root, url = site
    assert loaded(open_source(f"{url}/c/x.png")) == [("x.png", png(3))]
    as_zip(root / "train", FILES)
    assert loaded(open_source(f"{url}/train.zip")) == loaded(open_source(root / "train.zip"))
    as_zip(root / "train", {"new and longer name.png": png(9)})
    assert ids(open_source(f"{url}/train.zip")) == ["new and longer name.png"]


def test_the_query_is_sent_and_never_shown(site):
    root, url = site
    (root / "signed.png").write_bytes(png(4))
    source = open_source(f"{url}/signed.png?sig=SECRET")
    assert loaded(source) == [("signed.png", png(4))]
    assert source.location == f"{url}/signed.png"
    with pytest.raises(SourceError, match="no permission") as raised:
        open_source(f"{url}/signed.png?sig=WRONG")
    assert "WRONG" not in str(raised.value)


def test_a_server_that_is_busy(site):
    root, url = site
    (root / "busy.png").write_bytes(png(4))
    Handler.busy = 3
    assert loaded(open_source(f"{url}/busy.png")) == [("busy.png", png(4))]
    Handler.busy = 9
    with pytest.raises(SourceError, match="answered 503, in 4 tries"):
        open_source(f"{url}/busy.png")
    Handler.busy = 0


def test_an_answer_that_is_cut_is_no_image(site):
    _, url = site
    (item,) = open_source(f"{url}/cut.png")
    with pytest.raises(ImageError, match="in 4 tries"):
        item.load()


def test_redirects_stay_on_the_web(site):
    root, url = site
    Handler.target = f"{url}/c/x.png"
    assert loaded(open_source(f"{url}/to.png")) == [("to.png", png(3))]
    for target in (f"file://{root}/c/x.png", "ftp://127.0.0.1/x.png", "/to.png"):
        Handler.target = target
        with pytest.raises(SourceError):
            open_source(f"{url}/to.png")


def test_what_is_not_there(site):
    root, url = site
    with pytest.raises(SourceNotFoundError):
        open_source(f"{url}/nothing.png")
    (root / "empty").mkdir()
    with pytest.raises((SourceNotFoundError, EmptySourceError)):
        open_source(f"{url}/empty/")
