"""Groups on the page: how many samples each has, how many stand out, how rare they are.

table + provenance --groups--> Groups          counts, group by group
table --strays--> rows                        samples too far out for their own group
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rara.features.metadata_groups import named
from rara.provenance.parts import GroupPart, GroupsPart
from rara.provenance.provenance import Provenance
from rara.report.rarest import called, numbers, ordered
from rara.report.verdicts import ASTRAY, COPIED
from rara.stats.conformal import shortage
from rara.stats.intervals import share_interval
from rara.verdict.rules import ALPHA

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """One group; its shares are null where it is too small."""

    group: str
    """The value of the key."""
    samples: int
    """Samples in the group."""
    reference: int
    """Reference images in the group."""
    too_small: bool
    """Whether the group has fewer reference images than `least`."""
    off_manifold: float | None
    """Share of its samples that is too far out for the group; null where no p is small enough."""
    interval: tuple[float, float] | None
    """Wilson's 95 % interval of this share; null where it is."""
    differs: bool
    """Whether this share is above the level by more than two standard errors."""
    copies: int | None
    """Its copies and near copies, of any reference image; null without verdicts."""
    rarity_percentile: float | None
    """Median of its samples inside the group, null where none is; 50 is usual for real images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Samples judged by the reference images of their own group."""

    by: str
    """The key that makes groups."""
    least: int
    """Reference images that a group must have."""
    level: float
    """The share of real images that is too far out for their group, at most."""
    rows: tuple[GroupRow, ...]
    """The groups: the largest share too far out first, those too small last."""
    too_small: int
    """Samples in groups that are too small."""
    ungrouped: int
    """Samples without a group."""
    judged: int
    """Samples that were judged by their group."""
    called: int
    """Judged samples with `group_off_manifold_q` of at most the level."""
    shortage: str | None
    """Why no single sample could be called; null where one could."""


def groups(table: pa.Table, provenance: Provenance) -> Groups | None:
    """The groups of the samples in a table; None where they were not judged by groups."""
    part = provenance.groups
    if part is None or "group_off_manifold_q" not in table.column_names:
        return None
    members = named(table["group"].to_pylist()).rows
    rows = [
        _row(one, table.take(members[one.group]), part.level)
        for one in part.groups
        if one.group in members
    ]
    rows.sort(key=lambda row: (row.too_small, -(row.off_manifold or 0.0)))
    q = numbers(table, "group_off_manifold_q")
    return Groups(
        by=part.by,
        least=part.least,
        level=part.level,
        rows=tuple(rows),
        too_small=sum(row.samples for row in rows if row.too_small),
        ungrouped=table["group"].null_count,
        judged=int(np.count_nonzero(~np.isnan(q))),
        called=int(np.count_nonzero(q <= part.level)),
        shortage=_shortage(part),
    )


def strays(table: pa.Table) -> NDArray[np.int64]:
    """Samples that are too far out for their own group, some of them by chance.

    Those that the whole reference does not call off the manifold come first.
    """
    p, far = numbers(table, "group_off_manifold_p"), numbers(table, "nearest_distance")
    return ordered(np.flatnonzero(p <= ALPHA), called(table, ASTRAY), p, -far)


def _shortage(part: GroupsPart) -> str | None:
    """Why not even the largest group could have a single sample called among all."""
    smallest = [one.smallest_p.off_manifold for one in part.groups if one.smallest_p]
    judged = sum(one.samples for one in part.groups if one.smallest_p)
    return shortage(min(smallest), judged, part.level) if smallest else None


def _row(part: GroupPart, samples: pa.Table, level: float) -> GroupRow:
    smallest, judged = part.smallest_p, "verdict" in samples.column_names
    share = None
    if smallest is not None and smallest.off_manifold <= level:
        share = float(np.mean(numbers(samples, "group_off_manifold_p") <= level))
    error = sqrt(level * (1 - level) * (1 / samples.num_rows + 1 / max(part.reference, 1)))
    return GroupRow(
        group=part.group,
        samples=samples.num_rows,
        reference=part.reference,
        too_small=smallest is None,
        off_manifold=share,
        interval=None if share is None else share_interval(share, samples.num_rows),
        differs=share is not None and share > level + 2 * error,
        copies=int(called(samples, COPIED).sum()) if judged else None,
        rarity_percentile=None if smallest is None else _median_percentile(samples),
    )


def _median_percentile(samples: pa.Table) -> float | None:
    percentile = numbers(samples, "group_rarity_percentile")
    inside = percentile[~np.isnan(percentile)]
    return float(np.median(inside)) if len(inside) else None
