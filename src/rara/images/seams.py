"""Straight lines across a picture at which pixels jump: where panels of a contact sheet may end.

The picture is averaged to a few dozen strips along a line, and looked at across it. In each strip
the jump at a line *opens* a panel if it is larger than every jump within the next `REACH` pixels,
and *closes* one if it is larger than every jump before. On a line that means nothing this happens
in about one strip of `REACH`; on the edge of a panel in most strips, whatever the panel shows,
since what a picture shows seldom ends on one straight line. Used by `grids.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Axis = Literal[0, 1]
"""Across which axis of the array: 0 from top to bottom, 1 from left to right."""

WORK: Final = 960
"""Most pixels across at which lines are searched for."""

STRIPS: Final = 96

REACH: Final = 12
"""Pixels of the working size within which a jump has to be the largest."""

SAME: Final = 30.0
"""Colours that differ by up to this, summed over three channels, are the same after compression."""

TOOLBARS: Final[dict[Axis, float]] = {0: 0.95, 1: 0.75}
"""The share of strips in which a gutter has one colour: a toolbar may fill the others."""

NARROWEST: Final = 2
"""Pixels of a band of one colour; lines within a picture are narrower."""

FLOOR: Final = 12.0
"""Jumps up to this, summed over three channels, are noise of compression."""


@dataclass(frozen=True, slots=True)
class Lines:
    """What is seen across one axis of a picture; line x lies before pixel x of the working size."""

    means: NDArray[np.float32]
    """(strips, length, 3) averages of the strips."""
    jumps: NDArray[np.float32]
    """(length + 1,) the mean jump at each line."""
    opens: NDArray[np.int32]
    """(strips + 1, length + 1) strips so far in which the line opens a panel."""
    closes: NDArray[np.int32]
    informs: NDArray[np.int32]
    """Strips so far in which there is any jump near the line."""
    scale: float
    """Pixels of the picture to one across."""
    thickness: float
    """Pixels of the picture to one strip."""

    @property
    def length(self) -> int:
        """Pixels across, at the working size."""
        return int(self.means.shape[1])

    def strips_between(self, first: float, last: float) -> slice:
        """Strips that lie wholly between two places along the line, in pixels of the picture."""
        begin = int(np.ceil(first / self.thickness + 0.25))
        end = int(np.floor(last / self.thickness - 0.25))
        if end <= begin:
            begin = min(int(first / self.thickness), len(self.means) - 1)
            end = begin + 1
        return slice(begin, min(end, len(self.means)))

    def counts(self, strips: Sequence[slice]) -> tuple[Floats, Floats, Floats]:
        """(parts, length + 1) how many strips of each part open and close, out of how many.

        Strips without any jump near a line don't count, down to a quarter of the part.
        """
        begin = [part.start for part in strips]
        end = [part.stop for part in strips]
        sizes = np.subtract(end, begin)[:, None]
        informed = np.maximum(self.informs[end] - self.informs[begin], 0.25 * sizes)
        opened = (self.opens[end] - self.opens[begin]).astype(float)
        return opened, (self.closes[end] - self.closes[begin]).astype(float), informed

    def shares(self) -> tuple[Floats, Floats]:
        """(length + 1,) the share of all strips in which each line opens or closes a panel."""
        opened, closed, informed = self.counts([slice(0, len(self.means))])
        return opened[0] / informed[0], closed[0] / informed[0]


def lines(pixels: NDArray[np.uint8], axis: Axis, work: int = WORK, *, bands: bool = True) -> Lines:
    """The lines across one axis of (height, width, 3) pixels, at most `work` pixels across."""
    import cv2

    length, along = pixels.shape[axis], pixels.shape[1 - axis]
    across = round(length / max(1, np.ceil(length / work)))
    strips = min(STRIPS, max(1, along // 2))
    size = (across, strips) if axis == 1 else (strips, across)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    means = small if axis == 1 else np.ascontiguousarray(small.transpose(1, 0, 2))
    return _lines_of(means, length / across, along / strips, TOOLBARS[axis] if bands else 2.0)


def _lines_of(means: NDArray[np.float32], scale: float, thickness: float, share: float) -> Lines:
    jumps = np.zeros((len(means), means.shape[1] + 1), np.float32)
    jumps[:, 1:-1] = np.abs(np.diff(means, axis=1)).sum(axis=2)
    here = _largest(jumps, -1, 1)  # a line of a picture that was resized is blurred
    before, behind = _largest(jumps, -REACH, -2), _largest(jumps, 2, REACH)
    opens, closes = (here > behind) & (here > FLOOR), (here > before) & (here > FLOOR)
    informs = np.maximum(here, np.maximum(before, behind)) > FLOOR
    for begin, end, same in _bands(means, share):
        closes[same, begin] = opens[same, end] = True
        informs[same, begin] = informs[same, end] = True
    opens[:, 0] = closes[:, -1] = informs[:, 0] = informs[:, -1] = True
    return Lines(
        means,
        jumps.mean(axis=0),
        _so_far(opens),
        _so_far(closes),
        _so_far(informs),
        scale,
        thickness,
    )


def _bands(
    means: NDArray[np.float32], share: float
) -> Iterator[tuple[int, int, NDArray[np.bool_]]]:
    """Where the picture has one colour all along a line, and in which strips.

    Such a band is a gutter or a margin. Its edges are lines even where a picture beside it has
    the same colour there, or a texture with larger jumps.
    """
    main = np.median(means[::2], axis=0)
    same = np.abs(means - main).sum(axis=2) < SAME
    one = np.concatenate([[False], same.mean(axis=0) > share, [False]])
    one[1:-2] &= (np.abs(np.diff(main, axis=0)).sum(axis=1) < SAME / 2) | ~one[2:-1]
    edges = np.flatnonzero(np.diff(one))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if NARROWEST <= end - begin <= len(main) / 3:
            yield int(begin), int(end), same[:, begin:end].all(axis=1)


def _largest(jumps: NDArray[np.float32], first: int, last: int) -> NDArray[np.float32]:
    """The largest value at offsets from first to last, in each row; 0 outside of the picture."""
    rim, count = max(abs(first), abs(last)), last - first + 1
    padded = np.pad(jumps, ((0, 0), (rim, rim)))
    size = 1
    while 2 * size <= count:
        padded = np.maximum(padded[:, :-size], padded[:, size:])
        size *= 2
    if rest := count - size:
        padded = np.maximum(padded[:, :-rest], padded[:, rest:])
    return padded[:, rim + first : rim + first + jumps.shape[1]]


def _so_far(flags: NDArray[np.bool_]) -> NDArray[np.int32]:
    total = np.zeros((len(flags) + 1, flags.shape[1]), np.int32)
    np.cumsum(flags, axis=0, out=total[1:])
    return total


def widest(values: Floats, reach: int) -> Floats:
    """The largest value within a reach of each place."""
    padded = np.pad(values, reach)
    shifted = [padded[i : i + len(values)] for i in range(2 * reach + 1)]
    return np.asarray(np.max(shifted, axis=0))


def plain(means: NDArray[np.float32], share: float) -> NDArray[np.bool_]:
    """(length,) whether this share of the strips has one colour."""
    main = np.median(means[::2], axis=0)
    return np.asarray(np.mean(np.abs(means - main).sum(axis=2) < SAME, axis=0) > share)
