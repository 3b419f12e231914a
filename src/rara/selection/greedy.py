"""One pick after the other, each the one that adds most: lazy greedy (Minoux 1978).

    values, terms, quotas --greedy--> Picked: rows in their order, gains, and an upper bound

A candidate's old gain is an upper bound of its new one, so most candidates are never looked at
again. The picks are those of plain greedy, bit for bit: an exact gain decides, the lowest number
among equals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.selection.quotas import Room
from rara.selection.terms import Term

Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]
TURN = 64
"""Candidates whose bounds are tightened at a time."""


@dataclass(frozen=True, slots=True)
class Picked:
    """What was picked."""

    rows: Rows
    """Candidates in the order in which they were picked."""
    gains: Doubles
    """By how much the sum of all terms grew with each."""
    upper: float
    """No other picks give a larger sum; infinite where it was not computed."""


def greedy(
    values: Doubles, terms: Sequence[Term], room: Room, count: int, *, lazy: bool = True,
) -> Picked:  # fmt: skip
    """Pick so many candidates. `values`: what each adds by itself, whatever else is picked.

    `lazy=False` computes the gains of all candidates each time, to the same end.
    """
    left = room.most.copy()
    open_ = np.ones(len(values), np.bool_)
    rows: list[int] = []
    gains: list[float] = []
    for _ in range(count):
        allowed = open_ & (left[room.group] > 0)
        row, gain = (_next if lazy else _plainly)(values, terms, allowed)
        rows.append(row)
        gains.append(gain)
        open_[row] = False
        left[room.group[row]] -= 1
        for term in terms:
            term.pick(row)
            term.upper[row] = 0.0
    upper = _upper(values, terms, room, rows)
    return Picked(np.array(rows, np.int64), np.array(gains), upper)


def _plainly(
    values: Doubles, terms: Sequence[Term], allowed: NDArray[np.bool_]
) -> tuple[int, float]:
    rows = np.flatnonzero(allowed)
    exact = _exact(values, terms, rows)
    best = int(np.argmax(exact))
    return int(rows[best]), float(exact[best])


def _next(values: Doubles, terms: Sequence[Term], allowed: NDArray[np.bool_]) -> tuple[int, float]:
    """The candidate with the largest exact gain; bounds are tightened from the top down."""
    total = np.where(allowed, _sum(values, [term.weight * term.upper for term in terms]), -np.inf)
    step = np.zeros(len(values), np.int8)  # 0: an old bound, 1: a new one, 2: exact
    if not terms:
        step[:] = 2
    turn = TURN
    while True:
        best = int(np.argmax(total))
        if step[best] == 2:
            return best, float(total[best])
        if step[best] == 1:
            total[best], step[best] = _exact(values, terms, np.array([best]))[0], 2
            continue
        old = np.flatnonzero((step == 0) & allowed)
        if len(old) > turn:
            old = old[np.argpartition(-total[old], turn - 1)[:turn]]
        old = np.sort(old)
        for term in terms:
            term.tighten(old)
        total[old], step[old] = (
            _sum(values[old], [term.weight * term.upper[old] for term in terms]),
            1,
        )
        turn *= 2


def _exact(values: Doubles, terms: Sequence[Term], rows: Rows) -> Doubles:
    return _sum(values[rows], [term.weight * term.gains(rows) for term in terms])


def _sum(values: Doubles, parts: Sequence[Doubles]) -> Doubles:
    total = values.copy()
    for part in parts:
        total += part
    return total


def _upper(values: Doubles, terms: Sequence[Term], room: Room, picks: list[int]) -> float:
    """At least what the best picks give.

    Any picks add to each term at most the sum of what each would add to the picks that there are;
    values are theirs alone (after Leskovec et al. 2007). The best picks by such sums under quotas
    are the largest ones that quotas let through.
    """
    step = np.full(len(values), not terms)
    step[picks] = True  # a pick adds nothing to itself
    while True:
        total = _sum(values, [term.weight * term.upper for term in terms])
        best = _largest(total, room, len(picks))
        old = best[~step[best]]
        if not len(old):
            return float(sum(term.weight * term.value for term in terms)) + float(
                np.sort(total[best]).sum()
            )
        for term in terms:
            term.tighten(old)
        step[old] = True


def _largest(total: Doubles, room: Room, count: int) -> Rows:
    order = np.argsort(-total, kind="stable")
    taken = np.zeros(len(room.most), np.int64)
    if len(room.most) == 1:
        return order[:count]
    rows = []
    for row in order.tolist():
        group = room.group[row]
        if taken[group] < room.most[group]:
            taken[group] += 1
            rows.append(row)
            if len(rows) == count:
                break
    return np.array(rows, np.int64)
