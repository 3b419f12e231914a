"""The filter's bounds laid open: what they say of every pair, and how near they come to be wrong.

A margin is the way from a bound to the distance, as a share of the way between the two bounds:
1/2 is the middle, 0 touches a bound, below 0 is a violation.
"""

from fractions import Fraction

import numpy as np

import oracle
from rara.geometry import filter as bounds
from rara.geometry.matmul import multiplier
from rara.geometry.quantization import Codes
from rara.geometry.rotation import rotate, segments, signs
from rara.storage.compiled import compiled


@compiled
def _enclose(product, row, column, lows, highs, squares):
    """`filter_tile`'s own functions for every pair."""
    for i in range(product.shape[0]):
        twice = row.scale[i] + row.scale[i]
        for j in range(product.shape[1]):
            errors = row.error[i] + column.error[j]
            least = bounds._square(
                row.low[i] + column.low[j], twice, column.scale[j], product[i, j]
            )
            most = bounds._square(
                row.high[i] + column.high[j], twice, column.scale[j], product[i, j]
            )
            lows[i, j] = bounds.lower_bound(least, errors)
            highs[i, j] = bounds.upper_bound(most, errors)
            squares[i, j] = least


def quantized(frame, vectors, arithmetic, weaken=None):
    """Their codes, possibly with errors that are multiplied by `weaken`."""
    codes = Codes.empty(len(vectors), vectors.shape[1], arithmetic)
    frame.encode(vectors, arithmetic, into=codes)
    if weaken is not None:
        codes.terms.error[:] = codes.terms.error * np.float32(weaken)
    return codes


def enclosures(frame, x, y, arithmetic, *, many=True, weaken=None):
    """Lower and upper bounds on all distances between x and y, and the squares before the root."""
    left, right = (quantized(frame, side, arithmetic, weaken) for side in (x, y))
    product = np.empty((len(x), len(y)), np.float32 if arithmetic == "float32" else np.int32)
    multiplier(right, 1000 if many else 1, arithmetic)(left, product)
    out = np.empty((3, *product.shape), np.float32)
    _enclose(product, left.terms, right.terms, *out)
    return out


def margins(frame, x, y, arithmetic, **options):
    """How near each pair comes to a violation; 1 where nothing is claimed."""
    low, high, _ = np.float64(enclosures(frame, x, y, arithmetic, **options))
    distance = np.ldexp(np.sqrt(oracle.squared_distances(x, y)), -frame.exponent)
    with np.errstate(invalid="ignore"):
        below, above = distance - low, high - distance
        low = np.where(np.isnan(low), -np.inf, low)
        margin = np.fmin(below, above) / (high - np.maximum(low, 0))
    return np.where(np.isfinite(margin), margin, 1.0)


def rotated(vector):
    """The rotation in rational numbers, by its definition: no rounding."""
    turned = zip(vector, signs(len(vector)).tolist(), strict=True)
    vector = [Fraction(value) * int(sign) for value, sign in turned]
    for start, stride, size in segments(len(vector)).tolist():
        for first in range(start, start + stride):
            places = range(first, first + stride * size, stride)
            values = [vector[place] for place in places]
            for i, place in enumerate(places):
                signed = (-v if (i & j).bit_count() % 2 else v for j, v in enumerate(values))
                vector[place] = sum(signed) / Fraction(int(size**0.5))
    return vector


def unrotated(vectors):
    """float32 vectors that the rotation turns into these, nearly: it is its own inverse."""
    vectors = np.array(vectors, np.float64)
    for vector in vectors:
        rotate(vector, segments(vector.size))
    return (vectors * signs(vectors.shape[1])).astype(np.float32)
