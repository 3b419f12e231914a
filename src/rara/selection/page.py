"""The page of a selection: the picks beside the nearest real images, and what was left out.

table of rara.select, pictures --save_page--> one self-contained file
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rara.report.formatting import counted
from rara.report.score_page import rendered
from rara.report.thumbnails import Album, PictureKeys, Thumbnail
from rara.selection.eligible import TYPICAL
from rara.selection.facts import (
    LeftOut,
    PickedSample,
    SelectionFacts,
    bound_in_words,
    facts_of,
)
from rara.selection.wants import MEANING
from rara.storage.atomic import write_text
from rara.table.score_table import ScoreTable

SHOWN: Final = 200
"""Picks with pictures."""
NAMED: Final = 500
"""Samples that were left out, by name."""
EDGE, SMALL = 360, 132
"""Pixels of the longest side of a pick, and of a real image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTerm:
    """A term of the objective as the page shows it."""

    want: str
    meaning: str
    value: float
    usual: float | None
    """Of draws at random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionPage:
    """What the page shows; its fields are the names in the template."""

    facts: SelectionFacts
    headline: str
    terms: tuple[ShownTerm, ...]
    bound: str | None
    picks: tuple[PickedSample, ...]
    left_out: tuple[LeftOut, ...]
    keys: PictureKeys
    pictures: Mapping[str, Thumbnail]
    """By their keys."""


def selection_html(table: ScoreTable) -> str:
    """The page; every text is escaped."""
    facts, album = facts_of(table), Album()
    part, picks = facts.selection, facts.picks[:SHOWN]
    real = {one.nearest: SMALL for one in picks if one.nearest is not None}
    keys = PictureKeys(
        album.add_all("samples", {one.id: EDGE for one in picks}, table.pictures),
        album.add_all("reference", real, table.pictures),
    )
    page = SelectionPage(
        facts=facts,
        headline=f"{counted(part.count, 'pick')} of {counted(facts.rows, 'sample')}",
        terms=tuple(
            ShownTerm(want=want, meaning=MEANING[want], value=value, usual=part.at_random.get(want))
            for want, value in part.terms.items()
        ),
        bound=bound_in_words(part),
        picks=picks,
        left_out=tuple(sorted(facts.left_out, key=_typical))[:NAMED],
        keys=keys,
        pictures=album.thumbnails,
    )
    return rendered("selection.html.j2", page)


def _typical(one: LeftOut) -> bool:
    """Typical samples come last: they are many, and nothing is wrong with them."""
    return one.reason == TYPICAL


def save_page(table: ScoreTable, path: Path) -> None:
    """Write the page of a table that `rara.select` gave."""
    write_text(path, selection_html(table))
