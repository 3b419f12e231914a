"""The odd ones out among siblings: in each family the one farther from the others than all are.

table + provenance --odd_ones--> OddOnes, those that stand apart most first
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from rara.provenance.parts import SiblingGroup
from rara.provenance.provenance import Provenance, SiblingsProvenance
from rara.report.formatting import in_sentence, nearest_of, number, times
from rara.report.rarest import numbers

if TYPE_CHECKING:
    import pyarrow as pa

CASES = 8


class OddOne(TypedDict):
    """A sample that is farther from its siblings than any of these is."""

    id: str
    group: str
    siblings: list[str]
    """Different pictures, the most typical first."""
    count: int
    """How many siblings it has."""
    k: int
    distance: float
    times: float | None
    """How many times its siblings' usual distance; None where that is 0."""


class OddOnes(TypedDict):
    """What was compared, and the cases that stand apart most."""

    by: str
    least: int
    samples: int
    groups: int
    too_small: int
    """Groups with fewer samples than `least`."""
    ungrouped: int
    cases: list[OddOne]


def odd_ones(
    table: pa.Table, provenance: Provenance | SiblingsProvenance, *, most: int | None = CASES
) -> OddOnes | None:
    """The odd ones among the samples in a table; None where siblings were not compared.

    `most`: how many there may be; None gives all.
    """
    known = provenance.siblings
    if known is None or "sibling_distance" not in table.column_names:
        return None
    judged = [one for one in known.groups if one.k is not None]
    cases = _cases(table, known.by, [one for one in judged if one.odd is not None])
    cases.sort(key=lambda case: -(inf if case["times"] is None else case["times"]))
    return {
        "by": known.by,
        "least": known.least,
        "samples": sum(one.samples for one in judged),
        "groups": len(judged),
        "too_small": len(known.groups) - len(judged),
        "ungrouped": known.ungrouped,
        "cases": cases[:most],
    }


def odd_sentence(case: OddOne) -> str:
    """How far apart it is, in what is usual among its siblings."""
    place = f"from its {nearest_of(case['k'])} sibling"
    group = in_sentence(case["group"])
    if case["times"] is None:
        far = f"{number(case['distance'])} {place}, where the others lie together"
    else:
        far = f"{times(case['times'])} as far {place} as the others usually are from theirs"
    return f"The farthest of {case['count'] + 1:,} ({group}): {far}."


def _cases(table: pa.Table, by: str, groups: list[SiblingGroup]) -> list[OddOne]:
    """A table may hold some of the samples alone: of those siblings are shown.

    Where none of the typical ones is left, the first sibling stands beside the odd one.
    """
    column = f"metadata_{by}" if f"metadata_{by}" in table.column_names else by
    if column not in table.column_names:
        return []
    ids, values = table["id"].to_pylist(), table[column].to_pylist()
    place = {name: row for row, name in enumerate(ids)}
    families: dict[Any, list[int]] = {}
    for row, value in enumerate(values):
        families.setdefault(value, []).append(row)
    distance = numbers(table, "sibling_distance")
    found = []
    for one in groups:
        if one.k is None or one.odd is None or one.odd not in place:
            continue
        row = place[one.odd]
        siblings = [other for other in families[values[row]] if other != row]
        if siblings:
            shown = [name for name in one.typical if name in place]
            found.append(
                _case(
                    one, one.k, row, np.array(siblings), shown or [ids[siblings[0]]], ids, distance
                )
            )
    return found


def _case(
    known: SiblingGroup,
    k: int,
    row: int,
    siblings: NDArray[np.int64],
    shown: list[str],
    ids: list[str],
    distance: NDArray[np.float64],
) -> OddOne:
    usual = float(np.median(distance[siblings]))
    return {
        "id": ids[row],
        "group": known.group,
        "siblings": shown,
        "count": len(siblings),
        "k": k,
        "distance": float(distance[row]),
        "times": float(distance[row]) / usual if usual > 0 else None,
    }
