"""Each sample judged within its own group: by the reference images of its label or prompt alone.

    samples, reference --key--> groups --each: judged by its own part--> group_ columns

What is usual for a dog is not for a cat: among all of them a cat that looks like a dog is an
ordinary image. Calibrated group by group ("Mondrian" conformal prediction: Vovk, Gammerman and
Shafer, Algorithmic Learning in a Random World, 2005) the p-values hold within every
group, and not only on average over all.

How samples are judged by a part of the reference is for the caller: its scorer does it, with the
options of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rara.features.features import Features
from rara.features.metadata_groups import AddedColumns, Groups, Rows, check_key, groups_of
from rara.provenance.parts import GroupPart, GroupsPart, SmallestP, Ungrouped
from rara.run import Run, watching
from rara.stats.conformal import q_values

if TYPE_CHECKING:
    import pyarrow as pa

LEAST = 20
"""With fewer reference images no p-value of a group is below 5 %."""
LEVEL = 0.05
"""The share of each group that is too far out or too near is counted at this level."""
COLUMNS = ("rarity", "rarity_percentile", "off_manifold_p", "copy_p")
"""The scores of each sample within its group; `group_` stands before the names."""


class GroupScores(NamedTuple):
    """The samples of one group, judged by its reference images alone."""

    columns: Mapping[str, NDArray[np.float64]]
    """Those of `COLUMNS`, and maybe others."""
    smallest_p: SmallestP


JudgeGroup: TypeAlias = Callable[[Rows, Rows, Callable[[int], None] | None], GroupScores]
"""Judges the samples in some rows by the reference images in some rows; counts the pairs."""


def judge_in_groups(
    samples: Features, reference: Features, by: str, k: int, judge: JudgeGroup, run: Run
) -> AddedColumns[GroupsPart]:
    """The columns `group` and `group_…`, and for each group how many of it stand out.

    `k`: that of the balls. Null where the group has too few reference images, or is not known.
    """
    check_key(by, samples=samples, reference=reference)
    sides = _Sides(groups_of(by, samples), groups_of(by, reference), max(LEAST, 2 * k))
    filling = _Filling(len(samples))
    pairs = sum(len(sides.ours.rows[g]) * sides.theirs.size(g) for g in sides.enough())
    with watching(run.progress, pairs, "Pairs within groups") as advance:
        standings = {}
        for group in sides.enough():
            rows = sides.ours.rows[group]
            scores = judge(rows, sides.theirs.rows[group], advance)
            standings[group] = filling.add(rows, scores)
    return AddedColumns(filling.columns(sides.ours.names), sides.described(by, standings))


class Standing(NamedTuple):
    """The shares of a group that stand out; None where they are not known."""

    off_manifold: float | None
    copies: float | None
    smallest_p: SmallestP | None


UNJUDGED = Standing(None, None, None)


@dataclass(frozen=True, slots=True)
class _Sides:
    """Samples and reference, both by group."""

    ours: Groups
    theirs: Groups
    least: int
    """Reference images that a group must have."""

    def enough(self) -> list[str]:
        """The groups of the samples that can be judged."""
        return [group for group in self.ours.rows if self.theirs.size(group) >= self.least]

    def described(self, by: str, standings: Mapping[str, Standing]) -> GroupsPart:
        """For each group of the samples how many there are, and how many of them stand out."""
        groups = tuple(
            self._group(group, standings.get(group, UNJUDGED)) for group in self.ours.rows
        )
        ungrouped = Ungrouped(self.ours.ungrouped, self.theirs.ungrouped)
        return GroupsPart(by=by, least=self.least, level=LEVEL, groups=groups, ungrouped=ungrouped)

    def _group(self, group: str, standing: Standing) -> GroupPart:
        return GroupPart(
            group=group,
            reference=self.theirs.size(group),
            samples=len(self.ours.rows[group]),
            off_manifold=standing.off_manifold,
            copies=standing.copies,
            smallest_p=standing.smallest_p,
        )


class _Filling:
    """The columns as they fill up, group by group."""

    def __init__(self, samples: int) -> None:
        self.values = {name: np.full(samples, np.nan) for name in COLUMNS}
        self.unjudged = np.ones(samples, dtype=np.bool_)

    def add(self, rows: Rows, scores: GroupScores) -> Standing:
        """Take in the scores of one group; the shares of it that stand out."""
        for name, values in self.values.items():
            values[rows] = scores.columns[name]
        self.unjudged[rows] = False
        smallest = scores.smallest_p
        return Standing(
            _share(scores.columns["off_manifold_p"], smallest.off_manifold),
            _share(scores.columns["copy_p"], smallest.copy),
            smallest,
        )

    def columns(self, names: list[str | None]) -> dict[str, pa.Array]:
        """All samples judged by their groups are one family: from these one picks."""
        import pyarrow as pa

        discoveries = {"off_manifold_q": q_values(self.values["off_manifold_p"])}
        scores = {
            f"group_{name}": pa.array(values, mask=self.unjudged, from_pandas=False)
            for name, values in (self.values | discoveries).items()
        }
        return {"group": pa.array(names, pa.string()), **scores}


def _share(p: NDArray[np.float64], smallest: float) -> float | None:
    """The share called at the level; None where no p-value can be as small."""
    return float(np.mean(p <= LEVEL)) if smallest <= LEVEL else None
