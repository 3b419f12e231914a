"""Which samples can be picked, and why the others cannot: nothing is left out in silence.

    table --judged--> for each row None, or why it cannot be picked

Copies, samples off the manifold and samples without a verdict are out. Of samples that repeat one
another, the one that stands for them is left, unless one of them is a copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rara.errors import ParameterError
from rara.provenance.selection import NotEligible
from rara.report.formatting import counted, in_sentence
from rara.report.verdicts import ASTRAY, COPIED, counted_as

REPEAT, REPEATS_OTHER, NO_GROUP, TYPICAL = "repeat", "repeat of another", "no group", "typical"
SINGLE = {REPEAT: "repeat", REPEATS_OTHER: "repeat of such"}
_BARRED = (*COPIED, *ASTRAY, "no verdict")

Firsts = Callable[[], list[str]]
"""Gives for each row the id of the row that stands for all that show the same picture."""


@dataclass(frozen=True, slots=True)
class Judged:
    """For each row of a table, whether it can be picked."""

    reasons: tuple[str | None, ...]
    """Why not, in words; None where it can."""
    kinds: tuple[str | None, ...]
    """The same as one of a few reasons."""

    @property
    def rows(self) -> list[int]:
        """Rows that can be picked."""
        return [row for row, kind in enumerate(self.kinds) if kind is None]

    @property
    def counts(self) -> tuple[NotEligible, ...]:
        """How many cannot, the most frequent reason first."""
        tally = Counter(kind for kind in self.kinds if kind is not None)
        order = sorted(tally.items(), key=lambda pair: (-pair[1], pair[0]))
        return tuple(NotEligible(reason=reason, count=count) for reason, count in order)

    def repeating(self, row: int, first: str) -> Judged:
        """With a row that turned out to repeat another one."""
        reasons, kinds = list(self.reasons), list(self.kinds)
        reasons[row], kinds[row] = _said(first), REPEAT
        return Judged(tuple(reasons), tuple(kinds))

    def without(self, rows: dict[int, str]) -> Judged:
        """With these rows in no group, each for its reason; an earlier reason stays."""
        reasons, kinds = list(self.reasons), list(self.kinds)
        for row, reason in rows.items():
            if kinds[row] is None:
                reasons[row], kinds[row] = reason, NO_GROUP
        return Judged(tuple(reasons), tuple(kinds))


def _said(first: str) -> str:
    return f"repeats {in_sentence(first)}"


def judged(table: pa.Table, firsts: Firsts, wants: Collection[str] = ()) -> Judged:
    """Every row, by its verdict and by what it repeats; typical ones are out if `rare` is wanted.

    `firsts` is called where a row that stands for others is not in the table any more. Raises
    ParameterError for a table without verdicts or repeats.
    """
    for name in ("verdict", "repeats", "repeat_of"):
        if name not in table.column_names:
            raise ParameterError(
                f"The table has no column '{name}', and without it copies and repeats could be "
                "picked: score the samples again."
            )
    ids, verdicts = table["id"].to_pylist(), table["verdict"].to_pylist()
    out = (*_BARRED, *([TYPICAL] if "rare" in wants else []))
    kinds: list[str | None] = [verdict if verdict in out else None for verdict in verdicts]
    reasons = list(kinds)
    place = {name: row for row, name in enumerate(ids)}
    stands = [own if first is None else first
              for own, first in zip(ids, table["repeat_of"].to_pylist(), strict=True)]  # fmt: skip
    if any(first not in place for first in stands):
        stands = firsts()
    barred = list(kinds)
    copies = {first: row for row, first in reversed(list(enumerate(stands)))
              if verdicts[row] in COPIED}  # fmt: skip
    for row, first in enumerate(stands):
        if barred[row] is not None:
            continue
        other = copies.get(first, place[first])
        if barred[other] is not None:
            kinds[row] = REPEATS_OTHER
            reasons[row] = f"repeats {in_sentence(ids[other])} ({barred[other]})"
        elif first != ids[row]:
            kinds[row], reasons[row] = REPEAT, _said(first)
    return Judged(tuple(reasons), tuple(kinds))


def check_enough(judged: Judged, count: int) -> None:
    """Raise ParameterError where fewer samples can be picked than are wanted."""
    there, whole = len(judged.rows), len(judged.kinds)
    if there >= count:
        return
    out = f": {in_words(judged.counts)}" if judged.counts else ""
    rare = (
        " Typical samples can be picked if 'rare' is not wanted." if TYPICAL in judged.kinds else ""
    )
    if not there:
        raise ParameterError(f"None of {counted(whole, 'sample')} can be picked{out}.{rare}")
    raise ParameterError(
        f"Only {there:,} of {counted(whole, 'sample')} can be picked{out}. Ask for at most "
        f"{there:,}, or give more samples.{rare}"
    )


def in_words(counts: tuple[NotEligible, ...]) -> str:
    """`12 copies, 3 off-manifold, 2 repeats`."""
    return ", ".join(_in_words(one) for one in counts)


def _in_words(one: NotEligible) -> str:
    plural = {REPEAT: "repeats", REPEATS_OTHER: "repeats of such", NO_GROUP: "without a quota"}
    if one.reason not in plural:
        return counted_as(one.reason, one.count)
    if one.count == 1:
        return f"1 {SINGLE.get(one.reason, plural[one.reason])}"
    return f"{one.count:,} {plural[one.reason]}"


def order_by_id(ids: list[str], rows: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows in the order of their ids: picks must not depend on the order of a table."""
    return np.array(sorted(rows, key=lambda row: ids[row]), np.int64)
