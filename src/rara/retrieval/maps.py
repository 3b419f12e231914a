"""From matches that agree roughly to the map that takes the source onto the sample.

Third step of direct evidence. A similarity is fitted to the agreeing matches. A homography takes
its place where clearly more matches agree with it: perspective, or sides stretched differently.
It is fitted by MAGSAC (Barath, Noskova, Ivashechkin and Matas, CVPR 2020), always from the same
seed. Maps that no picture could have gone through are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rara.retrieval.matches import SCALES, TOLERANCE, Consensus
from rara.retrieval.polygons import Polygon, hull, is_convex, mapped, rectangle

Matrix = NDArray[np.float64]

FEWEST: Final = 4
"""Matches at distinct places that a map needs."""

_LOOSE: Final = 5.0
"""Tolerances within which a match may support a homography."""

_ENOUGH: Final = 10
"""Matches within that, below which no homography is tried."""

_GAIN: Final = 1.15
"""By how many times more matches a homography must bring than a similarity."""

_BEND: Final = 3.0
"""By which a homography's scale may differ between two corners of the source."""

_SPREAD: Final = 0.03
"""Of the longest side: how far the agreeing matches must lie apart across their line, or along
it."""

_ON_A_LINE: Final = 8
"""Matches at distinct places that a similarity needs where they lie on a line."""


@dataclass(frozen=True, slots=True)
class ImageMap:
    """A map of source points to sample points, and the matches that agree with it."""

    matrix: Matrix
    """(3, 3) homography of working pixels; a similarity has (0, 0, 1) as its last row."""
    source: Polygon
    """(m, 2) places in the source, one of each agreeing match."""
    sample: Polygon
    """(m, 2) places in the sample."""
    residual: float
    """Median distance of mapped source places from their sample places, in working pixels."""
    scale: float
    """Sample pixels for each source pixel, in the middle of the agreeing matches."""
    rotation: float
    """Degrees that the source is turned by, clockwise as seen, from -180 to 180."""
    stretched: float
    """Ratio of the largest scale to the smallest in the middle of the matches, at least 1."""
    bent: float
    """Ratio of the scales at two corners of the source, at least 1."""


def turned_map(source: tuple[int, int], sample: tuple[int, int], quarters: int) -> ImageMap:
    """The map of a whole source onto a whole sample, after so many clockwise quarter turns.

    The sizes are (width, height).
    """
    corners = rectangle(*source)
    placed = np.roll(rectangle(*sample), -quarters, axis=0)
    origin, across, down = placed[0], placed[1] - placed[0], placed[3] - placed[0]
    width, height = corners[2]
    ends = np.column_stack([across / width, down / height, origin])
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # a pixel's middle is a whole number
    matrix = np.linalg.inv(half) @ np.vstack([ends, [0, 0, 1]]) @ half
    scales = np.linalg.norm(across) / width, np.linalg.norm(down) / height
    none = np.zeros((0, 2))
    return ImageMap(
        matrix=matrix, source=none, sample=none, residual=0.0,
        scale=float(np.sqrt(scales[0] * scales[1])),
        rotation=(0.0, 90.0, 180.0, -90.0)[quarters],
        stretched=float(max(scales) / min(scales)), bent=1.0,
    )  # fmt: skip


def affine_map(matrix: Matrix, source: tuple[int, int], sample: tuple[int, int]) -> ImageMap:
    """An affine map of source points to sample points, both from 0 to 1, in pixels.

    The sizes are (width, height). The map does not mirror.
    """
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # a pixel's middle is a whole number
    scaled = np.diag([*sample, 1.0]) @ matrix @ np.linalg.inv(np.diag([*source, 1.0]))
    pixels = np.asarray(np.linalg.inv(half) @ scaled @ half)
    none, origin = np.zeros((0, 2)), np.zeros(2)
    larger, smaller = np.linalg.svd(pixels[:2, :2], compute_uv=False)
    return ImageMap(
        matrix=pixels, source=none, sample=none, residual=0.0, scale=_scale(pixels, origin),
        rotation=_rotation(pixels, origin), stretched=float(larger / smaller), bent=1.0,
    )  # fmt: skip


def fitted(
    matches: Consensus,
    source: Polygon,
    sample: Polygon,
    source_size: tuple[int, int],
    sample_size: tuple[int, int],
    *,
    lines: bool = False,
) -> ImageMap | None:
    """The best map, or None where none is possible.

    `source`, `sample`: (m, 2) the places of the matches. The sizes are (width, height). `lines`:
    whether many matches on a line, as on a horizon, are enough for a similarity.
    """
    if matches.distinct < FEWEST:
        return None
    similar = _refined(matches.similarity, matches.agree, source, sample)
    agree = _near(similar, source, sample, 1.0)
    best = similar
    bent = _grown(similar, source, sample)
    if bent is not None and _possible(bent, source_size):
        near = _near(bent, source, sample, 1.0)
        if np.sum(near) >= max(_GAIN * np.sum(agree), np.sum(agree) + 3):
            best, agree = bent, near
    if not _possible(best, source_size) or np.sum(agree) < FEWEST:
        return None
    ends = source[agree], sample[agree]
    along = lines and best is similar and matches.distinct >= _ON_A_LINE
    if any(
        _flat(one, max(size), along)
        for one, size in zip(ends, (source_size, sample_size), strict=True)
    ):
        return None
    missed = np.linalg.norm(mapped(ends[0], best) - ends[1], axis=1)
    middle = np.mean(ends[0], axis=0)
    scales = [_scale(best, corner) for corner in rectangle(*source_size)]
    return ImageMap(
        best,
        *ends,
        residual=float(np.median(missed)),
        scale=_scale(best, middle),
        rotation=_rotation(best, middle),
        stretched=float(np.linalg.cond(_jacobian(best, middle))),
        bent=max(scales) / min(scales),
    )


def _refined(start: Matrix, agree: NDArray[np.bool_], source: Polygon, sample: Polygon) -> Matrix:
    """Least squares over what agrees, three times over."""
    best, chosen = start, agree
    for _ in range(3):
        if np.sum(chosen) < 2:
            return best
        best = _similarity(source[chosen], sample[chosen])
        chosen = _near(best, source, sample, 1.0)
    return best


def _similarity(source: Polygon, sample: Polygon) -> Matrix:
    """The similarity of the smallest squared misses."""
    middle, aim = source.mean(axis=0), sample.mean(axis=0)
    left, right = source - middle, sample - aim
    spread = max(float(np.sum(left**2)), 1e-9)
    a = float(np.sum(left * right)) / spread
    b = float(np.sum(left[:, 0] * right[:, 1] - left[:, 1] * right[:, 0])) / spread
    turn = np.array([[a, -b], [b, a]])
    x, y = aim - turn @ middle
    return np.array([[a, -b, x], [b, a, y], [0, 0, 1]])


def _grown(similar: Matrix, source: Polygon, sample: Polygon) -> Matrix | None:
    """A homography from around the similarity, fitted again to what its first fit brings near."""
    import cv2

    loose = _near(similar, source, sample, _LOOSE)
    if np.sum(loose) < _ENOUGH:
        return None
    bent = _homography(source[loose], sample[loose])
    for times in (3.0, 2.0, 2.0):
        if bent is None:
            return None
        near = _near(bent, source, sample, times)
        if np.sum(near) < _ENOUGH:
            return bent
        fit, _ = cv2.findHomography(source[near], sample[near], 0)
        bent = _whole(fit)
    return bent


def _homography(source: Polygon, sample: Polygon) -> Matrix | None:
    import cv2

    settings = cv2.UsacParams()
    settings.threshold = TOLERANCE
    settings.confidence = 0.999
    settings.maxIterations = 1000
    settings.isParallel = False
    settings.randomGeneratorState = 0
    settings.score = cv2.SCORE_METHOD_MAGSAC
    settings.sampler = cv2.SAMPLING_UNIFORM
    settings.loMethod = cv2.LOCAL_OPTIM_SIGMA
    found, _ = cv2.findHomography(source, sample, settings)
    return _whole(found)


def _whole(found: Matrix | None) -> Matrix | None:
    if found is None or not np.all(np.isfinite(found)) or abs(found[2, 2]) < 1e-9:
        return None
    return np.asarray(found / found[2, 2], np.float64)


def _near(matrix: Matrix, source: Polygon, sample: Polygon, times: float) -> NDArray[np.bool_]:
    """The matches that miss a map by at most so many tolerances."""
    growth = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    missed = np.linalg.norm(mapped(source, matrix) - sample, axis=1)
    return np.asarray(missed <= times * TOLERANCE * max(1.0, growth))


def _possible(matrix: Matrix, size: tuple[int, int]) -> bool:
    """Whether a picture of this size keeps its shape, up to a perspective that people make."""
    corners = rectangle(*size)
    depths = np.column_stack([corners, np.ones(4)]) @ matrix[2]
    if np.any(depths <= 0) or not is_convex(mapped(corners, matrix)):
        return False
    scales = [_scale(matrix, corner) for corner in corners]
    within = SCALES[0] <= min(scales) and max(scales) <= SCALES[1]
    return within and max(scales) <= _BEND * min(scales)


def _jacobian(matrix: Matrix, place: NDArray[np.float64]) -> Matrix:
    """(2, 2) what the map does to small steps from one place."""
    x, y, w = matrix @ np.append(place, 1)
    return np.asarray((matrix[:2, :2] - np.outer([x / w, y / w], matrix[2, :2])) / w)


def _scale(matrix: Matrix, place: NDArray[np.float64]) -> float:
    return float(np.sqrt(abs(np.linalg.det(_jacobian(matrix, place)))))


def _rotation(matrix: Matrix, place: NDArray[np.float64]) -> float:
    """Degrees of the rotation nearest to the map near one place."""
    steps = _jacobian(matrix, place)
    turn = np.arctan2(steps[1, 0] - steps[0, 1], steps[0, 0] + steps[1, 1])
    return float(np.degrees(turn))


def _flat(places: Polygon, longest: int, along: bool) -> bool:
    """Whether the places lie in one spot, or, unless they may lie along a line, on a line."""
    if not along and len(hull(places)) < 3:
        return True
    middle = places - places.mean(axis=0)
    spread = np.linalg.svd(middle, compute_uv=False) / np.sqrt(len(places))
    return bool(spread[0 if along else 1] < _SPREAD * longest)
