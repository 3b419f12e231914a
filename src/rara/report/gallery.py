"""Which pictures a page holds: those of its cards, then pairs and sheets as long as there is room.

rows of cards, examples, sheets --fill--> Gallery: keys of the pictures, and what has no room

A page of 2,000 samples stays below 3 MB, one of any size below 20 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import sqrt

from rara.report.cards import Card, CardRow
from rara.report.facts import CARDS
from rara.report.records import Record
from rara.report.thumbnails import Album, Filling, PictureKeys, Pictures, Wanted

LARGE, MEDIUM, SMALL = 240, 160, 96
"""Longest side of a picture on pages of few, in pixels: the sample, the image beside it, others."""
SAMPLE, PARTNER, OTHER, TINY = 192, 128, 64, 56
"""The same on the page of a table, and on a sheet."""
LEAST_PAIR, MOST_PAIR, BESIDE = 112, 320, 384
STRONGEST, STRONG_PAIR = 32, 224
"""So many pairs of a section, the surest ones, have larger pictures where there is room."""
PAIRS = 1_250
"""Pixels of a pair's side times the root of their number: 125 pairs of photos need about 1 MB."""
LEAST_BYTES, MOST_BYTES, BYTES_A_SAMPLE = 2_000_000, 12_000_000, 750
MOST_PAIRS, MOST_ON_SHEETS = 2_000, 600
"""Pairs and small pictures that are read; more would take minutes."""
SHARE = 4
"""One part of so many is kept for what comes after the pairs."""
PAIR_MARKUP, SHEET_MARKUP = 2_600, 250
"""Bytes of the page around the pictures of a pair, and around one on a sheet."""
NAMED_TIMES, USUAL_NAME = 4, 60
"""How often the page has a name in full, and how many bytes of it are in these counts."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Small pictures of all samples of a kind."""

    ids: tuple[str, ...]
    more: int = 0
    """Samples for which the page has no room."""


@dataclass(frozen=True, slots=True)
class Gallery:
    """The pictures of a page, and what is shown with them."""

    keys: PictureKeys
    rows: tuple[CardRow, ...]
    sheets: Mapping[str, Sheet]


def room(samples: int, cards: int = CARDS) -> int:
    """Bytes of pictures in a page of so many samples; more where more cards are asked for."""
    usual = max(LEAST_BYTES, BYTES_A_SAMPLE * samples)
    return min(MOST_BYTES, usual * max(cards, CARDS) // CARDS)


def fill(
    rows: Sequence[CardRow],
    examples: Iterable[Record],
    sheets: Mapping[str, Sequence[str]],
    pictures: Pictures | None,
    album: Album,
) -> Gallery:
    """Put pictures into the album: of cards, of pairs, around the cards, and of sheets."""
    cards = [card for row in rows if not row.compact for card in row.cards]
    first, last = list(_of_cards(cards)), list(_around(cards, examples))
    pairs = {row.key: row.cards for row in rows if row.compact}
    edge = BESIDE if album.beside else _pair_edge(sum(map(len, pairs.values())))
    large = max(edge, STRONG_PAIR)
    strong = [card for shown in pairs.values() for card in shown[:STRONGEST]]
    second = [
        *(one for card in strong for one in _of_pair(card, large, edge)),
        *(one for shown in pairs.values() for card in shown for one in _of_pair(card, edge)),
    ]
    few = MOST_ON_SHEETS // max(len(sheets), 1)
    small = [Wanted("samples", name, TINY) for ids in sheets.values() for name in ids[:few]]
    filling = Filling([*first, *second, *last, *small], pictures, album)
    for one in first:
        if not album.full:
            filling.add(one.side, one.id)
    reserve = room(0) // SHARE
    _shrink_weakest(list(chain.from_iterable(pairs.values())), strong, filling, reserve)
    shown = {key: _fitting_pairs(cards, filling, edge, reserve) for key, cards in pairs.items()}
    for one in last:
        if not album.full:
            filling.add(one.side, one.id)
    made = {
        key: _fitting(ids, few, filling)
        for key, ids in sheets.items()
        if pictures is not None and ids
    }
    cut = [
        replace(
            row, cards=row.cards[: shown[row.key]], more=row.more + len(row.cards) - shown[row.key]
        )
        if row.compact
        else row
        for row in rows
    ]
    return Gallery(keys=filling.keys(), rows=tuple(cut), sheets=made)


def _of_cards(cards: Iterable[Card]) -> Iterator[Wanted]:
    """Samples, and what stands beside them."""
    for card in cards:
        yield Wanted("samples", card.record.id, SAMPLE)
        yield Wanted(card.partner.side, card.partner.id, PARTNER)


def _around(cards: Iterable[Card], examples: Iterable[Record]) -> Iterator[Wanted]:
    """The other images on cards, and samples along the axis."""
    yield from (Wanted("samples", record.id, SMALL) for record in examples)
    yield from (Wanted(one.side, one.id, OTHER) for card in cards for one in card.others)


def _pair_edge(pairs: int) -> int:
    """The more pairs, the smaller their pictures."""
    return round(min(MOST_PAIR, max(LEAST_PAIR, PAIRS / sqrt(max(pairs, 1)))))


def _of_pair(card: Card, edge: int, least: int | None = None) -> Iterator[Wanted]:
    yield Wanted("samples", card.record.id, edge, least)
    yield Wanted(card.partner.side, card.partner.id, edge, least)


def _shrink_weakest(
    cards: Sequence[Card], strong: Sequence[Card], filling: Filling, reserve: int
) -> None:
    """Keep the large pictures of as many of the strongest pairs as leave room for all pairs."""
    left = filling.album.left - reserve - sum(map(_markup, cards))
    images = dict.fromkeys((one.side, one.id) for card in cards for one in _of_pair(card, 0))
    left -= sum(filling.bytes_of(*image)[0] for image in images)
    for card in strong:
        pair = {(one.side, one.id) for one in _of_pair(card, 0)} & images.keys()
        left -= sum(filling.bytes_of(*image)[1] for image in pair)
        for image in pair:
            if left < 0:
                filling.shrink(*image)
            images.pop(image)


def _fitting_pairs(cards: Sequence[Card], filling: Filling, edge: int, reserve: int) -> int:
    """How many pairs there is room for, so that some is left."""
    for at, card in enumerate(cards):
        if filling.album.left < reserve:
            return at
        filling.album.spend(_markup(card))
        for one in _of_pair(card, edge):
            filling.add(one.side, one.id)
    return len(cards)


def _markup(card: Card) -> int:
    """Bytes of the page around a pair."""
    return PAIR_MARKUP + NAMED_TIMES * _long(card.record.id, card.partner.id)


def _long(*names: str) -> int:
    """The bytes by which names are longer than usual ones."""
    return sum(max(0, len(name.encode("utf-8", "replace")) - USUAL_NAME) for name in names)


def _fitting(ids: Sequence[str], few: int, filling: Filling) -> Sheet:
    """The first pictures of a sheet, as many as were read and as there is room for."""
    for at, name in enumerate(ids[:few]):
        if filling.album.full:
            return Sheet(tuple(ids[:at]), len(ids) - at)
        filling.album.spend(SHEET_MARKUP + NAMED_TIMES * _long(name))
        filling.add("samples", name)
    return Sheet(tuple(ids[:few]), max(0, len(ids) - few))
