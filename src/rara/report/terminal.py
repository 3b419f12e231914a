"""The summary in a terminal: facts in at most ten lines of at most 80 columns.

For somebody who knows none of the words. One more line, where the rest is, belongs
to whoever knows the paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rara.report.calibrated import Calibration, copies_line, off_manifold_line
from rara.report.findings import Facts, Record
from rara.report.sentences import nearest_in_short, rarity_comparison
from rara.report.told_apart import told_line
from rara.report.words import counted, number, percent, shorten, width

COLUMNS = 80
LABEL = 10
TEXT = COLUMNS - LABEL
NAME = 30


def summary_lines(facts: Facts) -> list[str]:
    """The main findings as plain text, at most ten lines of at most 80 columns."""
    picks = facts["picks"]
    entries = {
        "Judged": _side(facts["samples"], "sample"),
        "against": _side(facts["reference"], "reference image", f" (k = {facts['k']})"),
        "Outside": _outside(facts),
        "Rarest": _rarest(picks["rarest"]),
        "Nearest": _nearest(picks["nearest"], facts["calibration"]),
        "Telltale": _telltale(facts),
        "Skipped": _skipped(facts),
    }
    return [line for label, texts in entries.items() for line in _labelled(label, texts)]


def _labelled(label: str, texts: Iterator[str]) -> Iterator[str]:
    for text in texts:
        yield f"{label:<{LABEL}}{text}"
        label = ""


def _side(side: Mapping[str, Any], noun: str, note: str = "") -> Iterator[str]:
    lead = f"{counted(side['count'], noun)}{note} from "
    yield lead + shorten(side["location"], TEXT - width(lead))


def _outside(facts: Facts) -> Iterator[str]:
    samples, own = facts["samples"], facts["reference"]["share_outside"]
    if samples["outside"]:
        many = f"{counted(samples['outside'], 'sample')} ({percent(samples['share_outside'])})"
        yield f"{many}: near enough to no reference image"
    else:
        yield "none: every sample is near enough to some reference image"
    if facts["calibration"]:
        yield off_manifold_line(facts["calibration"])
    elif own is not None:
        yield f"{percent(own)} of the reference's own images, judged the same way"


def _rarest(rarest: list[Record]) -> Iterator[str]:
    if not rarest:
        yield "none: no sample is inside"
        return
    first = rarest[0]
    lead = f"{shorten(first['id'], NAME)} (rarity {number(first['rarity'] or 0.0)}; witness "
    yield lead + shorten(first["rarity_witness"] or "", TEXT - 1 - width(lead)) + ")"
    if comparison := rarity_comparison(first):
        yield _uncapital(comparison)


def _nearest(nearest: list[Record], calibration: Calibration | None) -> Iterator[str]:
    if not nearest:
        return
    first = nearest[0]
    lead = f"{shorten(first['id'], NAME)} {_distance(first['nearest_distance'])} "
    yield lead + shorten(first["nearest"], TEXT - width(lead))
    if calibration:
        yield copies_line(calibration)
    elif comparison := nearest_in_short(first):
        yield comparison


def _telltale(facts: Facts) -> Iterator[str]:
    if facts["two_sample"]:
        yield told_line(facts["two_sample"])


def _skipped(facts: Facts) -> Iterator[str]:
    skipped = {
        "sample": len(facts["samples"]["skipped"]),
        "reference image": facts["reference"]["skipped"],
    }
    if any(skipped.values()):
        sides = [counted(count, noun) for noun, count in skipped.items() if count]
        yield f"{' and '.join(sides)} that could not be used"


def _distance(distance: float) -> str:
    return f"is {number(distance)} away from" if distance else "has exactly the features of"


def _uncapital(text: str) -> str:
    return text[0].lower() + text[1:]
