"""The facts of a table as Markdown: the headline, the counts, and the samples to look at.

Facts, records of copies --to_markdown--> text for an issue, a wiki or a README

Names come from outside: every one is escaped, so that it is a name and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rara.report.conclusion import Statement
from rara.report.copied import accused_image, in_words
from rara.report.disagreement import disagreement_sentence
from rara.report.facts import Facts
from rara.report.formatting import base_name, counted, number, p_in_words, percent, shorten
from rara.report.rarest import RANKED, WHY
from rara.report.records import Record

SHOWN = 50
"""Copies that the text names; the table has all."""
NAME = 60
PICKED = ("sample", "verdict", "nearest", "distance to it", "k-NN distance", "rarity")
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|~&]")


def to_markdown(facts: Facts, copies: Sequence[Record]) -> str:
    """The facts of a table in Markdown.

    `copies`: the samples that are called copies or near copies, the surest first.
    """
    parts = [
        [f"# {_plain(facts.conclusion.headline)}"],
        [_what(facts)],
        _table(("count", "samples", "share", "95 % interval", "of as many real images"),
               map(_counted, facts.conclusion.statements)),
        _copies(copies),
        _picked("The farthest from the reference", facts.picks.farthest, _order_of_farthest(facts)),
        _picked("The rarest", facts.picks.rarest, _order_of_rarest(facts)),
        ["## How this was made", "", *_made(facts)],
    ]  # fmt: skip
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _what(facts: Facts) -> str:
    samples, reference = facts.samples, facts.reference
    sentences = [
        f"{counted(samples.count, 'sample')} from {_name(base_name(samples.location))}, judged "
        f"against {counted(reference.count, 'reference image')} from "
        f"{_name(base_name(reference.location))}."
    ]
    if facts.verdicts and facts.verdicts.shortfall:
        sentences.append(facts.verdicts.shortfall)
    elif facts.calibration and facts.calibration.shortage and not facts.calibration.near_copies:
        sentences.append(f"Near copies: {facts.calibration.shortage}.")
    if facts.dissent:
        sentences.append(disagreement_sentence(facts.dissent))
    return _plain(" ".join(sentences[1:]), sentences[0])


def _plain(text: str, before: str = "") -> str:
    return " ".join(filter(None, [before, _SPECIAL.sub(r"\\\g<0>", text)]))


def _name(name: str) -> str:
    """A name that Markdown and HTML show as it is."""
    return _SPECIAL.sub(r"\\\g<0>", shorten(name, NAME))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    if not lines:
        return []
    return [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *lines]


def _counted(one: Statement) -> list[str]:
    """One count beside what real images would give."""
    if one.key == "difference":
        return [one.label, f"{one.observed:.3f}", "", "", "0.500"]
    limits = one.interval and " to ".join(map(percent, one.interval))
    expected = "" if one.expected is None else f"about {one.expected:,.0f}"
    if one.key == "copies":
        expected = "usually none"
    share = "" if one.share is None else percent(one.share)
    return [one.label, f"{one.observed:,.0f}", share, limits or "", expected]


def _copies(copies: Sequence[Record]) -> list[str]:
    if not copies:
        return []
    rows = (
        [_name(one.id), one.verdict or "", _name(accused_image(one) or one.nearest),
         _plain(in_words(one)), "" if one.copy_p is None else p_in_words(one.copy_p)]
        for one in copies[:SHOWN]
    )  # fmt: skip
    table = _table(("sample", "verdict", "of", "what was done", "p"), rows)
    more = len(copies) - SHOWN
    rest = ["", f"And {more:,} more: the saved table names them all."] if more > 0 else []
    return ["## Copies and near copies", "", *table, *rest]


def _order_of_rarest(facts: Facts) -> str:
    """By what the rarest are ordered, in a sentence."""
    if any(one.verdict in RANKED for one in facts.picks.rarest):
        return f"{WHY} The greatest distance comes first."
    return "The greatest rarity comes first; where it is equal, the greatest k-NN distance."


def _order_of_farthest(facts: Facts) -> str:
    """By what the farthest are ordered, in a sentence."""
    if facts.calibration:
        return (
            "Those with the fewest real images as far out come first. Where these are equally "
            "few, the one with the most radii from the nearest ball comes first."
        )
    return "The greatest distance to the nearest image comes first."


def _picked(title: str, picked: Sequence[Record], order: str) -> list[str]:
    rows = (
        [_name(one.id), one.verdict or "", _name(one.nearest), number(one.nearest_distance),
         number(one.knn_distance), "outside" if one.rarity is None else number(one.rarity)]
        for one in picked
    )  # fmt: skip
    table = _table(PICKED, rows)
    return [f"## {title}", "", _plain(order), "", *table] if table else []


def _made(facts: Facts) -> Iterator[str]:
    """What exactly was measured with what."""
    samples, reference = facts.samples, facts.reference
    for side, place, digest in (
        ("samples", samples.location, samples.fingerprint),
        ("reference", reference.location, reference.fingerprint),
    ):
        yield f"- {side}: {_name(place)}" + (f", fingerprint {_name(digest)}" if digest else "")
    if facts.extractor:
        yield (
            f"- extractor: {_name(facts.extractor.name)}, {facts.extractor.dim} features, weights "
            f"{_name(facts.extractor.weights)}"
        )
    else:
        yield "- extractor: none, the features were computed elsewhere"
    yield f"- k = {facts.k}, {facts.boundary} balls, {reference.metric} distance"
    if facts.verdicts:
        yield f"- error rate of the verdicts: {100 * facts.verdicts.alpha:g} %"
    skipped = (len(samples.skipped), reference.skipped)
    if any(skipped):
        yield f"- could not be used: {skipped[0]:,} samples, {skipped[1]:,} reference images"
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    yield f"- versions: {_name(versions) if len(versions) < NAME else _plain(versions)}"
