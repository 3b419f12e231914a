"""The reference images at the smallest angle to each sample, from the products of a scan.

    a tile's product --NearestCosines.tile--> pairs whose |cos| may be the largest --nearest-->
    float64 distances 1 - |cos|

The reference is divided into parts. For each sample the nearest image of its nearest part is
found, and that of the second nearest part: that is what a jackknife over the parts asks. A pair is
kept if its |cos| may exceed a lower bound on the second of these. The product of codes gives both
bounds on it.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.geometry.kernel_sums import Moved, Product
from rara.geometry.matmul import TileProduct
from rara.geometry.quantization import UNIT, Doubles, Floats, Frame, Terms
from rara.storage.compiled import compiled

Integers = NDArray[np.int32]

SEEDS = 16
"""Images of each part whose products give the first bounds."""
MOST = 2**24
"""Pairs that are kept."""
_ROOM = 2**16
"""Pairs that a call of the loop may keep, besides those of a last row."""
_FEW = 4096
"""Pairs whose float64 distances are computed at a time."""


class NearestCosines:
    """Pairs of a sample and a reference image that may be at the smallest angle."""

    def __init__(self, samples: Floats, reference: Floats, parts: list[slice]) -> None:
        self.samples, self.reference = samples, reference
        self.part = np.repeat(np.arange(len(parts), dtype=np.int32), [_count(p) for p in parts])
        product = Product("cubic", unit=True)
        self._sides = Moved(product, samples), Moved(product, reference)
        self._bounds = np.full((len(samples), len(parts)), -1, np.float32)
        self._kept: list[tuple[Integers, Integers, Floats]] = []
        self.too_many = False
        """Whether more pairs than `MOST` were nearly equal; then nothing is kept."""
        self._after = 0
        """Pairs that were left when some were last dropped."""
        self._lock = threading.Lock()
        self._seed(parts)

    def _seed(self, parts: list[slice]) -> None:
        """Lower bounds on the largest |cos| of each part, by some images of each."""
        few = np.concatenate([np.arange(p.start, min(p.stop, p.start + SEEDS)) for p in parts])
        slack = np.float32(4 * (self.samples.shape[1] + 16) * UNIT)
        ours, theirs = (side.length for side in self._sides)
        others = (self.reference[few] / theirs[few, None]).astype(np.float32)
        for start in range(0, len(self.samples), _FEW):
            rows = slice(start, start + _FEW)
            own = (self.samples[rows] / ours[rows, None]).astype(np.float32)
            cosines = np.abs(own @ others.T) - slack
            first = np.flatnonzero(np.diff(self.part[few], prepend=-1))
            self._bounds[rows] = np.maximum.reduceat(cosines, first, axis=1)

    def start(self, frame: Frame) -> None:
        """Take the coordinates in which the codes are."""
        for side in self._sides:
            side.move(frame)

    def tile(self, tile: TileProduct) -> None:
        """Keep the pairs of a tile that may be nearest; from any thread."""
        if self.too_many:
            return
        rows, columns, product = tile.rows, tile.columns, tile.product
        ours, theirs = self._sides
        bounds = self._bounds[rows]
        # float32 sums are wrong by up to d roundings of |x| |y|.
        rounding = np.float32((16 + 1.1 * self.samples.shape[1]) * UNIT)
        row = 0
        while row < len(product):
            i, j = np.empty((2, _ROOM + product.shape[1]), np.int32)
            highs = np.empty(len(i), np.float32)
            count, row = _collect(
                product, row, tile.left.terms, tile.right.terms, ours.factor, rounding,
                *ours.part(rows), *theirs.part(columns), self.part[columns], bounds, i, j, highs,
            )  # fmt: skip
            kept = i[:count] + np.int32(rows.start), j[:count] + np.int32(columns.start)
            self._keep((*kept, highs[:count].copy()))

    def _keep(self, pairs: tuple[Integers, Integers, Floats]) -> None:
        with self._lock:
            if self.too_many:
                return
            self._kept.append(pairs)
            if sum(len(one[0]) for one in self._kept) > 2 * self._after + _ROOM:
                self._kept = [self._left()]
                self._after = len(self._kept[0][0])
            if self._after > MOST:
                self._kept, self.too_many = [], True

    def _left(self) -> tuple[Integers, Integers, Floats]:
        """The pairs that the present bounds leave."""
        i, j, highs = (np.concatenate(one) for one in zip(*self._kept, strict=True))
        second = np.sort(self._bounds, axis=1)[:, -min(2, self._bounds.shape[1])]
        near = ~(highs < second[i])
        return i[near], j[near], highs[near]

    def nearest(self) -> Doubles:
        """(n, parts) 1 - |cos| of the nearest of the two nearest parts; infinite for the others.

        Of unit vectors it is |u -+ v|^2 / 2, in float64: 0 for a copy.
        """
        found = np.full(self._bounds.shape, np.inf)
        i, j, _ = self._left() if self._kept else (np.zeros(0, np.int32),) * 3
        ours, theirs = (side.length for side in self._sides)
        for start in range(0, len(i), _FEW):
            a, b = i[start : start + _FEW], j[start : start + _FEW]
            rows = self.samples[a].astype(np.float64) / ours[a, None]
            others = self.reference[b].astype(np.float64) / theirs[b, None]
            sign = np.where(np.einsum("ij,ij->i", rows, others) < 0, -1.0, 1.0)
            rows -= sign[:, None] * others
            np.minimum.at(found, (a, self.part[b]), np.einsum("ij,ij->i", rows, rows) / 2)
        return found


def _count(part: slice) -> int:
    return int(part.stop - part.start)


@compiled
def _collect(
    product: NDArray[Any],
    start: int,
    row_terms: Terms,
    column_terms: Terms,
    factor: np.float32,
    rounding: np.float32,
    row_weight: Floats,
    row_shift: Floats,
    column_weight: Floats,
    column_shift: Floats,
    part: Integers,
    bounds: Floats,
    found_rows: Integers,
    found_columns: Integers,
    found_highs: Floats,
) -> tuple[int, int]:
    """Pairs from row `start` on whose |cos| may be above the second largest bound of the row.

    Returns their number and the row to go on from.
    """
    width = product.shape[1]
    scales, errors, lengths = column_terms.scale, column_terms.error, np.sqrt(column_terms.high)
    row_scales, row_errors, row_highs = row_terms.scale, row_terms.error, row_terms.high
    highs, lows = np.empty(width, np.float32), np.empty(width, np.float32)
    count = 0
    for i in range(start, product.shape[0]):
        if count + width > found_rows.size:
            return count, i
        scale, weight, shift = row_scales[i], row_weight[i], row_shift[i]
        error, length = row_errors[i], np.sqrt(row_highs[i])
        own = np.abs(shift)
        for j in range(np.uintp(width)):
            value = np.float32(product[i, j]) * scales[j] * scale * factor
            both = weight * column_weight[j]
            cosine = np.abs(value + (shift + column_shift[j])) * both
            left_out = (error * (lengths[j] + errors[j]) + length * errors[j]) * factor
            rounded = (length * lengths[j] * factor + own + np.abs(column_shift[j])) * rounding
            slack = (left_out + rounded) * both
            highs[j] = cosine + slack
            lows[j] = cosine - slack
        second = _second(bounds[i])
        for j in range(width):
            if highs[j] < second:
                continue
            found_rows[count], found_columns[count] = i, j
            found_highs[count] = highs[j]
            count += 1
            if lows[j] > bounds[i, part[j]]:
                bounds[i, part[j]] = lows[j]
                second = _second(bounds[i])
    return count, product.shape[0]


@compiled
def _second(bounds: Floats) -> np.float32:
    """The second largest; the only one where there is one."""
    largest = second = np.float32(-1)
    for value in bounds:
        if value > largest:
            largest, second = value, largest
        elif value > second:
            second = value
    return second if bounds.size > 1 else largest
