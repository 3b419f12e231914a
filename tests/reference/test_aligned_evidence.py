"""Small copies that were moved, in scores: no test sees them, and they have too few features."""

import numpy as np
import pytest
from PIL import Image

import rara
from rara.retrieval.finding import small_and_near
from rara.retrieval.sources import ACCUSES, CERTAIN
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
        assert rows[name]["verdict"] in {"copy", "near copy"}
        assert rows[name]["source"] == f"{seed}"
    assert "cropped to" in rows["cropped"]["source_edit"]


def test_an_alignment_alone_accuses_and_is_no_fact(table):
    (row,) = (row for row in table.arrow.to_pylist() if row["id"] == "cropped")
    assert row["source_p"] == ACCUSES > CERTAIN
    assert row["verdict"] == "near copy"


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


def test_pairs_that_were_decided_are_not_laid_over_each_other(tmp_path):
    images = {f"{seed}.png": small(seed) for seed in range(40)}
    turned = images["7.png"].rotate(4, Image.Resampling.BICUBIC).crop((2, 2, 30, 30))
    for name, image in {**images, "turned.png": turned}.items():
        image.save(tmp_path / name)
    files = [tmp_path / name for name in images]
    reference, sample = rara.Reference.fit(files, k=1), [tmp_path / "turned.png"]
    assert reference.score(sample, evidence="all").arrow["source"].to_pylist() == ["7.png"]
    reference.decisions.add(sample[0], tmp_path / "7.png")
    table = reference.score(sample, evidence="all")
    assert table.arrow["source"].to_pylist() == [None]
    assert table.arrow["decision"].to_pylist() == ["not a copy"]
