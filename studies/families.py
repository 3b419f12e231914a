"""Scores of how unusual an image is, beside each other: which one to trust for what.

    python studies/families.py --into docs/trust.md

Rarity, k-NN distance (k = 3), its p-value within each mode, and scikit-learn's local outlier
factor (20 neighbours, its usual number) on mixtures of three Gaussians of unlike width, where the
true density is known: how well each orders fresh images by it, and how well each tells images that
something was done to from fresh ones. Needs `pip install rara[families]`. `--into` replaces the
tables in a page. A minute on one core.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from rara import Features, Reference, Run

REFERENCE, FRESH, REPEATS = 4_000, 2_000, 5
DIMENSIONS = (2, 8, 16, 64)
WEIGHTS, WIDTHS = (0.69, 0.3, 0.01), (1.0, 0.3, 1.0)
APART = 6.0
"""Distance between the centres of modes, in widths of the first and per root of dimensions."""
FAMILIES = (
    "rarity, inside",
    "rarity, outside on top",
    "k-NN distance",
    "`group_off_manifold_p` by mode",
    "local outlier factor",
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
    """Every family of scores, made for one reference; higher is more unusual."""

    def __init__(self, law: Mixture, reference: Doubles, run: Run) -> None:
        from sklearn.neighbors import LocalOutlierFactor

        self.law, self.run, features = law, run, law.features(reference)
        self.reference = Reference.from_features(features, k=3, run=run)
        self.factor = LocalOutlierFactor(novelty=True, n_jobs=1).fit(features.vectors)

    def __call__(self, images: Doubles) -> Scores:
        features = self.law.features(images)
        table = self.reference.score_features(features, group_by="mode", run=self.run)
        rarity, by_mode = table["rarity"], -table["group_off_manifold_p"]
        factor = -self.factor.score_samples(features.vectors).astype(np.float64)
        on_top = np.where(np.isnan(rarity), np.inf, rarity)
        scores = (rarity, on_top, table["knn_distance"], by_mode, factor)
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
        reference = np.repeat(law.draw(rng, REFERENCE // times), times, axis=0)
        fresh = law.draw(rng, FRESH)
        scores, truth = Judges(law, reference, run)(fresh), law.surprise(fresh)
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


# -- against the checks --

Change = Callable[[np.random.Generator, Mixture, Doubles], Doubles]


def spread(factor: float) -> Change:
    return lambda rng, law, _: law.moved(rng, rng.choice(3, FRESH, p=WEIGHTS), factor)


def beside_narrow(rng: np.random.Generator, law: Mixture, _: Doubles) -> Doubles:
    return law.moved(rng, np.ones(FRESH, np.int64), 2.0)


def rare_mode(rng: np.random.Generator, law: Mixture, _: Doubles) -> Doubles:
    return law.moved(rng, np.full(FRESH, 2), 1.0)


def copies(rng: np.random.Generator, _: Mixture, reference: Doubles) -> Doubles:
    return reference[rng.choice(len(reference), FRESH, replace=False)]


def junk(rng: np.random.Generator, law: Mixture, reference: Doubles) -> Doubles:
    """Uniform in a box with the reference, its outlier left out."""
    low, high = reference[1:].min(axis=0), reference[1:].max(axis=0)
    return rng.uniform(low, high, size=(FRESH, reference.shape[1]))


CHECKS: dict[str, tuple[Change, str]] = {
    "spread × 1.2": (spread(1.2), "above .5"),
    "spread × 1.5": (spread(1.5), "1"),
    "spread × 0.8": (spread(0.8), "below .5"),
    "narrow mode, spread × 2": (beside_narrow, "1"),
    "a mode with 1 % of the mass": (rare_mode, "above .5"),
    "exact copies": (copies, "nobody sees them"),
    "noise in a box, one far outlier in the reference": (junk, "1"),
}
TOLD = f"""\
| 16 dimensions | wanted | {" | ".join(FAMILIES)} |
|---|---|{"---|" * len(FAMILIES)}
"""


def check_lines(run: Run) -> str:
    """Areas under the curve of changed against fresh images, over several references."""
    found: dict[str, list[list[float]]] = {name: [] for name in CHECKS}
    for seed in range(REPEATS):
        rng, law = np.random.default_rng(seed), Mixture(16)
        clean = law.draw(rng, REFERENCE)
        outlier = np.concatenate([np.full((1, 16), 100.0), clean])
        fresh = law.draw(rng, FRESH)
        for name, (change, _) in CHECKS.items():
            reference = outlier if change is junk else clean
            judges = Judges(law, reference, run)
            found[name].append(areas(judges(change(rng, law, reference)), judges(fresh)))
    return "".join(
        f"| {name} | {wanted} | {cells(np.mean(found[name], axis=0))} |\n"
        for name, (_, wanted) in CHECKS.items()
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


# -- where it goes --

BEGIN, END = "<!-- studies/families.py -->\n", "<!-- end -->\n"


def insert(page: Path, tables: str) -> None:
    """Replace what stands between the two marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, help="a page whose tables are replaced")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    run = Run(threads=chosen.threads)
    lines = [order_line(dimensions, 1, run) for dimensions in DIMENSIONS]
    lines.append(order_line(16, 4, run))
    tables = ORDER + "".join(lines) + "\n" + TOLD + check_lines(run)
    print(tables, end="")
    if chosen.into:
        insert(chosen.into, tables)


if __name__ == "__main__":
    main()
