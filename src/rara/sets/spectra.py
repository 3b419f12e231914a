"""The trace of a root of a product of covariances, as it would be with infinitely many images.

Let e_1, …, e_r be the eigenvalues of S1 S2 above 0, of covariances with n and m degrees of freedom,
and s(t) the sum of e_i / (e_i + t): in how many directions the product is above t. For large sets
and dimensions alike, s is what the true covariances have at another scale,

    s(t) = s_true(u),    u = t / ((1 - s(t) / n) (1 - s(t) / m)),

and F, the sum of the roots of the eigenvalues, is 2 / pi times the integral of sqrt(u) over s.
Hence

    F_true = 2/pi . integral over t > 0 of sqrt(u(t)) (-ds/dt) dt

In the plain F, u is t. Where n = m this is the closed form of Tiomoko and Couillet, Random
Matrix-Improved Estimation of the Wasserstein Distance between two Centered Gaussian Distributions,
2019, arXiv 1903.03447; the formula here follows from theirs by parts.

It is consistent for vectors that are linear functions of independent numbers, as n, m and d grow
together with d < n, m. Other laws leave a remainder of the order 1 / n. Where there are fewer
images than dimensions, u has a smallest value. Scales below it are out of sight, and F comes out
too small.
"""

from __future__ import annotations

import numpy as np

from rara.sets.base import Doubles

_STEP = 0.05
"""Of log t."""
_BELOW, _ABOVE = 20.0, 12.0
"""How far log t goes beyond the eigenvalues; what is above is added in closed form."""
_TOGETHER = 256
"""Steps that are worked on at a time."""


def trace_of_infinite(values: Doubles, n: int, m: int) -> float:
    """F of the true covariances, by the r eigenvalues above 0 and the degrees of freedom."""
    if not len(values):
        return 0.0
    logs = np.arange(np.log(values.min()) - _BELOW, np.log(values.max()) + _ABOVE, _STEP)
    scales = np.exp(logs)
    directions, falls = np.empty(len(logs)), np.empty(len(logs))
    for start in range(0, len(logs), _TOGETHER):
        part = slice(start, start + _TOGETHER)
        shares = values / (values + scales[part, None])
        directions[part] = shares.sum(axis=1)
        falls[part] = np.einsum("ij,ij->i", shares, 1 - shares)  # -ds / d log t
    left = (1 - directions / n) * (1 - directions / m)
    true = scales / left
    first = _from_where_it_rises(true)
    heights = np.sqrt(true[first:]) * falls[first:]
    beyond = 2 * values.sum() / np.sqrt(scales[-1])
    return float(2 / np.pi * (np.trapezoid(heights, dx=_STEP) + beyond))


def _from_where_it_rises(numbers: Doubles) -> int:
    """The first position from which on the numbers only rise."""
    falls = np.flatnonzero(np.diff(numbers) <= 0)
    return int(falls[-1]) + 1 if len(falls) else 0
