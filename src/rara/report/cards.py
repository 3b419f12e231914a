"""Rows of cards: the samples worth a look, each with the reference images that say why.

facts --card_rows--> rows of cards --add_pictures--> keys of their pictures in the album
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from rara.report.facts import CARDS, Facts
from rara.report.formatting import in_sentence
from rara.report.rarest import STANDING_OUT, WHY
from rara.report.records import Record
from rara.report.repeats import repeat_sentence, repeats_lede
from rara.report.sentences import (
    nearest_sentence,
    outside_sentence,
    own_sentence,
    rarity_sentence,
    reason,
    stability_sentence,
    stray_sentence,
    typicality_sentence,
)
from rara.report.siblings import odd_sentence
from rara.report.thumbnails import Album, PictureKeys, Pictures, Side
from rara.report.two_sample import difference_sentences, score_sentence
from rara.report.verdicts import COPIED

LARGE, MEDIUM, SMALL = 240, 160, 96
"""Longest side of a picture, in pixels: the sample, the image beside it, all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherImage:
    """A reference image on a card, or another sample."""

    side: Side
    role: str = ""
    """`nearest`, `by pixels`, `by the copy network`, `witness`, several of them, `sibling`, `same
    group`, or empty."""
    id: str
    distance: float | None = None
    """Its distance to the sample."""
    radius: float | None = None
    """The radius of its ball, if it is the witness."""
    bits: int | None = None
    """How many of 256 differ, if it is the nearest by pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A sample, one sentence, and the images to compare it with."""

    record: Record
    verdict: str | None = None
    """The verdict, if the sentence is its reason."""
    stability: str | None = None
    """At how many k the verdict is the same, in words."""
    sentence: str
    partner: OtherImage
    """The image that matters most, in large."""
    others: tuple[OtherImage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRow:
    """Cards under one heading."""

    key: str
    title: str
    lede: str
    """What the cards have in common, in a few sentences."""
    nothing: str
    """Why there are no cards."""
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """What a row shows, and which reference image is the partner of each sample."""

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
        lede="Inside a ball, where the reference is sparse. Beside each sample is its witness: the "
        "reference image with the smallest ball that holds it.",
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
        "Compare each pair yourself: a small distance does not prove that both look alike.",
        nothing="There are no samples.",
        sentence=lambda record, k: nearest_sentence(record),
    ),
    Section(
        key="farthest",
        title="The farthest outside",
        lede="No ball holds these samples, or they are off the manifold. Those with the fewest "
        "real images as far out come first.",
        nothing="No sample lies outside every ball.",
        sentence=lambda record, k: outside_sentence(record),
    ),
)

TWO_SAMPLE = Section(
    key="two_sample_score",
    title="The samples that differ most from the reference",
    lede="",
    nothing="",
    sentence=lambda record, k: score_sentence(record.two_sample_score),
)

STRAYS = Section(
    key="strays",
    title="Too far out for their group",
    lede="Farther out than {share} of the real images of their own group. Those that the whole "
    "reference does not call off the manifold come first. Beside each is its nearest reference "
    "image, of any group. Of {judged} real images, about {expected} would be as far out. At a "
    "false discovery rate of {level}, {called} called{shortage}.",
    nothing="No sample is too far out for its own group.",
    sentence=lambda record, k: stray_sentence(record),
)

ODD_ONES = Section(
    key="odd_ones",
    title="The odd ones out",
    lede="Compared with the other samples of the same {by}, without the reference. Each is the "
    "sample of its group that is farthest from the others. Every group has one, odd or not, unless "
    "two are equally far. The farthest come first, each beside its most typical siblings.",
    nothing="In no group is one sample farther from its siblings than all others are.",
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
    lede="Half the reference, or another extractor, gives these samples another verdict. Treat "
    "their verdicts with care.",
    nothing="No verdict is contested.",
    sentence=lambda record, k: own_sentence(record),
)

WITH_OWN_SENTENCE = {TWO_SAMPLE.key, STRAYS.key}
"""Sections whose own sentence stands instead of the verdict's reason."""

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
    """The rows of cards; a single row where there are so few samples that rows would repeat them.

    `cards`: how many samples the picks of the facts hold at most.
    """
    picks = facts.picks
    if facts.samples.count <= min(cards, CARDS):
        once = {record.id: record for pick in PICKS for record in picks.of(pick)}
        return [_row(ALL_SAMPLES, once.values(), facts.k), *_last_rows(facts)]
    sections = (
        *_copies_section(facts, cards),
        *map(partial(_ranked, facts=facts), SECTIONS),
        *_two_sample_section(facts),
        *([CONTESTED] if facts.dissent else []),
        *_strays_section(facts),
    )
    rows = [_row(section, picks.of(section.key), facts.k) for section in sections]
    return [*rows, *_last_rows(facts)]


def _ranked(section: Section, facts: Facts) -> Section:
    """The rarest say by what they are ranked, and how few of them stand out."""
    verdicts, shown = facts.verdicts, facts.picks.rarest
    if section.key != "rarest" or not verdicts or verdicts.shortfall:
        return section
    many = sum(record.verdict in STANDING_OUT for record in shown)
    few = ""
    if many < len(shown):
        verb = "is" if many == 1 else "are"
        few = f" Of these {len(shown):,} only {many:,} {verb}" if many else " None of these is"
        few += f" called rare or uncommon{': no other sample inside is' if many else ''}."
    return replace(section, lede=f"{section.lede} {WHY}{few}")


def add_pictures(
    rows: Iterable[CardRow], others: Iterable[Record], pictures: Pictures | None, album: Album
) -> PictureKeys:
    """Put all pictures of the cards, and small ones of other samples, into the album."""
    cards = [card for row in rows for card in row.cards]
    edges: dict[Side, dict[str, int]] = {"samples": {}, "reference": {}}
    edges["samples"] |= {record.id: SMALL for record in others}
    for shown, edge in _other_images(cards):
        edges[shown.side][shown.id] = edge
    edges["samples"] |= {card.record.id: LARGE for card in cards}
    return PictureKeys(
        samples=album.add_all("samples", edges["samples"], pictures),
        reference=album.add_all("reference", edges["reference"], pictures),
    )


def _other_images(cards: list[Card]) -> Iterator[tuple[OtherImage, int]]:
    """All images on cards but the samples, each with its size; the larger sizes last."""
    yield from ((shown, SMALL) for card in cards for shown in card.others)
    yield from ((card.partner, MEDIUM) for card in cards)


def _copies_section(facts: Facts, cards: int) -> list[Section]:
    """None where there are no verdicts; it says where there are more copies than cards."""
    if facts.verdicts is None:
        return []
    called = sum(facts.verdicts.counts.get(verdict, 0) for verdict in COPIED)
    if called <= cards:
        return [COPIES]
    return [replace(COPIES, lede=f"{COPIES.lede} Here are {cards} of {called:,}, copies first.")]


def _two_sample_section(facts: Facts) -> list[Section]:
    """None where samples and reference were not tested."""
    if facts.two_sample is None:
        return []
    lede = difference_sentences(facts.two_sample)
    return [replace(TWO_SAMPLE, lede=lede, nothing=lede)]


def _strays_section(facts: Facts) -> list[Section]:
    """None where samples were not judged by their groups."""
    groups = facts.grouped
    if groups is None:
        return []
    called, shortage = groups.called, groups.shortage
    lede = STRAYS.lede.format(
        share=f"{100 * (1 - groups.level):g} %",
        level=f"{100 * groups.level:g} %",
        judged=f"{groups.judged:,}",
        expected=f"{round(groups.level * groups.judged):,}",
        called="none is" if called == 0 else f"{called:,} {'is' if called == 1 else 'are'}",
        shortage=f"; {shortage}" if shortage and not called else "",
    )
    return [replace(STRAYS, lede=lede)]


def _last_rows(facts: Facts) -> list[CardRow]:
    return [*_repeats_row(facts), *_odd_ones_row(facts)]


def _repeats_row(facts: Facts) -> list[CardRow]:
    """None where no sample repeats another."""
    repeats = facts.repeated
    if repeats is None or not repeats.cases:
        return []
    pairs = zip(facts.picks.of("repeats"), repeats.cases, strict=True)
    cards = [_among_samples(one, repeat_sentence(case), [case.other], "same group")
             for one, case in pairs]  # fmt: skip
    return [_row_of(replace(REPEATS, lede=repeats_lede(repeats)), cards)]


def _odd_ones_row(facts: Facts) -> list[CardRow]:
    """None where samples were not compared with their siblings."""
    odd_ones = facts.odd_ones
    if odd_ones is None:
        return []
    pairs = zip(facts.picks.of("odd_ones"), odd_ones.cases, strict=True)
    cards = [_among_samples(one, odd_sentence(case), case.siblings, "sibling")
             for one, case in pairs]  # fmt: skip
    return [
        _row_of(replace(ODD_ONES, lede=ODD_ONES.lede.format(by=in_sentence(odd_ones.by))), cards)
    ]


def _among_samples(record: Record, sentence: str, names: Iterable[str], role: str) -> Card:
    """A sample beside other samples, the first of them with its role."""
    partner, *others = (OtherImage(side="samples", id=name) for name in names)
    return Card(
        record=record,
        sentence=sentence,
        partner=replace(partner, role=role),
        others=tuple(others),
    )


def _row(section: Section, picked: Iterable[Record], k: int) -> CardRow:
    return _row_of(section, (_card(record, section, k) for record in picked))


def _row_of(section: Section, cards: Iterable[Card]) -> CardRow:
    return CardRow(
        key=section.key,
        title=section.title,
        lede=section.lede,
        nothing=section.nothing,
        cards=tuple(cards),
    )


def _card(record: Record, section: Section, k: int) -> Card:
    images = _reference_images(record)
    roles = ("source", "by the copy network", section.leading)
    partner = next((one for role in roles for one in images if role in one.role), images[0])
    judged = section.key not in WITH_OWN_SENTENCE
    why = reason(record) if judged else None
    return Card(
        record=record,
        verdict=record.verdict if judged else None,
        stability=stability_sentence(record) if judged else None,
        sentence=why or section.sentence(record, k),
        partner=partner,
        others=tuple(shown for shown in images if shown is not partner),
    )


def _reference_images(record: Record) -> list[OtherImage]:
    """Nearest first; the witness keeps its place among them, or comes last."""
    distances = {record.nearest: record.nearest_distance}
    distances |= {neighbor.id: neighbor.distance for neighbor in record.neighbors}
    roles = {
        "source": record.source,
        "nearest": record.nearest,
        "by pixels": record.pixel_nearest if record.by_pixels else None,
        "by the copy network": record.network_nearest if record.by_network else None,
        "witness": record.rarity_witness,
    }
    ids = dict.fromkeys([*distances, *roles.values()])
    return [
        OtherImage(
            side="reference",
            role=", ".join(role for role, owner in roles.items() if owner == name),
            id=name,
            distance=distances.get(name),
            radius=record.rarity if name == roles["witness"] else None,
            bits=record.pixel_distance if name == roles["by pixels"] else None,
        )
        for name in ids
        if name is not None
    ]
