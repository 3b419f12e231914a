"""Ridge classifiers, each trained on all folds but one, for the true labels and shuffled ones.

With the labels a ridge classifier's weights are linear, so that one factorisation a fold
serves every shuffle of them: a permutation test that trains anew each time costs little
more than one classifier. See docs/design/two_sample.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.two_sample.pool import Labels, Pool
from rara.two_sample.views import Doubles, Vectors

RIDGE = 0.3
"""Penalty, as a multiple of features / images; from 0.1 to 1 the results hardly differ."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over some images, for every column of labels: all that training asks of them."""

    squares: Vectors
    """(features, features) sum of products."""
    total: Doubles
    """(features,) sum over both sides."""
    samples: Vectors
    """(features, columns) sum over the samples."""
    counts: NDArray[np.int64]
    """Number of reference images, and of samples."""

    @classmethod
    def of(cls, features: Vectors, labels: Labels) -> Moments:
        """The sums over these rows."""
        total = features.sum(axis=0, dtype=np.float64)
        samples = features.T @ labels.astype(np.float32)
        counts = np.bincount(labels[:, 0], minlength=2)
        return cls(features.T @ features, total, samples, counts)

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.squares + other.squares,
            self.total + other.total,
            self.samples + other.samples,
            self.counts + other.counts,
        )

    def means(self) -> tuple[Vectors, Vectors]:
        """(features, columns) of the reference images, and of the samples; 0 where none are."""
        reference, samples = np.maximum(self.counts, 1)
        rest = self.total[:, None] - self.samples
        return (rest / reference).astype(np.float32), self.samples / np.float32(samples)


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Scores features in deviations of the reference images from their mean; 0 if all are one."""

    weights: Doubles
    mean: float
    deviation: float

    @classmethod
    def among(cls, reference: Vectors, weights: Doubles) -> Rule:
        """Along these weights; the reference images are those that it was not trained on."""
        scores = reference @ weights
        if not len(scores) or np.ptp(scores) == 0:
            return cls(np.zeros_like(weights), 0.0, 1.0)
        return cls(weights, float(scores.mean()), float(scores.std()))

    def __call__(self, features: Vectors) -> Doubles:
        """(n,) scores of (n, features)."""
        scores: Doubles = (features @ self.weights - self.mean) / self.deviation
        return scores


def classify(features: Vectors, pool: Pool, labels: Labels) -> tuple[Doubles, list[Rule]]:
    """For each column of labels the share of pairs, one of each side, that are told apart.

    Pairs are of one fold and judged by the classifier that has not seen it. With it the
    rules for the first column, one a fold.
    """
    penalty = RIDGE * features.shape[1]
    reduced, basis = _reduced(features)
    parts = [Moments.of(reduced[fold], labels[fold]) for fold in pool.folds]
    won, rules = np.zeros(labels.shape[1]), list[Rule]()
    for i, fold in enumerate(pool.folds):
        weights = _trained([part for j, part in enumerate(parts) if j != i], penalty)
        scores = (reduced[fold] @ weights)[pool.first[fold] - fold.start]
        won += pairs_won(scores, labels[fold])
        whole = weights[:, 0].astype(np.float64)
        whole = whole if basis is None else basis @ whole
        rules.append(Rule.among(features[fold][~pool.labels[fold]], whole))
    pairs = sum(int(part.counts.prod()) for part in parts)
    return won / pairs if pairs else np.full_like(won, 0.5), rules


def _reduced(features: Vectors) -> tuple[Vectors, Vectors | None]:
    """The same images in as many features as there are images, and the basis of those."""
    if features.shape[1] <= len(features):
        return features, None
    basis, coordinates = np.linalg.qr(features.T)
    return np.ascontiguousarray(coordinates.T), basis


def _trained(parts: list[Moments], penalty: float) -> Vectors:
    """(features, columns) weights.

    Fisher's discriminant with the scatter of both sides together, which no shuffle changes.
    """
    training = sum(parts[1:], start=parts[0])
    reference, samples = training.means()
    ridge = np.float32(penalty) * np.eye(len(training.total), dtype=np.float32)
    weights: Vectors = np.linalg.solve(training.squares + ridge, samples - reference)
    return weights


def pairs_won(scores: Vectors, labels: Labels) -> Doubles:
    """For each column the pairs in which the sample scores higher; ties count half (Mann-Whitney).

    >>> scores, labels = np.array([[1.0], [2.0], [2.0]]), np.array([[False], [True], [False]])
    >>> pairs_won(scores.astype(np.float32), labels)
    array([1.5])
    """
    won = np.empty(scores.shape[1])
    for i, (column, is_sample) in enumerate(zip(scores.T.copy(), labels.T.copy(), strict=True)):
        samples, others = np.sort(column[is_sample]), np.sort(column[~is_sample])
        below = np.searchsorted(others, samples, "left") + np.searchsorted(others, samples, "right")
        won[i] = below.sum() / 2
    return won
