"""Scores of how unusual an image is, beside each other: which one to trust for what.

    python studies/families.py --into docs/explanation/trust.md

Rarity as published and with clipped radii, k-NN distance (k = 3), its p-value within each mode, and
the local outlier factor on mixtures of three Gaussians of unlike width, where the true density is
known: how well each orders fresh images by it, how well each tells images that something was done
to from fresh ones, and what a far outlier and duplicates in the reference do to balls. Needs
scikit-learn. `--into` replaces the tables in a page. Three minutes on one core.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pages import insert
from rara import Features, Reference, Run

REFERENCE, FRESH, REPEATS = 4_000, 2_000, 5
DIMENSIONS = (2, 8, 16, 64)
RAREST = 100
WEIGHTS, WIDTHS = (0.69, 0.3, 0.01), (1.0, 0.3, 1.0)
APART = 6.0
"""Distance between the centres of modes, in widths of the first and per root of dimensions."""
FAMILIES = (
    "`rarity`",
    "`rarity_clipped`",
    "`rarity`, outside on top",
    "`knn_distance`",
    "`group_off_manifold_p`",
    "`local_outlier_factor`",
    "the same, 20 neighbours",
)

Doubles = NDArray[np.float64]
Scores = dict[str, Doubles]


class Mixture:
    """Three Gaussians: a wide one, a narrow one, and a rare one."""

    def __init__(self, dimensions: int) -> None:
        self.centres = np.zeros((3, dimensions))
        self.centres[1, 0] = self.centres[2, -1] = APART * math.sqrt(dimensions)
        if dimensions > 1:
            self.centres[2, 0] = 0.0

    def draw(
        self, rng: np.random.Generator, count: int, *, modes: Doubles | None = None
    ) -> Doubles:
        return self.moved(rng, rng.choice(3, count, p=WEIGHTS if modes is None else modes), 1.0)

    def moved(self, rng: np.random.Generator, mode: NDArray[np.int64], spread: float) -> Doubles:
        """Images of the given modes, with so many times the usual spread."""
        noise = rng.normal(size=(len(mode), self.centres.shape[1]))
        return self.centres[mode] + spread * np.array(WIDTHS)[mode, None] * noise

    def modes(self, images: Doubles) -> list[str]:
        """The mode of each image: they lie so far apart that the nearest centre tells it."""
        d2 = ((images[:, None] - self.centres) ** 2).sum(axis=2)
        return [str(mode) for mode in d2.argmin(axis=1)]

    def features(self, images: Doubles) -> Features:
        return Features.from_arrays(images, metadata={"mode": self.modes(images)})

    def surprise(self, images: Doubles) -> Doubles:
        """-log of the true density, but for a constant."""
        d = self.centres.shape[1]
        d2 = ((images[:, None] - self.centres) ** 2).sum(axis=2)
        widths = np.array(WIDTHS)
        logs = np.log(WEIGHTS) - d2 / (2 * widths**2) - d * np.log(widths)
        return -np.logaddexp.reduce(logs, axis=1)


class Judges:
    """Every family of scores, made for one reference; higher is more unusual, NaN no answer."""

    def __init__(self, reference: Features, run: Run, *, by: str) -> None:
        from sklearn.neighbors import LocalOutlierFactor

        self.run, self.by = run, by
        self.reference = Reference.from_features(reference, k=3, run=run)
        self.wider = LocalOutlierFactor(n_neighbors=20, novelty=True, n_jobs=1)
        self.wider.fit(reference.vectors)

    def __call__(self, images: Features) -> Scores:
        table = self.reference.score_features(
            images, group_by=self.by, also=("rarity_clipped", "local_outlier_factor"), run=self.run
        )
        rarity, factor = table["rarity"], -self.wider.score_samples(images.vectors)
        scores = (
            rarity,
            table["rarity_clipped"],
            np.where(np.isnan(rarity), np.inf, rarity),
            table["knn_distance"],
            -table["group_off_manifold_p"],
            table["local_outlier_factor"],
            factor.astype(np.float64),
        )
        return dict(zip(FAMILIES, scores, strict=True))


# -- against the true density --

ORDER = f"""\
| dimensions | inside | {" | ".join(FAMILIES)} |
|---|---|{"---|" * len(FAMILIES)}
"""


def order_line(dimensions: int, times: int, run: Run) -> str:
    """Rank correlations of each family with the true surprise; each image so many times there."""
    found = []
    for seed in range(REPEATS):
        rng, law = np.random.default_rng(seed), Mixture(dimensions)
        reference = np.repeat(law.draw(rng, REFERENCE), times, axis=0)
        fresh = law.draw(rng, FRESH)
        scores = Judges(law.features(reference), run, by="mode")(law.features(fresh))
        truth = law.surprise(fresh)
        inside = ~np.isnan(scores[FAMILIES[0]])
        found.append([inside.mean(), *(spearman(scores[name], truth) for name in FAMILIES)])
    share, *mean = np.mean(found, axis=0)
    note = "" if times == 1 else f", each reference image {times} times"
    return f"| {dimensions}{note} | {100 * share:.0f} % | {cells(mean)} |\n"


def spearman(scores: Doubles, truth: Doubles) -> float:
    known = ~np.isnan(scores)
    if not known.any() or not np.ptp(rankdata(scores[known])):
        return math.nan
    return float(np.corrcoef(rankdata(scores[known]), rankdata(truth[known]))[0, 1])


# -- what is done to samples, and what is wrong with references --

Change = Callable[[np.random.Generator, Mixture, Doubles], Doubles]


def drawn(*weights: float) -> Change:
    """Fresh images with modes of these weights."""
    modes = np.array(weights) / sum(weights)
    return lambda rng, law, _: law.draw(rng, FRESH, modes=modes)


def spread(factor: float) -> Change:
    return lambda rng, law, _: law.moved(rng, rng.choice(3, FRESH, p=WEIGHTS), factor)


def beside_narrow(rng: np.random.Generator, law: Mixture, _: Doubles) -> Doubles:
    return law.moved(rng, np.ones(FRESH, np.int64), 2.0)


def copies(noise: float) -> Change:
    """Reference images, with noise in shares of the width of their mode."""

    def change(rng: np.random.Generator, law: Mixture, reference: Doubles) -> Doubles:
        chosen = reference[rng.choice(len(reference), FRESH, replace=False)]
        widths = np.array(WIDTHS)[np.array(law.modes(chosen), np.int64)]
        return chosen + noise * widths[:, None] * rng.normal(size=chosen.shape)

    return change


def junk(rng: np.random.Generator, law: Mixture, reference: Doubles) -> Doubles:
    """Uniform in a box with the reference as it should be."""
    return rng.uniform(reference.min(axis=0), reference.max(axis=0), (FRESH, reference.shape[1]))


REFERENCES: dict[str, Callable[[Mixture, Doubles], Doubles]] = {
    "as it should be": lambda law, clean: clean,
    "one far outlier in it": lambda law, clean: np.concatenate([clean, np.full((1, 16), 100.0)]),
    "each image twice": lambda law, clean: np.repeat(clean, 2, axis=0),
    "each image four times": lambda law, clean: np.repeat(clean, 4, axis=0),
    "without the narrow mode": lambda law, clean: clean[np.array(law.modes(clean)) != "1"],
}
USUAL = {"without the narrow mode": drawn(WEIGHTS[0], 0, WEIGHTS[2])}
"""Fresh images like the reference's, where that is not as it should be in its modes."""


class Scene:
    """One draw: references to judge against, and fresh images for each."""

    def __init__(self, seed: int, run: Run) -> None:
        self.rng, self.law, self.run = np.random.default_rng(seed), Mixture(16), run
        self.clean = self.law.draw(self.rng, REFERENCE)
        self.judges: dict[str, Judges] = {}
        self.fresh: dict[str, Scores] = {}

    def judge(self, reference: str) -> Judges:
        if reference not in self.judges:
            images = self.law.features(REFERENCES[reference](self.law, self.clean))
            self.judges[reference] = Judges(images, self.run, by="mode")
        return self.judges[reference]

    def changed(self, change: Change) -> Features:
        return self.law.features(change(self.rng, self.law, self.clean))

    def areas(self, change: Change, reference: str) -> list[float]:
        """How each family tells changed images from fresh ones."""
        judge = self.judge(reference)
        if reference not in self.fresh:
            self.fresh[reference] = judge(self.changed(USUAL.get(reference, drawn(*WEIGHTS))))
        return areas(judge(self.changed(change)), self.fresh[reference])


# -- against the checks --

CLEAN = "as it should be"
CHECKS: tuple[tuple[str, Change, str, str], ...] = (
    ("spread × 0.4", spread(0.4), CLEAN, "below .5"),
    ("spread × 0.8", spread(0.8), CLEAN, "below .5"),
    ("spread × 1.2", spread(1.2), CLEAN, "above .5"),
    ("spread × 1.5", spread(1.5), CLEAN, "1"),
    ("spread × 1.5", spread(1.5), "each image twice", "1"),
    ("spread × 1.5", spread(1.5), "each image four times", "1"),
    ("spread × 2", spread(2.0), CLEAN, "1"),
    ("narrow mode, spread × 2", beside_narrow, CLEAN, "1"),
    ("a mode with 1 % of the mass", drawn(0, 0, 1), CLEAN, "above .5"),
    ("fresh, of the narrow mode", drawn(0, 1, 0), "without the narrow mode", "1"),
    ("fresh, none of the narrow mode", drawn(WEIGHTS[0], 0, WEIGHTS[2]), CLEAN, ".5"),
    ("exact copies", copies(0.0), CLEAN, "nobody sees them"),
    ("near copies, noise 0.2 widths", copies(0.2), CLEAN, "nobody sees them"),
    ("noise in a box", junk, CLEAN, "1"),
    ("noise in a box", junk, "one far outlier in it", "1"),
)
TOLD = f"""\
| samples | reference | wanted | {" | ".join(FAMILIES)} |
|---|---|---|{"---|" * len(FAMILIES)}
"""


def check_lines(scenes: list[Scene]) -> str:
    """Areas under the curve of changed against fresh images, over several references."""
    return "".join(
        f"| {samples} | {reference} | {wanted} | "
        f"{cells(np.mean([scene.areas(change, reference) for scene in scenes], axis=0))} |\n"
        for samples, change, reference, wanted in CHECKS
    )


def areas(changed: Scores, fresh: Scores) -> list[float]:
    return [area(changed[name], fresh[name]) for name in FAMILIES]


def area(changed: Doubles, fresh: Doubles) -> float:
    """How often a changed image scores above a fresh one; those without a score are left out."""
    high, low = changed[~np.isnan(changed)], fresh[~np.isnan(fresh)]
    if not len(high) or not len(low):
        return math.nan
    ranks = rankdata(np.concatenate([high, low]))[: len(high)]
    return float((ranks.sum() - len(high) * (len(high) + 1) / 2) / (len(high) * len(low)))


def cells(values: list[float] | Doubles) -> str:
    return " | ".join("none" if math.isnan(value) else f"{value:.2f}" for value in values)


# -- the balls of a reference that is not as it should be --

BALLS = f"""\
| reference | fresh inside, published | clipped | noise inside, published | clipped | noise among the {RAREST} rarest, published | clipped |
|---|---|---|---|---|---|---|
"""  # noqa: E501


def ball_lines(scenes: list[Scene]) -> str:
    """What published and clipped balls hold, and whose the rarest images are."""
    kinds = [kind for kind in REFERENCES if kind not in USUAL]
    means = {kind: np.mean([balls(scene, kind) for scene in scenes], axis=0) for kind in kinds}
    return "".join(f"| {kind} | {ball_cells(*mean)} |\n" for kind, mean in means.items())


def balls(scene: Scene, reference: str) -> list[float]:
    """Of as many fresh and noise images: shares inside, and how many of the rarest are noise."""
    fresh, noise = (scene.changed(change) for change in (drawn(*WEIGHTS), junk))
    tables = [scene.judge(reference)(images) for images in (fresh, noise)]
    found: list[list[float]] = []
    for family in FAMILIES[:2]:
        real, junked = (table[family] for table in tables)
        held = [float(np.mean(~np.isnan(scores))) for scores in (real, junked)]
        found.append([*held, junk_on_top(real, junked)])
    return [value for pair in zip(*found, strict=True) for value in pair]


def junk_on_top(real: Doubles, junked: Doubles) -> float:
    """How many of the rarest of both are junk; those outside have no rarity."""
    both, junky = np.concatenate([real, junked]), np.repeat([0.0, 1.0], [len(real), len(junked)])
    inside = ~np.isnan(both)
    return float(junky[inside][np.argsort(-both[inside])][:RAREST].sum())


def ball_cells(*values: float) -> str:
    shares = [f"{100 * value:.1f} %" for value in values[:4]]
    return " | ".join([*shares, *(f"{value:.0f}" for value in values[4:])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, help="a page whose tables are replaced")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    run = Run(threads=chosen.threads)
    lines = [order_line(dimensions, 1, run) for dimensions in DIMENSIONS]
    lines += [order_line(16, times, run) for times in (2, 4)]
    scenes = [Scene(seed, run) for seed in range(REPEATS)]
    told, held = check_lines(scenes), ball_lines(scenes)
    tables = f"{ORDER}{''.join(lines)}\n{TOLD}{told}\n{BALLS}{held}"
    print(tables, end="")
    if chosen.into:
        insert(chosen.into, tables, "families")


if __name__ == "__main__":
    main()
