"""The moments of a side in bounded memory, and a sample of its vectors.

    vectors --Moments--> count, mean, scatter            d x d float64, merged by Chan's formula
    vectors --SideMoments--> themselves while they are few; then the moments of some parts, and
                             the vectors with the smallest keys

Mean and scatter are taken about the mean of each batch, and batches are joined exactly:

    n = n_a + n_b,  delta = m_b - m_a
    mean = m_a + delta n_b / n
    scatter = S_a + S_b + delta delta' n_a n_b / n

Chan, Golub and LeVeque 1979. A large common offset costs no digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rara.sets.base import Doubles, Keys, Vectors, keys_of

KEPT = 4096
"""Vectors of a side that are kept at most, or as many as there are dimensions."""
_TILE = 2**22
"""Numbers that are converted to float64 at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Count, mean and scatter (the sum of outer products about the mean) of vectors."""

    count: int
    mean: Doubles
    scatter: Doubles

    @classmethod
    def none(cls, dimensions: int) -> Moments:
        """Of no vector."""
        return cls(0, np.zeros(dimensions), np.zeros((dimensions, dimensions)))

    @classmethod
    def of(cls, vectors: Vectors) -> Moments:
        """Of these vectors, tile by tile."""
        found = cls.none(vectors.shape[1])
        rows = max(1, _TILE // vectors.shape[1])
        for start in range(0, len(vectors), rows):
            found = found.joined(cls.of_tile(vectors[start : start + rows].astype(np.float64)))
        return found

    @classmethod
    def of_tile(cls, numbers: Doubles) -> Moments:
        """Of these rows, which are centred in place."""
        mean = numbers.mean(axis=0)
        numbers -= mean
        return cls(len(numbers), mean, numbers.T @ numbers)

    def joined(self, other: Moments) -> Moments:
        """Of both together; this one's scatter is used up."""
        count = self.count + other.count
        if not self.count or not other.count:
            return self if self.count else other.copy()
        delta = other.mean - self.mean
        scatter = self.scatter
        scatter += other.scatter
        scatter += np.outer(delta, delta * (self.count * other.count / count))
        return Moments(count, self.mean + delta * (other.count / count), scatter)

    def copy(self) -> Moments:
        """One that `joined` may use up."""
        return Moments(self.count, self.mean, self.scatter.copy())


class SideMoments:
    """One side of a distance between moments.

    While there are at most `KEPT` vectors, or as many as dimensions, they are kept. Then they are
    summed into the moments of a few parts, and those with the smallest keys are kept. The key of a
    vector depends on its content alone, and so do its part and whether it is kept.
    """

    def __init__(self, what: str, parts: int) -> None:
        self.what = what
        self.count = 0
        self.number = parts
        self.sums: list[Moments] | None = None
        self.parts: list[tuple[Keys, Vectors]] = []

    def add(self, vectors: Vectors) -> None:
        """Take in some vectors; what is kept of them is copied where it is not all."""
        self._take(keys_of(vectors), vectors)

    def merge(self, other: SideMoments) -> None:
        """Take in what another side took in; it stays as it is."""
        if other.sums is None:
            for keys, vectors in other.parts:
                self._take(keys, vectors)
            return
        self.sums = _joined(self._summed(other.sums[0].mean.size), other.sums)
        self.count += other.count
        self.parts += other.parts
        self._thin()

    def kept(self) -> Vectors:
        """The vectors with the smallest keys, in the order of their keys: all while they are few.

        They are drawn from all without a look at anything else.
        """
        keys = np.concatenate([keys for keys, _ in self.parts])
        vectors = np.concatenate([vectors for _, vectors in self.parts])
        order = np.argsort(keys, kind="stable")
        if self.sums is not None:
            order = order[: _most(vectors.shape[1])]
        self.parts = [(keys[order], vectors[order])]
        return self.parts[0][1]

    def whole(self) -> Vectors | Moments:
        """All of them: as vectors while all are kept, else as moments."""
        return self.kept() if self.sums is None else self._without(None)

    def without(self, part: int) -> Vectors | Moments:
        """All but one of the parts."""
        if self.sums is not None:
            return self._without(part)
        vectors = self.kept()
        return np.delete(vectors, slice(part, None, self.number), axis=0)

    def _without(self, part: int | None) -> Moments:
        sums = [one for i, one in enumerate(self.sums or ()) if i != part]
        found = sums[0].copy()
        for one in sums[1:]:
            found = found.joined(one)
        return found

    def _take(self, keys: Keys, vectors: Vectors) -> None:
        self.count += len(keys)
        most = _most(vectors.shape[1])
        if self.sums is not None or self.count > most:
            mine = self._summed(vectors.shape[1])
            self.sums = _joined(mine, self._by_part(keys, vectors))
            if len(keys) > most:
                first = np.argpartition(keys, most)[:most]
                keys, vectors = keys[first], vectors[first]
        self.parts.append((keys, vectors))
        self._thin()

    def _summed(self, dimensions: int) -> list[Moments]:
        """The moments so far, even if all is kept."""
        if self.sums is not None:
            return self.sums
        sums = [Moments.none(dimensions) for _ in range(self.number)]
        for keys, vectors in self.parts:
            sums = _joined(sums, self._by_part(keys, vectors))
        return sums

    def _by_part(self, keys: Keys, vectors: Vectors) -> list[Moments]:
        """By the last bits of the keys, which say nothing of which are small."""
        if self.number == 1:
            return [Moments.of(vectors)]
        parts = keys % np.uint64(self.number)
        return [Moments.of(vectors[parts == part]) for part in range(self.number)]

    def _thin(self) -> None:
        """Drop what is surely not among the smallest keys, once that is worth it."""
        most = _most(self.parts[0][1].shape[1])
        if self.sums is not None and sum(len(keys) for keys, _ in self.parts) > 2 * most:
            self.kept()


def _most(dimensions: int) -> int:
    return max(KEPT, dimensions)


def _joined(one: list[Moments], other: list[Moments]) -> list[Moments]:
    return [mine.joined(theirs) for mine, theirs in zip(one, other, strict=True)]
