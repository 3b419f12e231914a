"""Convex polygons in the plane: areas, what two have in common, and what a map makes of one.

Ground of direct evidence: where two pictures overlap is such a polygon. A polygon is (n, 2)
corners in order, either way round; fewer than three are the empty one.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Polygon: TypeAlias = NDArray[np.float64]
"""(n, 2) x to the right and y down."""


def rectangle(width: float, height: float) -> Polygon:
    """The rectangle from the origin."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def signed_area(polygon: Polygon) -> float:
    """The area; negative where the corners run against the rectangle's order."""
    if len(polygon) < 3:
        return 0.0
    x, y = polygon.T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def area(polygon: Polygon) -> float:
    """The area, at least 0."""
    return abs(signed_area(polygon))


def is_convex(polygon: Polygon) -> bool:
    """Whether all corners turn the way of the rectangle's, none by nothing."""
    edges = np.roll(polygon, -1, axis=0) - polygon
    ahead = np.roll(edges, -1, axis=0)
    return bool(np.all(edges[:, 0] * ahead[:, 1] - edges[:, 1] * ahead[:, 0] > 0))


def mapped(polygon: Polygon, homography: NDArray[np.float64]) -> Polygon:
    """The corners after a projective map; not finite where it takes them to infinity."""
    ends = np.column_stack([polygon, np.ones(len(polygon))]) @ homography.T
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(ends[:, :2] / ends[:, 2:])


def common(first: Polygon, second: Polygon) -> Polygon:
    """The convex polygon that lies in both (Sutherland and Hodgman, CACM 17, 1974)."""
    if min(len(first), len(second)) < 3:
        return np.zeros((0, 2))
    left = first if signed_area(second) >= 0 else first[::-1]
    edges = second if signed_area(second) >= 0 else second[::-1]
    for start, end in zip(edges, np.roll(edges, -1, axis=0), strict=True):
        left = _on_one_side(left, start, end - start)
    return left if len(left) > 2 else np.zeros((0, 2))


def overlap_ratio(first: Polygon, second: Polygon) -> float:
    """The area in both over the area in either, from 0 to 1 (intersection over union)."""
    both = area(common(first, second))
    either = area(first) + area(second) - both
    return both / either if either else 0.0


def hull(points: Polygon) -> Polygon:
    """The convex hull, in the rectangle's order (Andrew's monotone chain, 1979)."""
    ordered = np.unique(points, axis=0)
    if len(ordered) < 3:
        return np.zeros((0, 2))
    chain = _half(ordered)[:-1] + _half(ordered[::-1])[:-1]
    return np.array(chain) if len(chain) > 2 else np.zeros((0, 2))


def _half(points: Polygon) -> list[NDArray[np.float64]]:
    chain: list[NDArray[np.float64]] = []
    for point in points:
        while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    return chain


def _turn(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _on_one_side(
    polygon: Polygon, start: NDArray[np.float64], along: NDArray[np.float64]
) -> Polygon:
    """What of it lies to the right of a line, in a picture where y runs down."""
    if len(polygon) == 0:
        return polygon
    away = along[0] * (polygon[:, 1] - start[1]) - along[1] * (polygon[:, 0] - start[0])
    kept = []
    for i in range(len(polygon)):
        j = (i + 1) % len(polygon)
        if away[i] >= 0:
            kept.append(polygon[i])
        if away[i] * away[j] < 0:
            share = away[i] / (away[i] - away[j])
            kept.append(polygon[i] + share * (polygon[j] - polygon[i]))
    return np.array(kept).reshape(-1, 2)
