"""FID, and FID for infinitely many images."""

import json
from pathlib import Path

import numpy as np
import pytest

import set_oracles as oracles
from make import features, gaussian
from rara import sets
from rara.errors import FeatureError, ParameterError, ReferenceMismatchError
from rara.sets import bures, moments
from rara.sets.bures import Gauss, influence, squared
from sets_peers import CASES, drawn

PEERS = json.loads(
    (Path(__file__).parents[1] / "golden" / "sets_peers.json").read_text(encoding="utf-8")
)
SHAPES = {"more": (500, 300, 8), "fewer": (50, 40, 64), "one fewer": (50, 300, 64)}


def pair(n, m, d, seed=0):
    return gaussian(n, d, seed), 1.3 * gaussian(m, d, seed + 1) + np.float32(0.2)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_formula(shape):
    x, y = pair(*shape)
    expected = oracles.frechet(x, y)
    assert sets.fid(x, y).value == pytest.approx(expected, rel=1e-6)
    assert sets.fid(y, x).value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_the_peers(case):
    """To 2e-6: clean-fid takes a root of a matrix, whose imaginary part it drops."""
    ours = sets.fid(*drawn(case)).value
    for theirs in PEERS[case]["fid"].values():
        assert ours == pytest.approx(theirs, rel=2e-6)


@pytest.mark.parametrize(("n", "d"), [(40, 8), (40, 200), (5, 1), (30, 30)])
def test_never_negative_for_equal_sets(n, d):
    vectors = gaussian(n, d)
    score = sets.fid(vectors, vectors[::-1])
    assert 0 <= score.value < 1e-5 * d
    assert 0 <= score.low <= score.value


def test_a_matrix_root_is_complex_where_ours_is_not():
    """A product of covariances has negative eigenvalues by rounding; their roots are imaginary."""
    x = np.repeat(gaussian(40, 6), 5, axis=1)
    y = np.repeat(gaussian(40, 6, seed=1), 5, axis=1)
    values = np.linalg.eigvals(np.cov(x.T.astype(float)) @ np.cov(y.T.astype(float)))
    assert np.abs(np.emath.sqrt(values).imag).max() > 1e-9
    assert sets.fid(x, y).value == pytest.approx(5 * sets.fid(x[:, ::5], y[:, ::5]).value)


def test_shifts_and_scales():
    x = gaussian(300, 5)
    assert sets.fid(x + np.float32(3), x).value == pytest.approx(45, rel=1e-5)
    trace = np.cov(x.T.astype(float)).trace()
    gap = (x.mean(0) ** 2).sum()
    assert sets.fid(3 * x, x).value == pytest.approx(4 * (trace + gap), rel=1e-5)


def test_a_large_offset_costs_no_digits():
    x, y = pair(300, 200, 6)
    x, y = np.round(x * 256) / 256, np.round(y * 256) / 256
    assert sets.fid(x + 1000, y + 1000).value == pytest.approx(sets.fid(x, y).value, rel=1e-9)


@pytest.mark.parametrize("shape", [(60, 50, 4), (90, 30, 12)])
def test_influence_is_what_leaving_an_image_out_changes(shape):
    x, y = pair(*shape)
    first, second = Gauss.of(x), Gauss.of(y)
    value, overlap = squared(first, second, gradients=True)
    ways = (x, first, second, 0), (y, second, first, 1)
    for side, own, other, place in ways:
        change = influence(side, own, other, overlap.maps[place])
        change -= change.mean()
        without = [np.delete(side, i, 0) for i in range(len(side))]
        left = np.array(
            [oracles.frechet(*((one, y) if place == 0 else (x, one))) for one in without]
        )
        found = (value - left) * (len(side) - 1)
        assert np.corrcoef(found, change)[0, 1] > 0.97
        assert np.std(found) == pytest.approx(np.std(change), rel=0.25)


def test_the_interval_is_that_of_the_jackknife():
    x, y = pair(800, 600, 6)
    score = sets.fid(x, y)
    variance = 0.0
    for side, other in ((x, y), (y, x)):
        parts = np.array_split(np.arange(len(side)), 20)
        left = [oracles.frechet(np.delete(side, part, 0), other) for part in parts]
        variance += 19 * np.var(left)
    assert score.high - score.value == pytest.approx(1.96 * np.sqrt(variance), rel=0.25)


def test_levels_widen():
    x, y = pair(100, 100, 3)
    wide, narrow = sets.fid(x, y, level=0.99), sets.fid(x, y, level=0.5)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high
    assert (wide.high - wide.value) / (narrow.high - narrow.value) == pytest.approx(3.819, rel=1e-3)


# -- streams and shards --


@pytest.fixture
def small(monkeypatch):
    """So few vectors are kept that all ways are gone."""
    monkeypatch.setattr(moments, "KEPT", 50)
    monkeypatch.setattr(moments, "_TILE", 100)
    monkeypatch.setattr(bures, "_TILE", 64)


@pytest.mark.parametrize("metric", [sets.FID, sets.FIDInfinity])
def test_shards_and_order_change_nothing(metric, small):
    x, y = pair(400, 130, 6)
    whole = metric()
    whole.update(samples=x, reference=y)
    first, second = metric(), metric()
    order = np.random.default_rng(3).permutation(400)
    for part in np.array_split(x[order][:170], 9):
        first.update(samples=part)
    first.update(samples=x[order][170:200], reference=y[:20])
    second.update(samples=x[order][200:], reference=y[20:])
    first.merge(second)
    ours, theirs = whole.compute(), first.compute()
    assert (theirs.samples, theirs.reference) == (400, 130)
    for name in ("value", "low", "high"):
        assert getattr(theirs, name) == pytest.approx(getattr(ours, name), rel=1e-9)
    if metric is sets.FID:
        assert ours.value == pytest.approx(oracles.frechet(x, y), rel=1e-9)


def test_order_changes_no_bit_while_vectors_are_kept():
    x, y = pair(60, 70, 100)
    assert sets.fid(x[::-1], y) == sets.fid(x, y)
    assert sets.fid_infinity(x[::-1], y) == sets.fid_infinity(x, y)


def test_memory_is_bounded(small):
    state = sets.FID()
    for seed in range(30):
        state.update(samples=gaussian(40, 4, seed), reference=gaussian(40, 4, seed + 100))
    for side in (state.samples, state.reference):
        assert side.count == 1200
        assert sum(len(keys) for keys, _ in side.parts) <= 2 * 50


def test_a_state_goes_on_after_it_computed(small):
    x, y = pair(120, 80, 5)
    state = sets.FID()
    state.update(samples=x[:60], reference=y)
    state.compute()
    state.update(samples=x[60:])
    assert state.compute().value == pytest.approx(oracles.frechet(x, y), rel=1e-9)


# -- infinitely many --


def test_infinity_does_not_move_with_n():
    """Laws of which the FID is 16 (0.3 - 0.02)^2; FID itself is several times that at n = 300."""
    means = []
    for n in (300, 3_000):
        pairs = [(gaussian(n, 16, s), 1.28 * gaussian(n, 16, s + 500)) for s in range(40)]
        means.append(np.mean([sets.fid_infinity(x, y.astype("f")).value for x, y in pairs]))
    assert means[0] == pytest.approx(16 * 0.28**2, rel=0.05)
    assert means[1] == pytest.approx(16 * 0.28**2, rel=0.05)
    assert np.mean([sets.fid(x[:300], y[:300]).value for x, y in pairs]) > 1.3 * means[0]


def test_infinity_is_never_negative():
    scores = [sets.fid_infinity(gaussian(50, 8, s), gaussian(50, 8, s + 100)) for s in range(10)]
    assert min(score.value for score in scores) == 0
    assert all(score.low == 0 <= score.value <= score.high for score in scores)


# -- what cannot be --


@pytest.mark.parametrize("metric", [sets.fid, sets.fid_infinity])
def test_bad_input(metric):
    x = gaussian(10, 3)
    with pytest.raises(FeatureError, match="1 of 10 vectors are NaN or infinite"):
        metric(np.where(np.arange(10)[:, None] == 4, np.nan, x), x)
    with pytest.raises(ReferenceMismatchError, match="3 and of 4 dimensions"):
        metric(x, gaussian(10, 4))
    with pytest.raises(ParameterError, match="1 samples"):
        metric(x[:1], x)
    with pytest.raises(ParameterError, match="1 reference images"):
        metric(x, x[:1])
    with pytest.raises(ParameterError, match="level = 1"):
        metric(x, x, level=1)


def test_a_state_without_a_side():
    state = sets.FID()
    state.update(samples=gaussian(10, 3))
    with pytest.raises(ParameterError, match="0 reference images: fid needs at least 2"):
        state.compute()


def test_features_are_taken():
    x, y = pair(30, 20, 4)
    assert sets.fid(features(x), features(y)) == sets.fid(x, y)


# -- spatial --


def test_sfid_is_fid_of_the_first_channels():
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(n, 9, 3, 2)).astype("f") for n in (30, 20))
    flat = [one[:, :7].reshape(len(one), -1) for one in (x, y)]
    assert sets.sfid(x, y).value == pytest.approx(oracles.frechet(*flat), rel=1e-6)
    narrower = [one[:, :2].reshape(len(one), -1) for one in (x, y)]
    assert sets.sfid(x, y, channels=2).value == pytest.approx(oracles.frechet(*narrower), rel=1e-6)


def test_sfid_takes_feature_maps_alone():
    maps = np.zeros((5, 9, 2, 2), np.float32)
    with pytest.raises(FeatureError, match=r"at least 7 channels"):
        sets.sfid(maps[:, :6], maps)
    with pytest.raises(FeatureError, match=r"shape \(5, 3\)"):
        sets.sfid(gaussian(5, 3), maps)
    with pytest.raises(ReferenceMismatchError):
        sets.sfid(maps, maps[:, :, :1])
    one, other = sets.SFID(channels=2), sets.SFID(channels=3)
    with pytest.raises(ParameterError, match="cannot be merged"):
        one.merge(other)
