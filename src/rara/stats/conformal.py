"""What a score means among scores of real images: percentiles, conformal p-values, q-values.

Pure statistics on arrays. An image is compared with n calibration scores, of real images. If it
were one more real image, all n + 1 would be exchangeable and every rank equally likely. Then

    p = (1 + c) / (n + 1),    c = calibration scores at least as extreme

is at most alpha with probability at most alpha, whatever the distribution (Vovk,
Gammerman and Shafer, Algorithmic Learning in a Random World, 2005). Ties count as at
least as extreme, so they can only make p larger. No p is below 1 / (n + 1): `least_called`
says what follows where many images are judged at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Counts = NDArray[np.int64]


def at_least(scores: Doubles, ascending: Doubles) -> Counts:
    """How many calibration scores are at or above each score."""
    return len(ascending) - np.searchsorted(ascending, scores, side="left")


def below(scores: Doubles, ascending: Doubles) -> Counts:
    """How many calibration scores are strictly below each score."""
    return np.searchsorted(ascending, scores, side="left")


def p_values(counts: Counts, n: int) -> Doubles:
    """Conformal p-values, between 1 / (n + 1) and 1: lower is more extreme.

        p = (1 + count) / (1 + n)

    `counts`: how many of the n calibration scores are at least as extreme.

    >>> p_values(at_least(np.array([0.5, 9.0]), np.array([1.0, 2.0, 3.0])), 3)
    array([1.  , 0.25])
    """
    return (counts + np.float64(1)) / (1 + n)


def percentiles(counts: Counts, n: int) -> Doubles:
    """Percentage of the calibration scores that are passed, from 0 to just under 100.

        percentile = 100 count / (1 + n)

    `counts`: how many of the n calibration scores are less extreme. The image itself is among
    the 1 + n and is never passed. So a real image reaches a percentile of 100 (1 - alpha) with
    probability at most alpha.
    """
    return counts * np.float64(100) / (1 + n)


def q_values(p: Doubles) -> Doubles:
    """Benjamini–Hochberg: the smallest false discovery rate at which each image is called.

    Lower is more extreme, between 0 and 1. Where p is NaN, q is NaN, and the image is not
    counted. Calling all images with q <= alpha is the step-up procedure of Benjamini and
    Hochberg (1995) at alpha:

        q_(i) = min { m p_(j) / j : j >= i },    p ascending, m of them

    >>> q_values(np.array([0.01, 0.5, 0.02, np.nan]))
    array([0.03, 0.5 , 0.03,  nan])
    """
    q = np.full(len(p), np.nan)
    defined = np.flatnonzero(~np.isnan(p))
    order = defined[np.argsort(p[defined], kind="stable")]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return q


def least_called(smallest_p: float, images: int, level: float) -> int | None:
    """How many images must have the smallest possible p for Benjamini–Hochberg to call any.

    1 where a single one can be called; None where even all of them would not be called.

    >>> least_called(1 / 1000, images=50, level=0.05)
    1
    >>> least_called(1 / 1000, images=200, level=0.05)
    4
    """
    for count in range(max(1, int(smallest_p * images / level)), images + 1):
        if smallest_p * images / count <= level:
            return count
    return None


def shortage(
    smallest_p: float, images: int, level: float, cause: str = "too few real images"
) -> str | None:
    """How many images cannot be called because no p is small enough, and why, in one sentence.

    None where a single image can be called at this level.

    >>> shortage(1 / 1000, images=200, level=0.05)
    'up to 3 of 200 may be hidden (too few real images: no p is below 0.001)'
    """
    least = least_called(smallest_p, images, level)
    if least == 1 or not images:
        return None
    why = f"{cause}: no p is below {smallest_p:.2g}"
    if least is None:
        return f"none of {images:,} can be detected ({why})"
    return f"up to {least - 1:,} of {images:,} may be hidden ({why})"
