"""At most so many picks of each group: what mathematics calls a partition matroid.

table, key, quota --quotas_of--> Quotas: the group of each row, and how many it may give
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rara.arguments import short, whole
from rara.columns.score_tables import COLUMNS, metadata_names
from rara.errors import ParameterError
from rara.report.formatting import counted, in_sentence

Quota = int | Mapping[str, int]
"""The same for each group, or by group; of groups that are not named, none is picked."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """The group of each row of a table, and how many picks each group may give."""

    by: str
    groups: tuple[str | None, ...]
    """None where a row has no such key."""
    most: Mapping[str, int]

    def without_quota(self) -> dict[int, str]:
        """Rows of which none may be picked, each with the reason."""
        found = {}
        for row, group in enumerate(self.groups):
            if group is None:
                found[row] = f"has no '{in_sentence(self.by)}'"
            elif not self.most.get(group):
                found[row] = f"no quota for {in_sentence(group)}"
        return found

    def room(self, rows: NDArray[np.int64]) -> Room:
        """Groups of these rows by number, and how many each may give."""
        names = {group: number for number, group in enumerate(self.most)}
        numbers = [names[self.groups[row] or ""] for row in rows]
        return Room(np.array(numbers, np.int64), np.array(list(self.most.values()), np.int64))

    def check(self, rows: list[int], count: int) -> None:
        """Raise ParameterError where the quotas leave fewer picks than are wanted."""
        there = Counter(self.groups[row] for row in rows)
        possible = sum(min(most, there[group]) for group, most in self.most.items())
        if possible >= count:
            return
        short_of = [
            f"{in_sentence(group)} has {counted(there[group], 'eligible sample')} for a quota of "
            f"{most:,}"
            for group, most in self.most.items()
            if there[group] < most and len(self.most) <= 1000
        ]
        why = (
            f" ({'; '.join(short_of[:3])}{'; …' if len(short_of) > 3 else ''})" if short_of else ""
        )
        raise ParameterError(
            f"The quotas allow {counted(possible, 'pick')}, and {count:,} are wanted{why}: raise "
            "them, or ask for fewer."
        )


@dataclass(frozen=True, slots=True)
class Room:
    """The group of each candidate, and how many picks each group may give."""

    group: NDArray[np.int64]
    most: NDArray[np.int64]


def one_group(count: int, most: int) -> Room:
    """All candidates in one group: no quotas."""
    return Room(np.zeros(count, np.int64), np.array([most], np.int64))


def quotas_of(table: pa.Table, by: object, quota: object) -> Quotas | None:
    """The quotas; None where none are given.

    Raises ParameterError for a key that no sample has, a quota without a key or a key without one,
    and a quota of a group that is not there.
    """
    if by is None and quota is None:
        return None
    if quota is None:
        raise ParameterError(f"group_by = {short(by)} needs quota: how many of each group.")
    if by is None:
        raise ParameterError(f"quota = {short(quota)} needs group_by: a key such as 'label'.")
    groups = _groups(table, by)
    there = list(dict.fromkeys(sorted(group for group in groups if group is not None)))
    most = _checked(quota, there, str(by))
    return Quotas(str(by), groups, most)


def _checked(quota: object, there: list[str], by: str) -> dict[str, int]:
    if not isinstance(quota, Mapping):
        each = whole(quota, "quota", least=1)
        return dict.fromkeys(there, each)
    if not quota:
        raise ParameterError("quota = {}: give how many of which group.")
    most = {str(group): whole(value, f"quota of {short(group)}", least=0)
            for group, value in quota.items()}  # fmt: skip
    if unknown := [group for group in most if group not in there]:
        listed = ", ".join(in_sentence(group) for group in there[:10])
        more = f" and {len(there) - 10:,} more" if len(there) > 10 else ""
        raise ParameterError(f"No sample has {by} = {short(unknown[0])}: there are {listed}{more}.")
    return {group: most[group] for group in there if group in most}


def _groups(table: pa.Table, by: object) -> tuple[str | None, ...]:
    """The group of each row. Raises ParameterError where no sample has the key."""
    if not isinstance(by, str):
        raise ParameterError(f"group_by = {short(by)}: give a key as text, such as 'label'.")
    names = metadata_names(table.column_names)
    name = f"metadata_{by}" if by in COLUMNS and by != "group" else by
    if name not in names and not (name == "group" and "group" in table.column_names):
        raise ParameterError(
            f"No sample has the key {short(by)}. Keys: {', '.join(names[:20]) or 'none'}."
        )
    return tuple(_name(value) for value in table[name].to_pylist())


def _name(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None else str(value)
