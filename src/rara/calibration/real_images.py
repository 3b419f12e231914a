"""The real images that scores are calibrated with: the reference's own, or others.

reference, or calibration images --calibration_set--> CalibrationSet --> two axes of the scores
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from rara.calibration.by_pixels import PixelCopyTest
from rara.calibration.by_vectors import CalibrationAtK, Calibrator, calibrate_by_itself
from rara.calibration.every_k import calibrate_by_others, each_k_by_itself
from rara.errors import ParameterError
from rara.features.features import Features, noted_in
from rara.features.pixel_cache import PixelCache
from rara.features.pixel_hashes import closest, pixel_hashes_of
from rara.provenance.parts import CalibrationImages, CalibrationPart
from rara.run import Run, watching
from rara.scores import BallGeometry


@dataclass(frozen=True, slots=True)
class CalibrationSet:
    """What samples are calibrated with, and its part of the provenance."""

    calibrator: Calibrator
    every_k: Mapping[int, CalibrationAtK]
    part: CalibrationPart
    pixels: PixelCopyTest | None = None
    """The test by the pixels of the same images; None where rara has not read them."""
    images: Features | None = None
    """The images that calibrate; None where the reference's own do."""


def calibration_set(
    given: Features | None,
    reference: Features,
    pixel_cache: PixelCache,
    geometry: BallGeometry,
    run: Run,
) -> CalibrationSet:
    """The calibration by the images given, or else by the reference's own.

    Raises ParameterError where all images given are in the reference too, and where images are
    given for leave-one-out.
    """
    hashes = pixel_cache.with_nearest(run)
    if given is None:
        calibrator = calibrate_by_itself(geometry)
        at_k = calibrator.at_k
        pixels = hashes and PixelCopyTest(*hashes, hashes[1], at_k.method)
        every_k = each_k_by_itself(geometry, at_k)
        return CalibrationSet(calibrator, every_k, calibrator.describe(), pixels)
    if geometry.own is not None:
        raise ParameterError(
            "Leave-one-out calibrates the reference's own images with one another: remove the "
            "calibration."
        )
    fresh = _not_in(reference, given)
    vectors = (fresh.vectors, reference.vectors, geometry)
    pairs = len(fresh) * len(reference)
    with watching(run.progress, pairs, "Pairs of calibration and reference") as advance:
        calibrator, every_k = calibrate_by_others(*vectors, **run.engine(advance))
    images = CalibrationImages(
        location=fresh.location,
        fingerprint=fresh.fingerprint,
        in_reference=len(given) - len(fresh),
        remarks=given.remarks,
        skipped=tuple(given.skipped),
        noted=noted_in(given),
    )
    calibration_hashes = pixel_hashes_of(fresh)
    pixels = None
    if hashes is not None and calibration_hashes is not None:
        distance = closest(calibration_hashes, hashes[0], threads=run.threads).distance
        pixels = PixelCopyTest(*hashes, distance, calibrator.at_k.method)
    part = replace(calibrator.describe(), images=images)
    return CalibrationSet(calibrator, every_k, part, pixels, fresh)


def _not_in(reference: Features, given: Features) -> Features:
    """The calibration images that are not in the reference too."""
    digests = given.done["digest"].to_numpy()
    fresh = np.flatnonzero(~np.isin(digests, reference.done["digest"].to_numpy()))
    if not len(fresh):
        raise ParameterError(
            f"All {len(given):,} calibration images from '{given.location}' are in the reference "
            "too: calibrate with real images that are not, or hold a share of the reference out."
        )
    return given if len(fresh) == len(given) else given.take(fresh, given.location)
