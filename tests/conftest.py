"""What all tests share: a cache folder of their own, and pictures to read."""

import os
from pathlib import Path

# Before rara is imported, for compiled loops are kept there; it stays between runs, since
# compiling costs seconds and the code is keyed by its sources.
os.environ["RARA_CACHE"] = str(Path(__file__).parents[1] / ".test-cache")

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

# Time is not what tests are about: an example may be slow where the machine has other work.
settings.register_profile("rara", deadline=None)
settings.load_profile("rara")


def drawn(folder, count, seed):
    """Some blobs in colour, at several sizes and in several formats."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for i in range(count):
        height, width = rng.integers(20, 60, 2)
        small = rng.integers(0, 256, (3, 3, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize((int(width), int(height)), Image.Resampling.BICUBIC)
        image.save(folder / f"image {i}.{('png', 'jpg', 'webp')[i % 3]}")
    return folder


@pytest.fixture(scope="session")
def draw():
    """Fills a folder with pictures: draw(folder, count, seed)."""
    return drawn
