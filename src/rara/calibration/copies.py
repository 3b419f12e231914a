"""Copying by all witnesses: what the vectors say and what the pixels say, in one p-value.

    ByVectors, prints --score_copies--> volume_p, pixel_p, copy_p, and what those rest on

Both see the same images, so they depend on each other in an unknown way: their joint rank is
exact all the same, and costs no factor where they agree (`rara.stats.joint_rank`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rara.calibration.by_pixels import PixelCopyTest
from rara.calibration.by_vectors import ByVectors
from rara.calibration.real_images import CalibrationSet
from rara.features.features import Features
from rara.features.pixel_hashes import SAME, Closest, first_equal, pixel_hashes_of
from rara.geometry.hamming import NONE
from rara.provenance.parts import CalibrationPart, NearCopy
from rara.run import Run
from rara.scores import BallGeometry
from rara.stats.joint_rank import joint_counts

NEAR_BITS = 16
"""Pictures in whose codes no more of 256 bits differ are as near as only copies are: of two
unrelated ones, half differ."""


@dataclass(frozen=True, slots=True)
class CopyScores:
    """What all witnesses say."""

    columns: Mapping[str, Any]
    """`pixel_nearest`: the reference image whose pixels are nearest; null where there is none to
    compare with. `pixel_distance`: -1 for the same picture, else bits out of 256 that differ.
    `volume_p`: by the vectors alone. `pixel_p`: by the pixels alone. `copy_p`: by both. Lower is
    more like a copy in all of these."""
    near: NDArray[np.bool_]
    """Samples that are as near as only a copy is, whatever p says."""
    origin: CalibrationPart
    """What `Calibrator.describe` says, for all witnesses together."""


def score_copies(
    vectors: ByVectors,
    samples: Features,
    reference: Features,
    geometry: BallGeometry,
    known: CalibrationSet,
    run: Run,
) -> CopyScores:
    """By vectors, and by pixels where both sides' were seen."""
    hashes = None if known.pixels is None else pixel_hashes_of(samples)
    if known.pixels is None or hashes is None:
        return _by_vectors(vectors, known.origin)
    found, pixels = known.pixels.compare(hashes, own=geometry.own, threads=run.threads)
    members, joins = vectors.at_k.members, vectors.at_k.joins
    ranks = [vectors.ranks, pixels.ranks(joins=joins)]
    together = joint_counts((vectors.compared, pixels), ranks, joins=joins)
    nearest, distance = _with_left_out(found, geometry, samples, reference)
    columns = {
        "pixel_nearest": nearest,
        "pixel_distance": pa.array(distance, mask=distance == NONE),
        "volume_p": ranks[0] / members,
        "pixel_p": ranks[1] / members,
        "copy_p": together / members,
    }
    near = vectors.near | (found.distance <= NEAR_BITS)
    return CopyScores(columns, near, _origin(known.origin, vectors, known.pixels))


def _with_left_out(
    found: Closest, geometry: BallGeometry, samples: Features, reference: Features
) -> tuple[pa.Array, NDArray[np.int32]]:
    """The nearest picture and how near it is; the same picture may be one that was left out."""
    nearest, distance = geometry.name(found.index), found.distance
    left = reference.embedded.slice(len(reference))
    if geometry.own is not None or not len(left):
        return nearest, distance
    pictures = (one["picture"].combine_chunks() for one in (samples.done, left))
    place = first_equal(*pictures)
    same = (place >= 0) & (distance != SAME)
    names = left["id"].combine_chunks().take(pa.array(place, mask=~same))
    return pc.if_else(pa.array(same), names, nearest), np.where(same, SAME, distance)


def _by_vectors(vectors: ByVectors, origin: CalibrationPart) -> CopyScores:
    """Where one side's pixels were never seen."""
    samples, p = len(vectors.near), vectors.ranks / vectors.at_k.members
    columns = {
        "pixel_nearest": pa.nulls(samples, pa.string()),
        "pixel_distance": pa.nulls(samples, pa.int32()),
        "volume_p": p,
        "pixel_p": pa.nulls(samples, pa.float64()),
        "copy_p": p,
    }
    return CopyScores(columns, vectors.near, origin)


def _origin(known: CalibrationPart, vectors: ByVectors, pixels: PixelCopyTest) -> CalibrationPart:
    """The smallest p-values of copies, behind real images that either witness holds for such."""
    exact = int(np.count_nonzero(vectors.reals_exact | (pixels.reals == SAME)))
    near = int(np.count_nonzero(vectors.reals_near | (pixels.reals <= NEAR_BITS)))
    smallest = vectors.at_k.smallest_of_copies
    return replace(
        known,
        smallest_p=replace(known.smallest_p, copy=smallest(exact)),
        near_copy=NearCopy(smallest(near), near),
    )
