"""Each sample judged against its siblings, the other outputs of its prompt: the odd ones out.

samples --key--> groups --each: distance to the k-th nearest sibling--> rank among them

No reference takes part. All of a group are measured alike, each without itself, so that of
outputs that are alike every rank is as likely as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rara.features.features import Features
from rara.features.metadata_groups import AddedColumns, Rows, by_content, check_key, groups_of
from rara.geometry import neighbours
from rara.groups.typical import typical
from rara.provenance.parts import SiblingGroup, SiblingsPart
from rara.run import Run, watching
from rara.stats.conformal import at_least, p_values

if TYPE_CHECKING:
    import pyarrow as pa

LEAST = 3
"""Of two outputs neither is the odd one."""

SHOWN = 6
"""Typical outputs that are kept with an odd one."""


def judge_among_siblings(
    samples: Features, k: int, by: str, run: Run
) -> AddedColumns[SiblingsPart]:
    """The columns `sibling_distance` and `sibling_p`, and for each group its odd one out.

    NaN becomes null where a sample has fewer than two siblings, or where it has no group.
    """
    check_key(by, samples=samples)
    groups = groups_of(by, samples)
    distance, p = np.full((2, len(samples)), np.nan)
    enough = {name: rows for name, rows in groups.rows.items() if len(rows) >= LEAST}
    pairs = sum(len(rows) * (len(rows) - 1) // 2 for rows in enough.values())
    with watching(run.progress, pairs, "Pairs of siblings") as advance:
        for rows in enough.values():
            d2 = _apart(samples, rows, k, run, advance)
            distance[rows], p[rows] = np.sqrt(d2), _ranks(d2)
    ids = samples.ids
    place, described = np.argsort(by_content(samples)), []
    for name, rows in groups.rows.items():
        odd = _odd(rows, p)
        others = rows[:0] if odd is None else rows[rows != odd]
        shown = typical(samples.vectors, others[np.argsort(place[others])], run)
        described.append(_described(name, len(rows), k, odd, shown.tolist(), ids))
    part = SiblingsPart(by=by, least=LEAST, groups=tuple(described), ungrouped=groups.ungrouped)
    return AddedColumns(_columns(distance, p), part)


def _depth(k: int, outputs: int) -> int:
    """k, or what leaves each of the others k neighbours without the odd one."""
    return min(k, outputs - 2)


def _apart(
    samples: Features, rows: Rows, k: int, run: Run, advance: Callable[[int], None] | None
) -> NDArray[np.float64]:
    """Squared distance of each to its k-th nearest sibling."""
    nearest, _ = neighbours(
        samples.vectors[rows], _depth(k, len(rows)),
        **run.engine(advance),
    )  # fmt: skip
    return nearest.d2[:, -1]


def _ranks(d2: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the group, the sample included, that is at least as far apart."""
    return p_values(at_least(d2, np.sort(d2)) - 1, len(d2) - 1)


def _odd(rows: Rows, p: NDArray[np.float64]) -> int | None:
    """The one output of a group that is farther apart than all others, if any is."""
    alone = rows[p[rows] * len(rows) < 1.5] if len(rows) >= LEAST else rows[:0]
    return int(alone[0]) if len(alone) else None


def _described(
    name: str, size: int, k: int, odd: int | None, others: Iterable[int], ids: list[str]
) -> SiblingGroup:
    """The size of a group, its odd one out, and its most typical others."""
    return SiblingGroup(
        group=name,
        samples=size,
        k=_depth(k, size) if size >= LEAST else None,
        odd=None if odd is None else ids[odd],
        typical=tuple(ids[row] for row in islice(others, SHOWN)),
    )


def _columns(distance: NDArray[np.float64], p: NDArray[np.float64]) -> dict[str, pa.Array]:
    import pyarrow as pa

    unknown = np.isnan(p)
    return {
        "sibling_distance": pa.array(distance, mask=unknown),
        "sibling_p": pa.array(p, mask=unknown),
    }
