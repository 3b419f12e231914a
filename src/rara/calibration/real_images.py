"""The real images that scores are calibrated with: the reference's own, or others.

reference, or images given for it --> Calibrator at every k --> two more axes of the scores
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from rara.calibration.by_pixels import PixelCopyTest
from rara.calibration.by_vectors import AtK, Calibrator, calibrate_by_itself
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
    """What samples are calibrated with, and what the provenance says of it."""

    axis: Calibrator
    every_k: Mapping[int, AtK]
    origin: CalibrationPart
    pixels: PixelCopyTest | None = None
    """The pixels of the same images; None where rara has not seen them."""


def calibration_set(
    given: Features | None,
    reference: Features,
    pixel_cache: PixelCache,
    geometry: BallGeometry,
    run: Run,
) -> CalibrationSet:
    """The calibration by the images given, or else by the reference's own."""
    seen = pixel_cache.with_nearest(run)
    if given is None:
        axis = calibrate_by_itself(geometry)
        pixels = seen and PixelCopyTest(*seen, seen[1], axis.at_k.method)
        return CalibrationSet(axis, each_k_by_itself(geometry, axis.at_k), axis.describe(), pixels)
    if geometry.own is not None:
        raise ParameterError(
            "Leave-one-out calibrates the reference's own images with one another: remove the "
            "calibration."
        )
    fresh = _not_in(reference, given)
    vectors = (fresh.vectors, reference.vectors, geometry)
    pairs = len(fresh) * len(reference)
    with watching(run.progress, pairs, "Pairs of calibration and reference") as advance:
        axis, every_k = calibrate_by_others(*vectors, **run.engine(advance))
    images = CalibrationImages(
        location=fresh.location,
        fingerprint=fresh.fingerprint,
        in_reference=len(given) - len(fresh),
        remarks=given.remarks,
        skipped=tuple(given.skipped),
        noted=noted_in(given),
    )
    theirs = pixel_hashes_of(fresh)
    pixels = None
    if seen is not None and theirs is not None:
        found = closest(theirs, seen[0], threads=run.threads).distance
        pixels = PixelCopyTest(*seen, found, axis.at_k.method)
    return CalibrationSet(axis, every_k, replace(axis.describe(), images=images), pixels)


def _not_in(reference: Features, given: Features) -> Features:
    """The images that the reference does not hold as well: one of its own is nothing fresh."""
    digests = given.done["digest"].to_numpy()
    fresh = np.flatnonzero(~np.isin(digests, reference.done["digest"].to_numpy()))
    if not len(fresh):
        raise ParameterError(
            f"All {len(given):,} calibration images from '{given.location}' are in the reference "
            "too: calibrate with real images that are not, or hold a share of the reference out."
        )
    return given if len(fresh) == len(given) else given.take(fresh, given.location)
