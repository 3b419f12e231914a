"""MiFID: FID, raised where samples are near copies."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import set_oracles as oracles
from make import gaussian
from rara import sets
from rara.errors import FeatureError, ParameterError, ReferenceMismatchError
from rara.sets import memorisation
from sets_peers import CASES, drawn

PEERS = json.loads(
    (Path(__file__).parents[1] / "golden" / "sets_peers.json").read_text(encoding="utf-8")
)


def oracle(x, y, tau=0.1):
    distance = oracles.cosine_distance(x, y).min(axis=1).mean()
    return oracles.frechet(x, y) / (distance if distance < tau else 1)


@pytest.mark.parametrize("tau", [0, 0.05, 1])
@pytest.mark.parametrize("shape", [(90, 70, 3), (30, 20, 8)])
def test_the_formula(shape, tau, monkeypatch):
    monkeypatch.setattr(memorisation, "_ROWS", 16)
    n, m, d = shape
    x, y = gaussian(n, d), gaussian(m, d, seed=1)
    assert sets.mifid(x, y, tau=tau).value == pytest.approx(oracle(x, y, tau), rel=1e-6)


def test_exactly_tau_is_no_penalty():
    x = np.array([[1, 0], [-3, 0], [2, 0], [5, 0]], np.float32)
    y = np.array([[1, 1], [1, -1], [2, 2], [3, -3]], np.float32)
    tau = float(memorisation.nearest_by_part(x, y, [slice(0, 4)]).mean())
    fid = sets.fid(x, y).value
    assert sets.mifid(x, y, tau=tau).value == pytest.approx(fid)
    assert sets.mifid(x, y, tau=tau + 1e-9).value == pytest.approx(fid / tau)


@pytest.mark.parametrize("case", CASES)
def test_the_distance_of_the_peer(case):
    x, y = drawn(case)
    theirs = PEERS[case]["cosine distance"]["torchmetrics, samples first"]
    ours = memorisation.nearest_by_part(x, y, [slice(0, 9), slice(9, len(y))]).min(axis=1).mean()
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_copies_of_a_few_images_are_seen_where_the_wrong_minimum_sees_none():
    """500 copies of 20 of 400 training images. torchmetrics takes its minimum for each reference
    image over the samples, and most have no copy near."""
    training = gaussian(400, 12)
    noise = np.float32(1e-3) * gaussian(500, 12, seed=1)
    copies = training[np.arange(500) % 20] + noise
    wrong = oracles.cosine_distance(training, copies).min(axis=1).mean()
    right = oracles.cosine_distance(copies, training).min(axis=1).mean()
    assert right < 1e-5 < 0.1 < wrong
    fid = sets.fid(copies, training).value
    assert sets.mifid(copies, training).value > 1e4 * fid


def test_exact_copies_are_infinite():
    training = gaussian(60, 5)
    score = sets.mifid(training[:30], training)
    assert (score.value, score.low, score.high) == (math.inf,) * 3


def test_an_opposite_vector_is_a_copy_too():
    x = gaussian(30, 4)
    assert memorisation.nearest_by_part(-x, x, [slice(0, 30)]).max() == 0


def test_the_interval_is_that_of_the_jackknife():
    x, y = gaussian(400, 4), np.float32(1.3) * gaussian(300, 4, seed=1)
    score, variance = sets.mifid(x, y), 0.0
    for place, side in enumerate((x, y)):
        parts = np.array_split(np.arange(len(side)), 20)
        cut = [np.delete(side, part, 0) for part in parts]
        left = [oracle(*((one, y) if place == 0 else (x, one))) for one in cut]
        variance += 19 * np.var(left)
    half = 2.093 * np.sqrt(variance)
    assert score.value > 1.5 * sets.fid(x, y).value
    assert score.high - score.value == pytest.approx(half, rel=0.3)


def test_order_and_shards_change_nothing():
    x, y = gaussian(50, 5), gaussian(40, 5, seed=1)
    first, second = sets.MiFID(), sets.MiFID()
    first.update(samples=x[30:])
    second.update(reference=y[::-1], samples=x[:30])
    first.merge(second)
    assert first.compute() == sets.mifid(x, y)


def test_bad_input():
    x = gaussian(10, 3)
    with pytest.raises(FeatureError, match="length 0"):
        sets.mifid(np.zeros((10, 3)), x)
    with pytest.raises(ReferenceMismatchError):
        sets.mifid(x, gaussian(10, 4))
    with pytest.raises(ParameterError, match="3 samples: mifid needs at least 4"):
        sets.mifid(x[:3], x)
    with pytest.raises(ParameterError, match=r"tau = 1\.1"):
        sets.mifid(x, x, tau=1.1)
    with pytest.raises(ParameterError, match="cannot be merged"):
        sets.MiFID(tau=0.2).merge(sets.MiFID())
