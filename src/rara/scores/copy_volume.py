"""How near the nearest reference image is, compared with what is usual at that place.

A distance means little by itself. Where the reference is dense, every image has a near
neighbour. In a high local dimension, the nearest and the tenth are almost equally far. Volumes
compare better: among images spread evenly in a ball of dimension D, the share of those nearer to
the centre than d is (d / radius)^D. A copy is nearer than such a share can explain.

D is the local dimension at the sample, estimated from its 2nd to K-th nearest (Levina and
Bickel, Maximum Likelihood Estimation of Intrinsic Dimension, NIPS 2004). So few distances give
a poor estimate. So D has a gamma prior, fitted to how it varies over the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rara.scores.axis import Doubles
from rara.scores.join_effect import Pairs
from rara.stats.joint_rank import Changes, Ranking, SampleScores

DEPTH = 10
"""Neighbours that count: more did not find more copies, in features or photos."""

LEAST = 3
"""With fewer neighbours the dimension cannot be estimated."""

_EVEN = 1e-3
"""Below this excess of the second moment the dimension counts as the same everywhere."""

_STEPS = 16
"""Where images are ranked, the rate is rounded to so many steps a factor of 2. A sample then
hardly ever changes it, and one ranking of the real images serves nearly all samples."""

_KEPT = 16
"""Rankings of the real images that are kept for later samples."""

_PAIRS = 1 << 16
"""Lists that are sorted at once."""


@dataclass(frozen=True, slots=True)
class LocalVolume:
    """The gamma distribution of the local dimensions of a reference: D ~ Gamma(shape, rate)."""

    shape: float
    rate: float
    depth: int
    """K, the same for all images that are compared."""

    @classmethod
    def around(cls, d2: Doubles) -> Self:
        """From the squared distances of the reference's images to their nearest others, (n, K)."""
        depth = min(DEPTH, int(d2.shape[1]))
        return cls.of(Volumes.of(d2, depth).spread, depth)

    @classmethod
    def of(cls, spread: Doubles, depth: int) -> Self:
        """From S of the images, as in `share`.

        Given D, S is Gamma(K - 2, D). So E[S] and E[S^2] are E[1/D] and E[1/D^2] times known
        factors: two moments for two unknowns. Images whose duplicates make S infinite are left
        out.
        """
        spread = spread[np.isfinite(spread)]
        if depth < LEAST or not spread.any():
            return cls(np.nan, np.nan, depth)
        shape, rate = _moments(spread.mean(), np.mean(spread**2), depth)
        return cls(float(shape), float(rate), depth)

    def share(self, d2: Doubles) -> Doubles:
        """Expected share of the ball up to the K-th nearest image that is nearer than the nearest.

        From ascending squared distances, one row an image. Lower is more like a copy: 0 for
        an exact one, 1 where all K are equally far. NaN where the reference has fewer than
        three other images for each, or only duplicates.

            E[(d_1 / d_K)^D | d_2 .. d_K] = (1 + V / (rate + S))^-(shape + K - 2),
            V = log(d_K / d_1),    S = sum of j log(d_{j+1} / d_j) over j = 2..K-1
        """
        volumes = Volumes.of(d2, self.depth)
        with np.errstate(invalid="ignore"):
            share = np.exp(-(self.shape + self.depth - 2) * np.log1p(volumes.scores(self.rate)))
        return np.where(np.isinf(volumes.volume) & ~np.isnan(self.shape), 0.0, share)


@dataclass(frozen=True, slots=True, eq=False)
class Volumes:
    """V and S of some images, as in `LocalVolume.share`: the order of shares needs no more."""

    volume: Doubles
    """Infinite for an exact copy."""
    spread: Doubles

    @classmethod
    def of(cls, d2: Doubles, depth: int) -> Self:
        """From ascending squared distances, one row an image, of which the first `depth` count.

        Additions are in one fixed order: equal distances give equal bits.
        """
        near = d2[:, :depth]
        spread = np.zeros(len(near))
        with np.errstate(divide="ignore", invalid="ignore"):
            volume = np.log(near[:, -1] / near[:, 0]) / 2
            for j in range(2, near.shape[1]):
                spread += j * np.log(near[:, j] / near[:, j - 1]) / 2
        return cls(np.where(near[:, 0] == 0, np.inf, volume), spread)

    def scores(self, rate: float) -> Doubles:
        """V / (rate + S): higher is more like a copy, whatever the shape of the gamma is."""
        with np.errstate(invalid="ignore"):
            return np.where(np.isinf(self.volume), np.inf, self.volume / (rate + self.spread))

    def take(self, rows: NDArray[np.integer]) -> Volumes:
        """Those of some images."""
        return Volumes(self.volume[rows], self.spread[rows])


def ranking_rate(spread: Doubles, depth: int) -> float:
    """The rounded rate by which images are ranked, from S of all of them."""
    finite = spread[np.isfinite(spread)]
    return float(_rounded(len(finite), finite.sum(), (finite**2).sum(), depth))


def joined_volumes(
    samples: Volumes,
    calibration: Volumes,
    lists: Doubles,
    pairs: Pairs,
    rankings: dict[float, Ranking],
) -> SampleScores:
    """Samples and a reference's images, as if each sample in turn had joined the reference.

    A sample changes S of the images that it is near to. That changes the means of S and S^2, and
    so the rate of all n + 1 images. The order is that of the n + 1 together, so p is exact.
    `lists`: (n, K) ascending squared distances of each image to its nearest others. `rankings`:
    those of the images found earlier, by rate; new ones are added.
    """
    depth = lists.shape[1]
    pairs = pairs.where(pairs.d2 < lists[pairs.columns, -1])
    after = _after(lists, pairs)
    rates, which = np.unique(_rates(samples, calibration, after, pairs, depth), return_inverse=True)
    scores = np.empty(len(pairs.rows))
    own = np.empty(len(samples.spread))
    for i, rate in enumerate(rates):
        changed, rows = which[pairs.rows] == i, which == i
        scores[changed] = after.take(np.flatnonzero(changed)).scores(rate)
        own[rows] = samples.take(np.flatnonzero(rows)).scores(rate)
    changes = Changes.of(len(own), pairs.rows, pairs.columns, scores)
    for rate in rates.tolist():
        if rate not in rankings and len(rankings) < _KEPT:
            rankings[rate] = Ranking.of(calibration.scores(rate))
    used = [rankings.get(rate) or Ranking.of(calibration.scores(rate)) for rate in rates.tolist()]
    return SampleScores(used, which.astype(np.int32), own, changes, np.zeros(len(own), np.int64))


def _after(lists: Doubles, pairs: Pairs) -> Volumes:
    """V and S of the reference image of each pair once the sample has joined it."""
    volume, spread = np.empty(len(pairs.d2)), np.empty(len(pairs.d2))
    for start in range(0, len(pairs.d2), _PAIRS):
        some = slice(start, start + _PAIRS)
        joined = np.column_stack([lists[pairs.columns[some]], pairs.d2[some]])
        volumes = Volumes.of(np.sort(joined, axis=1), lists.shape[1])
        volume[some], spread[some] = volumes.volume, volumes.spread
    return Volumes(volume, spread)


def _rates(
    samples: Volumes, calibration: Volumes, after: Volumes, pairs: Pairs, depth: int
) -> Doubles:
    """The rate of the n + 1 images together, for each sample."""
    pairs_of = zip(_parts(calibration), _parts(samples), strict=True)
    count, total, squares = (theirs.sum() + own for theirs, own in pairs_of)
    for sign, one in ((1, after), (-1, calibration.take(pairs.columns))):
        for all_of, part in zip((count, total, squares), _parts(one), strict=True):
            np.add.at(all_of, pairs.rows, sign * part)
    return _rounded(count, total, squares, depth)


def _parts(volumes: Volumes) -> tuple[Doubles, Doubles, Doubles]:
    """1, S and S^2 of each image; zeros where S is infinite."""
    finite = np.isfinite(volumes.spread)
    spread = np.where(finite, volumes.spread, 0.0)
    return finite.astype(np.float64), spread, spread**2


def _rounded(count: Any, total: Any, squares: Any, depth: int) -> Doubles:
    """The rate, rounded to its grid; 1 where no image has an S above 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        _, rate = _moments(total / count, squares / count, depth)
        rounded = np.exp2(np.round(np.log2(rate) * _STEPS) / _STEPS)
    return np.where(np.isfinite(rounded) & (rounded > 0), rounded, 1.0)


def _moments(mean: Any, square: Any, depth: int) -> tuple[Any, Any]:
    """Shape and rate of the gamma distribution, from the means of S and of S^2."""
    between = depth - 2
    first, second = mean / between, square / (between * (between + 1))
    shape = 2 + 1 / np.maximum(second / first**2 - 1, _EVEN)
    return shape, first * (shape - 1)
