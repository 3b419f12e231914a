"""The test: how well a classifier separates two sets of vectors, and a score for each sample.

vectors --Pool--> one canonical order --Numbers--> two classifiers and the repeats
    --ranks--> p; the classifiers' rules --> score and p-value of each sample
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rara.features.features import Features
from rara.geometry.threads import Crew
from rara.provenance.parts import NoTwoSample, TwoSamplePart
from rara.scores import BallGeometry
from rara.two_sample.classifier import Separation, classify
from rara.two_sample.pool import FEWEST, FOLDS, Keys, Labels, Pool, folds_of, keys_of, most_of
from rara.two_sample.ranks import p_value, shares_at_least
from rara.two_sample.repeats import repeats
from rara.two_sample.views import Affine, Doubles, Numbers, Vectors, View, squared, step_of

PERMUTATIONS = 999
TIE = 1e-4
"""Scores that differ by less, in deviations, tie: they may be sums in another order."""

Name = Literal["coordinates", "squares", "repeats"]


@dataclass(frozen=True, slots=True, eq=False)
class TwoSample:
    """How well samples can be separated from reference images.

    `auc`: the probability that a sample scores above a reference image by a classifier that was
    trained on neither; 0.5 where nothing separates them, 1 where everything does. `p`: the
    p-value of that and of `repeats`, by shuffled labels.
    """

    auc: float
    p: float
    view: Name
    """What separates them best: the coordinates of the vectors, their squares, or repeats."""
    p_by_view: Mapping[Name, float]
    """The p-value of each view alone."""
    repeats: int
    """Pairs of equal or nearly equal samples, among those taken."""
    two_sample_score: Doubles
    """(m,) score of each sample by a classifier not trained on it, in deviations of reference
    images from their mean; higher is less like the reference."""
    two_sample_p: Doubles
    """(m,) its p-value: its rank among the reference images of its fold."""
    samples: int
    reference: int
    """Images of either side that the test took."""
    permutations: int
    seed: int

    def describe(self) -> TwoSamplePart:
        """All but the scores."""
        return TwoSamplePart(
            auc=self.auc, p=self.p, view=self.view,
            p_by_view=dict[str, float](self.p_by_view.items()),
            repeats=self.repeats, samples=self.samples, reference=self.reference,
            permutations=self.permutations, seed=self.seed, folds=FOLDS,
        )  # fmt: skip


def two_sample(
    samples: Vectors,
    reference: Vectors,
    *,
    seed: int = 0,
    permutations: int = PERMUTATIONS,
    threads: int | None = None,
) -> TwoSample:
    """Test whether two sets of float32 vectors differ: by ridge classifiers, and by repeats.

    If all vectors are drawn alike, p is at most alpha with probability at most alpha, for
    every alpha, law and size. The order of the vectors plays no role.

    >>> rng = np.random.default_rng(0)
    >>> apart = rng.normal(0, 1, (100, 4)).astype("f"), rng.normal(1, 1, (200, 4)).astype("f")
    >>> test = two_sample(*apart)
    >>> test.auc > 0.8, test.p
    (True, 0.001)
    """
    keys = keys_of(samples, seed), keys_of(reference, seed)
    most = most_of([len(samples), len(reference)], samples.shape[1])
    pool = Pool.of((samples, reference), keys, most, seed)
    labels = pool.shuffled(permutations, np.random.default_rng([seed, 1]))
    with Crew(threads) as crew:
        trial = Trial.of(pool, labels, seed, crew)
        scores, p = trial.judge(samples, keys[0])
    statistics = trial.statistics()
    alone = {name: float(shares_at_least(one)[0]) for name, one in statistics.items()}
    best: Name = max(trial.separations, key=lambda name: float(statistics[name][0]))
    view: Name = "repeats" if min(alone, key=lambda name: alone[name]) == "repeats" else best
    return TwoSample(
        auc=float(statistics[best][0]),
        p=p_value(np.array(list(statistics.values()))),
        view=view,
        p_by_view=alone,
        repeats=int(trial.pairs[0]),
        two_sample_score=scores,
        two_sample_p=p,
        samples=int(pool.labels.sum()),
        reference=int((~pool.labels).sum()),
        permutations=permutations,
        seed=seed,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """The three views of the true labels and of shuffled ones."""

    numbers: Numbers
    squares: Affine
    separations: dict[View, Separation]
    pairs: Doubles
    """(columns,) pairs of samples that repeat one another."""

    @classmethod
    def of(cls, pool: Pool, labels: Labels, seed: int, crew: Crew) -> Trial:
        """The first view's features become the second's in place: they are most of the memory."""
        step = step_of(pool.sides[0].shape[1])
        parts = [slice(start, start + step) for start in range(0, len(pool), step)]
        numbers, features = Numbers.over(
            lambda: (pool.vectors(part) for part in parts), len(pool), seed
        )
        pairs = repeats(features, pool, labels)
        first = classify(features[:, : numbers.coordinates], pool, labels, crew)
        squares = squared(features)
        second = classify(features, pool, labels, crew)
        return cls(numbers, squares, {"coordinates": first, "squares": second}, pairs)

    def statistics(self) -> dict[Name, Doubles]:
        """Each view's statistic for every order of labels; repeats are last, and lose ties."""
        coordinates, squares = (self.separations[name].auc() for name in ("coordinates", "squares"))
        return {"coordinates": coordinates, "squares": squares, "repeats": self.pairs}

    def view(self, fold: int) -> View:
        """The better of the two in all other folds: the fold's own labels have no say."""
        return max(self.separations, key=lambda name: self.separations[name].elsewhere(fold))

    def judge(self, samples: Vectors, keys: Keys) -> tuple[Doubles, Doubles]:
        """Score and p-value of every sample by the rule of its fold.

        Distinct vectors are scored in the order of their keys: no other order plays a role.
        """
        distinct, first, copies = np.unique(keys, return_index=True, return_inverse=True)
        folds, step = folds_of(distinct), step_of(samples.shape[1])
        views = [self.view(fold) for fold in range(FOLDS)]
        scores, p = np.empty(len(distinct)), np.empty(len(distinct))
        for start in range(0, len(distinct), step):
            part = slice(start, start + step)
            numbers = self.numbers(samples[first[part]])
            for fold, view in enumerate(views):
                rows = np.flatnonzero(folds[part] == fold)
                rule = self.separations[view].rules[fold]
                scored = rule(self._features(numbers[rows], view))
                scores[start + rows] = scored
                below = np.searchsorted(rule.reference, scored - TIE, "left")
                count = len(rule.reference)
                p[start + rows] = (1 + count - below) / (1 + count)
        return scores[copies], p[copies]

    def _features(self, numbers: Vectors, view: View) -> Vectors:
        if view == "coordinates":
            return numbers[:, : self.numbers.coordinates]
        features = np.square(numbers)
        self.squares.apply(features)
        return features


def two_sample_test(
    samples: Features, reference: Features, geometry: BallGeometry, *, threads: int | None = None
) -> tuple[Mapping[str, Doubles], TwoSamplePart | NoTwoSample]:
    """The columns of the test and its record; or none, and why it is `absent`."""
    if reason := _why_not(len(samples), len(reference), geometry):
        return {}, NoTwoSample(reason)
    result = two_sample(samples.vectors, reference.vectors, threads=threads)
    columns = {name: getattr(result, name) for name in ("two_sample_score", "two_sample_p")}
    return columns, result.describe()


def _why_not(samples: int, reference: int, geometry: BallGeometry) -> str | None:
    if geometry.boundary == "official":
        return "the numbers are those of the Rarity Score's authors"
    if geometry.own is not None:
        return "the samples are the reference's own images"
    if (fewest := min(samples, reference)) < FEWEST:
        return f"{FEWEST} images of either side are needed, and there are {fewest}"
    return None
