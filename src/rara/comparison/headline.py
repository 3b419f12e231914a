"""The main finding of a comparison in one sentence: the strongest that is sure.

Findings --headline_of--> Headline: the sentence, and the generator that it is about
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rara.comparison.figures import Figure
from rara.comparison.findings import Findings
from rara.comparison.generator_row import Row
from rara.comparison.sweep import Sweep
from rara.report.formatting import counted, isolated, percent, shorten
from rara.stats.multiple import holm

MOST = 2
"""Findings that a headline names."""
NAME = 28
"""Columns of a generator's name."""

Subject = Literal["nearest", "farthest", "rarest"]


@dataclass(frozen=True, slots=True)
class Headline:
    """What a page says first, and each finding in it."""

    text: str
    generator: str | None = None
    """The generator that the first finding is about."""
    subject: Subject = "rarest"
    """Which of its samples show that finding."""


def headline_of(findings: Findings) -> Headline:
    """At most two findings, the strongest first; without one, that there is none."""
    judged, level = findings.judged, findings.provenance.levels.level
    if not judged:
        return Headline("No generator could be judged")
    clauses = list(_clauses(findings, judged, level))[:MOST]
    if clauses:
        text = "; ".join(one.text for one in clauses)
        first = clauses[0]
        return Headline(f"{text[:1].upper()}{text[1:]}", first.generator, first.subject)
    many = counted(len(judged), "generator")
    if findings.provenance.halving is None:
        return Headline(f"{many} beside too few real images to call any difference sure")
    if len(judged) == 1:
        return Headline(f"{_name(judged[0])} does not surely differ from real images")
    those = "Neither generator" if len(judged) == 2 else f"None of {many}"
    return Headline(f"{those} surely differs from real images")


def _clauses(findings: Findings, judged: Sequence[Row], level: float) -> Iterator[Headline]:
    """What is sure, the strongest evidence first."""
    sweep = findings.sweep
    onset = None if sweep is None else sweep.checkpoints.first_copying
    if sweep is not None and onset is not None:
        yield from _onset(sweep, onset, judged)
    else:
        yield from _copies(judged, level)
    if sweep is not None and sweep.trade:
        yield Headline(_trade(sweep.trade))
    yield from _off(findings, judged, level)
    yield from _most(judged, "over_typical", 1, level)
    yield from _detected(judged, level)
    yield from _most(judged, "over_typical", -1, level)
    yield from _most(judged, "yield", -1, level)
    yield from _most(judged, "yield", 1, level)


def _onset(sweep: Sweep, first: str, judged: Sequence[Row]) -> Iterator[Headline]:
    """Where along a sweep copying starts."""
    row = next((one for one in judged if one.generator == first), None)
    found = None if row is None else row.figures.get("copies")
    text = f"copying shows from {_shown(first)} on"
    if sweep.checkpoints.last_before_copying is None:
        text = f"copying shows from the first generator on, {_shown(first)}"
    if found is not None:
        text += (
            f", where {percent(found.share)} of the samples lie as near to a reference image as "
            f"{percent(found.real)} of real images"
        )
    yield Headline(text, first, "nearest")


def _copies(judged: Sequence[Row], level: float) -> Iterator[Headline]:
    """Copies beyond those of real images; else exact copies, which need no comparison."""
    for row in _surely(judged, "copies", 1, level)[:1]:
        found = row.figures["copies"]
        yield Headline(
            f"{percent(found.share)} of the samples of {_name(row)} lie as near to a reference "
            f"image as {percent(found.real)} of real images",
            row.generator, "nearest",
        )  # fmt: skip
        return
    exact = max(judged, key=lambda row: (row.exact_copies or 0) / max(row.samples, 1))
    if exact.exact_copies:
        some = exact.exact_copies
        copies = "is an exact copy" if some == 1 else "are exact copies"
        yield Headline(
            f"{some:,} of {counted(exact.samples, 'sample')} of {_name(exact)} {copies} of "
            "reference images",
            exact.generator, "nearest",
        )  # fmt: skip


def _trade(sentence: str) -> str:
    """How fidelity follows the knob, in a few words of the whole sentence."""
    return f"{sentence.partition(',')[0].lower()}, fidelity is bought with originality"


def _off(findings: Findings, judged: Sequence[Row], level: float) -> Iterator[Headline]:
    """Who has most samples off the reference, and who has surely the fewest."""
    far = _surely(judged, "off_manifold", 1, level)
    if not far:
        return
    worst = far[0].figures["off_manifold"]
    yield Headline(
        f"{percent(worst.share)} of the samples of {_name(far[0])} lie off the reference, where "
        f"{percent(worst.real)} of real images do",
        far[0].generator, "farthest",
    )  # fmt: skip
    for ranked in findings.rankings:
        if ranked.figure != "off_manifold" or len(ranked.order) < 2:
            continue
        best, *others = ranked.order
        row = next(one for one in judged if one.generator == best)
        if all((best, other) in ranked.sure for other in others):
            share = percent(row.figures["off_manifold"].share)
            yield Headline(f"{_name(row)} has the fewest, {share}", best)


WORDS = {
    ("over_typical", 1): "crowd the dense core",
    ("over_typical", -1): "lie in the dense core",
    ("yield", 1): "are rare, on the reference and no copies",
    ("yield", -1): "are rare, on the reference and no copies",
}
"""What the samples do, by figure and by the way in which they differ."""


def _most(judged: Sequence[Row], figure: Figure, way: int, level: float) -> Iterator[Headline]:
    """The generator that surely differs most in this way."""
    for row in _surely(judged, figure, way, level)[:1]:
        found = row.figures[figure]
        lead = "" if way > 0 else "only "
        verb = "are" if figure == "yield" else "do"
        yield Headline(
            f"{lead}{percent(found.share)} of the samples of {_name(row)} "
            f"{WORDS[figure, way]}, where {percent(found.real)} of real images {verb}",
            row.generator,
        )


def _detected(judged: Sequence[Row], level: float) -> Iterator[Headline]:
    """Whom a classifier tells from real images best."""
    adjusted = holm([row.auc_p for row in judged])
    sure = [
        (row.auc, row)
        for row, p in zip(judged, adjusted, strict=True)
        if row.auc is not None and p is not None and p <= 1 - level
    ]
    if sure:
        auc, row = max(sure, key=lambda pair: pair[0])
        yield Headline(
            f"a classifier tells the samples of {_name(row)} from reference images (AUC {auc:.2f})",
            row.generator,
        )


def _surely(judged: Sequence[Row], figure: Figure, way: int, level: float) -> list[Row]:
    """Rows that are surely above or below real images among all of them, the farthest first."""
    rows = [row for row in judged if figure in row.figures]
    adjusted = holm([row.figures[figure].excess_p for row in rows])
    sure = [
        row
        for row, p in zip(rows, adjusted, strict=True)
        if p is not None and p <= 1 - level and way * row.figures[figure].excess > 0
    ]
    return sorted(sure, key=lambda row: -way * row.figures[figure].excess)


def _name(row: Row) -> str:
    return _shown(row.generator)


def _shown(name: str) -> str:
    return isolated(shorten(name, NAME))
