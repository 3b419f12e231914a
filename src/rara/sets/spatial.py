"""Fréchet distance of spatial features (sFID): FID on part of a feature map, place by place.

    sfid = fid of the first 7 channels of (n, channels, height, width), each image as one vector

Nash et al., Generating Images with Sparse Representations, ICML 2021, arXiv 2103.03841. There it is
the first 7 channels of Inception's mixed_6 convolution: 17 x 17 places, 2,023 dimensions.

Direction. Lower is closer; 0 for equal moments.

Options. `channels`: how many of the first ones. `level`: that of the interval.

Caveats. Those of `fid`; the dimensions are many, so that FID falls far with n. It sees where in the
image things are, and little of what they are.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from rara.arguments import array_of, whole
from rara.errors import FeatureError
from rara.sets.base import LEVEL, SetScore, Vectors, VectorsLike
from rara.sets.frechet import FID

CHANNELS = 7


class SFID(FID):
    """The state of `sfid`."""

    name = "sfid"

    def __init__(self, *, channels: int = CHANNELS) -> None:
        super().__init__()
        self.channels = whole(channels, "channels")

    @property
    def options(self) -> tuple[int]:
        """The number of channels."""
        return (self.channels,)

    def update(
        self, *, samples: VectorsLike | None = None, reference: VectorsLike | None = None
    ) -> None:
        """Take in some feature maps of either side; errors as of `sfid`."""
        super().update(samples=self._flat(samples), reference=self._flat(reference))

    def _flat(self, maps: VectorsLike | None) -> Vectors | None:
        if maps is None:
            return None
        given = array_of(maps)  # type: ignore[arg-type]
        if given.ndim != 4 or given.shape[1] < self.channels or given.dtype.kind not in "fiu":
            raise FeatureError(
                f"{given.dtype} feature maps of shape {given.shape}: numbers of shape (n, "
                f"channels, height, width) with at least {self.channels} channels are needed."
            )
        part = given[:, : self.channels]
        return part.reshape(len(part), math.prod(part.shape[1:])).astype(np.float32, copy=False)


def sfid(
    samples: ArrayLike, reference: ArrayLike, *, channels: int = CHANNELS, level: float = LEVEL
) -> SetScore:
    """FID of spatial features, (n, channels, height, width) on both sides; lower is closer.

    Its interval covers the mean of sets of these sizes. Raises FeatureError where feature maps are
    no finite numbers of that shape, ReferenceMismatchError where the two sides' shapes differ,
    and ParameterError where a side has fewer than 2 images.
    """
    state = SFID(channels=channels)
    state.update(samples=samples, reference=reference)
    return state.compute(level=level)
