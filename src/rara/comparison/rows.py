"""Rows made of what was found, and the table with the columns of the register.

Generator, Sampled --row_of--> Row; a reason --failed_row--> one without figures
rows --arrow_of--> table
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rara.columns.comparisons import COMPARISON, PERCENTILES
from rara.comparison.figures import FIGURES
from rara.comparison.generator import Generator
from rara.comparison.generator_row import FigureRow, Row
from rara.comparison.pairwise import estimate_or_none
from rara.comparison.sampling import Sampled
from rara.comparison.sentences import generator_sentence
from rara.features.features import Features
from rara.provenance.parts import TwoSamplePart
from rara.report.repeats import interval_of
from rara.stats.intervals import Estimate

if TYPE_CHECKING:
    import pyarrow as pa


def row_of(
    generator: Generator, sampled: Sampled, reference: Features, level: float, knob: float | None
) -> Row:
    """All figures of a generator, with intervals, and one sentence."""
    table = generator.table
    row = Row(
        generator=generator.name,
        location=generator.features.location,
        reference=reference.location,
        samples=len(table),
        knob=knob,
        figures={
            figure: _figure(sampled, number, level)
            for number, figure in enumerate(FIGURES)
            if figure not in sampled.unreachable
        },
        rarity_percentiles=_quantiles(table["rarity_percentile"]),
        typicality_percentiles=_quantiles(table["typicality_percentile"]),
        exact_copies=int(np.count_nonzero(table["verdict"] == "copy")),
    )
    row = _with_repeats(row, generator, level)
    if isinstance(generator.apart, TwoSamplePart):
        row = replace(row, auc=generator.apart.auc, auc_p=generator.apart.p)
    return replace(row, sentence=generator_sentence(row, level))


def failed_row(name: str, location: str, reason: str, knob: float | None = None) -> Row:
    """A generator that could not be judged, and why."""
    row = Row(generator=name, location=location, samples=0, knob=knob, reason=reason)
    return replace(row, sentence=generator_sentence(row, 0.0))


def _figure(sampled: Sampled, number: int, level: float) -> FigureRow:
    share, excess = sampled.share(number, level), sampled.excess(number, level)
    return FigureRow(
        share=share.value,
        interval=_interval(share),
        real=float(sampled.real[number]),
        excess=excess.value,
        excess_interval=_interval(excess),
        excess_p=sampled.excess_p(number),
    )


def _interval(found: Estimate) -> tuple[float, float] | None:
    _, low, high = estimate_or_none(found)
    return None if low is None or high is None else (low, high)


def _with_repeats(row: Row, generator: Generator, level: float) -> Row:
    """The share of samples that repeat others, and the share of pairs that show one picture."""
    part, sizes = generator.table.provenance.repeats, generator.table["repeats"]
    count = len(sizes)
    pairs = None if count < 2 else float((sizes - 1).sum() / (count * (count - 1)))
    row = replace(row, pair_repeats=pairs)
    if part is None or part.samples is None:
        return row
    low, high = interval_of(part.samples, level)
    return replace(
        row,
        repeats=part.samples.repeating / count,
        repeats_low=low,
        repeats_high=high,
        repeats_real=part.reference.repeating / max(1, part.reference.images),
        repeats_more=low > interval_of(part.reference, level)[1],
    )


def _quantiles(values: NDArray[np.float64]) -> tuple[float, ...] | None:
    there = values[~np.isnan(values)]
    if not len(there):
        return None
    return tuple(float(value) for value in np.percentile(there, PERCENTILES))


def arrow_of(rows: Sequence[Row]) -> pa.Table:
    """Rows as an Arrow table, with the columns and types of the register."""
    import pyarrow as pa

    types = {
        "string": pa.string(), "int64": pa.int64(), "double": pa.float64(),
        "list<item: double>": pa.list_(pa.float64()),
    }  # fmt: skip
    schema = pa.schema([(name, types[column.type]) for name, column in COMPARISON.items()])
    return pa.Table.from_pylist([_record(row) for row in rows], schema)


def _record(row: Row) -> dict[str, object]:
    """A value for each column that the row has."""
    record = {name: getattr(row, name) for name in COMPARISON if hasattr(row, name)}
    for figure, found in row.figures.items():
        low, high = found.interval or (None, None)
        excess_low, excess_high = found.excess_interval or (None, None)
        record |= {
            figure: found.share, f"{figure}_low": low, f"{figure}_high": high,
            f"{figure}_real": found.real, f"{figure}_excess": found.excess,
            f"{figure}_excess_low": excess_low, f"{figure}_excess_high": excess_high,
            f"{figure}_excess_p": found.excess_p,
        }  # fmt: skip
    return record
