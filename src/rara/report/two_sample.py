"""What the two-sample test says of all samples together, in plain sentences."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from rara.provenance.parts import NoTwoSample
from rara.provenance.provenance import Provenance
from rara.report.formatting import counted, number

LEVEL = 0.05
"""So often samples like the reference are called different."""
BARELY = 0.6
"""Below this AUC a difference is sure, but small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The result of the two-sample test."""

    auc: float
    """How well a classifier separates samples from reference images: 0.5 not at all, 1 fully."""
    p: float
    """How often a random split of all images gives a result as extreme."""
    view: str
    """Where the difference is largest: `coordinates`, `squares` or `repeats`."""
    repeats: int
    """Pairs of samples that are equal or nearly equal."""
    samples: int
    """Samples in the test."""
    reference: int
    """Reference images in the test."""
    detected: bool
    """Whether p is at most 0.05."""
    hidden: bool
    """Whether there is a difference, although no larger share than usual lies outside."""


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
    return Difference(
        auc=record.auc,
        p=record.p,
        view=record.view,
        repeats=record.repeats,
        samples=record.samples,
        reference=record.reference,
        detected=detected,
        hidden=hidden,
    )


def difference_line(result: Difference) -> str:
    """Whether samples differ from reference images as a set, in one line."""
    if not result.detected:
        return f"no difference: a classifier reaches {_figures(result)}"
    if result.view == "repeats":
        return f"samples repeat one another: {_pairs(result)} (p = {result.p:.3f})"
    if result.auc < BARELY:
        return f"a classifier can barely tell samples from reference images (AUC {_auc(result)})"
    if result.hidden:
        return f"no more outside, but a classifier detects them: {_figures(result)}"
    return f"a classifier tells samples from the reference: {_figures(result)}"


def difference_sentences(result: Difference) -> str:
    """What was found and how, for the page."""
    how = (
        f"It is trained on some of {counted(result.samples, 'sample')} and "
        f"{counted(result.reference, 'reference image')}, and tested on the others."
    )
    if not result.detected:
        return f"No difference detected: a classifier reaches {_figures(result)}. {how}"
    if result.view == "repeats":
        return (
            f"Samples repeat one another more than chance allows: {_pairs(result)} of samples are "
            f"equal or nearly equal (p = {result.p:.3f}). Apart from that, a classifier separates "
            f"them from the reference with AUC {_auc(result)}. {how} "
            "These samples differ most from the reference."
        )
    where = {
        "coordinates": "On average, the two sets lie in different places.",
        "squares": "The two sets differ in spread rather than in place.",
    }[result.view]
    hidden = (
        " The share of samples outside every ball is no larger than that of reference images: "
        "the balls do not show this difference."
        if result.hidden
        else ""
    )
    return (
        f"A classifier separates samples from reference images: {_figures(result)}. {how} "
        f"{where}{hidden} These samples differ most."
    )


def score_sentence(score: float | None) -> str:
    """How far a sample scores beyond the reference images."""
    far = score or 0.0
    side = "beyond" if far >= 0 else "below"
    return f"Scores {number(abs(far))} standard deviations {side} the average reference image."


def _figures(result: Difference) -> str:
    return f"AUC {_auc(result)} (p = {result.p:.3f})"


def _auc(result: Difference) -> str:
    # Rounded down, so that it never reads as if all pairs were separated where some are not.
    return f"{floor(result.auc * 1000) / 1000:.3f}"


def _pairs(result: Difference) -> str:
    return counted(result.repeats, "pair")
