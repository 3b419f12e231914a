"""What a table concludes: each count beside what real images would give, and one headline.

    verdicts, repeats, test, shares outside --conclude--> Conclusion, the strongest evidence first

A copy needs no comparison: of real images usually none is called one. All other counts are
findings where they are more than `DEVIATIONS` standard errors above what real images would give.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, sqrt

from rara.provenance.provenance import Provenance
from rara.report.calibration import Calibration
from rara.report.formatting import counted, percent
from rara.report.repeats import Repeats
from rara.report.two_sample import Difference
from rara.report.verdicts import ASTRAY, COPIED, Verdicts
from rara.stats.intervals import share_interval
from rara.verdict.rules import Thresholds

DEVIATIONS = 2.0
"""Standard errors above which a count is more than real images would give."""
MOST = 2
"""Findings that the headline names."""
CHANCE = 0.5
"""The AUC of a classifier that cannot tell two sets apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One count of the samples, beside what real images would give."""

    key: str
    """What is counted: `copies`, `off`, `repeats`, `difference`, `rare`, `outside` or `typical`."""
    label: str
    """The same in words."""
    observed: float
    """How many samples; for `difference` the AUC."""
    share: float | None
    """The share of the samples; null for `difference`."""
    interval: tuple[float, float] | None
    """The 95 % interval of this share: Wilson's, by the jackknife for repeats; null without one."""
    expected: float | None
    """How many of as many real images would be; null where it is not known."""
    expected_share: float | None
    """The same as a share."""
    differs: bool
    """Whether it is more than real images would give."""
    clause: str
    """What the headline says of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """The main finding in words, and the counts behind it."""

    headline: str
    """The strongest findings in one sentence."""
    statements: tuple[Statement, ...]
    """What differs comes first, the strongest evidence at the top."""

    def of(self, key: str) -> Statement | None:
        """The statement with this key; None where there is none."""
        return next((one for one in self.statements if one.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What conclusions are drawn from."""

    count: int
    """Samples in the table."""
    whole: bool
    """Whether the table holds all samples that were scored."""
    outside: int
    own_outside: float | None
    """The share of the reference's own images outside every ball."""
    verdicts: Verdicts | None
    calibration: Calibration | None
    repeats: Repeats | None
    difference: Difference | None


def conclude(found: Findings, provenance: Provenance) -> Conclusion:
    """The counts in the order of their evidence, and what they say together."""
    noun = "reference image" if provenance.leave_one_out else "sample"
    pairs = list(_statements(found, provenance))
    order = [one for one, strength in sorted(pairs, key=lambda pair: -pair[1]) if one.differs]
    order += [one for one, _ in pairs if not one.differs]
    return Conclusion(headline=_headline(order, found, noun), statements=tuple(order))


def _statements(found: Findings, provenance: Provenance) -> Iterator[tuple[Statement, float]]:
    """Each with how many standard errors it is above what real images would give."""
    if not found.count:
        return
    part, verdicts = provenance.verdict, found.verdicts
    judged = verdicts if verdicts and part and not verdicts.shortfall else None
    if verdicts and (judged or _many(verdicts, COPIED)):  # facts, whatever the reference allows
        yield _copies(found, verdicts)
    if judged:
        yield _counted(found, "off", _many(judged, ASTRAY), judged.alpha)
    if found.repeats is not None:
        yield _repeats(found.repeats)
    if found.difference is not None:
        yield _difference(found.difference)
    if judged and part:
        most = Thresholds(
            part.alpha, **{name: value for name in ("rare", "uncommon")
                           if (value := getattr(part, name)) is not None}
        ).uncommon_p  # fmt: skip
        yield _counted(found, "rare", _many(judged, ("rare", "uncommon")), most)
        yield _typical(found, judged, 1 - part.alpha - most)
    yield _counted(found, "outside", found.outside, found.own_outside)


def _many(verdicts: Verdicts, kinds: tuple[str, ...]) -> int:
    return sum(verdicts.counts.get(kind, 0) for kind in kinds)


def _copies(found: Findings, verdicts: Verdicts) -> tuple[Statement, float]:
    copies, near = (verdicts.counts.get(kind, 0) for kind in COPIED)
    count = copies + near
    noun = "copies or near copies" if copies and near else "near copies" if near else "copies"
    verb = f"are {noun} of reference images"
    if count == 1:
        verb = f"is a {'near copy' if near else 'copy'} of a reference image"
    return (
        Statement(
            key="copies", label=noun if count else "copies", observed=count,
            share=count / found.count, interval=_interval(count, found.count), expected=0.0,
            expected_share=0.0, differs=count > 0, clause=verb,
        ),
        inf,
    )  # fmt: skip


LABELS = {
    "off": "off the reference",
    "rare": "rare or uncommon",
    "outside": "outside every ball",
    "typical": "typical",
}
"""How a statement is called."""
CLAUSES = {
    "off": ("lies off the reference", "lie off the reference", "would"),
    "rare": ("is rare or uncommon", "are rare or uncommon", "would be"),
    "outside": ("lies outside every ball", "lie outside every ball", "would"),
}
"""Of one, of several, and what real images would."""


def _counted(found: Findings, key: str, count: int, share: float | None) -> tuple[Statement, float]:
    """A count whose share among real images is set by a level, or was measured among them."""
    expected = None if share is None or not found.whole else share * found.count
    above = _above(found, count, expected)
    one, several, would = CLAUSES[key]
    clause = one if count == 1 else several
    if expected is not None:
        clause += f", where about {expected:,.0f} of real images {would}"
    # Rarity and balls describe how samples spread; only the first is a verdict on each of them.
    statement = Statement(
        key=key, label=LABELS[key], observed=count, share=count / found.count,
        interval=_interval(count, found.count), expected=expected,
        expected_share=None if expected is None else share, differs=above > DEVIATIONS,
        clause=clause,
    )  # fmt: skip
    return statement, above


def _above(found: Findings, count: int, expected: float | None) -> float:
    """Standard errors above the expected count, of samples and of the real images both."""
    if expected is None or not 0 < expected < found.count:
        return 0.0
    share = expected / found.count
    real = found.calibration.real_images if found.calibration else found.count
    error = sqrt(expected * (1 - share) * (1 + found.count / max(real, 1)))
    return (count - expected) / error


def _typical(found: Findings, verdicts: Verdicts, share: float) -> tuple[Statement, float]:
    count = _many(verdicts, ("typical",))
    expected = share * found.count if found.whole else None
    return (
        Statement(
            key="typical", label=LABELS["typical"], observed=count, share=count / found.count,
            interval=_interval(count, found.count), expected=expected,
            expected_share=None if expected is None else share, differs=False, clause="",
        ),
        0.0,
    )  # fmt: skip


def _repeats(repeats: Repeats) -> tuple[Statement, float]:
    """Groups are counted and not images: images of one group are no independent evidence."""
    ours, theirs = repeats.samples, repeats.reference
    share = theirs.repeating / theirs.images if theirs.images else None
    extra = ours.repeating - ours.groups  # images beyond the first of each group
    real = (theirs.repeating - theirs.groups) / theirs.images * ours.images if theirs.images else 0
    above = (extra - real) / sqrt(max(extra + real, 1))
    expected = None if share is None else share * ours.images
    clause = f"{'repeats another' if ours.repeating == 1 else 'repeat one another'}"
    if expected is not None:
        clause += f", where about {expected:,.0f} of real images do"
    statement = Statement(
        key="repeats", label="that repeat one another", observed=ours.repeating,
        share=ours.repeating / ours.images if ours.images else None,
        interval=repeats.interval, expected=expected, expected_share=share,
        differs=above > DEVIATIONS, clause=clause,
    )  # fmt: skip
    return statement, above


def _difference(result: Difference) -> tuple[Statement, float]:
    """The smallest p-value of a permutation test says no more than that it is one in so many."""
    clause = f"a classifier tells them from reference images (AUC {result.auc:.2f})"
    statement = Statement(
        key="difference", label="AUC of a classifier", observed=result.auc, share=None,
        interval=None, expected=CHANCE, expected_share=None, differs=result.detected,
        clause=clause,
    )  # fmt: skip
    return statement, DEVIATIONS if result.detected else 0.0


def _interval(count: int, images: int) -> tuple[float, float] | None:
    return share_interval(count / images, images) if images else None


def _headline(order: list[Statement], found: Findings, noun: str) -> str:
    """The strongest findings; without one, that there is none."""
    if not found.count:
        return "There are no samples"
    findings = [one for one in order if one.differs and one.key not in ("outside", "rare")]
    findings = findings or [one for one in order if one.differs]
    if findings:
        return _of_findings(findings[:MOST], found, noun)
    many = counted(found.count, noun)
    if found.verdicts and found.verdicts.shortfall:
        return f"No verdict on {many}: the reference does not allow any"
    if found.verdicts is None:
        return _without_verdicts(found, noun)
    off = next((one for one in order if one.key == "off"), None)
    if off is None or not off.observed:
        return f"No {noun} is a copy, and none lies off the reference"
    if off.expected is None:  # a selection from all that were scored
        return f"{off.observed:,.0f} of {many} {off.clause}"
    return (
        f"No {noun} is a copy, and no more lie off the reference than real images would: "
        f"{off.observed:,.0f}, where about {off.expected:,.0f} are expected"
    )


def _of_findings(findings: list[Statement], found: Findings, noun: str) -> str:
    first, *others = findings
    if first.key == "difference":
        sentence = f"A classifier tells {counted(found.count, noun)} from reference images"
        sentence += f" (AUC {first.observed:.2f})"
    else:
        sentence = f"{first.observed:,.0f} of {counted(found.count, noun)} {first.clause}"
    for one in others:
        count = "" if one.key == "difference" else f"{one.observed:,.0f} "
        sentence += f"; {count}{one.clause}"
    return sentence


def _without_verdicts(found: Findings, noun: str) -> str:
    """By the shares outside every ball alone."""
    share, own, many = found.outside / found.count, found.own_outside, counted(found.count, noun)
    if not found.outside:
        sentence = f"No {noun} lies outside every ball"
    elif found.outside < found.count:
        sentence = f"{percent(share)} of {many} {'lie' if found.outside > 1 else 'lies'}"
        sentence += " outside every ball"
    else:
        alone = f"The only {noun} lies"
        sentence = f"{alone if found.count == 1 else f'All {many} lie'} outside every ball"
    return sentence if own is None else f"{sentence}, where {percent(own)} of real images do"
