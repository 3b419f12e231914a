"""How often `rara proxies` calls fresh images, and how many planted copies it finds.

    python studies/proxies.py [--trials 20] [--sections gaussian fashion]
        [--into docs/studies/proxies.md]

Gaussian data in 16 dimensions, and the Fashion-MNIST images of examples/fashion. In each trial the
proxies and fresh samples are drawn anew, from one law. Fashion-MNIST gives 5,000 images, of which
each trial draws its own. Direct evidence is not looked at here: what it adds is a hundredth of the
level, and is measured by studies/evidence_fresh.py. In the last table, the proxies are of other
classes than the samples, which nothing promises anything of.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import rara
from pages import insert
from rara.features.features import Features
from rara.images.decode import decode
from rara.stats.conformal import q_values

FASHION = Path(__file__).parents[1] / "examples" / "fashion"
RUN = rara.Run(threads=1)
LEVELS = (0.05, 0.01)
DIMENSIONS = 16
FRESH = 300
"""Fresh samples of a trial."""
SAMPLES = 200
MANY, FEW = 20, 5
"""Near copies among so many samples."""
SPREAD = 0.05
"""Standard deviation of the noise of Gaussian near copies, in every dimension."""

Pixels = NDArray[np.uint8]
Layout = Sequence[tuple[int, int]]
"""The proxies of a trial: each is a range of the images that were drawn."""
GAUSSIAN: Mapping[str, Layout] = {
    "20": [(0, 20)],
    "300": [(0, 300)],
    "5,000": [(0, 5_000)],
    "two of 300": [(0, 300), (300, 600)],
    "five of 300": [(at, at + 300) for at in range(0, 1_500, 300)],
    "20, 300 and 5,000": [(0, 20), (20, 320), (320, 5_320)],
    "four of 20, and 5,000": [*((at, at + 20) for at in range(0, 80, 20)), (80, 5_080)],
    "three of 5,000": [(at, at + 5_000) for at in range(0, 15_000, 5_000)],
    "two of 5,000, half of each in both": [(0, 5_000), (2_500, 7_500)],
    "300, all of them in 5,000": [(0, 300), (0, 5_000)],
}
CLOTHES: Mapping[str, Layout] = {
    "20": [(0, 20)],
    "300": [(0, 300)],
    "4,000": [(0, 4_000)],
    "five of 300": GAUSSIAN["five of 300"],
    "20, 300 and 3,000": [(0, 20), (20, 320), (320, 3_320)],
    "two of 2,000, half of each in both": [(0, 2_000), (1_000, 3_000)],
}


@dataclass(slots=True)
class Counts:
    """What the trials of one layout gave."""

    fresh: dict[float, list[float]] = field(default_factory=lambda: {one: [] for one in LEVELS})
    """The share of fresh samples with a p-value up to each level, trial by trial."""
    found: dict[int, list[float]] = field(default_factory=lambda: {MANY: [], FEW: []})
    """The share of copies that are named with their own proxy, by how many there are."""
    all_counted: list[float] = field(default_factory=list)
    """The same of a few where each proxy counts, however small."""
    false: list[float] = field(default_factory=list)
    """The share of wrong pairs among those that are named, with many copies."""


@dataclass(frozen=True, slots=True)
class World:
    """One trial: images in a random order, fresh ones, and near copies of given images."""

    images: Features
    fresh: Features
    copied: Callable[[NDArray[np.int64]], Features]


def gaussian_world(rng: np.random.Generator, most: int) -> World:
    images = rng.normal(size=(most, DIMENSIONS)).astype(np.float32)
    fresh = rng.normal(size=(FRESH, DIMENSIONS)).astype(np.float32)

    def copied(rows: NDArray[np.int64]) -> Features:
        noise = rng.normal(scale=SPREAD, size=(len(rows), DIMENSIONS))
        return Features.from_arrays(images[rows] + noise, ids=[f"copy {row}" for row in rows])

    return World(Features.from_arrays(images), named(Features.from_arrays(fresh), "fresh"), copied)


def named(features: Features, what: str) -> Features:
    ids = [f"{what} {row}" for row in range(len(features))]
    return Features.from_arrays(features.vectors, ids=ids)


def judged(
    samples: Features, references: Mapping[str, rara.Reference], alpha: float
) -> rara.ProxyTable:
    return rara.proxies(samples, references, alpha=alpha, evidence="none", run=RUN)


def trial(world: World, layout: Layout, rng: np.random.Generator, counts: Counts) -> None:
    """One draw: the level on fresh samples, then copies among them."""
    references = {
        f"proxy {number}": rara.Reference.from_features(
            world.images.take(np.arange(*ends), f"proxy {number}"), run=RUN
        )
        for number, ends in enumerate(layout)
    }
    for level in LEVELS:
        table = judged(world.fresh, references, level)
        counts.fresh[level].append(float(np.mean(table["copy_p"] <= level)))
    for copies in (MANY, FEW):
        planted(world, layout, references, rng, copies, counts)


def planted(
    world: World,
    layout: Layout,
    references: Mapping[str, rara.Reference],
    rng: np.random.Generator,
    copies: int,
    counts: Counts,
) -> None:
    """Copies of images of the proxies, among fresh samples."""
    every = np.unique(np.concatenate([np.arange(*ends) for ends in layout]))
    rows = np.sort(rng.choice(every, copies, replace=False))
    few = world.fresh.take(np.arange(SAMPLES - copies), "fresh")
    table = judged(world.copied(rows).joined(few), references, LEVELS[0])
    owners = [
        {f"proxy {number}" for number, (first, last) in enumerate(layout) if first <= row < last}
        for row in rows
    ]
    pairs = [set(one) for one in table["proxies"]]
    right = [bool(one & own) for one, own in zip(pairs, owners, strict=False)]
    counts.found[copies].append(float(np.mean(right)))
    if copies == FEW:
        counts.all_counted.append(with_all(table, owners))
        return
    wrong = sum(len(one - own) for one, own in zip(pairs, owners, strict=False))
    wrong += sum(len(one) for one in pairs[copies:])
    counts.false.append(wrong / max(1, sum(map(len, pairs))))


def with_all(table: rara.ProxyTable, owners: Sequence[set[str]]) -> float:
    """The share of copies found by Bonferroni over all proxies, those that are too small too."""
    by_proxy = table.arrow["by_proxy"].to_pylist()
    own = np.array([[one["copy_p"] for one in row] for row in by_proxy])
    best = [row[int(np.argmin(p))]["proxy"] for row, p in zip(by_proxy, own, strict=True)]
    called = q_values(np.minimum(1, own.shape[1] * own.min(axis=1))) <= LEVELS[0]
    return float(np.mean([called[i] and best[i] in own_ for i, own_ in enumerate(owners)]))


def table_of(worlds: Callable[[np.random.Generator, int], World],
             layouts: Mapping[str, Layout], trials: int) -> str:  # fmt: skip
    lines = [
        f"| images of the proxies | fresh, p ≤ .05 | p ≤ .01 | found of {MANY} copies | of {FEW} "
        f"| of {FEW}, if each proxy counted | false among the named |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for place, (name, layout) in enumerate(layouts.items()):
        counts, rng = Counts(), np.random.default_rng([place, 14])
        for _ in range(trials):
            trial(worlds(rng, max(last for _, last in layout)), layout, rng, counts)
        print(name, *cells(counts), flush=True)
        lines.append(f"| {name} | {' | '.join(cells(counts))} |")
    return "\n".join(lines)


def cells(counts: Counts) -> Iterator[str]:
    for level in LEVELS:
        yield with_error(counts.fresh[level])
    for copies in (MANY, FEW):
        yield f"{np.mean(counts.found[copies]):.2f}"
    yield f"{np.mean(counts.all_counted):.2f}"
    yield with_error(counts.false)


def with_error(shares: Sequence[float]) -> str:
    """The mean over trials, and its standard error."""
    error = np.std(shares, ddof=1) / np.sqrt(len(shares))
    return f"{np.mean(shares):.4f} ± {error:.4f}"


@dataclass(frozen=True, slots=True)
class Clothes:
    """The images of examples/fashion with their vectors, and near copies of each."""

    images: Features
    copies: Features
    """Row for row."""

    @classmethod
    def made(cls) -> Clothes:
        pixels = pixels_of("reference") | pixels_of("heldout")
        real = rara.Reference.fit(pixels, run=RUN)
        copies = {name: altered(one, row) for row, (name, one) in enumerate(pixels.items())}
        return cls(real.features, real.scorer(run=RUN).features(copies)[0])

    def world(self, rng: np.random.Generator, most: int) -> World:
        order = rng.permutation(len(self.images))
        place = {name: row for row, name in enumerate(self.copies.ids)}
        ids = [self.images.ids[row] for row in order]

        def copied(rows: NDArray[np.int64]) -> Features:
            return self.copies.take(np.array([place[ids[row]] for row in rows]), "copies")

        fresh = self.images.take(order[most : most + FRESH], "fresh")
        return World(self.images.take(order[:most], "images"), fresh, copied)


def pixels_of(archive: str) -> dict[str, Pixels]:
    """RGB by archive, class and name."""
    return {
        f"{archive}/{item.id}": np.asarray(decode(item.load()).convert("RGB"))
        for item in rara.open_source(FASHION / f"{archive}.zip")
    }


def altered(pixels: Pixels, seed: int) -> Pixels:
    """Darker by a tenth, and noisy."""
    noise = np.random.default_rng(seed).normal(scale=10, size=pixels.shape[:2])
    return np.clip(0.9 * pixels + noise[..., None], 0, 255).astype(np.uint8)


def foreign(clothes: Clothes) -> str:
    """Fresh samples of a class whose proxies are of the nine other classes."""
    images = clothes.images
    label = np.array([name.split("/")[1] for name in images.ids])
    held = np.array([name.startswith("heldout/") for name in images.ids])
    shares: dict[float, list[float]] = {one: [] for one in LEVELS}
    kinds = sorted(set(label))
    for kind in kinds:
        fresh = images.take(np.flatnonzero(held & (label == kind)), kind)
        references = {
            other: rara.Reference.from_features(
                images.take(np.flatnonzero(~held & (label == other)), other), run=RUN
            )
            for other in kinds
            if other != kind
        }
        for level in LEVELS:
            p = judged(fresh, references, level)["copy_p"]
            shares[level].append(float(np.mean(p <= level)))
    lines = [f"| samples of | {' | '.join(f'p ≤ {one:g}' for one in LEVELS)} |", "|---|---:|---:|"]
    for number, kind in enumerate(kinds):
        lines.append(f"| {kind} | {' | '.join(f'{shares[one][number]:.3f}' for one in LEVELS)} |")
    lines.append(f"| **all** | {' | '.join(f'{np.mean(shares[one]):.3f}' for one in LEVELS)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--sections", nargs="+", default=("gaussian", "fashion"))
    parser.add_argument("--into", type=Path, help="the page that the tables are written into")
    options = parser.parse_args()
    tables = {}
    if "gaussian" in options.sections:
        tables["gaussian"] = table_of(gaussian_world, GAUSSIAN, options.trials)
    if "fashion" in options.sections:
        clothes = Clothes.made()
        tables["fashion"] = table_of(clothes.world, CLOTHES, options.trials)
        tables["foreign"] = foreign(clothes)
    for section, table in tables.items():
        print(f"\n{table}")
        if options.into:
            insert(options.into, table, "proxies", section)


if __name__ == "__main__":
    main()
