"""The real images that scores are calibrated with: the reference's own, or others.

reference, or images given for it --> Calibrated --> one more axis of the scores
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rara.errors import ParameterError
from rara.run import Run, watching
from rara.scores import Calibrated, Setting, among_its_own, among_others
from rara.store import Features


def calibrated(
    given: Features | None, reference: Features, setting: Setting, run: Run
) -> tuple[Calibrated, dict[str, Any]]:
    """The calibration by the images given, or else by the reference's own, and its provenance."""
    if given is None:
        axis = among_its_own(setting)
        return axis, axis.describe()
    if setting.own is not None:
        raise ParameterError(
            "The samples are the reference's own images: they are calibrated with one another, "
            "each without itself. Leave the calibration away."
        )
    fresh = _not_in(reference, given)
    pairs = len(fresh) * len(reference)
    with watching(run.progress, pairs, "Pairs of calibration and reference") as advance:
        axis = among_others(
            fresh.vectors, reference.vectors, setting,
            memory=run.memory, threads=run.threads, progress=advance,
        )  # fmt: skip
    origin = {
        "location": fresh.location,
        "fingerprint": fresh.fingerprint,
        "in_reference": len(given) - len(fresh),
        "skipped": [one._asdict() for one in given.skipped],
    }
    return axis, {**axis.describe(), **origin}


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
