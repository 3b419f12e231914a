"""Vendi score: the effective number of different images, at every order q.

    vendi = exp H_q(λ),   H_q = log(sum of λ^q) / (1 - q),   H_1 = -sum of λ log λ

with λ the eigenvalues of K / n, K the kernel of all pairs of images with K(x, x) = 1. Friedman
and Dieng, The Vendi Score, TMLR 2023, arXiv 2210.02410; other orders: Pasarkar and Dieng, Cousins
of the Vendi Score, AISTATS 2024, arXiv 2310.12952.

Direction. Higher is more diverse, from 1, all alike, to n, none like another.

Options. `q`: from 0, which counts all eigenvalues alike and so rare images most, over 1 to
infinity, which sees only the largest. `kernel`: "cosine" (the default: K is the product of unit
vectors) or "gaussian": K = exp(-|x - y|^2 / (2 bandwidth^2)). `bandwidth`: of the Gaussian; by
default the median distance between images. `level`: that of the interval.

Caveats. It knows no reference: noise is diverse. It grows with n, and at q below 1 it does so
without end: compare at equal n. Cosines of features without negative values are near 1, so that
values are small: compare with those of real images. Gaussian values compare at one bandwidth
only. The time is n d^2, or with the Gaussian kernel n^3: at most 5,000 images, unless q = 2
(`rke`).

The interval is first-order: the derivative of H_q by the weight of each image (infinitesimal
jackknife). It covers the expected value at this n. There is none at q = 0.
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np

from rara.arguments import number, short
from rara.errors import ParameterError
from rara.geometry.threads import one_core
from rara.sets.base import (
    LEVEL,
    Doubles,
    KeptVectors,
    SetScore,
    Vectors,
    VectorsLike,
)
from rara.sets.intervals import half_width, linear
from rara.sets.kernels import bandwidth_of, gaussian_kernel, median_distance
from rara.stats.intervals import checked_level

Kernel = Literal["cosine", "gaussian"]
MOST = 5_000
"""Images whose kernel is decomposed at most."""
_SMALLEST = 1e-12
"""Eigenvalues below this share of the sum are rounding."""


class Vendi(KeptVectors):
    """The state of `vendi`."""

    def __init__(
        self, q: float = 1, *, kernel: Kernel = "cosine", bandwidth: float | None = None
    ) -> None:
        super().__init__()
        self.q = math.inf if q == math.inf else number(q, "q")
        if not self.q >= 0:
            raise ParameterError(f"q = {short(q)}: give 0 or more; infinity is allowed.")
        if kernel not in get_args(Kernel):
            raise ParameterError(f"kernel = {short(kernel)}: give 'cosine' or 'gaussian'.")
        self.kernel, self.bandwidth = kernel, bandwidth_of(bandwidth)

    @property
    def options(self) -> tuple[Any, ...]:
        """What states must agree in to be merged."""
        return self.q, self.kernel, self.bandwidth

    def compute(self, *, level: float = LEVEL) -> SetScore:
        """The figure of all samples so far."""
        checked_level(level)
        samples = self.samples.ordered(1, "vendi")
        direction = "higher is more diverse"
        if self.kernel == "cosine":
            values, weights = _of_cosines(samples)
        else:
            if len(samples) > MOST:
                raise ParameterError(
                    f"{len(samples):,} samples: at most {MOST:,} with the Gaussian kernel. "
                    "Give fewer, or q = 2 by `rke`."
                )
            width = self.bandwidth or median_distance(samples)
            direction += f"; bandwidth {width:.4g}"
            values, weights = _of_kernel(gaussian_kernel(samples, samples, width))
        entropy, influence = entropy_of(values, weights, self.q)
        variance = linear(influence, len(samples)) if len(samples) > 1 else math.nan
        half = half_width(variance, level)
        ends = math.exp(entropy - half), math.exp(entropy + half)
        value = math.exp(entropy)
        return SetScore(f"vendi q={self.q:g}", value, *ends, len(samples), None, direction, level)


def _of_cosines(vectors: Vectors) -> tuple[Doubles, Doubles]:
    """Eigenvalues, and (n, eigenvalues) the squared part of each image along each.

    From the d x d matrix of products of coordinates, or the n x n one of images: as is smaller.
    """
    unit = vectors.astype(np.float64)
    length = np.linalg.norm(unit, axis=1, keepdims=True)
    if not length.all():
        raise ParameterError("A vector of zeros has no direction: remove it, or use 'gaussian'.")
    unit /= length
    if len(unit) <= unit.shape[1]:
        return _of_kernel(unit @ unit.T)
    with one_core():
        values, directions = np.linalg.eigh(unit.T @ unit / len(unit))
    return values, (unit @ directions) ** 2


def _of_kernel(kernel: Doubles) -> tuple[Doubles, Doubles]:
    """The same from the kernel of all pairs."""
    with one_core():
        values, vectors = np.linalg.eigh(kernel / len(kernel))
    return values, vectors**2 * (np.maximum(values, 0) * len(kernel))


def entropy_of(values: Doubles, weights: Doubles, q: float) -> tuple[float, Doubles]:
    """H_q of eigenvalues that add up to 1, and its derivative by the weight of each image.

    The derivative of an eigenvalue is the squared part of the image along it, less itself.
    """
    kept = values > _SMALLEST
    values, weights = values[kept], weights[:, kept]
    values = values / values.sum()
    changes = weights - values
    if q == 0:
        return math.log(len(values)), np.full(len(weights), np.nan)
    if q == 1:
        return float(-(values * np.log(values)).sum()), -changes @ np.log(values)
    if q == math.inf:
        largest = values.argmax()
        return -math.log(values[largest]), -changes[:, largest] / values[largest]
    powers = values / values.max()
    total = (powers**q).sum()
    entropy = (math.log(total) + q * math.log(values.max())) / (1 - q)
    slope = q * powers ** (q - 1) / values.max() / total / (1 - q)
    return entropy, changes @ slope


def vendi(
    samples: VectorsLike,
    q: float = 1,
    *,
    kernel: Kernel = "cosine",
    bandwidth: float | None = None,
    level: float = LEVEL,
) -> SetScore:
    """Effective number of different images, 1 to n, at order q; higher is more diverse.

    Raises FeatureError where vectors are no finite numbers of shape (n, d), and ParameterError
    where an option is out of range, a vector has no direction, or there are too many.
    """
    state = Vendi(q, kernel=kernel, bandwidth=bandwidth)
    state.update(samples=samples)
    return state.compute(level=level)
