"""Rows of cards: the samples worth a look, each with the reference images that say why.

Every card names its pictures by key; the album holds the pictures themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypedDict

from rara.report.findings import CARDS, Facts, Record
from rara.report.sentences import (
    nearest_sentence,
    outside_sentence,
    own_sentence,
    rarity_sentence,
    reason,
    typicality_sentence,
)
from rara.report.thumbnails import Album, Pictures
from rara.report.told_apart import giveaway_sentence, told_sentences

LARGE, MEDIUM, SMALL = 240, 160, 96
"""Longest side of a picture, in pixels: the sample, what stands beside it, all others."""


class Exhibit(TypedDict):
    """A reference image on a card.

    `role` is `nearest`, `by pixels`, `witness`, several of them, or empty. `distance` is
    from the sample, where it is known; `radius` is that of its ball, where it is the witness;
    `bits` is how many of 256 differ, where it is the nearest by pixels.
    """

    role: str
    id: str
    distance: float | None
    radius: float | None
    bits: int | None
    picture: str | None


class Card(TypedDict):
    """A sample, one sentence, the image that matters most beside it, and the others."""

    record: Record
    sentence: str
    picture: str | None
    beside: Exhibit
    others: list[Exhibit]


class CardRow(TypedDict):
    """Cards under one heading; `nothing` says why there are none."""

    key: str
    title: str
    lede: str
    nothing: str
    cards: list[Card]


@dataclass(frozen=True, slots=True)
class Section:
    """What a row shows, and which reference image stands first beside its samples."""

    key: str
    title: str
    lede: str
    nothing: str
    sentence: Callable[[Record, int], str]
    leading: Literal["by pixels", "nearest", "witness"] = "nearest"


COPIES = Section(
    key="copies",
    title="Copies and near copies",
    lede="Samples that stand nearer to a reference image than chance explains, each beside that "
    "image. Compare each pair: the verdict rests on features and pixels, yours on what you see.",
    nothing="No sample was called a copy or a near copy.",
    sentence=lambda record, k: nearest_sentence(record),
    leading="by pixels",
)

SECTIONS = (
    Section(
        key="rarest",
        title="The rarest",
        lede="Inside, where the reference is sparse: even the smallest ball that holds each of "
        "these samples is large. Beside each stands its witness, the reference image whose "
        "ball that is.",
        nothing="No sample is inside, so none has a rarity.",
        sentence=lambda record, k: rarity_sentence(record),
        leading="witness",
    ),
    Section(
        key="typical",
        title="The most typical",
        lede="Where the reference is densest: these samples have the smallest k-NN distance.",
        nothing="There are no samples.",
        sentence=typicality_sentence,
    ),
    Section(
        key="nearest",
        title="The nearest to a reference image",
        lede="The smallest distances between a sample and one single reference image. "
        "Compare each pair: the distance says how near, your eyes say how alike.",
        nothing="There are no samples.",
        sentence=lambda record, k: nearest_sentence(record),
    ),
    Section(
        key="farthest",
        title="The farthest outside",
        lede="No ball holds these samples, and of all such samples they are the farthest from "
        "their nearest reference image.",
        nothing="No sample lies outside every ball.",
        sentence=lambda record, k: outside_sentence(record),
    ),
)

GIVEAWAY = Section(
    key="giveaway",
    title="What gives the samples away",
    lede="",
    nothing="",
    sentence=lambda record, k: giveaway_sentence(record["giveaway"]),
)

ALL_SAMPLES = Section(
    key="samples",
    title="The samples",
    lede="All of them: copies first if there are any, then the rarest, those outside every ball "
    "last.",
    nothing="There are no samples.",
    sentence=lambda record, k: own_sentence(record),
)

PICKS = ("copies", "rarest", "farthest", "typical")
"""The order in which few samples are shown; together they hold them all."""


def card_rows(facts: Facts) -> list[CardRow]:
    """The rows, still without pictures; so few samples that rows would repeat them get one."""
    picks = facts["picks"]
    if facts["samples"]["count"] <= CARDS:
        everything = [record for pick in PICKS for record in picks[pick]]
        once = {record["id"]: record for record in everything}
        return [_row(ALL_SAMPLES, list(once.values()), facts["k"])]
    sections = (*((COPIES,) if facts["verdicts"] else ()), *SECTIONS, *_giveaway_section(facts))
    return [_row(section, picks.get(section.key, []), facts["k"]) for section in sections]


def hang_pictures(
    rows: Iterable[CardRow], others: Iterable[Record], pictures: Pictures, album: Album
) -> dict[str, str]:
    """Fill in the keys of all pictures on the cards; give those of the samples, by id."""
    cards = [card for row in rows for card in row["cards"]]
    samples = {record["id"]: SMALL for record in others}
    samples |= {card["record"]["id"]: LARGE for card in cards}
    small = {shown["id"]: SMALL for card in cards for shown in card["others"]}
    medium = {card["beside"]["id"]: MEDIUM for card in cards}
    keys = album.add_all("samples", samples, pictures)
    reference_keys = album.add_all("reference", small | medium, pictures)
    for card in cards:
        card["picture"] = keys.get(card["record"]["id"])
        for shown in (card["beside"], *card["others"]):
            shown["picture"] = reference_keys.get(shown["id"])
    return keys


def _giveaway_section(facts: Facts) -> list[Section]:
    """None where samples and reference were not tested."""
    if facts["two_sample"] is None:
        return []
    said = told_sentences(facts["two_sample"])
    return [replace(GIVEAWAY, lede=said, nothing=said)]


def _row(section: Section, picked: list[Record], k: int) -> CardRow:
    return {
        "key": section.key,
        "title": section.title,
        "lede": section.lede,
        "nothing": section.nothing,
        "cards": [_card(record, section, k) for record in picked],
    }


def _card(record: Record, section: Section, k: int) -> Card:
    exhibits = _exhibits(record)
    beside = next((one for one in exhibits if section.leading in one["role"]), exhibits[0])
    verdict = None if section.key == GIVEAWAY.key else reason(record)
    return {
        "record": record,
        "sentence": verdict or section.sentence(record, k),
        "picture": None,
        "beside": beside,
        "others": [shown for shown in exhibits if shown is not beside],
    }


def _exhibits(record: Record) -> list[Exhibit]:
    """Nearest first; the witness keeps its place among them, or comes last."""
    distances = {record["nearest"]: record["nearest_distance"]}
    distances |= {neighbor["id"]: neighbor["distance"] for neighbor in record["neighbors"]}
    by_pixels = record["pixel_nearest"] if record["by_pixels"] else None
    ids = dict.fromkeys([*distances, by_pixels, record["rarity_witness"]])
    return [_exhibit(name, record, distances.get(name)) for name in ids if name is not None]


def _exhibit(name: str, record: Record, distance: float | None) -> Exhibit:
    owners = {
        "nearest": record["nearest"],
        "by pixels": record["pixel_nearest"] if record["by_pixels"] else None,
        "witness": record["rarity_witness"],
    }
    return {
        "role": ", ".join(role for role, owner in owners.items() if owner == name),
        "id": name,
        "distance": distance,
        "radius": record["rarity"] if name == record["rarity_witness"] else None,
        "bits": record["pixel_distance"] if name == owners["by pixels"] else None,
        "picture": None,
    }
