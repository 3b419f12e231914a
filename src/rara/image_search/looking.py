"""Pairs of pictures compared, and the matches of a sample ranked.

candidates --compared--> FoundSource for each --ranked--> QueryMatches
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rara.decisions.decision import COPY, NO_COPY, Decision, Word
from rara.decisions.pairs import JudgedPairs, judged_pairs
from rara.features.features import Features
from rara.features.pixel_hashes import PixelHashes, pixel_hashes_of
from rara.geometry import closest_codes, squared_distance
from rara.geometry.hamming import NONE
from rara.image_search.candidates import Query
from rara.image_search.match import By, Match, QueryMatches, Regions, Same
from rara.image_search.pixel_test import NearestByPixels, nearest_by_pixels
from rara.retrieval.chance_agreement import ChanceAgreement
from rara.retrieval.finding import small_ones
from rara.retrieval.polygons import Polygon
from rara.retrieval.ready_pictures import Ready, ReadyPictures
from rara.retrieval.sources import FoundSource, chance_aligned_in, chance_in, compared
from rara.run import Run

SHORTEST: Final = 16
"""Pixels of the shorter side from which a picture can be found as a whole: two a cell."""


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """What matches are measured on."""

    samples: Features
    reference: ReadyPictures
    chance: ChanceAgreement | None
    aligned: ChanceAgreement | None
    """The same of pictures that are laid over each other; None where no sample is small."""
    small: NDArray[np.bool_]
    """(m,) the samples that are."""
    decided: JudgedPairs
    same: Mapping[int, Mapping[int, Same]]
    hashes: tuple[PixelHashes, PixelHashes] | None
    nearest: NearestByPixels | None
    names: pa.Array = field(repr=False)

    @classmethod
    def of(
        cls, samples: Features, reference: ReadyPictures, decisions: Sequence[Decision], run: Run
    ) -> Sides:
        """Hashes, equal contents, decisions and what is usual looked up once."""
        ours, theirs = pixel_hashes_of(samples), pixel_hashes_of(reference.features)
        small = small_ones(samples)
        return cls(
            samples, reference, chance_in(reference, run),
            chance_aligned_in(reference, run) if small.any() else None, small,
            judged_pairs(decisions, samples, reference.features),
            same_rows(samples, reference.features),
            None if ours is None or theirs is None else (ours, theirs),
            nearest_by_pixels(samples, reference.features, run),
            reference.features.done["id"].combine_chunks(),
        )  # fmt: skip

    def rows(self, query: Query, named: Iterable[int]) -> list[int]:
        """The candidates, and those with the same content, each once."""
        return list(dict.fromkeys([*self.same.get(query.row, {}), *named]))

    def matches(
        self, query: Query, rows: Sequence[int], there: Mapping[int, Ready], by: By, top: int
    ) -> QueryMatches:
        """The best of these candidates. The best source is among them, wherever it ranks.

        `there`: the pictures that can be read, by row.
        """
        same, ready = self.same.get(query.row, {}), query.ready
        distances = {row: self._distance(query.row, row) for row in rows}
        bits = self._bits(query.row, rows)
        looked = {} if ready is None else {row: there[row] for row in rows if row in there}
        found: dict[int, FoundSource] = {}
        if ready is not None:
            past = set(self.decided.looked_past.get(query.row, np.zeros(0, np.int32)).tolist())
            found = compared(
                ready, {row: one for row, one in looked.items() if row not in past}, self.chance,
                len(self.reference), aligned=self.aligned if self.small[query.row] else None,
            )  # fmt: skip
            if self.nearest is not None:
                found = self.nearest.joined(query.row, found, ready, looked, past)
        decided = {row: self._decided(query.row, str(self.names[row].as_py())) for row in rows}
        copying = sorted(
            rows,
            key=lambda row: (
                *_copying(same.get(row), found.get(row), decided[row]),
                distances[row],
            ),
        )
        order = copying if by == "copy" else _alike(rows, distances, bits if by == "look" else None)
        sources = [
            row for row in copying[:1] if row in same or row in found or decided[row] == COPY
        ]
        return QueryMatches(
            id=str(self.samples.done["id"][query.row].as_py()),
            readable=ready is not None,
            detailed=ready is not None and self._detailed(ready),
            matches=tuple(
                _match(
                    rank, str(self.names[row].as_py()), same.get(row), distances[row],
                    bits.get(row), found.get(row), decided[row], looked=row in looked,
                )
                for rank, row in enumerate(order, 1)
                if rank <= top or row in sources
            ),
        )  # fmt: skip

    def _decided(self, row: int, name: str) -> Word | None:
        """What people decided of a sample and a reference image, in a word."""
        if name in self.decided.copies.get(row, {}):
            return COPY
        return NO_COPY if name in self.decided.others.get(row, {}) else None

    def _detailed(self, ready: Ready) -> bool:
        shortest = min(ready.prepared.pixels.shape[:2]) / ready.prepared.factor
        whole = self.chance is not None and ready.whole.sufficient and shortest >= SHORTEST
        return whole or ready.prepared.sufficient

    def _distance(self, row: int, other: int) -> float:
        vectors = self.samples.vectors[row], self.reference.features.vectors[other]
        return float(np.sqrt(squared_distance(*vectors)))

    def _bits(self, row: int, others: Collection[int]) -> dict[int, int]:
        if self.hashes is None or self.hashes[0].flat[row]:
            return {}
        ours, theirs = self.hashes
        rows = np.array([one for one in others if not theirs.flat[one]], np.int64)
        if not len(rows):
            return {}
        codes = closest_codes(ours.codes[[row]], theirs.codes[rows], k=len(rows), threads=1)
        pairs = zip(codes.index[0], codes.distance[0], strict=True)
        return {int(rows[place]): int(distance) for place, distance in pairs}


def _copying(
    same: Same | None, found: FoundSource | None, decided: Word | None
) -> tuple[int, float]:
    """Equal contents first, then what people decided, then evidence, the surest first."""
    order: dict[Same | None, int] = {"content": 0, "picture": 1, None: 3}
    place = 2 if same is None and decided == COPY else order[same]
    return place, 2.0 if found is None else found.p


def _alike(
    rows: Sequence[int], distances: Mapping[int, float], bits: Mapping[int, int] | None
) -> list[int]:
    """By vectors; with pixel hashes, by the better place in two lists, then by the other place."""
    by_vectors = sorted(rows, key=lambda row: distances[row])
    if bits is None:
        return by_vectors
    by_pixels = sorted(by_vectors, key=lambda row: bits.get(row, NONE))
    places = [{row: at for at, row in enumerate(some)} for some in (by_vectors, by_pixels)]
    return sorted(by_vectors, key=lambda row: sorted(place[row] for place in places))


def _match(
    rank: int,
    source: str,
    same: Same | None,
    distance: float,
    bits: int | None,
    found: FoundSource | None,
    decision: Word | None,
    *,
    looked: bool,
) -> Match:
    return Match(
        rank=rank,
        source=source,
        same=same,
        distance=distance,
        pixel_distance=bits,
        p=None if found is None else found.p,
        sample_region=None if found is None else _corners(found.sample_region),
        source_region=None if found is None else _corners(found.source_region),
        edit=None if found is None else found.edit,
        decision=decision,
        looked=looked,
    )


def _corners(region: Polygon) -> Regions:
    return tuple(tuple(round(float(x), 4) for x in corner) for corner in region)


def same_rows(samples: Features, reference: Features) -> dict[int, dict[int, Same]]:
    """The reference rows with the same content or picture as each sample, by the sample's row."""
    found: dict[int, dict[int, Same]] = {}
    kinds: tuple[tuple[str, Same], ...] = (("digest", "content"), ("picture", "picture"))
    for name, same in kinds:
        ours = samples.done[name].combine_chunks()
        theirs = reference.done[name].combine_chunks()
        shared = pc.is_in(theirs, value_set=ours.drop_null()).to_numpy(zero_copy_only=False)
        rows: dict[str, list[int]] = {}
        for place in np.flatnonzero(shared).tolist():
            rows.setdefault(theirs[place].as_py(), []).append(place)
        for row, value in enumerate(ours.to_pylist() if rows else ()):
            for other in rows.get(value, ()):
                found.setdefault(row, {}).setdefault(other, same)
    return found
