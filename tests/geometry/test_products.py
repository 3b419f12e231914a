"""What observers make of a scan's products: sums of kernels, and the smallest angles."""

import numpy as np
import pytest

from make import gaussian
from rara.geometry import (
    KernelSums,
    Nearest,
    NearestCosines,
    Product,
    Tiling,
    kth_left,
    neighbours,
    query,
)
from rara.geometry import nearest_cosines as module
from rara.sets.intervals import parts_of

CUBIC = Product("cubic", divisor=24, shift=1.0)
GAUSSIAN = Product("gaussian", unit=True, width2=50.0)
SMALL = Tiling(16, 8, 16, 64)
ERROR = {"int8": 1e-3, "float32": 2e-6}


def pair(offset=0.0):
    x, y = gaussian(90, 24), np.float32(1.4) * gaussian(70, 24, seed=1)
    return x + np.float32(offset), y + np.float32(offset)


def kernel(product, x, y):
    x, y = x.astype(float), y.astype(float)
    v = x @ y.T / product.divisor + product.shift
    if product.unit:
        v /= np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(y, axis=1)
    return v**3 if product.kind == "cubic" else np.expm1((v - 1) / product.width2)


@pytest.mark.parametrize("offset", [0, 3])
@pytest.mark.parametrize("tiling", [None, SMALL])
@pytest.mark.parametrize("arithmetic", ["int8", "float32"])
@pytest.mark.parametrize("product", [CUBIC, GAUSSIAN])
def test_sums_of_kernels(product, arithmetic, tiling, offset):
    x, y = pair(offset)
    across, within = KernelSums(product, x, y), KernelSums(product, x)
    engine = {"arithmetic": arithmetic, "tiling": tiling}
    query(x, y, [Nearest(len(x), 2)], observers=[across], **engine)
    neighbours(x, 2, observers=[within], **engine)
    k = kernel(product, x, y)
    own = kernel(product, x, x)
    np.fill_diagonal(own, 0)
    size = np.abs(k).mean()
    rows, columns = across.means()
    close = {"rtol": 0, "atol": ERROR[arithmetic] * size}
    np.testing.assert_allclose(rows.mean(), k.mean(), **close)
    np.testing.assert_allclose(within.means()[0].mean(), own.sum() / 90 / 89, **close)
    close["atol"] *= 20  # of single rows
    np.testing.assert_allclose(rows, k.mean(axis=1), **close)
    np.testing.assert_allclose(columns, k.mean(axis=0), **close)
    np.testing.assert_allclose(within.means()[0], own.sum(axis=1) / 89, **close)
    np.testing.assert_allclose(across.exact(0, 7), k.mean(axis=1)[::7], rtol=1e-5)
    np.testing.assert_allclose(across.exact(1, 7), k.mean(axis=0)[::7], rtol=1e-5)
    np.testing.assert_allclose(within.exact(0, 7), own.sum(axis=1)[::7] / 89, rtol=1e-5)


def test_which_products_were_taken_is_kept():
    x, y = pair()
    sums = KernelSums(CUBIC, x, y)
    for arithmetic in ("int8", "float32"):
        query(x, y, [Nearest(len(x), 2)], observers=[sums], arithmetic=arithmetic)
    assert sums.arithmetics == {"int8", "float32"}


def cosine_distances(x, y):
    units = [side / np.linalg.norm(side.astype(float), axis=1)[:, None] for side in (x, y)]
    same, opposite = (
        ((units[0][:, None] - sign * units[1]) ** 2).sum(axis=2) / 2 for sign in (1, -1)
    )
    return np.minimum(same, opposite)


def two_nearest(d, parts):
    by_part = np.stack([d[:, part].min(axis=1) for part in parts], axis=1)
    return np.sort(by_part, axis=1)[:, :2], by_part.argmin(axis=1)


@pytest.mark.parametrize("offset", [0, 3])
@pytest.mark.parametrize("tiling", [None, SMALL])
@pytest.mark.parametrize("arithmetic", ["int8", "float32"])
def test_smallest_angles(arithmetic, tiling, offset):
    x, y = pair(offset)
    x[3], x[4], y[11] = y[7], -y[7], 2 * y[7]  # copies, and opposite and scaled ones
    parts = parts_of(len(y))
    angles = NearestCosines(x, y, parts)
    query(x, y, [Nearest(len(x), 2)], observers=[angles], arithmetic=arithmetic, tiling=tiling)
    expected, places = two_nearest(cosine_distances(x, y), parts)
    found = angles.nearest()
    np.testing.assert_allclose(np.sort(found, axis=1)[:, :2], expected, rtol=1e-9, atol=1e-30)
    clear = expected[:, 0] < expected[:, 1]
    assert (found.argmin(axis=1) == places)[clear].all()
    assert found[3].min() == found[4].min() == 0


def test_few_pairs_are_kept():
    x, y = gaussian(400, 64), gaussian(900, 64, seed=1)
    parts = parts_of(len(y))
    angles = NearestCosines(x, y, parts)
    query(x, y, [Nearest(len(x), 2)], observers=[angles], arithmetic="int8")
    assert len(angles._left()[0]) < 0.02 * len(x) * len(y)
    expected, _ = two_nearest(cosine_distances(x, y), parts)
    np.testing.assert_allclose(np.sort(angles.nearest(), axis=1)[:, :2], expected, rtol=1e-9)


def test_one_part_has_no_second():
    x, y = pair()
    angles = NearestCosines(x, y, [slice(0, len(y))])
    query(x, y, [Nearest(len(x), 2)], observers=[angles])
    np.testing.assert_allclose(
        angles.nearest()[:, 0], cosine_distances(x, y).min(axis=1), rtol=1e-9
    )


def test_too_many_equal_angles_are_given_up(monkeypatch):
    monkeypatch.setattr(module, "MOST", 1000)
    monkeypatch.setattr(module, "_ROOM", 100)
    x, y = pair()
    y[:] = y[0]
    angles = NearestCosines(x, y, parts_of(len(y)))
    query(x, y, [Nearest(len(x), 2)], observers=[angles], tiling=SMALL)
    assert angles.too_many
    assert np.isinf(angles.nearest()).all()


@pytest.mark.parametrize("k", [1, 3, 9])
@pytest.mark.parametrize("besides", [False, True])
def test_the_kth_that_is_left(k, besides):
    rng = np.random.default_rng(k)
    index = rng.integers(0, 40, (50, 6)).astype(np.int32)
    d2 = np.sort(rng.random((50, 6)), axis=1)
    weight = rng.integers(0, 3, 40).astype(np.int32)
    start = rng.integers(0, 3, 50).astype(np.int32) if besides else np.zeros(0, np.int32)
    out = np.empty(50)
    kth_left(d2, index, weight, k, start, out)
    for i in range(50):
        first = int(start[i]) if besides else 0
        ranked = np.repeat(d2[i], weight[index[i]])
        left = np.append(np.zeros(first), ranked)
        assert out[i] == (left[k - 1] if len(left) >= k else d2[i, -1])
