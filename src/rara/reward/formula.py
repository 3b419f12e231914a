"""The terms of the reward, from a sample's nearest reference images; numpy and torch alike.

    squared distances, spacing of the neighbours --measured--> radius, contrast, copying
    --penalty--> how far beyond what real images have

Every step is arithmetic that numpy arrays and torch tensors share, so both give the same numbers,
and torch has the gradients. With d_1 <= .. <= d_K the distances of a sample to its K nearest
reference images,

    radius   = sum_j c_j ln d_j,            c_j falls from rank k to 0 on both sides
    contrast = radius - sum_j w_j radius(x_j) / sum_j w_j,      w_j = (1 - d_j^2 / d_K^2)^2
    copying  = V / (rate + S),              as `rara.scores.copy_volume` has it

`radius` is the logarithm of a k-NN distance that is spread over several ranks. `contrast` compares
it with that of the neighbours: a local outlier factor, simplified (Schubert, Zimek and Kriegel
2014, doi 10.1007/s10618-012-0300-z). All are continuous: ranks that change places are equally far,
and the weight of an image is 0 where it leaves the K nearest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = Any
"""A numpy array or a torch tensor, in float64."""

_EVEN = 1e-9
"""A weight that every neighbour has, for samples that are equally far from all of them."""


class Measured(NamedTuple):
    """What is measured of each sample, (m,) each."""

    radius: Array
    """Logarithm of the soft k-NN distance: higher is rarer."""
    contrast: Array
    """The same less that of the nearest reference images: higher is farther off the manifold."""
    copying: Array
    """How much nearer the nearest is than the others explain: higher is more like a copy."""


def rank_weights(k: int, depth: int) -> NDArray[np.float64]:
    """(depth,) weights of the ranks: a triangle round k, of sum 1.

    >>> rank_weights(2, 4)
    array([0.25, 0.5 , 0.25, 0.  ])
    """
    ranks = np.arange(1, depth + 1)
    weights = np.maximum(0.0, k - np.abs(ranks - k))
    return weights / weights.sum()  # type: ignore[no-any-return]


def logarithms(d2: Array, floor2: float, log: Callable[[Array], Array]) -> Array:
    """Logarithms of distances, of which those far below the floor are as good as the floor."""
    return log(d2 + floor2) / 2


def measured(
    d2: Array,
    spacing: Array,
    weights: Array,
    floor2: float,
    rate: float,
    log: Callable[[Array], Array],
) -> Measured:
    """From ascending squared distances and the neighbours' own radii, (m, K) each."""
    logs = logarithms(d2, floor2, log)
    radius = (logs * weights).sum(-1)
    near = (1 - (d2 + floor2) / (d2[:, -1:] + floor2)) ** 2 + _EVEN
    contrast = radius - (near * spacing).sum(-1) / near.sum(-1)
    depth = d2.shape[1]
    spread = sum(j * (logs[:, j] - logs[:, j - 1]) for j in range(2, depth))
    copying = (logs[:, -1] - logs[:, 0]) / (rate + spread)
    return Measured(radius, contrast, copying)


def penalty(excess: Array) -> Array:
    """0 up to 0, then a parabola that becomes a line: x^2 / (1 + x)."""
    beyond = excess.clip(min=0)
    return beyond * beyond / (1 + beyond)
