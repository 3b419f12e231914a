"""Which images of both sides the test takes, and in which folds.

Everything follows from the vectors and a seed: the order in which vectors are given plays no
role. Equal vectors are in the same fold, so that no classifier is trained on a copy of what it
judges. They count as one vector, whose label is the share of samples among its copies.
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
Rows = NDArray[np.int64]

FEWEST = 50
"""Images that either side needs."""
MOST = 5_000
"""Images of a side that are taken, ..."""
RATIO = 5
"""... of the larger side at most so many times those of the smaller, ..."""
ENTRIES = 2**23
"""... and numbers in all their vectors: fewer images where vectors are long."""
FOLDS = 5


def keys_of(vectors: Vectors, seed: int) -> Keys:
    """(n,) random numbers that depend on nothing but the vector and the seed."""
    salt = seed.to_bytes(8, "little")
    salted = hashlib.sha256(salt)
    digests = bytearray()
    for row in vectors:
        digest = salted.copy()
        digest.update((row + np.float32(0)).data)  # -0 becomes 0
        digests += digest.digest()[:8]
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def folds_of(keys: Keys) -> Rows:
    """(n,) the fold of each vector."""
    return (keys % np.uint64(FOLDS)).astype(np.int64)


def most_of(counts: Sequence[int], dimensions: int) -> int:
    """Images taken of either side, at most."""
    return min(MOST, RATIO * min(counts), max(FEWEST, ENTRIES // (2 * dimensions)))


def chosen(keys: Keys, most: int, rng: np.random.Generator) -> Rows:
    """At most so many rows: random positions in the order of the keys.

    The positions do not depend on the keys: copies of a vector are taken or not one by one.
    """
    order = np.argsort(keys, kind="stable")
    return order[np.sort(rng.permutation(len(keys))[:most])]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Images of both sides in the order of their folds and keys; copies stand together."""

    sides: tuple[Vectors, Vectors]
    """All samples, and all reference images."""
    labels: Labels
    """(n,) whether each image taken is a sample."""
    rows: Rows
    """(n,) its row in its side."""
    first: Rows
    """(u,) for each distinct vector its first image."""
    copies: Rows
    """(u,) how many images have that vector."""
    images: tuple[slice, ...]
    """The images of each fold."""
    folds: tuple[slice, ...]
    """The distinct vectors of each fold."""

    @classmethod
    def of(
        cls, sides: tuple[Vectors, Vectors], keys: tuple[Keys, Keys], most: int, seed: int
    ) -> Pool:
        """At most so many images of each side."""
        rng = np.random.default_rng(seed)
        taken = [chosen(key, most, rng) for key in keys]
        key = np.concatenate([key[rows] for key, rows in zip(keys, taken, strict=True)])
        fold = folds_of(key)
        order = np.lexsort((key, fold))
        key, fold = key[order], fold[order]
        first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
        copies = np.diff(np.append(first, len(key)))
        rows = np.concatenate(taken)[order]
        parts = _slices(fold), _slices(fold[first])
        return cls(sides, order < len(taken[0]), rows, first, copies, *parts)

    def __len__(self) -> int:
        """Number of distinct vectors."""
        return len(self.first)

    def vectors(self, part: slice) -> Vectors:
        """The distinct vectors in a slice, copied."""
        images = self.first[part]
        rows, samples = self.rows[images], self.labels[images]
        vectors = np.empty((len(rows), self.sides[0].shape[1]), np.float32)
        for side, mask in zip(self.sides, (samples, ~samples), strict=True):
            vectors[mask] = side[rows[mask]]
        vectors += np.float32(0)  # a copy may have -0 for 0
        return vectors

    def shuffled(self, permutations: int, rng: np.random.Generator) -> Labels:
        """(n, 1 + permutations) the labels, and then the labels shuffled within each fold."""
        columns = np.repeat(self.labels[:, None], 1 + permutations, axis=1)
        for fold in self.images:
            columns[fold, 1:] = rng.permuted(columns[fold, 1:], axis=0)
        return columns

    def shares(self, fold: int, labels: Labels) -> Vectors:
        """(vectors of the fold, columns) the share of samples among the copies of each vector."""
        part, images = self.folds[fold], self.images[fold]
        if images.stop - images.start == part.stop - part.start:
            return labels[images].astype(np.float32)
        if part.start == part.stop:
            return np.zeros((0, labels.shape[1]), np.float32)
        starts = self.first[part] - images.start
        counts = np.add.reduceat(labels[images], starts, axis=0, dtype=np.float32)
        counts /= self.copies[part, None].astype(np.float32)
        return counts


def _slices(folds: Rows) -> tuple[slice, ...]:
    bounds = np.searchsorted(folds, np.arange(FOLDS + 1))
    return tuple(slice(start, stop) for start, stop in pairwise(bounds.tolist()))
