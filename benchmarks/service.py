"""The service under one client, eight, and beside searches: how long an answer takes, and at worst.

    python benchmarks/service.py [--reference 4000] [--calls 200]

`rara serve` runs as a process of its own, with the demo's images as the reference. Clients send
pictures of 512 pixels that it has not seen, one after the other. Beside it stands the network alone
on such a picture: what a service cannot be faster than.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

import rara
from measuring import apart, parser, save

FASHION = Path(__file__).parents[1] / "examples" / "fashion"
SIZES = {"reference": 4_000, "calls": 200}
EDGE = 512
CLIENTS = (1, 8)
SEARCHING = 2


def main() -> None:
    size = parser(__doc__, SIZES).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "train"
        unpack(FASHION / "reference.zip", place, size.reference)
        rows = [apart(network, size.calls)]
        with served(place) as address:
            pictures = Pictures()
            once(address, pictures, 4)  # the first connection and the first pages of memory
            rows += [under_load(address, pictures, many, size.calls) for many in CLIENTS]
            rows.append(beside_searches(address, pictures, size.calls))
        save(size.results, "service", settings=size, rows=rows)


def unpack(archive: Path, place: Path, count: int) -> None:
    """The first images of an archive as a folder."""
    with zipfile.ZipFile(archive) as whole:
        names = [name for name in whole.namelist() if name.endswith(".png")]
        for name in names[:count]:
            whole.extract(name, place)


class Pictures:
    """Pictures of blobs, no two the same, as JPEG files; from any thread."""

    def __init__(self) -> None:
        self._next, self._lock = 0, threading.Lock()

    def __call__(self) -> bytes:
        with self._lock:
            self._next += 1
            seed = self._next
        small = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize((EDGE, EDGE), Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
        return buffer.getvalue()


def network(calls: int) -> dict[str, object]:
    """The network alone, on pictures that are decoded and reduced already."""
    extractor, pictures = rara.get_extractor(), Pictures()
    images = [Image.open(io.BytesIO(pictures())).convert("RGB") for _ in range(calls + 2)]
    batches = [extractor.prepare(image)[None] for image in images]
    taken = []
    for batch in batches:
        begun = time.perf_counter()
        extractor.extract(batch)
        taken.append(time.perf_counter() - begun)
    return {"what": "the network alone", "clients": 1, "seconds": taken[2:], "wall": sum(taken[2:])}


@contextmanager
def served(place: Path) -> Iterator[str]:
    """The address of `rara serve` with these images."""
    words = [sys.executable, "-m", "rara", "serve", str(place), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().split()[-1]
        finally:
            process.terminate()


def once(address: str, pictures: Pictures, calls: int) -> list[float]:
    """The seconds of each call of one client."""
    taken = []
    with httpx.Client(timeout=60) as client:
        for _ in range(calls):
            image = pictures()
            begun = time.perf_counter()
            answer = client.post(f"{address}v1/judge", files=[("image", ("a.jpg", image))])
            taken.append(time.perf_counter() - begun)
            assert "verdict" in answer.raise_for_status().json()[0]
    return taken


def under_load(address: str, pictures: Pictures, clients: int, calls: int) -> dict[str, object]:
    """So many calls by so many clients at once."""
    each, taken = max(1, calls // clients), list[float]()
    crew = [
        threading.Thread(target=lambda: taken.extend(once(address, pictures, each)))
        for _ in range(clients)
    ]
    begun = time.perf_counter()
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    wall = time.perf_counter() - begun
    return {"what": "rara serve", "clients": clients, "seconds": taken, "wall": wall}


def beside_searches(address: str, pictures: Pictures, calls: int) -> dict[str, object]:
    """The calls of one client, while others search without a pause."""
    ended = threading.Event()

    def search() -> None:
        with httpx.Client(timeout=60) as client:
            while not ended.is_set():
                files = [("image", ("a.jpg", pictures()))]
                client.post(f"{address}v1/search", files=files).raise_for_status()

    crew = [threading.Thread(target=search) for _ in range(SEARCHING)]
    for one in crew:
        one.start()
    begun = time.perf_counter()
    taken = once(address, pictures, calls)
    wall = time.perf_counter() - begun
    ended.set()
    for one in crew:
        one.join()
    what = f"rara serve, beside {SEARCHING} clients that search"
    return {"what": what, "clients": 1, "seconds": taken, "wall": wall}


if __name__ == "__main__":
    main()
