"""Loops that lay one small picture over another: where it could lie, how, and how well it agrees.

    placed     every place, size and orientation at low resolution; the best few go on
    refined    an affine map from there, by least squares
    agreeing   the information that the pictures have of each other under the map, cell by cell

Planes hold detail: grey values without what changes slowly. All sums run in one fixed order, so
that nothing depends on how pictures are grouped.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rara.storage.compiled import compiled

Plane: TypeAlias = NDArray[np.float64]
Whole: TypeAlias = NDArray[np.int32]
Placements: TypeAlias = NDArray[np.float64]
"""(h, 6) likelihood, direction, way, level, and the place down and across."""

LEVELS: Final = (16, 14, 12, 11, 10, 9, 8)
"""Sides of a picture at low resolution when it is as large as the other, or smaller."""

COARSE: Final = LEVELS[0]

_BEYOND: Final = (3, 2, 2, 1, 1, 1, 1)
"""Pixels by which a picture of each size may reach over the other's edge."""

_PEAKS: Final = 2
"""Places that go on from each size, orientation and direction."""

_COARSE_NOISE: Final = 9.0
"""A variance that compression makes by itself, in squared half grey values."""

_ITERATIONS: Final = 6
_EVERY: Final = 2
"""Of the pixels along and across, those that take part in refining."""

_STEP: Final = 1.5
"""Pixels that a corner moves at most in one iteration."""

_DAMPED: Final = 1e-3
_DAMPED_SHAPE: Final = 0.02
"""Shares of the mean power by which changes, and those of shape, are held back."""

_LEAST_GAIN: Final = 0.05
"""The gain below which one picture does not show the other."""

NOISE: Final = 1.0
"""A variance that compression makes by itself, in squared grey values."""

_STRUCTURE: Final = 4.0
"""The variance, in one of the two pictures, from which a cell says something."""

_CHANCE: Final = 0.3
"""What a cell must give at least to speak for a copy."""

_MOST: Final = 0.995
"""Correlations above are taken as this."""

_COVERED: Final = 0.75
"""Share of a cell that must lie in both pictures, on no plain ground and no common frame."""

CELL: Final = 8
"""Pixels of a cell's side."""

_LEVELS, _MARGINS = np.array(LEVELS), np.array(_BEYOND)


@compiled
def squares(plane: Whole, side: int) -> Whole:
    """(17, 17) sums of squares above and left of each place of the plane's first rows."""
    sums = np.zeros((COARSE + 1, COARSE + 1), np.int32)
    for y in range(side):
        row = 0
        for x in range(side):
            row += plane[y, x] * plane[y, x]
            sums[y + 1, x + 1] = sums[y, x + 1] + row
    return sums


@compiled
def placed(
    sample: Whole, sample_squares: Whole, source: Whole, source_squares: Whole
) -> Placements:
    """Where the pictures could lie: the best places of each size, orientation and direction.

    `sample`: (8, levels, 16, 16) in half grey values, turned in each way. `source`: (levels, 16,
    16). Direction 0 lays the smaller sample on the source, 1 the smaller source on the sample. The
    likelihood is that of Gaussian pictures, -n/2 log(1 - r^2) for n pixels and a correlation r > 0.
    """
    out = np.zeros((8 * len(_LEVELS) * 2 * _PEAKS, 6))
    score = np.empty((COARSE, COARSE))
    count = 0
    for way in range(8):
        for level in range(len(_LEVELS)):
            for direction in range(2):
                if direction == 0:
                    top, ground = sample[way, level], source[0]
                    top_sums, ground_sums = sample_squares[way, level], source_squares[0]
                elif level == 0:
                    continue
                else:
                    top, ground = source[level], sample[way, 0]
                    top_sums, ground_sums = source_squares[level], sample_squares[way, 0]
                side, beyond = _LEVELS[level], _MARGINS[level]
                places = COARSE - side + 2 * beyond + 1
                for down in range(places):
                    for across in range(places):
                        score[down, across] = _likelihood(
                            top, top_sums, ground, ground_sums, side, down - beyond, across - beyond
                        )
                for _ in range(_PEAKS):
                    best, y, x = -1.0, 0, 0
                    for down in range(places):
                        for across in range(places):
                            if score[down, across] > best:
                                best, y, x = score[down, across], down, across
                    out[count, 0], out[count, 1], out[count, 2] = best, direction, way
                    out[count, 3], out[count, 4], out[count, 5] = level, y - beyond, x - beyond
                    count += 1
                    for down in range(max(0, y - 1), min(places, y + 2)):
                        for across in range(max(0, x - 1), min(places, x + 2)):
                            score[down, across] = -2.0
    return out[:count]


@compiled
def _likelihood(
    top: Whole,
    top_sums: Whole,
    ground: Whole,
    ground_sums: Whole,
    side: int,
    down: int,
    across: int,
) -> float:
    """Of one place; 0 where the correlation is not positive."""
    y0, y1 = max(0, -down), min(side, COARSE - down)
    x0, x1 = max(0, -across), min(side, COARSE - across)
    both = 0
    for y in range(y0, y1):
        for x in range(x0, x1):
            both += top[y, x] * ground[y + down, x + across]
    if both <= 0:
        return 0.0
    pixels = (y1 - y0) * (x1 - x0)
    own = top_sums[y1, x1] - top_sums[y0, x1] - top_sums[y1, x0] + top_sums[y0, x0]
    a, b, c, d = y0 + down, y1 + down, x0 + across, x1 + across
    other = ground_sums[b, d] - ground_sums[a, d] - ground_sums[b, c] + ground_sums[a, c]
    noise = pixels * _COARSE_NOISE
    r2 = both * both / ((own + noise) * (other + noise))
    return float(-0.5 * pixels * np.log1p(-r2))


@compiled
def refined(top: Plane, ground: Plane, start: Plane) -> tuple[bool, Plane]:
    """The affine map from the one picture to the other, from a start nearby; False where none is.

    (2, 3) of coordinates from the middle of `top`, in pixels, to pixels of `ground`. The warped
    ground is fitted by the other picture, its gain, and what small changes of the map make of it
    (inverse compositional: Baker and Matthews, IJCV 2004). The same equations serve all iterations.
    """
    side, last = top.shape[0], ground.shape[0] - 1
    middle = (side - 1) / 2
    found = start.copy()
    basis, spots = np.empty((side * side, 7)), np.empty((side * side, 2))
    count = 0
    for y in range(1, side - 1, _EVERY):
        for x in range(1, side - 1, _EVERY):
            u, v = x - middle, y - middle
            px, py = _moved(found, u, v)
            if px < 0 or py < 0 or px > last or py > last:
                continue
            dx = (top[y, x + 1] - top[y, x - 1]) / 2
            dy = (top[y + 1, x] - top[y - 1, x]) / 2
            spots[count, 0], spots[count, 1] = u, v
            u, v = u / middle, v / middle
            row = basis[count]
            row[0], row[1], row[2] = top[y, x], dx, dy
            row[3], row[4] = dx * u + dy * v, dy * u - dx * v
            row[5], row[6] = dx * u - dy * v, dx * v + dy * u
            count += 1
    if count < side:
        return False, found
    normal = np.zeros((7, 7))
    for i in range(count):
        for r in range(7):
            for c in range(r + 1):
                normal[r, c] += basis[i, r] * basis[i, c]
    power = normal[1, 1] + normal[2, 2]
    for r in range(7):
        normal[r, r] += 1e-6 + power * (_DAMPED_SHAPE if r > 4 else _DAMPED if r > 0 else 0.0)
    if not _factored(normal):
        return False, found
    for _ in range(_ITERATIONS):
        right = np.zeros(7)
        for i in range(count):
            px, py = _moved(found, spots[i, 0], spots[i, 1])
            value = _between(ground, px, py)
            for r in range(7):
                right[r] += basis[i, r] * value
        _solved(normal, right)
        if right[0] < _LEAST_GAIN:
            return False, found
        most = 0.0
        for r in range(1, 7):
            right[r] /= right[0]
            most = max(most, abs(right[r]))
        shrunk = min(1.0, _STEP / max(most, 1e-9))
        _stepped(found, right * shrunk, middle)
    return True, found


@compiled
def _moved(matrix: Plane, u: float, v: float) -> tuple[float, float]:
    return (
        matrix[0, 0] * u + matrix[0, 1] * v + matrix[0, 2],
        matrix[1, 0] * u + matrix[1, 1] * v + matrix[1, 2],
    )


@compiled
def _between(plane: Plane, x: float, y: float) -> float:
    """The value between four pixels; that of the nearest edge outside."""
    last = plane.shape[0] - 1
    x, y = min(max(x, 0.0), float(last)), min(max(y, 0.0), float(last))
    left, above = min(int(x), last - 1), min(int(y), last - 1)
    a, b = x - left, y - above
    upper = plane[above, left] * (1 - a) + plane[above, left + 1] * a
    lower = plane[above + 1, left] * (1 - a) + plane[above + 1, left + 1] * a
    return float(upper * (1 - b) + lower * b)


@compiled
def _factored(matrix: Plane) -> bool:
    """Cholesky's factor in the lower triangle; False where there is none."""
    n = len(matrix)
    for c in range(n):
        for k in range(c):
            matrix[c, c] -= matrix[c, k] ** 2
        if matrix[c, c] <= 0:
            return False
        matrix[c, c] = np.sqrt(matrix[c, c])
        for r in range(c + 1, n):
            for k in range(c):
                matrix[r, c] -= matrix[r, k] * matrix[c, k]
            matrix[r, c] /= matrix[c, c]
    return True


@compiled
def _solved(factor: Plane, right: Plane) -> None:
    """The solution, in place of the right side."""
    n = len(right)
    for r in range(n):
        for k in range(r):
            right[r] -= factor[r, k] * right[k]
        right[r] /= factor[r, r]
    for r in range(n - 1, -1, -1):
        for k in range(r + 1, n):
            right[r] -= factor[k, r] * right[k]
        right[r] /= factor[r, r]


@compiled
def _stepped(found: Plane, change: Plane, middle: float) -> None:
    """The map after the inverse of a small change of the template's coordinates."""
    a, b = 1 + (change[3] + change[5]) / middle, (change[6] - change[4]) / middle
    c, d = (change[4] + change[6]) / middle, 1 + (change[3] - change[5]) / middle
    determinant = a * d - b * c
    for r in range(2):
        first, second = found[r, 0], found[r, 1]
        found[r, 0] = (first * d - second * c) / determinant
        found[r, 1] = (second * a - first * b) / determinant
        found[r, 2] -= found[r, 0] * change[1] + found[r, 1] * change[2]


@compiled
def agreeing(
    top: Plane,
    top_mask: NDArray[np.uint8],
    ground: Plane,
    ground_mask: NDArray[np.uint8],
    matrix: Plane,
) -> float:
    """The sum over cells of the information that one picture has of the other, were both Gaussian.

    -1/2 log(1 - r^2) for a correlation r, less what is usual by chance. Masks are 0 on plain
    ground, 2 in what may be a frame, else 1. Only what lies in both pictures counts, and no frame
    that both have.
    """
    side, last = top.shape[0], ground.shape[0] - 1
    cells, middle = max(1, round(side / CELL)), (side - 1) / 2
    sums, pixels = np.zeros((cells, cells, 6)), np.zeros((cells, cells))
    for y in range(side):
        for x in range(side):
            row, column = y * cells // side, x * cells // side
            pixels[row, column] += 1
            px, py = _moved(matrix, x - middle, y - middle)
            if px < 0 or py < 0 or px > last or py > last:
                continue
            shown = top_mask[y, x] * ground_mask[int(py + 0.5), int(px + 0.5)]
            if shown == 0 or shown == 4:
                continue
            own, other = top[y, x], _between(ground, px, py)
            cell = sums[row, column]
            cell[0] += 1
            cell[1] += own
            cell[2] += other
            cell[3] += own * own
            cell[4] += other * other
            cell[5] += own * other
    total = 0.0
    for row in range(cells):
        for column in range(cells):
            cell = sums[row, column]
            if cell[0] < _COVERED * pixels[row, column]:
                continue
            a, b = cell[1] / cell[0], cell[2] / cell[0]
            own, other = cell[3] / cell[0] - a * a, cell[4] / cell[0] - b * b
            if max(own, other) <= _STRUCTURE:
                continue
            r = (cell[5] / cell[0] - a * b) / np.sqrt((own + NOISE) * (other + NOISE))
            size = min(abs(r), _MOST)
            information = -0.5 * np.log1p(-size * size)
            total += (information if r > 0 else -information) - _CHANCE
    return total
