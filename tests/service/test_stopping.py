"""An orderly end: what was accepted is answered, and the process ends by itself."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from rara.errors import ParameterError
from rara.service.running import serve
from rara.service.security import Guard
from uploading import listening, parts

PROCESS = Path(__file__).with_name("process.py")


@contextmanager
def served(place, seconds=0.0):
    """The process of a service, and its address."""
    words = [sys.executable, str(PROCESS), str(place), str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        try:
            address = one.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), one.stderr.read()
            yield one, address
        finally:
            one.kill()


class Load:
    """Clients that send one image after the other, on connections that stay open."""

    def __init__(self, address, image, clients):
        self.answers, self.refused, self.lost = Counter(), 0, []
        self._address, self._image, self._end = address, image, threading.Event()
        self.crew = [threading.Thread(target=self._send) for _ in range(clients)]
        for one in self.crew:
            one.start()

    def _send(self):
        with httpx.Client(timeout=30) as client:
            while not self._end.is_set():
                try:
                    answer = client.post(f"{self._address}v1/judge", files=[self._image])
                    answer.json()
                    self.answers[answer.status_code] += 1
                except httpx.ConnectError:
                    self.refused += 1  # never accepted: the service is gone
                    return
                except httpx.HTTPError as error:
                    self.lost.append(repr(error))
                    return

    def join(self):
        self._end.wait(0)
        for one in self.crew:
            one.join(30)
            assert not one.is_alive()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_under_load_loses_no_accepted_request(pictures, number):
    image = parts(pictures / "samples")[0]
    with served(pictures / "train", 0.02) as (process, address):
        load = Load(address, image, clients=6)
        while sum(load.answers.values()) < 20:
            time.sleep(0.01)
        process.send_signal(number)
        load.join()
        out, err = process.communicate(timeout=20)
    assert load.lost == []
    assert set(load.answers) == {200}
    assert load.refused == 6  # each went on until nobody listened
    assert process.returncode == 0
    assert (out, err) == ("stopped\n", "")


def test_requests_that_wait_are_answered_after_the_signal(pictures):
    """The queue is full of them when it comes; the health says that it stops."""
    image, answers = parts(pictures / "samples")[0], []
    with served(pictures / "train", 0.4) as (process, address):

        def send():
            answers.append(httpx.post(f"{address}v1/judge", files=[image], timeout=30).status_code)

        crew = [threading.Thread(target=send) for _ in range(5)]
        for one in crew:
            one.start()
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        health = httpx.get(f"{address}v1/health")
        assert (health.status_code, health.json()["status"]) == (503, "stopping")
        assert health.headers["connection"] == "close"
        for one in crew:
            one.join(20)
        assert answers == [200] * 5
        assert process.wait(20) == 0


def test_a_second_signal_ends_at_once(pictures):
    image = parts(pictures / "samples")[0]
    with served(pictures / "train", 60) as (process, address):
        sender = threading.Thread(target=_send_and_lose, args=(address, image))
        sender.start()
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 130
        sender.join(20)


def _send_and_lose(address, image):
    try:
        httpx.post(f"{address}v1/judge", files=[image], timeout=10)
    except httpx.HTTPError:
        return


def test_a_port_that_is_taken_is_named(serving):
    with listening(serving) as address:
        port = int(address.rsplit(":", 1)[1].strip("/"))
        with pytest.raises(ParameterError, match=f"--port {port}"):
            serve(None, Guard(port=port), ready=lambda *_: None)


@pytest.mark.parametrize("host", ["999.1.1.1", "no.such.host.invalid"])
def test_an_address_that_is_none_is_named(host):
    with pytest.raises(ParameterError, match=f"--host {host}"):
        serve(None, Guard(host=host, token="x" * 40), ready=lambda *_: None)


def test_signals_are_left_as_they_were(serving):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    guard = Guard(port=0)

    def ready(_, stop):
        threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()

    from rara.service.limits import Limits
    from uploading import app_of

    serve(app_of(serving), guard, ready=ready, limits=Limits(drain_seconds=0.05))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
