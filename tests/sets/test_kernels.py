"""KID and CMMD: maximum mean discrepancy without bias."""

import json
from pathlib import Path

import numpy as np
import pytest

import set_oracles as oracles
from make import gaussian
from rara import sets
from rara.errors import FeatureError, ParameterError, ReferenceMismatchError
from rara.sets import mmd
from sets_peers import CASES, drawn

PEERS = json.loads(
    (Path(__file__).parents[1] / "golden" / "sets_peers.json").read_text(encoding="utf-8")
)
METRICS = {
    "kid": (sets.kid, lambda x, y, **how: oracles.mmd(x, y, oracles.cubic, **how)),
    "cmmd": (sets.cmmd, lambda x, y, **how: 1000 * oracles.mmd(x, y, oracles.gaussian(10), **how)),
}


@pytest.fixture(params=METRICS)
def metric(request):
    return METRICS[request.param]


def pair(n, m, d, seed=0):
    return gaussian(n, d, seed), 1.3 * gaussian(m, d, seed + 1) + np.float32(0.2)


@pytest.mark.parametrize("shape", [(70, 50, 4), (3, 3, 1), (20, 30, 100)])
def test_the_formula(metric, shape):
    x, y = pair(*shape)
    assert metric[0](x, y).value == pytest.approx(metric[1](x, y), rel=2e-4, abs=2e-6)


def test_tiles_change_nothing(metric, monkeypatch):
    x, y = pair(70, 50, 4)
    whole = metric[0](x, y)
    monkeypatch.setattr(mmd, "ROWS", 16)
    monkeypatch.setattr(mmd, "COLUMNS", 7)
    assert metric[0](x, y).value == pytest.approx(whole.value, rel=1e-5)
    assert metric[0](x, y).high == pytest.approx(whole.high, rel=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_kid_of_the_peers(case):
    x, y = drawn(case)
    fewer = min(len(x), len(y))
    ours = sets.kid(x[:fewer], y[:fewer]).value
    for theirs in PEERS[case]["kid"].values():
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-6)


def test_no_bias_where_laws_are_equal(metric):
    """The V statistic, as of CMMD's reference code, is far above 0; ours is on both sides of it."""
    pairs = [(gaussian(60, 8, s), gaussian(60, 8, s + 100)) for s in range(40)]
    ours = np.array([metric[0](x, y).value for x, y in pairs])
    theirs = np.array([metric[1](x, y, biased=True) for x, y in pairs])
    error = ours.std() / np.sqrt(40)
    assert abs(ours.mean()) < 3 * error
    assert (ours < 0).sum() >= 10
    assert theirs.min() > 0
    assert theirs.mean() > 10 * error


def test_the_biased_value_of_three_images_by_hand():
    """Unit vectors at right angles, |x - y|^2 = 2: the V statistic of equal sets is 0 by pairing
    images with themselves, and what is left without those pairs is negative."""
    x = np.eye(3, dtype=np.float32)
    step = 1 - np.exp(-0.01)
    assert oracles.mmd(x, x, oracles.gaussian(10), biased=True) == pytest.approx(0, abs=1e-12)
    assert sets.cmmd(x, x).value == pytest.approx(-1000 * 2 * step / 3, rel=1e-5)


def test_length_plays_no_role_in_cmmd():
    x, y = pair(30, 40, 6)
    lengths = np.random.default_rng(0).uniform(0.5, 9, (30, 1)).astype("f")
    assert sets.cmmd(lengths * x, y).value == pytest.approx(sets.cmmd(x, y).value, rel=1e-3)
    assert sets.kid(lengths * x, y).value != pytest.approx(sets.kid(x, y).value, rel=1e-3)


@pytest.mark.parametrize("scale", [1e-30, 1e25])
def test_lengths_whose_products_are_no_float32_in_cmmd(scale):
    x, y = pair(30, 40, 6)
    found = sets.cmmd(np.float32(scale) * x, np.float32(scale) * y)
    assert found.value == pytest.approx(sets.cmmd(x, y).value, rel=1e-4)
    assert found.high == pytest.approx(sets.cmmd(x, y).high, rel=1e-4)


def test_sigma_matters():
    x, y = pair(30, 40, 6)
    expected = 1000 * oracles.mmd(x, y, oracles.gaussian(0.5))
    assert sets.cmmd(x, y, sigma=0.5).value == pytest.approx(expected, rel=1e-4)
    with pytest.raises(ParameterError, match="sigma = 0: give a finite number above 0"):
        sets.cmmd(x, y, sigma=0)


def test_the_interval_is_that_of_the_jackknife(metric):
    x, y = pair(60, 50, 4)
    score, variance = metric[0](x, y), 0.0
    for place, side in enumerate((x, y)):
        sides = [[np.delete(side, i, 0)] for i in range(len(side))]
        left = [metric[1](*((one, y) if place == 0 else (x, one))) for (one,) in sides]
        variance += (len(side) - 1) * np.var(left)
    assert score.high - score.value == pytest.approx(1.96 * np.sqrt(variance), rel=0.05)
    assert score.value - score.low == pytest.approx(score.high - score.value)


def test_order_and_shards_change_nothing(metric):
    x, y = pair(50, 40, 5)
    kind = sets.KID if metric[0] is sets.kid else sets.CMMD
    first, second = kind(), kind()
    first.update(samples=x[30:])
    second.update(reference=y[::-1], samples=x[:30])
    first.merge(second)
    assert first.compute() == metric[0](x, y)


def test_bad_input(metric):
    x = gaussian(10, 3)
    with pytest.raises(FeatureError, match="NaN or infinite"):
        metric[0](np.full((10, 3), np.inf), x)
    with pytest.raises(ReferenceMismatchError):
        metric[0](x, gaussian(10, 4))
    with pytest.raises(ParameterError, match="2 samples"):
        metric[0](x[:2], x)
    with pytest.raises(ParameterError, match="2 reference images"):
        metric[0](x, x[:2])


def test_a_vector_without_direction():
    x = gaussian(10, 3)
    with pytest.raises(FeatureError, match="length 0 have no direction"):
        sets.cmmd(np.zeros((3, 3)), x)
    one, other = sets.CMMD(sigma=1), sets.CMMD(sigma=2)
    with pytest.raises(ParameterError, match="cannot be merged"):
        one.merge(other)


def test_several_generators_beside_one_reference(metric, monkeypatch):
    """The reference's own pairs are scanned once, and again after it has grown."""
    x, y = pair(50, 40, 5)
    state = (sets.KID if metric[0] is sets.kid else sets.CMMD)()
    state.update(reference=y)
    sizes = []
    scan = mmd.within
    seen = lambda rows, *rest: (sizes.append(len(rows)), scan(rows, *rest))[1]  # noqa: E731
    monkeypatch.setattr(mmd, "within", seen)
    first, second = state.beside(x), state.beside(x[:30])
    assert (first.compute(), second.compute()) == (metric[0](x, y), metric[0](x[:30], y))
    assert sizes[:3] == [50, 40, 30]
    state.update(reference=x[:5], samples=x[5:])
    assert state.compute() == metric[0](x[5:], np.concatenate([y, x[:5]]))


def test_what_is_refused_leaves_no_trace():
    state = sets.KID()
    with pytest.raises(ReferenceMismatchError):
        state.update(samples=gaussian(5, 3), reference=gaussian(5, 4))
    state.update(samples=gaussian(5, 4), reference=gaussian(6, 4))
    assert state.compute().samples == 5
