"""An orderly end: what was accepted is answered, and the process ends by itself."""

import os
import signal
import threading
import time

import httpx
import pytest

from rara.errors import ParameterError
from rara.service.limits import Limits
from rara.service.running import bound, serve
from rara.service.security import Guard
from uploading import Load, app_of, listening, parts, served


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


def test_a_second_start_on_a_port_fails_before_its_work():
    """The first is still at work, and accepts nothing yet."""
    with bound(Guard(port=0)) as first:
        port = first.getsockname()[1]
        with (
            pytest.raises(ParameterError, match=f"--port {port}.*Give another port"),
            bound(Guard(port=port)),
        ):
            raise AssertionError("it would work for nothing")
    with bound(Guard(port=port)):
        pass


def test_who_connects_before_the_work_is_done_is_answered_then(serving):
    guard, answers = Guard(port=0), []
    with bound(guard) as first:
        address = f"http://127.0.0.1:{first.getsockname()[1]}/v1/health"
        sender = threading.Thread(target=lambda: answers.append(httpx.get(address).status_code))
        sender.start()
        time.sleep(0.1)
        assert answers == []

        def ready(_, stop):
            threading.Thread(target=lambda: (sender.join(5), stop()), daemon=True).start()

        serve(app_of(serving), guard, ready=ready, listening=first,
              limits=Limits(drain_seconds=0.05))  # fmt: skip
    assert answers == [200]


@pytest.mark.parametrize("host", ["999.1.1.1", "no.such.host.invalid"])
def test_an_address_that_is_none_is_named(host):
    with pytest.raises(ParameterError, match=f"--host {host}"):
        serve(None, Guard(host=host, token="x" * 40), ready=lambda *_: None)


def test_signals_are_left_as_they_were(serving):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    guard = Guard(port=0)

    def ready(_, stop):
        threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()

    serve(app_of(serving), guard, ready=ready, limits=Limits(drain_seconds=0.05))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
