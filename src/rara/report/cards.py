"""Rows of cards: the samples worth a look, each with the reference images that say why.

Every card names its pictures by key; the album holds the pictures themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypedDict

from rara.report.facts import CARDS, Facts, Record
from rara.report.formatting import in_sentence
from rara.report.groups import stray_sentence
from rara.report.rarest import STANDING_OUT, WHY
from rara.report.repeats import Repeat, repeat_sentence, repeats_lede
from rara.report.sentences import (
    nearest_sentence,
    outside_sentence,
    own_sentence,
    rarity_sentence,
    reason,
    stability_sentence,
    typicality_sentence,
)
from rara.report.siblings import OddOne, odd_sentence
from rara.report.thumbnails import Album, Pictures, Side
from rara.report.two_sample import difference_sentences, score_sentence
from rara.report.verdicts import COPIED

LARGE, MEDIUM, SMALL = 240, 160, 96
"""Longest side of a picture, in pixels: the sample, what stands beside it, all others."""


class Exhibit(TypedDict):
    """A reference image on a card, or another sample.

    `role` is `nearest`, `by pixels`, `witness`, several of them, `sibling`, `same group`, or empty.
    `distance` is from the sample, where it is known; `radius` is that of its ball, where it
    is the witness; `bits` is how many of 256 differ, where it is the nearest by pixels.
    """

    side: Side
    role: str
    id: str
    distance: float | None
    radius: float | None
    bits: int | None
    picture: str | None


class Card(TypedDict):
    """A sample, one sentence, the image that matters most beside it, and the others."""

    record: Record
    verdict: str | None
    """What the sentence gives the reason of, where it does."""
    stability: str | None
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
    lede="Samples nearer to a reference image than expected by chance, each beside that image. "
    "Compare each pair: the verdict comes from features and pixels alone.",
    nothing="No sample was called a copy or a near copy.",
    sentence=lambda record, k: nearest_sentence(record),
    leading="by pixels",
)

SECTIONS = (
    Section(
        key="rarest",
        title="The rarest",
        lede="Inside, where the reference is sparse. Beside each is its witness: the reference "
        "image with the smallest ball that holds it.",
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
        "Compare each pair: the distance is a number, only your eyes can judge likeness.",
        nothing="There are no samples.",
        sentence=lambda record, k: nearest_sentence(record),
    ),
    Section(
        key="farthest",
        title="The farthest outside",
        lede="No ball holds these samples, or they are off the manifold. They are ordered by how "
        "few real images are as far out.",
        nothing="No sample lies outside every ball.",
        sentence=lambda record, k: outside_sentence(record),
    ),
)

TWO_SAMPLE = Section(
    key="two_sample_score",
    title="The samples that differ most from the reference",
    lede="",
    nothing="",
    sentence=lambda record, k: score_sentence(record["two_sample_score"]),
)

STRAYS = Section(
    key="strays",
    title="Not at home in their group",
    lede="Farther out than {share} of the real images of their own group. Those that the whole "
    "reference takes for its own come first: beside each stands its nearest reference image, of "
    "whatever group. Of {judged} from the groups' own images about {expected} would be, too: at a "
    "false discovery rate of {level} {called} called{shortage}.",
    nothing="No sample is too far out for its own group.",
    sentence=lambda record, k: stray_sentence(record["on_request"], record["verdict"]),
)

ODD = Section(
    key="odd",
    title="The odd ones out",
    lede="Compared with the other samples of the same {by}, without the reference: each is farther "
    "from its siblings than any of these is. One always is, odd or not, unless two are equally "
    "far; those that stand apart most come first. Beside each stand its most typical siblings.",
    nothing="No sample is farther from its siblings than all of these are.",
    sentence=lambda record, k: "",
)

REPEATS = Section(
    key="repeats",
    title="Samples that repeat one another",
    lede="",
    nothing="",
    sentence=lambda record, k: "",
)

CONTESTED = Section(
    key="contested",
    title="Contested verdicts",
    lede="Another judge calls these samples something else: half the reference, or another "
    "extractor. Treat their verdicts with care.",
    nothing="No verdict is contested.",
    sentence=lambda record, k: own_sentence(record),
)

TELLING = {TWO_SAMPLE.key, STRAYS.key}
"""Sections whose own sentence says more of their samples than the verdict's reason."""

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


def card_rows(facts: Facts, cards: int = CARDS) -> list[CardRow]:
    """The rows, still without pictures; so few samples that rows would repeat them get one.

    `cards`: how many samples the picks of the facts hold at most.
    """
    picks = facts["picks"]
    if facts["samples"]["count"] <= min(cards, CARDS):
        everything = [record for pick in PICKS for record in picks[pick]]
        once = {record["id"]: record for record in everything}
        return [_row(ALL_SAMPLES, list(once.values()), facts["k"]), *_last_rows(facts)]
    sections = (
        *_copies_section(facts, cards),
        *map(partial(_ranked, facts=facts), SECTIONS),
        *_two_sample_section(facts),
        *([CONTESTED] if facts["dissent"] else []),
        *_strays_section(facts),
    )
    rows = [_row(section, picks.get(section.key, []), facts["k"]) for section in sections]
    return [*rows, *_last_rows(facts)]


def _ranked(section: Section, facts: Facts) -> Section:
    """The rarest say by what they are ranked, and how few of them stand out."""
    verdicts, shown = facts["verdicts"], facts["picks"]["rarest"]
    if section.key != "rarest" or not verdicts or verdicts["shortfall"]:
        return section
    many = sum(record["verdict"] in STANDING_OUT for record in shown)
    few = ""
    if many < len(shown):
        verb = "is" if many == 1 else "are"
        few = f" Of these {len(shown):,} only {many:,} {verb}" if many else " None of these is"
        few += f" called rare or uncommon{': no other sample inside is' if many else ''}."
    return replace(section, lede=f"{section.lede} {WHY}{few}")


def attach_pictures(
    rows: Iterable[CardRow], others: Iterable[Record], pictures: Pictures, album: Album
) -> dict[str, str]:
    """Fill in the keys of all pictures on the cards; give those of the samples, by id."""
    cards = [card for row in rows for card in row["cards"]]
    edges: dict[Side, dict[str, int]] = {"samples": {}, "reference": {}}
    edges["samples"] |= {record["id"]: SMALL for record in others}
    for shown, edge in _shown_beside(cards):
        edges[shown["side"]][shown["id"]] = edge
    edges["samples"] |= {card["record"]["id"]: LARGE for card in cards}
    keys = {side: album.add_all(side, wanted, pictures) for side, wanted in edges.items()}
    for shown, _ in _shown_beside(cards):
        shown["picture"] = keys[shown["side"]].get(shown["id"])
    for card in cards:
        card["picture"] = keys["samples"].get(card["record"]["id"])
    return keys["samples"]


def _shown_beside(cards: list[Card]) -> Iterator[tuple[Exhibit, int]]:
    """All that stands beside samples, with its size; the larger sizes last."""
    yield from ((shown, SMALL) for card in cards for shown in card["others"])
    yield from ((card["beside"], MEDIUM) for card in cards)


def _copies_section(facts: Facts, cards: int) -> list[Section]:
    """None where there are no verdicts; it says where there are more copies than cards."""
    known = facts["verdicts"]
    if known is None:
        return []
    called = sum(known["counts"].get(verdict, 0) for verdict in COPIED)
    if called <= cards:
        return [COPIES]
    return [replace(COPIES, lede=f"{COPIES.lede} Here are {cards} of {called:,}, copies first.")]


def _two_sample_section(facts: Facts) -> list[Section]:
    """None where samples and reference were not tested."""
    if facts["two_sample"] is None:
        return []
    said = difference_sentences(facts["two_sample"])
    return [replace(TWO_SAMPLE, lede=said, nothing=said)]


def _strays_section(facts: Facts) -> list[Section]:
    """None where samples were not judged by their groups."""
    known = facts["grouped"]
    if known is None:
        return []
    called, shortage = known["called"], known["shortage"]
    lede = STRAYS.lede.format(
        share=f"{100 * (1 - known['level']):g} %",
        level=f"{100 * known['level']:g} %",
        judged=f"{known['judged']:,}",
        expected=f"{round(known['level'] * known['judged']):,}",
        called="none is" if called == 0 else f"{called:,} {'is' if called == 1 else 'are'}",
        shortage=f"; {shortage}" if shortage and not called else "",
    )
    return [replace(STRAYS, lede=lede)]


def _last_rows(facts: Facts) -> list[CardRow]:
    return [*_repeats_row(facts), *_odd_row(facts)]


def _repeats_row(facts: Facts) -> list[CardRow]:
    """None where no sample repeats another."""
    known = facts["repeated"]
    if known is None or not known["cases"]:
        return []
    section = replace(REPEATS, lede=repeats_lede(known))
    pairs = zip(facts["picks"]["repeats"], known["cases"], strict=True)
    return [{**_row(section, [], facts["k"]), "cards": [_repeat_card(*pair) for pair in pairs]}]


def _repeat_card(record: Record, case: Repeat) -> Card:
    return _among_samples(record, repeat_sentence(case), [case["other"]], "same group")


def _odd_row(facts: Facts) -> list[CardRow]:
    """None where samples were not compared with their siblings."""
    known = facts["odd_ones"]
    if known is None:
        return []
    section = replace(ODD, lede=ODD.lede.format(by=in_sentence(known["by"])))
    pairs = zip(facts["picks"]["odd"], known["cases"], strict=True)
    return [{**_row(section, [], facts["k"]), "cards": [_odd_card(*pair) for pair in pairs]}]


def _odd_card(record: Record, case: OddOne) -> Card:
    return _among_samples(record, odd_sentence(case), case["siblings"], "sibling")


def _among_samples(record: Record, sentence: str, names: list[str], role: str) -> Card:
    """A sample beside other samples, the first of them with its role."""
    beside, *others = [_other_sample(name) for name in names]
    return {
        "record": record,
        "verdict": None,
        "stability": None,
        "sentence": sentence,
        "picture": None,
        "beside": {**beside, "role": role},
        "others": others,
    }


def _other_sample(name: str) -> Exhibit:
    return {
        "side": "samples",
        "role": "",
        "id": name,
        "distance": None,
        "radius": None,
        "bits": None,
        "picture": None,
    }


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
    telling = section.key in TELLING
    why = None if telling else reason(record)
    return {
        "record": record,
        "verdict": None if telling else record["verdict"],
        "stability": None if telling else stability_sentence(record),
        "sentence": why or section.sentence(record, k),
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
        "side": "reference",
        "role": ", ".join(role for role, owner in owners.items() if owner == name),
        "id": name,
        "distance": distance,
        "radius": record["rarity"] if name == record["rarity_witness"] else None,
        "bits": record["pixel_distance"] if name == owners["by pixels"] else None,
        "picture": None,
    }
