"""The figures of a generator: each the share of its samples that meet a condition.

    p-values of samples --Standing.met--> (figures, m) yes or no --mean--> shares

Every condition is at a level among real images, so that a share has an expected value of real
images, and does not move with the number of samples: docs/explanation/comparison.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from rara.calibration.copy_statistic import statistic_for
from rara.comparison.lists import ListsOfPart
from rara.provenance.parts import CalibrationPart
from rara.reference.scorer import Scorer
from rara.scores import BallGeometry, own_balls
from rara.scores.ball_ratio import BallRatio
from rara.stats.conformal import at_least, below, percentiles
from rara.table.score_table import ScoreTable
from rara.verdict.rules import Thresholds

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]

Figure = Literal["inside", "off_manifold", "yield", "over_typical", "copies"]
FIGURES: tuple[Figure, ...] = get_args(Figure)

CORE = 0.25
"""The dense core of the reference: where this share of real images is nearest to others."""
COPY_LEVEL = 0.01
FEWEST_FOR_COPIES = 400
"""Reference images from which on copies are counted at `COPY_LEVEL`: half of them must be enough
for a copy to reach it."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of the conditions."""

    thresholds: Thresholds
    copies: float
    """Share of real images that count as copies."""

    @classmethod
    def of(cls, thresholds: Thresholds, reference: int) -> Self:
        """Those for a reference of so many images."""
        fine = min(COPY_LEVEL, thresholds.alpha)
        return cls(thresholds, fine if reference >= FEWEST_FOR_COPIES else thresholds.alpha)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Figures that have no value: no sample could meet their condition, or be ruled out by it."""

    figures: tuple[Figure, ...]
    what: str
    """What these real images do not allow, after "no"."""

    @classmethod
    def among(cls, calibration: CalibrationPart, levels: Levels) -> list[Self]:
        """Those of a reference that calibrates itself, one for each cause.

        A yield needs all: its samples are rare, on the manifold and no copies.
        """
        limits, smallest = levels.thresholds, calibration.smallest_p
        least, inside = 1 / (calibration.real_images + 1), calibration.real_images_inside
        rarest = float(percentiles(np.array(inside), inside))
        repeat = ", since some of these repeat" if 2 * least <= levels.copies else ""
        causes: list[tuple[bool, tuple[Figure, ...], str]] = [
            (smallest.off_manifold > limits.alpha, ("off_manifold", "yield"),
             f"off_manifold_p can be at most {limits.alpha:g}"),
            (smallest.copy > levels.copies, ("copies", "yield"),
             f"copy_p of an exact copy can be at most {levels.copies:g}{repeat}"),
            (rarest < limits.rare or least > limits.uncommon_p, ("yield",),
             "sample can be rare"),
            (least > CORE, ("over_typical",), f"p-value can be at most {CORE:g}"),
        ]  # fmt: skip
        return [cls(figures, what) for holds, figures, what in causes if holds]


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Where samples stand among real images."""

    inside: Flags
    off_manifold_p: Doubles
    knn_p: Doubles
    near_p: Doubles
    """P-value of lying as near to the k-th nearest: low in the dense core."""
    rarity_percentile: Doubles
    copy_p: Doubles

    @classmethod
    def of_table(cls, table: ScoreTable, knn2: Doubles) -> Self:
        """From a score table, and the squared k-NN distances of the reference's own images."""
        d2 = np.nextafter(table["knn_distance"] ** 2, np.inf)  # at least what the root was taken of
        nearer = below(np.nextafter(d2, np.inf), np.sort(knn2))
        return cls(
            inside=table["inside"].astype(np.bool_),
            off_manifold_p=table["off_manifold_p"],
            knn_p=table["knn_p"],
            near_p=(1 + nearer) / (1 + len(knn2)),
            rarity_percentile=table["rarity_percentile"],
            copy_p=table["copy_p"],
        )

    def met(self, levels: Levels) -> Flags:
        """(figures, m) which samples meet the condition of each figure.

        inside: in any ball. off_manifold: p at most alpha. copies: p at most the level of copies.
        yield: the rules of the verdict "rare", and none of the two before. over_typical: nearer to
        their k-th nearest than all but a quarter of real images.
        """
        limits = levels.thresholds
        off, copied = self.off_manifold_p <= limits.alpha, self.copy_p <= levels.copies
        rare = (self.knn_p <= limits.uncommon_p) & (self.rarity_percentile >= limits.rare)
        return np.array(
            [self.inside, off, self.inside & rare & ~off & ~copied, self.near_p <= CORE, copied]
        )


def met_by(table: ScoreTable, scorer: Scorer) -> Flags:
    """(figures, m) which samples meet the condition of each figure, by the table of a scorer.

    The scorer has no option beyond k, boundary and alpha: see `Judge.of`.
    """
    options, geometry = scorer.options, scorer.geometry
    balls = geometry.ball_geometry(options.k, options.rule)
    return Standing.of_table(table, balls.knn2).met(levels_of(scorer))


def levels_of(scorer: Scorer) -> Levels:
    """The levels of the figures for the reference of a scorer."""
    return Levels.of(scorer.options.thresholds, len(scorer.geometry.features))


def unreachable(table: ScoreTable, scorer: Scorer) -> list[Unreachable]:
    """The figures that have no value in the table of a scorer, by cause."""
    calibration = table.provenance.calibration
    return [] if calibration is None else Unreachable.among(calibration, levels_of(scorer))


def without_value(table: ScoreTable, scorer: Scorer) -> frozenset[Figure]:
    """The same figures, whatever the cause is."""
    return frozenset(figure for one in unreachable(table, scorer) for figure in one.figures)


def shares_of(table: ScoreTable, scorer: Scorer) -> dict[Figure, float]:
    """The share of samples of each figure; NaN where it has no value."""
    shares = dict(zip(FIGURES, met_by(table, scorer).mean(axis=1).tolist(), strict=True))
    return shares | dict.fromkeys(without_value(table, scorer), math.nan)


@dataclass(frozen=True, slots=True, eq=False)
class RealImages:
    """Scores of a reference's own images, each without itself; ascending where samples rank.

    By the same statistics as a score table, and by vectors alone. Samples are compared with them as
    they are: what would change if a sample joined the reference is left out, which moves a p-value
    by about k / n.
    """

    geometry: BallGeometry
    far: BallRatio
    knn2: Doubles
    ratio2: Doubles
    rarity2: Doubles
    """Of those that are inside."""
    copying: Doubles
    least: Doubles
    """Members at least as far out as each, by the k-NN distance or by the ball ratio."""
    own: Standing

    @classmethod
    def around(cls, geometry: BallGeometry) -> Self:
        """Those of a reference, from its neighbour lists; they must be longer than k."""
        far, copying = BallRatio.around(geometry), statistic_for(geometry).own()
        rarity2 = own_balls(geometry).radius2
        knn2, ratio2 = np.sort(geometry.knn2), np.sort(far.own2)
        least = np.minimum(at_least(geometry.knn2, knn2), at_least(far.own2, ratio2))
        held = np.sort(rarity2[~np.isnan(rarity2)])
        ascending, rank = np.sort(copying), np.sort(least)
        own = _standing(
            len(knn2), 0, geometry.knn2, knn2, far.own2, least,
            rank, rarity2, held, copying, ascending,
        )  # fmt: skip
        return cls(geometry, far, knn2, ratio2, held, ascending, rank, own)

    def of(self, lists: ListsOfPart) -> Standing:
        """Where samples stand, from their neighbour lists."""
        geometry, nearest = self.geometry, lists.nearest
        knn2 = nearest.d2[:, geometry.k - 1]
        ratio2 = self.far.of(nearest, lists.held)
        least = 1 + np.minimum(at_least(knn2, self.knn2), at_least(ratio2, self.ratio2))
        copying = statistic_for(geometry).of(nearest)
        return _standing(
            len(self.knn2), 1, knn2, self.knn2, ratio2, least,
            self.least, lists.radius2, self.rarity2, copying, self.copying,
        )  # fmt: skip


def _standing(
    reals: int, more: int, knn2: Doubles, knn_of: Doubles, ratio2: Doubles, least: Doubles,
    least_of: Doubles, rarity2: Doubles, rarity_of: Doubles, copying: Doubles, copying_of: Doubles,
) -> Standing:  # fmt: skip
    """Ranks of images among real images, which are one of them (`more` = 0) or one beside them."""
    members = reals + more
    knn_p = (more + at_least(knn2, knn_of)) / members
    joint = (more + below(np.nextafter(least - more, np.inf), least_of)) / members
    inside, others = ~np.isnan(rarity2), len(rarity_of) - 1 + more
    passed = 100.0 * below(rarity2, rarity_of) / (1 + others)
    return Standing(
        inside=inside,
        off_manifold_p=np.where(ratio2 > 1, joint, np.minimum(1.0, 2 * knn_p)),
        knn_p=knn_p,
        near_p=(more + below(np.nextafter(knn2, np.inf), knn_of)) / members,
        rarity_percentile=np.where(inside, passed, np.nan),
        copy_p=(more + at_least(copying, copying_of)) / members,
    )
