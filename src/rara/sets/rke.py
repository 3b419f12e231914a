"""RKE mode count: one divided by the mean squared kernel of all pairs of images.

    rke = 1 / mean over x, x' of k(x, x')^2,   k(x, x') = exp(-|x - x'|^2 / (2 bandwidth^2))

Jalali, Li and Farnia, An Information-Theoretic Evaluation of Generative Models in Learning Multi-
Modal Distributions, NeurIPS 2023. It is the Vendi score of order 2 with a Gaussian kernel,
without a decomposition: the exponential of Rényi's entropy of order 2.

Direction. Higher is more diverse, from 1 to n. For m modes of equal size that are narrow beside
the bandwidth, and far apart, it is m.

Options. `bandwidth`: by default the median distance between images. `level`: that of the
interval.

Caveats. Values compare at one bandwidth only: it is in the result's `direction`; give it for the
next. It knows no reference. All pairs are counted, an image with itself among them, which bounds
it by n. The interval is first-order and covers the expected value at this n.
"""

from __future__ import annotations

import math
from typing import Any

from rara.sets.base import LEVEL, KeptVectors, SetScore, VectorsLike
from rara.sets.intervals import half_width, linear
from rara.sets.kernels import bandwidth_of, mean_squares, median_distance
from rara.stats.intervals import checked_level


class RKE(KeptVectors):
    """The state of `rke`."""

    def __init__(self, bandwidth: float | None = None) -> None:
        super().__init__()
        self.bandwidth = bandwidth_of(bandwidth)

    @property
    def options(self) -> tuple[Any, ...]:
        """What states must agree in to be merged."""
        return (self.bandwidth,)

    def compute(self, *, level: float = LEVEL) -> SetScore:
        """The figure of all samples so far."""
        checked_level(level)
        samples = self.samples.ordered(1, "rke")
        width = self.bandwidth or median_distance(samples)
        means = mean_squares(samples, width)
        mean = float(means.mean())
        variance = linear(2 * means / mean, len(means)) if len(means) > 1 else math.nan
        half = half_width(variance, level)
        direction = f"higher is more diverse; bandwidth {width:.4g}"
        low, high = math.exp(-half) / mean, math.exp(half) / mean
        return SetScore("rke", 1 / mean, low, high, len(samples), None, direction, level)


def rke(samples: VectorsLike, *, bandwidth: float | None = None, level: float = LEVEL) -> SetScore:
    """Effective number of modes, 1 to n; higher is more diverse.

    Raises FeatureError where vectors are no finite numbers of shape (n, d), and ParameterError
    where an option is out of range.
    """
    state = RKE(bandwidth)
    state.update(samples=samples)
    return state.compute(level=level)
