"""Vendi, RKE and KEN against eigenvalues of whole kernels, and where the answer is known."""

import math

import numpy as np
import pytest

from make import gaussian
from rara.errors import FeatureError, ParameterError, ReferenceMismatchError
from rara.sets import KEN, RKE, Vendi, ken, rke, vendi
from rara.sets.kernels import median_distance
from rara.sets.vendi import entropy_of

ORDERS = (0, 0.1, 0.5, 1, 1.5, 2, 5, math.inf)


# -- oracles: whole kernels in float64 --


def cosine(x):
    unit = x.astype(float) / np.linalg.norm(x.astype(float), axis=1, keepdims=True)
    return unit @ unit.T


def smooth(x, y, bandwidth):
    d2 = ((x[:, None].astype(float) - y[None].astype(float)) ** 2).sum(axis=2)
    return np.exp(-d2 / (2 * bandwidth**2))


def score(kernel, q):
    """exp of Rényi's entropy of the eigenvalues of K / n."""
    values = np.linalg.eigvalsh(kernel / len(kernel))
    values = values[values > 1e-12]
    if q == 1:
        return math.exp(-(values * np.log(values)).sum())
    if q == math.inf:
        return 1 / values.max()
    return (values**q).sum() ** (1 / (1 - q))


@pytest.mark.parametrize("q", ORDERS)
@pytest.mark.parametrize("n", [5, 60])
def test_vendi_is_the_oracles_at_every_order(n, q):
    x = gaussian(n, 8)
    assert float(vendi(x, q)) == pytest.approx(score(cosine(x), q), rel=1e-9)
    found = vendi(x, q, kernel="gaussian", bandwidth=2)
    assert float(found) == pytest.approx(score(smooth(x, x, 2), q), rel=1e-9)


def test_every_order_gives_another_score():
    """As vendi-score 0.0.3's `score_X` does not: it ignores q and gives that of order 1."""
    x = gaussian(50, 8)
    values = [float(vendi(x, q)) for q in ORDERS]
    assert np.diff(values).max() < -1e-3
    assert values[3] == pytest.approx(score(cosine(x), 1), rel=1e-9)


def test_known_scores():
    same = np.ones((30, 4), np.float32)
    axes = np.eye(6, dtype=np.float32)
    for q in ORDERS:
        assert float(vendi(same, q)) == pytest.approx(1)
        assert float(vendi(axes, q)) == pytest.approx(6)
        assert float(vendi(np.repeat(axes, 5, axis=0), q)) == pytest.approx(6)
    assert float(rke(same)) == pytest.approx(1)
    assert float(rke(axes * 1000, bandwidth=1)) == pytest.approx(6)


def test_the_interval_is_the_derivative_by_weights():
    x = gaussian(40, 5)
    unit = x.astype(float) / np.linalg.norm(x, axis=1, keepdims=True)
    for q in (0.5, 1, 2, math.inf):
        values, directions = np.linalg.eigh(unit.T @ unit / 40)
        entropy, influence = entropy_of(values, (unit @ directions) ** 2, q)
        step = 1e-6
        for image in (0, 7):
            weight = np.full(40, (1 - step) / 40)
            weight[image] += step
            moved = np.linalg.eigvalsh((unit * weight[:, None]).T @ unit)
            changed, _ = entropy_of(moved, np.zeros((1, 5)), q)
            assert (changed - entropy) / step == pytest.approx(influence[image], rel=1e-3, abs=1e-4)


def test_rke_is_the_oracles_and_vendi_of_order_two():
    x = gaussian(700, 6) + np.float32(100)
    width = float(median_distance(x))
    expected = 1 / (smooth(x, x, width) ** 2).mean()
    assert float(rke(x, bandwidth=width)) == pytest.approx(expected, rel=1e-9)
    found = rke(x)
    assert f"bandwidth {median_distance(RKEOrder.of(x)):.4g}" in found.direction
    two = vendi(x, 2, kernel="gaussian", bandwidth=width)
    one = rke(x, bandwidth=width)
    assert (one.value, one.low, one.high) == pytest.approx((two.value, two.low, two.high))


class RKEOrder:
    """The vectors in the order in which a state has them."""

    @staticmethod
    def of(x):
        state = RKE()
        state.update(samples=x)
        return state.samples.ordered(1, "rke")


def modes(count, shares, seed):
    """Narrow modes 30 apart along axes of their own."""
    rng = np.random.default_rng(seed)
    which = rng.choice(len(shares), count, p=np.array(shares) / sum(shares))
    return (30 * np.eye(8)[which] + 0.05 * rng.normal(size=(count, 8))).astype(np.float32), which


def test_rke_counts_modes():
    x, _ = modes(900, [1] * 5, 0)
    assert float(rke(x, bandwidth=3)) == pytest.approx(5, rel=0.02)


def test_ken_is_the_oracles():
    samples, reference = gaussian(60, 3, seed=1) + np.float32(1), gaussian(50, 3, seed=2)
    for eta in (1.0, 0.5):
        kernels = [
            [smooth(samples, samples, 1) / 60, smooth(samples, reference, 1) / math.sqrt(3000)],
            [smooth(reference, samples, 1) / math.sqrt(3000), smooth(reference, reference, 1) / 50],
        ]
        joint = np.block(
            [
                [kernels[0][0], math.sqrt(eta) * kernels[0][1]],
                [-math.sqrt(eta) * kernels[1][0], -eta * kernels[1][1]],
            ]
        )
        values = np.linalg.eigvals(joint).real
        values = values[values > 1e-5]
        expected = (values * np.log(values.sum() / values)).sum()
        assert float(ken(samples, reference, eta=eta, bandwidth=1)) == pytest.approx(
            expected, rel=1e-5
        )


def test_ken_finds_the_new_modes_and_their_images():
    samples, which = modes(800, [2, 2, 2, 1, 1], 1)
    reference, _ = modes(800, [1, 1, 1], 2)
    found = ken(samples, reference, bandwidth=3)
    shares = [(which == mode).mean() for mode in (3, 4)]
    assert sorted(mode.share for mode in found.modes[:2]) == pytest.approx(sorted(shares), abs=0.01)
    assert found.modes[2].share < 0.05
    for mode in found.modes[:2]:
        assert len(mode.rows) == 25
        assert len(set(which[list(mode.rows)])) == 1
        assert which[mode.rows[0]] in (3, 4)
    total = sum(shares)
    expected = sum(share * math.log(total / share) for share in shares)
    assert found.value == pytest.approx(expected, abs=0.02)
    assert found.low < expected < found.high


def test_ken_of_equal_sets_is_nothing():
    x = gaussian(100, 4)
    assert float(ken(x, x)) == pytest.approx(0, abs=1e-3)
    assert repr(ken(x, x)).startswith("ken ")


def test_rows_of_modes_are_places_among_all_updates():
    samples, which = modes(300, [1, 1], 3)
    reference, _ = modes(300, [1], 4)
    state, other = KEN(bandwidth=3), KEN(bandwidth=3)
    state.update(samples=samples[:100], reference=reference)
    other.update(samples=samples[100:])
    state.merge(other)
    assert set(which[list(state.compute().modes[0].rows)]) == {1}


def test_merged_states_equal_one_call():
    x = gaussian(200, 5)
    for one, other, metric in ((Vendi(2), Vendi(2), lambda v: vendi(v, 2)), (RKE(), RKE(), rke)):
        one.update(samples=x[150:])
        other.update(samples=x[:150])
        one.merge(other)
        assert repr(one.compute()) == repr(metric(x))


def test_bad_input_gives_one_clear_sentence():
    x = gaussian(20, 4)
    with pytest.raises(ParameterError, match="q = -1"):
        vendi(x, -1)
    with pytest.raises(ParameterError, match="q = nan"):
        vendi(x, math.nan)
    with pytest.raises(ParameterError, match="kernel = 'linear'"):
        vendi(x, kernel="linear")
    with pytest.raises(ParameterError, match="bandwidth = 0"):
        rke(x, bandwidth=0)
    with pytest.raises(ParameterError, match="eta = -1"):
        ken(x, x, eta=-1)
    with pytest.raises(ParameterError, match="zeros has no direction"):
        vendi(np.zeros((3, 4)))
    with pytest.raises(ParameterError, match="at most 5,000 with the Gaussian kernel"):
        vendi(np.zeros((5001, 1)), kernel="gaussian")
    with pytest.raises(ParameterError, match="1 samples: ken needs at least 2"):
        ken(x[:1], x)
    with pytest.raises(ParameterError, match="options cannot be merged"):
        Vendi(1).merge(Vendi(2))
    with pytest.raises(FeatureError):
        vendi(np.array([[np.inf, 1]]))
    with pytest.raises(ReferenceMismatchError):
        ken(x, x[:, :2])


def test_one_image_is_one():
    found = vendi(gaussian(1, 4))
    assert found.value == pytest.approx(1)
    assert np.isnan(found.low)
    assert float(rke(gaussian(1, 4))) == 1
