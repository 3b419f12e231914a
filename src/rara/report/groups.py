"""What the page says of groups: for each how many, how many stand out, how rare they are.

table + provenance --grouped--> Grouped       counts, group by group
table --strays--> rows                        samples too far out for their own group
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from rara.features.metadata_groups import named
from rara.provenance.parts import GroupPart, GroupsPart
from rara.provenance.provenance import Provenance
from rara.report.formatting import in_sentence
from rara.report.rarest import called, numbers, ordered
from rara.report.verdicts import ASTRAY, COPIED
from rara.stats.conformal import shortage
from rara.verdict.rules import ALPHA

if TYPE_CHECKING:
    import pyarrow as pa


class GroupRow(TypedDict):
    """One group; what is not known of it is None, and all of it where it is too small."""

    group: str
    samples: int
    reference: int
    too_small: bool
    off_manifold: float | None
    """Share of its samples that is too far out for real images of the group."""
    telling: bool
    """Whether that is beyond the level by more than two standard errors."""
    copies: int | None
    """Copies and near copies, of whichever reference image; None without verdicts."""
    rarity_percentile: float | None
    """Median among its samples that are inside the group; 50 is usual for real images."""


class Grouped(TypedDict):
    """The groups with the largest share too far out first, those too small last."""

    by: str
    least: int
    level: float
    rows: list[GroupRow]
    too_small: int
    """How many samples are in groups that are too small."""
    ungrouped: int
    judged: int
    called: int
    """Of those judged, how many are too far out even among so many: q is at most the level."""
    shortage: str | None
    """Why single samples could not be called among so many."""


def grouped(table: pa.Table, provenance: Provenance) -> Grouped | None:
    """The groups of the samples in a table; None where they were not judged by groups."""
    known = provenance.groups
    if known is None or "group_off_manifold_q" not in table.column_names:
        return None
    members = named(table["group"].to_pylist()).rows
    rows = [_row(one, table.take(members[one.group]), known.level) for one in known.groups
            if one.group in members]  # fmt: skip
    q = numbers(table, "group_off_manifold_q")
    rows.sort(key=lambda row: (row["too_small"], -(row["off_manifold"] or 0.0)))
    return {
        "by": known.by,
        "least": known.least,
        "level": known.level,
        "rows": rows,
        "too_small": sum(row["samples"] for row in rows if row["too_small"]),
        "ungrouped": table["group"].null_count,
        "judged": int(np.count_nonzero(~np.isnan(q))),
        "called": int(np.count_nonzero(q <= known.level)),
        "shortage": _shortage(known),
    }


def strays(table: pa.Table) -> NDArray[np.int64]:
    """Samples that are too far out for their own group, be it by chance.

    First those that the whole reference takes for its own: nothing else tells of them.
    """
    p, far = numbers(table, "group_off_manifold_p"), numbers(table, "nearest_distance")
    return ordered(np.flatnonzero(p <= ALPHA), called(table, ASTRAY), p, -far)


def stray_sentence(row: Mapping[str, Any], verdict: str | None) -> str:
    """What speaks against it as an image of its group, and what the whole reference says."""
    group = in_sentence(row["group"])
    p, q = row["group_off_manifold_p"], row["group_off_manifold_q"]
    whole = f" Judged by the whole reference: {verdict}." if verdict else ""
    return f"Too far out for an image of {group} (p = {p:.2g}, q = {q:.2g}).{whole}"


def _shortage(known: GroupsPart) -> str | None:
    """Why not even the largest group could have a single sample called among all."""
    smallest = [one.smallest_p.off_manifold for one in known.groups if one.smallest_p]
    judged = sum(one.samples for one in known.groups if one.smallest_p)
    return shortage(min(smallest), judged, known.level) if smallest else None


def _row(known: GroupPart, samples: pa.Table, level: float) -> GroupRow:
    smallest, judged = known.smallest_p, "verdict" in samples.column_names
    row: GroupRow = {
        "group": known.group,
        "samples": samples.num_rows,
        "reference": known.reference,
        "too_small": smallest is None,
        "off_manifold": None,
        "telling": False,
        "copies": int(called(samples, COPIED).sum()) if judged else None,
        "rarity_percentile": None,
    }
    if smallest is not None:
        percentile = numbers(samples, "group_rarity_percentile")
        inside = percentile[~np.isnan(percentile)]
        row["rarity_percentile"] = float(np.median(inside)) if len(inside) else None
    if smallest is not None and smallest.off_manifold <= level:
        p = numbers(samples, "group_off_manifold_p")
        row["off_manifold"] = share = float(np.mean(p <= level))
        error = sqrt(level * (1 - level) * (1 / samples.num_rows + 1 / known.reference))
        row["telling"] = share > level + 2 * error
    return row
