"""The sources of many samples: which candidates are looked at, and what was found.

    pixel hashes, nearest images --Candidates--> pictures read again --find_sources--> FoundSources

Last step of this wing. Only what the cheap witnesses point at is looked at. Pictures are read again
from where they are; those that are gone, or have changed since, cannot be looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from rara.features.features import Features
from rara.features.image_lookup import Side, SourcePictures
from rara.features.pixel_hashes import pixel_hashes_of
from rara.geometry.hamming import closest_codes
from rara.retrieval.chance_agreement import PICTURES, ChanceAgreement
from rara.retrieval.sources import (
    CERTAIN,
    FoundSource,
    WholeCandidate,
    best_as_whole,
    source_as_whole,
    source_by_features,
)
from rara.retrieval.whole_picture import WholePicture, whole_picture
from rara.run import Run, watching

Looking: TypeAlias = Literal["none", "near", "all"]
"""Which samples are looked at: none, those near to a reference image, or all of them."""

_CODES: Final = 6
"""Candidates by their pixel hash."""

NEAR_BITS: Final = 80
"""Bits of 256 that a candidate's pixel hash may differ in, where only near ones are looked at."""

WORTH_SHOWING: Final = 0.05
"""The p-value up to which whole pictures name a source."""

_AT_ONCE: Final = 16
"""Samples whose pictures are in memory at once."""

_WHOLES_AT_ONCE: Final = 2_000
"""Samples whose small pictures are in memory at once, 12 KB each, with their candidates'."""

_FEATURES_SHARE: Final = 0.1
_FEATURES_LEAST: Final = 100
"""Of the samples, or so many, whose local features are looked at among the near ones."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The reference rows that a sample may come from, by the sample's row."""

    as_whole: Mapping[int, Sequence[int]]
    by_features: Mapping[int, Sequence[int]]

    def without(self, rows: Mapping[int, NDArray[np.int32]]) -> Candidates:
        """Without some reference rows of some samples."""
        return Candidates(_without(self.as_whole, rows), _without(self.by_features, rows))

    def of(self, row: int) -> set[int]:
        """The reference rows of one sample."""
        return {*self.as_whole.get(row, ()), *self.by_features.get(row, ())}


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at."""

    looking: Looking
    images: int
    """Reference images that each sample could have been found in."""
    as_whole: int
    """Samples that were compared as wholes."""
    by_features: int
    """Samples that were searched for regions."""
    unavailable: int
    """Images of both sides that could not be read again."""


@dataclass(frozen=True, slots=True)
class FoundSources:
    """The reference image that each sample was found in, by the sample's row."""

    sources: Mapping[int, tuple[int, FoundSource]]
    """Row of the reference, and the evidence."""
    looked: Looked


def candidates_by_hash(
    samples: Features,
    reference: Features,
    *,
    own: NDArray[np.int32] | None = None,
    at_most: int = NEAR_BITS,
    threads: int | None = None,
) -> dict[int, list[int]]:
    """The reference rows with the nearest pixel hashes, by the sample's row."""
    ours, theirs = pixel_hashes_of(samples), pixel_hashes_of(reference)
    if ours is None or theirs is None:
        return {}
    rows, others = np.flatnonzero(~ours.flat), np.flatnonzero(~theirs.flat)
    if not (len(rows) and len(others)):
        return {}
    place = np.full(len(theirs) + 1, -1, np.int32)
    place[others] = np.arange(len(others))
    closest = closest_codes(
        ours.codes[rows], theirs.codes[others], k=min(_CODES, len(others)),
        own=None if own is None else place[own[rows]], threads=threads,
    )  # fmt: skip
    near = (closest.distance <= at_most) & (closest.index >= 0)
    return {
        int(row): others[closest.index[i, near[i]]].tolist()
        for i, row in enumerate(rows)
        if near[i].any()
    }


def searched(
    p: NDArray[np.float64], looking: Looking, nearest: Sequence[Collection[int]], alpha: float
) -> dict[int, list[int]]:
    """The samples whose local features are compared, and with which reference rows.

    `p`: of copying. Where only near samples are looked at, these are the ones with the smallest.
    """
    if looking == "all":
        return {row: sorted(set(rows)) for row, rows in enumerate(nearest)}
    most = max(_FEATURES_LEAST, int(_FEATURES_SHARE * len(p)))
    order = np.argsort(p, kind="stable")[:most]
    return {int(row): sorted(set(nearest[row])) for row in order if p[row] <= alpha}


def _without(
    candidates: Mapping[int, Sequence[int]], rows: Mapping[int, NDArray[np.int32]]
) -> dict[int, Sequence[int]]:
    left = {
        row: [one for one in some if row not in rows or one not in rows[row]]
        for row, some in candidates.items()
    }
    return {row: some for row, some in left.items() if some}


def find_sources(
    candidates: Candidates,
    samples: Features,
    reference: Features,
    pictures: SourcePictures,
    looking: Looking,
    run: Run,
) -> FoundSources:
    """What direct evidence says of each candidate; the strongest is the source.

    First all are compared as wholes. Then local features are compared of those that this did not
    settle. Both sides are read again for it.
    """
    looked = Looked(looking, len(reference), 0, 0, 0)
    if not (candidates.as_whole or candidates.by_features):
        return FoundSources({}, looked)
    sides = _Sides(samples, reference, pictures)
    wholes, looked = _compared_as_wholes(candidates.as_whole, sides, looked, run)
    regions = {
        row: rows for row, rows in candidates.by_features.items()
        if row not in wholes or wholes[row][1].p > CERTAIN
    }  # fmt: skip
    jobs = {row: [wholes[row][0]] for row in wholes}
    for row, rows in regions.items():
        jobs[row] = [*jobs.get(row, []), *rows]
    sources: dict[int, tuple[int, FoundSource]] = {}
    with watching(run.progress, len(jobs), "Regions of reference images in samples") as advance:
        for row, ours, theirs in sides.opened(jobs):
            asked = not theirs.keys().isdisjoint(regions.get(row, ()))
            looked = replace(looked, by_features=looked.by_features + asked)
            found = _source(ours, theirs, wholes.get(row), asked, len(reference))
            if found is not None:
                sources[row] = found
            if advance:
                advance(1)
    return FoundSources(sources, replace(looked, unavailable=len(sides.missing)))


@dataclass(frozen=True, slots=True)
class _Sides:
    """Samples and reference, and where their pictures are."""

    samples: Features
    reference: Features
    pictures: SourcePictures
    missing: set[tuple[Side, int]] = field(default_factory=set)
    """Images that could not be read again, each once."""

    def wholes(self, side: Side, rows: Collection[int]) -> dict[int, WholePicture]:
        """Small pictures of these rows, as far as they can be read; one is in memory at a time."""
        return {row: whole_picture(image) for row, image in self._each(side, rows)}

    def opened(
        self, jobs: Mapping[int, Sequence[int]]
    ) -> Iterator[tuple[int, Image.Image, dict[int, Image.Image]]]:
        """The pictures of each sample and of its candidates, of some samples at a time."""
        rows = sorted(jobs)
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            ours = dict(self._each("samples", some))
            theirs = dict(self._each("reference", {one for row in some for one in jobs[row]}))
            for row in some:
                if row in ours:
                    yield row, ours[row], {one: theirs[one] for one in jobs[row] if one in theirs}

    def _each(self, side: Side, rows: Collection[int]) -> Iterator[tuple[int, Image.Image]]:
        places, read = self._ids(side, rows), set[int]()
        for id_, image in self.pictures.each(side, places):
            read.add(places[id_])
            yield places[id_], image
        self.missing.update((side, row) for row in rows if row not in read)

    def _ids(self, side: Side, rows: Collection[int]) -> dict[str, int]:
        features = self.samples if side == "samples" else self.reference
        wanted = sorted(rows)
        ids = features.done["id"].combine_chunks().take(pa.array(wanted, pa.int64())).to_pylist()
        return dict(zip(ids, wanted, strict=True))


def _compared_as_wholes(
    asked: Mapping[int, Sequence[int]], sides: _Sides, looked: Looked, run: Run
) -> tuple[dict[int, tuple[int, WholeCandidate]], Looked]:
    """By sample: the reference row that agrees best, where that is unlikely by chance."""
    drawn, rows = drawn_rows(sides.reference), sorted(asked)
    usual = sides.wholes("reference", drawn)
    chance = ChanceAgreement.among([usual[row] for row in sorted(usual)])
    best = {}
    with watching(run.progress, len(rows), "Whole pictures of samples and reference") as advance:
        for start in range(0, len(rows), _WHOLES_AT_ONCE):
            some = rows[start : start + _WHOLES_AT_ONCE]
            wanted = {one for row in some for one in asked[row]}
            ours, theirs = sides.wholes("samples", some), sides.wholes("reference", wanted)
            for row in ours:
                there = [one for one in asked[row] if one in theirs]
                pictures = [theirs[one] for one in there]
                found = best_as_whole(ours[row], pictures, chance, looked.images)
                if found is not None and found.p <= WORTH_SHOWING:
                    best[row] = there[found.place], found
            looked = replace(looked, as_whole=looked.as_whole + len(ours))
            if advance:
                advance(len(some))
    return best, looked


def drawn_rows(reference: Features) -> set[int]:
    """Images with the smallest digests, each content once: a random draw that no order changes."""
    digests = reference.done["digest"].combine_chunks().to_numpy(zero_copy_only=False)
    _, first = np.unique(digests.astype(str), return_index=True)
    return set(first[:PICTURES].tolist())


def _source(
    ours: Image.Image,
    theirs: Mapping[int, Image.Image],
    whole: tuple[int, WholeCandidate] | None,
    by_features: bool,
    images: int,
) -> tuple[int, FoundSource] | None:
    """The stronger of what whole pictures and local features say."""
    found = None
    if whole is not None and whole[0] in theirs:
        found = whole[0], source_as_whole(ours, theirs[whole[0]], whole[1])
    if by_features:
        rows = list(theirs)
        region = source_by_features(ours, [theirs[row] for row in rows], images)
        if region is not None and (found is None or region.p < found[1].p):
            found = rows[region.place], region
    return found
