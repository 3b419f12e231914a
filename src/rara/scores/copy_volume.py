"""How near the nearest reference image is, beside what chance would do at that place.

A distance means little by itself: where the reference is dense every image has a near
neighbour, and where many directions are open the nearest and the tenth are almost equally
far. What compares is volume. Among images that fall evenly into a ball of dimension D,
the share of those nearer to the centre than d is (d / radius)^D; a copy is nearer than
any such share can explain.

The dimension is found where the sample lies, from its 2nd to K-th nearest (Levina and
Bickel, Maximum Likelihood Estimation of Intrinsic Dimension, NIPS 2004). So few distances
tell it badly, so they are weighed against how it varies over the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from rara.geometry import Need
from rara.scores.base import Doubles, Integers

DEPTH = 10
"""How many neighbours are looked at: more did not find more copies, in features or photos."""

LEAST = 3
"""With fewer, nothing tells the dimension."""

_EVEN = 1e-3
"""Below this excess of the second moment the dimension counts as the same everywhere."""


@dataclass(frozen=True, slots=True)
class LocalVolume:
    """The local dimensions of a reference, as a gamma law: D ~ Gamma(shape, rate)."""

    shape: float
    rate: float
    depth: int
    """K, the same for all that are compared."""

    @classmethod
    def around(cls, d2: Doubles) -> Self:
        """The law over a reference, from its images' squared distances to their nearest others.

        Given D, S as in `share` is Gamma(K - 2, D), so that E[S] and E[S^2] are those of 1/D and
        1/D^2 but for a factor: two moments, two unknowns.
        Images with so many duplicates that S is infinite are left out.
        """
        depth = min(DEPTH, d2.shape[1])
        spread = _spread(d2[:, :depth])
        spread = spread[np.isfinite(spread)]
        if depth < LEAST or not spread.any():
            return cls(np.nan, np.nan, depth)
        between = depth - 2
        first = spread.mean() / between
        second = np.mean(spread**2) / (between * (between + 1))
        shape = 2 + 1 / max(second / first**2 - 1, _EVEN)
        return cls(float(shape), float(first * (shape - 1)), depth)

    def share(self, d2: Doubles) -> Doubles:
        """Share of the ball up to the K-th nearest that is nearer than the nearest.

        From ascending squared distances, one row an image. Lower is more like a copy: 0 for
        an exact one, 1 where all K are equally far. NaN where the reference has fewer than
        three other images for each, or nothing but duplicates.

            E[(d_1 / d_K)^D | d_2 .. d_K] = (1 + V / (rate + S))^-(shape + K - 2),
            V = log(d_K / d_1),    S = sum of j log(d_{j+1} / d_j) over j = 2..K-1
        """
        near = d2[:, : self.depth]
        with np.errstate(divide="ignore", invalid="ignore"):
            volume = np.log(near[:, -1] / near[:, 0]) / 2
            grown = np.log1p(volume / (self.rate + _spread(near)))
        share = np.exp(-(self.shape + self.depth - 2) * grown)
        return np.where((near[:, 0] == 0) & ~np.isnan(self.shape), 0.0, share)


class Joining:
    """What the shares of the reference's images become when a sample joins them.

    Compared with the shares as they are, a sample is a little more like a copy than one of
    them can be: it is its nearest image's neighbour too, without counting as one. With the
    sample joined all are alike, and the rank of its share is as likely as any other (full
    conformal prediction; the law of dimensions is held as it is, for one image hardly moves it).
    """

    def __init__(
        self, samples: int, d2: Doubles, law: LocalVolume, shares: Doubles | None = None
    ) -> None:
        self.samples, self.law, self.lists = samples, law, d2[:, : law.depth]
        self.shares = law.share(d2) if shares is None else shares
        self.changes: list[tuple[Integers, Doubles, Doubles]] = []

    def need(self) -> Need:
        """Pairs as near as the K-th nearest of the reference image."""
        return Need(reach=self.lists[:, -1])

    def update(self, rows: Integers, columns: Integers, d2: Doubles) -> None:
        """Note what each such sample does to the share."""
        near = d2 < self.lists[columns, -1]
        rows, columns = rows[near], columns[near]
        joined = np.column_stack([self.lists[columns], d2[near]])
        after = self.law.share(np.sort(joined, axis=1))
        self.changes.append((rows, self.shares[columns], after))  # at once: threads share the list

    def merge(self, other: Joining) -> None:
        """Take in what another one saw."""
        self.changes += other.changes

    def joined(self, scores: Doubles) -> Integers:
        """How many more of the reference's shares are at or below each sample's once it joined."""
        change = np.zeros(self.samples, np.int32)
        for rows, before, after in self.changes:
            score = scores[rows]
            np.add.at(change, rows, (after <= score).astype(np.int32) - (before <= score))
        return change


def _spread(d2: Doubles) -> Doubles:
    """S: how far apart the 2nd to K-th nearest are; by Rényi, its terms are independent."""
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.log(d2[:, 2:] / d2[:, 1:-1]) / 2
    spread: Doubles = steps @ np.arange(2.0, d2.shape[1])
    return spread
