"""The engine against brute force: equal in every bit, however the work is cut."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from rara.geometry import (
    Balls,
    Nearest,
    Ratio,
    Tiling,
    neighbours,
    query,
    squared_distance,
)
from rara.geometry import filter as bounds
from rara.geometry.codes import Codes, Frame
from rara.geometry.executors import Crew
from rara.geometry.products import arithmetic_for, multiplier, proved

HOSTILE = {
    "plain": lambda rng, n, d: rng.normal(size=(n, d)),
    "offset": lambda rng, n, d: 1e4 + rng.normal(size=(n, d)),
    "huge": lambda rng, n, d: 1e30 * rng.normal(size=(n, d)),
    "tiny": lambda rng, n, d: 1e-30 * rng.normal(size=(n, d)),
    "subnormal": lambda rng, n, d: 1e-42 * rng.normal(size=(n, d)),
    "constant": lambda rng, n, d: np.full((n, d), 0.1),
    "zero": lambda rng, n, d: np.zeros((n, d)),
    "copies": lambda rng, n, d: rng.normal(size=(n, d))[rng.integers(0, max(n // 4, 1), n)],
    "grid": lambda rng, n, d: rng.integers(0, 3, size=(n, d)),
    "near copies": lambda rng, n, d: 1 + 1e-7 * rng.integers(0, 3, size=(n, d)),
    "one outlier": lambda rng, n, d: (
        rng.normal(size=(n, d)) * np.where(np.arange(n) == 0, 1e15, 1)[:, None]
    ),
    "one coordinate": lambda rng, n, d: (
        rng.normal(size=(n, d)) * np.where(np.arange(d) == 0, 1e12, 1)
    ),
    "sparse": lambda rng, n, d: np.maximum(rng.normal(size=(n, d)) - 1, 0),
}


ARITHMETICS = ["float32", "int8"]


def vectors(kind, n, d, seed=0):
    return HOSTILE[kind](np.random.default_rng(seed), n, d).astype(np.float32)


def samples_for(reference, seed=1):
    """Fresh points, copies, points pushed outwards, and points exactly on a ball."""
    rng = np.random.default_rng(seed)
    some = reference[rng.integers(0, len(reference), 12)]
    with np.errstate(over="ignore", invalid="ignore"):
        spread = (some[:4] + some[4:8] * np.float32(0.5)).astype(np.float32)
        far = (some[8:] * np.float32(3)).astype(np.float32)
        lost = np.clip(np.float64(some[:3]) * 1e38 + 1e37, -3e38, 3e38).astype(np.float32)
    return np.concatenate([some, spread, far, lost, -lost, reference[:5]])


@pytest.mark.parametrize("d", [1, 2, 7, 8, 9, 64, 1280])
def test_distance_equals_the_oracle_in_every_bit(d):
    rng = np.random.default_rng(d)
    x, y = rng.normal(size=(2, 20, d)).astype(np.float32)
    expected = oracle.squared_distances(x, y)
    ours = [[squared_distance(a, b) for b in y] for a in x]
    np.testing.assert_array_equal(ours, expected)


def test_oracle_order_is_the_documented_one():
    """2^54 absorbs a 2 that is added alone, not a 4: the order decides."""
    big, zero = 2.0**54, np.zeros((1, 40), np.float32)
    same_lane = zero.copy()
    same_lane[0, [0, 32, 16]] = 2.0**27, 1.4, 1.4  # 32 joins lane 0 first, then lane 16
    assert oracle.squared_distances(same_lane, zero)[0, 0] == big
    other_lanes = zero.copy()
    other_lanes[0, [0, 1, 17]] = 2.0**27, 1.4, 1.4  # 1 and 17 join before they meet 0
    assert oracle.squared_distances(other_lanes, zero)[0, 0] == big + 4


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("d", [1, 5, 40])
@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_neighbours_equal_the_oracle(kind, d, k, arithmetic):
    reference = vectors(kind, 90, d)
    d2 = oracle.squared_distances(reference, reference)
    index, expected = oracle.neighbours(d2, k, own=np.arange(90))
    tiling = Tiling(block=40, rows=16, columns=32)
    ours, _ = neighbours(reference, k, tiling=tiling, arithmetic=arithmetic)
    np.testing.assert_array_equal(ours.d2, expected)
    np.testing.assert_array_equal(ours.index, index)


def answers(samples, reference, r2, **engine):
    limit = np.sort(r2)[(len(r2) - 1) // 2]
    reducers = [
        Nearest(len(samples), min(5, len(reference))),
        Balls(len(samples), r2, "open"),
        Balls(len(samples), r2, "closed"),
        Balls(len(samples), r2, "official"),
        Ratio(len(samples), np.where(r2 <= limit, r2, np.nan)),
    ]
    statistics = query(samples, reference, reducers, **engine)
    return reducers, statistics


def assert_equal_to_oracle(samples, reference, k, **engine):
    r2 = oracle.radii2(reference, k)
    d2 = oracle.squared_distances(samples, reference)
    (nearest, *balls, ratio), _ = answers(samples, reference, r2, **engine)
    index, expected = oracle.neighbours(d2, nearest.k)
    np.testing.assert_array_equal(nearest.d2, expected)
    np.testing.assert_array_equal(nearest.index, index)
    for one in balls:
        value, witness = oracle.rarity(d2, r2, one.boundary)
        np.testing.assert_array_equal(one.radius2, value)
        np.testing.assert_array_equal(one.witness, witness)
        np.testing.assert_array_equal(one.count, oracle.holds(d2, r2, one.boundary).sum(axis=1))
    np.testing.assert_array_equal(ratio.largest, oracle.realism2(d2, r2))


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("d", [1, 5, 40])
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_query_equals_the_oracle(kind, d, arithmetic):
    reference = vectors(kind, 80, d)
    assert_equal_to_oracle(samples_for(reference), reference, 3, arithmetic=arithmetic)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(sorted(HOSTILE)),
    n=st.integers(6, 70),
    d=st.integers(1, 20),
    k=st.integers(1, 5),
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    block=st.integers(1, 40),
    threads=st.integers(1, 3),
    arithmetic=st.sampled_from(["float32", "int8"]),
)
def test_any_cut_and_any_threads_give_the_oracle(
    kind, n, d, k, seed, rows, columns, block, threads, arithmetic
):
    reference = vectors(kind, n, d, seed)
    tiling = Tiling(block, rows, columns, pending=0)
    r2 = oracle.radii2(reference, k)
    engine = {"tiling": tiling, "threads": threads, "arithmetic": arithmetic}
    ours, _ = neighbours(reference, k, **engine)
    np.testing.assert_array_equal(ours.d2[:, -1], r2)
    samples = samples_for(reference, seed)
    assert_equal_to_oracle(samples, reference, k, **engine)


@pytest.mark.parametrize("scale", [1e-30, 1, 1e20])
@pytest.mark.parametrize("d", [3, 300])
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_bounds_enclose_the_distance(scale, d, arithmetic):
    """The filter's bounds, evaluated as the loops do, on vectors chosen to strain them."""
    rng = np.random.default_rng(d)
    sizes = rng.choice([1e-6, 1, 1e3], size=(60, 1))
    reference = (scale * (5 + rng.normal(size=(60, d)) * sizes)).astype(np.float32)
    reference[-5:] = reference[:5] * np.float32(1 + 1e-6)
    frame = Frame.of(reference)
    codes = Codes.empty(60, d, arithmetic)
    frame.encode(reference, into=codes)
    product = np.empty((60, 60), np.int32 if arithmetic == "int8" else np.float32)
    multiplier(codes)(codes, product)
    distance = np.ldexp(np.sqrt(oracle.squared_distances(reference, reference)), -frame.exponent)
    for i in range(60):
        for j in range(60):
            cross = (codes.scale[i] + codes.scale[i]) * (codes.scale[j] * np.float32(product[i, j]))
            errors = codes.error[i] + codes.error[j]
            low = bounds._lower_bound(codes.low[i] + codes.low[j], cross, errors)
            high = bounds._upper_bound(codes.high[i] + codes.high[j], cross, errors)
            assert not low > distance[i, j]
            assert high >= distance[i, j]
            # Bounds that enclose everything would prove nothing: they must be tight, too.
            length = np.sqrt(codes.high[i] + codes.high[j])
            slack = 2.1 * errors + 0.01 * length
            assert np.isnan(low) or high - low <= slack


def test_integer_products_are_exact_where_16_bits_would_saturate():
    assert proved()


def test_a_machine_whose_integer_products_saturate_gets_float32(monkeypatch):
    monkeypatch.setattr("rara.geometry.products.proved", lambda: False)
    assert arithmetic_for(10**9, 1000) == "float32"


def test_small_work_is_not_worth_preparing():
    assert arithmetic_for(1000, 64) == "float32"


def test_too_many_survivors_end_with_a_tighter_filter(monkeypatch):
    """One coordinate so large that a byte a coordinate leaves nothing of the others."""
    monkeypatch.setattr("rara.geometry.mutual.MANY", 1000)
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(400, 40)).astype(np.float32)
    reference[:, 0] = rng.choice([-1e4, 1e4], 400)
    tiling = Tiling(block=400, rows=50, columns=50)
    ours, statistics = neighbours(reference, 3, arithmetic="int8", tiling=tiling)
    assert statistics.filter == "float32"
    np.testing.assert_array_equal(ours.d2[:, -1], oracle.radii2(reference, 3))
    samples = samples_for(reference)
    engine = {"arithmetic": "int8", "tiling": tiling}
    assert_equal_to_oracle(samples, reference, 3, **engine)
    _, statistics = answers(samples, reference, oracle.radii2(reference, 3), **engine)
    assert statistics.filter == "float32"


def test_the_filter_spares_most_pairs_the_float64():
    reference = vectors("plain", 2000, 32)
    _, statistics = neighbours(reference, 3)
    assert statistics.verified < 0.02 * statistics.pairs


def test_own_image_is_never_seen():
    reference = vectors("copies", 60, 6)
    own = np.arange(60, dtype=np.int32)
    nearest = Nearest(60, 4)
    query(reference, reference, [nearest], own=own, tiling=Tiling(25, 7, 11))
    ours, _ = neighbours(reference, 4)
    np.testing.assert_array_equal(nearest.index, ours.index)
    assert (nearest.index != own[:, None]).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), kind=st.sampled_from(["grid", "copies", "plain"]))
def test_merging_parts_gives_the_whole(seed, kind):
    """Each reducer over a random partition of the reference, merged in a random order."""
    rng = np.random.default_rng(seed)
    reference = vectors(kind, 40, 3, seed)
    samples = samples_for(reference, seed)
    r2 = oracle.radii2(reference, 2)
    d2 = oracle.squared_distances(samples, reference)
    part = rng.integers(0, 3, 40)

    def fed(reducer, columns):
        i, j = np.meshgrid(np.arange(len(samples)), columns, indexing="ij")
        i, j = i.ravel().astype(np.int32), j.ravel().astype(np.int32)
        reducer.update(i, j, d2[i, j])
        return reducer

    for make in (
        lambda: Nearest(len(samples), 4),
        lambda: Balls(len(samples), r2),
        lambda: Ratio(len(samples), r2),
    ):
        whole = fed(make(), np.arange(40))
        parts = [fed(make(), np.flatnonzero(part == p)) for p in rng.permutation(3)]
        merged = make()
        for one in parts:
            merged.merge(one)
        for name in ("d2", "index", "radius2", "witness", "count", "largest"):
            if hasattr(whole, name):
                np.testing.assert_array_equal(getattr(merged, name), getattr(whole, name))


def test_memory_shrinks_the_tiles():
    wide = Tiling.within(2**30, rows=10**5, dimensions=1280, threads=2)
    narrow = Tiling.within(2**22, rows=10**5, dimensions=1280, threads=2)
    assert narrow.rows < wide.rows
    assert narrow.columns < wide.columns
    assert narrow.block < wide.block <= 2**30 // (4 * 1280)


def test_an_error_in_a_thread_ends_the_work_and_reaches_the_caller():
    done = []

    def work(task, worker):
        done.append(task)
        if task == 0:
            raise RuntimeError("broken")
        time.sleep(0.01)

    with Crew(2) as crew, pytest.raises(RuntimeError, match="broken"):
        crew.each(work, range(500))
    assert len(done) < 400


def test_weights_of_any_size():
    """Their quotient with a distance may be too small for float32."""
    reference = np.array([[0], [2.0**-51], [1], [-1]], np.float32)
    samples = np.array([[2.0**-49]], np.float32)
    weight = np.array([2.0**120, 2.0**120, np.nan, np.nan])
    ratio = Ratio(1, weight)
    query(samples, reference, [ratio])
    d2 = oracle.squared_distances(samples, reference)
    assert ratio.largest[0] == (weight / d2[0])[:2].max()
