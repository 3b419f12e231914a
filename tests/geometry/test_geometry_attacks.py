"""Attacks on the filter: vectors made to sit on its bounds, and decisions that hang by a bit.

Each attack on a bound is also made on one that was weakened on purpose, and has to succeed there.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bounds
import oracle
from hostile_vectors import ARITHMETICS, HOSTILE, NASTY, between_codes, on_codes
from rara.errors import FeatureError
from rara.geometry import (
    Balls,
    Nearest,
    QuantizedReference,
    Ratio,
    SamplesPerBall,
    Tiling,
    Transposed,
    neighbours,
    query,
)
from rara.geometry import filter as loops
from rara.geometry import (
    matmul as products,
)
from rara.geometry import (
    quantization as codes,
)
from rara.geometry.processes import shared
from rara.geometry.quantization import LEVELS, MARGIN, MOST_DIMENSIONS, UNIT, Frame
from rara.geometry.rotation import rotate, segments, signs
from rara.geometry.sixteen_bits import available, product_in_16_bits

# -- a search for pairs that violate the bounds -----------------------------------------

DIMENSIONS = [1, 2, 3, 7, 16, 64, 300, 2048, 8192]


def anything(rng, n, d, levels):
    """Pairs of all sizes at all distances."""
    x = rng.normal(size=(n, d)) * 10 ** rng.uniform(-12, 6, (n, 1))
    y = x * (1 + rng.normal(size=(n, 1)) * 10 ** rng.uniform(-8, 0, (n, 1)))
    return np.stack([x, y + rng.normal(size=(n, d)) * 10 ** rng.uniform(-12, 1, (n, 1))])


STARTS = [between_codes, on_codes, anything]


def moved(rng, vectors):
    """One coordinate of each a little or much larger or smaller."""
    rows = np.arange(len(vectors))
    columns = rng.integers(0, vectors.shape[1], len(rows))
    size = np.where(
        rng.random(len(rows)) < 0.5, np.abs(vectors[rows, columns]), np.abs(vectors).max(1)
    )
    vectors = vectors.copy()
    vectors[rows, columns] += rng.choice([-1, 1], len(rows)) * size * 2.0 ** -rng.integers(4, 26)
    return vectors


def search(d, arithmetic, start, *, steps, seed=0, **options):
    """The smallest margin that a climb from some pairs finds; they are made in codes' axes."""
    rng = np.random.default_rng(seed)
    frame = Frame(np.zeros(d), 0)
    plain = (lambda v: v.astype(np.float32)) if arithmetic == "float32" else bounds.unrotated

    def measure(pair):
        return bounds.margins(frame, *map(plain, pair), arithmetic, **options).diagonal()

    pairs = start(rng, 12, d, LEVELS.get(arithmetic, 127))
    best = measure(pairs)
    for _ in range(steps):
        tried = np.stack([moved(rng, side) for side in pairs])
        found = measure(tried)
        pairs = np.where((found < best)[:, None], tried, pairs)
        best = np.minimum(best, found)
    return best.min()


def steps(d):
    return 20 if d < 1000 else 3


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_no_search_finds_a_violation(arithmetic, d, start):
    margin = search(d, arithmetic, start, steps=steps(d))
    assert margin >= 0
    if arithmetic != "float32" and start is between_codes and d > 1:
        assert margin < 0.005  # it did come near


@pytest.mark.parametrize("d", DIMENSIONS[1:])
@pytest.mark.parametrize("arithmetic", ["int8", "int7"])
def test_the_search_finds_errors_that_are_too_small(arithmetic, d):
    assert search(d, arithmetic, between_codes, steps=0, weaken=0.98) < -0.005


@pytest.mark.parametrize("d", DIMENSIONS)
def test_the_search_finds_roundings_that_are_forgotten(monkeypatch, d):
    monkeypatch.setattr(codes, "UNIT", 0.0)
    assert min(search(d, "float32", start, steps=steps(d)) for start in STARTS) < 0
    if d == 1:
        assert min(search(d, "int8", start, steps=steps(d)) for start in STARTS) < 0


def underflowing(d):
    """Copies whose every product is too small for float32, though the sum of them is not."""
    return np.full((1, d), 0.7 * 2.0**-75, np.float32)


@pytest.mark.parametrize("d", [64, 2048])
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_products_may_underflow(arithmetic, d):
    vectors = underflowing(d)
    assert bounds.margins(Frame(np.zeros(d), 0), vectors, vectors, arithmetic).min() >= 0


@pytest.mark.parametrize("d", [64, 2048])
def test_underflow_that_is_forgotten_shows(monkeypatch, d):
    encode = codes._encode_floats

    def forgetful(vectors, center, inverse, kappa, eta, *rest):
        encode(vectors, center, inverse, kappa, 0.0, *rest)

    monkeypatch.setattr(codes, "_encode_floats", forgetful)
    vectors = underflowing(d)
    assert bounds.margins(Frame(np.zeros(d), 0), vectors, vectors, "float32").min() < 0


def enclosed_by_the_worst_product(d, unit):
    """The smallest margin where products are as wrong as any order of summation may make them."""
    rng = np.random.default_rng(d)
    x = rng.normal(size=(8, d)).astype(np.float32)
    y = (x + rng.choice([1e-3, 1e-2, 1e-1], (8, 1)) * rng.normal(size=(8, d))).astype(np.float32)
    frame = Frame(np.zeros(d), 0)
    lengths = np.outer(*(np.linalg.norm(np.float64(side), axis=1) for side in (x, y)))
    wrong = d * unit / (1 - d * unit) * lengths * rng.choice([-1, 1], (8, 8))
    exact = np.float64(x) @ np.float64(y).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            bounds,
            "multiplier",
            lambda columns, rows, arithmetic: (
                lambda left, out: np.copyto(out, exact + wrong, casting="same_kind")
            ),
        )
        return bounds.margins(frame, x, y, "float32").min()


@pytest.mark.parametrize("d", [1, 16, 300, 8192, MOST_DIMENSIONS])
def test_any_order_of_summation_is_allowed_for(d):
    margin = enclosed_by_the_worst_product(d, UNIT)
    assert 0 <= margin < 0.01 + 10 / d
    assert enclosed_by_the_worst_product(d, UNIT * (1.05 + 40 / d)) < 0


# -- the same in rational numbers -------------------------------------------------------

SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False)
VALUES = st.one_of(
    SINGLES,
    st.floats(-2, 2, width=32),
    st.sampled_from([0.0, 1.0, -1.0, 1e8, 1e8 + 8, 1e-45, -1e-45, 1e-38, 3e38, -3e38, 1e-30]),
)


def tables(rows=(1, 5), columns=(1, 20)):
    """Small arrays of any float32 numbers."""
    shapes = st.tuples(st.integers(*rows), st.integers(*columns))
    return shapes.flatmap(
        lambda shape: st.lists(
            VALUES, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]
        ).map(lambda values: np.array(values, np.float32).reshape(shape))
    )


def exactly(frame, vector):
    """A vector in a frame, without rounding."""
    scale = Fraction(2) ** -frame.exponent
    center = map(Fraction, frame.center.tolist())
    return [(Fraction(v) - m) * scale for v, m in zip(vector.tolist(), center, strict=True)]


def length2(vector):
    return sum(value * value for value in vector)


@settings(max_examples=60, deadline=None)
@given(vectors=tables(), arithmetic=st.sampled_from(ARITHMETICS))
def test_errors_are_what_the_codes_leave_out(vectors, arithmetic):
    frame = Frame.of(vectors[: max(1, len(vectors) - 2)])
    quantized = bounds.quantized(frame, vectors, arithmetic)
    for i, vector in enumerate(vectors):
        true = exactly(frame, vector)
        if not np.isfinite(quantized.terms.error[i]):
            assert length2(true) >= Fraction(2) ** 119
            continue
        code = [Fraction(float(v)) for v in quantized.vectors[i]]
        if arithmetic != "float32":
            true = bounds.rotated(true)
            step = Fraction(float(quantized.terms.scale[i]))
            code = [step * (value - 128) for value in code]
            assert max(quantized.vectors[i]) <= 128 + LEVELS[arithmetic]
            assert min(quantized.vectors[i]) >= 128 - LEVELS[arithmetic]
        left_out = length2(a - b for a, b in zip(true, code, strict=True))
        error = Fraction(float(quantized.terms.error[i]))
        assert error**2 >= left_out * (1 + Fraction(1, 2**21)) ** 2
        most = left_out * (1 + Fraction(1, 2**18)) + length2(true) / 2**90 + Fraction(1, 2**260)
        assert error**2 <= 4 * most  # and not much larger


@settings(max_examples=60, deadline=None)
@given(vectors=tables(), arithmetic=st.sampled_from(ARITHMETICS), many=st.booleans())
def test_bounds_enclose_the_exact_distance(vectors, arithmetic, many):
    frame = Frame.of(vectors[: max(1, len(vectors) - 2)])
    low, high, square = bounds.enclosures(frame, vectors, vectors, arithmetic, many=many)
    error = bounds.quantized(frame, vectors, arithmetic).terms.error
    true = [exactly(frame, vector) for vector in vectors]
    for i, x in enumerate(true):
        for j, y in enumerate(true):
            d2 = length2(a - b for a, b in zip(x, y, strict=True))
            assert not low[i, j] > 0 or Fraction(float(low[i, j])) ** 2 <= d2
            assert not high[i, j] < np.inf or Fraction(float(high[i, j])) ** 2 >= d2
            reach = frame.distance_to_code(oracle.squared_distances(vectors[[i]], vectors[[j]]))[
                0, 0
            ]
            assert not loops._beyond(square[i, j], error[i] + error[j], reach)


# -- the rotation -----------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 3, 4, 5, 21, 64, 83, 340])
def test_the_rotation_is_one_and_rounds_as_little_as_the_proof_says(d):
    rng = np.random.default_rng(d)
    for spread in (0, 8):
        vector = rng.normal(size=d) * 10 ** rng.uniform(-spread, spread, d)
        exact = bounds.rotated(vector)
        assert length2(exact) == length2(map(Fraction, vector))
        ours = vector * signs(d)
        rotate(ours, segments(d))
        wrong = length2(Fraction(a) - b for a, b in zip(ours, exact, strict=True))
        assert wrong <= length2(exact) * Fraction(8.1 * 2.0**-53) ** 2


@pytest.mark.parametrize("d", [4, 64, 256, 1280])
def test_spikes_that_the_rotation_makes_and_unmakes(d):
    spikes = np.eye(d)[[0, d // 2, d - 1]]
    made = bounds.unrotated(spikes)
    frame = Frame(np.zeros(d), 0)
    assert bounds.quantized(frame, made, "int8").terms.error.max() < 1e-6  # one coordinate is left
    for one in (spikes.astype(np.float32), made):
        for arithmetic in ARITHMETICS:
            assert bounds.margins(frame, one, made, arithmetic).min() >= 0


# -- the products -----------------------------------------------------------------------


def extreme_bytes(rng, n, d, levels):
    """Codes + 128, most of them as large as can be."""
    codes = rng.choice([-levels, levels, 1], (n, d), p=[0.45, 0.45, 0.1])
    return (128 + codes).astype(np.uint8)


@pytest.mark.parametrize("d", [*range(1, 20), 63, 64, 65, 257, 1201, 2047, 8192, MOST_DIMENSIONS])
@pytest.mark.parametrize("arithmetic", LEVELS)
def test_integer_products_are_exact_for_every_shape(d, arithmetic):
    rng = np.random.default_rng(d)
    levels = LEVELS[arithmetic]
    makes = [make for make in (products._few, products.best(arithmetic)) if make]
    if arithmetic == "int7" and available():
        makes.append(product_in_16_bits)
    for n, m in ((1, 1), (1, 33), (13, 3), (33, 25), (130, 2)):
        rows, columns = (extreme_bytes(rng, count, d, levels) for count in (n, m))
        expected = (rows.astype(np.int64) - 128) @ (columns.astype(np.int64) - 128).T
        for make in makes:
            out = np.empty((n, m), np.int32)
            make(columns)(rows, out)
            np.testing.assert_array_equal(out, expected)


# -- decisions --------------------------------------------------------------------------


CUTS = {
    "rows": st.integers(1, 40),
    "columns": st.integers(5, 40),
    "block": st.integers(5, 40),
    "pending": st.sampled_from([0, 200, 10**5]),
}
ATTACK = {
    "kind": st.sampled_from(sorted(NASTY)),
    "seed": st.integers(0, 10**6),
    "d": st.one_of(st.integers(1, 20), st.sampled_from([64, 300])),
    "arithmetic": st.sampled_from(ARITHMETICS),
    "threads": st.integers(1, 3),
    "cut": st.builds(Tiling, **CUTS),
}


def hanging(rng, d2):
    """Radii that some point lies exactly on, or misses by one bit, or is far from."""
    on = d2[rng.integers(0, len(d2), d2.shape[1]), np.arange(d2.shape[1])]
    by = rng.choice([-1, 0, 0, 1, 2], len(on))
    on = np.where(by < 0, np.nextafter(on, 0), np.where(by == 1, np.nextafter(on, np.inf), on))
    return np.where(by == 2, rng.choice([0, 1e300, 1e-300], len(on)), on)


def weights(rng, n):
    """Of any size, zero and NaN among them."""
    return rng.choice([0, 1, np.nan, 1], n) * 10 ** (
        rng.choice([0, 1, 60], n) * rng.uniform(-1, 1, n)
    )


def assert_balls(ours, d2):
    held = oracle.holds(d2, ours.radii2, ours.boundary)
    value, witness = oracle.rarity(d2, ours.radii2, ours.boundary)
    np.testing.assert_array_equal(ours.radius2, value)
    np.testing.assert_array_equal(ours.witness, witness)
    np.testing.assert_array_equal(ours.count, held.sum(axis=1))


def assert_nearest(ours, d2, own=None):
    index, expected = oracle.neighbours(d2, ours.k, own)
    index[np.isinf(expected)] = np.iinfo(np.int32).max  # there is nobody
    np.testing.assert_array_equal(ours.d2, expected)
    np.testing.assert_array_equal(ours.index, index)


def assert_ratio(ours, d2):
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(d2 == 0, np.inf, ours.weight / d2)
    ratio[:, np.isnan(ours.weight)] = 0
    np.testing.assert_array_equal(ours.largest, ratio.max(axis=1))


def judged(samples, reference, rng, some, **engine):
    """Ask some questions, in one scan, and hold every answer against the oracle."""
    d2 = oracle.squared_distances(samples, reference)
    n, m = d2.shape
    r2, own_r2 = hanging(rng, d2), hanging(rng, d2.T)
    own = np.where(rng.random(n) < 0.3, np.arange(n), -1).astype(np.int32)
    d2[own >= 0, own[own >= 0]] = np.inf  # it must not see these
    asked = [
        *(Balls(n, r2, rule) for rule in ("open", "closed", "official")),
        *(Transposed(Balls(m, own_r2, rule)) for rule in ("open", "closed", "official")),
        *(SamplesPerBall(r2, rule) for rule in ("open", "closed", "official")),
        *(Transposed(SamplesPerBall(own_r2, rule)) for rule in ("open", "closed", "official")),
        *(Nearest(n, k) for k in (1, min(6, m))),
        *(Transposed(Nearest(m, k)) for k in (1, min(6, n))),
        Ratio(n, weights(rng, m)),
    ]
    asked = [one for one, wanted in zip(asked, some, strict=True) if wanted]
    query(samples, reference, asked, own=own, **engine)
    for one in asked:
        question, seen = (one.question, d2.T) if isinstance(one, Transposed) else (one, d2)
        match question:
            case Balls():
                assert_balls(question, seen)
            case Nearest():
                assert_nearest(question, seen)
            case Ratio():
                assert_ratio(question, seen)
            case SamplesPerBall():
                held = oracle.holds(seen, question.radii2, question.boundary)
                np.testing.assert_array_equal(question.count, held.sum(axis=0))


def both_sides(kind, seed, d, n=60, m=40):
    """A reference, and samples of its kind, some of them members, some as far as can be."""
    rng = np.random.default_rng(seed)
    everything = NASTY[kind](rng, n + m, d).astype(np.float32)
    reference, samples = everything[:n], everything[n:]
    samples[:8] = reference[:8]
    samples[8:11] = np.array([[3e38], [-3e38], [0]])
    return rng, samples, reference


@settings(max_examples=100, deadline=None)
@given(
    some=st.lists(st.booleans(), min_size=17, max_size=17).filter(any), kept=st.booleans(), **ATTACK
)
def test_every_answer_is_the_oracles(some, kept, kind, seed, d, arithmetic, threads, cut):
    rng, samples, reference = both_sides(kind, seed, d)
    engine = {"arithmetic": arithmetic, "threads": threads, "tiling": cut}
    quantized = QuantizedReference.of(reference) if kept else None
    judged(samples, reference, rng, some, quantized=quantized, **engine)


@settings(max_examples=60, deadline=None)
@given(k=st.integers(1, 7), before=st.integers(0, 60), kept=st.booleans(), **ATTACK)
def test_neighbours_are_the_oracles(k, before, kept, kind, seed, d, arithmetic, threads, cut):
    _, _, vectors = both_sides(kind, seed, d)
    engine = {"arithmetic": arithmetic, "threads": threads, "tiling": cut}
    earlier = neighbours(vectors[:before], k, **engine)[0] if before > k else None
    quantized = QuantizedReference.of(vectors) if kept else None
    ours, _ = neighbours(vectors, k, earlier=earlier, quantized=quantized, **engine)
    d2 = oracle.squared_distances(vectors, vectors)
    assert_nearest(ours, d2, np.arange(len(vectors)))


@settings(max_examples=50, deadline=None)
@given(edges=st.tuples(st.integers(1, 59), st.integers(1, 59)), kept=st.booleans(), **ATTACK)
def test_parts_are_the_oracles(edges, kept, kind, seed, d, arithmetic, threads, cut):
    _, _, vectors = both_sides(kind, seed, d)
    engine = {"arithmetic": arithmetic, "threads": threads, "tiling": cut}
    quantized = QuantizedReference.of(vectors) if kept else None
    merged = Nearest(60, 4)
    for rows in (slice(0, edges[0]), slice(edges[0], 60)):
        for columns in (slice(edges[1], 60), slice(0, edges[1])):
            part, _ = neighbours(
                vectors, 4, rows=rows, columns=columns, quantized=quantized, **engine
            )
            merged.merge(part)
    assert_nearest(merged, oracle.squared_distances(vectors, vectors), np.arange(60))


@pytest.mark.parametrize("few", [1, 12, 13])
@pytest.mark.parametrize("kind", NASTY)
def test_few_samples_against_kept_codes(kind, few):
    """Up to some number of rows a loop takes the product's place."""
    rng, samples, reference = both_sides(kind, 0, 70)
    quantized = QuantizedReference.of(reference)
    judged(samples[-few:], reference, rng, [True] * 17, quantized=quantized, threads=1)


@pytest.mark.parametrize("kind", ["offset of 1e6", "lattice", "on codes"])
@pytest.mark.parametrize("arithmetic", [None, *ARITHMETICS])
def test_decisions_at_the_most_dimensions(kind, arithmetic):
    rng, samples, reference = both_sides(kind, 0, MOST_DIMENSIONS, n=20, m=20)
    judged(samples, reference, rng, [True] * 17, arithmetic=arithmetic, tiling=Tiling(20, 8, 8))
    ours, _ = neighbours(reference, 3, arithmetic=arithmetic, tiling=Tiling(20, 8, 8))
    assert_nearest(ours, oracle.squared_distances(reference, reference), np.arange(20))


def test_more_dimensions_are_refused():
    vectors = np.zeros((4, MOST_DIMENSIONS + 1), np.float32)
    said = "Vectors of 65,537 dimensions: distances are exact up to 65,536"
    for ask in (
        lambda: neighbours(vectors, 1),
        lambda: query(vectors, vectors, [Nearest(4, 1)]),
        lambda: QuantizedReference.of(vectors),
    ):
        with pytest.raises(FeatureError, match=said):
            ask()


# -- what was wrong once ----------------------------------------------------------------


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_a_weight_beyond_float32_hides_no_other(arithmetic):
    """Just below and just above what a float32 holds, the nearer one has the larger ratio."""
    most = float(np.finfo(np.float32).max) * (1 - 2.0**-25) / MARGIN
    weight = np.array([most * (1 + 1e-12), most * (1 - 1e-12)]) ** 2
    reference, samples = np.array([[-0.75], [0.75]], np.float32), np.array([[2.0**30]], np.float32)
    ratio = Ratio(1, weight)
    query(samples, reference, [ratio], arithmetic=arithmetic, tiling=Tiling(1, 1, 1))
    assert_ratio(ratio, oracle.squared_distances(samples, reference))


def test_nobody_asked_for_is_nobody_found():
    reference = HOSTILE["copies"](np.random.default_rng(0), 50, 3).astype(np.float32)
    none, balls = Nearest(50, 0), Balls(50, np.full(50, 0.5))
    query(reference, reference, [none, balls])
    assert none.index.shape == (50, 0)
    assert_balls(balls, oracle.squared_distances(reference, reference))


def test_radii_that_are_no_number_take_nothing_from_other_questions():
    reference = HOSTILE["plain"](np.random.default_rng(0), 50, 3).astype(np.float32)
    empty, balls = Balls(50, np.full(50, np.nan), "closed"), Balls(50, np.full(50, 0.5))
    nearest = Transposed(Nearest(50, 2))
    query(reference, reference, [empty, balls, nearest])
    d2 = oracle.squared_distances(reference, reference)
    assert_balls(balls, d2)
    assert_nearest(nearest.question, d2)
    assert not empty.count.any()


def test_a_map_that_was_changed_is_not_its_file(tmp_path):
    np.save(tmp_path / "vectors.npy", np.ones((3, 2), np.float32))
    changed = np.load(tmp_path / "vectors.npy", mmap_mode="c")
    changed *= 2
    with shared(changed) as handle, handle.opened() as seen:
        np.testing.assert_array_equal(seen, np.full((3, 2), 2, np.float32))
