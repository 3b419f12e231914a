"""Matches in words: plain lines for a terminal, and sentences for the page.

SearchFacts --search_lines--> a short block for each sample
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rara.image_search.match import By, Match, QueryMatches, SearchFacts
from rara.report.formatting import counted, in_sentence, number, p_in_words, shorten, width

LABEL: Final = 10
NARROW: Final = 60
"""Columns that names are cut to."""
NAME: Final = 26
"""The same of images without a common region, beside how near they are."""
BLOCKS: Final = 20
"""Samples that the terminal names."""

RANKED: Final[dict[By, str]] = {
    "copy": "by evidence of copying",
    "look": "by how they look",
    "meaning": "by what they show",
}


def search_lines(facts: SearchFacts) -> list[str]:
    """What was found as plain text: two lines, and a block for each of the first samples."""
    samples, reference = facts.samples, facts.reference
    lead = f"{counted(reference.count, 'reference image')} from "
    place = shorten(reference.location, NARROW - LABEL - width(lead))
    lines = [
        f"{'Searched':<{LABEL}}{lead}{place}",
        f"{'Ranked':<{LABEL}}{RANKED[facts.by]}",
        f"{'Found':<{LABEL}}a source of {samples.found:,} of {counted(samples.count, 'sample')}",
    ]
    for query in facts.queries[:BLOCKS]:
        lines += ["", *_block(query, reference.count)]
    if (more := len(facts.queries) - BLOCKS) > 0:
        lines += ["", f"And {counted(more, 'more sample')}: --json, --report and -o have them all."]
    return lines


def _block(query: QueryMatches, images: int) -> Iterator[str]:
    yield shorten(query.id, NARROW)
    headline = headline_of(query, images)
    found = [match for match in query if match.found]
    if headline:
        yield f"  {headline}"
    for match in found:
        mark = f"  {match.rank:<3}"
        yield mark + shorten(match.source, NARROW - len(mark))
        yield " " * len(mark) + what_of(match)
    others = [match for match in query if not match.found]
    if others and found:
        yield "  near, without a common region"
    for match in others:
        name = shorten(match.source, NAME)
        yield f"  {match.rank:<3}{name}{' ' * (NAME - width(name))}  {nearness(match)}"


def headline_of(query: QueryMatches, images: int) -> str:
    """What comes first of a sample: that it is a reference image itself, or that none was found."""
    same = [match for match in query if match.same]
    if same:
        return f"the same {same[0].same} as {in_sentence(same[0].source)}"
    if query.source is not None:
        return ""
    if not query.readable:
        return "evidence not available: the picture could not be read again"
    if not any(match.looked for match in query):
        return "evidence not available: no reference image could be read again"
    many = "the reference image" if images == 1 else f"{images:,} reference images"
    none = f"no region of {many} was found in it"
    return none if query.detailed else f"{none}: it has too little detail to be found"


def what_of(match: Match) -> str:
    """What was done to a source, and how sure that is."""
    shown = "" if match.p is None else f"{match.edit}; {p_in_words(match.p)}"
    if match.same:
        shown = f"the same {match.same}"
    decided = "" if match.decision is None else f"decided: {match.decision}"
    return "; ".join(filter(None, [shown, decided]))


def nearness(match: Match) -> str:
    """How near the vectors and the pixel hashes are."""
    bits = "" if match.pixel_distance is None else f", {match.pixel_distance} bits"
    decided = "" if match.decision is None else f", decided: {match.decision}"
    return f"distance {number(match.distance)}{bits}{decided}"
