"""The page: the copies beside their sources, a card for each proxy, and what hangs on each.

ProxyFacts, score table of each proxy --proxies_html--> one self-contained file
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rara.proxy_references.facts import FoundCopy, ProxyCard, ProxyFacts
from rara.proxy_references.sentences import references
from rara.report.formatting import counted, p_in_words
from rara.report.score_page import rendered
from rara.report.thumbnails import Album, Thumbnail
from rara.table.score_table import ScoreTable

SHOWN: Final = 100
"""Findings with pictures."""
EDGE: Final = 360
"""Pixels of the longest side of a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCopy:
    """A finding as the page shows it."""

    found: FoundCopy
    rests: str
    sample: str | None
    """Key of its picture."""
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCard:
    """A proxy as the page shows it: figures with their names."""

    card: ProxyCard
    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxiesPage:
    """What the page shows; its fields are the names in the template."""

    facts: ProxyFacts
    headline: str
    references: str
    copies: tuple[ShownCopy, ...]
    cards: tuple[ShownCard, ...]
    pictures: Mapping[str, Thumbnail]
    """By their keys."""


def proxies_html(facts: ProxyFacts, scores: Mapping[str, ScoreTable]) -> str:
    """The page; every text is escaped."""
    album, samples = Album(), facts.samples
    called = samples.copies + samples.near_copies
    those = references(len(facts.proxies))
    one_of = those if len(facts.proxies) == 1 else f"one of {those}"
    page = ProxiesPage(
        facts=facts,
        headline=f"{called:,} of {counted(samples.count, 'sample')} copied from {one_of}",
        references=those,
        copies=_shown(facts, scores, album),
        cards=tuple(ShownCard(card=card, figures=_figures(card)) for card in facts.proxies),
        pictures=album.thumbnails,
    )
    return rendered("proxies.html.j2", page)


def _shown(
    facts: ProxyFacts, scores: Mapping[str, ScoreTable], album: Album
) -> tuple[ShownCopy, ...]:
    """The first findings, their pictures by the proxy that they are called of."""
    first = facts.found[:SHOWN]
    samples: dict[str, str] = {}
    sources: dict[str, dict[str, str]] = {}
    for name in dict.fromkeys(one.proxy for one in first):
        mine = [one for one in first if one.proxy == name]
        pictures = scores[name].pictures if name in scores else None
        samples |= album.add_all("samples", {one.id: EDGE for one in mine}, pictures)
        sources[name] = album.add_all("reference", {one.source: EDGE for one in mine}, pictures)
    return tuple(
        ShownCopy(
            found=one, rests=_rests(one.rests_on, len(facts.proxies)),
            sample=samples.get(one.id), source=sources[one.proxy].get(one.source),
        )
        for one in first
    )  # fmt: skip


def _rests(names: Sequence[str], proxies: int) -> str:
    if proxies == 1:
        return ""
    if not names:
        return "Would be called without any one of the references."
    return f"Rests on {' and on '.join(names)}."


def _figures(card: ProxyCard) -> tuple[tuple[str, str], ...]:
    shared = ", ".join(f"{one.images:,} with {one.proxy}" for one in card.shared)
    smallest = "none: too few images" if card.smallest_p is None else p_in_words(card.smallest_p)
    alone = card.alone_among
    figures = [
        ("images", f"{card.images:,}"),
        ("left out", f"{card.left_out:,}" if card.left_out else ""),
        ("skipped", f"{card.skipped:,}" if card.skipped else ""),
        ("repeat others", counted(card.repeating, "image")),
        ("in common", shared),
        ("extractor", "given vectors" if card.extractor is None else card.extractor.name),
        ("distances", card.metric),
        ("smallest p of a near copy", smallest),
        ("one near copy is called among", "" if alone is None else _among(alone)),
        ("decided by people", "" if card.decided is None else counted(card.decided, "sample")),
        ("fingerprint", (card.fingerprint or "")[:16]),
    ]
    return tuple((name, text) for name, text in figures if text)


def _among(alone: int) -> str:
    return f"at most {counted(alone, 'sample')}" if alone else "no number of samples"
