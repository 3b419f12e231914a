"""The reward: how it ranks images of known kinds, and what best of N by it is worth.

    python studies/reward.py [--into docs/studies/reward.md]

The 4,000 reference images of examples/fashion are split at random. One half is the reference of the
reward; the other half, which the reward never sees, judges what was chosen. The constants of the
reward were chosen on the first half alone (section `constants`): a quarter rewards, a quarter
judges. Two minutes, and a few more where the images have no vectors yet.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

import rara.reward.scale as scale
from pages import insert
from rara import Features, Reference, open_source
from rara.comparison.figures import FIGURES, met_by
from rara.extractors import get_extractor
from rara.features.embed import embed
from rara.images.decode import decode
from rara.reference.scorer import Scorer
from rara.report.verdicts import ASTRAY

EXAMPLES = Path(__file__).parents[1] / "examples" / "fashion"
GENERATORS = ("gan-1.0", "gan-0.5", "vae")
EACH = 500
"""Images of each kind."""
TURNS = 200
"""Times that samples are dealt into groups of N anew."""
CHOICES = (1, 2, 4, 8, 16)
Doubles = NDArray[np.float64]
Pixels = NDArray[np.uint8]


# -- data ------------------------------------------------------------------------------


def pixels_in(name: str) -> Pixels:
    """The pictures of an archive, in the order of their ids."""
    items = sorted(open_source(EXAMPLES / f"{name}.zip"), key=lambda item: item.id)
    return np.stack([np.asarray(decode(item.load())) for item in items])


def features_of(pixels: Pixels) -> Features:
    """Vectors of pictures, by the default network."""
    return embed(open_source(list(pixels)), get_extractor())


@dataclass(frozen=True)
class Data:
    """Both halves of the reference, and fresh images."""

    pixels: Pixels
    """Of the half that rewards."""
    rewards: Reference
    judge: Reference
    fresh: Pixels
    samples: dict[str, Features]
    """Of each generator."""

    @classmethod
    def read(cls) -> Data:
        """By one split, whose seed was never changed."""
        pixels = pixels_in("reference")
        every = features_of(pixels)
        order = np.random.default_rng(0).permutation(len(pixels))
        one, other = np.sort(order[:2000]), np.sort(order[2000:])
        first, second = (Reference.fit(every.take(rows, "half")) for rows in (one, other))
        samples = {name: features_of(pixels_in(name)) for name in GENERATORS}
        return cls(pixels[one], first, second, pixels_in("heldout"), samples)


# -- kinds -----------------------------------------------------------------------------


def filtered(pixels: Pixels, change: Callable[[Image.Image], Image.Image]) -> Pixels:
    return np.stack([np.asarray(change(Image.fromarray(one))) for one in pixels])


def noised(pixels: Pixels, deviation: float) -> Pixels:
    noise = np.random.default_rng(1).normal(scale=deviation, size=(*pixels.shape[:3], 1))
    return (pixels + noise).round().clip(0, 255).astype(np.uint8)


def spread(features: Features, factor: float) -> Features:
    """Vectors moved away from their mean; numbers that become negative are 0."""
    mean = features.vectors.mean(axis=0)
    wide = np.maximum(mean + factor * (features.vectors - mean), 0).astype(np.float32)
    return replace(features, vectors=wide)


def kinds(data: Data) -> Iterator[tuple[str, Features]]:
    """Each kind in a few words, and its images as vectors."""
    fresh, own = data.fresh, data.pixels[:: len(data.pixels) // EACH][:EACH]
    real = features_of(fresh)
    yield "real, fresh", real
    verdicts = data.judge.score(real)["verdict"]
    yield "of these, rare by the judge", real.take(np.flatnonzero(verdicts == "rare"), "rare")
    yield (
        "of these, uncommon by the judge",
        real.take(np.flatnonzero(verdicts == "uncommon"), "uncommon"),
    )
    for name, features in data.samples.items():
        yield f"samples of {name}", features
    yield "spread 1.5 times too wide, as vectors", spread(real, 1.5)
    yield "spread 2 times too wide, as vectors", spread(real, 2.0)
    blurred = filtered(fresh[:EACH], lambda one: one.filter(ImageFilter.GaussianBlur(1.5)))
    yield "blurred, radius 1.5 of 28 pixels", features_of(blurred)
    yield "with noise, deviation 64 of 256", features_of(noised(fresh[:EACH], 64))
    junk = np.random.default_rng(2).integers(0, 256, (EACH, 28, 28, 1), np.uint8)
    yield "noise alone", features_of(np.repeat(junk, fresh.shape[3], axis=3))
    yield "copies", features_of(own)
    yield "copies with noise, deviation 2", features_of(noised(own, 2))
    yield "copies with noise, deviation 8", features_of(noised(own, 8))
    half = real.vectors[: EACH // 2]
    yield (
        "real, each twice in the batch",
        Features.take(real, np.repeat(np.arange(len(half)), 2), "repeats"),
    )


def kinds_table(data: Data) -> Iterator[str]:
    scorer = data.rewards.scorer()
    yield "| kind | images | reward: median (5 to 95 %) | below the lowest 5 % of real ones | off-manifold term | copy term | repeat term |"  # noqa: E501
    yield "|---|---|---|---|---|---|---|"
    low: float | None = None
    for name, features in kinds(data):
        terms = rewarded(scorer, features)
        reward = terms["reward"]
        if low is None:
            low = float(np.quantile(reward, 0.05))
        least, middle, most = np.quantile(reward, [0.05, 0.5, 0.95])
        off, copy, repeat = (np.median(terms[term]) for term in ("off_manifold", "copy", "repeat"))
        yield (
            f"| {name} | {len(reward):,} | {middle:.2f} ({least:.2f} to {most:.2f}) "
            f"| {(reward < low).mean():.0%} | {off:.2f} | {copy:.2f} | {repeat:.2f} |"
        )


def rewarded(scorer: Scorer, features: Features) -> dict[str, Doubles]:
    """The terms, for each batch of 100 images."""
    parts = [
        scorer.reward_terms(features.take(rows, "batch"))
        for rows in np.array_split(np.arange(len(features)), max(len(features) // 100, 1))
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


# -- best of N -------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What a judge says of samples, (m,) each."""

    rare: NDArray[np.bool_]
    """The rules of the verdict "rare", on the manifold and no copy: `yield` of rara.compare."""
    uncommon: NDArray[np.bool_]
    """Called uncommon or rare."""
    off: NDArray[np.bool_]
    copies: NDArray[np.bool_]

    @classmethod
    def of(cls, judge: Reference, samples: Features) -> Found:
        """By the judge's own score table."""
        scorer = judge.scorer(evidence="none")
        table = scorer.score(samples)
        met = dict(zip(FIGURES, met_by(table, scorer), strict=True))
        uncommon = np.isin(table["verdict"], ["rare", "uncommon"])
        return cls(met["yield"], uncommon, np.isin(table["verdict"], ASTRAY), met["copies"])


def best_of(rewards: Doubles, choices: int, found: Found) -> NDArray[np.float64]:
    """Shares of the best of each group of so many samples: mean and deviation over deals."""
    rng, shares = np.random.default_rng(0), []
    for _ in range(TURNS):
        deal = rng.permutation(len(rewards))[: len(rewards) // choices * choices]
        groups = deal.reshape(-1, choices)
        best = groups[np.arange(len(groups)), rewards[groups].argmax(axis=1)]
        shares.append([one[best].mean() for one in (found.rare, found.uncommon, found.off,
                                                    found.copies)])  # fmt: skip
    return np.array(shares)


def by_itself(scorer: Scorer, features: Features) -> Doubles:
    """Rewards without the term of repeats: each sample competes, and is no batch."""
    terms = scorer.reward_terms(features)
    return terms["reward"] + terms["repeat"]


def best_table(data: Data) -> Iterator[str]:
    yield "| samples | N | rare, on the manifold, no copy | uncommon or rare | off-manifold (excess over real) | copies |"  # noqa: E501
    yield "|---|---|---|---|---|---|"
    scorer = data.rewards.scorer()
    real = Found.of(data.judge, features_of(data.fresh))
    for name, features in data.samples.items():
        found, rewards = Found.of(data.judge, features), by_itself(scorer, features)
        for choices in CHOICES:
            rare, uncommon, off, copies = best_of(rewards, choices, found).mean(axis=0)
            yield (
                f"| {name} | {choices} | {rare:.1%} | {uncommon:.1%} | {off:.1%} "
                f"({off - real.off.mean():+.1%}) | {copies:.1%} |"
            )
    yield (
        f"| *fresh real images* | 1 | {real.rare.mean():.1%} | {real.uncommon.mean():.1%} "
        f"| {real.off.mean():.1%} | {real.copies.mean():.1%} |"
    )


# -- constants -------------------------------------------------------------------------


def constants_table(data: Data) -> Iterator[str]:
    """Within the half that rewards: a quarter of all images rewards, a quarter judges."""
    own = data.rewards.features
    order = np.random.default_rng(1).permutation(len(own))
    first, second = (
        Reference.fit(own.take(np.sort(rows), "quarter")) for rows in np.split(order, 2)
    )
    found = {name: Found.of(second, features) for name, features in data.samples.items()}
    yield "| penalties begin at | steepness | " + " | ".join(
        f"{name}: uncommon or rare, off-manifold" for name in GENERATORS
    ) + " |"  # fmt: skip
    yield "|---|---|" + "---|" * len(GENERATORS)
    before = scale.LEVEL, scale.STEEPNESS
    for level in (0.5, 0.8, 0.9):
        for steepness in (2.0, 4.0):
            scale.LEVEL, scale.STEEPNESS = level, steepness
            scorer, cells = first.scorer(), []
            for name, features in data.samples.items():
                shares = best_of(by_itself(scorer, features), 16, found[name]).mean(axis=0)
                cells.append(f"{shares[1]:.0%}, {shares[2]:.0%}")
            yield f"| {level:g} | {steepness:g} | " + " | ".join(cells) + " |"
    scale.LEVEL, scale.STEEPNESS = before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, help="the page that holds the tables")
    parser.add_argument("--sections", nargs="+", default=["constants", "kinds", "best"])
    asked = parser.parse_args()
    data = Data.read()
    tables = {"constants": constants_table, "kinds": kinds_table, "best": best_table}
    for name in asked.sections:
        table = "\n".join(tables[name](data))
        print(table, flush=True)
        if asked.into:
            insert(asked.into, f"{table}\n", "reward", name)


if __name__ == "__main__":
    main()
