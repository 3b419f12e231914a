"""Generators judged once for all claims of `generators_paper.py`, and small statistics.

What counts as held is fixed here, before anything is measured: `LEVEL` and `ALIKE`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from paper_data import Data, Work

import rara
from rara import Comparison, ScoreTable
from rara.stats.correlation import rank_correlations

Doubles = NDArray[np.float64]
LEVEL = 0.05
ALIKE = 0.5
"""Two scores rank images alike from this rank correlation on."""
REALS = 1_000
"""Held-out images that are judged as if a generator had made them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a claim held on a data set, and the figure that decides."""

    claim: str
    data: str
    held: bool
    figure: str

    @property
    def word(self) -> str:
        return "held" if self.held else "**did not hold**"


Found = tuple[str, list[Verdict]]
"""Rows of a table, and verdicts."""


@dataclass(frozen=True)
class Judged:
    """A data set, its generators and its held-out images by the default network."""

    data: Data
    work: Work

    @cached_property
    def comparison(self) -> Comparison:
        sides = {"heldout": self.data.heldout[:REALS], **self.data.generators}
        features = {name: self.work.features(images) for name, images in sides.items()}
        reference = self.work.reference(self.data.reference)
        return rara.compare(features, reference, run=self.work.run)

    @property
    def scores(self) -> Mapping[str, ScoreTable]:
        return self.comparison.scores

    @cached_property
    def rows(self) -> dict[str, dict[str, float]]:
        return {row["generator"]: row for row in self.comparison.table.to_pylist()}

    @cached_property
    def truncated(self) -> dict[str, float]:
        """The generators of one latent vector a row, from no truncation to the strongest."""
        found = self.data.family("gan") or self.data.family("psi")
        return dict(reversed(found.items()))

    @cached_property
    def plain(self) -> dict[str, ScoreTable]:
        """The same by Euclidean distances of the vectors, as in the paper."""
        scorer = self.work.reference(self.data.reference, "euclidean").scorer(run=self.work.run)
        sides = {"heldout": self.data.heldout[:REALS], **self.data.generators}
        return {
            name: scorer.score_features(self.work.features(images, "euclidean"))
            for name, images in sides.items()
        }

    def mean_rarity(self, name: str, *, plain: bool = False) -> tuple[float, float]:
        """Of the samples inside, with half of its interval."""
        return mean_of(inside((self.plain if plain else self.scores)[name]))


def inside(table: ScoreTable) -> Doubles:
    """Rarity of the samples that a ball holds."""
    rarity = table["rarity"]
    return rarity[~np.isnan(rarity)]


def mean_of(values: Doubles) -> tuple[float, float]:
    """The mean and half of its 95 % interval, which covers the samples alone."""
    if len(values) < 2:
        return float("nan"), float("nan")
    return float(values.mean()), float(1.96 * values.std(ddof=1) / np.sqrt(len(values)))


def spearman(
    one: Sequence[float] | Doubles, other: Sequence[float] | Doubles
) -> tuple[float, float]:
    """Rank correlation where both have values, and half of its 95 % interval."""
    pair = np.column_stack([one, other]).astype(float)
    pair = pair[~np.isnan(pair).any(axis=1)]
    found = rank_correlations(pair, 1)[0] if len(pair) > 3 else None
    if found is None:
        return float("nan"), float("nan")
    # Fieller, Hartley and Pearson 1957: the standard error after Fisher's transformation.
    return found, float(1.96 * np.sqrt(1.06 / (len(pair) - 3)) * (1 - found**2))


# -- words -----------------------------------------------------------------------------


def shown(name: str) -> str:
    return {"heldout": "real, held out", "gan-1.0": "gan"}.get(name, name)


def figure(value: float, half: float) -> str:
    """A mean with its interval, or that there is none."""
    return "none" if np.isnan(value) else f"{value:.3g} ± {half:.2g}"


def correlation(value: float, half: float) -> str:
    return "" if np.isnan(value) else f"{value:+.2f} ± {half:.2f}"


def share(row: Mapping[str, float], name: str) -> str:
    half = (row[f"{name}_high"] - row[f"{name}_low"]) / 2
    return f"{100 * row[name]:.1f} ± {100 * half:.1f} %"


def excess(row: Mapping[str, float], name: str) -> str:
    half = (row[f"{name}_excess_high"] - row[f"{name}_excess_low"]) / 2
    return f"{100 * row[f'{name}_excess']:+.1f} ± {100 * half:.1f} %"
