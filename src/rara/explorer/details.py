"""One sample in words and numbers: the sentence of its card, the evidence, and its cells.

row of the table --Record--> verdict, sentence, numbers, source, nearest, owner
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np

from rara.columns.score_tables import COLUMNS, metadata_names
from rara.explorer.about import label_of
from rara.explorer.explored import Explored
from rara.provenance.json_format import JsonObject, encoded
from rara.report.copied import asked_image, evidence_sentence
from rara.report.formatting import number, shorten
from rara.report.found_sources import PictureEvidence, Region, overlap
from rara.report.records import Record, records
from rara.report.reference_quantiles import own_spreads
from rara.report.rows import Row, rows_of
from rara.report.sentences import own_sentence, reason, stability_sentence
from rara.table.score_table import ScoreTable
from rara.verdict.reasons import rounded_down
from rara.verdict.rules import rounded_up

FIRST: Final = ("copy_p", "pixel_distance", "source_edit")
"""The numbers that speak of a copy stand before all others."""
_ELSEWHERE: Final = frozenset(
    {
        *("id", "verdict", "reason", "decision", "decision_source"),
        *("nearest", "neighbors", "source", "source_p", "source_region"),
    }
)
"""Columns that a record shows in other places."""
_TEXT: Final = 300
_BITS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A reference image; its row is null where the reference has none of that name."""

    row: int | None
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A cell as people read it."""

    name: str
    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a comparison of the pictures found."""

    row: int | None
    id: str
    p: float
    edit: str
    overlap: str
    sample_region: Region | None
    source_region: Region | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """All that the page says of one sample."""

    id: str
    verdict: str | None
    sentence: str
    evidence: str
    """Which comparison named the image; empty where it is called no copy."""
    stability: str | None
    dissents: tuple[str, ...]
    numbers: tuple[Figure, ...]
    source: Source | None
    nearest: Named
    """The image it is compared with: the one it is called a copy of, else the nearest."""
    owner: Named | None
    """The image that owns the smallest ball that holds it."""

    def to_json(self) -> JsonObject:
        """As the page reads it."""
        document: JsonObject = encoded(self)
        return document


def detail_of(explored: Explored, row: int, table: ScoreTable | None = None) -> Detail:
    """What is to say of a row of the table, or of another one by the same reference."""
    table = explored.table if table is None else table
    rows = np.array([row], np.int64)
    [record] = records(table.arrow, rows, own_spreads(table.provenance.reference))
    [cells] = rows_of(table.arrow, rows)
    return Detail(
        id=record.id,
        verdict=record.verdict,
        sentence=reason(record) or own_sentence(record),
        evidence=evidence_sentence(record),
        stability=stability_sentence(record),
        dissents=record.dissents,
        numbers=tuple(figures(cells)),
        source=_source(explored, record.found),
        nearest=_named(explored, compared_with(record)),
        owner=None if record.rarity_witness is None else _named(explored, record.rarity_witness),
    )


def compared_with(record: Record) -> str:
    """The reference image that a sample is shown beside."""
    return asked_image(record) or record.nearest


def figures(cells: Row) -> Iterator[Figure]:
    """Every cell that has a value, as people read it: copies first, metadata last."""
    own = [name for name in COLUMNS if name in cells.cells and name not in FIRST]
    for name in (*FIRST, *own, *metadata_names(cells.cells)):
        text = None if name in _ELSEWHERE else _text(name, cells.cells.get(name))
        if text is not None:
            yield Figure(name=name, label=label_of(name), text=text)


def _text(name: str, value: object) -> str | None:
    column = COLUMNS.get(name)
    unit = column.unit if column else None
    if value is None or isinstance(value, (list, dict)):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and not isfinite(value):
        return None if value != value else "infinite"
    if isinstance(value, (int, float)):
        return _amount(unit, value)
    return shorten(str(value), _TEXT)


def _amount(unit: str | None, value: float) -> str:
    """Shares rounded down and p-values up, as in the verdict's sentence."""
    if unit == "p-value":
        return rounded_up(value) if value > 0 else "0"
    if unit == "percent":
        return rounded_down(value)
    if unit == "bits":
        return "same picture" if value < 0 else f"{value:.0f} of {_BITS} bits differ"
    return f"{value:,}" if isinstance(value, int) else number(value)


def _named(explored: Explored, name: str) -> Named:
    return Named(row=explored.reference_row(name), id=name)


def _source(explored: Explored, found: PictureEvidence | None) -> Source | None:
    if found is None:
        return None
    return Source(
        row=explored.reference_row(found.source), id=found.source, p=found.p, edit=found.edit,
        overlap=overlap(found.sample_region, found.source_region),
        sample_region=found.sample_region, source_region=found.source_region,
    )  # fmt: skip
