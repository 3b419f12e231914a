"""Direct evidence that a sample holds a region of another picture.

The door of this wing. Two pictures in, and either the region that both have, with how strong the
evidence is, or None. Nothing else is asked: no reference, no vectors and no calibration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from rara.retrieval.agreement import (
    FAINT,
    STRUCTURE,
    CellAgreement,
    agreement,
    structure_outside,
)
from rara.retrieval.aligned_picture import Alignment
from rara.retrieval.local_features import (
    Pixels,
    PreparedImage,
    prepare,
    without_features,
)
from rara.retrieval.maps import FEWEST, ImageMap, fitted, turned_map
from rara.retrieval.matches import Consensus, consensus
from rara.retrieval.polygons import Polygon, area, common, mapped, rectangle
from rara.retrieval.region import Region, region
from rara.retrieval.strength import strength
from rara.retrieval.tones import tone_change
from rara.retrieval.universal_null import PairKind
from rara.retrieval.whole_picture import MIRRORED, QUARTER_TURNS
from rara.retrieval.wording import Change, in_words

_PLACE: Final = 16
"""Working pixels of a square in which agreeing matches count once."""

_GROUND: Final = 0.02
"""Share of the sample's area with structure outside the region that makes it another picture."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A region that a sample and a source have in common.

    Regions are convex polygons, (n, 2) x to the right and y down, from 0 to 1 of each picture's
    width and height. "Turned" is clockwise as seen, after mirroring left and right.
    """

    strength: float
    """Higher is stronger; what unrelated pictures reach is in `universal_null`."""
    kind: PairKind
    """Which of its tables holds."""
    inliers: int
    """Matches that agree on one map, at distinct places of both pictures."""
    matches: int
    """Matches that were tried."""
    sample_region: Polygon
    source_region: Polygon
    sample_share: float
    """Of the sample's area, from 0 to 1."""
    source_share: float
    """Of the source's area, from 0 to 1."""
    residual: float
    """Median distance by which the agreeing matches miss the map, as a share of the sample's
    longest side."""
    correlation: float
    """Of grey values within small cells, over the region, from -1 to 1."""
    colour: float
    """Correlation of the colours over the region, from -1 to 1; NaN where one side has none."""
    mirrored: bool
    rotation: float
    """Degrees that the source is turned by in the sample, from -180 to 180."""
    scale: float
    """Pixels of the sample for each pixel of the source."""
    edit: str
    """What was done to the source, in words."""


def evidence(sample: Pixels, source: Pixels) -> Evidence | None:
    """What the two pictures have in common; None where nothing was found.

    `sample`, `source`: (height, width, 3) uint8. The sample is tried mirrored too. Raises
    ParameterError for arrays of another shape or type.
    """
    return evidence_between(prepare(sample), prepare(source))


def evidence_between(sample: PreparedImage, source: PreparedImage) -> Evidence | None:
    """The same for pictures that were prepared before."""
    if not (sample.sufficient and source.sufficient):
        return None
    plain, turned = sample, sample.mirrored
    ways = [(one, consensus(one.features, source.features)) for one in (plain, turned)]
    image, matches = max(ways, key=lambda way: way[1].distinct if way[1] else 0)
    if matches is None or matches.distinct < FEWEST:
        return None
    found = _mapped(matches, image, source)
    if found is None:
        return None
    return _measured(image, source, found, matches=matches, flipped=image is turned)


def evidence_of_whole(sample: Pixels, source: Pixels, way: int) -> Evidence | None:
    """The same where the sample is the whole source, turned in one of the eight ways.

    `way`: that of `whole_agreement`. No features are needed, so the strength is 0.
    """
    return whole_evidence_between(without_features(sample), without_features(source), way)


def whole_evidence_between(
    sample: PreparedImage, source: PreparedImage, way: int
) -> Evidence | None:
    """The same for pictures that were prepared before, with or without features."""
    flipped = way in MIRRORED
    image = sample.mirrored if flipped else sample
    found = turned_map(_size(source), _size(image), QUARTER_TURNS[way])
    return _measured(image, source, found, matches=None, flipped=flipped)


def aligned_evidence_between(
    sample: PreparedImage, source: PreparedImage, alignment: Alignment
) -> Evidence | None:
    """The same where whole pictures were laid over each other; no features are needed."""
    found, flipped = alignment.image_map(_size(source), _size(sample))
    image = sample.mirrored if flipped else sample
    return _measured(image, source, found, matches=None, flipped=flipped)


def pair_kind(sample: PreparedImage, source: PreparedImage) -> PairKind:
    """Which table of what unrelated pictures reach holds for two pictures."""
    if sample.small or source.small:
        return "small"
    if sample.enlarged or source.enlarged:
        return "enlarged"
    return "repeating" if sample.repeating or source.repeating else "large"


def _mapped(matches: Consensus, sample: PreparedImage, source: PreparedImage) -> ImageMap | None:
    ends = source.features.points[matches.source], sample.features.points[matches.sample]
    lines = pair_kind(sample, source) == "large"
    return fitted(matches, *ends, _size(source), _size(sample), lines=lines)


def _measured(
    sample: PreparedImage,
    source: PreparedImage,
    found: ImageMap,
    *,
    matches: Consensus | None,
    flipped: bool,
) -> Evidence | None:
    overlap = common(mapped(rectangle(*_size(source)), found.matrix), rectangle(*_size(sample)))
    if area(overlap) < sample.cell**2:
        return None
    kind = pair_kind(sample, source)
    least = FAINT if kind == "large" and matches is not None else STRUCTURE
    cells = agreement(sample, source, found, overlap, least=least)
    part = region(cells, overlap)
    if not np.any(cells.structured & part.chosen):
        return None
    back = mapped(part.corners, np.linalg.inv(found.matrix).astype(np.float64))
    ends = part.corners / _size(sample), np.clip(back / _size(source), 0, 1)
    if flipped:
        ends = np.column_stack([1 - ends[0][:, 0], ends[0][:, 1]])[::-1], ends[1][::-1]
    shares = area(ends[0]), area(ends[1])
    correlation = cells.correlation(part.chosen)
    rotation = -found.rotation if flipped else found.rotation
    inside = cells.inside & cells.grid.pixels(part.chosen, cells.inside.shape)
    tones = tone_change(cells.sample, cells.source, inside)
    change = Change(
        mirrored=flipped,
        rotation=rotation,
        stretched=found.stretched,
        bent=found.bent,
        sample_share=shares[0],
        source_share=shares[1],
        ground=structure_outside(cells, part.corners, sample.cell) > _GROUND,
        correlation=correlation,
        tones=tones,
    )
    return Evidence(
        strength=strength(_supporting(found, part, cells), part.agreement, kind),
        kind=kind,
        inliers=matches.distinct if matches else 0,
        matches=len(matches.source) if matches else 0,
        sample_region=ends[0],
        source_region=ends[1],
        sample_share=shares[0],
        source_share=shares[1],
        residual=found.residual / max(_size(sample)),
        correlation=correlation,
        colour=tones.colour,
        mirrored=flipped,
        rotation=rotation,
        scale=found.scale * source.factor / sample.factor,
        edit=in_words(change),
    )


def _supporting(found: ImageMap, part: Region, cells: CellAgreement) -> int:
    """Agreeing matches in the region, counted once for each square of both pictures."""
    chosen = cells.grid.pixels(part.chosen, cells.inside.shape)
    x, y = np.rint(found.sample).astype(int).T
    inside = chosen[np.clip(y, 0, len(chosen) - 1), np.clip(x, 0, chosen.shape[1] - 1)]
    places = [np.unique(ends[inside] // _PLACE, axis=0) for ends in (found.sample, found.source)]
    return min(len(one) for one in places)


def _size(image: PreparedImage) -> tuple[int, int]:
    return image.pixels.shape[1], image.pixels.shape[0]
