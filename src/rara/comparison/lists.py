"""Neighbour lists deep enough for parts of the reference, found in the scan that scores.

    reference --DeepReference.of--> its own lists
    samples   --DeepLists, an axis--> theirs, in the one pass over all pairs
    lists, some of the reference --DeepReference.part, Lists.part--> what that part alone gives

With lists of 30, the 8 nearest images in a random half of the reference are among them for all
but 3 images in a thousand; there the distance to the last listed stands for the missing ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rara.features import neighbours as neighbour_lists
from rara.features.features import Features
from rara.geometry import Nearest, Reducer
from rara.run import Run
from rara.scores import BallGeometry
from rara.scores.axis import Axis, Columns, Doubles, Integers
from rara.scores.families import Families
from rara.scores.join_effect import JoinEffect, Pairs

Flags = NDArray[np.bool_]

LEAST = 8
"""Neighbours that a part of the reference keeps, at least: what local volumes are found from."""
SPARE = 14
"""Neighbours beyond twice as many."""


def width_for(k: int) -> int:
    """How many neighbours a part of the reference keeps."""
    return max(LEAST, k + 2)


def depth_for(k: int) -> int:
    """How many neighbours the whole reference lists."""
    return 2 * width_for(k) + SPARE


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """The nearest reference images of samples, and whose nearest they would be."""

    nearest: Nearest
    pairs: Pairs
    """As near to the reference image as its last listed neighbour, or nearer."""

    def part(self, kept: Flags, width: int) -> Lists:
        """The same of some reference images, which are numbered anew."""
        number = _numbers(kept)
        d2, index = _kept(self.nearest.d2, self.nearest.index, kept, number, width)
        pairs = self.pairs.where(kept[self.pairs.columns])
        return Lists(Nearest.of(d2, index), replace(pairs, columns=number[pairs.columns]))


@dataclass(frozen=True, slots=True, eq=False)
class DeepReference:
    """The nearest others of each reference image, as deep as halves of it need."""

    d2: Doubles
    index: Integers
    geometry: BallGeometry

    @classmethod
    def of(
        cls, features: Features, geometry: BallGeometry, run: Run, listed: Nearest | None = None
    ) -> DeepReference:
        """From lists that are deep enough, from the cache, or by one scan of the reference."""
        depth = min(depth_for(geometry.k), len(features) - 1)
        if depth <= geometry.d2.shape[1]:
            return cls(geometry.d2, geometry.index, geometry)
        if listed is not None and listed.k >= depth:
            found = listed.first(depth)
        else:
            found = neighbour_lists.find(features, depth - 1, run)
        return cls(found.d2, found.index, geometry)

    def part(self, kept: Flags) -> BallGeometry:
        """What samples are judged by where only some of the images are the reference."""
        width = min(width_for(self.geometry.k), int(kept.sum()) - 1)
        number = _numbers(kept)
        d2, index = _kept(self.d2[kept], self.index[kept], kept, number, width)
        return replace(self.geometry, d2=d2, index=index, names=(), quantized=None)


@dataclass(slots=True)
class DeepLists:
    """An axis without columns to show: it keeps the lists of one set of samples."""

    reference: DeepReference
    lists: Lists | None = None
    """Those of the samples, after the pass."""

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The nearest, and the lists that a sample would be in."""
        d2 = self.reference.d2
        depth = min(int(d2.shape[1]) + 1, len(d2))
        return Nearest(samples, depth), JoinEffect(d2[:, -1])

    def answer(self, geometry: BallGeometry, reducers: tuple[Nearest, JoinEffect]) -> Columns:
        """No column; the lists are kept."""
        nearest, joining = reducers
        self.lists = Lists(nearest, joining.pairs())
        return {}


@dataclass(frozen=True, slots=True)
class WithLists(Families):
    """The scores that are made on request, and the lists in the same pass."""

    lists: DeepLists | None = None

    @property
    def axes(self) -> tuple[Axis[Columns], ...]:
        """Those, and the axis of the lists."""
        named = Families(self.names).axes
        return named if self.lists is None else (*named, self.lists)


def _numbers(kept: Flags) -> Integers:
    return (np.cumsum(kept) - 1).astype(np.int32)


def _kept(
    d2: Doubles, index: Integers, kept: Flags, number: Integers, width: int
) -> tuple[Doubles, Integers]:
    """The first `width` of each list that are kept.

    Where there are fewer, the last of them stands for the missing ones, at the last listed
    distance. It is not farther, so that whether its ball holds the image stays as it is.
    """
    there = kept[index]
    place = np.cumsum(there, axis=1) - 1
    row, column = np.nonzero(there & (place < width))
    near = np.repeat(d2[:, -1:], width, axis=1)
    last = np.argmax(place == np.minimum(place[:, -1:], width - 1), axis=1)
    standing = np.maximum(number[np.take_along_axis(index, last[:, None], axis=1)], 0)
    found = np.repeat(standing, width, axis=1)
    at = place[row, column]
    near[row, at], found[row, at] = d2[row, column], number[index[row, column]]
    return near, found
