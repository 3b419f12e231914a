"""KEN: how much of the samples is in modes that the reference lacks, and which images those are.

    Λ = C_samples - η C_reference,   λ its positive eigenvalues
    ken = sum of λ_i log(sum of λ_j / λ_i)

with C the mean of φ(x) φ(x)' over a side, φ the feature map of the Gaussian kernel. Zhang, Li and
Farnia, An Interpretable Evaluation of Entropy-based Novelty of Generative Models, ICML 2024,
arXiv 2402.17287.

Direction. Higher is more novel, from 0. Take m new modes that are narrow beside the bandwidth,
and each hold a share s of the samples. Then m of the λ are s, and ken is m s log m. A single new
mode gives 0: look at `modes`, which has each λ, and the samples that belong to it.

Options. `eta`: how many times as frequent as in the reference a mode must be to be new, 1.
`bandwidth`: by default the median distance between reference images. `modes`: how many are
listed. `level`: that of the interval.

Caveats. Novel is what the reference lacks, junk included. Values compare at one bandwidth only;
it is in the result's `direction`. At most 2,000 images of each side are taken, by their content:
the time is (n + m)^3. With few images, chance leaves positive eigenvalues where the laws are
equal: compare with held-out real images. The interval is first-order and covers the expected
value at these numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.arguments import number, whole
from rara.errors import ParameterError
from rara.geometry.threads import one_core
from rara.sets.base import (
    LEVEL,
    Doubles,
    KeptVectors,
    SetScore,
    Side,
    Vectors,
    VectorsLike,
    keys_of,
    refuse_fewer,
)
from rara.sets.intervals import half_width, linear
from rara.sets.kernels import bandwidth_of, gaussian_kernel, median_distance
from rara.stats.intervals import checked_level

MOST = 2_000
"""Images of a side that are taken."""
LISTED = 10
"""Modes that are listed, if nothing else is said."""
EXAMPLES = 25
"""Samples that are listed of a mode, at most."""
_JITTER = 1e-10
_SMALLEST = 1e-5
"""Eigenvalues below are rounding: far less than one image of the most that are taken."""


@dataclass(frozen=True, slots=True)
class NovelMode:
    """A mode that samples have and the reference lacks."""

    share: float
    """About the share of the samples in it, beyond what the reference has."""
    rows: tuple[int, ...]
    """Samples in it, the most typical first, by their place among all samples given."""


@dataclass(frozen=True, slots=True, repr=False)
class Novelty(SetScore):
    """A `SetScore` with the modes behind it, the largest first."""

    modes: tuple[NovelMode, ...] = ()


class KEN(KeptVectors):
    """The state of `ken`."""

    def __init__(
        self, eta: float = 1.0, *, bandwidth: float | None = None, modes: int = LISTED
    ) -> None:
        super().__init__()
        self.eta = number(eta, "eta")
        if not 0 < self.eta < math.inf:
            raise ParameterError(f"eta = {self.eta:g}: give a number above 0, such as 1.")
        self.bandwidth, self.modes = bandwidth_of(bandwidth), whole(modes, "modes", least=0)

    @property
    def options(self) -> tuple[Any, ...]:
        """What states must agree in to be merged."""
        return self.eta, self.bandwidth, self.modes

    def compute(self, *, level: float = LEVEL) -> Novelty:
        """The figure of all vectors so far."""
        checked_level(level)
        samples, rows = _chosen(self.samples)
        reference, _ = _chosen(self.reference)
        width = self.bandwidth or median_distance(reference)
        values, parts = _positive(samples, reference, width, self.eta)
        total, n, m = float(values.sum()), len(samples), len(reference)
        slope = np.log(total / values)
        variance = linear(n * (parts[:n] @ slope), n) + linear(m * (parts[n:] @ slope), m)
        half, value = half_width(variance, level), float(values @ slope)
        return Novelty(
            "ken",
            value,
            max(value - half, 0.0),
            value + half,
            n,
            m,
            f"higher is more novel; bandwidth {width:.4g}",
            level,
            _modes(values, parts[:n], rows, self.modes),
        )


def _chosen(side: Side) -> tuple[Vectors, NDArray[np.int64]]:
    """At most `MOST` vectors, by their content, and the places where they were given."""
    refuse_fewer(len(side), 2, side.what, "ken")
    whole_side = np.concatenate(side.parts)
    rows = np.argsort(keys_of(whole_side), kind="stable")[:MOST]
    return whole_side[rows], rows


def _positive(
    samples: Vectors, reference: Vectors, bandwidth: float, eta: float
) -> tuple[Doubles, Doubles]:
    """Positive eigenvalues of Λ, falling, and (n + m, them) squared parts of all images along each.

    With Z the images' features, each divided by the root of its side's number, and J = 1 for
    samples and -1 for the reference, Λ = Z J Z'. For Z'Z = L L' it has the eigenvalues of
    L' J L, and along the eigenvector of w the images have the parts L w.
    """
    n, m = len(samples), len(reference)
    both = np.concatenate([samples, reference])
    scale = np.sqrt(np.repeat([1 / n, eta / m], [n, m]))
    gram = gaussian_kernel(both, both, bandwidth) * scale[:, None] * scale
    gram.flat[:: n + m + 1] += _JITTER
    with one_core():
        root = np.linalg.cholesky(gram)
        values, vectors = np.linalg.eigh(_signed(root, n))
    kept = np.flatnonzero(values > _SMALLEST)[::-1]
    if not len(kept):
        return np.full(1, _SMALLEST), np.zeros((n + m, 1))
    vectors = np.ascontiguousarray(vectors[:, kept])
    parts = np.concatenate([root[:n, :n] @ vectors[:n], root[n:] @ vectors])
    return values[kept], np.square(parts, out=parts)


def _signed(root: Doubles, n: int) -> Doubles:
    """L' J L for a lower triangle L, of whose rows the first n have the sign +."""
    below, corner = root[n:], root[:n, :n]
    found: Doubles = below.T @ below
    np.negative(found, out=found)
    found[:n, :n] += corner.T @ corner
    return found


def _modes(
    values: Doubles, parts: Doubles, rows: NDArray[np.int64], count: int
) -> tuple[NovelMode, ...]:
    """The largest modes; a sample is listed where its part is above the mean."""
    found = []
    for mode in range(min(count, len(values))):
        part = parts[:, mode]
        order = np.argsort(-part, kind="stable")[:EXAMPLES]
        typical = order[part[order] > part.mean()]
        found.append(NovelMode(float(values[mode]), tuple(rows[typical].tolist())))
    return tuple(found)


def ken(
    samples: VectorsLike,
    reference: VectorsLike,
    *,
    eta: float = 1.0,
    bandwidth: float | None = None,
    modes: int = LISTED,
    level: float = LEVEL,
) -> Novelty:
    """Entropy of the modes that samples have and the reference lacks; higher is more novel.

    The result has `modes`: for each its share, and rows of samples to look at. Raises FeatureError
    where vectors are no finite numbers of shape (n, d), ReferenceMismatchError where extractors or
    dimensions differ, and ParameterError where a side has fewer than two images or an option is
    out of range.
    """
    state = KEN(eta, bandwidth=bandwidth, modes=modes)
    state.update(samples=samples, reference=reference)
    return state.compute(level=level)
