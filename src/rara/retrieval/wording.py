"""What was done to the source, in words.

Last step of direct evidence: from the map, the shares and the tones to a phrase such as "mirrored,
cropped to 38 %, turned by 90 degrees, pasted at 70 % of the area, colours changed". It describes
what was measured; several edits can have the same result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rara.retrieval.tones import ToneChange

_WHOLE: Final = 0.95
"""Share of a picture from which nothing of it is missing."""

_SLIGHT_TURN: Final = 1.5
"""Degrees that are no turn."""

_BENT: Final = 1.1
_STRETCHED: Final = 1.08
"""Ratios of scales that are neither perspective nor stretching."""

_AGREES: Final = 0.9
"""A correlation below it says that pixels were drawn over, blended or damaged."""


@dataclass(frozen=True, slots=True)
class Change:
    """What was measured of a change."""

    mirrored: bool
    rotation: float
    """Degrees."""
    stretched: float
    """Ratio of the scales along and across, at least 1."""
    bent: float
    """Ratio of the scales at two corners of the source, at least 1."""
    source_share: float
    sample_share: float
    ground: bool
    """Whether the sample has structure outside the region."""
    correlation: float
    """Of grey values."""
    tones: ToneChange


def in_words(change: Change) -> str:
    """The change as a phrase; "unchanged" where nothing was measured."""
    parts = [
        *_geometry(change),
        *_tones(change.tones),
        *(["partly covered or blended"] if change.correlation < _AGREES else []),
    ]
    return ", ".join(parts) or "unchanged"


def _geometry(change: Change) -> list[str]:
    parts = ["mirrored"] if change.mirrored else []
    if change.source_share < _WHOLE:
        parts.append(f"cropped to {100 * change.source_share:.0f} %")
    if abs(change.rotation) > _SLIGHT_TURN:
        side = "clockwise" if change.rotation > 0 else "anticlockwise"
        degrees = abs(round(change.rotation))
        parts.append(f"turned by {degrees} degrees" + ("" if degrees == 180 else f" {side}"))
    if change.bent > _BENT:
        parts.append("in perspective")
    elif change.stretched > _STRETCHED:
        parts.append(f"stretched by {100 * (change.stretched - 1):.0f} %")
    if change.sample_share < _WHOLE:
        ground = "another picture" if change.ground else "a plain ground"
        parts.append(f"pasted on {ground} at {100 * change.sample_share:.0f} % of its area")
    return parts


def _tones(tones: ToneChange) -> list[str]:
    """NaN compares as false, so that what was not measured is not said."""
    parts = []
    if tones.saturation == 0:
        parts.append("made grey")
    elif tones.colour < _AGREES or tones.saturation < 0.75 or tones.saturation > 1.33:
        parts.append("colours changed")
    if tones.contrast < 0.8 or tones.contrast > 1.25:
        parts.append("contrast changed")
    if abs(tones.brightness) > 12:
        parts.append("made brighter" if tones.brightness > 0 else "made darker")
    if tones.detail < 0.8:
        parts.append("blurred or made smaller")
    elif tones.detail > 1.25:
        parts.append("noise, compression or sharpening added")
    return parts
