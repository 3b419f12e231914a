"""The trace of the root of a product of two covariances, and how each image changes it.

    vectors or moments --Gauss--> mean, trace, a root A with A'A = S    r x d, r = min(n, d)
    two of them        --Overlap--> F = tr (S1^1/2 S2 S1^1/2)^1/2      no root of a matrix

With the r x r matrix M = A S2 A', which is symmetric and has the same non-zero eigenvalues as
S1^1/2 S2 S1^1/2:

    M = U diag(e) U',    F = sum of sqrt(e_i)

So F is real and never negative. Where there are fewer vectors than dimensions, A is the centred
vectors themselves, and nothing of size d x d is made. The gradients of F are halves of

    T12 = Q' diag(e^-3/2) Q,  Q = U'A S2       (by S1)
    T21 = Q' diag(e^-1/2) Q,  Q = U'A          (by S2)

the optimal transport maps between the two normal laws: T12 S1 T12 = S2 (Dowson and Landau 1982;
Bhatia, Jain and Lim 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.geometry.threads import one_core
from rara.sets.base import Doubles, Vectors
from rara.sets.moments import Moments

_TILE = 2**22
"""Numbers that are worked on at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class OfRows:
    """A covariance B'B by B, (n, d): centred vectors over sqrt(n - 1)."""

    rows: Doubles

    @property
    def size(self) -> int:
        """Rows of its root."""
        return len(self.rows)

    def root(self) -> Doubles:
        """A (r, d) with A'A the covariance."""
        return self.rows

    def times(self, other: Doubles) -> Doubles:
        """Other rows times the covariance."""
        return (other @ self.rows.T) @ self.rows


@dataclass(frozen=True, slots=True, eq=False)
class Square:
    """A covariance itself, (d, d)."""

    matrix: Doubles

    @property
    def size(self) -> int:
        """Rows of its root."""
        return len(self.matrix)

    def root(self) -> Doubles:
        """A (r, d) with A'A the covariance."""
        try:
            return np.asarray(np.linalg.cholesky(self.matrix).T)
        except np.linalg.LinAlgError:  # singular: a constant coordinate, or one twice
            values, vectors = np.linalg.eigh(self.matrix)
            return np.asarray((np.sqrt(np.maximum(values, 0)) * vectors).T)

    def times(self, other: Doubles) -> Doubles:
        """Other rows times the covariance."""
        return other @ self.matrix


@dataclass(frozen=True, slots=True, eq=False)
class Gauss:
    """A normal law: what a Fréchet distance asks of a set."""

    count: int
    mean: Doubles
    trace: float
    """Of the covariance, which is the unbiased one."""
    covariance: OfRows | Square

    @classmethod
    def of(cls, given: Vectors | Moments) -> Gauss:
        """Of at least two vectors, or of their moments."""
        if not isinstance(given, Moments) and len(given) <= given.shape[1]:
            rows = given.astype(np.float64)
            mean = rows.mean(axis=0)
            rows -= mean
            rows /= np.sqrt(len(rows) - 1)
            return cls(len(rows), mean, float(np.einsum("ij,ij->", rows, rows)), OfRows(rows))
        moments = given if isinstance(given, Moments) else Moments.of(given)
        matrix = moments.scatter / (moments.count - 1)
        return cls(moments.count, moments.mean, float(np.trace(matrix)), Square(matrix))


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """F of two laws, and its gradients where they are asked for."""

    values: Doubles
    """(r,) the eigenvalues of M; 0 where they are no more than rounding."""
    maps: tuple[Doubles, Doubles] | None
    """(r, d) a root of T12 and one of T21."""

    @classmethod
    def of(cls, first: OfRows | Square, second: OfRows | Square, *, gradients: bool) -> Overlap:
        """By the eigenvalues of M; the side with the smaller root is in the place of S1."""
        if second.size < first.size:
            other = cls.of(second, first, gradients=gradients)
            return cls(other.values, None if other.maps is None else other.maps[::-1])
        with one_core():
            root = first.root()
        product = second.times(root)
        matrix = product @ root.T
        with one_core():
            if not gradients:
                return cls(_positive(np.linalg.eigvalsh(matrix)), None)
            values, vectors = np.linalg.eigh(matrix)
        values = _positive(values)
        used = values > 0
        values, vectors = values[used], vectors[:, used]
        back = vectors / values**0.25
        maps = (back / values**0.5).T @ product, back.T @ root
        return cls(values, maps)

    @property
    def trace(self) -> float:
        """F."""
        return float(np.sqrt(self.values).sum())


def _positive(values: NDArray[Any]) -> Doubles:
    """Eigenvalues; 0 where they are no more than rounding."""
    least = values.max(initial=0.0) * len(values) * np.finfo(np.float64).eps
    return np.asarray(np.where(values > least, values, 0.0))


def squared(first: Gauss, second: Gauss, *, gradients: bool = False) -> tuple[float, Overlap]:
    """Squared Fréchet (2-Wasserstein) distance between two normal laws, never negative; and F.

    |m1 - m2|^2 + tr S1 + tr S2 - 2 F
    """
    delta = first.mean - second.mean
    overlap = Overlap.of(first.covariance, second.covariance, gradients=gradients)
    value = float(delta @ delta) + first.trace + second.trace - 2 * overlap.trace
    return max(value, 0.0), overlap


class Laws:
    """The normal laws of two sides, and their distance with its gradients, computed once."""

    def __init__(self, first: Gauss, second: Gauss) -> None:
        self.sides = first, second

    @cached_property
    def distance(self) -> tuple[float, Overlap]:
        """As of `squared`."""
        return squared(*self.sides, gradients=True)


def influence_of_parts(
    parts: list[Moments], own: Gauss, other: Gauss, root: Doubles
) -> list[float]:
    """Sum over the vectors of each part of `influence`, from the moments of the parts."""
    delta, transport = 2 * (own.mean - other.mean), root.T @ root
    found = []
    for part in parts:
        shift = part.mean - own.mean
        total = float(shift @ delta + shift @ shift - shift @ transport @ shift) * part.count
        total += float(np.trace(part.scatter)) - float(np.vdot(transport, part.scatter))
        found.append(total)
    return found


def influence(vectors: Vectors, own: Gauss, other: Gauss, root: Doubles) -> Doubles:
    """(k,) first-order change of the squared distance with each vector of a side.

        f(x) = 2 (m1 - m2)'(x - m1) + |x - m1|^2 - (x - m1)' T12 (x - m1)

    up to a constant; `root` is a root of the side's map to the other.
    """
    delta = 2 * (own.mean - other.mean)
    found = np.empty(len(vectors))
    rows = max(1, _TILE // vectors.shape[1])
    for start in range(0, len(vectors), rows):
        part = slice(start, start + rows)
        centred = vectors[part] - own.mean
        moved = centred @ root.T
        found[part] = centred @ delta
        found[part] += np.einsum("ij,ij->i", centred, centred)
        found[part] -= np.einsum("ij,ij->i", moved, moved)
    return found
