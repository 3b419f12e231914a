"""What a selection found, as one record, and as lines in a terminal.

table of rara.select --facts_of--> SelectionFacts --selection_lines--> lines
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from rara.errors import ParameterError
from rara.provenance.json_format import JsonObject, encoded
from rara.provenance.selection import SelectionPart
from rara.report.formatting import base_name, counted, shorten
from rara.selection.eligible import in_words
from rara.table.score_table import ScoreTable

LISTED = 10
"""Picks that a terminal shows."""
LABEL = 11
NAME = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedSample:
    """A sample that was picked."""

    pick: int
    """Its place among the picks, from 1."""
    id: str
    """The name of the sample in its source."""
    verdict: str
    """What may be concluded of the sample."""
    reason: str
    """Why it was picked, in one sentence."""
    gain: float
    """By how much the objective grew."""
    nearest: str | None
    """The nearest reference image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A sample that could not be picked."""

    id: str
    """The name of the sample in its source."""
    reason: str
    """Why it could not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionFacts:
    """What `rara select` found."""

    samples: str
    """Where the samples come from."""
    reference: str
    """Where the real images come from."""
    rows: int
    """Samples of the table."""
    selection: SelectionPart
    """What samples were picked by, and how good the picks are."""
    picks: tuple[PickedSample, ...]
    """In the order in which they were picked."""
    left_out: tuple[LeftOut, ...]
    """All samples that could not be picked."""
    rara: str
    """The version that picked."""

    def to_json(self) -> JsonObject:
        """Keys and values that JSON can hold."""
        value: JsonObject = encoded(self)
        return value


def facts_of(table: ScoreTable) -> SelectionFacts:
    """Raises ParameterError for a table without picks."""
    part = table.provenance.selection
    if part is None or "pick" not in table.columns:
        raise ParameterError("The table has no picks: give what `rara.select` returns.")
    arrow = table.arrow
    picked = arrow.filter(pc.is_valid(arrow["pick"])).sort_by("pick")
    left = arrow.filter(pc.is_valid(arrow["not_eligible"]))
    names = ("pick", "id", "verdict", "pick_reason", "pick_gain", "nearest")
    rows = zip(*(picked[name].to_pylist() for name in names), strict=True)
    out = zip(left["id"].to_pylist(), left["not_eligible"].to_pylist(), strict=True)
    return SelectionFacts(
        samples=table.provenance.samples.location,
        reference=table.provenance.reference.location,
        rows=len(table),
        selection=part,
        picks=tuple(
            PickedSample(pick=pick, id=name, verdict=verdict, reason=why, gain=gain, nearest=near)
            for pick, name, verdict, why, gain, near in rows
        ),
        left_out=tuple(LeftOut(id=name, reason=why) for name, why in out),
        rara=table.provenance.rara,
    )


def selection_lines(facts: SelectionFacts) -> Iterator[str]:
    """A few plain lines: how many, how good, and the first picks."""
    part = facts.selection
    place = shorten(base_name(facts.samples), NAME)
    yield _line("Picked", f"{part.count:,} of {counted(facts.rows, 'sample')} from {place}")
    yield _line("Eligible", f"{part.eligible:,}; no pick is a copy or repeats another one")
    if part.not_eligible:
        yield _line("Left out", in_words(part.not_eligible))
    for want, value in part.terms.items():
        usual = part.at_random.get(want)
        beside = "" if usual is None else f" (drawn at random: {usual:.2f})"
        yield _line(want.capitalize(), f"{value:.2f} of at most 1{beside}")
    if part.method == "farthest-first":
        yield _line(
            "Apart", f"two picks are at least {part.objective:.2f} of the usual distance apart"
        )
    if (bound := bound_in_words(part)) is not None:
        yield _line("Bound", bound)
    for one in part.quotas[:3]:
        group = shorten(one.group, NAME)
        yield _line("Quota", f"{one.picked:,} of at most {one.most:,} of {group}")
    if len(part.quotas) > 3:
        yield _line("", f"and {counted(len(part.quotas) - 3, 'more group')}")
    for pick in facts.picks[:LISTED]:
        yield f"{pick.pick:>{LABEL - 2}}  {shorten(pick.id, 30)}"
        yield _line("", pick.reason)
    if len(facts.picks) > LISTED:
        yield _line("", f"and {len(facts.picks) - LISTED:,} more")


def bound_in_words(part: SelectionPart) -> str | None:
    """How near to the best possible picks these are; None where nothing is proven."""
    if part.method == "farthest-first":
        return None if part.guarantee is None else "at least half of the largest possible distance"
    share = proven(part)
    if share is None:
        return None
    return f"at least {np.floor(100 * share):.0f} % of the best possible objective"


def proven(part: SelectionPart) -> float | None:
    """The share of the largest objective that these picks surely reach."""
    shares = [] if part.guarantee is None else [part.guarantee]
    if part.upper is not None and part.upper > 0:
        shares.append(min(1.0, part.objective / part.upper))
    return max(shares, default=None)


def _line(label: str, text: str) -> str:
    return f"{label:<{LABEL}}{text}"
