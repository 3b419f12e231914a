"""Samples among their siblings, in words: plain lines for a terminal, and a page with pictures.

table + provenance --sibling_facts--> SiblingFacts --sibling_lines--> at most nine lines
SiblingFacts + pictures --sibling_html--> one self-contained file
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rara.extractors.base import Spec
from rara.features.features import Noted, Skipped
from rara.provenance.json_format import JsonObject, encoded
from rara.provenance.provenance import SiblingsProvenance
from rara.report.formatting import counted, isolated, shorten, times, width
from rara.report.gallery import LARGE, MEDIUM, SMALL
from rara.report.multiples import Panel
from rara.report.score_page import rendered
from rara.report.siblings import OddOne, OddOnes, odd_ones_of, siblings_panel
from rara.report.summary import COLUMNS
from rara.report.thumbnails import Album, Pictures, Thumbnail

if TYPE_CHECKING:
    import pyarrow as pa

LABEL = 10
TEXT = COLUMNS - LABEL
NAME = 32
"""Columns of a name in the headline."""
NAMED = 5
"""Odd ones that the terminal names."""
SHOWN = 40
"""Odd ones that the page shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSamples:
    """The samples, and how many of them were compared."""

    location: str
    """Where they are from."""
    count: int
    """Samples in the source."""
    remarks: tuple[str, ...]
    """How the images were read, in sentences."""
    skipped: tuple[Skipped, ...]
    """Images that could not be used."""
    noted: tuple[Noted, ...] | None
    """Notes on images that were used."""
    fingerprint: str | None
    """Digest of all samples."""
    compared: int
    """Samples in groups that are large enough."""


@dataclass(frozen=True, slots=True)
class GroupSizes:
    """How many samples groups have."""

    smallest: int
    """In the smallest group."""
    largest: int
    """In the largest group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiblingFacts:
    """Samples compared with their siblings, without a reference."""

    samples: ComparedSamples
    """The samples."""
    k: int
    """The rank of the sibling to which distances are taken."""
    extractor: Spec | None
    """What made the vectors; null if they were computed elsewhere."""
    versions: Mapping[str, str]
    """The version of rara."""
    sizes: GroupSizes
    """The sizes of the groups."""
    odd_ones: OddOnes
    """The odd one of every group."""

    def to_json(self) -> JsonObject:
        """The same as `json.dumps` takes it: docs/reference/json.md lists the keys."""
        keys: JsonObject = encoded(self)
        return keys


@dataclass(frozen=True, slots=True, kw_only=True)
class SiblingPage:
    """What the page shows; its fields are the names in the template."""

    facts: SiblingFacts
    headline: str
    panel: Panel | None
    """How far apart the odd ones are; None where no ratio says it."""
    cases: tuple[OddOne, ...]
    keys: Mapping[str, str]
    """Of pictures, by the ids of samples."""
    pictures: Mapping[str, Thumbnail]
    """By their keys."""


def sibling_facts(table: pa.Table, provenance: SiblingsProvenance) -> SiblingFacts:
    """What was compared, and the odd one of every group, those farthest apart first."""
    samples, part = provenance.samples, provenance.siblings
    odd_ones = odd_ones_of(table, part, most=None)
    sizes = [one.samples for one in part.groups]
    return SiblingFacts(
        samples=ComparedSamples(
            location=samples.location,
            count=samples.count,
            remarks=samples.remarks,
            skipped=samples.skipped,
            noted=samples.noted,
            fingerprint=samples.fingerprint,
            compared=odd_ones.samples,
        ),
        k=provenance.k,
        extractor=provenance.extractor,
        versions={"rara": provenance.rara},
        sizes=GroupSizes(smallest=min(sizes, default=0), largest=max(sizes, default=0)),
        odd_ones=odd_ones,
    )


def sibling_lines(facts: SiblingFacts) -> list[str]:
    """What was found as plain text, in lines of at most 80 columns."""
    samples, odd_ones = facts.samples, facts.odd_ones
    lead = f"{counted(samples.count, 'sample')} from "
    place = shorten(samples.location, TEXT - width(lead))
    lines = [("Compared", f"{lead}{place}"), ("", _sizes(facts))]
    if odd_ones.too_small:
        small = counted(odd_ones.too_small, "group")
        lines.append(("Too small", f"{small} with fewer than {odd_ones.least} samples"))
    if odd_ones.ungrouped:
        lines.append(("Left out", f"{counted(odd_ones.ungrouped, 'sample')} without {odd_ones.by}"))
    labels = ("Odd ones", *[""] * NAMED)
    lines += zip(labels, _odd_ones(odd_ones), strict=False)
    return [f"{label:<{LABEL}}{text}" for label, text in lines]


def sibling_html(facts: SiblingFacts, pictures: Pictures | None) -> str:
    """The odd ones beside their siblings, as one page without script or network."""
    album, cases = Album(), facts.odd_ones.cases[:SHOWN]
    edges = {name: SMALL for case in cases for name in case.siblings[1:]}
    edges |= {case.siblings[0]: MEDIUM for case in cases}
    edges |= {case.id: LARGE for case in cases}
    keys = album.add_all("samples", edges, pictures)
    page = SiblingPage(
        facts=facts,
        headline=sibling_headline(facts),
        panel=siblings_panel(facts.odd_ones.cases[:SHOWN]),
        cases=cases,
        keys=keys,
        pictures=album.thumbnails,
    )
    return rendered("siblings.html.j2", page)


def sibling_headline(facts: SiblingFacts) -> str:
    """The sample that stands farthest from its siblings; that none does where there is none."""
    cases, by = facts.odd_ones.cases, shorten(facts.odd_ones.by, 24)
    if not facts.odd_ones.groups:
        return f"No {by} has enough samples to compare"
    if not cases:
        return f"In no {by} does one sample stand farther from its siblings than all others"
    first = cases[0]
    group, name = in_group(first.group), in_group(first.id)
    if first.times is None:
        return f"{name} stands alone in {group}: its siblings are at distance 0"
    return f"{name} is {times(first.times)} as far from its siblings as is usual in {group}"


def in_group(name: str) -> str:
    """A name as a headline can hold it."""
    return isolated(shorten(name, NAME))


def _sizes(facts: SiblingFacts) -> str:
    many = counted(facts.odd_ones.groups, "group")
    return (
        f"each with the others of its {shorten(facts.odd_ones.by, 20)}: {many}, "
        f"the largest of {facts.sizes.largest:,}"
    )


def _odd_ones(odd_ones: OddOnes) -> Iterator[str]:
    """The odd ones that are farthest, with how far."""
    for case in odd_ones.cases[:NAMED]:
        far = (
            "the others are at distance 0" if case.times is None else f"{times(case.times)} as far"
        )
        tail = f" ({shorten(case.group, 24)}; {far})"
        yield shorten(case.id, TEXT - width(tail)) + tail
    if not odd_ones.cases:
        yield "none: no sample is farther from its siblings than all others are"
