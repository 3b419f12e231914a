"""Convex polygons, held against shapes whose areas are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rara.retrieval.polygons import (
    area,
    common,
    hull,
    is_convex,
    mapped,
    overlap_ratio,
    rectangle,
    signed_area,
)
from scenes import box

SQUARE = rectangle(1, 1)


def test_areas():
    assert signed_area(rectangle(3, 2)) == 6
    assert signed_area(rectangle(3, 2)[::-1]) == -6
    assert area(np.array([[0, 0], [4, 0], [0, 3]], float)) == 6
    assert area(np.zeros((0, 2))) == area(np.ones((2, 2))) == 0


def test_what_two_have_in_common():
    assert area(common(SQUARE, box(0.5, 0.5, 2, 2))) == pytest.approx(0.25)
    assert area(common(SQUARE, box(-1, -1, 2, 2))) == pytest.approx(1)
    assert area(common(box(-1, -1, 2, 2), SQUARE)) == pytest.approx(1)
    assert len(common(SQUARE, box(2, 2, 3, 3))) == 0
    assert area(common(SQUARE, box(1, 0, 2, 1))) == 0  # they touch
    diamond = np.array([[0.5, -0.5], [1.5, 0.5], [0.5, 1.5], [-0.5, 0.5]])
    assert area(common(SQUARE, diamond)) == pytest.approx(1)
    assert area(common(SQUARE * 2 - 0.5, diamond)) == pytest.approx(2)


@pytest.mark.parametrize("first", [1, -1])
@pytest.mark.parametrize("second", [1, -1])
def test_the_order_of_corners_does_not_matter(first, second):
    assert overlap_ratio(SQUARE[::first], box(0, 0, 1, 2)[::second]) == pytest.approx(0.5)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=3, max_size=9),
    st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 9), st.integers(1, 9)),
)
def test_common_area_counts_pixels(points, corner):
    """Against the exact area over rectangles of a hull: strips one high, cut by their edges."""
    polygon = hull(np.array(points, float))
    x, y, w, h = corner
    window = box(x, y, x + w, y + h)
    shared = area(common(polygon, window))
    assert shared <= min(area(polygon), area(window)) + 1e-9
    columns = [box(i, y, i + 1, y + h) for i in range(x, x + w)]
    assert shared == pytest.approx(sum(area(common(polygon, one)) for one in columns), abs=1e-9)
    assert shared == pytest.approx(area(common(window, polygon)), abs=1e-9)


def test_overlap_of_nothing():
    assert overlap_ratio(np.zeros((0, 2)), np.zeros((0, 2))) == 0
    assert overlap_ratio(SQUARE, np.zeros((0, 2))) == 0


def test_hulls():
    points = np.array([[0, 0], [2, 0], [1, 1], [2, 2], [0, 2], [1, 0], [0, 0]], float)
    assert hull(points).tolist() == [[0, 0], [2, 0], [2, 2], [0, 2]]
    assert len(hull(np.array([[0, 0], [1, 1], [2, 2]], float))) == 0
    assert len(hull(np.zeros((5, 2)))) == 0


def test_convex_means_turning_one_way():
    assert is_convex(SQUARE)
    assert not is_convex(SQUARE[::-1])  # mirrored
    assert not is_convex(SQUARE[[0, 2, 1, 3]])  # crossed
    assert not is_convex(np.array([[0, 0], [1, 0], [0.2, 0.2], [0, 1]]))  # dented
    assert not is_convex(np.array([[0, 0], [1, 0], [2, 0], [0, 1]], float))  # a corner of 180°


def test_maps_divide_by_depth():
    matrix = np.array([[2, 0, 1], [0, 3, 0], [1, 0, 1]], float)
    assert mapped(np.array([[1.0, 1.0]]), matrix).tolist() == [[1.5, 1.5]]
    assert not np.isfinite(mapped(np.array([[-1.0, 1.0]]), matrix)).any()
