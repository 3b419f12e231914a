"""Builders of what many tests need: vectors, features, pictures, and files of pictures."""

import numpy as np
from PIL import Image


def gaussian(n, d=16, seed=0):
    """Standard normal vectors in float32; `seed` is a number, or a generator to draw on from."""
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def picture(seed, size=(120, 90)):
    """Blobs of several sizes in colour."""
    rng = np.random.default_rng(seed)
    layers = [rng.integers(0, 256, (n, n, 3), dtype=np.uint8) for n in (3, 6, 12)]
    grown = [np.asarray(Image.fromarray(layer).resize(size), float) for layer in layers]
    return Image.fromarray(np.mean(grown, axis=0).astype(np.uint8))
