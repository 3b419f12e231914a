"""Samples that repeat one another: the same picture, or nearly.

    samples, the reference's spacing --judge_repeats--> columns, and what as many real images give

Exact repeats have the same content, the same pixels or the same vector. Near repeats are at most
`near_distance` apart: half of Tukey's outer fence of the distances between reference images and
their nearest others. So the limit does not depend on the samples: a set that is one picture
is detected as well as one that repeats a few. Of the first by content, the one with most others
near it stands for its group.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from rara.duplicates.bursts import STEP, outer_fence
from rara.duplicates.statistics import Doubles, Integers, Pairs, equal_pairs, first_alike, several
from rara.features.features import Features
from rara.features.made_once import made_once
from rara.features.metadata_groups import AddedColumns, by_content, first_by_content
from rara.geometry import Nearest, neighbours, neighbours_left, query, squared_distance
from rara.provenance.parts import RepeatCounts, RepeatGroup, RepeatsPart
from rara.run import Run, watching
from rara.scores import BallGeometry

if TYPE_CHECKING:
    import pyarrow as pa

DEPTH = 4
"""Neighbours in a list: those of one picture form a chain, however many they are."""

LISTED = 20
"""Groups that the provenance lists; all are counted."""

TRIED = 16
"""Images of a group, the first by content, that may stand for it."""

_ONE_BY_ONE = 64
"""Larger groups are compared with their first by the engine."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """The group of each image."""

    first: Integers
    """The one that stands for its group; itself where it repeats none."""
    exact: NDArray[np.bool_]
    """Whether it has the content, the pixels or the vector of the first."""

    @property
    def sizes(self) -> Integers:
        """How many images each one's group has, itself included."""
        sizes: Integers = np.bincount(self.first, minlength=len(self.first))[self.first]
        return sizes

    def counts(self) -> RepeatCounts:
        """How many images repeat one another, in how many groups, and the largest of these."""
        sizes = self.sizes
        repeating = sizes > 1
        return RepeatCounts(
            images=len(sizes),
            repeating=int(np.count_nonzero(repeating)),
            groups=len(np.unique(self.first[repeating])),
            largest=int(sizes.max(initial=0)),
        )


def judge_repeats(
    samples: Features, reference: Features, geometry: BallGeometry, run: Run
) -> AddedColumns[RepeatsPart]:
    """The columns `repeats`, `repeat_of` and `repeat_kind`, and the largest groups."""
    limit = near_distance(geometry.d2[:, 0])
    nearest = None if geometry.own is None else Nearest.of(geometry.d2, geometry.index)
    repeats = repeats_of(samples, limit, run, nearest)
    usual = made_once(
        reference,
        ("repeats among", len(samples), limit),
        lambda: _among_reference(reference, geometry, len(samples), limit, run),
    )
    return AddedColumns(_columns(samples.ids, repeats), _described(samples, repeats, usual, limit))


def near_distance(spacing2: Doubles) -> float:
    """The largest distance of near repeats; 0 where no two reference images are different."""
    apart = spacing2[spacing2 > 0]
    return math.exp(outer_fence(np.log(apart) / 2)) / STEP if len(apart) else 0.0


def repeats_of(
    samples: Features, limit: float, run: Run, nearest: Nearest | None = None
) -> Repeats:
    """The groups among images, whose neighbour lists are `nearest` where they are at hand."""
    rank = np.argsort(by_content(samples))
    first = first_by_content(samples, first_alike(len(rank), _equal_items(samples.done)))
    left = np.flatnonzero(first == np.arange(len(first)))
    exact = np.ones(len(first), np.bool_)
    for joined, leader, d2 in _joined(samples.vectors, left, rank, limit, run, nearest):
        first[joined], exact[joined] = leader, d2 == 0
    return _flat(first, exact)


def _flat(first: Integers, exact: NDArray[np.bool_]) -> Repeats:
    """Those whose first has joined another group follow it."""
    while (first[first] != first).any():
        exact, first = exact & exact[first], first[first]
    return Repeats(first, exact)


def _equal_items(items: pa.Table) -> Pairs:
    """Images of the same content or the same pixels."""
    pictures = items["picture"]
    rows = np.flatnonzero(pc.is_valid(pictures).to_numpy())
    same = equal_pairs(np.array(pictures.to_pylist(), dtype=object)[rows].astype(str))
    contents = equal_pairs(items["digest"].to_numpy())
    return contents + Pairs(rows[same.one], rows[same.other], same.d2)


def _joined(
    vectors: NDArray[np.float32],
    left: Integers,
    rank: Integers,
    limit: float,
    run: Run,
    nearest: Nearest | None,
) -> Iterator[tuple[Integers, np.int64, Doubles]]:
    """Images that join the first of a group, until no two that are left are near each other."""
    lists = _lists(vectors, left, run, nearest)
    while lists is not None:
        row, place = np.nonzero(lists.d2 <= limit**2)
        if not row.size:
            return
        links = Pairs(row, lists.index[row, place].astype(np.int64), np.zeros(len(row)))
        gone = np.zeros(len(left), np.bool_)
        for members in several(first_alike(len(left), links)):
            members = members[np.argsort(rank[left[members]])]
            leader, d2 = _middle(vectors, left[members], limit, run)
            near = (d2 <= limit**2) & (np.arange(len(members)) != leader)
            gone[members[near]] = True
            yield left[members[near]], left[members[leader]], d2[near]
        left = left[~gone]
        if len(left) < 2 or not gone.any():
            return
        lists = _left(vectors[left], lists, ~gone, run)


def _lists(
    vectors: NDArray[np.float32], left: Integers, run: Run, nearest: Nearest | None
) -> Nearest | None:
    """Neighbour lists among the images that are left; None where there are fewer than two."""
    some = vectors if len(left) == len(vectors) else vectors[left]
    if len(left) < 2:
        return None
    if nearest is not None:
        kept = np.zeros(len(vectors), np.bool_)
        kept[left] = True
        return nearest if kept.all() else _left(some, nearest, kept, run)
    with watching(run.progress, len(left) * (len(left) - 1) // 2, "Pairs of samples") as advance:
        lists, _ = neighbours(
            some, min(DEPTH, len(left) - 1),
            **run.engine(advance),
        )  # fmt: skip
    return lists


def _left(
    vectors: NDArray[np.float32], lists: Nearest, kept: NDArray[np.bool_], run: Run
) -> Nearest:
    return neighbours_left(vectors, lists, kept, **run.engine())


def _middle(
    vectors: NDArray[np.float32], rows: Integers, limit: float, run: Run
) -> tuple[int, Doubles]:
    """Which of the first few rows has most of them near, and the squared distances to it."""
    best, most, nearest2 = 0, 0, np.empty(0)
    for place in range(min(TRIED, len(rows))):
        d2 = _to_one(vectors, rows, rows[place], run)
        if (near := int(np.count_nonzero(d2 <= limit**2))) > most:
            best, most, nearest2 = place, near, d2
        if most == len(rows):
            break
    return best, nearest2


def _to_one(vectors: NDArray[np.float32], rows: Integers, one: np.int64, run: Run) -> Doubles:
    """The squared distance of each row to one."""
    if len(rows) <= _ONE_BY_ONE:
        return np.array([squared_distance(vectors[one], vectors[row]) for row in rows])
    nearest = Nearest(len(rows), 1)
    query(vectors[rows], vectors[[one]], [nearest], **run.engine())
    return nearest.d2[:, 0]


def _among_reference(
    reference: Features, geometry: BallGeometry, count: int, limit: float, run: Run
) -> RepeatCounts:
    """The counts among as many reference images, drawn by a fixed seed, or all of them.

    They are drawn in the order of their content, so that their own order plays no role.
    An image whose nearest other is farther than the limit repeats none: few are looked at.
    """
    drawn = np.arange(len(reference))
    if count < len(drawn):
        chosen = np.random.default_rng(0).permutation(len(drawn))[:count]
        drawn = np.sort(by_content(reference)[chosen])
    same = _equal_items(reference.done.take(drawn))
    near = geometry.d2[drawn, 0] <= limit**2
    near[same.one] = near[same.other] = True
    counts = RepeatCounts(images=len(drawn), repeating=0, groups=0, largest=min(1, len(drawn)))
    if near.sum() < 2:
        return counts
    some = reference.take(drawn[near], reference.location)
    repeats = repeats_of(some, limit, replace(run, progress=None))
    return replace(repeats.counts(), images=len(drawn))


def _columns(ids: list[str], repeats: Repeats) -> dict[str, pa.Array]:
    import pyarrow as pa

    sizes = repeats.sizes
    alone = sizes == 1
    names = np.array(ids, dtype=object)[repeats.first]
    kinds = np.where(repeats.exact, "exact", "near").astype(object)
    return {
        "repeats": pa.array(sizes),
        "repeat_of": pa.array(names, pa.string(), mask=alone),
        "repeat_kind": pa.array(kinds, pa.string(), mask=alone),
    }


def _described(
    samples: Features, repeats: Repeats, usual: RepeatCounts, limit: float
) -> RepeatsPart:
    """The counts on both sides, and the largest groups."""
    place = {row: number for number, row in enumerate(by_content(samples).tolist())}
    sizes, ids = repeats.sizes.tolist(), samples.ids
    firsts = np.flatnonzero((repeats.first == np.arange(len(ids))) & (repeats.sizes > 1)).tolist()
    firsts.sort(key=lambda row: (-sizes[row], place[row]))
    listed = firsts[:LISTED]
    whole = {row: repeats.exact[repeats.first == row].all() for row in listed}
    groups = tuple(
        RepeatGroup(ids[row], sizes[row], "exact" if whole[row] else "near") for row in listed
    )
    return RepeatsPart(distance=limit, samples=repeats.counts(), reference=usual, groups=groups)
