"""Where candidates come from: any number of sources behind one protocol.

    samples --CandidateSource, each its own list--> candidates_of --> the rows to compare

Each source is cheap and misses some edits: pixel hashes see what was compressed, blurred or turned,
vectors of parts what was cut out or pasted, and an index of local features both, if large enough.
Their lists are taken in turns, so that none crowds out another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from rara.extractors import Extractor
from rara.features.features import Features
from rara.geometry import Nearest, query
from rara.geometry.hamming import NONE
from rara.retrieval.finding import candidates_by_hash
from rara.retrieval.inverted_index import Index
from rara.retrieval.ready_pictures import Ready
from rara.retrieval.vector_candidates import VectorCandidates
from rara.run import Run

MOST: Final = 17
"""Candidates of a sample, unless more matches are asked for."""


@dataclass(frozen=True, slots=True)
class Query:
    """A sample to search for."""

    row: int
    ready: Ready | None
    """Its picture; None where it could not be read again."""


class CandidateSource(Protocol):
    """Names reference images that samples may come from."""

    name: str

    def candidates(self, queries: Sequence[Query]) -> list[Sequence[int]]:
        """Reference rows for each sample, the likeliest first."""


class ByPixels:
    """The nearest pixel hashes, at any distance."""

    name = "pixel hashes"

    def __init__(self, samples: Features, reference: Features, run: Run) -> None:
        self._rows = candidates_by_hash(
            samples, reference, at_most=NONE - 1, threads=run.threads
        )  # fmt: skip

    def candidates(self, queries: Sequence[Query]) -> list[Sequence[int]]:
        """Those found before, by row."""
        return [self._rows.get(one.row, ()) for one in queries]


class ByVectors:
    """The nearest vectors of whole images; exact."""

    name = "vectors"

    def __init__(self, samples: Features, reference: Features, most: int, run: Run) -> None:
        self._nearest = Nearest(len(samples), min(most, len(reference)))
        query(samples.vectors, reference.vectors, [self._nearest], **run.engine())

    def candidates(self, queries: Sequence[Query]) -> list[Sequence[int]]:
        """Those found before, by row."""
        return [self._nearest.index[one.row].tolist() for one in queries]


class ByParts:
    """The nearest vectors of parts of the sample."""

    name = "vectors of parts"

    def __init__(self, reference: Features, extractor: Extractor, most: int, run: Run) -> None:
        self._most = most
        self._parts = VectorCandidates(
            reference, extractor, memory=run.memory, threads=run.threads
        )  # fmt: skip

    def candidates(self, queries: Sequence[Query]) -> list[Sequence[int]]:
        """One scan for all of these samples."""
        ready = [one.ready.prepared.pixels for one in queries if one.ready is not None]
        found = iter(self._parts.candidates(ready, self._most).rows)
        return [() if one.ready is None else _rows(next(found)) for one in queries]


class ByIndex:
    """The images with the most votes of local features."""

    name = "index of local features"

    def __init__(self, index: Index, most: int) -> None:
        self._index, self._most = index, most

    def candidates(self, queries: Sequence[Query]) -> list[Sequence[int]]:
        """One sample after the other."""
        return [self._of(one.ready) for one in queries]

    def _of(self, ready: Ready | None) -> Sequence[int]:
        if ready is None:
            return ()
        return _rows(self._index.candidates(ready.prepared, self._most).rows)


def candidates_of(
    queries: Sequence[Query],
    sources: Sequence[CandidateSource],
    most: int,
    *,
    leading: Collection[str] = (),
    top: int = 0,
) -> list[list[int]]:
    """At most so many rows for each sample: the first of each source, then the second of each.

    `leading`: names of sources whose first `top` rows come before all others.
    """
    named = [source.candidates(queries) for source in sources]
    first = [
        some for source, some in zip(sources, named, strict=True) if source.name in leading
    ]  # fmt: skip
    rows = []
    for i in range(len(queries)):
        ahead = _in_turn([some[i] for some in first])[:top]
        rows.append(list(dict.fromkeys([*ahead, *_in_turn([some[i] for some in named])]))[:most])
    return rows


def _in_turn(lists: Sequence[Sequence[int]]) -> list[int]:
    every = chain.from_iterable(zip_longest(*lists))
    return list(dict.fromkeys(row for row in every if row is not None))


def _rows(rows: NDArray[np.integer]) -> list[int]:
    return [int(row) for row in rows if row >= 0]
