"""Samples judged: every axis, their groups and siblings, the two-sample test, the verdict.

    Asked, Setting --judged--> ScoreTable

The reference brings its geometry and its calibration; all that is asked of the samples
beside it comes together here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rara.conclusion import concluded
from rara.errors import ParameterError
from rara.geometry import Boundary
from rara.groups import judged_in_groups
from rara.pictures import SourcePictures
from rara.pixels import prints_of, unseen
from rara.provenance import provenance_of, table_of
from rara.reals import Reals
from rara.results import ScoreTable
from rara.run import Run, watching
from rara.scores import AXES, EveryK, Families, Family, Levels, Setting, judge
from rara.siblings import judged_among_siblings
from rara.store import Features
from rara.two_sample import tell_apart

Compat = Literal["official"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of the samples, beside the reference that they are judged against."""

    k: int | None = None
    boundary: Literal["open", "closed"] = "open"
    compat: Compat | None = None
    levels: Levels = Levels()  # noqa: RUF009 (frozen)
    group_by: str | None = None
    against_siblings: str | None = None
    also: Collection[Family] = ()

    def __post_init__(self) -> None:
        rules = {(None, "open"), (None, "closed"), ("official", "open")}
        if (self.compat, self.boundary) not in rules:
            raise ParameterError(
                f"boundary={self.boundary!r} with compat={self.compat!r}: give boundary 'open' or "
                "'closed', or compat 'official' with neither."
            )
        if (asked := self.families.names) and self.compat:
            raise ParameterError(
                f"The authors' code knows no {' or '.join(asked)}: leave compat or also away."
            )

    @property
    def rule(self) -> Boundary:
        """When a ball holds a point."""
        return self.compat or self.boundary

    @property
    def families(self) -> Families:
        """The scores that are made on request."""
        return Families(self.also)


def judged(
    samples: Features,
    asked: Asked,
    *,
    reference: Features,
    setting: Setting,
    known: Reals,
    described: Mapping[str, Any],
    pictures: SourcePictures | None,
    run: Run,
) -> ScoreTable:
    """One record for each sample, and what all of them are relative to."""
    group = judged_in_groups(samples, reference, setting, asked.group_by, run)
    siblings = judged_among_siblings(samples, setting.k, asked.against_siblings, run)
    axes = (*AXES, known.axis, EveryK(known.every_k, asked.levels), *asked.families.axes)
    pairs = len(samples) * len(reference)
    with watching(run.progress, pairs, "Pairs of sample and reference") as advance:
        columns, statistics = judge(
            samples.vectors, reference.vectors, axes, setting,
            memory=run.memory, threads=run.threads, progress=advance,
        )  # fmt: skip
    giveaway, told = tell_apart(samples, reference, setting, threads=run.threads)
    seen, origin = by_pixels(columns["copy_p"], samples, setting, known, run)
    columns, verdict = concluded(
        {**columns, **seen}, samples, reference, setting, known, origin, asked.levels, run
    )
    provenance = provenance_of(
        samples, described, setting, compat=asked.compat, calibration=origin,
        two_sample=told, verdict=verdict, statistics=statistics,
    )  # fmt: skip
    found = {**columns, **giveaway, **group.columns, **siblings.columns}
    provenance |= {**group.provenance, **siblings.provenance, **asked.families.provenance(setting)}
    return ScoreTable(table_of(samples, found), provenance, pictures)


def by_pixels(
    volume_p: NDArray[np.float64], samples: Features, setting: Setting, known: Reals, run: Run
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """What the pixels say of copying, where they were seen, and what that rests on."""
    prints = None if known.pixels is None else prints_of(samples)
    if known.pixels is None or prints is None:
        return unseen(len(samples), volume_p), known.origin
    columns = known.pixels.testify(
        prints, setting.names, volume_p, own=setting.own, threads=run.threads
    )
    return columns, known.pixels.described(known.origin)
