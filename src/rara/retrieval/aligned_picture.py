"""Whole pictures laid over each other: evidence of small copies that were moved.

    two pictures --laid--> Alignment: how strongly they agree, and the map from source to sample

Crops, borders, pasting and slight turns move every pixel, so that whole pictures do not agree as
they are, and small pictures have few local features to find the movement by. So all sizes from half
to twice, all shifts and eight orientations are tried at 16 x 16. The most likely few are refined to
affine maps at 64 x 64, and the detail under each is correlated in cells of 8 x 8.

What unrelated pictures share does not count: plain grounds, and a frame where both have one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rara.retrieval.alignment_search import (
    COARSE,
    LEVELS,
    agreeing,
    placed,
    refined,
    squares,
)
from rara.retrieval.maps import ImageMap, affine_map
from rara.retrieval.polygons import Polygon, common, mapped, rectangle
from rara.retrieval.whole_picture import SIDE, WAYS

Number = TypeVar("Number", np.int16, np.uint8)

VERSION: Final = 1
"""Of agreement, which is kept under it: another one where a number changes."""

_FINE: Final = SIDE // COARSE
"""Pixels of the fine planes for each of the coarse ones."""

_COARSE_SLOW: Final = 2.0
_BLUR: Final = 0.7
_SLOW: Final = 4.0
"""Blurs that show what changes slowly, and one that makes up for a small shift, in pixels."""

_UNITS: Final = 8
"""Fine planes are kept in eighths of grey values."""

_PLAIN: Final = 4
"""Grey values by which a plain ground may differ from the one most frequent at the edge."""

_PART: Final = 0.03
"""Share of a picture from which such a part is ground."""

_LEAST: Final = 0.3
"""Share of a picture that must be no plain ground."""

_FRAME: Final = 10
"""Pixels of 64 from an edge in which a frame may lie."""

_OUTER: Final = 4
"""Pixels of 64 at an edge that are of one grey value where there is a frame."""

_EVEN: Final = 12.0
"""The deviation of grey values along an edge up to which it may be a frame."""

_TRIED: Final = 6
"""Placements that are refined."""

_BENT: Final = 1.25
_GROWN: Final = 1.45
"""Ratio of scales, and change of scale against the placement, up to which a map is possible."""


@dataclass(frozen=True, slots=True, eq=False)
class AlignablePicture:
    """What an alignment needs of one picture: 60 KB."""

    coarse: NDArray[np.int16]
    """(7, 16, 16) detail in half grey values; level k fills the first `LEVELS[k]` rows."""
    fine: NDArray[np.int16]
    """(7, 64, 64) detail in eighths of grey values; four times as many rows."""
    masks: NDArray[np.uint8]
    """(7, 64, 64) 0 on plain ground, 2 in what may be a frame, else 1."""
    sufficient: bool
    """False where too much is plain ground."""


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """How a source lies in a sample."""

    strength: float
    """Higher is more alike; what unrelated pictures reach is to be measured on the reference."""
    matrix: NDArray[np.float64]
    """(3, 3) affine map of source points to sample points, both from 0 to 1."""

    def image_map(self, source: tuple[int, int], sample: tuple[int, int]) -> tuple[ImageMap, bool]:
        """The same in pixels of two pictures of these (width, height), and whether the sample is
        to be mirrored left and right first."""
        matrix = self.matrix
        flipped = bool(np.linalg.det(matrix) < 0)
        if flipped:
            matrix = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]]) @ matrix
        return affine_map(matrix, source, sample), flipped

    def regions(self) -> tuple[Polygon, Polygon]:
        """What both have in common, as polygons of the sample and of the source, from 0 to 1."""
        region = common(mapped(rectangle(1, 1), self.matrix), rectangle(1, 1))
        back = mapped(region, np.linalg.inv(self.matrix).astype(np.float64))
        return region, np.clip(back, 0, 1)


def alignable(image: Image.Image) -> AlignablePicture:
    """The picture made small and grey, at several sizes."""
    import cv2

    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    grey = np.asarray(small, np.float32)
    ground = _ground(np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.5), np.float32))
    shown = cv2.dilate(ground, np.ones((3, 3), np.uint8)) == 0
    mask = np.where(shown, _framed(grey), np.uint8(0))
    coarse = np.zeros((len(LEVELS), COARSE, COARSE), np.int16)
    fine = np.zeros((len(LEVELS), SIDE, SIDE), np.int16)
    masks = np.zeros((len(LEVELS), SIDE, SIDE), np.uint8)
    for level, side in enumerate(LEVELS):
        coarse[level, :side, :side] = _detail(_smaller(grey, side), _COARSE_SLOW, 2)
        side *= _FINE
        soft = cv2.GaussianBlur(_smaller(grey, side), (0, 0), _BLUR)
        fine[level, :side, :side] = _detail(soft, _SLOW, _UNITS)
        masks[level, :side, :side] = cv2.resize(mask, (side, side), interpolation=cv2.INTER_NEAREST)
    return AlignablePicture(coarse, fine, masks, bool(shown.mean() > _LEAST))


def laid(sample: AlignablePicture, sources: Sequence[AlignablePicture]) -> list[Alignment]:
    """How each source lies in the sample; a strength of 0 where it does not, or cannot be told."""
    nowhere = Alignment(0.0, np.eye(3))
    if not sample.sufficient:
        return [nowhere] * len(sources)
    turned = np.stack([_turned(sample.coarse, way) for way in range(WAYS)])
    return [
        _laid(sample, turned, source, nowhere) if source.sufficient else nowhere
        for source in sources
    ]


def _laid(
    sample: AlignablePicture,
    turned: NDArray[np.int32],
    source: AlignablePicture,
    nowhere: Alignment,
) -> Alignment:
    theirs = source.coarse.astype(np.int32)
    places = placed(turned, _squares(turned), theirs, _squares(theirs[None])[0])
    best = nowhere
    for row in np.argsort(-places[:, 0], kind="stable")[:_TRIED]:
        direction, way, level, down, across = places[row, 1:].astype(int).tolist()
        top, ground = (sample, source) if direction == 0 else (source, sample)
        ways = (way, 0) if direction == 0 else (0, way)
        (over, over_mask), (under, under_mask) = (
            _planes(top, level, ways[0]), _planes(ground, 0, ways[1])
        )  # fmt: skip
        middle = (len(over) - 1) / 2
        start = np.array([[1, 0, across * _FINE + middle], [0, 1, down * _FINE + middle]], float)
        possible, matrix = refined(over, under, start)
        if not (possible and _keeps_shape(matrix)):
            continue
        strength = agreeing(over, over_mask, under, under_mask, matrix)
        if strength > best.strength:
            best = Alignment(strength, _in_shares(matrix, len(over), direction, way))
    return best


def _planes(
    picture: AlignablePicture, level: int, way: int
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    side = LEVELS[level] * _FINE
    fine = _turn(picture.fine[level, :side, :side], way)
    mask = _turn(picture.masks[level, :side, :side], way)
    return fine.astype(np.float64, order="C") / _UNITS, np.ascontiguousarray(mask)


def _squares(planes: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.stack(
        [[squares(one, n) for one, n in zip(way, LEVELS, strict=True)] for way in planes]
    )


def _turned(coarse: NDArray[np.int16], way: int) -> NDArray[np.int32]:
    """All levels turned in one way."""
    turned = np.zeros(coarse.shape, np.int32)
    for level, side in enumerate(LEVELS):
        turned[level, :side, :side] = _turn(coarse[level, :side, :side], way)
    return turned


def _turn(plane: NDArray[Number], way: int) -> NDArray[Number]:
    """In the order of `whole_picture.WAYS`."""
    plane = plane.T if way >= WAYS // 2 else plane
    return plane[:: -1 if way % 4 >= 2 else 1, :: -1 if way % 2 else 1]


def _turn_of_shares(way: int) -> NDArray[np.float64]:
    """(3, 3) the map of a turned picture's points to those of the picture, from 0 to 1."""
    across, down = (way % 2, way % 4 >= 2)
    flips = np.array([[1 - 2 * across, 0, across], [0, 1 - 2 * down, down], [0, 0, 1]], np.float64)
    return flips[[1, 0, 2]] if way >= WAYS // 2 else flips


def _in_shares(
    matrix: NDArray[np.float64], side: int, direction: int, way: int
) -> NDArray[np.float64]:
    """(3, 3) the map of source points to sample points, from 0 to 1."""
    from_middle = np.array([[side, 0, -side / 2], [0, side, -side / 2], [0, 0, 1]])
    to_shares = np.array([[1 / SIDE, 0, 0.5 / SIDE], [0, 1 / SIDE, 0.5 / SIDE], [0, 0, 1]])
    laid_over = to_shares @ np.vstack([matrix, [0, 0, 1]]) @ from_middle
    onto = np.linalg.inv(laid_over) if direction == 0 else laid_over
    return np.asarray(_turn_of_shares(way) @ onto)


def _keeps_shape(matrix: NDArray[np.float64]) -> bool:
    larger, smaller = np.linalg.svd(matrix[:, :2], compute_uv=False)
    upright = np.linalg.det(matrix[:, :2]) > 0
    return bool(
        upright and larger <= _GROWN and smaller >= 1 / _GROWN and larger <= _BENT * smaller
    )


def _smaller(grey: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    import cv2

    small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA) if side < SIDE else grey
    return np.asarray(small, np.float32)


def _detail(grey: NDArray[np.float32], slow: float, units: int) -> NDArray[np.int16]:
    """Without what changes slowly, in so many parts of a grey value."""
    import cv2

    detail = grey - cv2.GaussianBlur(grey, (0, 0), slow)
    return np.asarray(np.rint(units * np.clip(detail, -255, 255)), np.int16)


def _ground(grey: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(64, 64) 1 in large parts that touch the edge, of the grey value most frequent there.

    It is the same however the picture is turned.
    """
    import cv2

    levels = np.rint(grey).astype(np.int64)
    edge = np.concatenate([levels[0], levels[-1], levels[1:-1, 0], levels[1:-1, -1]])
    counts = np.convolve(
        np.bincount(edge, minlength=256), np.ones(2 * _PLAIN + 1, np.int64), "same"
    )
    alike = (np.abs(levels - counts.argmax()) <= _PLAIN).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(alike, connectivity=4)
    left, top, width, height, area = stats.T
    touches = (left == 0) | (top == 0) | (left + width == SIDE) | (top + height == SIDE)
    chosen = touches & (area >= _PART * SIDE**2)
    chosen[0] = False
    return np.asarray(chosen[labels], np.uint8)


def _framed(grey: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(64, 64) 2 along the edges at which the picture may have a frame, else 1."""
    mask = np.ones(grey.shape, np.uint8)
    for turns in range(4):
        edge = np.rot90(grey, turns)[:_OUTER, _FRAME:-_FRAME]
        if edge.std(axis=1).mean() < _EVEN:
            np.rot90(mask, turns)[:_FRAME] = 2
    return mask
