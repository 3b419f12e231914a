"""A picture made ready for comparison: its pixels at a working size, and its local features.

First step of direct evidence. A feature is a point with a size and a direction, and a descriptor
of the gradients around it (SIFT: Lowe, Distinctive image features from scale-invariant keypoints,
IJCV 2004). Descriptors are compared as root-SIFT (Arandjelović and Zisserman, Three things everyone
should know to improve object retrieval, CVPR 2012), in whole numbers, so that no order of
summation can change a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rara.errors import ParameterError

if TYPE_CHECKING:
    import cv2

VERSION: Final = 2
"""Of the features: another one where the same picture gives others."""

Pixels = NDArray[np.uint8]
"""(height, width, 3) red, green and blue; transparency is the caller's to lay on a ground."""

LONGEST: Final = 512
"""Pixels of the longest side at the working size; larger pictures are made smaller."""

SHORT: Final = 256
"""Pictures whose longest side is shorter are enlarged up to it, at most `ENLARGED` times."""

ENLARGED: Final = 4

MOST: Final = 600
"""Features that are kept of a picture."""

FEWEST: Final = 12
"""A picture with fewer features can neither be found nor be ruled out."""

FEWEST_CELLS: Final = 4
"""A picture with fewer cells is too small for any agreement of pixels to count."""

CELL: Final = 16
CELL_ORIGINAL: Final = 8

SMALL: Final = 64
"""Pixels of the longest side below which an original is small."""

_CONTRAST: Final = 0.002
"""SIFT's threshold for weak points; its usual .04 leaves small photos half as many."""

_GRID: Final = 4
"""Each cell of this grid gives its strongest points first, so that no corner takes them all."""

APART: Final = 8.0
"""Working pixels between two features from which they are at different places."""

STEP: Final = 40
"""Of the numbers of a descriptor, as an index keeps them."""

_DETAIL: Final = 0.045
"""Of a picture's contrast: what is lost at the size of a small one, if it was enlarged from one. Of
pictures of 28 and 32 pixels, enlarged and saved as JPEG, nine in ten lose less than .036; of
photos one in twenty less than .052."""

_SAME: Final = 24
"""Squared steps by which the descriptors of features that look alike differ at most."""

_REPEATING: Final = 0.3
"""Share of such features from which a picture repeats itself. Pages of letters have more than .45,
also scanned ones; of photos nine in ten have less than .21."""

_SCALE: Final = 512
"""Of unit descriptors before they are rounded: products of two are exact in float32."""


@dataclass(frozen=True, slots=True)
class LocalFeatures:
    """n features of one picture, in pixels of its working size."""

    points: NDArray[np.float64]
    """(n, 2) x to the right and y down, of the middle of the first pixel (0, 0)."""
    sizes: NDArray[np.float64]
    """(n,) the diameter of what the descriptor looks at, in SIFT's units."""
    angles: NDArray[np.float64]
    """(n,) the direction of the strongest gradient, in radians from x towards y."""
    descriptors: NDArray[np.uint8]
    """(n, 128) root-SIFT, times 512 and rounded."""

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """What direct evidence needs of one picture."""

    pixels: Pixels
    """At the working size."""
    features: LocalFeatures
    factor: float
    """Working pixels for each pixel of the original, in width and in height."""

    @cached_property
    def mirrored(self) -> PreparedImage:
        """The picture with left and right exchanged; made once.

        Its descriptors are the same numbers in another order, so none is computed again: the frame
        of a feature keeps its direction, so its rows are exchanged and its gradients turn the other
        way.
        """
        features, width = self.features, self.pixels.shape[1]
        points = np.stack([width - 1 - features.points[:, 0], features.points[:, 1]], axis=1)
        cells = features.descriptors.reshape(-1, 4, 4, 8)[:, ::-1]
        turned = cells[..., -np.arange(8) % 8].reshape(-1, 128)
        flipped = LocalFeatures(points, features.sizes, np.pi - features.angles, turned)
        return replace(self, pixels=np.ascontiguousarray(self.pixels[:, ::-1]), features=flipped)

    @property
    def sufficient(self) -> bool:
        """Whether there is enough detail to find this picture, or to rule it out."""
        rows, columns = (length // self.cell for length in self.pixels.shape[:2])
        return len(self.features) >= FEWEST and rows * columns >= FEWEST_CELLS

    @cached_property
    def repeating(self) -> bool:
        """Whether many features look like another one of the same picture, as letters do.

        Such pictures agree with unrelated ones more often. Descriptors are compared in the steps
        in which an index keeps them, so that features from an index give the same answer.
        """
        points, steps = self.features.points, np.rint(self.features.descriptors / STEP)
        if len(points) < 2:
            return False
        whole = steps.astype(np.float32)
        squares = np.einsum("ij,ij->i", whole, whole)
        differ = squares[:, None] + squares - 2 * (whole @ whole.T)
        apart = np.sum((points[:, None] - points) ** 2, axis=-1) > APART**2
        nearest = np.where(apart, differ, np.inf).min(axis=1)
        return bool(np.mean(nearest <= _SAME) >= _REPEATING)

    @property
    def small(self) -> bool:
        """Whether the original is so small that outlines alone can agree."""
        return bool(max(self.pixels.shape[:2]) < SMALL * self.factor - 0.5)

    @cached_property
    def enlarged(self) -> bool:
        """Whether it has no more detail than a small picture, as one that was enlarged from it.

        Made small and large again, it is the same.
        """
        import cv2

        longest = max(self.pixels.shape[:2])
        grey = cv2.cvtColor(self.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
        height, width = (max(1, round(side * SMALL / longest)) for side in grey.shape)
        reduced = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        again = cv2.resize(reduced, grey.shape[::-1], interpolation=cv2.INTER_CUBIC)
        lost = np.sqrt(np.mean((grey - again) ** 2, dtype=np.float64))
        return bool(lost <= _DETAIL * max(float(grey.std()), 1.0))

    @property
    def cell(self) -> int:
        """Working pixels of a cell's side: at least 16, and at least 8 pixels of the original."""
        return max(CELL, round(CELL_ORIGINAL * self.factor))


def prepare(pixels: Pixels) -> PreparedImage:
    """The picture at its working size, with at most `MOST` features.

    Longest sides above 512 pixels are made smaller. Those below 256 are enlarged, at most four
    times. `pixels`: (height, width, 3) uint8. Raises ParameterError for another shape or type.
    """
    import cv2

    image = without_features(pixels)
    grey = cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
    return replace(image, features=_features(np.asarray(grey, np.uint8)))


def without_features(pixels: Pixels) -> PreparedImage:
    """The picture at its working size, as `prepare` makes it, where no features are needed."""
    image = Image.fromarray(_checked(pixels))
    longest = max(image.size)
    factor = min(LONGEST / longest, max(1.0, min(ENLARGED, SHORT / longest)))
    if factor != 1:
        width, height = (max(1, round(side * factor)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return PreparedImage(np.asarray(image, np.uint8), no_features(), factor)


def no_features() -> LocalFeatures:
    """Those of a picture that has none."""
    return _arrays([], np.zeros((0, 128), np.float32))


def _checked(pixels: Pixels) -> Pixels:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ParameterError(
            f"array of {pixels.dtype} and shape {pixels.shape}: give uint8, height x width x 3."
        )
    return np.ascontiguousarray(pixels)


def _features(grey: NDArray[np.uint8]) -> LocalFeatures:
    import cv2

    sift = cv2.SIFT_create(contrastThreshold=_CONTRAST, enable_precise_upscale=True)
    if np.ptp(grey) == 0:
        return no_features()
    chosen = _strongest(sift.detect(grey, None), grey.shape)
    kept, descriptors = sift.compute(grey, chosen) if chosen else ((), None)
    return _arrays(kept, np.zeros((0, 128), np.float32) if descriptors is None else descriptors)


def _strongest(found: Sequence[cv2.KeyPoint], shape: tuple[int, ...]) -> list[cv2.KeyPoint]:
    """At most `MOST`, taken in turns from the cells of a grid, the strongest of each first."""
    ordered = sorted(found, key=lambda one: (-one.response, one.pt, one.size, one.angle))
    taken = dict.fromkeys(range(_GRID * _GRID), 0)
    ranked = []
    for place, one in enumerate(ordered):
        column, row = (
            int(_GRID * at / side) for at, side in zip(one.pt, shape[1::-1], strict=True)
        )
        cell = min(row, _GRID - 1) * _GRID + min(column, _GRID - 1)
        ranked.append((taken[cell], place))
        taken[cell] += 1
    return [ordered[place] for _, place in sorted(ranked)[:MOST]]


def _arrays(found: Sequence[cv2.KeyPoint], descriptors: NDArray[np.float32]) -> LocalFeatures:
    sums = np.maximum(descriptors.sum(axis=1, dtype=np.float64), 1e-9)
    rooted = np.sqrt(descriptors / sums[:, None]) * _SCALE
    return LocalFeatures(
        np.array([one.pt for one in found], np.float64).reshape(-1, 2),
        np.array([one.size for one in found], np.float64),
        np.radians(np.array([one.angle for one in found], np.float64)),
        np.minimum(np.rint(rooted), 255).astype(np.uint8),
    )
