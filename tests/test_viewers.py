"""How viewers are measured: their processes are counted and ended, their first view is found."""

import sys
import time

import numpy as np
import psutil
import pytest

import viewer_browser
import viewer_processes
from viewer_list import VIEWERS

SERVER = """
import http.server, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("{ready}", flush=True)
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
""".replace("{ready}", viewer_processes.READY)


def picture(level):
    return np.full((20, 32, 3), level, np.int16)


def test_the_first_view_is_the_first_that_stays():
    last = picture(255)
    last[:5] = 0  # a quarter of the window is not empty
    nearly, half = last.copy(), last.copy()
    nearly[0, :10] = 255
    half[:2] = 255
    seen = [(1.0, picture(255)), (2.0, last), (3.0, half), (4.0, nearly), (5.0, last)]
    assert viewer_browser._stays(seen) == 4.0
    assert viewer_browser._stays(seen[:1] + seen[-1:]) == 5.0
    assert viewer_browser.different(picture(1), picture(1)) == 0
    assert viewer_browser.different(picture(1), picture(200)) == 1
    assert viewer_browser.different(picture(1), np.zeros((2, 2, 3), np.int16)) == 1


def test_all_processes_of_a_viewer_are_counted_and_ended(tmp_path):
    (tmp_path / "home").mkdir()
    port = viewer_processes.free_port()
    words, address = [sys.executable, "-c", SERVER, port], f"http://127.0.0.1:{port}/"
    with viewer_processes.served(words, address, tmp_path, 60, waits=True) as server:
        deadline = time.monotonic() + 30
        while len(own := server.processes()) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(own) == 2
        assert server.cpu() > 0
        assert server.memory() > 1e6
        assert all(viewer_processes.marked(one) for one in own)
        assert not viewer_processes.marked(psutil.Process())
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in own)


def test_a_viewer_that_ends_says_why(tmp_path):
    (tmp_path / "home").mkdir()
    words = [sys.executable, "-c", "raise SystemExit('no database')"]
    with (
        pytest.raises(viewer_processes.FailedError, match="no database"),
        viewer_processes.served(words, "http://127.0.0.1:9/", tmp_path, 60, waits=False),
    ):
        pass
    with pytest.raises(viewer_processes.FailedError, match="no database"):
        viewer_processes.finished(words, tmp_path, 60)


def test_what_a_viewer_cannot_do_has_a_reason():
    for viewer in VIEWERS.values():
        for part in ("images", "points", "page"):
            assert getattr(viewer, part) or viewer.notes[part], viewer.name
