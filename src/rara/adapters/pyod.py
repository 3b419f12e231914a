"""An outlier detector by PyOD's conventions: higher scores are more abnormal, labels are 0 and 1.

Follows the conventions alone, so PyOD need not be installed.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rara.arguments import number, whole
from rara.errors import ParameterError
from rara.features.opening import as_features
from rara.geometry import Nearest, neighbours, query


class KnnDetector:
    """Scores a sample by its distance to the k-th nearest vector that it was fitted on.

    The score of a fitted vector leaves the vector itself out. PyOD's `KNN(method="largest")`
    gives the same numbers. After `fit`:

        decision_scores_    the scores of the fitted vectors, (n,)
        threshold_          the score above which a sample is called an outlier
        labels_             1 for the fitted vectors above the threshold, else 0

    `contamination` is the share of outliers to expect among the fitted vectors, 0 to 0.5. Raises
    ParameterError for options out of range and FeatureError for vectors that are not finite.

    Ramaswamy et al., SIGMOD 2000.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(200, 4))
    >>> detector = KnnDetector(contamination=0.05, k=3).fit(x)
    >>> int(detector.labels_.sum()), detector.predict([[0, 0, 0, 0], [9, 9, 9, 9]]).tolist()
    (10, [0, 1])
    """

    decision_scores_: NDArray[np.float64]
    threshold_: float
    labels_: NDArray[np.int64]

    def __init__(self, contamination: float = 0.1, k: int = 3) -> None:
        if not 0 < number(contamination, "contamination") <= 0.5:
            raise ParameterError(
                f"contamination = {contamination:g}: give a share above 0 and up to 0.5."
            )
        self.contamination, self.k = contamination, whole(k, "k")

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: N803 - the convention's name
        """Take the vectors, (n, d), that samples are compared with; `y` is ignored."""
        self._vectors = _vectors(X)
        if len(self._vectors) <= self.k:
            raise ParameterError(f"k = {self.k}: give fewer than the {len(self._vectors)} vectors.")
        nearest, _ = neighbours(self._vectors, self.k)
        self.decision_scores_ = np.sqrt(nearest.d2[:, self.k - 1])
        self.threshold_ = float(
            np.percentile(self.decision_scores_, 100 * (1 - self.contamination))
        )
        self.labels_ = (self.decision_scores_ > self.threshold_).astype(np.int64)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """The distance of each sample to the k-th nearest fitted vector: higher is more abnormal.

        A fitted vector that comes as a sample is its own nearest one.
        """
        samples = _vectors(X)
        if samples.shape[1] != self._vectors.shape[1]:
            raise ParameterError(
                f"The samples have {samples.shape[1]} dimensions, the fitted vectors "
                f"{self._vectors.shape[1]}."
            )
        nearest = Nearest(len(samples), self.k)
        query(samples, self._vectors, [nearest])
        return np.sqrt(nearest.d2[:, self.k - 1])

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:  # noqa: N803
        """1 for outliers, 0 for all others."""
        return (self.decision_function(X) > self.threshold_).astype(np.int64)


def _vectors(given: ArrayLike) -> NDArray[np.float32]:
    return np.ascontiguousarray(as_features(given, None, "X").vectors)
