"""What the Rarity Score's paper shows of real images and of networks: tables, and verdicts.

order       k-NN distance orders real images from typical to distinctive
networks    which networks agree on what is rare
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from paper_data import HONEST, Data, Images, Work
from paper_data import NETWORKS as NAMES
from paper_judged import (
    ALIKE,
    Doubles,
    Found,
    Verdict,
    correlation,
    inside,
    mean_of,
    spearman,
)

from rara import ScoreTable

RAREST = 0.05
REFERENCE, HELDOUT, SAMPLES = 2_000, 1_000, 200
GENERATORS = (*HONEST, "gan-0.4", "blurred", "noisy", "over-dispersed", "memoriser")
DRAWINGS = ("twemoji", "fluent")
TRAINED = frozenset({"pooled", "euclidean", "logits", "sscd"})
"""What learned from photos."""
Tables = Mapping[str, ScoreTable]


@dataclass(frozen=True)
class Opinions:
    """Score tables of some images by every network, beside fewer reference images."""

    data: Data
    work: Work

    @cached_property
    def tables(self) -> dict[str, Tables]:
        """By network and by generator; `heldout` are real images."""
        made = self.data.generators
        sides = {name: made[name][:SAMPLES] for name in (*GENERATORS, *DRAWINGS) if name in made}
        sides["heldout"] = self.data.heldout[:HELDOUT]
        return {network: self._by(network, sides) for network in self.work.networks}

    def _by(self, network: str, sides: Mapping[str, Images]) -> Tables:
        reference = self.work.reference(self.data.reference[:REFERENCE], network)
        scorer = reference.scorer(run=self.work.run)
        return {
            name: scorer.score_features(self.work.features(images, network))
            for name, images in sides.items()
        }

    def heldout(self, network: str, column: str) -> Doubles:
        values = self.tables[network]["heldout"][column]
        return values.astype(float)


ORDER = (
    "| data | held-out images | 5-NN vote errs | 5-NN vote errs, pixels | distance in pixels "
    "| in logits | in SSCD | in an untrained network |\n|---|--:|--:|--:|--:|--:|--:|--:|\n"
)


MEASURES = (
    *(("vote", "pooled"), ("vote", "pixels"), ("distance", "pixels")),
    *(("distance", "logits"), ("distance", "sscd"), ("distance", "random")),
)


def order(opinions: Opinions) -> Found:
    """Rank correlations of the k-NN distance with measures of how atypical an image is."""
    data, there = opinions.data, opinions.tables
    distance = opinions.heldout("pooled", "knn_distance")
    found = {}
    for kind, network in MEASURES:
        if network in there:
            table = there[network]["heldout"]
            other = votes(data, table) if kind == "vote" else table["knn_distance"]
            found[kind, network] = spearman(distance, other)
    cells = (correlation(*found[one]) if one in found else "" for one in MEASURES)
    row = f"| {data.title} | {len(distance):,} | {' | '.join(cells)} |\n"
    return row, list(ordered(data.title, found))


def ordered(title: str, found: Mapping[tuple[str, str], tuple[float, float]]) -> Iterator[Verdict]:
    """By labels and networks that learned from photos, and by the others."""
    for claim, learned in (("order", True), ("order plain", False)):
        values = [one for (_, network), one in found.items() if (network in TRAINED) is learned]
        low, high = (pick(value for value, _ in values) for pick in (min, max))
        words = f"rank correlations {low:+.2f} to {high:+.2f}"
        yield Verdict(claim, title, all(value - half > 0 for value, half in values), words)


def votes(data: Data, table: ScoreTable) -> Doubles:
    """The share of the five nearest reference images that have another label."""
    if data.labels is None:
        return np.full(len(table), np.nan)
    reference, heldout = data.labels
    near = np.array([[int(one["id"]) for one in row] for row in table["neighbors"]])
    return np.mean(reference[near] != heldout[: len(near), None], axis=1)


def extremes(opinions: Opinions, each: int) -> list[Images]:
    """The held-out images of the smallest, middle and largest k-NN distances."""
    ranked = np.argsort(opinions.heldout("pooled", "knn_distance"), kind="stable")
    middle = (len(ranked) - each) // 2
    parts = (slice(each), slice(middle, middle + each), slice(-each, None))
    return [opinions.data.heldout[ranked[part]] for part in parts]


NETWORKS = (
    f"| data | network | {' | '.join(NAMES)} | generators by mean rarity, as the default "
    "| by share inside |\n|---|---|" + "--:|" * (len(NAMES) + 2) + "\n"
)


def networks(opinions: Opinions) -> Found:
    """Whether networks agree on held-out images, and with the default on generators."""
    agreement = {
        frozenset(pair): spearman(*(opinions.heldout(one, "rarity") for one in pair))[0]
        for pair in combinations(opinions.tables, 2)
    }
    title, lines = opinions.data.title, []
    for one in opinions.tables:
        cells = (
            f"{agreement[frozenset((one, other))]:+.2f} ({common(opinions, one, other):.0%})"
            if other in opinions.tables and other != one
            else ""
            for other in NAMES
        )
        ranked = (ranked_alike(opinions, NAMES[0], one, which) for which in (0, 1))
        lines.append(f"| {title} | {one} | {' | '.join((*cells, *ranked))} |\n")
    return "".join(lines), list(verdicts(title, agreement))


def verdicts(title: str, agreement: Mapping[frozenset[str], float]) -> Iterator[Verdict]:
    """Of networks that learned from photos, and of the others."""
    for claim, learned in (("trained", True), ("plain", False)):
        pairs = [pair for pair in agreement if (pair <= TRAINED) is learned]
        worst, best = (pick(pairs, key=agreement.__getitem__) for pick in (min, max))
        words = (
            f"rank correlation of rarity {agreement[worst]:+.2f} ({', '.join(sorted(worst))}) to "
            f"{agreement[best]:+.2f} ({', '.join(sorted(best))})"
        )
        yield Verdict(claim, title, agreement[worst] >= ALIKE, words)


def common(opinions: Opinions, one: str, other: str) -> float:
    """The share of the farthest held-out images by one network that are so by the other."""
    sides = [opinions.heldout(network, "knn_distance") for network in (one, other)]
    count = round(RAREST * len(sides[0]))
    first, second = (set(np.argsort(-side, kind="stable")[:count].tolist()) for side in sides)
    return len(first & second) / count


def ranked_alike(opinions: Opinions, one: str, other: str, which: int) -> str:
    """Rank correlation over generators of their mean rarity (0) or share inside (1)."""
    names = [name for name in GENERATORS if name in opinions.tables[one]]
    if len(names) < 5 or one == other:
        return ""
    sides = (
        [
            (mean_of(inside(table))[0], float(np.mean(table["inside"])))[which]
            for table in (opinions.tables[network][name] for name in names)
        ]
        for network in (one, other)
    )
    return f"{spearman(*sides)[0]:+.2f}".replace("+nan", "").replace("nan", "")
