"""A search in a notebook: each sample beside its source, or beside the image that ranks first.

SearchFacts + pictures --found_html--> a fragment of HTML
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rara.image_search.match import QueryMatches, SearchFacts
from rara.image_search.wording import RANKED, headline_of, nearness, what_of
from rara.report.notebook import EDGE, ROWS
from rara.report.score_page import rendered
from rara.report.thumbnails import Album, PictureKeys, Pictures, Thumbnail


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A sample as the fragment shows it."""

    id: str
    found: bool
    shown: str | None
    """Its source, or the image that ranks first; None where nothing was ranked."""
    what: str
    """What was done to the source, or that none was found, and how near it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchFragment:
    """What is shown of a search; its fields are the names in the template."""

    facts: SearchFacts
    ranked: str
    rows: tuple[MatchRow, ...]
    keys: PictureKeys
    pictures: Mapping[str, Thumbnail]
    more: int
    """Samples that are not shown."""


def found_html(facts: SearchFacts, pictures: Pictures | None) -> str:
    """The first samples; every text is escaped."""
    album = Album()
    rows = tuple(_row(query, facts.reference.count) for query in facts.queries[:ROWS])
    shown = dict.fromkeys((row.shown for row in rows if row.shown is not None), EDGE)
    fragment = MatchFragment(
        facts=facts,
        ranked=RANKED[facts.by],
        rows=rows,
        keys=PictureKeys(
            album.add_all("samples", {row.id: EDGE for row in rows}, pictures),
            album.add_all("reference", shown, pictures),
        ),
        pictures=album.thumbnails,
        more=len(facts.queries) - len(rows),
    )
    return rendered("notebook_matches.html.j2", fragment)


def _row(query: QueryMatches, images: int) -> MatchRow:
    source, first = query.source, next(iter(query), None)
    if source is not None:
        return MatchRow(query.id, True, source.source, what_of(source))
    parts = [headline_of(query, images), "" if first is None else nearness(first)]
    shown = None if first is None else first.source
    return MatchRow(query.id, False, shown, "; ".join(filter(None, parts)))
