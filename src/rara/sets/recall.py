"""Recall: the share of reference images that lie in a k-NN ball of the samples.

    recall = mean over reference images x of [ |x - y| within r_k(y) for some sample y ]

with r_k(y) the distance of y to its k-th nearest other sample: precision with the roles
exchanged. Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing Generative
Models, NeurIPS 2019, arXiv 1904.06991.

Direction. Higher is more diverse, 0 to 1. Held-out real images do not reach 1: compare with
theirs.

Options. `k`: neighbours, 3 as in the paper. `boundary`: as in `precision`. `level`: that of the
interval.

Caveats. Outliers among the samples have huge balls, so that junk raises recall: a generator of
noise around the data covers all of it. The value depends on the number of samples. The interval
covers the expected value at these numbers of images.
"""

from __future__ import annotations

from typing import Unpack

from rara.geometry import Boundary, EngineOptions
from rara.sets.base import LEVEL, SetScore, VectorsLike
from rara.sets.neighbourhoods import k_of
from rara.sets.precision import Precision


class Recall(Precision):
    """The state of `recall`."""

    name = "recall"
    direction = "higher is more diverse"
    turn = -1

    def checked_k(self, samples: int, reference: int) -> int:
        """The number of neighbours; the balls are those of the samples."""
        return k_of(self.k, samples, "samples", self.name)


def recall(
    samples: VectorsLike,
    reference: VectorsLike,
    k: int = 3,
    *,
    boundary: Boundary = "open",
    level: float = LEVEL,
    **engine: Unpack[EngineOptions],
) -> SetScore:
    """Share of reference images in a k-NN ball of the samples, 0 to 1; higher is more diverse.

    Raises FeatureError where vectors are no finite numbers of shape (n, d),
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where there
    are no more than k samples or an option is out of range.
    """
    metric = Recall(k, boundary=boundary)
    return metric.score(samples, reference, level=level, **engine)
