"""Which images of both sides are looked at, and in which folds.

Everything follows from the vectors and a seed: the order in which they are given plays
no role, and equal vectors are in the same fold, so that no classifier is trained on a
copy of what it judges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rara.two_sample.views import Vectors

Labels = NDArray[np.bool_]
Keys = NDArray[np.uint64]

FEWEST = 50
"""Images that either side needs."""
MOST = 5_000
"""Images of a side that are looked at, ..."""
RATIO = 5
"""... of the larger side so many times those of the smaller, ..."""
ENTRIES = 2**23
"""... and numbers in all their vectors: fewer images where vectors are long."""
FOLDS = 5


def keys_of(vectors: Vectors, seed: int) -> Keys:
    """(n, 2) random numbers that depend on nothing but the vector and the seed."""
    salt = seed.to_bytes(8, "little")
    rows = ((row + np.float32(0)).data for row in vectors)  # -0 becomes 0
    digests = (hashlib.blake2b(row, digest_size=16, key=salt).digest() for row in rows)
    return np.frombuffer(b"".join(digests), dtype="<u8").reshape(-1, 2).astype(np.uint64)


def folds_of(keys: Keys) -> NDArray[np.int64]:
    """(n,) the fold of each vector."""
    return (keys[:, 0] % np.uint64(FOLDS)).astype(np.int64)


def most_of(counts: Sequence[int], dimensions: int) -> int:
    """Images to be looked at on either side."""
    return min(MOST, RATIO * min(counts), max(FEWEST, ENTRIES // (2 * dimensions)))


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Images of both sides in the order of their keys, so that no other order plays a role."""

    vectors: Vectors
    labels: Labels
    """Whether each is a sample."""
    folds: tuple[slice, ...]
    """The rows of each fold."""
    first: NDArray[np.int64]
    """For each vector the first that equals it."""

    @classmethod
    def of(cls, sides: Sequence[Vectors], keys: Sequence[Keys], most: int) -> Pool:
        """At most so many of each side, chosen by the second of their keys."""
        chosen = [np.argsort(key[:, 1], kind="stable")[:most] for key in keys]
        key = np.concatenate([key[rows] for key, rows in zip(keys, chosen, strict=True)])
        fold = folds_of(key)
        order = np.lexsort((key[:, 0], fold))
        pairs = zip(sides, chosen, strict=True)
        vectors = np.concatenate([side[rows] for side, rows in pairs])[order]
        labels = order < len(chosen[0])
        bounds = np.searchsorted(fold[order], np.arange(FOLDS + 1))
        _, first, group = np.unique(key[order, 0], return_index=True, return_inverse=True)
        slices = tuple(slice(start, stop) for start, stop in pairwise(bounds.tolist()))
        return cls(vectors, labels, slices, first[group])

    def shuffled(self, permutations: int, rng: np.random.Generator) -> Labels:
        """(n, 1 + permutations) the labels, and then the labels shuffled within each fold."""
        columns = np.repeat(self.labels[:, None], 1 + permutations, axis=1)
        for fold in self.folds:
            columns[fold, 1:] = rng.permuted(columns[fold, 1:], axis=0)
        return columns
