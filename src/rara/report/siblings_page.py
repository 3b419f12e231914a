"""Samples among their siblings, in words: plain lines for a terminal, and a page with pictures.

table + provenance --sibling_facts--> dict --sibling_lines--> at most nine lines
dict + pictures --sibling_html--> one self-contained file
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rara.provenance.json_format import encoded
from rara.provenance.provenance import SiblingsProvenance
from rara.report.cards import LARGE, MEDIUM, SMALL
from rara.report.formatting import counted, shorten, times, width
from rara.report.score_page import rendered
from rara.report.siblings import odd_ones, odd_sentence
from rara.report.summary import COLUMNS
from rara.report.thumbnails import Album, Pictures

if TYPE_CHECKING:
    import pyarrow as pa

LABEL = 10
TEXT = COLUMNS - LABEL
NAMED = 5
"""Odd ones that the terminal names."""
SHOWN = 40
"""Odd ones that the page shows."""


def sibling_facts(table: pa.Table, provenance: SiblingsProvenance) -> dict[str, Any]:
    """What was compared, and the odd one of every group, those farthest apart first."""
    found = odd_ones(table, provenance, most=None)
    sizes = [one.samples for one in provenance.siblings.groups]
    return {
        "samples": {**encoded(provenance.samples), "compared": found["samples"] if found else 0},
        "k": provenance.k,
        "extractor": encoded(provenance.extractor),
        "versions": {"rara": provenance.rara},
        "sizes": {"smallest": min(sizes, default=0), "largest": max(sizes, default=0)},
        "odd_ones": found,
    }


def sibling_lines(facts: Mapping[str, Any]) -> list[str]:
    """What was found as plain text, in lines of at most 80 columns."""
    samples, odd = facts["samples"], facts["odd_ones"]
    lead = f"{counted(samples['count'], 'sample')} from "
    place = shorten(samples["location"], TEXT - width(lead))
    lines = [("Compared", f"{lead}{place}"), ("", _sizes(facts))]
    if odd["too_small"]:
        small = counted(odd["too_small"], "group")
        lines.append(("Too small", f"{small} with fewer than {odd['least']} samples"))
    if odd["ungrouped"]:
        lines.append(("Left out", f"{counted(odd['ungrouped'], 'sample')} without {odd['by']}"))
    labels = ("Odd ones", *[""] * NAMED)
    lines += zip(labels, _named(odd), strict=False)
    return [f"{label:<{LABEL}}{text}" for label, text in lines]


def sibling_html(facts: Mapping[str, Any], pictures: Pictures | None) -> str:
    """The odd ones beside their siblings, as one page without script or network."""
    album, cases = Album(), facts["odd_ones"]["cases"]
    cases = [{**case, "sentence": odd_sentence(case)} for case in cases[:SHOWN]]
    edges = {name: SMALL for case in cases for name in case["siblings"][1:]}
    edges |= {case["siblings"][0]: MEDIUM for case in cases}
    edges |= {case["id"]: LARGE for case in cases}
    keys = album.add_all("samples", edges, pictures)
    return rendered(
        "siblings.html.j2", {**facts, "cases": cases, "keys": keys, "pictures": album.thumbnails}
    )


def _sizes(facts: Mapping[str, Any]) -> str:
    odd, sizes = facts["odd_ones"], facts["sizes"]
    many = counted(odd["groups"], "group")
    return (
        f"each with the others of its {shorten(odd['by'], 20)}: {many}, "
        f"the largest of {sizes['largest']:,}"
    )


def _named(odd: Mapping[str, Any]) -> Iterator[str]:
    """The odd ones that stand apart most, with how far."""
    for case in odd["cases"][:NAMED]:
        far = (
            "the others lie together" if case["times"] is None else f"{times(case['times'])} as far"
        )
        tail = f" ({shorten(case['group'], 24)}; {far})"
        yield shorten(case["id"], TEXT - width(tail)) + tail
    if not odd["cases"]:
        yield "none: no sample is farther from its siblings than all others are"
