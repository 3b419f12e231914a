"""The metric of a reference: Euclidean distances of vectors as they are, or of unit vectors.

    features --under(metric)--> features whose Euclidean distances are meant

The cosine distance 1 - cos is half the squared Euclidean distance of unit vectors, so that
it orders pairs likewise and one geometry serves both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rara.errors import FeatureError, ReferenceMismatchError
from rara.extractors.base import Metric
from rara.geometry import unit_vectors
from rara.store import Features


def under(features: Features, metric: Metric) -> Features:
    """The features as they are compared: of unit length for `cosine`, normalised in float64.

    Raises FeatureError where a vector is 0 and so has no direction, and ReferenceMismatchError
    where unit vectors are asked for their lengths.
    """
    if features.spec.metric == metric:
        return features
    if metric == "euclidean":
        raise ReferenceMismatchError(
            f"The vectors of {features.location} have unit length, for the cosine metric: give the "
            "images, or vectors as they were extracted."
        )
    vectors = unit_vectors(features.vectors)
    flat = np.flatnonzero(~np.isfinite(vectors[:, 0]))
    if flat.size:
        raise FeatureError(
            f"{flat.size} of {len(vectors)} vectors are 0 and have no direction, the first is "
            f"'{features.ids[flat[0]]}': leave them out, or use the Euclidean metric."
        )
    return replace(features, vectors=vectors, spec=replace(features.spec, metric=metric))
