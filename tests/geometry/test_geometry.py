"""The engine against brute force: equal in every bit, however the work is cut."""

import itertools
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from hostile_vectors import ARITHMETICS, HOSTILE, samples_for
from rara.geometry import (
    Balls,
    Nearest,
    PackedProducts,
    QuantizedReference,
    Ratio,
    SamplesPerBall,
    Tiling,
    Transposed,
    neighbours,
    neighbours_left,
    query,
    query_in_processes,
    squared_distance,
)
from rara.geometry import filter as bounds
from rara.geometry import (
    matmul as products,
)
from rara.geometry.matmul import arithmetic_for, multiplier
from rara.geometry.quantization import MARGIN, Codes, Frame
from rara.geometry.threads import Crew, one_core


def vectors(kind, n, d, seed=0):
    return HOSTILE[kind](np.random.default_rng(seed), n, d).astype(np.float32)


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
    arithmetic=st.sampled_from(ARITHMETICS),
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
@pytest.mark.parametrize("rows", [1, 60])
def test_bounds_enclose_the_distance(scale, d, arithmetic, rows):
    """The filter's bounds, evaluated as the loops do, on vectors chosen to strain them."""
    rng = np.random.default_rng(d)
    sizes = rng.choice([1e-6, 1, 1e3], size=(60, 1))
    reference = (scale * (5 + rng.normal(size=(60, d)) * sizes)).astype(np.float32)
    reference[-5:] = reference[:5] * np.float32(1 + 1e-6)
    frame = Frame.of(reference)
    codes = Codes.empty(60, d, arithmetic)
    frame.encode(reference, arithmetic, into=codes)
    terms = codes.terms
    product = np.empty((60, 60), np.float32 if arithmetic == "float32" else np.int32)
    multiplier(codes, rows, arithmetic)(codes, product)
    distance = np.ldexp(np.sqrt(oracle.squared_distances(reference, reference)), -frame.exponent)
    for i in range(60):
        for j in range(60):
            twice, errors = terms.scale[i] + terms.scale[i], terms.error[i] + terms.error[j]
            squares = [
                bounds._square(length[i] + length[j], twice, terms.scale[j], product[i, j])
                for length in (terms.low, terms.high)
            ]
            low = bounds.lower_bound(squares[0], errors)
            high = bounds.upper_bound(squares[1], errors)
            assert not low > distance[i, j]
            assert high >= distance[i, j]
            assert not bounds._beyond(squares[0], errors, np.float32(distance[i, j] * MARGIN))
            # Bounds that enclose everything would prove nothing: they must be tight, too.
            length = np.sqrt(terms.high[i] + terms.high[j])
            slack = 2.1 * errors + 0.01 * length
            assert np.isnan(low) or high - low <= slack


@pytest.fixture
def machine(monkeypatch):
    """One whose products take so many seconds; those that are not named are not exact."""
    yield partial(pretend, monkeypatch)
    products.fastest.cache_clear()


def pretend(monkeypatch, **seconds):
    products.fastest.cache_clear()
    monkeypatch.setattr(products, "best", lambda arithmetic: arithmetic in seconds)
    monkeypatch.setattr(products, "race", lambda makes: {one: seconds[one] for one in makes})


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({"float32": 1, "int8": 0.1, "int7": 0.01}, "int8"),  # it has nothing to gain
        ({"float32": 1, "int8": 0.5, "int7": 0.45}, "int8"),  # not much faster
        ({"float32": 1, "int8": 0.5, "int7": 0.4}, "int7"),
        ({"float32": 1, "int7": 0.5}, "int7"),  # where sums of 16 bits saturate
        ({"float32": 1, "int8": 0.9, "int7": 0.8}, "float32"),
        ({"float32": 1, "int8": 0.6}, "int8"),
        ({"float32": 1}, "float32"),  # no integer product is exact
    ],
)
def test_the_fastest_product_is_chosen(machine, seconds, chosen):
    machine(**seconds)
    assert arithmetic_for(10**4, 10**5, 1000, ready=False) == chosen


def test_small_work_is_not_worth_preparing(machine):
    machine(float32=1, int8=0.1)
    assert arithmetic_for(10, 100, 64, ready=False) == "float32"


def test_few_samples_use_the_codes_that_are_there(machine):
    machine(float32=1)
    assert arithmetic_for(1, 1000, 64, ready=True) == "int8"  # by a loop, not by the product


def test_too_many_survivors_end_with_a_tighter_filter():
    """One coordinate so large that a byte a coordinate leaves nothing of the others."""
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(1500, 40)).astype(np.float32)
    reference[:, 0] = rng.choice([-1e4, 1e4], 1500)
    tiling = Tiling(block=1500, rows=50, columns=50)
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


def everything(samples, reference, r2, own_r2):
    """Every reducer, from both sides."""
    return {
        "nearest": Nearest(len(samples), 4),
        "balls": Balls(len(samples), r2),
        "visits": SamplesPerBall(r2, "closed"),
        "ratio": Ratio(len(samples), r2),
        "nearest samples": Transposed(Nearest(len(reference), 3)),
        "balls round samples": Transposed(Balls(len(reference), own_r2)),
    }


def held_by(reducer):
    """What a reducer has found, as arrays."""
    inner = reducer.question if isinstance(reducer, Transposed) else reducer
    names = ("d2", "index", "radius2", "witness", "count", "largest")
    return {name: getattr(inner, name) for name in names if hasattr(inner, name)}


def assert_same(ours, theirs):
    for key in theirs:
        for name, value in held_by(theirs[key]).items():
            np.testing.assert_array_equal(held_by(ours[key])[name], value, err_msg=f"{key} {name}")


PARTS = {
    "kind": st.sampled_from(["grid", "copies", "plain", "one coordinate"]),
    "seed": st.integers(0, 10**6),
    "arithmetic": st.sampled_from(ARITHMETICS),
    "threads": st.integers(1, 3),
}


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_both_directions_equal_the_oracle(kind, arithmetic):
    reference = vectors(kind, 70, 5)
    samples = samples_for(reference)
    r2, own_r2 = oracle.radii2(reference, 3), oracle.radii2(samples, 2)
    d2 = oracle.squared_distances(samples, reference)
    asked = everything(samples, reference, r2, own_r2)
    query(samples, reference, list(asked.values()), arithmetic=arithmetic, tiling=Tiling(20, 7, 16))
    held = oracle.holds(d2, r2, "closed")
    np.testing.assert_array_equal(asked["visits"].count, held.sum(axis=0))
    index, expected = oracle.neighbours(d2.T, 3)
    np.testing.assert_array_equal(asked["nearest samples"].question.d2, expected)
    np.testing.assert_array_equal(asked["nearest samples"].question.index, index)
    value, witness = oracle.rarity(d2.T, own_r2)
    balls = asked["balls round samples"].question
    np.testing.assert_array_equal(balls.radius2, value)
    np.testing.assert_array_equal(balls.witness, witness)
    np.testing.assert_array_equal(balls.count, oracle.holds(d2.T, own_r2).sum(axis=1))


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("sides", ["both", "reference", "samples"])
def test_what_is_certain_is_counted_without_a_distance(kind, arithmetic, sides):
    """Balls of several sizes and boundaries round both sides, and nothing else asked."""
    reference = vectors(kind, 70, 5)
    samples = samples_for(reference)
    d2 = oracle.squared_distances(samples, reference)
    asked = []
    if sides != "samples":
        for k, boundary in ((2, "open"), (6, "closed"), (20, "official")):
            r2 = oracle.radii2(reference, k)
            held = oracle.holds(d2, r2, boundary)
            asked += [(Balls(len(samples), r2, boundary), held.sum(axis=1))]
            asked += [(SamplesPerBall(r2, boundary), held.sum(axis=0))]
    if sides != "reference":
        for k in (1, 9):
            r2 = oracle.radii2(samples, k)
            held = oracle.holds(d2.T, r2)
            asked += [(Transposed(Balls(70, r2)), held.sum(axis=1))]
    engine = {"arithmetic": arithmetic, "tiling": Tiling(20, 7, 16, 10)}
    query(samples, reference, [reducer for reducer, _ in asked], **engine)
    for reducer, expected in asked:
        np.testing.assert_array_equal(held_by(reducer)["count"], expected)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_deep_inside_few_distances_are_taken(arithmetic):
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(500, 32)).astype(np.float32)
    samples = (0.3 * rng.normal(size=(100, 32))).astype(np.float32)
    balls = Balls(100, oracle.radii2(reference, 5))
    statistics = query(samples, reference, [balls], arithmetic=arithmetic)
    assert balls.count.sum() > 10_000
    assert statistics.verified < 0.5 * balls.count.sum()


def cuts(data, count, pieces=3):
    """A partition of range(count) into spans."""
    inner = data.draw(st.lists(st.integers(0, count), max_size=pieces))
    edges = sorted({0, count, *inner})
    return [slice(*edge) for edge in itertools.pairwise(edges)]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), **PARTS)
def test_shards_in_any_order_merge_to_the_whole(data, kind, seed, arithmetic, threads):
    """Any partition of samples and reference, scanned in any order, merged in any order."""
    reference = vectors(kind, 50, 4, seed)
    samples = samples_for(reference, seed)
    radii = oracle.radii2(reference, 2), oracle.radii2(samples, 2)
    whole = everything(samples, reference, *radii)
    query(samples, reference, list(whole.values()))
    parts = data.draw(
        st.permutations(
            [(i, j) for i in cuts(data, len(samples)) for j in cuts(data, len(reference))]
        )
    )
    merged = everything(samples, reference, *radii)
    engine = {"arithmetic": arithmetic, "threads": threads, "tiling": Tiling(20, 7, 16)}
    for rows, columns in parts:
        one = everything(samples, reference, *radii)
        query(samples, reference, list(one.values()), rows=rows, columns=columns, **engine)
        for key, reducer in merged.items():
            reducer.merge(one[key])
    assert_same(merged, whole)


@pytest.mark.parametrize("mapped", [False, True])
def test_processes_give_the_same(tmp_path, mapped):
    reference = vectors("copies", 300, 40)
    samples = samples_for(reference)
    if mapped:
        np.save(tmp_path / "reference.npy", np.concatenate([reference[:7], reference]))
        reference = np.load(tmp_path / "reference.npy", mmap_mode="r")[7:]
    radii = oracle.radii2(reference, 2), oracle.radii2(samples, 2)
    whole = everything(samples, reference, *radii)
    query(samples, reference, list(whole.values()))
    shards = [
        (rows, columns)
        for rows in (slice(0, 9), slice(9, len(samples)))
        for columns in (slice(0, 100), slice(100, 300))
    ]
    ours = everything(samples, reference, *radii)
    statistics = query_in_processes(
        samples, reference, list(ours.values()), processes=2, shards=shards
    )
    assert_same(ours, whole)
    assert statistics.pairs == len(samples) * 300


@settings(max_examples=60, deadline=None)
@given(data=st.data(), **PARTS)
def test_shards_of_one_set_merge_to_the_whole(data, kind, seed, arithmetic, threads):
    reference = vectors(kind, 50, 4, seed)
    whole, _ = neighbours(reference, 5)
    engine = {"arithmetic": arithmetic, "threads": threads, "tiling": Tiling(20, 7, 16)}
    merged = Nearest(50, 5)
    parts = [(i, j) for i in cuts(data, 50) for j in cuts(data, 50)]
    for rows, columns in data.draw(st.permutations(parts)):
        merged.merge(neighbours(reference, 5, rows=rows, columns=columns, **engine)[0])
    np.testing.assert_array_equal(merged.d2, whole.d2)
    np.testing.assert_array_equal(merged.index, whole.index)


@settings(max_examples=60, deadline=None)
@given(before=st.integers(6, 49), pending=st.sampled_from([0, 1000]), **PARTS)
def test_neighbours_grow_with_the_set(before, pending, kind, seed, arithmetic, threads):
    reference = vectors(kind, 50, 4, seed)
    engine = {"arithmetic": arithmetic, "threads": threads, "tiling": Tiling(20, 7, 16, pending)}
    earlier, _ = neighbours(reference[:before], 5, **engine)
    ours, statistics = neighbours(reference, 5, earlier=earlier, **engine)
    whole, _ = neighbours(reference, 5)
    np.testing.assert_array_equal(ours.d2, whole.d2)
    np.testing.assert_array_equal(ours.index, whole.index)
    assert statistics.pairs == (50 * 49 - before * (before - 1)) // 2


@settings(max_examples=60, deadline=None)
@given(data=st.data(), **PARTS)
def test_neighbours_of_what_is_left(data, kind, seed, arithmetic, threads):
    reference = vectors(kind, 40, 4, seed)
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=40, max_size=40)))
    kept[:2] = True
    left = np.ascontiguousarray(reference[kept])
    earlier, _ = neighbours(reference, 5)
    ours = neighbours_left(left, earlier, kept, arithmetic=arithmetic, threads=threads)
    whole, _ = neighbours(left, min(5, len(left) - 1))
    np.testing.assert_array_equal(ours.d2, whole.d2)
    np.testing.assert_array_equal(ours.index, whole.index)


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("few", [1, 40])
@pytest.mark.parametrize("d", [3, 300])
def test_kept_codes_change_nothing(kind, few, d):
    reference = vectors(kind, 80, d)
    arrays = QuantizedReference.of(reference).arrays()
    quantized = QuantizedReference.from_arrays(
        {name: array.copy() for name, array in arrays.items()}
    )
    samples = samples_for(reference)[-few:]
    assert_equal_to_oracle(samples, reference, 3, quantized=quantized, arithmetic="int8")
    ours, _ = neighbours(
        reference, 3, quantized=quantized, arithmetic="int8", tiling=Tiling(50, 16, 32)
    )
    np.testing.assert_array_equal(ours.d2[:, -1], oracle.radii2(reference, 3))


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("d", [3, 300])
def test_products_that_are_kept_between_queries_change_nothing(kind, d):
    reference = vectors(kind, 80, d)
    quantized = replace(QuantizedReference.of(reference), packed=PackedProducts())
    for few, tiling in itertools.product((1, 13, 40), (None, Tiling(50, 16, 32))):
        samples = samples_for(reference)[-few:]
        assert_equal_to_oracle(
            samples, reference, 3, quantized=quantized, arithmetic="int8", tiling=tiling
        )


def test_each_tile_is_packed_once(monkeypatch):
    packed = []
    monkeypatch.setattr(
        "rara.geometry.quantized_reference.multiplier",
        lambda codes, rows, arithmetic: packed.append(len(codes)) or multiplier(
            codes, rows, arithmetic
        ),
    )  # fmt: skip
    reference = vectors("plain", 80, 32)
    quantized = replace(QuantizedReference.of(reference), packed=PackedProducts())
    for _ in range(3):
        query(
            reference[:20], reference, [Nearest(20, 3)], quantized=quantized, arithmetic="int8",
            tiling=Tiling(50, 16, 32),
        )  # fmt: skip
    assert packed == [32, 32, 16]


def test_memory_shrinks_the_tiles():
    sizes = {"rows": 10**5, "dimensions": 1280, "threads": 2, "row_bytes": 100}
    wide = Tiling.within(2**30, **sizes)
    narrow = Tiling.within(2**22, **sizes)
    assert narrow.rows < wide.rows
    assert narrow.columns < wide.columns
    assert narrow.block < wide.block <= 2**30 // 1280


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


def test_the_matrix_library_has_one_thread_until_the_last_one_ends():
    """All threads share it: who ends first must not lift the limit of the others."""
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads():
        info = [one for one in threadpool_info() if one["user_api"] == "blas"]
        return {one["filepath"]: one["num_threads"] for one in info}

    with threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        with one_core():
            limited = {path for path, many in threads().items() if many == 1}
        assert limited  # one that is loaded later is not
        assert threads() == before
        first, second = one_core(), one_core()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert {threads()[path] for path in limited} == {1}
        with Crew(2):
            second.__exit__(None, None, None)
            assert {threads()[path] for path in limited} == {1}
        assert threads() == before
