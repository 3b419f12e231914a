"""The source of a sample: the candidate that direct evidence names, with its p-value.

    Ready sample, Ready candidates --compared--> FoundSource for each that is unlikely by chance

Three witnesses look at each candidate. Whole pictures are compared first, which is cheap and sees
blurred, compressed and small copies. Local features look for a region. Where both see too little,
whole pictures are laid over each other, which sees small copies that were moved. Each has its own
null, and the pair's p-value is three times the smallest one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from rara.features.made_once import made_once
from rara.features.neighbours import kept_place
from rara.geometry.threads import one_core
from rara.images.decode import DECODER
from rara.retrieval.aligned_picture import VERSION as ALIGNED_VERSION
from rara.retrieval.aligned_picture import laid
from rara.retrieval.chance_agreement import PICTURES, ChanceAgreement
from rara.retrieval.evidence import (
    Evidence,
    aligned_evidence_between,
    evidence_between,
    whole_evidence_between,
)
from rara.retrieval.local_features import PreparedImage
from rara.retrieval.polygons import Polygon, rectangle
from rara.retrieval.ready_pictures import Ready, ReadyPictures
from rara.retrieval.universal_null import p_value
from rara.retrieval.whole_picture import VERSION as WHOLE_VERSION
from rara.retrieval.whole_picture import WholePicture, whole_agreement
from rara.run import Run
from rara.storage.atomic import keep_arrays, kept_arrays

CERTAIN: Final = 1e-6
"""The p-value up to which a sample is a copy as a fact."""

ACCUSES: Final = 2 * CERTAIN
"""The smallest p-value of an alignment alone, so that it accuses and is never a fact.

Small pictures of one kind, as two aircraft before the sky, can agree as well as a copy does.
"""

WORTH_SHOWING: Final = 0.05
"""The p-value up to which evidence names a source."""

WEIGHT: Final = 100
"""By which evidence must be stronger than the tests to speak in their place."""

_WITNESSES: Final = 3

_MOST_OF_IT: Final = 0.5
"""Share of a sample that the region of two whole pictures has at least."""

_WHOLE: Final = (rectangle(1, 1), rectangle(1, 1))


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

    p: float
    """How often the best of all reference images gives as much by chance."""
    sample_region: Polygon
    """(n, 2) from 0 to 1 of the width and the height."""
    source_region: Polygon
    edit: str
    """What was done to the source, in words."""


def chance_in(reference: ReadyPictures, run: Run) -> ChanceAgreement | None:
    """How well unrelated pictures of the reference agree; None where there are too few.

    It takes a second, and is kept in the cache.
    """

    def made(rows: set[int]) -> tuple[ChanceAgreement | None, int]:
        wholes = reference.wholes(rows)
        return ChanceAgreement.among([wholes[row] for row in sorted(wholes)]), len(wholes)

    return _kept_chance(f"wholes {WHOLE_VERSION}", reference, run, made)


def chance_aligned_in(reference: ReadyPictures, run: Run) -> ChanceAgreement | None:
    """The same where they are laid over each other, which takes a few seconds."""

    def made(rows: set[int]) -> tuple[ChanceAgreement | None, int]:
        pictures = reference.alignables(rows)
        some = [pictures[row] for row in sorted(pictures)]
        return ChanceAgreement.among_aligned(some, threads=run.threads), len(some)

    return _kept_chance(f"aligned {ALIGNED_VERSION}", reference, run, made)


def _kept_chance(
    what: str,
    reference: ReadyPictures,
    run: Run,
    made: Callable[[set[int]], tuple[ChanceAgreement | None, int]],
) -> ChanceAgreement | None:
    """What the cache has of these pictures, or what is made now; kept if all could be read.

    Of a large reference, the images with the smallest digests are drawn, each content once: a
    random draw that no order changes.
    """
    drawn, rows = made_once(reference.features, "drawn pictures", lambda: _drawn(reference))
    key = " ".join([f"agreement of {what}, decoder {DECODER}", *drawn])
    place = kept_place(key, run)
    memory = made_once(reference.features, "agreements", dict[Path, ChanceAgreement])
    if place in memory:
        return memory[place]
    kept = kept_arrays(place)
    if kept and kept["agreement"].shape == (3,) and np.isfinite(kept["agreement"]).all():
        memory[place] = ChanceAgreement(*kept["agreement"].tolist())
        return memory[place]
    with one_core(), reference.uncounted():
        found, read = made(rows)
    if found is not None and read == len(rows):
        keep_arrays(place, agreement=np.array([found.start, found.share, found.scale]))
    return found


def _drawn(reference: ReadyPictures) -> tuple[list[str], set[int]]:
    """The smallest digests, each once, and the first row of each."""
    digests = reference.features.done["digest"].combine_chunks().to_numpy(zero_copy_only=False)
    drawn, first = np.unique(digests.astype(str), return_index=True)
    return drawn[:PICTURES].tolist(), set(first[:PICTURES].tolist())


def compared(
    sample: Ready,
    candidates: Mapping[int, Ready],
    chance: ChanceAgreement | None,
    images: int,
    *,
    regions: bool = True,
    aligned: ChanceAgreement | None = None,
) -> dict[int, FoundSource]:
    """The evidence that is unlikely by chance, by row of the candidate.

    `chance`, `aligned`: what unrelated pictures of the reference give as wholes, as they are and
    laid over each other; where it is None, they are not compared so. `images`: of the whole
    reference. `regions`: whether local features are compared as well.
    """
    rows = list(candidates)
    wholes = all_as_wholes(sample.whole, [candidates[row].whole for row in rows], chance, images)
    places = {one.place: one for one in wholes if one.p <= WORTH_SHOWING}
    found = {}
    for place, row in enumerate(rows):
        other, best = candidates[row], None
        if regions:
            best = features_between(sample.prepared, other.prepared, images)
        if place in places:
            best = _stronger(best, whole_between(sample.plain, other.plain, places[place]))
        if best is not None and best.p <= WORTH_SHOWING:
            found[row] = best
    unsure = {
        row: candidates[row] for row in rows if row not in found or found[row].p > CERTAIN
    }  # fmt: skip
    for row, best in _all_aligned(sample, unsure, aligned, images).items():
        if row not in found or best.p < found[row].p:
            found[row] = best
    return {row: found[row] for row in rows if row in found}


def _all_aligned(
    sample: Ready, candidates: Mapping[int, Ready], chance: ChanceAgreement | None, images: int
) -> dict[int, FoundSource]:
    """What alignments say that is unlikely by chance, by row of the candidate."""
    if chance is None or not candidates:
        return {}
    found = {}
    every = laid(sample.alignable, [one.alignable for one in candidates.values()])
    for (row, other), alignment in zip(candidates.items(), every, strict=True):
        p = max(ACCUSES, _joined(chance.p_value(alignment.strength, images)))
        if p <= WORTH_SHOWING:
            measured = aligned_evidence_between(sample.plain, other.plain, alignment)
            found[row] = _found(p, measured, alignment.regions())
    return found


def _stronger(region: FoundSource | None, whole: FoundSource) -> FoundSource:
    """The smaller p-value of two. Local features measure the region more exactly."""
    if region is None or (region.p > CERTAIN and region.p > whole.p):
        return whole
    return replace(region, p=min(region.p, whole.p))


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


def whole_between(
    sample: PreparedImage, candidate: PreparedImage, found: WholeCandidate
) -> FoundSource:
    """What whole pictures say, in words and regions."""
    return _whole(found.p, whole_evidence_between(sample, candidate, found.way))


def whole_at_p(sample: Ready, candidate: Ready, p: float) -> FoundSource:
    """A candidate that another test names as a whole, with that test's p-value, as it lies best."""
    _, ways = whole_agreement([sample.whole], [candidate.whole])
    return _whole(p, whole_evidence_between(sample.plain, candidate.plain, int(ways[0, 0])))


def features_between(
    sample: PreparedImage, candidate: PreparedImage, images: int
) -> FoundSource | None:
    """What local features say of one candidate of a reference of so many images."""
    measured = evidence_between(sample, candidate)
    if measured is None:
        return None
    p = _joined(p_value(measured.strength, kind=measured.kind, candidates=images))
    return _found(p, measured)


def speaks_by_source(source_p: float | None, copy_p: float | None) -> bool:
    """Whether the evidence decided the p-value of copying; None is a missing p-value."""
    if source_p is None or copy_p is None:
        return False
    return source_p <= CERTAIN or source_p * WEIGHT <= copy_p


def _whole(p: float, measured: Evidence | None) -> FoundSource:
    """Of whole pictures a small region says only that the rest of it was too blurred to measure."""
    if measured is not None and measured.sample_share < _MOST_OF_IT:
        measured = None
    return _found(p, measured)


def _found(
    p: float, measured: Evidence | None, regions: tuple[Polygon, Polygon] = _WHOLE
) -> FoundSource:
    """These regions where the pixels of small parts do not show one, as after blur."""
    if measured is None:
        return FoundSource(p, *regions, "blurred or damaged")
    return FoundSource(p, measured.sample_region, measured.source_region, measured.edit)


def _joined(p: float) -> float:
    return min(1.0, _WITNESSES * p)
