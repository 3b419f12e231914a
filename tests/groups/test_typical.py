"""The most typical images of a group: identical junk is none, and no picture comes twice."""

import numpy as np
import pytest

from rara import Features, Run, compare_siblings
from rara.features.metadata_groups import by_content
from rara.groups.typical import MANY, SAME, typical
from rara.report.siblings import odd_ones_of

ONE = Run(threads=1)


def group(rng, good, junk, noise, d=32):
    """Outputs round one place, and copies of one picture twice as far from it as they are."""
    away = rng.normal(size=d)
    away *= 2 * np.sqrt(d) / np.linalg.norm(away)
    vectors = np.concatenate(
        [rng.normal(size=(good, d)), away + noise * rng.normal(size=(junk, d))]
    )
    order = rng.permutation(good + junk)
    return vectors[order].astype(np.float32), (order >= good)


def shown(vectors):
    features = Features.from_arrays(vectors)
    return typical(features.vectors, by_content(features), ONE)


@pytest.mark.parametrize("noise", [0.0, 1e-4])
@pytest.mark.parametrize(("good", "junk"), [(9, 2), (8, 4), (11, 10), (60, 55), (3, 2), (2, 1)])
def test_junk_that_is_one_picture_is_not_typical(good, junk, noise):
    for seed in range(20):
        vectors, bad = group(np.random.default_rng(seed), good, junk, noise)
        found = shown(vectors)
        assert not bad[found[0]]
        assert bad[found].sum() == 1
        assert len(found) == good + 1


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_what_most_are_is_typical(noise):
    vectors, many = group(np.random.default_rng(0), 5, 7, noise)
    assert many[shown(vectors)[0]]


def test_the_middle_of_a_cloud_is_typical():
    """Of 101 on a line, the middle one, and none as near to another as `SAME` allows."""
    line = np.random.default_rng(1).permutation(101).astype(np.float32)[:, None]
    found = line[shown(line), 0]
    middle = np.median(np.abs(line - line.T)[np.triu_indices(101, 1)])
    apart = np.abs(found[:, None] - found)[np.triu_indices(len(found), 1)]
    assert abs(found[0] - 50) <= SAME * middle
    assert apart.min() > SAME * middle


@pytest.mark.parametrize("count", [2, 3, 12, 400])
def test_order_changes_nothing(count):
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(count, 8)).astype(np.float32)
    order = rng.permutation(count)
    plain, moved = shown(vectors), shown(vectors[order])
    assert len(plain) == min(count, MANY)
    np.testing.assert_array_equal(order[moved], plain)


def test_one_image_or_one_picture_is_typical_by_itself():
    assert shown(np.ones((1, 3))).tolist() == [0]
    assert len(shown(np.ones((5, 3)))) == 1


@pytest.mark.parametrize("noise", [0.0, 1e-4])
@pytest.mark.parametrize(("siblings", "junk"), [(2, 0), (3, 1), (4, 1), (5, 2), (11, 5)])
def test_companions_of_the_odd_one_are_different_pictures(siblings, junk, noise):
    rng = np.random.default_rng(3)
    vectors, bad = group(rng, siblings - junk, junk, noise)
    vectors = np.concatenate([vectors, np.full((1, 32), 30, np.float32)])
    features = Features.from_arrays(vectors, metadata={"prompt": ["a"] * len(vectors)})
    found = compare_siblings(features, run=ONE)
    (case,) = found.to_dict()["odd_ones"]["cases"]
    assert case["id"] == str(siblings)
    rows = [int(name) for name in case["siblings"]]
    assert len(rows) == min(6, siblings - max(0, junk - 1))
    assert not bad[rows[0]]
    assert bad[rows].sum() <= 1
    left = found.arrow.filter([str(rows[0]) != name for name in found.arrow["id"].to_pylist()])
    (case,) = odd_ones_of(left, found.provenance.siblings, most=None).cases
    assert case.siblings == tuple(str(row) for row in rows[1:])
