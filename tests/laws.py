"""Laws to draw vectors from, with and without bursts of near duplicates."""

import numpy as np

from make import gaussian


def mixed_dimensions(rng, n):
    """A sheet of 5 dimensions and a cloud of 30, apart."""
    vectors = np.zeros((n, 60))
    vectors[: n // 2, :5] = rng.normal(size=(n // 2, 5))
    vectors[n // 2 :, 30:] = rng.normal(size=(n - n // 2, 30)) + 5
    return vectors


def mixed_scales(rng, n):
    """150 clusters whose widths differ by two orders of magnitude."""
    centres, widths = 4 * rng.normal(size=(150, 16)), np.exp(rng.normal(size=150))
    chosen = rng.integers(0, 150, n)
    return centres[chosen] + widths[chosen, None] * rng.normal(size=(n, 16))


LAWS = {
    "normal": lambda rng, n: gaussian(n, seed=rng),
    "uniform": lambda rng, n: rng.random((n, 12)),
    "exponential": lambda rng, n: rng.exponential(size=(n, 12)),
    "heavy tails": lambda rng, n: rng.standard_t(3, size=(n, 8)),
    "rectified": lambda rng, n: np.maximum(gaussian(n, seed=rng) @ gaussian(16, 64, seed=rng), 0),
    "mixed dimensions": mixed_dimensions,
    "mixed scales": mixed_scales,
}


def scenes(rng, sizes, d=16, noise=0.05):
    """Frames of scenes strewn normally, in random order, and the scene of each."""
    scene = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centres = rng.normal(size=(len(sizes), d))
    return (centres[scene] + noise * rng.normal(size=(len(scene), d))).astype(np.float32), scene


def found_share(first, scene):
    """Of the scenes with two frames or more, those found with exactly their frames."""
    true = [np.flatnonzero(scene == one) for one in np.unique(scene)]
    true = [rows for rows in true if len(rows) > 1]
    exact = [
        (first[rows] == rows[0]).all() and (first == rows[0]).sum() == len(rows) for rows in true
    ]
    return np.mean(exact)
