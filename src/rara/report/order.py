"""In which order the page shows its sections: the strongest evidence first.

Facts, rows of cards --sections_in_order--> keys; those without anything to show come last, in words
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rara.report.facts import Facts

SECTION_OF = {
    "copies": "copies",
    "off": "farthest",
    "repeats": "repeats",
    "difference": "two_sample_score",
}
"""The section of each statement that is a finding where it differs."""
GROUPS = ("groups", "strays")
DESCRIPTIONS = (
    "rarest", "outside", "rarity", *GROUPS, "odd_ones", "two_sample_score", "repeats", "farthest",
    "nearest", "typical", "samples",
)  # fmt: skip
"""What describes the samples, and proves nothing."""


def sections_in_order(facts: Facts, shown: Collection[str]) -> tuple[str, ...]:
    """The keys of what is shown, each once."""
    order = dict.fromkeys([*_findings(facts), *DESCRIPTIONS])
    return tuple(key for key in order if key in shown)


def _findings(facts: Facts) -> Iterator[str]:
    """What differs from real images, and what people have said of it."""
    for one in facts.conclusion.statements:
        if one.differs and one.key in SECTION_OF:
            yield SECTION_OF[one.key]
    yield "copies"
    if facts.grouped and any(row.differs for row in facts.grouped.rows):
        yield from GROUPS
    yield from ("decided", "contested")
