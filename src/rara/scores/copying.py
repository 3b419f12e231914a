"""Copying: which reference images are nearest to a sample, and how near that is for its place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.geometry import Nearest, Reducer
from rara.scores.axis import BallGeometry, Columns, Doubles
from rara.scores.copy_volume import DEPTH, LocalVolume


@dataclass(frozen=True, slots=True)
class Copying:
    """The nearest reference images of each sample, and how near they are for that place.

    `nearest` and `nearest_distance`: the nearest one; 0 is an exact copy as far as the
    extractor can tell. `neighbors`: the `shown` nearest, a list of (id, distance).
    Ties are in the order of the reference.

    Lower is more like a copy in all of these:

    `copy_volume`: share of the local volume that is nearer still, from 0 to 1
    (`LocalVolume.share`); NaN where fewer than three neighbours are kept. Rank samples by it.
    `copy_ratio`: the simple ratio, from 0 to 1; never NaN.

        copy_ratio(q) = d_1 / mean(d_1 .. d_K),    K = 10

    `authentic`: false where the sample is as near to its nearest reference image as that
    one's own nearest other is, or nearer (Alaa et al., How Faithful is your Synthetic Data?,
    ICML 2022, arXiv 2102.08921). Three in ten fresh Gaussian vectors are not authentic either:
    its mean describes a generator, but its value says little about one image.
    """

    shown: int = 5

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The nearest few, as many as there are."""
        others = len(geometry.names) - (geometry.own is not None)
        return (Nearest(samples, min(max(DEPTH, self.shown), others)),)

    def answer(self, geometry: BallGeometry, reducers: tuple[Nearest]) -> Columns:
        """`nearest`, `nearest_distance`, `neighbors`, `copy_volume`, `copy_ratio`, `authentic`."""
        import pyarrow as pa

        (nearest,) = reducers
        index = nearest.index[:, : self.shown]
        distances = np.sqrt(nearest.d2)
        records = pa.StructArray.from_arrays(
            [geometry.name(index.ravel()), pa.array(distances[:, : self.shown].ravel())],
            names=["id", "distance"],
        )
        offsets = pa.array(np.arange(len(index) + 1, dtype=np.int32) * index.shape[1])
        return {
            "nearest": geometry.name(index[:, 0]),
            "nearest_distance": distances[:, 0],
            "neighbors": pa.ListArray.from_arrays(offsets, records),
            "copy_volume": LocalVolume.around(geometry.d2).share(nearest.d2),
            "copy_ratio": _ratio(distances[:, :DEPTH]),
            "authentic": _authentic(geometry, nearest),
        }


def _ratio(distances: Doubles) -> Doubles:
    """The nearest distance over the mean of all; 0 for an exact copy."""
    mean = distances.mean(axis=1)
    ratio = np.zeros(len(mean))
    np.divide(distances[:, 0], mean, out=ratio, where=mean > 0)
    return ratio


def _authentic(geometry: BallGeometry, nearest: Nearest) -> NDArray[np.bool_]:
    """Whether each sample is farther from its nearest reference image than that one's nearest."""
    image = nearest.index[:, 0]
    next2 = geometry.d2[image, 0]
    if geometry.own is not None:  # an image that is left out is no neighbour of another one
        itself = geometry.index[image, 0] == geometry.own
        next2 = np.where(itself, geometry.d2[image, min(1, geometry.d2.shape[1] - 1)], next2)
    authentic: NDArray[np.bool_] = nearest.d2[:, 0] > next2
    return authentic
