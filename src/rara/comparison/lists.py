"""Neighbour lists deep enough for parts of the reference, found in the scan that scores.

    reference --DeepReference.of--> its own lists --Parts.of--> radii in each half
    samples   --DeepLists, an axis--> theirs, in the one pass over all pairs
    lists, some of the reference --DeepReference.part, Lists.part--> what that part alone gives

Which balls of each half hold a sample is found in the same pass, so that no pair is kept.

With lists of 30, the 8 nearest images in a random half of the reference are among them for all
but 3 images in a thousand; there the distance to the last listed stands for the missing ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rara.features import neighbours as neighbour_lists
from rara.features.features import Features
from rara.geometry import Nearest, Reducer, SmallestInParts
from rara.run import Run
from rara.scores import BallGeometry
from rara.scores.axis import Axis, Columns, Doubles, Integers
from rara.scores.families import Families

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


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The whole reference, and then both halves of each cut."""

    kept: Flags
    """(parts, n) which images are in each."""
    radii2: Doubles
    """(n, parts) squared radii of the balls in each part; NaN where the image is not in it."""

    @classmethod
    def of(cls, reference: DeepReference, cuts: Flags) -> Parts:
        """From the first half of each cut, (cuts, n)."""
        count = len(reference.d2)
        halves = np.stack([cuts, ~cuts], axis=1).reshape(-1, count)
        kept = np.concatenate([np.ones((1, count), np.bool_), halves])
        radii2 = np.full((count, len(kept)), np.nan)
        for number, some in enumerate(kept):
            radii2[some, number] = reference.part(some).radii2
        return cls(kept, radii2)

    @property
    def halved(self) -> bool:
        """Whether there is any cut."""
        return len(self.kept) > 1

    def cut_of(self, number: int) -> tuple[int, int]:
        """The cut that a half is of, and 1 for its first half or -1 for the second."""
        cut, second = divmod(number - 1, 2)
        return cut, -1 if second else 1


@dataclass(frozen=True, slots=True, eq=False)
class ListsOfPart:
    """The nearest images of samples in a part of the reference, and the balls that hold them."""

    nearest: Nearest
    radius2: Doubles
    """(m,) squared radius of the smallest ball that holds each sample; NaN where none does."""
    held: Flags
    """(m,) whether any closed ball holds it."""


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """The nearest reference images of samples, and the balls of each part that hold them."""

    nearest: Nearest
    parts: Parts
    balls: SmallestInParts

    def part(self, number: int, width: int) -> ListsOfPart:
        """Those in one part alone, whose images are numbered anew; 0 is the whole reference."""
        kept, radius2 = self.parts.kept[number], self.balls.radius2[:, number]
        near = _kept(self.nearest.d2, self.nearest.index, kept, _numbers(kept), width)
        radius2 = np.where(np.isinf(radius2), np.nan, radius2)
        return ListsOfPart(Nearest.of(*near), radius2, self.balls.closed[:, number])


@dataclass(slots=True)
class DeepLists:
    """An axis without columns to show: it keeps the lists of one set of samples."""

    reference: DeepReference
    parts: Parts
    lists: Lists | None = None
    """Those of the samples, after the pass."""

    def reducers(self, geometry: BallGeometry, samples: int) -> tuple[Reducer, ...]:
        """The nearest, and the smallest balls of all parts."""
        d2 = self.reference.d2
        depth = min(int(d2.shape[1]) + 1, len(d2))
        balls = SmallestInParts(samples, self.parts.radii2, geometry.boundary)
        return Nearest(samples, depth), balls

    def answer(self, geometry: BallGeometry, reducers: tuple[Nearest, SmallestInParts]) -> Columns:
        """No column; the lists are kept."""
        nearest, balls = reducers
        self.lists = Lists(nearest, self.parts, balls)
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
