"""Fidelity: whether a sample lies where the reference's images lie.

Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing Generative
Models, NeurIPS 2019, arXiv 1904.06991; Naeem et al., Reliable Fidelity and Diversity
Metrics for Generative Models, ICML 2020, arXiv 2002.09797.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rara.geometry import Balls, Need, Ratio, Reducer
from rara.scores.axis import BallGeometry, Columns, Doubles, Integers


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Whether any ball holds each sample, how many do, and realism.

    `inside`: in at least one k-NN ball; its mean over samples is improved precision.
    `balls`: in how many; its mean divided by k is density.
    `realism`: higher is more realistic. Above 1, up to rounding, where a ball not larger than
    the median holds the sample; infinite on a centre; never NaN.

        realism(q) = max { r_k(x) / |q - x| : r_k(x) <= median of r_k, x in reference }

    With the official boundary it is the one of the authors' code (`OfficialRatio`).
    """

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The balls, and the largest ratio."""
        return geometry.balls(samples), realism_reducer(geometry, samples)

    def answer(
        self, geometry: BallGeometry, reducers: tuple[Balls, Ratio | OfficialRatio | RatioWithout]
    ) -> Columns:
        """`inside`, `balls`, `realism`."""
        balls, ratio = reducers
        return {
            "inside": balls.count > 0,
            "balls": balls.count,
            "realism": np.sqrt(ratio.largest),
        }


def realism_reducer(geometry: BallGeometry, samples: int) -> Ratio | OfficialRatio | RatioWithout:
    """The reducer behind realism: the largest squared ratio."""
    if geometry.boundary == "official":
        return OfficialRatio(samples, geometry.radii2)
    if geometry.own is not None:
        return RatioWithout(geometry)
    limit = lower_median(geometry.radii2)
    return Ratio(samples, np.where(geometry.radii2 <= limit, geometry.radii2, np.nan))


def lower_median(values: Doubles) -> float:
    """The middle value, or the lower of the two in the middle; always one of the values."""
    middle = (len(values) - 1) // 2
    return float(np.partition(values, middle)[middle])


class OfficialRatio:
    """Squared realism as the authors of the Rarity Score compute it.

    Over all balls, and with 1e-6 added to every distance, in whatever unit. Bounds on distances
    cannot decide which ratio is the largest then: every pair is verified.
    """

    def __init__(self, samples: int, radii2: Doubles) -> None:
        self.radii = np.sqrt(radii2)
        self.largest = np.zeros(samples)

    def need(self) -> Need:
        """All pairs."""
        return Need(reach=np.full(len(self.radii), np.inf))

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Keep the largest."""
        ratio = self.radii[columns] / (np.sqrt(d2) + 1e-6)
        np.maximum.at(self.largest, rows, ratio * ratio)

    def merge(self, other: OfficialRatio) -> None:
        """Take in another one, which saw other pairs."""
        np.maximum(self.largest, other.largest, out=self.largest)


class RatioWithout:
    """Squared realism of the reference's own images, leave-one-out.

    Without image i the radius of ball j is r_{k+1}(j) where |i - j| < r_{k+1}(j), else
    it stays r_k(j), and the median is that of the radii that result.
    """

    def __init__(self, geometry: BallGeometry) -> None:
        self.radii2, self.wider2 = geometry.radii2, geometry.wider2
        self.limits = _medians_without(geometry)
        self.largest = np.zeros(len(self.limits))

    def need(self) -> Need:
        """Pairs that may have the largest ratio by either radius, and those at distance 0."""
        possible = self.radii2 <= self.limits.max()
        certain = self.wider2 <= self.limits.min()
        return Need(
            reach=np.where(possible, 0.0, -np.inf),
            weight=np.where(possible & (self.wider2 > 0), self.wider2, -1.0),
            assured=np.where(certain, self.radii2, -1.0),
        )

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Keep the largest."""
        wider2 = self.wider2[columns]
        radius2 = np.where(d2 < wider2, wider2, self.radii2[columns])
        counted = radius2 <= self.limits[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(d2 == 0, np.inf, radius2 / d2)
        np.maximum.at(self.largest, rows[counted], ratio[counted])

    def merge(self, other: RatioWithout) -> None:
        """Take in another one, which saw other pairs."""
        np.maximum(self.largest, other.largest, out=self.largest)


def _medians_without(geometry: BallGeometry) -> Doubles:
    """(n,) lower median of the squared radii of the others, without each image in turn."""
    radii2, wider2 = geometry.radii2, geometry.wider2
    near = geometry.d2[:, : geometry.k] < wider2[:, None]
    ball, rank = np.nonzero(near)
    held = geometry.index[ball, rank]
    order = np.argsort(held, kind="stable")
    ends = np.searchsorted(held[order], np.arange(1, len(near)))
    ascending = np.sort(radii2)
    medians = [
        _median_changed(
            ascending,
            gone=np.append(radii2[balls], radii2[i]),
            come=wider2[balls],
        )
        for i, balls in enumerate(np.split(ball[order], ends))
    ]
    return np.array(medians)


def _median_changed(ascending: Doubles, *, gone: Doubles, come: Doubles) -> float:
    """Lower median after `gone` left and `come` joined; one more leaves than joins.

    A value's rank moves by at most the number of changes, so only the middle matters.
    """
    rank = (len(ascending) - 2) // 2
    middle = ascending[max(rank - len(gone), 0) : rank + len(gone) + 1]
    candidates = np.sort(np.append(middle, come))
    below = (
        np.searchsorted(ascending, candidates, side="right")
        - np.searchsorted(np.sort(gone), candidates, side="right")
        + np.searchsorted(np.sort(come), candidates, side="right")
    )
    return float(candidates[np.argmax(below > rank)])
