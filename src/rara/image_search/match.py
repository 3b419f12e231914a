"""One reference image beside a sample, and all that were ranked for one sample.

First step of a search's result: Match -> QueryMatches -> Matches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, overload

from rara.decisions.decision import COPY, Word
from rara.extractors.base import Spec
from rara.features.features import Skipped
from rara.provenance.json_format import JsonObject, encoded
from rara.provenance.parts import SplitSheet

By: TypeAlias = Literal["copy", "look", "meaning"]
"""What matches are ranked by: evidence of copying, pixels and vectors, or vectors alone."""

Same: TypeAlias = Literal["content", "picture"]
Regions: TypeAlias = tuple[tuple[float, ...], ...]

TOP: Final = 5
"""Matches of a sample unless another number is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A reference image beside a sample."""

    rank: int
    """From 1, the best, among the images that were compared."""
    source: str
    """Id of the reference image."""
    same: Same | None
    """`content` for the same file, `picture` for the same pixels in another file, else null."""
    distance: float
    """Between the vectors of both whole images; lower is nearer."""
    pixel_distance: int | None
    """Bits of 256 by which the pixel hashes differ, at best over mirroring and turning. Null where
    one image is flat, or has no hash."""
    p: float | None
    """How often the best of all reference images agrees as well by chance, by evidence or pixel
    hash; lower is surer. Null without either."""
    sample_region: Regions | None
    """Corners of the common region in the sample, x and y from 0 to 1 of width and height."""
    source_region: Regions | None
    """Corners of the same region in the reference image."""
    edit: str | None
    """What was done to the source, in words."""
    decision: Word | None = None
    """`copy` or `not a copy` where people decided so; such a pair is not compared again."""
    looked: bool
    """Whether the two pictures were compared; false where one could not be read again."""

    @property
    def found(self) -> bool:
        """Whether the sample comes from this image: same content, same picture, evidence, or a
        person's decision. Decided to be no copy, it does not, unless both are the same."""
        return self.same is not None or self.decision == COPY or self.p is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryMatches:
    """The reference images that were ranked for one sample, the best first."""

    id: str
    """Of the sample."""
    readable: bool
    """Whether the sample's picture could be read again, to be compared."""
    detailed: bool
    """Whether the picture has enough detail to be found, or ruled out."""
    matches: tuple[Match, ...]
    """The best first; the best source is among them, wherever it ranks."""

    @property
    def source(self) -> Match | None:
        """The first match that is a source by evidence or content; None where there is none."""
        return next((one for one in self.matches if one.found), None)

    def __len__(self) -> int:
        return len(self.matches)

    def __iter__(self) -> Iterator[Match]:
        return iter(self.matches)

    @overload
    def __getitem__(self, rank: int) -> Match: ...
    @overload
    def __getitem__(self, rank: slice) -> tuple[Match, ...]: ...
    def __getitem__(self, rank: int | slice) -> Match | tuple[Match, ...]:
        return self.matches[rank]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedSamples:
    """The samples that were searched for."""

    location: str
    """Where they are from."""
    count: int
    """Samples that were searched for."""
    found: int
    """Samples with a source, by content, picture or evidence."""
    skipped: tuple[Skipped, ...]
    """Images that could not be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedReference:
    """The reference images among which was searched."""

    location: str
    """Where they are from."""
    count: int
    """How many there are; p-values count all of them."""
    skipped: int
    """Images that could not be used."""
    unavailable: int
    """Candidates that could not be read again, and so were not compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFacts:
    """What a search found."""

    by: By
    """What matches are ranked by."""
    samples: SearchedSamples
    """The samples."""
    reference: SearchedReference
    """The reference."""
    candidates: tuple[str, ...]
    """What named the images that were compared."""
    extractor: Spec | None
    """What made the vectors; null if they were computed elsewhere."""
    versions: Mapping[str, str]
    """The version of rara."""
    queries: tuple[QueryMatches, ...]
    """One for each sample, in their order."""
    sheets: tuple[SplitSheet, ...] = ()
    """Contact sheets that were split; each panel is a sample."""

    def to_json(self) -> JsonObject:
        """The same as `json.dumps` takes it: docs/reference/json.md lists the keys."""
        keys: JsonObject = encoded(self)
        return keys
