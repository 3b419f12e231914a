"""Rows of cards: the samples worth a look, each with the reference images that say why.

facts --card_rows--> rows of cards, for the page
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rara.report.conclusion import CLAUSES
from rara.report.controls import AskedPair
from rara.report.copied import (
    accused_image,
    asked_image,
    decided_image,
    evidence_sentence,
    fact,
)
from rara.report.decisions import decided_line
from rara.report.facts import CARDS, Facts
from rara.report.formatting import counted, in_sentence, nearest_of
from rara.report.found_sources import Region, overlap
from rara.report.picks import Picks
from rara.report.rarest import STANDING_OUT, WHY
from rara.report.records import Record
from rara.report.repeats import repeat_sentence, repeats_lede
from rara.report.sections import (
    ALL_SAMPLES,
    CONTESTED,
    COPIES,
    DECIDED,
    ODD_ONES,
    PICKS,
    REPEATS,
    SECTIONS,
    STRAYS,
    TWO_SAMPLE,
    WITH_OWN_SENTENCE,
    Section,
)
from rara.report.sentences import reason, stability_sentence
from rara.report.siblings import odd_sentence
from rara.report.thumbnails import Side
from rara.report.two_sample import difference_sentences
from rara.report.verdicts import COPIED


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherImage:
    """A reference image on a card, or another sample."""

    side: Side
    role: str = ""
    """`source`, `nearest`, `by pixels`, `by the copy network`, `witness` or `decided`, or several
    of these; `sibling`, `same group`, or empty."""
    id: str
    distance: float | None = None
    """Its distance to the sample."""
    radius: float | None = None
    """The radius of its ball, if it is the witness."""
    bits: int | None = None
    """How many of 256 differ, if it is the nearest by pixels."""
    region: Region | None = None
    """What it has in common with the sample, if it is the source."""


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
    region: Region | None = None
    """What the sample has in common with the partner."""
    evidence: str = ""
    """What was done to the source, how much is common, and which comparison named it."""
    asked: AskedPair | None = None
    """The pair that people may decide of, if it is on the card."""


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
    compact: bool = False
    """Whether the cards are pairs without more images."""
    more: int = 0
    """Cards for which the page has no room."""


OTHERS_FIRST = ("two_sample_score", "contested", "nearest", "typical")
"""Sections that show other samples than those above them, as long as there are others."""


def card_rows(
    facts: Facts,
    cards: int = CARDS,
    copies: Sequence[Record] = (),
    spare: Picks | None = None,
) -> list[CardRow]:
    """The rows of cards; a single row where there are so few samples that rows would repeat them.

    `cards`: how many samples the picks of the facts hold at most; `copies`: all that are called
    so, each of which has a card; `spare`: more picks, for sections that would show again what
    stands in another one.
    """
    picks = facts.picks
    if facts.samples.count <= min(cards, CARDS):
        once = {record.id: record for pick in PICKS for record in picks.of(pick)}
        return [_row(ALL_SAMPLES, once.values(), facts.k), *_last_rows(facts)]
    sections = (
        *map(partial(_ranked, facts=facts), SECTIONS),
        *_two_sample_section(facts),
        *([CONTESTED] if facts.dissent else []),
        *_strays_section(facts),
    )
    rows = {section.key: _row(section, picks.of(section.key), facts.k) for section in sections}
    first = _copies_row(facts, copies)
    if spare is not None:
        shown = {record.id for record in copies}
        if shown.intersection(record.id for record in picks.of("farthest")):
            far = [record for record in spare.of("farthest") if record.id not in shown][:cards]
            section = next(one for one in sections if one.key == "farthest")
            rows["farthest"] = replace(_row(section, far, facts.k), nothing="")
        shown |= {card.record.id for key in ("rarest", "farthest") for card in rows[key].cards}
        rows |= _others(rows, spare, shown, cards, facts.k, {one.key: one for one in sections})
    return [*first, *rows.values(), *_last_rows(facts)]


def _others(
    rows: Mapping[str, CardRow],
    spare: Picks,
    shown: set[str],
    cards: int,
    k: int,
    sections: Mapping[str, Section],
) -> dict[str, CardRow]:
    """The rows of `OTHERS_FIRST` without what is shown already; such a row may become empty."""
    found = {}
    for key in (key for key in OTHERS_FIRST if key in rows):
        picked = [record for record in spare.of(key) if record.id not in shown][:cards]
        repeated = sum(card.record.id in shown for card in rows[key].cards)
        shown |= {record.id for record in picked}
        made = _row(sections[key], picked, k)
        again = f" {counted(repeated, 'sample')} of the first {len(rows[key].cards)}"
        again += f" {'stands' if repeated == 1 else 'stand'} in a section above."
        found[key] = replace(made, lede=made.lede + again) if repeated and picked else made
        if rows[key].cards and not picked:  # all of them are above
            lede_counts = key in ("two_sample_score", "contested")
            found[key] = rows[key] if lede_counts else replace(made, nothing="")
    return found


def _ranked(section: Section, facts: Facts) -> Section:
    """The rarest say by what they are ranked, and how few of them stand out."""
    verdicts, shown = facts.verdicts, facts.picks.rarest
    section = replace(section, lede=section.lede.format(neighbor=nearest_of(facts.k)))
    if section.key == "farthest" and verdicts and not verdicts.shortfall:
        return _off_the_reference(section, facts)
    if section.key != "rarest" or not verdicts or verdicts.shortfall:
        return section
    many = sum(record.verdict in STANDING_OUT for record in shown)
    few = ""
    if many < len(shown):
        verb = "is" if many == 1 else "are"
        few = f" Of these {len(shown):,} only {many:,} {verb}" if many else " None of these is"
        few += f" called rare or uncommon{': no other sample inside is' if many else ''}."
    return replace(section, lede=f"{section.lede} {WHY}{few}")


def _off_the_reference(section: Section, facts: Facts) -> Section:
    """What the verdicts mean, and how many real images would have them."""
    statement = facts.conclusion.of("off")
    if statement is None or facts.verdicts is None:
        return section
    level = f"{100 * facts.verdicts.alpha:g} %"
    expected = "" if statement.expected is None else f", where about {statement.expected:,.0f} of "
    lede = (
        f"{counted(int(statement.observed), 'sample')} {CLAUSES['off'][statement.observed != 1]}"
        f"{expected and expected + 'as many real images would'}: farther from it than all but "
        f"{level} of real images. Alone there, the verdict is off-manifold; among others like it, "
        f"unknown to this reference. {section.lede}"
    )
    return replace(section, title="Off the reference", lede=lede)


def _copies_row(facts: Facts, copies: Sequence[Record]) -> list[CardRow]:
    """None where there are no verdicts."""
    if facts.verdicts is None:
        return []
    lede = COPIES.lede
    if facts.decided and facts.decided.copies:
        verb = "is a copy" if facts.decided.copies == 1 else "are copies"
        lede += f" {counted(facts.decided.copies, 'sample')} {verb} by your decision."
    called = sum(facts.verdicts.counts.get(verdict, 0) for verdict in COPIED)
    row = _row(replace(COPIES, lede=lede), copies, facts.k)
    return [replace(row, compact=True, more=called - len(row.cards))]


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
    return [*_decided_row(facts), *_repeats_row(facts), *_odd_ones_row(facts)]


def _decided_row(facts: Facts) -> list[CardRow]:
    """None where no decision bears on a sample."""
    picked = facts.picks.of("decided")
    if facts.decided is None or not picked:
        return []
    lede = f"{decided_line(facts.decided)}. {DECIDED.lede}"
    return [_row(replace(DECIDED, lede=lede), picked, facts.k)]


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
    shown = _partner(images, record, section)
    found = record.found if record.found and record.found.source == shown.id else None
    partner = replace(shown, region=found.source_region) if found else shown
    judged = section.key not in WITH_OWN_SENTENCE
    why = reason(record) if judged else None
    return Card(
        record=record,
        verdict=record.verdict if judged else None,
        stability=stability_sentence(record) if judged else None,
        sentence=why or section.sentence(record, k),
        partner=partner,
        others=tuple(one for one in images if one is not shown),
        region=found.sample_region if found else None,
        evidence=_evidence(record, shown.id) if judged else "",
        asked=_asked(record, shown.id, section),
    )


def _partner(images: list[OtherImage], record: Record, section: Section) -> OtherImage:
    """The image that the section is about; else the source, else one of the section's role."""
    about = {"accused": asked_image(record), "decided": decided_image(record)}
    wanted = about.get(section.leading) or record.source
    named = next((one for one in images if one.id == wanted), None)
    leading = next((one for one in images if section.leading in one.role), images[0])
    return named or leading


def _evidence(record: Record, image: str) -> str:
    """What was done to the source, how much is common, and which comparison named the image."""
    sentences = []
    if fact(record, image):  # all of both is common
        return ""
    if record.found and record.found.source == image:
        edit = record.found.edit if record.source is None else ""  # else the reason says it
        common = overlap(record.found.sample_region, record.found.source_region)
        sentences = [f"{text[0].upper()}{text[1:]}." for text in (edit, common) if text]
    named = evidence_sentence(record) if image == accused_image(record) else ""
    return " ".join([*sentences, *([named] if named else [])])


def _asked(record: Record, image: str, section: Section) -> AskedPair | None:
    """The pair of the card, where it is accused or was decided."""
    decided = decided_image(record)
    if image != (decided if section.key == DECIDED.key else asked_image(record)):
        return None
    word = (record.decision or "") if image == decided else ""
    return AskedPair(sample=record.id, source=image, decided=word, fact=fact(record, image))


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
        "decided": decided_image(record),
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
