"""The metric of a reference: Euclidean distances of vectors as they are, or of unit vectors.

    features --with_metric--> features whose Euclidean distances are meant

The cosine distance 1 - cos is half the squared Euclidean distance of unit vectors, so that
it orders pairs in the same way. The Hellinger distance of two vectors without negative numbers is
that of the shares that their numbers have of their sums: the Euclidean distance of the
shares' square roots, which are unit vectors too, over the root of 2. One geometry serves all.
Large numbers count for less than in a cosine, which finds more of what is blurred, noisy or
copied: docs/explanation/trust.md. (As RootSIFT: Arandjelović and Zisserman, CVPR 2012.)
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from rara.arguments import short
from rara.errors import FeatureError, ParameterError, ReferenceMismatchError
from rara.extractors.base import Metric, Spec
from rara.extractors.efficientnet_lite0 import SPEC
from rara.features.features import Features
from rara.geometry import root_vectors, unit_vectors


def usual_metric(spec: Spec) -> Metric:
    """How an extractor's vectors are compared unless another metric is asked for.

    `hellinger` for the default network, by measurement (docs/explanation/trust.md); else
    `euclidean`, or what the vectors were made for.
    """
    return "hellinger" if spec == SPEC else spec.metric


def with_metric(features: Features, metric: Metric | None) -> Features:
    """The features as they are compared; None is the usual metric of their extractor.

    Raises ParameterError for any other metric, FeatureError where a vector is 0, or has a negative
    number for `hellinger`, and ReferenceMismatchError where the vectors were made for another one.
    """
    if metric not in (None, *get_args(Metric)):
        raise ParameterError(
            f"metric = {short(metric)}: give one of {', '.join(get_args(Metric))}."
        )
    have = features.spec.metric
    metric = metric or usual_metric(features.spec)
    if have == metric:
        return features
    if have != "euclidean":
        raise ReferenceMismatchError(
            f"The vectors of {features.location} were made unit vectors for the {have} metric, not "
            f"{metric}: give the images, or vectors as they were extracted."
        )
    made = _unit_vectors if metric == "cosine" else _root_vectors
    return replace(features, vectors=made(features), spec=replace(features.spec, metric=metric))


def _unit_vectors(features: Features) -> NDArray[np.float32]:
    return _none_empty(features, unit_vectors(features.vectors))


def _root_vectors(features: Features) -> NDArray[np.float32]:
    negative = np.flatnonzero((features.vectors < 0).any(axis=1))
    if negative.size:
        raise FeatureError(
            f"{negative.size} of {len(features)} vectors have negative numbers, the first is "
            f"'{features.ids[negative[0]]}': the Hellinger metric accepts none. Use `cosine`."
        )
    return _none_empty(features, root_vectors(features.vectors))


def _none_empty(features: Features, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = np.flatnonzero(~np.isfinite(vectors[:, 0]))
    if flat.size:
        raise FeatureError(
            f"{flat.size} of {len(vectors)} vectors are 0 and have no direction, the first is "
            f"'{features.ids[flat[0]]}': remove them, or use the Euclidean metric."
        )
    return vectors
