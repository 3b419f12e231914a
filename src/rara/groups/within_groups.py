"""Each sample judged within its own group: by the reference images of its label or prompt alone.

    samples, reference --key--> groups --each: neighbours, judge, calibrate--> group_ columns

What is usual for a dog is not for a cat: among all of them a cat that looks like a dog is an
ordinary image. Calibrated group by group ("Mondrian" conformal prediction: Vovk, Gammerman and
Shafer, Algorithmic Learning in a Random World, 2005) the p-values hold within every
group, and not only on average over all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from rara.calibration.by_vectors import Calibrator, calibrate_by_itself
from rara.features import neighbours as neighbourhood
from rara.features.features import Features
from rara.features.metadata_groups import NOTHING, AddedColumns, Groups, check_key, groups_of
from rara.provenance.parts import GroupPart, GroupsPart, SmallestP, Ungrouped
from rara.run import Run, watching
from rara.scores import BallGeometry, Columns, OnePass, Rarity
from rara.stats.conformal import q_values

LEAST = 20
"""With fewer reference images no p-value of a group is below 5 %."""
LEVEL = 0.05
"""The share of each group that is too far out or too near is counted at this level."""
COLUMNS = ("rarity", "rarity_percentile", "off_manifold_p", "copy_p")
"""What is told of each sample within its group; `group_` stands before the names."""


def judge_in_groups(
    samples: Features, reference: Features, geometry: BallGeometry, by: str | None, run: Run
) -> AddedColumns[GroupsPart] | AddedColumns[None]:
    """The columns `group` and `group_…`, and for each group how many of it stand out.

    `geometry` is that of the whole reference: k, the rule of the balls, and whether the samples
    are its own images. Null where the group has too few reference images, or is not known.
    """
    if by is None:
        return NOTHING
    check_key(by, samples=samples, reference=reference)
    sides = _Sides(samples, reference, groups_of(by, samples), groups_of(by, reference), geometry)
    found = _Found(len(samples))
    pairs = sum(len(sides.ours.rows[g]) * sides.theirs.size(g) for g in sides.enough())
    with watching(run.progress, pairs, "Pairs within groups") as advance:
        quiet = replace(run, progress=None)
        counts = {group: found.add(sides, group, quiet, advance) for group in sides.enough()}
    return AddedColumns(found.columns(sides.ours.names), sides.described(by, counts))


class Standing(NamedTuple):
    """The shares of a group that stand out; None where they are not known."""

    off_manifold: float | None
    copies: float | None
    smallest_p: SmallestP | None


UNJUDGED = Standing(None, None, None)


@dataclass(frozen=True, slots=True)
class _Sides:
    """Samples and reference, both by group."""

    samples: Features
    reference: Features
    ours: Groups
    theirs: Groups
    whole: BallGeometry

    @property
    def least(self) -> int:
        """Reference images that a group must have."""
        return max(LEAST, 2 * self.whole.k)

    def enough(self) -> list[str]:
        """The groups of the samples that can be judged."""
        return [group for group in self.ours.rows if self.theirs.size(group) >= self.least]

    def judged(
        self, group: str, run: Run, advance: Callable[[int], None] | None
    ) -> tuple[Columns, Calibrator]:
        """The scores of the samples of a group, as if there were no other one."""
        samples = self.samples.vectors[self.ours.rows[group]]
        images = self.reference.take(self.theirs.rows[group], self.reference.location)
        geometry = self._ball_geometry(images, run)
        calibrator = calibrate_by_itself(geometry)
        one_pass = OnePass(geometry, len(samples))
        rarity, calibrated = one_pass.ask(Rarity()), one_pass.ask(calibrator)
        one_pass.run(samples, images.vectors, **run.engine(advance))
        return {**rarity(), **calibrated().columns}, calibrator

    def _ball_geometry(self, images: Features, run: Run) -> BallGeometry:
        """That of the whole reference in all but the images."""
        nearest = neighbourhood.find(images, self.whole.k, run)
        own = None if self.whole.own is None else np.arange(len(images), dtype=np.int32)
        return replace(
            self.whole,
            d2=nearest.d2,
            index=nearest.index,
            names=images.ids,
            own=own,
            quantized=None,
        )

    def described(self, by: str, counts: dict[str, Standing]) -> GroupsPart:
        """For each group of the samples how many there are, and what was found of them."""
        groups = tuple(self._group(group, counts.get(group, UNJUDGED)) for group in self.ours.rows)
        ungrouped = Ungrouped(self.ours.ungrouped, self.theirs.ungrouped)
        return GroupsPart(by=by, least=self.least, level=LEVEL, groups=groups, ungrouped=ungrouped)

    def _group(self, group: str, found: Standing) -> GroupPart:
        return GroupPart(
            group=group,
            reference=self.theirs.size(group),
            samples=len(self.ours.rows[group]),
            off_manifold=found.off_manifold,
            copies=found.copies,
            smallest_p=found.smallest_p,
        )


class _Found:
    """The columns as they fill up, group by group."""

    def __init__(self, samples: int) -> None:
        self.values = {name: np.full(samples, np.nan) for name in COLUMNS}
        self.unknown = np.ones(samples, dtype=np.bool_)

    def add(
        self, sides: _Sides, group: str, run: Run, advance: Callable[[int], None] | None
    ) -> Standing:
        """Judge one group; the shares of it that stand out."""
        rows = sides.ours.rows[group]
        columns, calibrated = sides.judged(group, run, advance)
        for name, values in self.values.items():
            values[rows] = columns[name]
        self.unknown[rows] = False
        smallest = calibrated.describe().smallest_p
        return Standing(
            _share(columns["off_manifold_p"], smallest.off_manifold),
            _share(columns["copy_p"], smallest.copy),
            smallest,
        )

    def columns(self, names: list[str | None]) -> dict[str, Any]:
        import pyarrow as pa

        known = {
            f"group_{name}": pa.array(values, mask=self.unknown, from_pandas=False)
            for name, values in (self.values | self._discoveries()).items()
        }
        return {"group": pa.array(names, pa.string()), **known}

    def _discoveries(self) -> dict[str, Any]:
        """All samples judged by their groups are one family: that is whom one picks from."""
        return {"off_manifold_q": q_values(self.values["off_manifold_p"])}


def _share(p: Any, smallest: float) -> float | None:
    """The share called at the level; None where no p-value can be as small."""
    return float(np.mean(p <= LEVEL)) if smallest <= LEVEL else None
