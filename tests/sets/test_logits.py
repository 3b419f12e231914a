"""Inception Score from logits."""

import json
from pathlib import Path

import numpy as np
import pytest

from rara import sets
from rara.errors import FeatureError, ParameterError
from rara.sets import logits
from sets_peers import logits as drawn

PEERS = json.loads(
    (Path(__file__).parents[1] / "golden" / "sets_peers.json").read_text(encoding="utf-8")
)


def softmax(rows):
    powers = np.exp(rows.astype(np.float64) - rows.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def oracle(rows):
    p = softmax(rows)
    return np.exp((p * np.log(p / p.mean(0))).sum(1).mean())


def test_the_formula_and_the_peer():
    score = sets.inception_score(drawn())
    assert score.value == pytest.approx(oracle(drawn()), rel=1e-9)
    assert score.value == pytest.approx(
        PEERS["logits"]["inception_score"]["torch-fidelity"], rel=1e-5
    )
    assert score.reference is None


def test_from_one_to_the_number_of_classes():
    sure = (1e4 * np.eye(5)[np.arange(50) % 5]).astype("f")  # other classes underflow to 0
    assert sets.inception_score(sure).value == pytest.approx(5)
    assert sets.inception_score(np.tile(drawn()[:1], (9, 1))).value == pytest.approx(1)


def test_the_interval_is_that_of_the_jackknife():
    rows = drawn()
    score = sets.inception_score(rows)
    left = [np.log(oracle(np.delete(rows, i, 0))) for i in range(len(rows))]
    deviation = np.sqrt((len(rows) - 1) * np.var(left))
    assert np.log(score.high / score.value) == pytest.approx(1.96 * deviation, rel=0.02)
    assert np.log(score.value / score.low) == pytest.approx(1.96 * deviation, rel=0.02)


def test_the_interval_covers_the_mean_of_such_sets():
    rng = np.random.default_rng(0)
    scores = [sets.inception_score(3 * rng.normal(size=(200, 10))) for _ in range(300)]
    mean = np.exp(np.mean([np.log(score.value) for score in scores]))
    assert 0.91 < np.mean([score.low <= mean <= score.high for score in scores]) < 0.98


def test_order_and_shards_change_nothing(monkeypatch):
    rows = drawn()
    whole = sets.inception_score(rows)
    monkeypatch.setattr(logits, "_TILE", 100)
    first, second = sets.InceptionScore(), sets.InceptionScore()
    first.update(samples=rows[200:])
    second.update(samples=rows[:200])
    first.merge(second)
    first.merge(sets.InceptionScore())
    score = first.compute()
    assert score.samples == 500
    for name in ("value", "low", "high"):
        assert getattr(score, name) == pytest.approx(getattr(whole, name), rel=1e-9)
    assert second.compute().value == pytest.approx(oracle(rows[:200]))


def test_bad_input():
    with pytest.raises(FeatureError):
        sets.inception_score([[np.nan, 0.0], [0.0, 1.0]])
    with pytest.raises(ParameterError, match="1 samples: inception_score needs at least 2"):
        sets.inception_score([[0.0, 1.0]])
    with pytest.raises(ParameterError, match="0 samples"):
        sets.InceptionScore().compute()
