"""Vectors of many kinds that are hard to sum, to encode, or to tell apart."""

import numpy as np

import bounds

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


ARITHMETICS = ["float32", "int8", "int7"]


def samples_for(reference, seed=1):
    """Fresh points, copies, points pushed outwards, and points exactly on a ball."""
    rng = np.random.default_rng(seed)
    some = reference[rng.integers(0, len(reference), 12)]
    with np.errstate(over="ignore", invalid="ignore"):
        spread = (some[:4] + some[4:8] * np.float32(0.5)).astype(np.float32)
        far = (some[8:] * np.float32(3)).astype(np.float32)
        lost = np.clip(np.float64(some[:3]) * 1e38 + 1e37, -3e38, 3e38).astype(np.float32)
    return np.concatenate([some, spread, far, lost, -lost, reference[:5]])


def between_codes(rng, n, d, levels):
    """Both nearly half a step from their codes, away from or towards each other everywhere.

    Then what the codes leave out is parallel to the difference of the codes, and the
    triangle inequality an equation.
    """
    code = rng.integers(-levels, levels + 1, (n, d)).astype(float)
    other = code + rng.choice([-1, 1], (n, d)) * rng.integers(1, 40, (n, 1))
    other = np.clip(other, -levels, levels)
    side = rng.choice([-1, 1], (n, 1)) * (0.5 - 2.0 ** -rng.integers(5, 12, (n, 1)))
    pair = np.stack([code, other]) + side * np.sign(other - code) * [[[-1]], [[1]]]
    pair[:, np.arange(n), rng.integers(0, d, n)] = levels
    return pair * 2.0**-7


def on_codes(rng, n, d, levels):
    """Codes leave nothing out: only the roundings of the bounds count."""
    pair = rng.integers(-levels, levels + 1, (2, n, d)).astype(float)
    pair[1, ::2] = np.clip(
        pair[0, ::2] + rng.integers(-1, 2, (len(pair[0, ::2]), d)), -levels, levels
    )
    pair[:, np.arange(n), rng.integers(0, d, n)] = levels
    return pair * 2.0**-7


def spikes(rng, n, d):
    """Each one coordinate, before or after the rotation."""
    one = np.eye(d)[rng.integers(0, d, n)] * rng.choice([1, -1, 1e3], (n, 1))
    return np.where(rng.random((n, 1)) < 0.5, one, bounds.unrotated(one))


NASTY = {
    "offset of 1e8": lambda rng, n, d: 1e8 + 8 * rng.integers(-3, 4, (n, d)),
    "offset of 1e6": lambda rng, n, d: 1e6 + rng.normal(size=(n, d)),
    "subnormals": lambda rng, n, d: 2.0**-149 * rng.integers(-5, 6, (n, d)),
    "almost zero": lambda rng, n, d: (
        rng.integers(-1, 2, (n, d)) * 10.0 ** rng.integers(-45, -20, (n, 1))
    ),
    "all sizes": lambda rng, n, d: rng.normal(size=(n, d)) * 10.0 ** rng.integers(-40, 38, (n, 1)),
    "spikes": spikes,
    "lattice": lambda rng, n, d: rng.integers(-1, 2, (n, d)) / 4,
    "between codes": lambda rng, n, d: bounds.unrotated(
        np.concatenate(between_codes(rng, -(-n // 2), d, 127))[:n]
    ),
    "on codes": lambda rng, n, d: bounds.unrotated(
        np.concatenate(on_codes(rng, -(-n // 2), d, 127))[:n]
    ),
    "lengths": lambda rng, n, d: np.outer(rng.integers(-9, 10, n), np.ones(d)) * 0.1,
    **{
        name: HOSTILE[name]
        for name in ("constant", "zero", "copies", "near copies", "one coordinate")
    },
}
