"""Sections of the page: what the cards under a heading have in common.

Each says which samples it shows, which sentence they have, and which image stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rara.report.records import Record
from rara.report.sentences import (
    nearest_sentence,
    outside_sentence,
    own_sentence,
    rarity_sentence,
    stray_sentence,
    typicality_sentence,
)
from rara.report.two_sample import score_sentence


@dataclass(frozen=True, slots=True)
class Section:
    """What a row shows, and which reference image is the partner of each sample."""

    key: str
    title: str
    lede: str
    nothing: str
    sentence: Callable[[Record, int], str]
    leading: Literal["accused", "decided", "nearest", "witness"] = "nearest"


COPIES = Section(
    key="copies",
    title="Copies and near copies",
    lede="Samples nearer to a reference image than expected by chance, each beside that image. "
    "Compare each pair: the verdict comes from features and pixels alone.",
    nothing="No sample was called a copy or a near copy.",
    sentence=lambda record, k: nearest_sentence(record),
    leading="accused",
)

SECTIONS = (
    Section(
        key="rarest",
        title="The rarest",
        lede="On the reference, where it is sparse. Around each reference image lies a ball that "
        "reaches to its {neighbor} other one. Beside each sample is its witness: the owner of the "
        "smallest ball that holds it.",
        nothing="No sample lies in a ball, so none has a rarity.",
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
        title="The farthest from the reference",
        lede="Those with the fewest real images as far out come first.",
        nothing="No sample lies off the reference.",
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

DECIDED = Section(
    key="decided",
    title="What you decided",
    lede="A decision holds for the contents of both pictures. Pairs that are no copy come first, "
    "each sample beside the image that you decided about.",
    nothing="",
    sentence=lambda record, k: own_sentence(record),
    leading="decided",
)

WITH_OWN_SENTENCE = {TWO_SAMPLE.key, STRAYS.key}
"""Sections whose own sentence stands instead of the verdict's reason."""

ALL_SAMPLES = Section(
    key="samples",
    title="The samples",
    leading="accused",
    lede="All of them: copies first if there are any, then the rarest, those outside every ball "
    "last.",
    nothing="There are no samples.",
    sentence=lambda record, k: own_sentence(record),
)

PICKS = ("copies", "rarest", "farthest", "typical")
"""The order in which few samples are shown; together they hold them all."""
