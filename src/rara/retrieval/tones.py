"""How the sample's pixels differ from the source's, where the two agree.

Beside direct evidence: what `wording` needs to say that brightness, colours or detail changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]

_COLOURLESS: Final = 3.0
"""Standard deviation of the differences of colour below which a picture is grey."""


@dataclass(frozen=True, slots=True)
class ToneChange:
    """The sample beside the source, over one region."""

    brightness: float
    """Difference of the mean grey values, out of 255."""
    contrast: float
    """Ratio of the deviations of grey values; NaN where the source has none."""
    saturation: float
    """Ratio of the deviations of colour, contrast apart; 0 for a grey sample, NaN for a grey
    source, and where one side has no contrast."""
    colour: float
    """Correlation of the differences of colour, from -1 to 1; NaN where one side has none."""
    detail: float
    """Ratio of the differences between neighbouring pixels, contrast apart; NaN likewise."""


def tone_change(sample: list[Plane], source: list[Plane], where: NDArray[np.bool_]) -> ToneChange:
    """Compares luma and two differences of colour over the pixels of `where`."""
    chosen = [[plane[where] for plane in planes] for planes in (sample, source)]
    ours, theirs = chosen
    deviations = float(ours[0].std()), float(theirs[0].std())
    colours = _spread(ours), _spread(theirs)
    contrast = _ratio(deviations, 1.0)
    apart = contrast if contrast > 0 else np.nan
    saturation = _ratio(colours, _COLOURLESS) / apart
    steps = _steps(sample[0], where), _steps(source[0], where)
    return ToneChange(
        brightness=float(ours[0].mean() - theirs[0].mean()),
        contrast=contrast,
        saturation=0.0 if colours[0] < _COLOURLESS <= colours[1] else saturation,
        colour=_correlation(ours, theirs) if min(colours) >= _COLOURLESS else np.nan,
        detail=_ratio(steps, 0.1) / apart,
    )


def _ratio(deviations: tuple[float, float], least: float) -> float:
    sample, source = deviations
    return sample / source if source >= least else np.nan


def _spread(planes: list[Plane]) -> float:
    """Deviation of the colours."""
    return float(np.hypot(planes[1].std(), planes[2].std()))


def _correlation(sample: list[Plane], source: list[Plane]) -> float:
    ends = [np.concatenate([p - p.mean() for p in planes[1:]]) for planes in (sample, source)]
    power = [float(np.mean(end**2)) for end in ends]
    return float(np.mean(ends[0] * ends[1]) / np.sqrt(power[0] * power[1]))


def _steps(luma: Plane, where: NDArray[np.bool_]) -> float:
    """Mean absolute difference of neighbours in a row, both of which are in the region."""
    both = where[:, 1:] & where[:, :-1]
    return float(np.mean(np.abs(np.diff(luma, axis=1))[both])) if both.any() else 0.0
