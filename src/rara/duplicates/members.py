"""Samples that are in a reference, or resemble one of its images as near duplicates do.

samples, what is alike in the reference --members--> Members
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.duplicates.find import Alike, View
from rara.duplicates.statistics import Doubles, Integers, close, company
from rara.features.features import Features
from rara.features.pixel_hashes import PixelHashes, first_equal, lists, pixel_hashes_of
from rara.geometry import Nearest, query, squared_distance
from rara.geometry.hamming import Counts
from rara.run import Run, watching


@dataclass(frozen=True, slots=True)
class Members:
    """For each sample an image of the reference, and whether it is that one."""

    exact: NDArray[np.bool_]
    """The same content or vector."""
    near: NDArray[np.bool_]
    """Not exact, but nearer than the neighbourhood explains, by vectors or pixels."""
    image: Integers
    """Row of the reference image: the nearest one, by vectors or by pixels."""
    d2: Doubles
    """Squared distance of the vectors."""
    bits: Counts
    """How many of 256 differ, where the image is near by the pixels alone; -1 elsewhere."""


def members(features: Features, same: Alike, samples: Features, run: Run) -> Members:
    """Samples that are images of the reference, and those nearer to one than by chance."""
    nearest = _nearest_in(features, same.vectors, samples, run)
    near = _close(nearest, same.vectors)
    image = same.vectors.rows[nearest.index[:, 0]].astype(np.int64)
    exact, d2 = nearest.d2[:, 0] == 0, nearest.d2[:, 0].copy()
    bits = np.full(len(samples), -1, np.int32)
    hashes, theirs = pixel_hashes_of(samples), pixel_hashes_of(features)
    if hashes is not None and theirs is not None and same.pixels is not None:
        rows, listed = _listed(hashes, theirs, same.pixels, nearest.k, run)
        near_pixels = _close(listed, same.pixels) & ~near[rows] & ~exact[rows]
        rows = rows[near_pixels]
        near[rows], bits[rows] = True, np.floor(listed.d2[near_pixels, 0])
        image[rows] = same.pixels.rows[listed.index[near_pixels, 0]]
    ours, others = (one.done["digest"].combine_chunks() for one in (samples, features))
    same_content = first_equal(ours, others)
    rows = np.flatnonzero(same_content >= 0)
    exact[rows], image[rows] = True, same_content[rows]
    for row in np.flatnonzero((bits >= 0) | exact):
        d2[row] = squared_distance(samples.vectors[row], features.vectors[image[row]])
    return Members(exact, near & ~exact, image, d2, bits)


def _close(nearest: Nearest, view: View) -> NDArray[np.bool_]:
    return close(nearest, company(nearest, view.nearest), view.nearest)


def _nearest_in(features: Features, view: View, samples: Features, run: Run) -> Nearest:
    whole = len(view.rows) == len(features)
    vectors = features.vectors if whole else features.vectors[view.rows]
    nearest = Nearest(len(samples), max(1, view.nearest.k))
    pairs = len(samples) * len(vectors)
    with watching(run.progress, pairs, "Pairs of sample and reference") as advance:
        query(
            samples.vectors, vectors, [nearest],
            **run.engine(advance),
        )  # fmt: skip
    return nearest


def _listed(
    hashes: PixelHashes, theirs: PixelHashes, view: View, k: int, run: Run
) -> tuple[Integers, Nearest]:
    """The samples whose pictures are not flat, and their nearest in the view."""
    rows = np.flatnonzero(~hashes.flat)
    pictures, depth = theirs.take(view.rows), min(k, len(view.rows))
    return rows, lists(hashes.take(rows), pictures, depth, run.threads)
