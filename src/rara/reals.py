"""The real images that scores are calibrated with: the reference's own, or others.

reference, or images given for it --> Calibrated --> one more axis of the scores
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.errors import ParameterError
from rara.run import Run, watching
from rara.scores import Calibrated, Setting, among_its_own, among_others, own_balls
from rara.store import Features

QUANTILES = 201


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


def own_figures(setting: Setting) -> dict[str, Any] | None:
    """How the reference's own images fare, each judged without itself."""
    if setting.k >= setting.d2.shape[1]:
        return None
    rarity = np.sqrt(own_balls(setting).radius2)
    inside = ~np.isnan(rarity)
    return {
        "inside": float(inside.mean()),
        "rarity": _quantiles(rarity[inside]),
        "knn_distance": _quantiles(np.sqrt(setting.radii2)),
        "nearest_distance": _quantiles(np.sqrt(setting.d2[:, 0])),
    }


def _quantiles(values: NDArray[np.float64]) -> list[float]:
    if not values.size:
        return []
    return [float(q) for q in np.quantile(values, np.linspace(0, 1, QUANTILES))]


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
