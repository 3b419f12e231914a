"""The sources of many samples: which candidates are looked at, and what was found.

    pixel hashes, nearest images --Candidates--> pictures read again --find_sources--> FoundSources
                       an index of local features names more of them

Last step of this wing. Only what the cheap witnesses point at is looked at. Pictures are read again
from where they are; those that are gone, or have changed since, cannot be looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rara.features.features import Features
from rara.features.pixel_hashes import pixel_hashes_of
from rara.geometry.hamming import closest_codes
from rara.geometry.threads import one_core
from rara.machine import cores
from rara.retrieval.chance_agreement import ChanceAgreement
from rara.retrieval.inverted_index import Index
from rara.retrieval.ready_pictures import ReadyPictures
from rara.retrieval.reference_index import ReferenceIndex, index_of
from rara.retrieval.sources import (
    CERTAIN,
    WORTH_SHOWING,
    FoundSource,
    best_as_whole,
    chance_aligned_in,
    chance_in,
    compared,
)
from rara.run import Run, watching

Looking: TypeAlias = Literal["none", "near", "all"]
"""Which samples are looked at: none, those near to a reference image, or all of them."""

_CODES: Final = 6
"""Candidates by their pixel hash."""

NEAR_BITS: Final = 80
"""Bits of 256 that a candidate's pixel hash may differ in, where only near ones are looked at."""

_BY_INDEX: Final[dict[Looking, int]] = {"none": 0, "near": 5, "all": 11}
"""Candidates that the index names for a sample."""

_AT_ONCE: Final = 16
"""Samples whose pictures are in memory at once, or fewer."""

_WHOLES_AT_ONCE: Final = 2_000
"""Samples whose small pictures are in memory at once, 12 KB each, with their candidates'."""

_FEATURES_SHARE: Final = 0.1
_FEATURES_LEAST: Final = 100
"""Of the samples, or so many, whose local features are looked at among the near ones."""

_INDEXED_LEAST: Final = 300
"""The same where an index of the reference is at hand."""

_SMALL: Final = 128
"""Pixels of the longest side up to which a picture is read in a moment, and has few features."""

_ALIGNED_P: Final = 0.2
"""The p-value of copying up to which small pictures are laid over their candidates. Of pictures
that are no copies it takes about a fifth."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The reference rows that a sample may come from, by the sample's row."""

    as_whole: Mapping[int, Sequence[int]]
    by_features: Mapping[int, Sequence[int]]
    """These samples are looked for in an index as well."""
    never: Mapping[int, Collection[int]] = field(default_factory=dict)
    """Reference rows that a sample is not compared with."""
    aligned: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Samples that are laid over these, whether or not they are searched for regions."""

    def __bool__(self) -> bool:
        """Whether any sample is compared with anything."""
        return bool(self.as_whole or self.by_features or self.aligned)

    def without(self, rows: Mapping[int, Collection[int]]) -> Candidates:
        """Without some reference rows of some samples."""
        never = {
            row: {*self.never.get(row, ()), *rows.get(row, ())} for row in {**self.never, **rows}
        }
        return replace(self, never=never)


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at."""

    looking: Looking
    images: int
    """Reference images that each sample could have been found in."""
    as_whole: int = 0
    """Samples that were compared as wholes."""
    by_features: int = 0
    """Samples that were searched for regions."""
    unavailable: int = 0
    """Images of both sides that could not be read again."""
    indexed: bool = False
    """Whether an index of the reference's local features named candidates."""
    index_problem: str | None = None
    """Why an index that is there was not used; a sentence."""


@dataclass(frozen=True, slots=True)
class FoundSources:
    """The reference image that each sample was found in, by the sample's row."""

    sources: Mapping[int, tuple[int, FoundSource]]
    """Row of the reference, and the evidence."""
    looked: Looked
    passed_over: Mapping[int, Collection[int]] = field(default_factory=dict)
    """Reference rows that would have been compared, if they had not been left out."""


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
    p: NDArray[np.float64],
    looking: Looking,
    nearest: Sequence[Collection[int]],
    alpha: float,
    *,
    indexed: bool,
) -> dict[int, list[int]]:
    """The samples whose local features are compared, and with which reference rows.

    `p`: of copying. Where only near samples are looked at, these are the ones with the smallest.
    With an index, more of them: it finds what the tests do not.
    """
    order = np.argsort(p, kind="stable")
    if looking != "all":
        least = _INDEXED_LEAST if indexed else _FEATURES_LEAST
        order = order[: max(least, int(_FEATURES_SHARE * len(p)))]
        order = order if indexed else order[p[order] <= alpha]
    return {int(row): sorted(set(nearest[row])) for row in order}


def small_and_near(
    p: NDArray[np.float64], samples: Features, nearest: Sequence[Collection[int]]
) -> dict[int, list[int]]:
    """The small samples that are laid over these reference rows. `p`: of copying."""
    rows: list[int] = np.flatnonzero(small_ones(samples) & (p <= _ALIGNED_P)).tolist()
    return {row: sorted(set(nearest[row])) for row in rows}


def small_ones(samples: Features) -> NDArray[np.bool_]:
    """(m,) the pictures that are laid over others: read in a moment, with few features."""
    sides = [samples.done[name].to_numpy(zero_copy_only=False) for name in ("width", "height")]
    longest = np.maximum(*(np.asarray(side, np.float64) for side in sides))  # NaN without a picture
    small: NDArray[np.bool_] = longest <= _SMALL
    return small


def find_sources(
    candidates: Candidates,
    samples: ReadyPictures,
    reference: ReadyPictures,
    looking: Looking,
    run: Run,
    *,
    index: Path | None = None,
) -> FoundSources:
    """What direct evidence says of each candidate; the strongest is the source.

    First all are compared as wholes. Then local features are compared of those that this did not
    settle, and pictures laid over each other. Both sides are read again for it. `index`: the folder
    of the reference's index, where it has one.
    """
    looked = Looked(looking, len(reference))
    if not candidates:
        return FoundSources({}, looked)
    finder = _Finder(samples, reference, chance_in(reference, run), candidates.never, run)
    with one_core():
        wholes, as_whole = finder.best_as_wholes(candidates.as_whole)
    regions, aligned = (
        {row: rows for row, rows in some.items() if row not in wholes or wholes[row].p > CERTAIN}
        for some in (candidates.by_features, candidates.aligned)
    )
    found = index_of(reference, index, run) if regions else ReferenceIndex()
    jobs = _Jobs(regions, {**aligned, **regions}, wholes, _BY_INDEX[looking])
    usual = chance_aligned_in(reference, run) if jobs.aligned else None
    sources, by_features = finder.by_pictures(jobs, found.index, usual)
    return FoundSources(
        sources,
        replace(
            looked, as_whole=as_whole, by_features=by_features, indexed=found.index is not None,
            index_problem=found.problem,
            unavailable=len(samples.unavailable) + len(reference.unavailable),
        ),
        finder.passed_over,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Whole:
    """The reference image that agrees best with a sample as a whole."""

    row: int
    p: float


@dataclass(frozen=True, slots=True)
class _Jobs:
    """What is left to be looked at once whole pictures were compared, by the sample's row."""

    regions: Mapping[int, Sequence[int]]
    aligned: Mapping[int, Sequence[int]]
    """Those searched for regions are among these."""
    wholes: Mapping[int, _Whole]
    by_index: int
    """How many more an index names."""

    def rows(self, row: int, named: Iterable[int]) -> list[int]:
        """The reference rows that are candidates of a sample."""
        whole = [self.wholes[row].row] if row in self.wholes else []
        return [*whole, *self.aligned.get(row, ()), *named]


@dataclass(frozen=True, slots=True)
class _Finder:
    samples: ReadyPictures
    reference: ReadyPictures
    chance: ChanceAgreement | None
    never: Mapping[int, Collection[int]]
    run: Run
    passed_over: dict[int, set[int]] = field(default_factory=dict)

    def compared_with(self, row: int, candidates: Sequence[int]) -> list[int]:
        """Each once, without those that are never compared with this sample; which is noted."""
        never = self.never.get(row, ())
        if left_out := {one for one in candidates if one in never}:
            self.passed_over.setdefault(row, set()).update(left_out)
        return [one for one in dict.fromkeys(candidates) if one not in never]

    def best_as_wholes(self, asked: Mapping[int, Sequence[int]]) -> tuple[dict[int, _Whole], int]:
        """The reference image that agrees best, where that is unlikely by chance, by the sample's
        row; and how many samples were compared."""
        best, compared = dict[int, _Whole](), 0
        for some in self._blocks(asked, _WHOLES_AT_ONCE, "Whole pictures of samples and reference"):
            ours = self.samples.wholes(some)
            rows = {row: self.compared_with(row, asked[row]) for row in some}
            theirs = self.reference.wholes({one for each in rows.values() for one in each})
            for row in ours:
                there = [one for one in rows[row] if one in theirs]
                pictures = [theirs[one] for one in there]
                found = best_as_whole(ours[row], pictures, self.chance, len(self.reference))
                if found is not None and found.p <= WORTH_SHOWING:
                    best[row] = _Whole(there[found.place], found.p)
            compared += len(ours)
        return best, compared

    def by_pictures(
        self, jobs: _Jobs, index: Index | None, usual: ChanceAgreement | None
    ) -> tuple[dict[int, tuple[int, FoundSource]], int]:
        """The source of each sample that has one, and how many were searched for regions."""
        sources, searched, images = dict[int, tuple[int, FoundSource]](), 0, len(self.reference)
        what = "Regions of reference images in samples"

        def voted(row: int) -> list[int]:
            if index is None or row not in jobs.regions:
                return self.compared_with(row, jobs.rows(row, ()))
            found = index.candidates(ours[row].prepared, jobs.by_index)
            return self.compared_with(row, jobs.rows(row, found.rows.tolist()))

        def source(row: int) -> tuple[int, FoundSource] | None:
            there = {one: theirs[one] for one in rows[row] if one in theirs}
            found = compared(
                ours[row], there, self.chance, images,
                regions=row in jobs.regions, aligned=usual if row in jobs.aligned else None,
            )  # fmt: skip
            return min(found.items(), key=lambda one: one[1].p, default=None)

        with one_core(), ThreadPoolExecutor(self.run.threads or cores()) as crew:
            for some in self._blocks({**jobs.aligned, **jobs.wholes}, _AT_ONCE, what):
                ours = self.samples(some)
                rows = dict(zip(ours, crew.map(voted, ours), strict=True))
                theirs = self.reference({one for each in rows.values() for one in each})
                found = zip(ours, crew.map(source, ours), strict=True)
                sources |= {row: one for row, one in found if one is not None}
                searched += sum(
                    row in jobs.regions and not theirs.keys().isdisjoint(rows[row]) for row in ours
                )
        return sources, searched

    def _blocks(self, asked: Iterable[int], size: int, what: str) -> Iterator[list[int]]:
        """The rows in order, so many at a time."""
        rows = sorted(asked)
        with watching(self.run.progress, len(rows), what) as advance:
            for start in range(0, len(rows), size):
                yield (some := rows[start : start + size])
                if advance:
                    advance(len(some))
