"""Samples that lie off the reference's manifold, but together: a mode that it lacks.

A broken image is broken in its own way, and so far from all others. Images of a kind that the
reference lacks lie close to one another, as the reference's own do.
"""

from __future__ import annotations

from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from rara.geometry import EngineOptions, Nearest, query
from rara.scores.axis import Doubles
from rara.stats import conformal as calibration

Flags = NDArray[np.bool_]


def shared_modes(
    vectors: NDArray[np.float32],
    nearest: Doubles,
    reals2: Doubles,
    *,
    k: int,
    every: int,
    alpha: float,
    **engine: Unpack[EngineOptions],
) -> Flags:
    """Which of some samples, all off the manifold, lie on one that others of them make.

    As in DBSCAN (Ester, Kriegel, Sander and Xu, KDD 1996) a mode has cores and a border, but no
    distance is to be chosen. A core has k others that are all nearer to it than the nearest
    reference image is (`nearest`), and were they its reference, it would be on the manifold: a
    share of real images above alpha are as far from their k-th nearest, by the ascending squared
    distances `reals2`. On the border, the nearest other is nearer than any reference image, and
    a core is among the k nearest. Only one in `every` of the others counts, so that samples
    are not close to one another for being many.
    """
    others = np.ascontiguousarray(vectors[::every])
    if len(others) <= k:
        return np.zeros(len(vectors), np.bool_)
    own = np.full(len(vectors), -1, np.int32)
    own[::every] = np.arange(len(others))
    found = Nearest(len(vectors), k)
    query(np.ascontiguousarray(vectors), others, [found], own=own, **engine)
    p = calibration.p_values(calibration.at_least(found.d2[:, -1], reals2), len(reals2))
    nearer = np.sqrt(found.d2) < nearest[:, None]
    core = (p > alpha) & nearer[:, -1]
    return core | (nearer[:, 0] & core[::every][found.index].any(axis=1))
