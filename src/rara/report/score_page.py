"""The report: everything it shows as one record, and that record as one HTML page.

    table, provenance, pictures --summarise--> ReportPage --to_html--> str

The page needs nothing but itself: no request, styles inside, pictures as data URIs. Its
Content-Security-Policy forbids everything else, and every name is escaped, so a file called
`<img src=x>` is a name. Where people can decide of pairs, it has one script, allowed by its digest
(`controls`); without scripts the page is whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from rara.provenance.provenance import Provenance
from rara.report import formatting as words
from rara.report.assets import AssetFolder, Assets
from rara.report.cards import CardRow, card_rows
from rara.report.chart import Drawing, draw
from rara.report.controls import AskedPair, Controls, controls_of
from rara.report.copied import copy_numbers, in_words
from rara.report.disagreement import disagreement_sentence
from rara.report.every import EverySample, every_sample
from rara.report.facts import CARDS, Facts, facts, rarities
from rara.report.gallery import MOST_PAIRS, Sheet, fill, room
from rara.report.histogram import Histogram, histogram
from rara.report.order import sections_in_order
from rara.report.picks import copied_rows, far_out, picks
from rara.report.rarest import STANDING_OUT, called, inside, numbers, order_of_rarity, ordered
from rara.report.records import Record, records
from rara.report.reference_quantiles import own_spreads
from rara.report.repeats import repeats_panel
from rara.report.scripts import script
from rara.report.siblings import odd_sentence
from rara.report.thumbnails import Album, PictureKeys, Pictures, Thumbnail
from rara.report.verdicts import ASTRAY, COPIED, counted_as

if TYPE_CHECKING:
    import jinja2
    import pyarrow as pa
    from _typeshed import DataclassInstance

NO_BREAK, WORD_JOINER = "\u00a0", "\u2060"
SPARE = 4
"""So many times the cards of a section are examined for samples that stand in no other one."""
SPARED = 500
"""Copies that are passed over for it."""
WITH_ASSETS, FEW_ROWS = 2_000_000, 120_000
"""Bytes of pairs and sheets, and of rows, in a page whose pictures and rows are files beside it."""
SLOTS = 10
"""Places for pictures under the histogram, evenly along its axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """Facts, and all that the page adds to them; its fields are the names in the template."""

    facts: Facts
    drawing: Drawing | None
    """The histogram of rarity; None where no image is inside."""
    examples: tuple[Record | None, ...]
    """Samples under the histogram, each where its rarity is on the axis."""
    order: tuple[str, ...]
    """The keys of the sections, the strongest evidence first."""
    rows: Mapping[str, CardRow]
    """Cards by the key of their section."""
    nothing: tuple[str, ...]
    """What was searched and not found, in sentences."""
    sheets: Mapping[str, Sheet]
    """Small pictures of all samples of a kind, by the key of their section."""
    every: EverySample
    """Every sample by name and numbers."""
    assets: Assets | None
    """The files beside the page; None where it has none."""
    keys: PictureKeys
    pictures: Mapping[str, Thumbnail]
    """By their keys."""
    controls: Controls
    """Where people can decide of a pair."""


def summarise(
    table: pa.Table,
    provenance: Provenance,
    pictures: Pictures | None,
    *,
    cards: int = CARDS,
    assets: AssetFolder | None = None,
) -> ReportPage:
    """Everything that the report shows: `facts`, the histogram, the cards, pictures, and lists.

    `cards`: how many a section shows; the table under them names every sample. `assets`: a folder
    for pictures and rows, so that the page itself stays small.

    `pictures` gives the images of a side by id, in any size; those it leaves out are
    shown by name. They are asked for once a side and read one by one, so a mapping
    that decodes on access never holds more than one image in memory.
    """
    all_facts, own = facts(table, provenance, cards=cards), own_spreads(provenance.reference)
    bins = histogram(rarities(table), own.get("rarity"))
    album = (
        Album(WITH_ASSETS, assets.keep_picture) if assets else Album(room(table.num_rows, cards))
    )
    every = every_sample(table, FEW_ROWS if assets else None)
    examples = _examples(table, bins)
    copies = records(table, copied(table)[:MOST_PAIRS], own)
    spare = picks(
        table,
        own,
        cards=SPARE * cards + min(len(copies), SPARED),
        difference=all_facts.two_sample,
        odd_ones=None,
        repeats=None,
    )
    rows = card_rows(all_facts, cards, copies, spare)
    made = fill(rows, filter(None, examples), _sheets(table), pictures, album)
    return ReportPage(
        facts=all_facts,
        drawing=None if bins is None else draw(bins),
        examples=tuple(examples),
        order=sections_in_order(all_facts, _shown(all_facts, made.rows)),
        rows={row.key: row for row in made.rows},
        nothing=tuple(row.nothing for row in made.rows if not row.cards and row.nothing),
        sheets=made.sheets,
        every=every,
        assets=assets.keep_rows(table, every.filters) if assets else None,
        keys=made.keys,
        pictures=album.thumbnails,
        controls=controls_of(_asked(made.rows), pictures),
    )


def copied(table: pa.Table) -> NDArray[np.int64]:
    """Copies first, then near copies, the surest of each first."""
    return copied_rows(table, int(called(table, COPIED).sum()))


def _sheets(table: pa.Table) -> Mapping[str, Sequence[str]]:
    """The ids of all samples that are off the reference, and of all that stand out on it."""
    if "verdict" not in table.column_names:
        return {}
    off = ordered(
        np.flatnonzero(called(table, ASTRAY)), *far_out(table), -numbers(table, "nearest_distance")
    )
    rare = order_of_rarity(table)
    rare = rare[called(table, STANDING_OUT)[rare]]
    kinds = {"farthest": off, "rarest": rare}
    return {key: table["id"].take(rows).to_pylist() for key, rows in kinds.items()}


def _shown(facts: Facts, rows: Iterable[CardRow]) -> set[str]:
    """The sections that have anything to show."""
    always = {"outside", "rarity"} if facts.samples.count else set()
    return {
        *always,
        *({"groups"} if facts.grouped else ()),
        *(row.key for row in rows if row.cards),
    }


def to_html(page: ReportPage) -> str:
    """The report as one HTML page that needs no other file and no network."""
    return rendered("report.html.j2", page)


def _asked(rows: Iterable[CardRow]) -> list[AskedPair]:
    """The pairs of all cards, each once."""
    asked = (card.asked for row in rows for card in row.cards)
    return list(dict.fromkeys(pair for pair in asked if pair is not None))


def rendered(template: str, page: DataclassInstance) -> str:
    """A page of a template, whose names are the fields of a dataclass; every text is escaped."""
    names = {field.name: getattr(page, field.name) for field in fields(page)}
    return _environment().get_template(template).render(names)


def _examples(table: pa.Table, bins: Histogram | None) -> list[Record | None]:
    """For each slot of the axis the sample nearest to its middle, or None where it has none."""
    rows, values = np.flatnonzero(inside(table)), rarities(table)
    if bins is None or not len(rows):
        return []
    bounds = np.linspace(bins.edges[0], bins.edges[-1], SLOTS + 1)
    return [_example(table, rows, values, low, high) for low, high in pairwise(bounds)]


def _example(
    table: pa.Table,
    rows: NDArray[np.int64],
    values: NDArray[np.float64],
    low: float,
    high: float,
) -> Record | None:
    off_centre = np.abs(values - (low + high) / 2)
    best = int(off_centre.argmin())
    if off_centre[best] > (high - low) / 2:
        return None
    return records(table, rows[[best]], {})[0]


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rara.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "percent": lambda share: words.percent(share).replace(" ", NO_BREAK),
        "counted": words.counted,
        "counted_as": lambda count, verdict: counted_as(verdict, count),
        "disagreement_sentence": disagreement_sentence,
        "nearest_of": words.nearest_of,
        "odd_sentence": odd_sentence,
        "repeats_panel": repeats_panel,
        "capitalized": lambda text: text[:1].upper() + text[1:],
        "shorten": words.shorten,
        "base_name": words.base_name,
        "in_words": in_words,
        "copy_numbers": lambda record, partner: copy_numbers(record, partner.id),
        "breakable": _breakable,
        "typeset": _typeset,
        "headline": _headline,
    }
    environment.globals["script"] = script
    return environment


def _harmless(value: object) -> object:
    """Every text that comes into the page passes here, before it is escaped."""
    if value is None:
        return ""
    return words.printable(value) if type(value) is str else value


def _typeset(sentence: str) -> Markup:
    """A sentence whose numbers keep their signs beside them, and whose names keep to themselves."""
    signs = {"=": "=", "<=": "≤"}
    kept = re.sub(
        r"\b([pq]) (<?=) (?=\d)",
        lambda match: f"{match[1]}{NO_BREAK}{signs[match[2]]}{NO_BREAK}",
        sentence.replace(" %", f"{NO_BREAK}%"),
    )
    return Markup(escape(kept))


def _headline(sentence: str) -> Markup:
    """The same for a heading: names with hyphens keep to one line where they fit on it."""
    return Markup(_typeset(sentence).replace("-", f"-{WORD_JOINER}"))


def _breakable(name: str) -> Markup:
    """A name that may continue on the next line after what separates its parts."""
    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[/\\_.-])", name))
