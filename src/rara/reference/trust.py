"""How far figures relative to a reference may be believed: what real images alone give.

    vectors --two halves by content--> FID of one law with itself, effective rank
    neighbour lists, duplicates     --> images inside, hubness, distinct images

    fid_halves        FID of the halves: both are real, so all of it is bias and noise
    effective_rank    tr S1 tr S2 / tr (S1 S2), the participation ratio of the covariance
    hubness           skewness of N_k(x), how often x is among the k nearest of the others

The participation ratio (tr S)^2 / tr S^2 is d where all d directions have the same variance, and 1
where one direction has all of it. Of one set it is too small where images are few, since tr S^2 is
too large. With S1 and S2 from different images, both tr S1 tr S2 and tr (S1 S2) are unbiased.
Hubness: Radovanović, Nanopoulos and Ivanović, Hubs in Space, JMLR 2010.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rara.geometry.reducers import Doubles
from rara.report.audit_facts import Finding, Trust
from rara.scores import BallGeometry, own_balls
from rara.sets.base import keys_of
from rara.sets.bures import Gauss, squared

MOST = 20_000
"""Images that the halves have together, at most: those with the smallest keys."""
_NUMBERS = 2**26
"""Numbers that these have together, at most, where there are enough images left."""
_FEWEST = 4
"""Two in each half."""


def trust(
    vectors: NDArray[np.float32], geometry: BallGeometry, findings: tuple[Finding, ...]
) -> Trust:
    """What to know before a figure is read, from the vectors and what was found in them."""
    halves = _halves(vectors)
    apart, spread, rank = _fid(*halves) if halves else (None, None, None)
    twice = sum(
        one.share for one in findings if one.kind in {"exact duplicates", "near duplicates"}
    )
    listed = geometry.k < geometry.d2.shape[1]
    return Trust(
        half=len(halves[0]) if halves else 0,
        fid_halves=apart,
        fid_share=apart / spread if apart is not None and spread else None,
        effective_rank=rank,
        distinct=max(0.0, 1 - twice),
        inside=float((~np.isnan(own_balls(geometry).radius2)).mean()) if listed else None,
        hubness=_hubness(geometry),
    )


def _halves(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """Two halves of as many images, by their content alone; none where there are too few.

    Exact duplicates have the same key and stay together: in both halves they would bring these
    nearer to each other than fresh images come.
    """
    most = min(len(vectors), MOST, max(_FEWEST, _NUMBERS // vectors.shape[1]))
    if most < _FEWEST:
        return ()
    rows = np.argsort(keys_of(vectors), kind="stable")[:most]
    half = most // 2
    return vectors[rows[:half]], vectors[rows[half : 2 * half]]


def _fid(one: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[float, float, float | None]:
    """FID of the halves, the mean of their total variances, and the effective rank."""
    first, second = Gauss.of(one), Gauss.of(other)
    value, overlap = squared(first, second)
    together = float(overlap.values.sum())
    rank = None
    if together > 0:
        most = min(one.shape[1], len(one) + len(other) - 1)
        rank = float(min(max(first.trace * second.trace / together, 1.0), most))
    return value, (first.trace + second.trace) / 2, rank


def _hubness(geometry: BallGeometry) -> float | None:
    """None where all images are neighbours as often as one another."""
    index = geometry.index[:, : geometry.k]
    often: Doubles = np.bincount(index.ravel(), minlength=len(index)).astype(np.float64)
    often -= often.mean()
    variance = float(np.mean(often**2))
    return float(np.mean(often**3) / variance**1.5) if variance > 0 else None
