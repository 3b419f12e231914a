"""Samples judged by real images that no guidance saw.

    samples --default network, or pixels--> vectors --half that judges--> figures with intervals
    figures of a method and of the base --ratio--> how many times the base's yield, with interval

The figures are those of `rara compare` and `rara.sets`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from paper_data import Work

from rara import Features, sets
from rara.comparison.figures import FIGURES, RealImages, levels_of, met_by
from rara.comparison.generator import Generator, Judge
from rara.comparison.halves import FREEDOM, variance
from rara.comparison.sampling import HalfDifferences, Sampled, difference, half_differences
from rara.features.metric import with_metric
from rara.sets import SetScore
from rara.stats.intervals import LEVEL, Estimate, t_quantile

YIELD, OFF, COPIES = (FIGURES.index(name) for name in ("yield", "off_manifold", "copies"))
SETS = ("precision", "coverage")


@dataclass(frozen=True)
class Judged:
    """What is found of one method's samples."""

    sampled: Sampled
    sets: Mapping[str, SetScore]
    auc: float
    auc_p: float
    repeats: float
    """The share of samples that repeat another one."""

    def share(self, figure: int) -> Estimate:
        return self.sampled.share(figure, LEVEL)

    def excess(self, figure: int) -> Estimate:
        return self.sampled.excess(figure, LEVEL)


def judged(
    methods: Mapping[str, Features], judge: Features, fresh: Features | None, work: Work
) -> dict[str, Judged]:
    """All methods by the half that judges; the FID is that to fresh images."""
    scorer = work.reference_of(judge).scorer(run=work.run)
    looking = Judge.of(scorer, work.run)
    most = min(map(len, methods.values()))
    metric = looking.reference.spec.metric
    found = {
        name: looking.judge(name, with_metric(one, metric), None, most)
        for name, one in methods.items()
    }
    sampled = sampled_of(looking, found)
    collection = sets.MetricCollection(judge.vectors, SETS)
    scores = {name: collection.scores(one.vectors) for name, one in methods.items()}
    for name, one in methods.items():
        if fresh is not None:
            scores[name]["fid"] = sets.fid(one.vectors, fresh.vectors)
    return {name: _judged(found[name], sampled[name], scores[name]) for name in methods}


def sampled_of(looking: Judge, found: Mapping[str, Generator]) -> dict[str, Sampled]:
    levels = levels_of(looking.scorer)
    lists = [one.lists for one in found.values()]
    apart = half_differences(looking.deep, looking.parts, lists, levels)
    real = RealImages.around(looking.balls).own.met(levels).mean(axis=1)
    return {
        name: Sampled(met_by(one.table, looking.scorer), real, half)
        for (name, one), half in zip(found.items(), apart, strict=True)
    }


def _judged(one: Generator, sampled: Sampled, scores: Mapping[str, SetScore]) -> Judged:
    repeats = float((one.table["repeats"] > 1).mean())
    return Judged(sampled, scores, float(one.apart.auc), float(one.apart.p), repeats)


def ratio(one: Judged, base: Judged, figure: int = YIELD) -> Estimate:
    """How many times the base's share, by the logarithm; over samples and reference."""
    shares = [side.sampled.shares[figure] for side in (one, base)]
    if min(shares) == 0:
        return Estimate(math.nan, math.nan, math.nan)
    drawn = sum(
        side.sampled.samples_variance(figure) / share**2
        for side, share in zip((one, base), shares, strict=True)
    )
    signs = [halves_of(side).samples[:, figure] for side in (one, base)]
    means = [sign.mean(axis=1) / share for sign, share in zip(signs, shares, strict=True)]
    own = [
        (sign.astype(float) ** 2).sum(axis=1) / (sign.shape[1] * share) ** 2
        for sign, share in zip(signs, shares, strict=True)
    ]
    error = drawn + variance(means[0] - means[1], own[0] + own[1])
    half, value = t_quantile(LEVEL, FREEDOM) * error**0.5, float(shares[0] / shares[1])
    return Estimate(value, value * math.exp(-half), value * math.exp(half))


def halves_of(side: Judged) -> HalfDifferences:
    assert side.sampled.halves is not None
    return side.sampled.halves


def differs(one: Judged, base: Judged, figure: int) -> Estimate:
    """The share of one less that of the base."""
    return difference(one.sampled, base.sampled, figure, LEVEL)[0]
