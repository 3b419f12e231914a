"""The metric for torchmetrics: its figures, its states, and how they merge over ranks.

Needs `pip install torchmetrics`; without it the whole file is skipped.
"""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs pip install torchmetrics")
pytest.importorskip("torchmetrics", reason="needs pip install torchmetrics")

from embedding import Means  # noqa: E402
from ranks import FAKE, REAL, of_rank, updated, values  # noqa: E402
from rara import Reference, Run  # noqa: E402
from rara.adapters.prdc import compute_prdc  # noqa: E402
from rara.adapters.torchmetrics import RarityMetric  # noqa: E402
from rara.errors import ParameterError  # noqa: E402

FIGURES = ["precision", "recall", "density", "coverage", "rarity"]


def test_figures_are_those_of_prdc_and_the_rarity_of_a_reference():
    found = values(updated(REAL, FAKE, k=4))
    assert list(found) == FIGURES
    for name, value in compute_prdc(REAL, FAKE, 4).items():
        assert found[name] == pytest.approx(value, rel=1e-6)
    table = Reference.from_features(REAL, k=4, run=Run(threads=1)).score_features(FAKE)
    assert found["rarity"] == pytest.approx(np.nanmean(table["rarity"]), rel=1e-6)


def test_rarity_is_undefined_where_no_ball_holds_an_image():
    assert np.isnan(values(updated(REAL, FAKE + 1000))["rarity"])


def test_images_in_bytes_and_in_floats_give_the_extractors_vectors():
    rng = np.random.default_rng(0)
    real, fake = (torch.from_numpy(rng.integers(0, 256, (n, 3, 8, 8), np.uint8)) for n in (20, 15))
    by_bytes, by_floats = RarityMetric(Means()), RarityMetric(Means())
    vectors = RarityMetric()
    extractor = Means()
    for images, side in ((real, True), (fake, False)):
        by_bytes.update(images, real=side)
        by_floats.update(images.float() / 255, real=side)
        pixels = images.permute(0, 2, 3, 1).numpy()
        prepared = np.stack([extractor.prepare(Image.fromarray(one)) for one in pixels])
        vectors.update(torch.from_numpy(extractor.extract(prepared)), real=side)
    assert values(by_bytes) == values(by_floats) == values(vectors)


def test_the_default_extractor_is_used_for_images():
    metric = RarityMetric(k=1)
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), np.uint8))
    metric.update(images, real=True)
    metric.update(images, real=False)
    assert values(metric)["precision"] == 1
    assert metric.dimension == 1280
    copy = pickle.loads(pickle.dumps(metric.clone()))  # the network itself cannot be copied
    copy.update(images, real=False)
    assert values(copy)["precision"] == 1


def test_reset_forgets_all_images_or_the_generated_ones():
    fresh = updated(REAL, FAKE)
    first = values(fresh)
    fresh.reset()
    fresh.update(torch.from_numpy(FAKE), real=False)
    with pytest.raises(ParameterError, match="0 real images: k = 3 needs more"):
        fresh.compute()
    kept = updated(REAL, FAKE + 5, reset_real_features=False)
    kept.reset()
    kept.update(torch.from_numpy(FAKE), real=False)
    assert values(kept) == first


# -- ranks ------------------------------------------------------------------------------

SPLITS = [(60, 45), (1, 89), (0, 20), (120, 0)]
"""How many real and generated images the first of two ranks sees."""


@pytest.mark.parametrize("split", SPLITS)
def test_metrics_that_saw_parts_merge(split):
    one, other = (updated(*of_rank(rank, split)) for rank in (0, 1))
    one.merge_state(other)
    assert values(one) == pytest.approx(values(updated(REAL, FAKE)), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
def test_uneven_ranks_give_the_figures_of_all_images(split, tmp_path):
    script = Path(__file__).parents[1] / "ranks.py"
    address = f"file://{tmp_path / 'rendezvous'}"
    ranks = [
        subprocess.Popen(
            [sys.executable, script, str(rank), address, *map(str, split)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        for rank in (0, 1)
    ]
    expected = values(updated(REAL, FAKE))
    for rank in ranks:
        with rank:
            figures = json.loads(rank.communicate(timeout=200)[0])
        assert figures == pytest.approx(expected, rel=1e-6)


def test_it_is_pickled_with_what_it_saw():
    metric = updated(REAL, FAKE)
    assert values(pickle.loads(pickle.dumps(metric))) == values(metric)


# -- what it cannot take ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (torch.zeros(2, 1, 8, 8), "give .n, 3, height, width"),
        (torch.zeros(3), "give .n, 3, height, width"),
        (torch.full((2, 3, 8, 8), 1.5), "from 0 to 1"),
        (torch.full((2, 3, 8, 8), float("nan")), "from 0 to 1"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.int64), "give uint8"),
    ],
)
def test_images_of_another_shape_or_range_are_refused(images, words):
    with pytest.raises(ParameterError, match=words):
        RarityMetric().update(images, real=True)


def test_vectors_of_another_length_and_too_few_are_refused():
    metric = RarityMetric(k=3)
    metric.update(torch.from_numpy(REAL), real=True)
    with pytest.raises(ParameterError, match="5 dimensions, those before 6"):
        metric.update(torch.zeros(4, 5), real=False)
    metric.update(torch.from_numpy(FAKE[:3]), real=False)
    with pytest.raises(ParameterError, match="3 generated images: k = 3 needs more"):
        metric.compute()
