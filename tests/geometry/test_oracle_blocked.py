"""The oracle for many pairs against the obvious one."""

import numpy as np
import pytest

import oracle
import oracle_blocked
from hostile_vectors import HOSTILE


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("d", [1, 2, 5, 17, 31, 32, 33, 70])
@pytest.mark.parametrize("size", [4, 7, 100])
def test_blocks_give_the_oracles_answers(kind, d, size):
    x, y = HOSTILE[kind](np.random.default_rng(d), 70, d).astype(np.float32).reshape(2, 35, d)
    y[:9] = x[:9]
    d2 = oracle.squared_distances(x, y)
    r2 = oracle.radii2(x, 3)
    columns = {rule: oracle_blocked.Columns(35, 3) for rule in ("open", "closed", "official")}
    for rows, part in oracle_blocked.blocks(x, y, size):
        np.testing.assert_array_equal(part, d2[rows])
        for k in (1, 4):
            for ours, theirs in zip(
                oracle_blocked.neighbours(part, k), oracle.neighbours(part, k), strict=True
            ):
                np.testing.assert_array_equal(ours, theirs)
        for rule, one in columns.items():
            one.take_nearest(rows, part)
            one.take_balls(rows, part, r2, rule)
    for rule, one in columns.items():
        index, nearest = oracle.neighbours(d2.T, 3)
        np.testing.assert_array_equal(one.index, index)
        np.testing.assert_array_equal(one.d2, nearest)
        value, witness = oracle.rarity(d2.T, r2, rule)
        np.testing.assert_array_equal(one.radius2, value)
        np.testing.assert_array_equal(one.witness, witness)
        np.testing.assert_array_equal(one.count, oracle.holds(d2.T, r2, rule).sum(axis=1))


def test_a_vector_is_not_its_own_neighbour():
    x = np.zeros((9, 3), np.float32)
    for rows, part in oracle_blocked.blocks(x, x, 4, own=True):
        index, _ = oracle_blocked.neighbours(part, 2)
        expected, _ = oracle.neighbours(
            oracle.squared_distances(x[rows], x), 2, own=np.arange(rows.start, rows.stop)
        )
        np.testing.assert_array_equal(index, expected)
