"""An outlier detector for scikit-learn: it passes `check_estimator` and works in pipelines."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rara.errors import MissingPackageError, ParameterError
from rara.geometry import Balls, Nearest, neighbours, query

try:
    from sklearn.base import BaseEstimator, OutlierMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingPackageError(
        "rara.adapters.scikit_learn takes scikit-learn 1.6: run `pip install scikit-learn`."
    ) from error


class RarityDetector(OutlierMixin, BaseEstimator):
    """Says which samples lie off the manifold of the vectors that it was fitted on.

    By scikit-learn's convention a higher score is more normal. After `fit`:

        offset_          the score below which a sample is called an outlier; -inf where fewer
                         than 1 / alpha - 1 vectors were fitted, too few to call any
        n_features_in_   the number of columns

    Parameters
    ----------
    k : int, default=3
        Neighbours: a ball reaches to the k-th nearest other fitted vector.
    alpha : float, default=0.05
        The share of new real vectors that may be called outliers, on average at most. The
        threshold is the conformal one of the fitted vectors' own scores, each without itself.
    n_jobs : int or None, default=None
        Threads: None means 1, -1 one for each core. It changes no score.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(200, 4))
    >>> RarityDetector().fit(x).predict([[0, 0, 0, 0], [9, 9, 9, 9]])
    array([ 1, -1])
    """

    offset_: float

    def __init__(self, *, k: int = 3, alpha: float = 0.05, n_jobs: int | None = None) -> None:
        self.k = k
        self.alpha = alpha
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Take the vectors, (n, d), that samples are compared with, as float32; `y` is ignored."""
        vectors = validate_data(self, X, dtype=np.float32, order="C")
        if not 0 < self.alpha < 1:
            raise ParameterError(f"alpha = {self.alpha}: give an error rate between 0 and 1.")
        if not 1 <= self.k < len(vectors):
            raise ParameterError(
                f"k = {self.k} needs more than n_samples={len(vectors)}: give 1 to n_samples - 1."
            )
        nearest, _ = neighbours(vectors, self.k, threads=self._threads())
        self._vectors = vectors
        self._radii2 = nearest.d2[:, self.k - 1]
        self.offset_ = self._offset(np.sqrt(self._radii2))
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Minus the distance of each sample to the k-th nearest fitted vector, (m,)."""
        samples = self._samples(X)
        nearest = Nearest(len(samples), self.k)
        query(samples, self._vectors, [nearest], threads=self._threads())
        return -np.sqrt(nearest.d2[:, self.k - 1])

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """`score_samples` minus `offset_`, (m,): below 0 for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:  # noqa: N803
        """-1 for outliers, 1 for all others, (m,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def rarity(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """The Rarity Score of each sample, (m,): higher is rarer, NaN where no ball holds it.

        Han et al., ICLR 2023, arXiv 2206.08549, eq. 4.
        """
        samples = self._samples(X)
        balls = Balls(len(samples), self._radii2)
        query(samples, self._vectors, [balls], threads=self._threads())
        return np.sqrt(balls.radius2)

    def _samples(self, X: ArrayLike) -> NDArray[np.float32]:  # noqa: N803
        check_is_fitted(self)
        samples: NDArray[np.float32] = validate_data(
            self, X, dtype=np.float32, order="C", reset=False
        )
        return samples

    def _offset(self, distances: NDArray[np.float64]) -> float:
        """Minus the distance that a sample must exceed for a p-value of at most alpha."""
        beyond = int(self.alpha * (len(distances) + 1))
        return -float(np.sort(distances)[-beyond]) if beyond else -np.inf

    def _threads(self) -> int | None:
        return None if self.n_jobs == -1 else (self.n_jobs or 1)
