"""Local outlier factor: how much sparser the reference is around a sample than its neighbours.

Breunig et al., LOF: Identifying Density-Based Local Outliers, SIGMOD 2000,
doi 10.1145/335191.335388. The arithmetic is scikit-learn's; the neighbours are the engine's.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from rara.errors import MissingPackageError
from rara.geometry import Nearest, Reducer
from rara.provenance.parts import FamilyPart
from rara.scores.axis import BallGeometry, Columns, Doubles, Integers

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from sklearn.neighbors import LocalOutlierFactor as Model


@dataclass(frozen=True, slots=True)
class LocalOutlierFactor:
    """Mean density of a sample's nearest reference images over its own density.

    About 1 where the density around the sample is that of its neighbours. Higher is more of an
    outlier to its own neighbourhood, however dense that is. No unit; never NaN.

        reach(q, x) = max { r_k(x), |q - x| }
        density(q)  = 1 / mean { reach(q, x) : x among the k nearest of q }
        factor(q)   = mean { density(x) : x among the k nearest of q } / density(q)

    k is 10, whatever the k of the balls: the smallest that the authors advise (their section
    7.1). A reference of ten images or fewer has fewer neighbours, and all of them count.
    The reference's own images have the factor that the paper gives to members of a data set:
    an image is not its own neighbour, but may be a neighbour of the others.
    """

    neighbours: int = 10

    def check(self) -> None:
        """Raises MissingPackageError where scikit-learn is not installed."""
        if find_spec("sklearn") is None:
            raise MissingPackageError(
                "local_outlier_factor needs scikit-learn, which is not installed: run "
                "`pip install scikit-learn`, or remove it."
            )

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The nearest few. None for the reference's own images: it has their neighbour lists."""
        if geometry.own is not None:
            return ()
        return (Nearest(samples, self._depth(geometry)),)

    def answer(self, geometry: BallGeometry, reducers: tuple[Nearest, ...]) -> Columns:
        """`local_outlier_factor`."""
        model = self._fitted(geometry)
        if geometry.own is not None:
            return {"local_outlier_factor": -model.negative_outlier_factor_[geometry.own]}
        (nearest,) = reducers
        graph = graph_of(nearest.d2, nearest.index, len(geometry.d2))
        return {"local_outlier_factor": -model.score_samples(graph)}

    def describe(self, geometry: BallGeometry) -> FamilyPart:
        """How many neighbours count, and the version of scikit-learn."""
        return {"neighbours": self._depth(geometry), "scikit-learn": version("scikit-learn")}

    def _depth(self, geometry: BallGeometry) -> int:
        return min(self.neighbours, int(geometry.d2.shape[1]))

    def _fitted(self, geometry: BallGeometry) -> Model:
        """scikit-learn's model, fitted on the reference.

        In the graph that it is fitted on, it expects each point as its own first neighbour. If
        that is missing, it drops the nearest other one.
        """
        from sklearn.neighbors import LocalOutlierFactor as Model

        count, depth = len(geometry.d2), self._depth(geometry)
        itself = np.arange(count, dtype=np.int32)[:, None]
        d2 = np.hstack([np.zeros((count, 1)), geometry.d2[:, :depth]])
        graph = graph_of(d2, np.hstack([itself, geometry.index[:, :depth]]), count)
        return Model(n_neighbors=depth, metric="precomputed", novelty=True).fit(graph)


def graph_of(d2: Doubles, index: Integers, reference: int) -> csr_array:
    """Neighbour lists as a sparse matrix of distances; zeros and the order of rows are kept."""
    from scipy.sparse import csr_array

    rows, depth = d2.shape
    starts = np.arange(rows + 1) * depth
    return csr_array((np.sqrt(d2).ravel(), index.ravel(), starts), shape=(rows, reference))
