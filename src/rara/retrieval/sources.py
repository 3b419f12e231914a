"""The source of a sample: the candidate that direct evidence names, with its p-value.

Two witnesses look at each candidate. Whole pictures are compared first, which is cheap and sees
blurred, compressed and small copies. Where that does not settle it, local features look for a
region. Each has its own null, and the pair's p-value is twice the smaller one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from rara.retrieval.chance_agreement import ChanceAgreement
from rara.retrieval.evidence import Evidence, evidence_between, whole_evidence_between
from rara.retrieval.local_features import PreparedImage, prepare, without_features
from rara.retrieval.polygons import Polygon, rectangle
from rara.retrieval.universal_null import p_value
from rara.retrieval.whole_picture import WholePicture, whole_agreement

CERTAIN: Final = 1e-6
"""The p-value up to which a sample is a copy as a fact."""

WEIGHT: Final = 100
"""By which evidence must be stronger than the tests to speak in their place."""

_WITNESSES: Final = 2


@dataclass(frozen=True, slots=True)
class WholeCandidate:
    """The candidate that agrees best with a sample as a whole."""

    place: int
    """Among the candidates."""
    p: float
    way: int


@dataclass(frozen=True, slots=True)
class FoundSource:
    """The candidate that the evidence names."""

    place: int
    """Among the candidates."""
    p: float
    """How often the best of all reference images gives as much by chance."""
    sample_region: Polygon
    """(n, 2) from 0 to 1 of the width and the height."""
    source_region: Polygon
    edit: str
    """What was done to the source, in words."""


def best_as_whole(
    sample: WholePicture,
    candidates: Sequence[WholePicture],
    chance: ChanceAgreement | None,
    images: int,
) -> WholeCandidate | None:
    """None where no candidate agrees beyond chance. `images`: of the whole reference."""
    return next(iter(all_as_wholes(sample, candidates, chance, images)), None)


def all_as_wholes(
    sample: WholePicture,
    candidates: Sequence[WholePicture],
    chance: ChanceAgreement | None,
    images: int,
) -> list[WholeCandidate]:
    """The candidates that agree beyond chance, the strongest first, then in their order.

    `images`: of the whole reference, since the best of all is what each p-value is of.
    """
    if chance is None or not candidates:
        return []
    strengths, ways = whole_agreement([sample], candidates)
    found = [
        WholeCandidate(
            int(place),
            _joined(chance.p_value(float(strengths[0, place]), images)),
            int(ways[0, place]),
        )
        for place in np.argsort(-strengths[0], kind="stable")
    ]
    return [one for one in found if one.p < 1]


def source_as_whole(
    sample: Image.Image, candidate: Image.Image, found: WholeCandidate
) -> FoundSource:
    """What whole pictures say, in words and regions."""
    ours, theirs = (without_features(_pixels(image)) for image in (sample, candidate))
    return whole_between(ours, theirs, found)


def whole_between(
    sample: PreparedImage, candidate: PreparedImage, found: WholeCandidate
) -> FoundSource:
    """The same for pictures that were prepared before."""
    measured = whole_evidence_between(sample, candidate, found.way)
    return _found(found.place, found.p, measured)


def source_by_features(
    sample: Image.Image, candidates: Sequence[Image.Image], images: int
) -> FoundSource | None:
    """The candidate with the strongest evidence by local features; None where there is none."""
    ready = prepare(_pixels(sample))
    best: FoundSource | None = None
    for place, candidate in enumerate(candidates):
        found = features_between(ready, prepare(_pixels(candidate)), images, place=place)
        if found is not None and found.p < (best.p if best else 1.0):
            best = found
    return best


def features_between(
    sample: PreparedImage, candidate: PreparedImage, images: int, *, place: int = 0
) -> FoundSource | None:
    """What local features say of one candidate of a reference of so many images."""
    measured = evidence_between(sample, candidate)
    if measured is None:
        return None
    p = _joined(p_value(measured.strength, size=measured.size, candidates=images))
    return _found(place, p, measured)


def speaks_by_source(source_p: float | None, copy_p: float | None) -> bool:
    """Whether the evidence decided the p-value of copying; None is a missing p-value."""
    if source_p is None or copy_p is None:
        return False
    return source_p <= CERTAIN or source_p * WEIGHT <= copy_p


def _found(place: int, p: float, measured: Evidence | None) -> FoundSource:
    """The whole of both where the pixels of small parts do not show a region, as after blur."""
    if measured is None:
        return FoundSource(place, p, rectangle(1, 1), rectangle(1, 1), "blurred or damaged")
    return FoundSource(place, p, measured.sample_region, measured.source_region, measured.edit)


def _joined(p: float) -> float:
    return min(1.0, _WITNESSES * p)


def _pixels(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(image.convert("RGB"), np.uint8)
