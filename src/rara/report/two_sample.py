"""What the two-sample test says of all samples together, in plain sentences."""

from __future__ import annotations

from math import floor
from typing import TypedDict

from rara.provenance.parts import NoTwoSample
from rara.provenance.provenance import Provenance
from rara.report.formatting import counted, number

LEVEL = 0.05
"""So often samples like the reference are called different."""
BARELY = 0.6
"""Below this AUC a difference is sure, but small."""


class Difference(TypedDict):
    """The result of the test; `hidden` where balls see nothing of the difference."""

    auc: float
    p: float
    view: str
    repeats: int
    samples: int
    reference: int
    detected: bool
    hidden: bool


def difference(
    provenance: Provenance, outside: float | None, own_outside: float | None
) -> Difference | None:
    """The test's result; None where there was none.

    `outside`, `own_outside`: shares of the samples and of the reference's own images.
    """
    record = provenance.two_sample
    if record is None or isinstance(record, NoTwoSample):
        return None
    detected = record.p <= LEVEL
    hidden = detected and outside is not None and outside <= (own_outside or 0)
    return {
        "auc": record.auc,
        "p": record.p,
        "view": record.view,
        "repeats": record.repeats,
        "samples": record.samples,
        "reference": record.reference,
        "detected": detected,
        "hidden": hidden,
    }


def difference_line(found: Difference) -> str:
    """Whether samples differ from reference images as a set, in one line."""
    if not found["detected"]:
        return f"no difference: a classifier reaches {_figures(found)}"
    if found["view"] == "repeats":
        return f"samples repeat one another: {_pairs(found)} (p = {found['p']:.3f})"
    if found["auc"] < BARELY:
        return f"a classifier can barely tell samples from reference images (AUC {_auc(found)})"
    if found["hidden"]:
        return f"no more outside, but a classifier detects them: {_figures(found)}"
    return f"a classifier tells samples from the reference: {_figures(found)}"


def difference_sentences(found: Difference) -> str:
    """What was found and how, for the page."""
    how = (
        f"It is trained on some of {counted(found['samples'], 'sample')} and "
        f"{counted(found['reference'], 'reference image')}, and tested on the others."
    )
    if not found["detected"]:
        return f"No difference detected: a classifier reaches {_figures(found)}. {how}"
    if found["view"] == "repeats":
        return (
            f"Samples repeat one another more than chance allows: {_pairs(found)} of samples are "
            f"equal or nearly equal (p = {found['p']:.3f}). Apart from that, a classifier tells "
            f"them from the reference with AUC {_auc(found)}. {how} "
            "These samples differ most from the reference."
        )
    seen = {
        "coordinates": "On average, the two sets lie in different places.",
        "squares": "The two sets differ in spread rather than in place.",
    }[found["view"]]
    hidden = (
        " The share of samples outside every ball is no larger than that of reference images: "
        "the balls do not show this difference."
        if found["hidden"]
        else ""
    )
    return (
        f"A classifier tells samples from reference images: {_figures(found)}. {how} "
        f"{seen}{hidden} These samples differ most."
    )


def score_sentence(score: float | None) -> str:
    """How far a sample scores beyond the reference images."""
    far = score or 0.0
    side = "beyond" if far >= 0 else "below"
    return f"Scores {number(abs(far))} standard deviations {side} the average reference image."


def _figures(found: Difference) -> str:
    return f"AUC {_auc(found)} (p = {found['p']:.3f})"


def _auc(found: Difference) -> str:
    # Rounded down, so that it never reads as if all pairs were separated where some are not.
    return f"{floor(found['auc'] * 1000) / 1000:.3f}"


def _pairs(found: Difference) -> str:
    return counted(found["repeats"], "pair")
