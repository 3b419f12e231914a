"""The pixels of two pictures compared, once a map says which belong together.

Fourth step of direct evidence. The source is warped onto the sample, and the overlap is cut into
cells. In each the two are correlated, without what changes slowly, so that brightness, contrast,
shading and the stripes that lines of text make do not count. Cells without structure say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rara.retrieval.local_features import CELL_ORIGINAL, Pixels, PreparedImage
from rara.retrieval.maps import ImageMap
from rara.retrieval.polygons import Polygon

Plane = NDArray[np.float64]

_BLUR: Final = 1.5
"""Working pixels: what makes up for maps that are not exact to the pixel."""

_SLOW: Final = 6.0
"""Cells' sides over this is the blur that shows what changes slowly."""

_NOISE: Final = 1.0
"""A variance of grey values that compression makes by itself, without what changes slowly."""

STRUCTURE: Final = 6.0
"""Such a variance, in one of the two pictures, from which a cell has structure."""

FAINT: Final = 2.0
"""The same where faint structure counts too: compression makes about as much."""

_PLAIN: Final = 16.0
"""The variance of all grey values up to which a ground is plain."""

AGREE: Final = 0.5
"""The correlation from which a cell agrees."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells in rows and columns, each at most a pixel larger than the next."""

    rows: NDArray[np.int64]
    """(r + 1,) edges of r rows, in working pixels from the top."""
    columns: NDArray[np.int64]
    """(c + 1,) edges of c columns, from the left."""

    def means(self, plane: Plane) -> Plane:
        """(r, c) the mean of each cell."""
        part = plane[: self.rows[-1], : self.columns[-1]]
        sums = np.add.reduceat(np.add.reduceat(part, self.rows[:-1]), self.columns[:-1], axis=1)
        return np.asarray(sums / np.outer(np.diff(self.rows), np.diff(self.columns)))

    def covariances(self, left: Plane, right: Plane) -> Plane:
        """(r, c) of the pixels of each cell."""
        return self.means(left * right) - self.means(left) * self.means(right)

    def pixels(self, cells: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """(height, width) the pixels of these cells."""
        whole = np.zeros(shape[:2], np.bool_)
        large = np.repeat(np.repeat(cells, np.diff(self.rows), 0), np.diff(self.columns), 1)
        whole[self.rows[0] : self.rows[-1], self.columns[0] : self.columns[-1]] = large
        return whole


def grid(low: NDArray[np.float64], high: NDArray[np.float64], side: int) -> Grid:
    """Cells of about this side from one corner (x, y) to the other."""
    first, last = np.ceil(low - 1e-6).astype(int), np.floor(high + 1e-6).astype(int)
    last = np.maximum(last, first + 1)
    counts = np.maximum(np.rint((last - first) / side), 1).astype(int)
    columns, rows = (
        np.rint(np.linspace(a, b, n + 1)).astype(np.int64)
        for a, b, n in zip(first, last, counts, strict=True)
    )
    return Grid(rows, columns)


@dataclass(frozen=True, slots=True)
class CellAgreement:
    """Correlations over the cells of the overlap."""

    grid: Grid
    structured: NDArray[np.bool_]
    """(rows, columns) the cells that say something; they lie in the overlap."""
    grey: Plane
    """(rows, columns) correlations of grey values, from -1 to 1, nearer to 0 where these hardly
    vary; 0 where nothing is said."""
    moments: tuple[Plane, Plane, Plane]
    """(rows, columns) variances of sample and source, and their covariance."""
    sample: list[Plane]
    """Luma and two differences of colour of the sample, blurred a little."""
    source: list[Plane]
    """The same of the source, warped onto the sample."""
    inside: NDArray[np.bool_]
    """(height, width) pixels of the sample that the source covers."""

    def correlation(self, chosen: NDArray[np.bool_]) -> float:
        """Of grey values within cells, over all chosen cells with structure, of which there are."""
        where = chosen & self.structured
        own, other, both = (float(np.sum(moment[where])) for moment in self.moments)
        return both / np.sqrt(own * other) if min(own, other) > 0 else 0.0


def agreement(
    sample: PreparedImage,
    source: PreparedImage,
    found: ImageMap,
    overlap: Polygon,
    *,
    least: float = STRUCTURE,
) -> CellAgreement:
    """How well the source, warped by the map, agrees with the sample, cell by cell.

    `overlap`: a polygon of the sample, in working pixels, with an area. `least`: the variance
    from which a cell has structure.
    """
    side = max(sample.cell, round(CELL_ORIGINAL * source.factor * found.scale))
    cells = grid(overlap.min(axis=0), overlap.max(axis=0), side)
    warped, inside = _warped(source.pixels, found, sample.pixels.shape)
    left, right = _planes(sample.pixels), _planes(warped)
    fast = [_fast(planes[0], side) for planes in (left, right)]
    powers = cells.covariances(fast[0], fast[0]), cells.covariances(fast[1], fast[1])
    covered = cells.means(inside.astype(np.float64)) > 0.98
    structured = covered & (np.maximum(*powers) > least)
    product = np.sqrt((powers[0] + _NOISE) * (powers[1] + _NOISE))
    both = cells.covariances(*fast)
    grey = np.where(structured, both / product, 0.0)
    return CellAgreement(cells, structured, grey, (*powers, both), left, right, inside)


def structure_outside(cells: CellAgreement, region: Polygon, side: int) -> float:
    """Share of the sample's area that has structure and is well away from the region."""
    import cv2

    luma = cells.sample[0]
    filled = np.zeros(luma.shape, np.uint8)
    cv2.fillConvexPoly(filled, np.rint(region).astype(np.int32), 1)
    near = cv2.dilate(filled, np.ones((side, side), np.uint8))
    whole = grid(np.zeros(2), np.array(luma.shape[::-1], float), side)
    away = whole.means(near.astype(np.float64)) == 0
    return float(np.mean(away & (whole.covariances(luma, luma) > _PLAIN)))


def _fast(plane: Plane, side: int) -> Plane:
    """Without what changes slowly."""
    import cv2

    return np.asarray(plane - cv2.GaussianBlur(plane, (0, 0), side / _SLOW))


def _warped(
    pixels: Pixels, found: ImageMap, shape: tuple[int, ...]
) -> tuple[Pixels, NDArray[np.bool_]]:
    """The source in the sample's frame, and which of its pixels the source covers."""
    import cv2

    if found.scale < 1:
        sigma = 0.5 * np.sqrt(1 / found.scale**2 - 1)
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma)) if sigma > 0.3 else pixels
    size = (shape[1], shape[0])
    linear, nearest = cv2.INTER_LINEAR, cv2.INTER_NEAREST
    edge = cv2.BORDER_REPLICATE
    warped = cv2.warpPerspective(pixels, found.matrix, size, flags=linear, borderMode=edge)
    whole = np.full(pixels.shape[:2], 255, np.uint8)
    inside = cv2.warpPerspective(whole, found.matrix, size, flags=nearest)
    return np.asarray(warped, np.uint8), np.asarray(inside) > 0


def _planes(pixels: Pixels) -> list[Plane]:
    """Luma and two differences of colour, blurred a little."""
    import cv2

    blurred = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), _BLUR).astype(np.float64)
    luma = blurred @ np.array([0.299, 0.587, 0.114])
    return [luma, blurred[..., 2] - luma, blurred[..., 0] - luma]
