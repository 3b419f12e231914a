"""The report: everything it shows as one plain dict, and that dict as one HTML page.

    table, provenance, pictures --summarise--> dict --to_html--> str

The page needs nothing but itself: no script, no request, styles inside, pictures as
data URIs. Its Content-Security-Policy forbids everything else, and every name is
escaped, so a file called `<img src=x>` is a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from rara.provenance.provenance import Provenance
from rara.report import formatting as words
from rara.report.cards import CardRow, attach_pictures, card_rows
from rara.report.chart import draw
from rara.report.disagreement import dissent_sentence
from rara.report.facts import CARDS, Facts, Record, facts, rarities, records
from rara.report.histogram import Histogram, histogram
from rara.report.lists import Listing, listings
from rara.report.rarest import inside
from rara.report.reference_quantiles import own_spreads
from rara.report.thumbnails import Album, Pictures, Thumbnail
from rara.report.verdicts import counted_as

if TYPE_CHECKING:
    import jinja2
    import pyarrow as pa

NO_BREAK = "\u00a0"
SLOTS = 10
"""Places for pictures under the histogram, evenly along its axis."""


class Example(TypedDict):
    """A sample that stands under the histogram, where its rarity is on the axis."""

    record: Record
    picture: str | None


class Summary(Facts):
    """Facts, and all that the page adds to them."""

    histogram: Histogram | None
    examples: list[Example | None]
    rows: list[CardRow]
    listings: dict[str, Listing]
    """By the key of the row under whose cards they are."""
    pictures: dict[str, Thumbnail]


def summarise(
    table: pa.Table,
    provenance: Provenance,
    pictures: Pictures | None,
    *,
    cards: int = CARDS,
) -> Summary:
    """Everything that the report shows: `facts`, the histogram, the cards, pictures, and lists.

    `cards`: how many a section shows; the lists name every sample that was called anything.

    `pictures` gives the images of a side by id, in any size; those it leaves out are
    shown by name. They are asked for once a side and read one by one, so a mapping
    that decodes on access never holds more than one image in memory.
    """
    found = facts(table, provenance, cards=cards)
    own = own_spreads(provenance.reference)
    bins = histogram(rarities(table), own.get("rarity"))
    rows, examples = card_rows(found, cards), _examples(table, bins)
    album = Album()
    if pictures is not None:
        shown = [example["record"] for example in examples if example]
        keys = attach_pictures(rows, shown, pictures, album)
        for example in filter(None, examples):
            example["picture"] = keys.get(example["record"]["id"])
    return {
        **found,
        "histogram": bins,
        "examples": examples,
        "rows": rows,
        "listings": listings(table, provenance),
        "pictures": album.thumbnails,
    }


def to_html(summary: Summary) -> str:
    """The report as one HTML page that needs no other file, no script and no network."""
    bins = summary["histogram"]
    return rendered("report.html.j2", {**summary, "drawing": None if bins is None else draw(bins)})


def rendered(template: str, facts: Mapping[str, Any]) -> str:
    """A page of a template; every text in the facts is escaped."""
    return _environment().get_template(template).render(facts)


def _examples(table: pa.Table, bins: Histogram | None) -> list[Example | None]:
    """For each slot of the axis the sample nearest to its middle, or None where it has none."""
    rows, values = np.flatnonzero(inside(table)), rarities(table)
    if bins is None or not len(rows):
        return []
    bounds = np.linspace(bins["edges"][0], bins["edges"][-1], SLOTS + 1)
    return [_example(table, rows, values, low, high) for low, high in pairwise(bounds)]


def _example(
    table: pa.Table,
    rows: NDArray[np.int64],
    values: NDArray[np.float64],
    low: float,
    high: float,
) -> Example | None:
    off_centre = np.abs(values - (low + high) / 2)
    best = int(off_centre.argmin())
    if off_centre[best] > (high - low) / 2:
        return None
    return {"record": records(table, rows[[best]], {})[0], "picture": None}


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
        "dissent_sentence": dissent_sentence,
        "nearest_of": words.nearest_of,
        "shorten": words.shorten,
        "breakable": _breakable,
        "typeset": _typeset,
    }
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
        lambda found: f"{found[1]}{NO_BREAK}{signs[found[2]]}{NO_BREAK}",
        sentence.replace(" %", f"{NO_BREAK}%"),
    )
    return Markup(escape(kept))


def _breakable(name: str) -> Markup:
    """A name that may continue on the next line after what separates its parts."""
    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[/\\_.-])", name))
