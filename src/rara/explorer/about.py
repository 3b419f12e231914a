"""What the page is about: its columns, counts, and what can be asked of this server.

    Explored --about_of--> data/about.json

Columns of the register bring their meaning with them; all others are metadata of the images.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from rara.columns.score_tables import COLUMNS, VERDICTS
from rara.explorer.explored import REFERENCE, SAMPLE, Explored
from rara.explorer.maps import Map
from rara.features.origin import places_in
from rara.provenance.json_format import JsonObject, encoded
from rara.report.formatting import printable, shorten

Kind = Literal["number", "category", "boolean", "text"]

MOST_CATEGORIES: Final = 256
"""Texts with more different values are no categories."""
_NAME: Final = 80
_NAMES: Final = frozenset(
    {
        *("id", "reason", "nearest", "rarity_witness", "pixel_nearest", "network_nearest"),
        *("source", "repeat_of", "decision_source"),
    }
)
"""Columns of names and sentences: to be searched, not to be chosen from a list."""
_WORDS: Final = {
    "knn": "k-NN", "p": "p-value", "q": "q-value", "off manifold": "off-manifold",
    "two sample": "two-sample",
}  # fmt: skip
_LABELLED: Final = re.compile(r"\b(knn|off manifold|two sample|[pq]$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnAbout:
    """What the page shows of a column."""

    name: str
    label: str
    kind: Kind
    unit: str
    direction: str
    """What a larger value means."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What can be asked of this server."""

    judge: bool
    decide: bool
    search: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AtlasAbout:
    """How thumbnails lie on the sheets."""

    cell: int
    across: int
    sheet: int
    """Cells of a sheet."""
    sheets: int
    format: str = "webp"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The whole document."""

    title: str
    samples: int
    reference: int
    columns: tuple[ColumnAbout, ...]
    verdicts: tuple[str, ...]
    atlas: AtlasAbout | None
    """None where there are no pictures."""
    can: Abilities
    k: int
    alpha: float | None
    reference_name: str
    projection: str
    more: Mapping[str, object]

    def to_json(self) -> JsonObject:
        """As the page reads it."""
        document: JsonObject = encoded(self)
        return document


def about_of(
    explored: Explored,
    made: Map,
    atlas: AtlasAbout | None,
    can: Abilities,
    more: Mapping[str, object],
) -> About:
    """`more`: what else the page may say, such as where decisions are kept."""
    provenance = explored.table.provenance
    return About(
        title=_name_of(provenance.samples.location),
        samples=explored.count(SAMPLE),
        reference=explored.count(REFERENCE),
        columns=tuple(_column(name, explored.table.arrow[name]) for name in explored.table.columns),
        verdicts=VERDICTS,
        atlas=atlas,
        can=can,
        k=provenance.k,
        alpha=provenance.verdict.alpha if provenance.verdict else None,
        reference_name=_name_of(provenance.reference.location),
        projection=made.sentence,
        more=more,
    )


def _column(name: str, values: pa.ChunkedArray) -> ColumnAbout:
    column = COLUMNS.get(name)
    return ColumnAbout(
        name=name,
        label=label_of(name),
        kind="text" if name in _NAMES else kind_of(values),
        unit=column.unit if column else "",
        direction=column.higher if column else "",
        sentence=column.meaning if column else "What the source says of the image.",
    )


def label_of(name: str) -> str:
    """A column's name as people read it.

    >>> label_of("off_manifold_p")
    'off-manifold p-value'
    """
    words = printable(name.replace("_", " "))
    if name not in COLUMNS:
        return shorten(words, _NAME)
    return _LABELLED.sub(lambda match: _WORDS[match[1]], words)


def kind_of(values: pa.ChunkedArray) -> Kind:
    """How a column can be filtered: by a range, by its values, or by words."""
    kind: Any = values.type
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_nested(kind) or pa.types.is_temporal(kind):
        return "text"
    distinct = pc.count_distinct(values).as_py()
    return "category" if distinct <= min(MOST_CATEGORIES, max(8, len(values) // 2)) else "text"


def _name_of(location: str) -> str:
    """The last part of a place: a page needs no paths."""
    names = [
        place.replace("\\", "/").rstrip("/").rpartition("/")[2] for place in places_in(location)
    ]
    return shorten(" + ".join(names) or location, _NAME)
