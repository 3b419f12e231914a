"""Disjoint halves of the reference: how much a figure depends on which real images it holds.

    reference --halves_of--> 19 ways to cut it in two --figure of each half--> variance

Two disjoint halves are independent references, and a mean over n images has twice the variance
with n / 2. So a quarter of the squared difference between halves estimates the variance with the
whole, for means that are linear in the reference or not. Leaving groups out (the jackknife) counts
the non-linear part of a k-NN figure several times: Efron and Stein, The jackknife estimate of
variance, Annals of Statistics 9 (1981). Drawing with replacement makes duplicates, which shrink
balls. The images are in 20 groups, and the 19 cuts are balanced: each pair of groups is together
in 9 of them (McCarthy, Pseudo-replication: half samples, 1969). That leaves 19 degrees of freedom.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rara.features.features import Features

Flags = NDArray[np.bool_]

GROUPS = 20
FREEDOM = GROUPS - 1
"""Cuts, and degrees of freedom of a variance by them."""
SEED = 0
"""The groups are drawn with it."""
FEWEST = 40
"""Different reference images that halves are made of, at least: two a group."""


def balanced_cuts() -> Flags:
    """(19, 20) which groups are in the first half: 10 of each row, and rows are orthogonal.

    Paley's Hadamard matrix of order 20, by the squares modulo 19.
    """
    prime = GROUPS - 1
    squares = {i * i % prime for i in range(1, prime)}
    cuts = np.ones((prime, GROUPS), np.bool_)
    for row in range(prime):
        for column in range(prime):
            cuts[row, column + 1] = (row - column) % prime in squares
        cuts[row, 0] = True
    return cuts


def can_be_halved(features: Features, k: int) -> bool:
    """Whether each half has enough different images to judge its own, leave-one-out."""
    different = len(set(features.done["digest"].to_pylist()))
    return different >= FEWEST and different // 2 > k + 2


def halves_of(features: Features, *, seed: int = SEED) -> Flags:
    """(19, n) which reference images are in the first half, for each cut.

    Equal contents are in the same group, and the order of the images plays no role.
    """
    digests = features.done["digest"].to_numpy(zero_copy_only=False).astype(str)
    contents, content = np.unique(digests, return_inverse=True)
    group = np.random.default_rng(seed).permutation(len(contents)) % GROUPS
    return balanced_cuts()[:, group[content]]


def variance(differences: NDArray[np.float64], own: NDArray[np.float64] | float = 0.0) -> float:
    """Variance by the reference, from (19,) differences of a figure between the halves of a cut.

    `own`: the part of their squares that single samples contribute, which the variance among
    samples has already; what is left is what all samples share. Not below 0.
    """
    return max(0.0, float(np.mean(differences**2 - own)) / 4)
