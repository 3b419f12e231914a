"""Codes: vectors in a form that a fast product can multiply, and the error that this makes.

Vectors are moved by the reference's mean and scaled by a power of two, which changes no
comparison between distances. Each is then replaced by a code: float32 numbers, or, after a
rotation, one byte a coordinate with a step size for each vector. `error` is the length of the
difference between vector and code. `low` and `high` are the code's squared length, decreased and
increased by the largest errors of the product and of rounding (docs/explanation/filter.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rara.errors import FeatureError
from rara.geometry.rotation import rotate, segments, signs
from rara.storage.compiled import compiled, compiled_freely

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Arithmetic = Literal["float32", "int8", "int7"]
"""The kind of codes that are multiplied. `int7` are bytes within ±63: a sum of two of their
products with other bytes fits in 16 bits."""

LEVELS = {"int8": 127, "int7": 63}
UNIT = 2.0**-24
"""Unit roundoff of float32."""
MOST_DIMENSIONS = 2**16
"""Up to here an int32 holds every sum of products of bytes, 255 * 127 * dimensions < 2^31, and
dimensions * UNIT <= 2^-8; no vectors have more."""
_LONGEST2 = 2.0**120
"""From this squared length, float32 could overflow: there is no bound then, and all pairs stay."""
MARGIN = 1 + 2.0**-20
"""Errors and distances are enlarged by this factor, for the roundings of later steps."""


class Terms(NamedTuple):
    """Each vector's terms of the bounds, (n,) float32 each; a tuple, for compiled loops."""

    scale: Floats
    low: Floats
    high: Floats
    error: Floats

    def part(self, block: slice) -> Terms:
        """The terms of a block."""
        return Terms(*(term[block] for term in self))


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes of a block of vectors, with the terms of their bounds."""

    vectors: NDArray[Any]
    """float32, or uint8 that stands for scale * (code - 128)."""
    terms: Terms

    @classmethod
    def empty(cls, count: int, dimensions: int, arithmetic: Arithmetic) -> Codes:
        """Room for the codes of a block."""
        kind = np.float32 if arithmetic == "float32" else np.uint8
        terms = Terms(*(np.empty(count, np.float32) for _ in range(4)))
        return cls(np.empty((count, dimensions), kind), terms)

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, block: slice) -> Codes:
        return Codes(self.vectors[block], self.terms.part(block))


@dataclass(frozen=True, slots=True)
class Frame:
    """The coordinates in which the filter works: x -> (x - center) / 2^exponent."""

    center: Doubles
    exponent: int

    @classmethod
    def of(cls, reference: Floats) -> Frame:
        """Centre on the mean; scale so that the largest coordinate is about 1.

        Raises FeatureError for vectors of more than `MOST_DIMENSIONS`.
        """
        if reference.shape[1] > MOST_DIMENSIONS:
            raise FeatureError(
                f"Vectors of {reference.shape[1]:,} dimensions: distances are exact up to "
                f"{MOST_DIMENSIONS:,}. Take features of fewer dimensions, or project them."
            )
        total, least, most = _columns(reference)
        center = total / len(reference)
        spread = max(float(np.max(most - center)), float(np.max(center - least)))
        return cls(center, math.frexp(spread)[1])

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self.center.size

    def encode(self, vectors: Floats, arithmetic: Arithmetic, *, into: Codes) -> None:
        """Make the codes of a block of vectors."""
        d = self.dimensions
        eta = d * 2.0**-120
        inverse = math.ldexp(1.0, -self.exponent)
        if arithmetic == "float32":
            kappa = 1.01 * (d + 16) * UNIT
            _encode_floats(vectors, self.center, inverse, kappa, eta, into.vectors, into.terms)
            return
        _encode_integers(
            vectors, self.center, inverse * signs(d), segments(d), LEVELS[arithmetic],
            16 * UNIT, eta, into.vectors, into.terms,
        )  # fmt: skip

    def surely_within(self, d2: Doubles) -> Floats:
        """Distances from squared ones, in the units of the codes and a little reduced.

        If an upper bound on a distance is below it, the squared distance is below d2, in float64
        too.
        """
        distance = np.ldexp(np.sqrt(d2), -self.exponent) / MARGIN
        with np.errstate(over="ignore"):
            return np.nextafter(distance.astype(np.float32), np.float32(-np.inf))

    def distance_to_code(self, d2: Doubles) -> Floats:
        """Distances from squared ones, in the units of the codes and a little enlarged."""
        distance = np.ldexp(np.sqrt(d2), -self.exponent) * MARGIN
        with np.errstate(over="ignore"):
            return np.nextafter(distance.astype(np.float32), np.float32(np.inf))


@compiled
def _columns(vectors: Floats) -> tuple[Doubles, Doubles, Doubles]:
    """Sum, least and largest value of every column."""
    total = np.zeros(vectors.shape[1])
    least = np.full(vectors.shape[1], np.inf)
    most = np.full(vectors.shape[1], -np.inf)
    for i in range(vectors.shape[0]):
        for c in range(vectors.shape[1]):
            value = np.float64(vectors[i, c])
            total[c] += value
            least[c] = min(least[c], value)
            most[c] = max(most[c], value)
    return total, least, most


@compiled
def _encode_floats(
    vectors: Floats,
    center: Doubles,
    inverse: float,
    kappa: float,
    eta: float,
    codes: Floats,
    terms: Terms,
) -> None:
    for i in range(vectors.shape[0]):
        norm2 = rest2 = length2 = 0.0
        for c in range(vectors.shape[1]):
            value = (np.float64(vectors[i, c]) - center[c]) * inverse
            code = np.float32(value)
            codes[i, c] = code
            rest = value - np.float64(code)
            norm2 += np.float64(code) * np.float64(code)
            rest2 += rest * rest
            length2 += value * value
        terms.scale[i] = 1.0
        _finish(norm2, rest2, length2, kappa, eta, i, terms)


@compiled
def _encode_integers(
    vectors: Floats,
    center: Doubles,
    factor: Doubles,
    parts: NDArray[np.int64],
    levels: int,
    kappa: float,
    eta: float,
    codes: NDArray[np.uint8],
    terms: Terms,
) -> None:
    moved = np.empty(vectors.shape[1])
    for i in range(vectors.shape[0]):
        length2 = _move(vectors[i], center, factor, moved)
        rotate(moved, parts)
        largest = _largest(moved)
        # Too small or too large for a step in float32: the code is 0, the error the whole vector.
        usable = 2.0**-100 < largest < 2.0**100
        step = np.float64(np.float32(largest / levels)) if usable else 0.0
        norm2, rest2 = _quantise(moved, step, 1.0 / step if usable else 0.0, codes[i])
        terms.scale[i] = step
        _finish(norm2 * step * step, rest2, length2, kappa, eta, i, terms)


@compiled_freely
def _move(vector: Floats, center: Doubles, factor: Doubles, moved: Doubles) -> float:
    """Write a vector in the coordinates of the frame to `moved`; its squared length."""
    length2 = 0.0
    for c in range(vector.size):
        value = (np.float64(vector[c]) - center[c]) * factor[c]
        moved[c] = value
        length2 += value * value
    return length2


@compiled_freely
def _largest(values: Doubles) -> float:
    largest = 0.0
    for c in range(values.size):
        largest = max(largest, abs(values[c]))
    return largest


@compiled_freely
def _quantise(
    moved: Doubles, step: float, per_step: float, codes: NDArray[np.uint8]
) -> tuple[float, float]:
    """Write codes + 128; their squared length in steps, and the squared error."""
    norm2 = rest2 = 0.0
    for c in range(moved.size):
        code = np.rint(moved[c] * per_step)
        rest = moved[c] - step * code
        codes[c] = np.uint8(np.int32(code) + np.int32(128))
        norm2 += code * code
        rest2 += rest * rest
    return norm2, rest2


@compiled
def _finish(
    norm2: float, rest2: float, length2: float, kappa: float, eta: float, i: int, terms: Terms
) -> None:
    """Write the terms of a vector's bounds, rounded outwards."""
    terms.low[i] = np.nextafter(np.float32(norm2 * (1.0 - kappa) - eta), np.float32(-np.inf))
    terms.high[i] = np.nextafter(np.float32(norm2 * (1.0 + kappa) + eta), np.float32(np.inf))
    left_out = np.sqrt(rest2) + 2.0**-48 * np.sqrt(length2) + 2.0**-140
    terms.error[i] = np.nextafter(np.float32(left_out * MARGIN), np.float32(np.inf))
    if not length2 < _LONGEST2:
        terms.error[i] = np.inf
