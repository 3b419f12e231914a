"""Samples that repeat one another: how many, which pictures, and what reference images give.

table + provenance --repeats--> Repeats --repeats_lines, repeats_lede, repeat_sentence--> text
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rara.features.metadata_groups import named
from rara.provenance.parts import RepeatCounts
from rara.provenance.provenance import Provenance
from rara.report.formatting import counted, percent, shorten, width
from rara.report.multiples import Panel, Value, panel_of
from rara.stats.intervals import LEVEL, repeats_interval

if TYPE_CHECKING:
    import pyarrow as pa

CASES = 8


@dataclass(frozen=True, slots=True)
class Repeat:
    """One picture that several samples show."""

    id: str
    """Id of the sample that stands for the group."""
    other: str
    """Id of another sample of the group, preferably one that is not exactly equal."""
    size: int
    """Samples in the group."""
    exact: int
    """Samples that are exactly equal, this one included."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """Images that repeat one another, on both sides."""

    samples: RepeatCounts
    """Among the samples in the table."""
    interval: tuple[float, float] | None
    """The 95 % interval of the share of samples that repeat another one; null without samples."""
    reference: RepeatCounts
    """Among as many reference images, or all of them where there are fewer."""
    reference_interval: tuple[float, float] | None
    """The same interval of these."""
    cases: tuple[Repeat, ...]
    """The pictures that occur most often."""


def repeats(table: pa.Table, provenance: Provenance, *, most: int = CASES) -> Repeats | None:
    """What repeats among the samples in a table; None where repeats were not searched.

    `most`: how many pictures the cases hold at most.
    """
    part = provenance.repeats
    if part is None or "repeat_of" not in table.column_names:
        return None
    ids, kinds = table["id"].to_pylist(), table["repeat_kind"].to_pylist()
    cases = [
        _repeat(first, [(ids[row], kinds[row]) for row in rows])
        for first, rows in groups_of(table).items()
        if len(rows) > 1
    ]
    order = {one.id: place for place, one in enumerate(part.groups)}
    cases.sort(key=lambda case: (-case.size, order.get(case.id, len(order))))
    samples = RepeatCounts(
        images=len(ids),
        repeating=sum(case.size for case in cases),
        groups=len(cases),
        largest=max((case.size for case in cases), default=min(1, len(ids))),
    )
    return Repeats(
        samples,
        interval_of(samples) if samples.images else None,
        part.reference,
        interval_of(part.reference) if part.reference.images else None,
        tuple(cases[:most]),
    )


def interval_of(counts: RepeatCounts, level: float = LEVEL) -> tuple[float, float]:
    """The interval of the share of images that repeat another one.

    How many of them are in pairs is not counted: as many as may be, so that it is never too narrow.
    """
    others = max(0, counts.groups - 1)  # beside the largest group
    beyond = counts.repeating - counts.largest - 2 * others
    larger = ceil(beyond / (counts.largest - 2)) if counts.largest > 2 else 0
    pairs = counts.groups if counts.largest == 2 else others - larger
    return repeats_interval(counts.images, counts.repeating, 2 * pairs, level)


def groups_of(table: pa.Table) -> Mapping[str, NDArray[np.int64]]:
    """The rows of each group of samples that repeat one another, by the first of the group."""
    return named(table["repeat_of"].to_pylist()).rows


def repeats_lines(repeats: Repeats, columns: int) -> Iterator[str]:
    """How many samples are one picture, and all that repeat; none where all differ."""
    if not repeats.cases:
        return
    case, samples, reference = repeats.cases[0], repeats.samples, repeats.reference
    nearly = "" if case.exact == case.size else "nearly "
    lead = f"{case.size:,} samples are {nearly}one picture ("
    tail = f" and {counted(case.size - 1, 'other')})."
    yield f"{lead}{shorten(case.id, columns - width(lead) - width(tail))}{tail}"
    if samples.groups > 1:
        yield (
            f"{samples.repeating:,} are in {samples.groups:,} such groups; "
            f"of {reference.images:,} reference images {reference.repeating:,}"
        )


def repeats_lede(repeats: Repeats) -> str:
    """Both sides in plain sentences, for the page."""
    samples, reference = repeats.samples, repeats.reference
    searched = counted(reference.images, "reference image")
    return (
        f"Samples with the same picture, or nearly the same: {_figures(samples, 'sample')}. "
        f"Among {searched}: {_figures(reference, 'reference image')}. {beside_real(repeats)} "
        "Beside each picture is another sample of its group."
    )


def beside_real(repeats: Repeats) -> str:
    """Whether samples repeat more than real images do, by both intervals."""
    ours, theirs = repeats.interval, repeats.reference_interval
    if ours is None or theirs is None:
        return ""
    fewer = repeats.reference.images < repeats.samples.images
    if ours[0] > theirs[1]:
        if fewer:
            return "More samples repeat one another, but fewer images also repeat less."
        return "More samples repeat one another than real images do: the intervals do not overlap."
    if theirs[0] > ours[1]:
        return "Fewer samples repeat one another than real images do: the intervals do not overlap."
    return "The intervals overlap: real images may repeat one another as often."


def repeats_panel(repeats: Repeats) -> Panel:
    """Both shares with their intervals, on one scale."""
    sides = (
        ("samples", repeats.samples, repeats.interval),
        ("reference", repeats.reference, repeats.reference_interval),
    )
    return panel_of("", "", [
        Value(name=name, value=counts.repeating / counts.images, interval=interval, sure=True,
              of_real=name == "reference")
        for name, counts, interval in sides
        if counts.images
    ])  # fmt: skip


def repeat_sentence(case: Repeat) -> str:
    """How many samples are this picture."""
    exact, size = case.exact, case.size
    if exact == size:
        return f"{size:,} samples have exactly this picture."
    same = "none of the others" if exact == 1 else f"{exact - 1:,} of the others"
    return f"{size:,} samples have nearly this picture, {same} exactly."


def _repeat(first: str, members: list[tuple[str, str]]) -> Repeat:
    """A table may lack the first of a group: then another of its samples stands for it."""
    names = [name for name, _ in members]
    shown = first if first in names else names[0]
    others = [(kind, name) for name, kind in members if name != shown]
    kinds = Counter(kind for _, kind in members)
    return Repeat(
        id=shown,
        other=max(others, key=lambda one: one[0] == "near")[1],
        size=len(members),
        exact=kinds["exact"],
    )


def _figures(side: RepeatCounts, noun: str) -> str:
    if not side.groups:
        return "none"
    share = percent(side.repeating / side.images)
    many = f"{counted(side.repeating, noun)} ({share}) of {counted(side.groups, 'picture')}"
    return f"{many}, one of them {side.largest:,} times"
