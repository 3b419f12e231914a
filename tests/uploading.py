"""The service as tests call it: in the process, or behind a socket in a thread."""

import asyncio
import threading
from contextlib import contextmanager

import httpx

import rara
from rara.service.application import application
from rara.service.routes import routes
from rara.service.running import serve
from rara.service.security import Guard

HOST = "http://127.0.0.1:8765"


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
