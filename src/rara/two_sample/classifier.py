"""Ridge classifiers, each trained on all folds but one, for the true labels and shuffled ones.

With the labels a ridge classifier's weights are linear, so that one factorisation a fold
serves every shuffle of them: a permutation test that trains anew each time costs little
more than one classifier. Rows are distinct vectors, whose labels are shares of samples.
See docs/explanation/two_sample.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rara.geometry.threads import Crew
from rara.two_sample.pool import FOLDS, Labels, Pool
from rara.two_sample.views import Doubles, Vectors

RIDGE = 0.3
"""Penalty, as a multiple of features / images; from 0.1 to 1 the results hardly differ."""
COLUMNS = 128
"""Orders of labels that are trained for at a time."""
SMALL = 96
"""Features in a matrix that is inverted at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Scores features in deviations of the reference images from their mean; 0 if all are one."""

    weights: Doubles
    mean: float
    deviation: float
    reference: Doubles
    """Scores of the fold's reference images, which it was not trained on, ascending."""

    @classmethod
    def among(cls, scores: Doubles, weights: Doubles) -> Rule:
        """Along these weights; `scores` of the reference images of its fold."""
        if not len(scores) or np.ptp(scores) == 0:
            return cls(np.zeros_like(weights), 0.0, 1.0, np.zeros(len(scores)))
        mean, deviation = float(scores.mean()), float(scores.std())
        return cls(weights, mean, deviation, np.sort((scores - mean) / deviation))

    def __call__(self, features: Vectors) -> Doubles:
        """(n,) scores of (n, features)."""
        scores: Doubles = (features @ self.weights - self.mean) / self.deviation
        return scores


@dataclass(frozen=True, slots=True, eq=False)
class Separation:
    """How well the classifiers separate the sides, out of fold."""

    won: Doubles
    """(folds, columns) pairs in which the sample scores higher."""
    pairs: Doubles
    """(folds, columns) pairs of a sample and a reference image."""
    rules: list[Rule]
    """For the true labels, one a fold."""

    def auc(self) -> Doubles:
        """(columns,) the share of pairs, each of one fold; 1/2 where there are none."""
        return _share(self.won.sum(axis=0), self.pairs.sum(axis=0))

    def elsewhere(self, fold: int) -> float:
        """The share by the true labels in all folds but one."""
        others = np.delete(np.arange(FOLDS), fold)
        won, pairs = self.won[others, 0].sum(), self.pairs[others, 0].sum()
        return float(_share(won, pairs))


def _share(won: Doubles, pairs: Doubles) -> Doubles:
    return np.where(pairs > 0, won / np.maximum(pairs, 1e-300), 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums over the vectors of all folds, for every column of labels."""

    squares: Vectors
    """(features, features) sum of products."""
    total: Doubles
    """(features,) sum of the vectors."""
    samples: Vectors
    """(features, columns) sum over the samples."""
    count: Doubles
    """(columns,) number of samples, a share where copies are of both sides."""

    @classmethod
    def over(cls, features: Vectors, pool: Pool, labels: Labels, crew: Crew) -> Sums:
        """The sums; tasks are columns, so that the number of threads plays no role."""
        width = features.shape[1], labels.shape[1]
        samples, count = np.empty(width, np.float32), np.zeros(width[1])

        def add(columns: slice, worker: int) -> None:
            part, counts = np.zeros((width[0], 0), np.float32), np.zeros(0)
            for fold, rows in enumerate(pool.folds):
                shares = pool.shares(fold, labels[:, columns])
                some, number = features[rows].T @ shares, shares.sum(axis=0, dtype=np.float64)
                part, counts = (part + some, counts + number) if fold else (some, number)
            samples[:, columns], count[columns] = part, counts

        crew.each(add, parts_of(width[1]))
        total = features.sum(axis=0, dtype=np.float64)
        return cls(features.T @ features, total, samples, count)


def parts_of(columns: int) -> list[slice]:
    """Columns in parts, each as many as are trained for at a time."""
    return [slice(start, min(start + COLUMNS, columns)) for start in range(0, columns, COLUMNS)]


def classify(features: Vectors, pool: Pool, labels: Labels, crew: Crew) -> Separation:
    """Train and judge for each column of labels; `features` of each distinct vector."""
    penalty = RIDGE * features.shape[1]
    reduced, basis = _reduced(features)
    sums = Sums.over(reduced, pool, labels, crew)
    won, pairs = np.zeros((2, FOLDS, labels.shape[1]))
    rules: dict[int, Rule] = {}

    def judge(fold: int, worker: int) -> None:
        inner = Fold.of(reduced, pool, fold, sums, penalty)
        for columns in parts_of(labels.shape[1]):
            shares = pool.shares(fold, labels[:, columns])
            scores = inner.scores(shares, sums, columns)
            won[fold, columns] = pairs_won(scores, shares)
            samples = shares.sum(axis=0, dtype=np.float64)
            pairs[fold, columns] = samples * (len(shares) - samples)
            if columns.start == 0:
                first = inner.weights(shares[:, :1], sums).astype(np.float64)
                reference = np.repeat(scores[0], pool.copies[pool.folds[fold]])
                reference = reference[~pool.labels[pool.images[fold]]].astype(np.float64)
                rules[fold] = Rule.among(reference, first if basis is None else basis @ first)

    crew.each(judge, range(FOLDS))
    return Separation(won, pairs, [rules[fold] for fold in range(FOLDS)])


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One fold, ready to be judged by what is trained on all others."""

    features: Vectors
    inverse: Vectors
    """Of the scatter of the other folds, with the penalty: both sides together, which no shuffle
    changes."""
    solved: Vectors
    """(features, vectors) the inverse times the fold's features."""
    total: Doubles
    """(features,) sum of the vectors of the other folds."""
    count: int
    """Vectors of the other folds."""

    @classmethod
    def of(cls, features: Vectors, pool: Pool, fold: int, sums: Sums, penalty: float) -> Fold:
        """Factorise once for all columns of labels."""
        own = features[pool.folds[fold]]
        scatter = sums.squares - own.T @ own
        scatter.flat[:: len(scatter) + 1] += np.float32(penalty)
        total = sums.total - own.sum(axis=0, dtype=np.float64)
        inner = inverse(scatter)
        return cls(own, inner, inner @ own.T, total, len(features) - len(own))

    def scores(self, shares: Vectors, sums: Sums, columns: slice) -> Vectors:
        """(columns, vectors) scores by classifiers that were not trained on the fold."""
        return self.difference(shares, sums, columns).T @ self.solved

    def weights(self, shares: Vectors, sums: Sums) -> Vectors:
        """(features,) the classifier for the true labels."""
        difference = self.difference(shares, sums, slice(0, 1))
        return (self.inverse @ difference)[:, 0]

    def difference(self, shares: Vectors, sums: Sums, columns: slice) -> Vectors:
        """(features, columns) mean of the samples minus mean of the rest, in all other folds."""
        differences = sums.samples[:, columns] - self.features.T @ shares
        samples = sums.count[columns] - shares.sum(axis=0, dtype=np.float64)
        rest = np.maximum(self.count - samples, 1e-6)
        differences *= (1 / np.maximum(samples, 1e-6) + 1 / rest).astype(np.float32)
        differences -= (self.total[:, None] / rest).astype(np.float32)
        return differences


def inverse(matrix: Vectors) -> Vectors:
    """Of a symmetric positive definite matrix, by quarters: products are faster than solving.

    >>> inverse(np.diag(np.arange(1, 200)).astype(np.float32)).diagonal()[[1, 3]]
    array([0.5 , 0.25], dtype=float32)
    """
    if len(matrix) <= SMALL:
        return np.linalg.inv(matrix)
    half = len(matrix) // 2
    first, across = inverse(matrix[:half, :half]), matrix[:half, half:]
    ahead = first @ across
    last = inverse(matrix[half:, half:] - across.T @ ahead)
    corner = ahead @ last
    whole = np.empty_like(matrix)
    whole[:half, :half] = first + corner @ ahead.T
    whole[:half, half:], whole[half:, :half] = -corner, -corner.T
    whole[half:, half:] = last
    return whole


def _reduced(features: Vectors) -> tuple[Vectors, Vectors | None]:
    """The same images in as many features as there are images, and the basis of those."""
    if features.shape[1] <= len(features):
        return features, None
    basis, coordinates = np.linalg.qr(features.T)
    return np.ascontiguousarray(coordinates.T), basis


def pairs_won(scores: Vectors, shares: Vectors) -> Doubles:
    """For each order the pairs in which the sample scores higher; ties count half (Mann-Whitney).

    `scores`: (orders, vectors). `shares`: (vectors, orders), how much of each is a sample.

    >>> scores, labels = np.array([[1.0, 2.0, 2.0]]), np.array([[0.0], [1.0], [0.0]])
    >>> pairs_won(scores.astype(np.float32), labels.astype(np.float32))
    array([1.5])
    """
    order = np.argsort(scores, axis=1)
    samples = np.take_along_axis(shares.T.astype(np.float64), order, axis=1)
    ordered = np.take_along_axis(scores, order, axis=1)
    rest = 1 - samples
    below = np.cumsum(rest, axis=1)
    below -= 0.5 * rest
    won: Doubles = np.einsum("ij,ij->i", samples, below)
    for row in np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1)):
        won[row] = _won_with_ties(ordered[row], samples[row])
    return won


def _won_with_ties(ordered: Vectors, samples: Doubles) -> float:
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    sample, rest = np.add.reduceat(samples, starts), np.add.reduceat(1 - samples, starts)
    return float(sample @ (np.cumsum(rest) - 0.5 * rest))
