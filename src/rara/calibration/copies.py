"""The test for copies by vectors and by pixels, joined in one p-value.

    pixel hashes --compare_pixels--> ComparedPixels --Calibrator.beside--> VectorCopyTest, joint
    both --score_copies--> volume_p, pixel_p, copy_p, and their calibration

Both tests see the same images, so they depend on each other in an unknown way. Their joint rank
is exact nevertheless, and costs no factor where they agree (`rara.stats.joint_rank`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rara.calibration.by_pixels import PixelCopyTest
from rara.calibration.by_vectors import VectorCopyTest
from rara.calibration.real_images import CalibrationSet
from rara.features.features import Features
from rara.features.pixel_hashes import SAME, Closest, first_equal, pixel_hashes_of
from rara.geometry.hamming import NONE
from rara.provenance.parts import CalibrationPart, NearCopy
from rara.run import Run
from rara.scores import BallGeometry, Columns
from rara.stats.joint_rank import SampleScores

NEAR_BITS = 16
"""Two codes of 256 bits that differ in at most so many bits are as near as only copies are. Those
of unrelated pictures differ in half of the bits."""


@dataclass(frozen=True, slots=True)
class CopyScores:
    """The scores of copying by all tests."""

    columns: Columns
    """`pixel_nearest`: the reference image whose pixels are nearest; null where there is none to
    compare with. `pixel_distance`: -1 for the same picture, else bits out of 256 that differ.
    `volume_p`: by the vectors alone. `pixel_p`: by the pixels alone. `copy_p`: by both. Lower is
    more like a copy in all of these."""
    near: NDArray[np.bool_]
    """Samples that are as near as only copies are, whatever p is."""
    part: CalibrationPart
    """The provenance of the calibration, for all tests together."""


@dataclass(frozen=True, slots=True)
class ComparedPixels:
    """Samples compared with the reference by their pixels."""

    test: PixelCopyTest
    closest: Closest
    scores: SampleScores


def compare_pixels(
    samples: Features, geometry: BallGeometry, calibration: CalibrationSet, run: Run
) -> ComparedPixels | None:
    """By the pixels; None where rara has not read the images of both sides."""
    hashes = None if calibration.pixels is None else pixel_hashes_of(samples)
    if calibration.pixels is None or hashes is None:
        return None
    found = calibration.pixels.compare(hashes, own=geometry.own, threads=run.threads)
    return ComparedPixels(calibration.pixels, *found)


def score_copies(
    vectors: VectorCopyTest,
    pixels: ComparedPixels | None,
    samples: Features,
    reference: Features,
    geometry: BallGeometry,
    part: CalibrationPart,
) -> CopyScores:
    """By vectors, and by pixels where they were compared."""
    if pixels is None:
        return _by_vectors(vectors, part)
    members, closest = vectors.at_k.members, pixels.closest
    nearest, distance = _with_left_out(closest, geometry, samples, reference)
    columns = {
        "pixel_nearest": nearest,
        "pixel_distance": pa.array(distance, mask=distance == NONE),
        "volume_p": vectors.ranks / members,
        "pixel_p": pixels.scores.ranks(joins=vectors.at_k.joins) / members,
        "copy_p": vectors.joint / members,
    }
    near = vectors.near | (closest.distance <= NEAR_BITS)
    return CopyScores(columns, near, _part(part, vectors, pixels.test))


def _with_left_out(
    closest: Closest, geometry: BallGeometry, samples: Features, reference: Features
) -> tuple[pa.Array, NDArray[np.int32]]:
    """The nearest picture and its distance; a left-out image with the same picture comes first."""
    nearest, distance = geometry.name(closest.index), closest.distance
    left_out = reference.embedded.slice(len(reference))
    if geometry.own is not None or not len(left_out):
        return nearest, distance
    pictures = (one["picture"].combine_chunks() for one in (samples.done, left_out))
    row = first_equal(*pictures)
    same = (row >= 0) & (distance != SAME)
    names = left_out["id"].combine_chunks().take(pa.array(row, mask=~same))
    return pc.if_else(pa.array(same), names, nearest), np.where(same, SAME, distance)


def _by_vectors(vectors: VectorCopyTest, part: CalibrationPart) -> CopyScores:
    """Where rara has not read the images of one side."""
    samples, p = len(vectors.near), vectors.ranks / vectors.at_k.members
    columns = {
        "pixel_nearest": pa.nulls(samples, pa.string()),
        "pixel_distance": pa.nulls(samples, pa.int32()),
        "volume_p": p,
        "pixel_p": pa.nulls(samples, pa.float64()),
        "copy_p": p,
    }
    return CopyScores(columns, vectors.near, part)


def _part(part: CalibrationPart, vectors: VectorCopyTest, pixels: PixelCopyTest) -> CalibrationPart:
    """With the smallest p-values of copies: behind real images that are near by either test."""
    exact = int(np.count_nonzero(vectors.calibration_exact | (pixels.calibration == SAME)))
    near = int(np.count_nonzero(vectors.calibration_near | (pixels.calibration <= NEAR_BITS)))
    smallest = vectors.at_k.smallest_of_copies
    return replace(
        part,
        smallest_p=replace(part.smallest_p, copy=smallest(exact)),
        near_copy=NearCopy(smallest(near), near),
    )
