"""The service as tests call it: in the process, or behind a socket in a thread."""

import asyncio
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import httpx

import rara
from rara.service.application import application
from rara.service.routes import routes
from rara.service.running import serve
from rara.service.security import Guard

HOST = "http://127.0.0.1:8765"
PROCESS = Path(__file__).parent / "service" / "process.py"


class Client:
    """Sends requests to an application in this process, one after the other."""

    def __init__(self, app, **headers):
        self.app, self.headers = app, headers

    def request(self, method, path, **request):
        headers = {**self.headers, **request.pop("headers", {})}
        return asyncio.run(self._answer(method, path, headers=headers, **request))

    def get(self, path, **request):
        return self.request("GET", path, **request)

    def post(self, path, **request):
        return self.request("POST", path, **request)

    async def _answer(self, method, path, **request):
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            return await client.request(method, path, **request)


def app_of(serving, guard=None, log=None):
    return application(
        routes(serving), guard or Guard(), limits=serving.limits, metrics=serving.metrics, log=log
    )


@contextmanager
def listening(serving, **guard):
    """The address of the service behind a socket of its own, until the block ends."""
    found, there = {}, threading.Event()

    def ready(address, stop):
        found.update(address=address, stop=stop)
        there.set()

    checked = Guard(port=0, **guard)
    crew = threading.Thread(
        target=serve, args=(app_of(serving, checked), checked),
        kwargs={"ready": ready, "limits": serving.limits},
    )  # fmt: skip
    crew.start()
    assert there.wait(20)
    try:
        yield found["address"]
    finally:
        found["stop"]()
        crew.join(20)
        assert not crew.is_alive()


def parts(folder, names=None):
    """The images of a folder as the parts of a request, in the order in which rara lists them."""
    source = rara.open_source(str(folder))
    return [
        ("image", (item.id, item.load())) for item in source if names is None or item.id in names
    ]


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
        with httpx.Client(timeout=120) as client:
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

    def join(self, *, end=False):
        """Wait for the clients; `end` has them stop by themselves."""
        if end:
            self._end.set()
        for one in self.crew:
            one.join(150)
            assert not one.is_alive()
