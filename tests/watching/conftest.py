"""A scorer of pictures, for the watcher and its loggers."""

import pytest
from PIL import Image

import rara
from embedding import Means
from make import noise
from rara import Run


@pytest.fixture(scope="module")
def of_pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    for i, one in enumerate(noise(80, 0)):
        Image.fromarray(one).save(folder / f"{i:03d}.png")
    run = Run(cache=tmp_path_factory.mktemp("cache"), threads=1)
    return rara.Reference.fit(folder, extractor=Means(), run=run).scorer(run=run)
