"""The oracle for many pairs: the same sums in the same order, a block of rows at a time.

Blocks of distances are judged and forgotten; what is asked of the columns is gathered over
them. Tests hold all of it against `oracle` on sets that both can do.
"""

import numpy as np

import oracle

LANES = 32


def blocks(left, right, size=32, own=False):
    """(rows, their squared distances to all of `right`), in memory that is used again.

    With `own` both are one set, and a vector's distance to itself is infinite.
    """
    columns = np.ascontiguousarray(np.asarray(right, np.float64).T)
    lanes = np.empty((min(LANES, len(columns)), size, len(right)))
    for start in range(0, len(left), size):
        rows = np.asarray(left[start : start + size], np.float64)
        d2 = _sums(rows, columns, lanes[:, : len(rows)])
        if own:
            d2[np.arange(len(rows)), np.arange(start, start + len(rows))] = np.inf
        yield slice(start, start + len(rows)), d2


def _sums(rows, columns, lanes):
    """Coordinate c goes to lane c mod 32, ascending; then lanes are folded in halves."""
    for c in range(len(columns)):
        square = (rows[:, c, None] - columns[c]) ** 2
        if c < LANES:
            lanes[c] = square
        else:
            lanes[c % LANES] += square
    for half in (16, 8, 4, 2, 1):
        for lane in range(half, min(2 * half, len(lanes))):  # a lane that is not there holds 0
            lanes[lane - half] += lanes[lane]
        lanes = lanes[:half]
    return lanes[0]


def neighbours(d2, k):
    """`oracle.neighbours`, by sorting only what is not above the k-th smallest."""
    last = np.partition(d2, k - 1, axis=1)[:, k - 1]
    rows, columns = np.nonzero(d2 <= last[:, None])
    order = np.lexsort((d2[rows, columns], rows))  # stable: ties stay in the order of columns
    first = np.searchsorted(rows, np.arange(len(d2)))
    index = columns[order][first[:, None] + np.arange(k)]
    return index, np.take_along_axis(d2, index, axis=1)


class Columns:
    """What is asked of the columns, when blocks of rows come in ascending order."""

    def __init__(self, count, k):
        self.k = k
        self.index = np.zeros((count, 0), np.int64)
        self.d2 = np.zeros((count, 0))
        self.radius2 = np.full(count, np.nan)
        self.witness = np.full(count, -1)
        self.count = np.zeros(count, np.int64)

    def take_nearest(self, rows, d2):
        """The k nearest rows of each column so far."""
        index, found = neighbours(d2.T, min(self.k, len(d2)))
        index = np.concatenate([self.index, index + rows.start], axis=1)
        found = np.concatenate([self.d2, found], axis=1)
        order, self.d2 = oracle.neighbours(found, self.k)
        self.index = np.take_along_axis(index, order, axis=1)

    def take_balls(self, rows, d2, r2, rule):
        """The smallest ball round a row that holds each column so far, and how many do."""
        value, witness = oracle.rarity(d2.T, r2[rows], rule)
        with np.errstate(invalid="ignore"):
            better = (witness >= 0) & ~(self.radius2 <= value)
        self.radius2[better] = value[better]
        self.witness[better] = witness[better] + rows.start
        self.count += oracle.holds(d2.T, r2[rows], rule).sum(axis=1)
