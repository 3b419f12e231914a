"""Samples that lie off the reference's manifold, but close together: a mode that it lacks.

Each broken image is broken in its own way, and lies far from all others. Images of a kind that
the reference lacks lie close to one another, as the reference's own images do.
"""

from __future__ import annotations

from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from rara.geometry import EngineOptions, Nearest, query
from rara.scores.axis import Doubles
from rara.stats.conformal import at_least, p_values

Flags = NDArray[np.bool_]


def shared_modes(
    vectors: NDArray[np.float32],
    nearest_distance: Doubles,
    calibration_knn2: Doubles,
    *,
    k: int,
    stride: int,
    alpha: float,
    **engine: Unpack[EngineOptions],
) -> Flags:
    """Which of these samples, all off the manifold, form modes with others of them.

    As in DBSCAN (Ester, Kriegel, Sander and Xu, KDD 1996), a mode has cores and a border, but
    there is no distance to choose. For a core, two conditions hold. Its k nearest other samples
    are nearer than its nearest reference image, at `nearest_distance`. And if they were its
    reference, it would be on the manifold: its p-value is above alpha, by the ascending squared
    distances `calibration_knn2` of real images to their k-th nearest. On the border, the nearest
    other sample is nearer than any reference image, and a core is among the k nearest.

    Only every `stride`-th sample counts as another one. Else, samples would be close together
    only because there are many.
    """
    others = np.ascontiguousarray(vectors[::stride])
    if len(others) <= k:
        return np.zeros(len(vectors), np.bool_)
    own = np.full(len(vectors), -1, np.int32)
    own[::stride] = np.arange(len(others))
    nearest = Nearest(len(vectors), k)
    query(np.ascontiguousarray(vectors), others, [nearest], own=own, **engine)
    p = p_values(at_least(nearest.d2[:, -1], calibration_knn2), len(calibration_knn2))
    nearer = np.sqrt(nearest.d2) < nearest_distance[:, None]
    core = (p > alpha) & nearer[:, -1]
    return core | (nearer[:, 0] & core[::stride][nearest.index].any(axis=1))
