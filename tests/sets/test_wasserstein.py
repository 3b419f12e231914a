"""Sliced Wasserstein with its bias removed."""

import numpy as np
import pytest

import set_oracles as oracles
from make import gaussian
from rara import sets
from rara.errors import FeatureError, ParameterError, ReferenceMismatchError
from rara.sets import wasserstein
from rara.sets.base import in_order
from rara.sets.wasserstein import bases
from rara.stats.transport import transport


def plain(x, y, *, directions=16, seed=0):
    """Without the bias removed."""
    rows = np.concatenate([*bases(x.shape[1], directions, seed)])
    return np.mean([oracles.wasserstein(x @ u, y @ u) for u in rows])


@pytest.mark.parametrize(("n", "m"), [(1, 1), (4, 6), (5, 7), (9, 3), (10, 10)])
def test_one_dimension(n, m):
    rng = np.random.default_rng(n)
    x, y = (rng.normal(size=count).astype(np.float32) for count in (n, m))
    found = transport(np.sort(x), np.sort(y))
    assert found == pytest.approx(oracles.wasserstein(x, y), rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(40, 40), (41, 30)])
def test_the_formula(n, m):
    x, y = gaussian(n, 3), 2 * gaussian(m, 3, seed=1) + np.float32(0.5)
    halves = [[side[::2], side[1::2]] for side in map(in_order, (x, y))]
    expected = plain(x, y) - sum(plain(*half) for half in halves) / 4
    assert sets.sliced_wasserstein(x, y, directions=16).value == pytest.approx(expected, rel=1e-4)


def test_bases_are_orthonormal_and_enough():
    for dimensions, directions, count in ((5, 12, 3), (5, 10, 2), (5, 1, 1)):
        found = [*bases(dimensions, directions, 0)]
        assert len(found) == count
        for basis in found:
            np.testing.assert_allclose(basis @ basis.T, np.eye(dimensions), atol=1e-6)
    assert not np.allclose(found[0], next(iter(bases(5, 1, 1))))


def test_a_shift_is_seen_exactly():
    """With whole bases the means' part is |shift|^2 / d, whatever the directions."""
    x = gaussian(400, 8)
    shifted = x + np.float32(0.5) * np.eye(8, dtype=np.float32)[3]
    bias = sum(plain(h[::2], h[1::2], directions=8) for h in map(in_order, (x, shifted))) / 4
    found = sets.sliced_wasserstein(shifted, x, directions=8).value + bias
    assert found == pytest.approx(0.25 / 8, rel=1e-4)


def test_no_bias():
    """Equal laws, and laws at 0.5^2 + 0.2^2, with few images, where the plain one is far off."""
    same, apart, naive = [], [], []
    for s in range(60):
        x, y = gaussian(60, 4, s), gaussian(90, 4, s + 100)
        same.append(sets.sliced_wasserstein(x, y, directions=16).value)
        naive.append(plain(x, y))
        wider = np.float32(1.2) * x + np.float32(0.5)
        apart.append(sets.sliced_wasserstein(wider, y, directions=16).value)
    error = np.std(same) / np.sqrt(60)
    assert abs(np.mean(same)) < 3 * error
    assert np.mean(naive) > 10 * error
    assert np.mean(apart) == pytest.approx(0.29, abs=3 * np.std(apart) / np.sqrt(60))


def test_the_interval_is_that_of_the_jackknife():
    x, y = gaussian(80, 3), 1.5 * gaussian(60, 3, seed=1) + np.float32(0.4)
    score, variance = sets.sliced_wasserstein(x, y, directions=3), 0.0
    for place, side in enumerate((x, y)):
        cut = [np.delete(side, i, 0) for i in range(len(side))]
        pairs = [(one, y) if place == 0 else (x, one) for one in cut]
        variance += (len(side) - 1) * np.var([plain(*two, directions=3) for two in pairs])
    assert score.high - score.value == pytest.approx(1.96 * np.sqrt(variance), rel=0.1)


def test_bases_widen_the_interval_where_they_disagree():
    """Only the first axis is wider: a basis that has it sees more than one between the axes."""
    x, y = gaussian(4_000, 2), gaussian(4_000, 2, seed=1)
    x[:, 0] *= 6
    found = [sets.sliced_wasserstein(x, y, directions=8, seed=s) for s in range(30)]
    values = np.array([score.value for score in found])
    assert values.std() > 0.02
    halves = np.array([score.high - score.value for score in found])
    assert (np.abs(values - values.mean()) < halves).mean() > 0.9


def test_a_part_of_the_images_tells_the_variance(monkeypatch):
    x, y = gaussian(2_000, 3), 1.5 * gaussian(1_000, 3, seed=1)
    whole = sets.sliced_wasserstein(x, y, directions=3)
    monkeypatch.setattr(wasserstein, "_PROBED", 500)
    part = sets.sliced_wasserstein(x, y, directions=3)
    assert part.value == whole.value
    assert part.high != whole.high
    assert part.high - part.value == pytest.approx(whole.high - whole.value, rel=0.15)


def test_order_and_shards_change_nothing():
    x, y = gaussian(50, 5), gaussian(40, 5, seed=1)
    first, second = sets.SlicedWasserstein(), sets.SlicedWasserstein()
    first.update(samples=x[30:])
    second.update(reference=y[::-1], samples=x[:30])
    first.merge(second)
    assert first.compute() == sets.sliced_wasserstein(x, y)


def test_bad_input():
    x = gaussian(10, 3)
    with pytest.raises(FeatureError, match="NaN or infinite"):
        sets.sliced_wasserstein(np.full((10, 3), np.nan), x)
    with pytest.raises(ReferenceMismatchError):
        sets.sliced_wasserstein(x, gaussian(10, 4))
    with pytest.raises(ParameterError, match="3 reference images: sliced_wasserstein needs"):
        sets.sliced_wasserstein(x, x[:3])
    with pytest.raises(ParameterError, match="directions = 0"):
        sets.sliced_wasserstein(x, x, directions=0)
    with pytest.raises(ParameterError, match="seed = -1"):
        sets.sliced_wasserstein(x, x, seed=-1)
    with pytest.raises(ParameterError, match="cannot be merged"):
        sets.SlicedWasserstein(seed=1).merge(sets.SlicedWasserstein(seed=2))
