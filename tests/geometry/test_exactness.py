"""The checks that a machine's products have to pass, and what is used where they do not."""

import numpy as np
import pytest

import oracle
from rara.geometry import Balls, Nearest, exactness, neighbours, query
from rara.geometry import matmul as products
from rara.geometry.matmul import trusted
from rara.geometry.quantization import LEVELS, MOST_DIMENSIONS
from rara.geometry.sixteen_bits import available, product_in_16_bits

# -- bytes ------------------------------------------------------------------------------


def right(columns):
    """An exact product."""

    def multiply(rows, out):
        out[:] = (rows.astype(np.int64) - 128) @ (columns.astype(np.int64) - 128).T

    return multiply


def in_16_bits(summed):
    """What x86 without VNNI does: so many products at a time are summed in 16 bits."""

    def make(columns):
        signed = np.pad(columns.astype(np.int64) - 128, ((0, 0), (0, -columns.shape[1] % summed)))

        def multiply(rows, out):
            left = np.pad(rows.astype(np.int64), ((0, 0), (0, -rows.shape[1] % summed)))
            for i, row in enumerate(left):
                sums = (row * signed).reshape(len(signed), -1, summed).sum(-1)
                out[i] = np.clip(sums, -(2**15), 2**15 - 1).sum(-1) - 128 * signed.sum(-1)

        return multiply

    return make


def wrong_where(wrong):
    """An exact product but for shapes at which it adds one to the last value."""

    def make(columns):
        def multiply(rows, out):
            right(columns)(rows, out)
            out[-1, -1] += wrong(len(rows), len(columns), rows.shape[1])

        return multiply

    return make


def test_an_exact_product_is_proved():
    assert all(exactness.exact(right, levels) for levels in LEVELS.values())


def test_sums_that_saturate_are_noticed():
    assert not exactness.exact(in_16_bits(2), 127)
    assert exactness.exact(in_16_bits(2), 63)
    assert not exactness.exact(in_16_bits(4), 63)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda n, m, d: n == 1,
        lambda n, m, d: m == 1,
        lambda n, m, d: n % 4 == 3,
        lambda n, m, d: m % 16 == 5,
        lambda n, m, d: d % 32 == 31,
        lambda n, m, d: d % 4 == 1,
        lambda n, m, d: n > 64,
        lambda n, m, d: d > 2000,
        lambda n, m, d: d == MOST_DIMENSIONS,
    ],
    ids=["row", "column", "last rows", "last columns", "31", "odd", "many", "long", "longest"],
)
def test_one_wrong_shape_is_enough(wrong):
    assert not exactness.exact(wrong_where(wrong), 127)


def test_sums_that_leave_31_bits_are_noticed():
    def make(columns):
        def multiply(rows, out):
            right(columns)(rows, out)
            np.clip(out, -(2**29), 2**29, out=out)

        return multiply

    assert not exactness.exact(make, 127)


@pytest.fixture
def made_of(monkeypatch):
    """A machine that has these products alone."""

    def only(*makes):
        monkeypatch.setattr(products, "_products", lambda arithmetic: list(makes))
        products.best.cache_clear()

    yield only
    products.best.cache_clear()


@pytest.mark.parametrize("arithmetic", ["int8", "int7"])
def test_a_machine_is_asked_with_the_bytes_it_is_to_multiply(made_of, arithmetic):
    made_of(in_16_bits(2))
    assert (products.best(arithmetic) is not None) == (arithmetic == "int7")


def test_the_faster_of_the_exact_products_is_taken(made_of, monkeypatch):
    slow, wrong, fast = wrong_where(lambda *shape: 0), in_16_bits(4), right
    made_of(slow, wrong, fast)
    monkeypatch.setattr(products, "race", lambda makes: {one: one is not fast for one in makes})
    assert products.best("int7") is fast


def test_a_race_times_every_product():
    took = products.race({"bytes": products._few, "floats": products._floats})
    assert all(0 < seconds < 10 for seconds in took.values())
    assert len(took) == 2


def test_a_race_is_run_with_two_sides():
    """Of one array with itself a matrix library makes half the product."""
    same = []

    def make(columns):
        return lambda rows, out: same.append(rows is columns or np.shares_memory(rows, columns))

    products.race({"fake": make})
    assert same
    assert not any(same)


@pytest.mark.parametrize("arithmetic", ["int8", "int7"])
def test_where_no_product_is_exact_a_loop_is(made_of, arithmetic):
    made_of(in_16_bits(4))
    vectors = np.random.default_rng(0).normal(size=(60, 40)).astype(np.float32)
    ours, statistics = neighbours(vectors, 3, arithmetic=arithmetic)
    assert statistics.filter == arithmetic
    np.testing.assert_array_equal(ours.d2[:, -1], oracle.radii2(vectors, 3))


@pytest.mark.skipif(not available(), reason="needs AVX2")
def test_sums_of_16_bits_are_exact_for_smaller_bytes_alone():
    assert exactness.exact(product_in_16_bits, LEVELS["int7"])
    assert not exactness.exact(product_in_16_bits, LEVELS["int7"] + 2)


# -- float32 ----------------------------------------------------------------------------


def exactly(columns):
    def multiply(rows, out):
        out[:] = np.einsum("ic,jc->ij", rows.astype(np.float64), columns.astype(np.float64))

    return multiply


def with_bits(bits):
    """A product of coordinates that were rounded to fewer bits."""

    def rounded(values):
        fraction, exponent = np.frexp(values.astype(np.float64))
        return np.ldexp(np.rint(fraction * 2.0**bits), exponent - bits).astype(np.float32)

    return lambda columns: lambda rows, out: exactly(rounded(columns))(rounded(rows), out)


def by_norms(columns):
    """As wrong as Strassen's method: by a share of the largest row, not of its own."""

    def multiply(rows, out):
        exactly(columns)(rows, out)
        out += 2.0**-24 * np.abs(out).max()

    return multiply


def careless_of_one_row(columns):
    """Wrong only where there is one row, which libraries leave to another routine."""
    return (lambda rows, out: (with_bits(11)(columns) if len(rows) == 1 else exactly(columns))(
        rows, out
    ))  # fmt: skip


def no_number(columns):
    return lambda rows, out: out.fill(np.nan)


def test_products_that_are_right_are_trusted():
    assert exactness.within_bound(exactly)
    assert exactness.within_bound(products._doubles)


def test_any_order_of_float32_sums_is_trusted():
    """One after the other, which is the worst of them."""

    def make(columns):
        def multiply(rows, out):
            for i, row in enumerate(rows):
                out[i] = np.cumsum(row * columns, axis=1, dtype=np.float32)[:, -1]

        return multiply

    assert exactness.within_bound(make)


@pytest.mark.parametrize(
    "make",
    [with_bits(8), with_bits(11), with_bits(16), with_bits(23), by_norms, careless_of_one_row,
     no_number],
    ids=["bfloat16", "TF32", "two bfloat16", "23 bits", "Strassen", "one row", "NaN"],
)  # fmt: skip
def test_products_of_fewer_bits_are_not_trusted(make):
    assert not exactness.within_bound(make)


@pytest.fixture
def inaccurate(monkeypatch):
    """A machine whose matrix library rounds float32 to bfloat16."""
    monkeypatch.setattr(products, "_floats", with_bits(8))
    trusted.cache_clear()
    yield monkeypatch
    trusted.cache_clear()


def near_one_another():
    """Pairs of vectors that bfloat16 cannot tell apart, far from the mean."""
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.normal(size=(20, 30)), 6, axis=0)
    return (centres + 1e-3 * rng.normal(size=centres.shape)).astype(np.float32)


def answered(vectors):
    nearest, balls = Nearest(len(vectors), 3), Balls(len(vectors), oracle.radii2(vectors, 2))
    statistics = query(
        vectors, vectors, [nearest, balls],
        own=np.arange(len(vectors), dtype=np.int32), arithmetic="float32",
    )  # fmt: skip
    return nearest, balls, statistics


def test_a_machine_whose_float32_products_are_inaccurate_gives_the_same_answers(inaccurate):
    vectors = near_one_another()
    d2 = oracle.squared_distances(vectors, vectors)
    index, expected = oracle.neighbours(d2, 3, np.arange(len(vectors)))
    nearest, balls, statistics = answered(vectors)
    np.testing.assert_array_equal(nearest.index, index)
    np.testing.assert_array_equal(nearest.d2, expected)
    np.fill_diagonal(d2, np.inf)
    np.testing.assert_array_equal(
        balls.count, oracle.holds(d2, oracle.radii2(vectors, 2)).sum(axis=1)
    )
    assert "float64 sums take their place" in statistics.note
    assert "float64 sums" in neighbours(vectors, 3, arithmetic="float32")[1].note


def test_without_the_proof_the_answers_would_be_wrong(inaccurate):
    inaccurate.setattr(products, "trusted", lambda: True)
    vectors = near_one_another()
    d2 = oracle.squared_distances(vectors, vectors)
    index, _ = oracle.neighbours(d2, 3, np.arange(len(vectors)))
    assert (answered(vectors)[0].index != index).any()


def test_nothing_is_said_of_products_that_are_right():
    assert answered(near_one_another())[2].note is None
    assert neighbours(near_one_another(), 3, arithmetic="int7")[1].note is None
