"""Plain lines for a terminal: what was found, by which proxy, and what hangs on each.

ProxyFacts --summary_lines--> lines of at most 60 columns
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rara.proxy_references.facts import ProxyCard, ProxyFacts
from rara.proxy_references.sentences import references
from rara.report.formatting import base_name, counted, shorten, width

LABEL = 10
NARROW = 60
NAME = 18
LISTED = 10
"""Samples that a terminal names."""
HEADS = ("images", "copies", "near", "alone", "without")


def summary_lines(facts: ProxyFacts) -> Iterator[str]:
    """The counts, a table of the proxies, the first findings, and what none of it says."""
    samples = facts.samples
    lead = f"{counted(samples.count, 'sample')} from "
    place = shorten(base_name(samples.location), NARROW - LABEL - len(lead))
    yield _line("Judged", f"{lead}{place}")
    yield _line("By", references(len(facts.proxies)))
    yield _line("Copies", f"{samples.copies:,}, and {samples.near_copies:,} near")
    yield _line("Others", f"{samples.none:,} with no copy found")
    if samples.undecided:
        yield _line("", f"{samples.undecided:,} of them as near as copies, but not called")
    yield ""
    yield from _table(facts.proxies)
    yield from _notes(facts)
    for found in facts.found[:LISTED]:
        yield ""
        yield shorten(found.id, NARROW)
        yield f"  {shorten(found.verdict, NARROW - 2)}"
        yield f"  {found.reason}"
        yield f"  {_rests(found.rests_on, len(facts.proxies))}"
    if (more := len(facts.found) - LISTED) > 0:
        yield ""
        yield f"And {more:,} more: --json, --report and -o have them all."
    yield ""
    yield _line("Note", facts.promise)


def _table(cards: Sequence[ProxyCard]) -> Iterator[str]:
    rows = [["", *HEADS]]
    rows += [
        [
            shorten(card.name, NAME), f"{card.images:,}", f"{card.copies:,}",
            f"{card.near_copies:,}", f"{card.rest_on_it:,}", f"+{card.found_without:,}",
        ]
        for card in cards
    ]  # fmt: skip
    widths = [max(width(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        first = row[0] + " " * (widths[0] - width(row[0]))
        rest = (" " * (widths[i] - width(row[i])) + row[i] for i in range(1, len(row)))
        yield "  ".join([first, *rest]).rstrip()


def _notes(facts: ProxyFacts) -> Iterator[str]:
    for card in facts.proxies:
        if not card.counts:
            yield f"{shorten(card.name, NAME)}: too few images for p-values; facts still count"
    if facts.counted > 1:
        yield f"p-values are {facts.counted} times the smallest of {facts.counted} proxies"


def _rests(names: Sequence[str], proxies: int) -> str:
    if proxies == 1:
        return "rests on the only proxy"
    if not names:
        return "would be called without any one of them"
    return f"rests on {' and on '.join(shorten(name, NAME) for name in names)}"


def _line(label: str, text: str) -> str:
    return f"{label:<{LABEL}}{text}"
