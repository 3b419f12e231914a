"""The summary in a terminal: facts in a few lines of at most 80 columns.

For a reader to whom the terms are new. The command adds one line: the paths that it wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from rara.report.calibration import copies_lines, hidden_lines, off_manifold_line
from rara.report.decisions import decided_line
from rara.report.disagreement import disagreement_line
from rara.report.facts import Facts, ReferenceFacts, SampleFacts
from rara.report.formatting import counted, number, percent, shorten, width
from rara.report.looked import looked_lines
from rara.report.records import Record
from rara.report.repeats import repeats_lines
from rara.report.sentences import nearest_in_short, rarity_in_short
from rara.report.two_sample import difference_line
from rara.report.verdicts import verdict_lines

COLUMNS = 80
LABEL = 10
TEXT = COLUMNS - LABEL
NAME = 30

Side = SampleFacts | ReferenceFacts


def summary_lines(facts: Facts) -> list[str]:
    """The main findings as plain text: a few lines of at most 80 columns."""
    entries = {
        "Judged": _judged(facts),
        "against": _side(facts.reference, "reference image", f" ({_how(facts)})"),
        **_findings(facts),
        "Repeats": _repeats(facts),
        "Detected": _detected(facts),
        "Read": _read(facts),
        "Skipped": _skipped(facts),
    }
    return [line for label, texts in entries.items() for line in _labelled(label, texts)]


def _how(facts: Facts) -> str:
    """What all distances are relative to; the metric where it is not the plain one."""
    metric = facts.reference.metric
    return f"k = {facts.k}" + (f", {metric}" if metric != "euclidean" else "")


def _judged(facts: Facts) -> Iterator[str]:
    if not facts.leave_one_out:
        return _side(facts.samples, "sample")
    return _side(facts.samples, "reference image", ", leave-one-out,")


def _findings(facts: Facts) -> dict[str, Iterator[str]]:
    """The verdicts; in a table without them, the numbers."""
    rarest, nearest = facts.picks.rarest, facts.picks.nearest
    if verdicts := facts.verdicts:
        outside = islice(_outside(facts), 1 if verdicts.shortfall else 0)
        return {
            "Verdict": verdict_lines(verdicts, TEXT),
            "Decided": _decided(facts),
            "Copied": iter(looked_lines(facts.looked) if facts.looked else ()),
            "Contested": _contested(facts),
            "Outside": outside,
            "Rarest": _rarest(rarest, "none is inside, on the manifold, and no copy"),
            "Nearest": _nearest(nearest, _hidden(facts)),
        }
    return {
        "Outside": _outside(facts),
        "Rarest": _rarest(rarest, "none: no sample is inside"),
        "Nearest": _nearest(nearest, _how_near(facts)),
    }


def _how_near(facts: Facts) -> list[str]:
    nearest, calibration = facts.picks.nearest, facts.calibration
    if calibration:
        return copies_lines(calibration)
    comparison = nearest_in_short(nearest[0]) if nearest else None
    return [comparison] if comparison else []


def _hidden(facts: Facts) -> list[str]:
    """That copies may be hidden; not where there are no verdicts at all."""
    calibration, verdicts = facts.calibration, facts.verdicts
    if not calibration or (verdicts and verdicts.shortfall):
        return []
    return hidden_lines(calibration)


def _labelled(label: str, texts: Iterator[str]) -> Iterator[str]:
    for text in texts:
        yield f"{label:<{LABEL}}{text}"
        label = ""


def _side(side: Side, noun: str, note: str = "") -> Iterator[str]:
    lead = f"{_of_all(side, noun)}{note} from "
    yield lead + shorten(side.location, TEXT - width(lead))


def _of_all(side: Side, noun: str) -> str:
    """`20 samples`, or `3 of 20 samples` where a table holds only some of those scored."""
    if isinstance(side, SampleFacts) and side.scored > side.count:
        return f"{side.count:,} of {counted(side.scored, noun)}"
    return counted(side.count, noun)


def filtered(side: Side) -> bool:
    """Whether a table holds only some of the samples that were scored."""
    return isinstance(side, SampleFacts) and side.scored > side.count


def _outside(facts: Facts) -> Iterator[str]:
    samples, own = facts.samples, facts.reference.share_outside
    compared = "" if own is None else f"; reference images: {percent(own)}"
    if samples.share_outside:
        many = f"{counted(samples.outside, 'sample')} ({percent(samples.share_outside)})"
        yield f"{many} in no ball{compared}"
    else:
        yield f"no sample is outside every ball{compared}"
    if facts.calibration:
        yield off_manifold_line(facts.calibration)


def _rarest(rarest: Sequence[Record], nothing: str) -> Iterator[str]:
    if not rarest:
        yield nothing
        return
    first = rarest[0]
    lead = f"{shorten(first.id, NAME)} (rarity {number(first.rarity or 0.0)}; witness "
    yield lead + shorten(first.rarity_witness or "", TEXT - 1 - width(lead)) + ")"
    if comparison := rarity_in_short(first):
        yield _uncapital(comparison)


def _nearest(nearest: Sequence[Record], notes: list[str]) -> Iterator[str]:
    if not nearest:
        return
    first = nearest[0]
    lead = f"{shorten(first.id, NAME)} {_distance(first.nearest_distance)} "
    yield lead + shorten(first.nearest, TEXT - width(lead))
    yield from notes


def _decided(facts: Facts) -> Iterator[str]:
    if facts.decided:
        yield decided_line(facts.decided)


def _contested(facts: Facts) -> Iterator[str]:
    if facts.dissent:
        yield disagreement_line(facts.dissent)


def _repeats(facts: Facts) -> Iterator[str]:
    if facts.repeated:
        yield from repeats_lines(facts.repeated, TEXT)


def _detected(facts: Facts) -> Iterator[str]:
    if facts.two_sample:
        yield difference_line(facts.two_sample)
        if filtered(facts.samples):
            yield f"this holds for all {facts.samples.scored:,} samples, not only for these"


def _read(facts: Facts) -> Iterator[str]:
    """How many remarks there are on how images were read: the page and the notebook have them."""
    remarks = len(facts.samples.remarks) + len(facts.reference.remarks)
    if remarks:
        verb = "lists it" if remarks == 1 else "lists them"
        yield f"{counted(remarks, 'remark')} on how images were read: the report {verb}"


def _skipped(facts: Facts) -> Iterator[str]:
    skipped = {
        "sample": len(facts.samples.skipped),
        "reference image": facts.reference.skipped,
    }
    if any(skipped.values()):
        sides = [counted(count, noun) for noun, count in skipped.items() if count]
        yield f"{' and '.join(sides)} could not be used"


def _distance(distance: float) -> str:
    return f"is {number(distance)} away from" if distance else "has exactly the features of"


def _uncapital(text: str) -> str:
    return text[0].lower() + text[1:]
