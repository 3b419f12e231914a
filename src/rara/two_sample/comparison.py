"""The test: two sets of vectors, how well they are told apart, and what gives the samples away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rara.geometry.executors import Crew
from rara.scores import Setting
from rara.store import Features
from rara.two_sample.classifier import Rule, classify
from rara.two_sample.pool import FEWEST, FOLDS, Keys, Pool, folds_of, keys_of, most_of
from rara.two_sample.views import Doubles, Name, Vectors, View, views

PERMUTATIONS = 999
BLOCK = 2**22
"""Numbers in the vectors that are scored at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class TwoSample:
    """How well classifiers tell samples from reference images that they were not trained on.

    `auc`: the probability that a sample scores above a reference image; 0.5 where nothing
    tells them apart, 1 where everything does. `p`: the p-value of that, by shuffled labels.
    """

    auc: float
    p: float
    view: Name
    """What told them apart best: the coordinates of the vectors, or their squares."""
    giveaway: Doubles
    """(m,) score of each sample by a classifier not trained on it, in deviations of reference
    images from their mean; higher gives it away more."""
    samples: int
    reference: int
    """Images of either side that the test took."""
    permutations: int
    seed: int

    def describe(self) -> dict[str, Any]:
        """All but the scores."""
        names = ("auc", "p", "view", "samples", "reference", "permutations", "seed")
        return {**{name: getattr(self, name) for name in names}, "folds": FOLDS}


def two_sample(
    samples: Vectors,
    reference: Vectors,
    *,
    seed: int = 0,
    permutations: int = PERMUTATIONS,
    threads: int | None = None,
) -> TwoSample:
    """Tell two sets of float32 vectors apart by cross-fitted ridge classifiers.

    If all vectors are drawn alike, p is at most alpha with probability at most alpha, for
    every alpha, law and size. The order of the vectors plays no role.

    >>> rng = np.random.default_rng(0)
    >>> apart = rng.normal(0, 1, (100, 4)).astype("f"), rng.normal(1, 1, (200, 4)).astype("f")
    >>> found = two_sample(*apart)
    >>> found.auc > 0.8, found.p
    (True, 0.001)
    """
    keys = keys_of(samples, seed), keys_of(reference, seed)
    most = most_of([len(samples), len(reference)], samples.shape[1])
    pool = Pool.of((samples, reference), keys, most)
    labels = pool.shuffled(permutations, np.random.default_rng(seed))
    tried: dict[Name, tuple[Doubles, list[Rule]]] = {}

    def attempt(name: Name, worker: int) -> None:
        tried[name] = classify(seen[name](pool.vectors), pool, labels)

    with Crew(threads) as crew:
        seen = views(pool.vectors, seed)
        crew.each(attempt, seen)
        best = max(seen, key=lambda name: tried[name][0][0])
        giveaway = _scores(samples, keys[0], seen[best], tried[best][1])
    told = np.max([won for won, _ in tried.values()], axis=0)
    return TwoSample(
        auc=float(told[0]),
        p=float(np.mean(told >= told[0])),  # the true labels are one of the orders
        view=best,
        giveaway=giveaway,
        samples=int(pool.labels.sum()),
        reference=int((~pool.labels).sum()),
        permutations=permutations,
        seed=seed,
    )


def _scores(vectors: Vectors, keys: Keys, view: View, rules: list[Rule]) -> Doubles:
    """Each vector's score by the rule of its fold, whether or not it was among those taken."""
    folds, scores = folds_of(keys), np.empty(len(vectors))
    block = max(1, BLOCK // vectors.shape[1])
    for fold, rule in enumerate(rules):
        rows = np.flatnonzero(folds == fold)
        for start in range(0, len(rows), block):
            some = rows[start : start + block]
            scores[some] = rule(view(vectors[some]))
    return scores


def tell_apart(
    samples: Features, reference: Features, setting: Setting, *, threads: int | None = None
) -> tuple[Mapping[str, Doubles], dict[str, Any]]:
    """The column `giveaway` and the record of the test; or none, and why it is `absent`."""
    if reason := _why_not(len(samples), len(reference), setting):
        return {}, {"absent": reason}
    found = two_sample(samples.vectors, reference.vectors, threads=threads)
    return {"giveaway": found.giveaway}, found.describe()


def _why_not(samples: int, reference: int, setting: Setting) -> str | None:
    if setting.boundary == "official":
        return "the numbers are those of the Rarity Score's authors"
    if setting.own is not None:
        return "the samples are the reference's own images"
    if (fewest := min(samples, reference)) < FEWEST:
        return f"{FEWEST} images of either side are needed, and there are {fewest}"
    return None
