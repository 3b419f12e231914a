"""Samples that repeat one another: the same picture, or nearly.

    samples --repeats_of--> Repeats

Exact are the same content, the same picture and the same vector. Near are the bursts and the
near pairs that an audit of the samples finds among what is left. Where all samples are near
copies of one picture, none of them stands apart: the reference then gives the scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from rara import neighbourhood
from rara.bursts import STEP, units_of
from rara.distinct import alike, exact_alike
from rara.duplicates import Integers, Pairs, equal_pairs, first_alike
from rara.geometry import Nearest, query
from rara.run import Run
from rara.store import Features


@dataclass(frozen=True, slots=True)
class Repeats:
    """The group of each sample."""

    first: Integers
    """The first sample of its group; itself where it repeats none."""
    exact: Integers
    """The same by exact repeats alone."""

    @property
    def others(self) -> Integers:
        """How many other samples each one's group has."""
        sizes: Integers = np.bincount(self.first, minlength=len(self.first))[self.first] - 1
        return sizes


def repeats_of(samples: Features, reference_spacing: float, run: Run) -> Repeats:
    """The groups among samples; the spacing is the least distance of two reference images."""
    count = len(samples)
    if count < 2:
        return Repeats(np.arange(count), np.arange(count))
    found = neighbourhood.find(samples, 1, run)
    same = exact_alike(samples, found) + _same_pictures(samples)
    near = alike(samples, found, run).near
    bursts = units_of(samples, found, run)
    gone = np.flatnonzero(bursts != np.arange(count))
    linked = Pairs(bursts[gone], gone, np.zeros(len(gone)))
    first = first_alike(count, same, near, linked)
    if _farthest(samples.vectors, run) * STEP <= reference_spacing:
        first = np.zeros(count, np.int64)
    return Repeats(first, first_alike(count, same))


def _same_pictures(samples: Features) -> Pairs:
    pictures = samples.done["picture"]
    rows = np.flatnonzero(pc.is_valid(pictures).to_numpy())
    found = equal_pairs(np.array(pictures.to_pylist(), dtype=object)[rows].astype(str))
    return Pairs(rows[found.one], rows[found.other], found.d2)


def _farthest(vectors: NDArray[np.float32], run: Run) -> float:
    """The largest distance of two samples at most: twice the largest from the first."""
    found = Nearest(len(vectors), 1)
    query(
        np.asarray(vectors), np.ascontiguousarray(vectors[:1]), [found],
        memory=run.memory, threads=run.threads,
    )  # fmt: skip
    return 2 * float(np.sqrt(found.d2.max()))
