"""The odd ones out among siblings: in each family the one farther from the others than all are.

table + provenance --odd_ones--> OddOnes, those that stand apart most first
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rara.provenance.parts import SiblingGroup, SiblingsPart
from rara.provenance.provenance import Provenance
from rara.report.formatting import in_sentence, nearest_of, number, times
from rara.report.multiples import HEADROOM, Panel, Scale, Unit, Value, panel_of
from rara.report.rarest import numbers

if TYPE_CHECKING:
    import pyarrow as pa

CASES = 8
MIDDLE = (0.05, 0.95)
"""Between these quantiles the middle 90 % lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddOne:
    """The sample of a group that is farther from its siblings than any of these is."""

    id: str
    """Id of the sample."""
    group: str
    """The value of the key."""
    siblings: tuple[str, ...]
    """Ids of siblings with different pictures, the most typical first."""
    count: int
    """How many siblings it has."""
    k: int
    """The rank of the sibling to which the distance is taken."""
    distance: float
    """Its distance to its k-th nearest sibling."""
    times: float | None
    """This distance over the median of its siblings'; null where that is 0."""
    spread: tuple[float, float] | None
    """Between which two of these ratios the middle 90 % of its siblings lie; null where `times`
    is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddOnes:
    """The odd ones out: in each group of siblings the sample farthest from the others."""

    by: str
    """The key that makes siblings."""
    least: int
    """Samples that a group must have."""
    samples: int
    """Samples that were compared."""
    groups: int
    """Groups that were compared."""
    too_small: int
    """Groups with fewer samples than `least`."""
    ungrouped: int
    """Samples without the key."""
    cases: tuple[OddOne, ...]
    """The odd ones, those that are farthest first."""


def odd_ones(
    table: pa.Table, provenance: Provenance, *, most: int | None = CASES
) -> OddOnes | None:
    """The odd ones among the samples in a table; None where siblings were not compared.

    `most`: how many at most; None gives all.
    """
    part = provenance.siblings
    if part is None or "sibling_distance" not in table.column_names:
        return None
    return odd_ones_of(table, part, most=most)


def odd_ones_of(table: pa.Table, part: SiblingsPart, *, most: int | None) -> OddOnes:
    """The odd ones of a comparison, at most so many; None gives all."""
    judged = [one for one in part.groups if one.k is not None]
    cases = _cases(table, part.by, [one for one in judged if one.odd is not None])
    cases.sort(key=lambda case: -(inf if case.times is None else case.times))
    return OddOnes(
        by=part.by,
        least=part.least,
        samples=sum(one.samples for one in judged),
        groups=len(judged),
        too_small=len(part.groups) - len(judged),
        ungrouped=part.ungrouped,
        cases=tuple(cases[:most]),
    )


def odd_sentence(case: OddOne) -> str:
    """How far apart it is, in what is usual among its siblings."""
    place = f"from its {nearest_of(case.k)} sibling"
    group = in_sentence(case.group)
    if case.times is None:
        far = f"{number(case.distance)} {place}, where the others are at distance 0"
    else:
        far = f"{times(case.times)} as far {place} as the others usually are from theirs"
    return f"The farthest of {case.count + 1:,} ({group}): {far}."


def siblings_panel(cases: Sequence[OddOne]) -> Panel | None:
    """How far apart the odd ones are, in what is usual in their group; None without any."""
    values = [
        Value(name=case.group, value=case.times, interval=case.spread, real=1.0, sure=True)
        for case in cases
        if case.times is not None
    ]
    if not values:
        return None
    return panel_of("", "", values, Unit(times, "{:g}×".format, _scale(values)))


def _scale(values: Sequence[Value]) -> Scale:
    return Scale(0.0, HEADROOM * max(one.value for one in values))


def _spread(ratios: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(ratios, MIDDLE)
    return float(low), float(high)


def _cases(table: pa.Table, by: str, groups: list[SiblingGroup]) -> list[OddOne]:
    """A table may hold some of the samples alone: of those siblings are shown.

    Where none of the typical ones is left, the first sibling stands beside the odd one.
    """
    column = f"metadata_{by}" if f"metadata_{by}" in table.column_names else by
    if column not in table.column_names:
        return []
    ids, values = table["id"].to_pylist(), table[column].to_pylist()
    place = {name: row for row, name in enumerate(ids)}
    families: dict[object, list[int]] = {}
    for row, value in enumerate(values):
        families.setdefault(value, []).append(row)
    distance = numbers(table, "sibling_distance")
    cases = []
    for one in groups:
        if one.k is None or one.odd is None or one.odd not in place:
            continue
        row = place[one.odd]
        siblings = [other for other in families[values[row]] if other != row]
        if siblings:
            shown = [name for name in one.typical if name in place] or [ids[siblings[0]]]
            usual = float(np.median(distance[siblings]))
            cases.append(
                OddOne(
                    id=one.odd,
                    group=one.group,
                    siblings=tuple(shown),
                    count=len(siblings),
                    k=one.k,
                    distance=float(distance[row]),
                    times=float(distance[row]) / usual if usual > 0 else None,
                    spread=_spread(distance[siblings] / usual) if usual > 0 else None,
                )
            )
    return cases
