"""A small reference of drawn pictures, and cards by it."""

import pytest

import rara
from embedding import Means
from make import encoded, picture


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """`train/` and `samples/` as folders, and `reference`, saved."""
    root = tmp_path_factory.mktemp("cards")
    for side, seeds in (("train", range(24)), ("samples", range(100, 103))):
        (root / side).mkdir()
        for seed in seeds:
            (root / side / f"{seed}.png").write_bytes(encoded(picture(seed)))
    copy = picture(3).crop((5, 5, 110, 85))
    (root / "samples" / "crop.png").write_bytes(encoded(copy))
    (root / "samples" / "same.png").write_bytes((root / "train" / "7.png").read_bytes())
    rara.Reference.fit(root / "train", extractor=Means()).save(root / "reference")
    return root


@pytest.fixture(scope="session")
def reference(world):
    return rara.Reference.load(world / "reference")


@pytest.fixture(scope="session")
def made(world, reference):
    """The card of a picture."""
    return rara.card(world / "samples" / "100.png", reference, extractor=Means())


@pytest.fixture
def file(made, tmp_path):
    made.save(tmp_path / "card.json")
    return tmp_path / "card.json"
