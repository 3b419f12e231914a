"""Sums of a kernel over all pairs, from the products of a scan: no pair is multiplied twice.

    a tile's product --KernelSums.tile--> for each vector: sum of f(v), sum of v

v is a scalar product, shifted and weighted on either side: v = w(x) w(y) (x'y / divisor + shift).
The scan multiplies codes, so that v has the error of the codes, about 0.0005 |x| |y| for bytes of
a thousand dimensions. Errors of many pairs cancel. The exact mean of v is easy to have. So the
mean of f is corrected by f'(mean of v) (exact mean of v - mean of v), which leaves second order.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rara.geometry.matmul import TileProduct
from rara.geometry.quantization import Arithmetic, Doubles, Floats, Frame
from rara.storage.compiled import compiled_freely

Kind = Literal["cubic", "gaussian"]
"""f(v): v^3, or exp((v - 1) / width2) - 1."""
WIDEST = 0.05
"""2 / width2 at most: beyond it the series of the Gaussian kernel is too short."""
_TALL = 64
"""Rows that are summed in float32 before they are added in float64."""
_TILE = 2**20


@dataclass(frozen=True, slots=True)
class Product:
    """v of two vectors: w(x) w(y) (x'y / divisor + shift)."""

    kind: Kind
    unit: bool = False
    """Whether w is 1 / length; else it is 1."""
    divisor: float = 1.0
    shift: float = 0.0
    width2: float = 1.0

    def value(self, v: Doubles) -> Doubles:
        """f(v)."""
        return v**3 if self.kind == "cubic" else np.expm1((v - 1) / self.width2)

    def slope(self, v: Doubles) -> Doubles:
        """f'(v)."""
        return 3 * v**2 if self.kind == "cubic" else np.exp((v - 1) / self.width2) / self.width2


class Moved:
    """The vectors of a side, and what turns products of their codes into v."""

    def __init__(self, product: Product, vectors: Floats) -> None:
        self.product, self.vectors = product, vectors
        self.length: Doubles = np.ones(len(vectors))
        """1 / w."""
        if product.unit:
            self.length = np.sqrt(squares(vectors))
        self.factor = np.float32(1)
        self._weight = self._shift = np.zeros(0, np.float32)

    def move(self, frame: Frame) -> None:
        """Take the coordinates in which the codes are."""
        product, center = self.product, frame.center
        half = (product.shift - center @ center / product.divisor) / 2
        shift = dots(self.vectors, center) / product.divisor + half
        self.factor = np.float32(np.ldexp(1 / product.divisor, 2 * frame.exponent))
        with np.errstate(over="ignore", divide="ignore"):
            self._weight = (1 / self.length).astype(np.float32)
            self._shift = shift.astype(np.float32)

    def part(self, block: slice) -> tuple[Floats, Floats]:
        """Weights and shifts of a block: v = w w' (factor s + shift + shift'), s of codes."""
        return self._weight[block], self._shift[block]

    def sum(self) -> Doubles:
        """(d,) of all vectors, by weight."""
        total = np.zeros(self.vectors.shape[1])
        _add_weighted(self.vectors, 1 / self.length, total)
        return total


class KernelSums:
    """Sums of one kernel over all pairs of two sides, or of one side (`other` is None)."""

    def __init__(self, product: Product, own: Floats, other: Floats | None = None) -> None:
        self.product, self.mutual = product, other is None
        ours = Moved(product, own)
        self.sides = ours, ours if other is None else Moved(product, other)
        self.arithmetics: set[Arithmetic] = set()
        """By which products: sums of several depend on when the scan changed."""
        sums = np.zeros((2, len(own)))
        self._sums = sums, sums if other is None else np.zeros((2, len(other)))
        self._exact: dict[tuple[int, int], Doubles] = {}
        self._lock = threading.Lock()

    def start(self, frame: Frame) -> None:
        """Take the coordinates in which the codes are."""
        for side in self.sides:
            side.move(frame)

    def tile(self, tile: TileProduct) -> None:
        """Add a tile of products of codes; from any thread."""
        rows, columns, product = tile.rows, tile.columns, tile.product
        diagonal = rows.start - columns.start if self.mutual else -len(product) - 1
        sums = np.zeros((2, len(product))), np.zeros((2, product.shape[1]))
        gaussian = self.product.kind == "gaussian"
        per = np.float32(1 / self.product.width2)
        scales = tile.left.terms.scale * self.sides[0].factor, tile.right.terms.scale
        parts = *self.sides[0].part(rows), *self.sides[1].part(columns)
        _add(product, diagonal, *scales, *parts, per, gaussian, *sums)
        with self._lock:
            self._sums[0][:, rows] += sums[0]
            self._sums[1][:, columns] += sums[1]
            self.arithmetics.add(tile.arithmetic)

    def means(self) -> tuple[Doubles, Doubles]:
        """(n,) and (m,) mean of the kernel of each vector and all others of the other side."""
        one, other = self.sides
        first = self._mean(one, other, self._sums[0])
        return first, first if self.mutual else self._mean(other, one, self._sums[1])

    def _mean(self, own: Moved, other: Moved, sums: Doubles) -> Doubles:
        """Of each own vector: the mean over the others, corrected by the exact mean of v."""
        product, count, total = self.product, len(other.vectors) - self.mutual, other.sum()
        exact = dots(own.vectors, total) / product.divisor
        exact += product.shift * (1 / other.length).sum()
        exact /= own.length
        if self.mutual:
            exact -= (squares(own.vectors) / product.divisor + product.shift) / own.length**2
        exact, (f, v) = exact / count, sums / count
        mean: Doubles = f + product.slope(exact) * (exact - v)
        return mean

    def exact(self, side: Literal[0, 1], every: int) -> Doubles:
        """The same of each so many-th vector of a side, from float32 products of the vectors."""
        if (side, every) in self._exact:
            return self._exact[side, every]
        rows = slice(None, None, every)
        own, other, product = self.sides[side], self.sides[1 - side], self.product
        few = np.ascontiguousarray(own.vectors[rows])
        total = np.zeros(len(few))
        size = max(1, _TILE // other.vectors.shape[1])
        for start in range(0, len(other.vectors), size):
            part = slice(start, start + size)
            v = (few @ other.vectors[part].T).astype(np.float64) / product.divisor + product.shift
            v /= own.length[rows, None] * other.length[part]
            total += product.value(v).sum(axis=1)
        if self.mutual:
            itself = squares(few) / product.divisor + product.shift
            total -= product.value(itself / own.length[rows] ** 2)
        total /= len(other.vectors) - self.mutual
        self._exact[side, every] = total
        return total


def dots(vectors: Floats, vector: Doubles) -> Doubles:
    """(n,) products with one vector, in float64."""
    found = np.empty(len(vectors))
    _dots(vectors, vector, found)
    return found


def squares(vectors: Floats) -> Doubles:
    """(n,) squared lengths, in float64."""
    found = np.empty(len(vectors))
    _squares(vectors, found)
    return found


@compiled_freely
def _dots(vectors: Floats, vector: Doubles, out: Doubles) -> None:
    for i in range(vectors.shape[0]):
        total = 0.0
        for c in range(vectors.shape[1]):
            total += np.float64(vectors[i, c]) * vector[c]
        out[i] = total


@compiled_freely
def _squares(vectors: Floats, out: Doubles) -> None:
    for i in range(vectors.shape[0]):
        total = 0.0
        for c in range(vectors.shape[1]):
            total += np.float64(vectors[i, c]) * np.float64(vectors[i, c])
        out[i] = total


@compiled_freely
def _add_weighted(vectors: Floats, weights: Doubles, total: Doubles) -> None:
    for i in range(vectors.shape[0]):
        weight = weights[i]
        for c in range(vectors.shape[1]):
            total[c] += weight * np.float64(vectors[i, c])


@compiled_freely
def _add(
    product: NDArray[Any],
    diagonal: int,
    row_scale: Floats,
    column_scale: Floats,
    row_weight: Floats,
    row_shift: Floats,
    column_weight: Floats,
    column_shift: Floats,
    per: np.float32,
    gaussian: bool,
    by_row: Doubles,
    by_column: Doubles,
) -> None:
    """Add f(v) and v of the columns j > i + `diagonal` of each row i."""
    width = product.shape[1]
    f_sum, v_sum = np.zeros(width, np.float32), np.zeros(width, np.float32)
    one, half = np.float32(1), np.float32(1 / 2)
    third, quarter = np.float32(1 / 3), np.float32(1 / 4)
    for top in range(0, product.shape[0], _TALL):
        f_sum[:] = 0
        v_sum[:] = 0
        for i in range(top, min(top + _TALL, product.shape[0])):
            scale, weight, shift = row_scale[i], row_weight[i], row_shift[i]
            row = product[i]
            f_row = v_row = np.float32(0)
            first = max(0, i + diagonal + 1)
            if gaussian:
                for j in range(np.uintp(first), np.uintp(width)):
                    scaled = np.float32(row[j]) * column_scale[j] * scale
                    v = (scaled + (shift + column_shift[j])) * (weight * column_weight[j])
                    u = (v - one) * per
                    f = u * (one + half * u * (one + third * u * (one + quarter * u)))
                    f_row += f
                    v_row += v
                    f_sum[j] += f
                    v_sum[j] += v
            else:
                for j in range(np.uintp(first), np.uintp(width)):
                    scaled = np.float32(row[j]) * column_scale[j] * scale
                    v = (scaled + (shift + column_shift[j])) * (weight * column_weight[j])
                    f = v * v * v
                    f_row += f
                    v_row += v
                    f_sum[j] += f
                    v_sum[j] += v
            by_row[0, i] += f_row
            by_row[1, i] += v_row
        for j in range(width):
            by_column[0, j] += f_sum[j]
            by_column[1, j] += v_sum[j]
