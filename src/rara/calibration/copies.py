"""The tests for copies by vectors, by pixels and by a copy network, joined in one p-value.

    pixel hashes --compare_pixels--> ComparedPixels --Calibrator.beside--> VectorCopyTest, joint
    all --score_copies--> volume_p, pixel_p, network_p, copy_p, and their calibration

All tests see the same images, so they depend on each other in an unknown way. Their joint rank
is exact nevertheless, and costs no factor where they agree (`rara.stats.joint_rank`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rara.calibration.by_copy_network import NetworkScores
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
    `volume_p`: by the vectors alone. `pixel_p`: by the pixels alone. With a copy network
    `network_nearest`, `network_distance` and `network_p`: by it alone. `copy_p`: by all. Lower is
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
    network: NetworkScores | None,
    samples: Features,
    reference: Features,
    geometry: BallGeometry,
    part: CalibrationPart,
) -> CopyScores:
    """By vectors; by pixels where they were compared; by the copy network where there is one."""
    members, near = vectors.at_k.members, vectors.near
    columns: dict[str, NDArray[Any] | pa.Array] = {
        "pixel_nearest": pa.nulls(len(near), pa.string()),
        "pixel_distance": pa.nulls(len(near), pa.int32()),
        "volume_p": vectors.ranks / members,
        "pixel_p": pa.nulls(len(near), pa.float64()),
        "copy_p": vectors.joint / members,
    }
    if pixels is not None:
        named, distance = _with_left_out(pixels.closest, geometry, samples, reference)
        columns["pixel_nearest"] = named
        columns["pixel_distance"] = pa.array(distance, mask=distance == NONE)
        columns["pixel_p"] = pixels.scores.ranks(joins=vectors.at_k.joins) / members
        near = near | (pixels.closest.distance <= NEAR_BITS)
    if network is not None and vectors.network is not None:
        columns["network_nearest"] = geometry.name(network.index)
        columns["network_distance"] = network.distance
        columns["network_p"] = np.where(network.index < 0, np.nan, vectors.network / members)
        near = near | network.near
    return CopyScores(columns, near, _part(part, vectors, pixels, network))


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


def _part(
    part: CalibrationPart,
    vectors: VectorCopyTest,
    pixels: ComparedPixels | None,
    network: NetworkScores | None,
) -> CalibrationPart:
    """With the smallest p-values of copies: behind real images that are near by any test."""
    if pixels is None and network is None:
        return part
    exact, near = vectors.calibration_exact, vectors.calibration_near
    if pixels is not None:
        distance = pixels.test.calibration
        exact, near = exact | (distance == SAME), near | (distance <= NEAR_BITS)
    if network is not None:
        exact, near = exact | network.test.exact, near | network.test.near
    smallest, repeating = vectors.at_k.smallest_of_copies, int(np.count_nonzero(near))
    return replace(
        part,
        smallest_p=replace(part.smallest_p, copy=smallest(int(np.count_nonzero(exact)))),
        near_copy=NearCopy(smallest(repeating), repeating),
    )
