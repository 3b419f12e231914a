"""Verdicts and reasons where people decided on the pair of a sample and a reference image.

evidence --accusing_evidence--> evidence without decided pairs --decide, with_copies--> verdicts
reasons --speak--> reasons, and the columns `decision` and `decision_source`

A decision takes the accusation of its own pair away, or makes one. The p- and q-values of all
samples stay those of a run without decisions. So among the near copies that are called, the false
ones can only become fewer beside all: docs/explanation/verdict.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rara.calibration.looked_past import NAMING, LookedPast
from rara.calibration.source_evidence import certain_copies
from rara.decisions.decision import Decision, Word
from rara.decisions.pairs import JudgedPairs
from rara.provenance.parts import DecisionsPart
from rara.scores import Columns
from rara.stats.conformal import q_values
from rara.verdict.rules import Flags, VerdictEvidence

ACCUSING = ("copy", "near copy", "no verdict")
"""Verdicts whose reasons name the image that a sample is like."""
NAMED = 3
"""Reference images that a reason names; many may have one content."""
CONTENT = "both have the same content, which no decision changes"
PIXELS = "both have the same pixels, which no decision changes"


@dataclass(frozen=True, slots=True)
class Accusations:
    """How near samples are to reference images, and what people decided of that."""

    near: Flags
    """Samples that are as near as only copies are, whatever p is."""
    pairs: JudgedPairs | None = None
    """None where nothing is decided."""
    past: LookedPast | None = None
    """The evidence that is left without the images that are no originals."""
    compared: Mapping[int, Collection[str]] = field(default_factory=dict)
    """By the row of a sample: images that it is decided to be no copy of, and that its picture
    would have been compared with."""


def accusing_evidence(
    evidence: VerdictEvidence, facts: Flags, past: LookedPast | None
) -> VerdictEvidence:
    """The evidence by which samples are accused.

    `facts`: the samples with the same content or picture as a reference image. Their evidence is
    no matter of opinion. A sample at distance 0 from an image that it is no copy of was never among
    those that are tested together: it can be a copy of another image at distance 0, and else is not
    accused.
    """
    if past is None:
        return evidence
    taken = np.flatnonzero(~facts[past.rows])
    rows = past.rows[taken]
    new = {name: _some(values, taken) for name, values in past.columns.items()}
    exact = (new["nearest_distance"] == 0) | certain_copies(evidence.columns)[rows]
    p = np.where(evidence.copies, np.nan, evidence.columns["copy_p"])
    untested = evidence.copies[rows]
    p[rows] = np.where(untested, np.nan, new["copy_p"])
    new["copy_q"] = np.where(exact, 0.0, np.where(untested, 1.0, q_values(p)[rows]))
    copies, near = evidence.copies.copy(), evidence.near.copy()
    copies[rows], near[rows] = exact, past.near[taken] & ~untested
    new["copy_p"] = np.where(untested & ~exact, 1.0, new["copy_p"])
    columns = {**evidence.columns, **_replaced(evidence.columns, rows, new)}
    return replace(evidence, columns=columns, copies=copies, near=near)


def with_copies(verdicts: NDArray[np.str_], pairs: JudgedPairs | None) -> NDArray[np.str_]:
    """The verdicts; `copy` where that was decided."""
    if pairs is not None:
        verdicts = verdicts.copy()
        verdicts[list(pairs.copies)] = "copy"
    return verdicts


def spoken_of(
    verdicts: NDArray[np.str_], before: VerdictEvidence, after: VerdictEvidence
) -> VerdictEvidence:
    """The evidence that reasons name: without the decided pairs where a sample is accused."""
    if after is before:
        return before
    rows = np.flatnonzero(~np.isin(verdicts, ACCUSING))
    measured = {
        name: _some(before.columns[name], rows)
        for name, values in after.columns.items()
        if values is not before.columns[name]
    }
    return replace(after, columns={**after.columns, **_replaced(after.columns, rows, measured)})


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is said of the decisions, sample by sample."""

    decision: pa.Array
    """The column: `copy`, `not a copy`, or null."""
    source: pa.Array
    """The column: the reference image that the decision is about, the first of several."""
    reasons: Sequence[str]
    part: DecisionsPart


def speak(
    reasons: Sequence[str],
    evidence: VerdictEvidence,
    facts: Flags,
    pairs: JudgedPairs,
    compared: Mapping[int, Collection[str]],
) -> Spoken:
    """The reasons with the decisions that bear on them.

    `evidence`: as it was measured. `compared`: see `Accusations`. A decision "not a copy" bears on
    a sample if a test or the pictures compare it with that image, or if both are the same.
    """
    spoken = list(reasons)
    words: list[Word | None] = [None] * len(reasons)
    sources: list[str | None] = [None] * len(reasons)
    for row, decisions in _named(evidence, pairs, compared).items():
        fact = (CONTENT if row in evidence.same_content else PIXELS) if facts[row] else ""
        spoken[row] = f"{reasons[row]} {_sentence(decisions, 'no copy', fact)}"
        words[row], sources[row] = "not a copy", next(iter(decisions))
    for row, decided in pairs.copies.items():
        sentence = _sentence(decided, "a copy")
        spoken[row] = f"{reasons[row]} {sentence}" if evidence.copies[row] else sentence
        words[row], sources[row] = "copy", next(iter(decided))
    part = DecisionsPart(
        held=pairs.held, fingerprint=pairs.fingerprint,
        copies=words.count("copy"), not_copies=words.count("not a copy"),
    )  # fmt: skip
    return Spoken(pa.array(words, pa.string()), pa.array(sources, pa.string()), spoken, part)


def _named(
    evidence: VerdictEvidence, pairs: JudgedPairs, compared: Mapping[int, Collection[str]]
) -> dict[int, dict[str, Decision]]:
    """The decisions against images that the evidence names, in its order."""
    rows = sorted(pairs.others)
    nearest = (
        evidence.columns[name].take(pa.array(rows, pa.int64())).to_pylist()
        for name in NAMING if name in evidence.columns
    )  # fmt: skip
    named = {}
    for row, *names in zip(rows, *nearest, strict=True):
        decided = pairs.others[row]
        every = [evidence.same_content.get(row), *names, *compared.get(row, ())]
        if some := {name: decided[name] for name in every if name in decided}:
            named[row] = some
    return named


def _sentence(decisions: Mapping[str, Decision], what: str, fact: str = "") -> str:
    """`You decided on 2026-11-30 that this is no copy of 4242.png.`"""
    days = sorted({one.date for one in decisions.values()})
    dates = " and ".join(days if len(days) <= NAMED else [days[0], days[-1]])
    names, more = list(decisions)[:NAMED], len(decisions) - NAMED
    images = f"{', '.join(names)} and {more:,} more" if more > 0 else " and ".join(names)
    end = f"; {fact}" if fact else ""
    return f"You decided on {dates} that this is {what} of {images}{end}."


def _some(values: NDArray[Any] | pa.Array, rows: NDArray[np.intp]) -> NDArray[Any] | pa.Array:
    return values[rows] if isinstance(values, np.ndarray) else values.take(pa.array(rows))


def _replaced(columns: Columns, rows: NDArray[np.intp], new: Columns) -> Columns:
    """Columns with other values in some rows."""
    replaced = {}
    for name, values in new.items():
        before = columns[name]
        if isinstance(before, np.ndarray):
            after = before.astype(np.float64, copy=True)
            after[rows] = values
            replaced[name] = after
        else:
            place = np.arange(len(before))
            place[rows] = len(before) + np.arange(len(rows))
            both = pa.concat_arrays([before, pa.array(values).cast(before.type)])
            replaced[name] = both.take(pa.array(place))
    return replaced
