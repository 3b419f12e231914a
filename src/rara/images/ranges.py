"""Which numbers of an array are black and white: decided once for all images of one array.

Used by the sources of arrays (`sources/arrays`) and where an image is decoded (`decode.py`).
An image alone may be too dark or too bright to tell in which range its array lies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.errors import ImageError, UnknownSourceError
from rara.images.depth import Depth, depth_of, has_opacity, largest_of
from rara.images.strips import by_strips

_SLACK = 1e-5
"""Denormalised floats miss the ends of their range by a few rounding errors of its length."""


_NOTHING = float("inf"), float("-inf")
"""The ends of no numbers at all."""


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that stand for black and white."""

    low: float
    high: float
    note: str = ""

    @property
    def key(self) -> str:
        """What makes it differ from another one."""
        return f"{self.low:g} to {self.high:g}"

    def eight_bit(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """The pixels as eight bits; raises ImageError where some are outside, or no numbers."""
        self.check(float(pixels.min()), float(pixels.max()))
        return by_strips(pixels, self._mapped)

    def check(self, low: float, high: float) -> None:
        """Raise ImageError where pixels from `low` to `high` are outside, or no numbers."""
        if not self.holds(low, high):
            raise ImageError(_outside(low, high, self))

    def _mapped(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        unit = (pixels.astype(np.float32) - self.low) / (self.high - self.low)
        return np.asarray(np.clip(unit, 0, 1) * 255 + 0.5).astype(np.uint8)

    def holds(self, low: float, high: float) -> bool:
        """Whether these are inside; never where they are NaN."""
        slack = _SLACK * (self.high - self.low)
        return low >= self.low - slack and high <= self.high + slack

    def suits(self, low: float, high: float) -> bool:
        """Whether numbers from `low` to `high` fill so much of it that they mean no other."""
        deep = low < self.low / 2 if self.low else high > self.high / 2
        opaque = low >= self.high  # whichever range is meant
        return self.holds(low, high) and (self == UNIT or deep or opaque)


UNIT, SIGNED, BYTES = Range(0, 1), Range(-1, 1), Range(0, 255)

_RANGES = (UNIT, SIGNED, BYTES)
"""Those that float arrays come in; the first that suits counts."""

Meaning = Depth | Range
"""What the numbers of an array stand for."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranged:
    """One image of an array, with what the numbers of the whole array stand for."""

    pixels: NDArray[Any]
    meaning: Meaning


def meaning_of(dtype: np.dtype[Any], images: Iterable[NDArray[Any]], where: str) -> Meaning | None:
    """What the numbers of an array stand for; None where its type tells.

    Raises UnknownSourceError where floats are outside all ranges, or it is open which is meant.
    """
    if dtype.kind == "f":
        return _range_of(images, where)
    if dtype == np.uint16:
        largest = np.max([largest_of(image) for image in images], axis=0)
        return depth_of(int(largest[0]), int(largest[1]))
    return None


def _range_of(images: Iterable[NDArray[Any]], where: str) -> Range:
    """The one range that suits colours and opacity."""
    ends = np.array([_ends(image) for image in images])
    low, high = ends[..., 0].min(axis=0), ends[..., 1].max(axis=0)
    held = [(a, b) for a, b in zip(low, high, strict=True) if a <= b]
    for candidate in _RANGES:
        if all(candidate.suits(*pair) for pair in held):  # where none is finite, images are refused
            return candidate
    spans = " and opacity ".join(f"from {a:.4g} to {b:.4g}" for a, b in held)
    raise UnknownSourceError(
        f"{where} holds floats {spans}. rara reads 0 to 1, -1 to 1 with some below -0.5, and 0 to "
        "255 with some above 127.5, the same for the whole array. Scale it to one of these, or "
        "give uint8."
    )


def _ends(image: NDArray[Any]) -> list[tuple[float, float]]:
    """The smallest and the largest finite number of the colours, and of a fourth channel."""
    if not has_opacity(image):
        return [_finite_ends(image), _NOTHING]
    return [_finite_ends(image[..., :3]), _finite_ends(image[..., 3])]


def _finite_ends(part: NDArray[Any]) -> tuple[float, float]:
    low, high = float(part.min()), float(part.max())
    if np.isfinite(low) and np.isfinite(high):
        return low, high
    finite = part[np.isfinite(part)]
    return float(finite.min(initial=np.inf)), float(finite.max(initial=-np.inf))


def _outside(low: float, high: float, allowed: Range) -> str:
    limits = f"{allowed.low:g} to {allowed.high:g}"
    return f"float pixels from {low:.4g} to {high:.4g}, not from {limits}{_remedy(low, high)}"


def _remedy(low: float, high: float) -> str:
    """What helps one image by itself, of which no more is known."""
    if SIGNED.holds(low, high):
        return "; scale them with (x + 1) / 2"
    return "; divide them by 255" if BYTES.suits(low, high) else ""
