"""Cheap stand-ins for a source and an extractor, and a run of its own to be killed.

    python embedding.py CACHE OUT SECONDS

embeds 400 small images, 1 in 10 broken, taking so long for each, and saves them. It says
`ready` before it begins, and how many images it inferred once it is done.
"""

import signal
import sys
import time
from pathlib import Path

import numpy as np

from rara.errors import LockedStoreError
from rara.extractors import Spec
from rara.features import vector_cache as pool
from rara.features.embed import embed
from rara.images.decode import resize
from rara.sources.base import Item

LOCKED = 3


class Images:
    """A source of payloads in memory, by id; an exception is raised when it is loaded."""

    def __init__(self, payloads, *, location="gen/", counts=True):
        self.payloads, self.location, self.counts = payloads, location, counts

    def count(self):
        return len(self.payloads) if self.counts else None

    def __iter__(self):
        for name, payload in self.payloads.items():
            yield Item(name, lambda payload=payload: loaded(payload), {"label": name[:1]})

    def select(self, ids):
        return (item for item in self if item.id in ids)


def loaded(payload):
    if isinstance(payload, BaseException):
        raise payload
    return payload


class Means:
    """Vector of an image: mean, deviation and corner of each channel; counts what it infers."""

    def __init__(self, *, batch_size=1, lanes=2, seconds=0.0, weights="w"):
        self.spec = Spec("means", weights, "none", 9)
        self.batch_size, self.lanes, self.seconds = batch_size, lanes, seconds
        self.batches = []

    @property
    def inferred(self):
        return sum(self.batches)

    def prepare(self, image):
        return np.asarray(resize(image, (4, 4), fit="stretch"))

    def extract(self, batch):
        self.batches.append(len(batch))
        time.sleep(self.seconds * len(batch))
        x = batch.astype(np.float32)
        parts = [x.mean((1, 2)), x.std((1, 2)), x[:, 0, 0]]
        return np.concatenate(parts, axis=1).astype(np.float32)


class Small:
    """Vector of an image: its pixels at 3 x 3."""

    batch_size, lanes = 4, 1
    spec = Spec("small", "s", "none", 27)

    def prepare(self, image):
        return np.asarray(resize(image, (3, 3), fit="stretch"))

    def extract(self, batch):
        return batch.reshape(len(batch), -1).astype(np.float32)


def small_images(n, *, broken=0):
    """n different images; every `broken`-th is none."""
    rng = np.random.default_rng(n)
    images = {f"{i:04d}.png": rng.integers(0, 256, (6, 5, 3), dtype=np.uint8) for i in range(n)}
    if broken:
        images |= {name: b"no image " + name.encode() for name in list(images)[::broken]}
    return images


def say(what):
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main(cache, out, seconds):
    pool._PACK_SECONDS = 0.01
    extractor = Means(seconds=float(seconds))
    source = Images(small_images(400, broken=10))
    say("ready")
    features = embed(source, extractor, cache=Path(cache))
    say(extractor.inferred)
    try:
        features.save(out)
    except LockedStoreError:
        return LOCKED
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    sys.exit(main(*sys.argv[1:]))
