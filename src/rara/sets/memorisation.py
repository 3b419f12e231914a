"""Memorisation-informed FID (MiFID): FID divided by how near samples are to their nearest image.

    D     = mean over samples x of min over reference images y of 1 - |cos(x, y)|
    mifid = fid / D where D < tau, else fid

Bai et al., On Training Sample Memorization: Lessons from Benchmarking Generative Modeling with a
Large-scale Competition, KDD 2021, arXiv 2106.03062.

Direction. Lower is closer and less copied; infinite where every sample is a copy.

Options. `tau`: 0.1 in the competition; it depends on the extractor. `level`: that of the interval,
which covers the figure that sets of these sizes have on average.

Caveats. Those of `fid`. A few copies among many samples hardly move D. Below tau the figure is at
once 1 / tau times as large: with D near tau, the interval covers it far too seldom. The minimum is
over the reference, for each sample. torchmetrics takes it over the samples, for each reference
image: a generator that repeats a few training images gets no penalty there.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from rara.arguments import number
from rara.errors import ParameterError
from rara.geometry import NearestCosines
from rara.sets.base import (
    LEVEL,
    Doubles,
    SetScore,
    Vectors,
    VectorsLike,
    refuse_no_length,
    unit_rows,
)
from rara.sets.both_sides import BothSides, PairMetric
from rara.sets.bures import Gauss, Laws, influence, influence_of_parts
from rara.sets.intervals import PARTS, half_width, jackknife, parts_of, score_of
from rara.sets.moments import Moments
from rara.stats.intervals import checked_level

TAU = 0.1
FEWEST = 4
"""Images that either side needs."""
ANGLES = "smallest angles"
_ROWS = 1024


class MiFID(PairMetric):
    """The state of `mifid`."""

    def __init__(self, *, tau: float = TAU) -> None:
        super().__init__()
        self.tau = number(tau, "tau")
        if not 0 <= self.tau <= 1:
            raise ParameterError(f"tau = {self.tau:g}: give a number from 0 to 1.")

    @property
    def options(self) -> tuple[Any, ...]:
        """The threshold."""
        return (self.tau,)

    laws: Laws | None = None
    """The normal laws of both sides, where other states share them."""

    def ask_lists(self, both: BothSides) -> None:
        """The smallest angles of all pairs."""
        for side in both.sides:
            refuse_no_length(side.vectors, "mifid")
        samples, reference = (side.vectors for side in both.sides)
        parts = parts_of(len(reference))
        both.watch(ANGLES, lambda: NearestCosines(samples, reference, parts))

    def compute(self, *, level: float = LEVEL) -> SetScore:
        """The figure of all vectors so far."""
        checked_level(level)
        samples = self.samples.ordered(FEWEST, "mifid")
        reference = self.reference.ordered(FEWEST, "mifid")
        value, variance = self._figure(samples, reference)
        half = half_width(variance, level, PARTS - 1)
        counts = len(samples), len(reference)
        return score_of("mifid", value, half, counts, "lower is closer", level=level, least=0.0)

    def _figure(self, samples: Vectors, reference: Vectors) -> tuple[float, float]:
        """The figure, and its variance by the figure without each part of either side."""
        ours, theirs = parts_of(len(samples)), parts_of(len(reference))
        laws = self.laws or Laws(*map(Gauss.of, (samples, reference)))
        scatters = None
        if self.shared is not None and len(reference) > len(theirs) * reference.shape[1]:
            scatters = self.reference.once("scatters", lambda: _scatters(reference, theirs))
        changes = _changes(laws, samples, ours), _changes(laws, reference, theirs, 1, scatters)
        fid = laws.distance[0]
        without = [[fid - change for change in side] for side in changes]
        angles = self.shared.seen(ANGLES) if self.shared is not None else None
        if angles is None or angles.too_many:
            nearest = nearest_by_part(samples, reference, theirs)
        else:
            nearest = angles.nearest()
        distances = nearest.min(axis=1)
        value = self._penalised(fid, distances.mean())
        if math.isinf(value):
            return value, 0.0
        near = (
            [np.delete(distances, part).mean() for part in ours],
            [np.delete(nearest, j, axis=1).min(axis=1).mean() for j in range(len(theirs))],
        )
        variance = 0.0
        for figures, means in zip(without, near, strict=True):
            variance += jackknife([*map(self._penalised, figures, means)])
        return value, variance

    def _penalised(self, fid: float, distance: float) -> float:
        if distance >= self.tau:
            return fid
        return fid / float(distance) if distance > 0 else math.inf


def _changes(
    laws: Laws,
    side: Vectors,
    parts: list[slice],
    place: Literal[0, 1] = 0,
    scatters: list[Moments] | None = None,
) -> list[float]:
    """To first order how much larger FID is with each part of a side than without it."""
    own, other = laws.sides[:: 1 - 2 * place]
    _, overlap = laws.distance
    assert overlap.maps is not None
    root = overlap.maps[place]
    sizes = [part.stop - part.start for part in parts]
    if scatters is None:
        change = influence(side, own, other, root)
        sums = [float(change[part].sum()) for part in parts]
    else:
        sums = influence_of_parts(scatters, own, other, root)
    mean = sum(sums) / len(side)
    return [
        (total - size * mean) / (len(side) - size) for total, size in zip(sums, sizes, strict=True)
    ]


def _scatters(side: Vectors, parts: list[slice]) -> list[Moments]:
    """Moments of each part, in float32: enough for an interval, and half the memory."""
    found = [Moments.of(side[part]) for part in parts]
    return [Moments(one.count, one.mean, one.scatter.astype(np.float32)) for one in found]


def nearest_by_part(samples: Vectors, reference: Vectors, parts: list[slice]) -> Doubles:
    """(n, parts) smallest 1 - |cos| to an image of each part of the reference; 0 for a copy.

    The nearest is found in float32, its distance computed in float64 as |u -+ v|^2 / 2.
    """
    ours, theirs = unit_rows(samples, "mifid"), unit_rows(reference, "mifid")
    found = np.empty((len(samples), len(parts)))
    for start in range(0, len(ours), _ROWS):
        rows = ours[start : start + _ROWS]
        for j, part in enumerate(parts):
            others = theirs[part]
            cosines = rows.astype(np.float32) @ others.T.astype(np.float32)
            best = others[np.abs(cosines).argmax(axis=1)]
            sign = np.where(np.einsum("ij,ij->i", rows, best) < 0, -1.0, 1.0)
            gaps = rows - sign[:, None] * best
            found[start : start + _ROWS, j] = np.einsum("ij,ij->i", gaps, gaps) / 2
    return found


def mifid(
    samples: VectorsLike, reference: VectorsLike, *, tau: float = TAU, level: float = LEVEL
) -> SetScore:
    """FID, raised where samples are near copies of reference images; lower is better.

    Raises FeatureError where vectors are no finite numbers of shape (n, d) or have length 0,
    ReferenceMismatchError where extractors or dimensions differ, and ParameterError where a side
    has fewer than 4 images or `tau` is not from 0 to 1.
    """
    state = MiFID(tau=tau)
    state.update(samples=samples, reference=reference)
    return state.compute(level=level)
