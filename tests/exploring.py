"""A small run to explore, behind a client: pictures in folders, a cheap network, hostile names."""

import asyncio

import httpx
import numpy as np
from PIL import Image

from embedding import Means
from rara import Features, Reference, Run, ScoreTable
from rara.decisions.decisions import Decisions
from rara.explorer.explored import Explored
from rara.explorer.routes import routes
from rara.explorer.serving import Serving
from rara.service.application import application
from rara.service.judging import Judge
from rara.service.security import Guard

HOSTILE = "<img src=x onerror=alert(1)>"
ADDRESS = "http://127.0.0.1:8765"


class Client:
    """Asks an application without a socket, one request after the other."""

    def __init__(self, app):
        self._app = app

    def get(self, address, **options):
        return self._ask("GET", address, options)

    def post(self, address, **options):
        return self._ask("POST", address, options)

    def _ask(self, method, address, options):
        return asyncio.run(self.asked(method, address, options))

    async def asked(self, method, address, options):
        way = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=way, base_url=ADDRESS, timeout=60) as client:
            async with client.stream(method, address, **options) as answer:
                raw = b"".join([piece async for piece in answer.aiter_raw()])
            plain = {key: value for key, value in answer.headers.multi_items()
                     if key != "content-encoding"}  # fmt: skip
            made = httpx.Response(answer.status_code, headers=plain, content=raw)
            made.headers.update(answer.headers)
            made.raw = raw
            return made


def pictures(folder, count, seed, names=()):
    """Blobs in colour as PNG files; the first have these names."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for i in range(count):
        small = rng.integers(0, 256, (3, 3, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize((60, 40), Image.Resampling.BICUBIC)
        image.save(folder / (names[i] if i < len(names) else f"{i:03}.png"))
    return folder


def scored(place, cache, *, samples=14, reference=30):
    """The table, the reference and the samples of two folders in a place."""
    run = Run(threads=1, cache=cache)
    names = (f"{HOSTILE}.png", "=1+1.png", "a..png", "a\u202eb.png")
    if not (place / "train").exists():
        pictures(place / "train", reference, 1)
        pictures(place / "samples", samples, 2, names)
    real = Reference.fit(place / "train", extractor=Means(), run=run)
    return real.score(place / "samples", extractor=Means(), run=run), real, run


def explored(table, reference):
    return Explored.of(table, reference, table.pictures.scored["samples"])


def client_of(seen, run, *, decisions=None, judges=True, limits=None):
    """A browser's view of a run, and what serves it."""

    def judge():
        return Judge(seen.reference, run=run, extractor=Means())

    held = Decisions() if decisions is None else decisions
    serving = Serving.of(
        seen, run=run, decisions=held, judge=judge if judges else None, limits=limits
    )
    app = application(routes(serving), Guard(), limits=serving.limits)
    return Client(app), serving


def of_vectors(samples, reference, run, **options):
    """A run of given vectors, without pictures."""
    real = Reference.from_features(np.asarray(reference, np.float32), run=run, **options)
    given = Features.from_arrays(np.asarray(samples, np.float32))
    table = real.score(given, run=run)
    return Explored.of(table, real, given)


def without(table, *names):
    """The table without some columns."""
    return ScoreTable(table.arrow.drop_columns(list(names)), table.provenance, table.pictures)
