"""Features of two pictures that look alike, and how many of them agree on one movement.

Second step of direct evidence, and the only one that unrelated pictures usually reach. Two
features are a match if the nearest descriptor is much nearer than the second one (Lowe's ratio
test), seen from either picture. Every two good matches propose a similarity, a scale with a
rotation and a shift; the proposal with which most matches agree wins. All are tried, so nothing is
left to chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rara.retrieval.local_features import LocalFeatures
from rara.storage.compiled import compiled

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]
Movement: TypeAlias = tuple[float, float, float, float]
"""a, b, x and y: (u, v) goes to (a u - b v + x, b u + a v + y)."""

RATIO: Final = 0.85
"""Of the distances to the nearest and the second descriptor."""

TOLERANCE: Final = 4.0
"""Working pixels by which a match may miss the movement."""

_APART: Final = 8.0
"""Working pixels between a feature and the second one, which is another place in the picture."""

_SEEDS: Final = 80
"""Matches that propose movements: those with the smallest ratios."""

TURN: Final = np.radians(30)
"""By which a match's directions may miss the movement's rotation."""

GROWTH: Final = np.log(1.8)
"""By which the log of a match's sizes may miss the movement's scale."""

SCALES: Final = (0.1, 10.0)
"""The movements that are tried, in working pixels."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """The similarity that most matches of a sample and a source agree with."""

    source: Indices
    """(m,) features of the source, one a match."""
    sample: Indices
    """(m,) features of the sample."""
    agree: NDArray[np.bool_]
    """(m,) the matches that agree."""
    similarity: Floats
    """(3, 3) from source to sample."""
    distinct: int
    """Agreeing matches at distinct places of both pictures."""


def consensus(sample: LocalFeatures, source: LocalFeatures) -> Consensus | None:
    """The movement that most matches agree with; None where no two propose one."""
    if min(len(sample), len(source)) < 2:
        return None
    ours, theirs, ratios = _matches(source, sample)
    if len(ours) < 2:
        return None
    order = np.argsort(ratios, kind="stable")
    ours, theirs = ours[order], theirs[order]
    left, right = _frames(source, ours), _frames(sample, theirs)
    found = _best_similarity(left, right, np.zeros(len(ours), np.bool_))
    if found[0] < 2:
        return None
    a, b, x, y = found[1:]
    similarity = np.array([[a, -b, x], [b, a, y], [0, 0, 1]])
    agree = np.zeros(len(ours), np.bool_)
    distinct = _agreeing(left, right, (a, b, x, y), agree, np.zeros(2 * _PLACES, np.int64), 1)
    return Consensus(ours, theirs, agree, similarity, distinct)


def _matches(source: LocalFeatures, sample: LocalFeatures) -> tuple[Indices, Indices, Floats]:
    """Features of both that match, seen from either side, and their ratios."""
    left, right = (f.descriptors.astype(np.float32) for f in (source, sample))
    squares = left @ right.T  # whole numbers below 2^24 throughout, so exact in any order
    squares *= -2
    squares += np.einsum("ij,ij->i", left, left)[:, None]
    squares += np.einsum("ij,ij->i", right, right)
    return _by_ratio(squares, source.points, sample.points)


def _frames(features: LocalFeatures, rows: Indices) -> Floats:
    """(m, 4) x, y, the log of the size, and the angle."""
    logs = np.log(features.sizes[rows])
    return np.column_stack([features.points[rows], logs, features.angles[rows]])


@compiled
def _by_ratio(
    squares: NDArray[np.float32], left: Floats, right: Floats
) -> tuple[Indices, Indices, Floats]:
    """Pairs of rows and columns whose square is much less than the next one, and the ratios."""
    rows, columns = squares.shape
    first_in_row, first_in_column = np.zeros(rows, np.int64), np.zeros(columns, np.int64)
    best = np.full(columns, np.inf)
    for i in range(rows):
        least = np.inf
        for j in range(columns):
            square = np.float64(squares[i, j])
            if square < least:
                least, first_in_row[i] = square, j
            if square < best[j]:
                best[j], first_in_column[j] = square, i
    second_in_row, second_in_column = np.full(rows, np.inf), np.full(columns, np.inf)
    for i in range(rows):
        x, y = right[first_in_row[i], 0], right[first_in_row[i], 1]
        for j in range(columns):
            square = np.float64(squares[i, j])
            if square < second_in_row[i] and (
                (right[j, 0] - x) ** 2 + (right[j, 1] - y) ** 2 > _APART * _APART
            ):
                second_in_row[i] = square
            if square < second_in_column[j]:
                k = first_in_column[j]
                if (left[i, 0] - left[k, 0]) ** 2 + (
                    left[i, 1] - left[k, 1]
                ) ** 2 > _APART * _APART:
                    second_in_column[j] = square
    ours, theirs = np.empty(rows + columns, np.int64), np.empty(rows + columns, np.int64)
    ratios = np.empty(rows + columns)
    n = 0
    for i in range(rows):
        j = first_in_row[i]
        if squares[i, j] < RATIO * RATIO * second_in_row[i]:
            ours[n], theirs[n], ratios[n] = i, j, squares[i, j] / second_in_row[i]
            n += 1
    for j in range(columns):
        i = first_in_column[j]
        if squares[i, j] < RATIO * RATIO * second_in_column[j]:
            if first_in_row[i] == j and squares[i, j] < RATIO * RATIO * second_in_row[i]:
                continue  # taken from the other side
            ours[n], theirs[n], ratios[n] = i, j, squares[i, j] / second_in_column[j]
            n += 1
    return ours[:n], theirs[:n], ratios[:n]


_SIDE: Final = 64
_PLACES: Final = _SIDE * _SIDE
"""Places of 8 x 8 working pixels, in a picture of at most 512."""


@compiled
def _place(x: float, y: float) -> int:
    """The place of a point; one outside of the picture counts to the nearest place."""
    column, row = int(min(max(x, 0.0), 511.0) / 8), int(min(max(y, 0.0), 511.0) / 8)
    return row * _SIDE + column


@compiled
def _agreeing(
    left: Floats,
    right: Floats,
    movement: Movement,
    agree: NDArray[np.bool_],
    taken: Indices,
    stamp: int,
) -> int:
    """Marks the matches that agree, and counts them by places that differ in both pictures."""
    a, b, x, y = movement
    grown, turned = 0.5 * np.log(a * a + b * b), np.arctan2(b, a)
    allowed = TOLERANCE * max(1.0, np.exp(grown))
    ours = theirs = 0
    for k in range(len(left)):
        agree[k] = False
        dx = a * left[k, 0] - b * left[k, 1] + x - right[k, 0]
        dy = b * left[k, 0] + a * left[k, 1] + y - right[k, 1]
        if dx * dx + dy * dy > allowed * allowed:
            continue
        if abs(right[k, 2] - left[k, 2] - grown) > GROWTH:
            continue
        turn = right[k, 3] - left[k, 3] - turned
        if abs(turn - 2 * np.pi * np.rint(turn / (2 * np.pi))) > TURN:
            continue
        agree[k] = True
        place = _place(left[k, 0], left[k, 1])
        if taken[place] != stamp:
            taken[place] = stamp
            ours += 1
        place = _PLACES + _place(right[k, 0], right[k, 1])
        if taken[place] != stamp:
            taken[place] = stamp
            theirs += 1
    return min(ours, theirs)


@compiled
def _best_similarity(
    left: Floats, right: Floats, agree: NDArray[np.bool_]
) -> tuple[int, float, float, float, float]:
    """How many distinct matches agree with the best proposal, and its a, b, x and y."""
    taken = np.zeros(2 * _PLACES, np.int64)
    most, best = 0, (1.0, 0.0, 0.0, 0.0)
    stamp = 0
    seeds = min(len(left), _SEEDS)
    for i in range(seeds):
        for j in range(i + 1, seeds):
            px, py = left[j, 0] - left[i, 0], left[j, 1] - left[i, 1]
            qx, qy = right[j, 0] - right[i, 0], right[j, 1] - right[i, 1]
            before, after = px * px + py * py, qx * qx + qy * qy
            if before < 64 or after < 64:
                continue
            a, b = (px * qx + py * qy) / before, (px * qy - py * qx) / before
            grown, turned = 0.5 * np.log(after / before), np.arctan2(b, a)
            if abs(grown) > np.log(SCALES[1]):
                continue
            fits = True
            for k in (i, j):
                turn = right[k, 3] - left[k, 3] - turned
                if abs(turn - 2 * np.pi * np.rint(turn / (2 * np.pi))) > TURN:
                    fits = False
                if abs(right[k, 2] - left[k, 2] - grown) > GROWTH:
                    fits = False
            if not fits:
                continue
            x = right[i, 0] - a * left[i, 0] + b * left[i, 1]
            y = right[i, 1] - b * left[i, 0] - a * left[i, 1]
            stamp += 1
            count = _agreeing(left, right, (a, b, x, y), agree, taken, stamp)
            if count > most:
                most, best = count, (a, b, x, y)
    return (most, best[0], best[1], best[2], best[3])
