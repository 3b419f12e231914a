"""The laws that the checks draw from; all take a generator of random numbers first."""

from __future__ import annotations

import numpy as np

from rara.sets.base import Doubles

Rng = np.random.Generator


def normal(rng: Rng, count: int, dimensions: int, mean: float = 0, scale: float = 1) -> Doubles:
    """Normal in every dimension, independently."""
    return mean + scale * rng.standard_normal((count, dimensions))


def mixture(rng: Rng, count: int, means: Doubles, scale: float, shares: Doubles) -> Doubles:
    """Normal about one of several means; shares need not add up to 1."""
    chosen = rng.choice(len(means), count, p=shares / shares.sum())
    return means[chosen] + scale * rng.standard_normal((count, means.shape[1]))


def sphere(rng: Rng, count: int, dimensions: int, radius: float) -> Doubles:
    """Uniform on the surface of a ball about the origin."""
    vectors = rng.standard_normal((count, dimensions))
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Doubles = radius * vectors / length
    return found


def ball(rng: Rng, count: int, dimensions: int, radius: float) -> Doubles:
    """Uniform within a ball about the origin."""
    depth = rng.uniform(size=(count, 1)) ** (1 / dimensions)
    return sphere(rng, count, dimensions, radius) * depth


def torus(rng: Rng, count: int, radius: float, tube: float) -> Doubles:
    """Uniform discs, turned about the third axis at a distance."""
    angle = rng.uniform(0, 2 * np.pi, count)
    disc = ball(rng, count, 2, tube)
    out = radius + disc[:, 0]
    return np.stack([out * np.cos(angle), out * np.sin(angle), disc[:, 1]], axis=1)


def pareto(rng: Rng, count: int, exponent: float) -> Doubles:
    """(count, 1) at least 1, with a tail of x^-exponent."""
    return (1 - rng.uniform(size=(count, 1))) ** (-1 / exponent)
