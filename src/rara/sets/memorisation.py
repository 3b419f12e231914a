"""Memorisation-informed FID (MiFID): FID divided by how near samples are to their nearest image.

    D     = mean over samples x of min over reference images y of 1 - |cos(x, y)|
    mifid = fid / D where D < tau, else fid

Bai et al., On Training Sample Memorization: Lessons from Benchmarking Generative Modeling with a
Large-scale Competition, KDD 2021, arXiv 2106.03062.

Direction. Lower is closer and less copied; infinite where every sample is a copy.

Options. `tau`: 0.1 in the competition; it depends on the extractor. `level`: that of the interval,
which covers the figure that sets of these sizes have on average.

Caveats. Those of `fid`. A few copies among many samples hardly move D. The minimum is over the
reference, for each sample. torchmetrics takes it over the samples, for each reference image: a
generator that repeats a few training images gets no penalty there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rara.arguments import number
from rara.errors import ParameterError
from rara.sets.base import (
    LEVEL,
    Doubles,
    KeptVectors,
    SetScore,
    Vectors,
    VectorsLike,
    unit_rows,
)
from rara.sets.bures import Gauss, influence, squared
from rara.sets.intervals import PARTS, half_width, jackknife, parts_of, score_of
from rara.stats.intervals import checked_level

TAU = 0.1
FEWEST = 4
"""Images that either side needs."""
_ROWS = 1024


class MiFID(KeptVectors):
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
        fid, without = _fid_without((samples, reference), (ours, theirs))
        nearest = nearest_by_part(samples, reference, theirs)
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


def _fid_without(
    sides: tuple[Vectors, Vectors], parts: tuple[list[slice], list[slice]]
) -> tuple[float, list[list[float]]]:
    """FID, and to first order what it is without each part of either side."""
    first, second = map(Gauss.of, sides)
    fid, overlap = squared(first, second, gradients=True)
    ways = ((first, second), (second, first))
    without = []
    for side, (own, other), root, some in zip(sides, ways, overlap.maps or (), parts, strict=True):
        change = influence(side, own, other, root)
        change -= change.mean()
        left = [len(side) - (part.stop - part.start) for part in some]
        without.append([fid - change[p].sum() / n for p, n in zip(some, left, strict=True)])
    return fid, without


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
