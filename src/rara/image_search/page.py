"""The page of a search: each sample and its sources side by side, the common region drawn on both.

SearchFacts + pictures --search_html--> one self-contained file

Where the contents of both pictures are known, people can decide of a pair on the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rara.image_search.match import Match, QueryMatches, SearchFacts
from rara.image_search.wording import RANKED, headline_of, nearness
from rara.provenance.parts import SplitSheet
from rara.report.controls import SAME_PIXELS, AskedPair, Controls, controls_of
from rara.report.formatting import counted, p_in_words
from rara.report.found_sources import overlap
from rara.report.score_page import rendered
from rara.report.thumbnails import Album, PictureKeys, Pictures, Thumbnail

SHOWN: Final = 100
"""Samples that the page shows."""
EDGE: Final = 420
"""Pixels of the longest side of a picture."""
WHOLE: Final = 640
"""The same of a contact sheet."""
SMALL: Final = 200
"""The same of an image without a common region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMatch:
    """A match as the page shows it."""

    match: Match
    nearness: str
    p: str
    """In words; empty where there is none."""
    overlap: str
    """How much of both is common; empty where no region is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPanel:
    """A panel of a contact sheet as the page outlines it; lengths as shares of the sheet."""

    number: int
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSheet:
    """A contact sheet as the page shows it, above its panels."""

    id: str
    count: str
    """Its panels in words."""
    panels: tuple[ShownPanel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownQuery:
    """A sample as the page shows it."""

    id: str
    sheet: ShownSheet | None
    """The sheet that this is the first shown panel of."""
    headline: str
    sources: tuple[ShownMatch, ...]
    """Those with a common region, or the same content."""
    others: tuple[ShownMatch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """What the page shows; its fields are the names in the template."""

    facts: SearchFacts
    ranked: str
    queries: tuple[ShownQuery, ...]
    keys: PictureKeys
    pictures: Mapping[str, Thumbnail]
    """By their keys."""
    controls: Controls


def search_html(facts: SearchFacts, pictures: Pictures | None) -> str:
    """The page of the first samples; every text is escaped."""
    sheets = {name: sheet for sheet in facts.sheets for name in sheet.panels[:1]}
    queries = tuple(
        _shown(one, facts.reference.count, sheets.get(one.id)) for one in facts.queries[:SHOWN]
    )
    album = Album()
    edges = {one.match.source: SMALL for query in queries for one in query.others}
    edges |= {one.match.source: EDGE for query in queries for one in query.sources}
    keys = PictureKeys(
        album.add_all("samples", _edges(queries), pictures),
        album.add_all("reference", edges, pictures),
    )
    page = SearchPage(
        facts=facts, ranked=RANKED[facts.by], queries=queries, keys=keys,
        pictures=album.thumbnails, controls=controls_of(_asked(queries), pictures),
    )  # fmt: skip
    return rendered("search.html.j2", page)


def _asked(queries: tuple[ShownQuery, ...]) -> Iterator[AskedPair]:
    """Each sample with each of its sources."""
    for query in queries:
        for one in query.sources:
            fact = SAME_PIXELS if one.match.same else ""
            decided = one.match.decision or ""
            yield AskedPair(
                sample=query.id, source=one.match.source, fact=fact, decided=decided
            )  # fmt: skip


def _edges(queries: Sequence[ShownQuery]) -> dict[str, int]:
    sheets = {query.sheet.id: WHOLE for query in queries if query.sheet is not None}
    return sheets | {query.id: EDGE for query in queries}


def _shown(query: QueryMatches, images: int, sheet: SplitSheet | None) -> ShownQuery:
    return ShownQuery(
        id=query.id,
        sheet=None if sheet is None else _sheet(sheet),
        headline=headline_of(query, images),
        sources=tuple(_match(one) for one in query if one.found),
        others=tuple(_match(one) for one in query if not one.found),
    )


def _sheet(sheet: SplitSheet) -> ShownSheet:
    return ShownSheet(
        id=sheet.id,
        count=counted(len(sheet.boxes), "panel"),
        panels=tuple(
            ShownPanel(
                number=number, left=left / sheet.width, top=top / sheet.height,
                width=(right - left) / sheet.width, height=(bottom - top) / sheet.height,
            )
            for number, (left, top, right, bottom) in enumerate(sheet.boxes, 1)
        ),
    )  # fmt: skip


def _match(match: Match) -> ShownMatch:
    return ShownMatch(
        match=match,
        nearness=nearness(match),
        p="" if match.p is None else p_in_words(match.p),
        overlap=overlap(match.sample_region, match.source_region),
    )
