"""Postings: the features of all reference images in the order of their cells.

    images --posted--> Postings of a few --merged--> Postings of all

A posting is a feature's signature, the row of its image, and where it is there: place, size and
direction, a byte each. Postings of a cell are in the order of their rows, so that any way of
cutting images into parts gives the same arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rara.retrieval.local_features import LocalFeatures
from rara.retrieval.visual_words import CELLS, coded
from rara.storage.compiled import compiled

_PIXELS: Final = 2.0
"""Working pixels for each step of a place."""

_SIZES: Final = 16.0
"""Steps in which a size doubles."""

_ANGLES: Final = 128 / np.pi
"""Steps in a radian."""


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """The features of the images 0 to `images` - 1; an image without features has none."""

    images: int
    offsets: NDArray[np.int64]
    """(65,537,) cell c has the postings from offsets[c] to offsets[c + 1]."""
    signatures: NDArray[np.uint64]
    """(n,)"""
    rows: NDArray[np.int32]
    """(n,) ascending within a cell."""
    frames: NDArray[np.uint8]
    """(n, 4) x, y, the log of the size, and the angle, in steps."""

    def __post_init__(self) -> None:
        for array in (self.offsets, self.signatures, self.rows, self.frames):
            array.setflags(write=False)  # as mapped ones are, for which loops are compiled

    def __len__(self) -> int:
        return len(self.rows)


def posted(images: Sequence[LocalFeatures]) -> Postings:
    """The postings of some images; their rows begin at 0."""
    made = [coded(one.descriptors) for one in images]
    cells = np.concatenate([np.zeros(0, np.int64), *(one.cells for one in made)])
    order = np.argsort(cells, kind="stable")
    signatures = np.concatenate([np.zeros(0, np.uint64), *(one.signatures for one in made)])
    rows = np.repeat(np.arange(len(images), dtype=np.int32), [len(one) for one in images])
    frames = np.concatenate([np.zeros((0, 4), np.uint8), *(_frames(one) for one in images)])
    return Postings(
        len(images),
        np.searchsorted(cells[order], np.arange(CELLS + 1)).astype(np.int64),
        signatures[order],
        rows[order],
        frames[order],
    )


def merged(parts: Sequence[Postings]) -> Postings:
    """All images in one, those of each part after those of the parts before it."""
    offsets = np.zeros(CELLS + 1, np.int64)
    for part in parts:
        offsets += part.offsets
    total = int(offsets[-1])
    signatures, rows = np.empty(total, np.uint64), np.empty(total, np.int32)
    frames, following, images = np.empty((total, 4), np.uint8), offsets[:-1].copy(), 0
    for part in parts:
        arrays = part.offsets, part.signatures, part.rows, part.frames
        _scatter(*arrays, images, following, signatures, rows, frames)
        images += part.images
    return Postings(images, offsets, signatures, rows, frames)


def positions(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(n, 4) x and y in working pixels, the log of the size, and the angle in radians."""
    steps = np.array([_PIXELS, _PIXELS, np.log(2) / _SIZES, 1 / _ANGLES])
    return np.asarray(frames * steps)


def exact_positions(features: LocalFeatures) -> NDArray[np.float64]:
    """The same of features that are not in steps."""
    return np.column_stack([features.points, np.log(features.sizes), features.angles])


def _frames(features: LocalFeatures) -> NDArray[np.uint8]:
    places = np.column_stack(
        [features.points / _PIXELS, _SIZES * np.log2(np.maximum(features.sizes, 1.0))]
    )
    steps = np.clip(np.rint(places), 0, 255)
    angles = np.rint(features.angles * _ANGLES) % 256
    return np.column_stack([steps, angles]).astype(np.uint8)


@compiled
def _scatter(
    offsets: NDArray[np.int64],
    signatures: NDArray[np.uint64],
    rows: NDArray[np.int32],
    frames: NDArray[np.uint8],
    first: int,
    following: NDArray[np.int64],
    all_signatures: NDArray[np.uint64],
    all_rows: NDArray[np.int32],
    all_frames: NDArray[np.uint8],
) -> None:
    """Puts a part's postings behind those that each cell has, and moves `following` on."""
    for cell in range(len(offsets) - 1):
        place = following[cell]
        for source in range(offsets[cell], offsets[cell + 1]):
            all_signatures[place] = signatures[source]
            all_rows[place] = rows[source] + first
            for value in range(4):
                all_frames[place, value] = frames[source, value]
            place += 1
        following[cell] = place
