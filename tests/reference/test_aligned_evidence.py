"""Small copies that were moved, in scores: no test sees them, and they have too few features."""

import numpy as np
import pytest
from PIL import Image

import rara
from rara.retrieval.finding import Candidates, small_and_near
from rara.retrieval.sources import CERTAIN
from scenes import scene

EDITS = {
    "cropped": lambda image: image.crop((6, 2, 30, 26)),
    "turned": lambda image: image.rotate(5, Image.Resampling.BICUBIC, fillcolor="white"),
}


def small(seed):
    return Image.fromarray(scene(seed, 160, 160)).resize((32, 32), Image.Resampling.BOX)


@pytest.fixture(scope="module")
def table():
    reference = rara.Reference.fit({f"{seed}": small(seed) for seed in range(20)})
    copies = {name: edit(small(seed)) for seed, (name, edit) in enumerate(EDITS.items())}
    fresh = {f"fresh {seed}": small(seed) for seed in range(100, 110)}
    return reference.score({**copies, **fresh})


def test_moved_copies_of_small_pictures_are_called(table):
    rows = {row["id"]: row for row in table.arrow.to_pylist()}
    for seed, name in enumerate(EDITS):
        assert (rows[name]["verdict"], rows[name]["source"]) == ("copy", f"{seed}")
        assert rows[name]["source_p"] <= CERTAIN
    assert "cropped to" in rows["cropped"]["source_edit"]


def test_fresh_small_pictures_have_no_source(table):
    fresh = np.char.startswith(np.array(table["id"], str), "fresh")
    assert np.isnan(table["source_p"][fresh]).all()


def test_only_small_samples_that_are_near_are_laid_over_candidates():
    images = {"a": small(0), "b": small(1), "c": small(2).resize((200, 100)), "d": small(3)}
    features = rara.Reference.fit(images, k=1).features
    nearest = [{7, 3}, {1}, {2}, {5}]
    p = np.array([0.2, 0.21, 0.01, np.nan])
    assert small_and_near(p, features, nearest) == {0: [3, 7]}
    vectors = rara.Features.from_arrays(np.eye(4, dtype=np.float32))
    assert small_and_near(p, vectors, nearest) == {}


def test_pairs_that_were_decided_are_not_laid_over_each_other():
    candidates = Candidates({}, {}, aligned={0: [3, 7], 1: [2]})
    assert candidates.without({0: [7]}).aligned == {0: [3], 1: [2]}
