"""The row of a generator, with the keys of the register of columns.

Generator, Sampled --row_of--> dict; a reason --failed_row--> the same with nothing but it
rows --arrow_of--> table
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rara.comparison.columns import COMPARISON, PERCENTILES
from rara.comparison.figures import FIGURES
from rara.comparison.generator import Generator
from rara.comparison.pairwise import estimate_or_none
from rara.comparison.sampling import Sampled
from rara.comparison.sentences import generator_sentence
from rara.features.features import Features
from rara.provenance.parts import TwoSamplePart

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]


def row_of(
    generator: Generator, sampled: Sampled, reference: Features, level: float, knob: float | None
) -> Row:
    """All figures of a generator, with intervals, and one sentence."""
    table = generator.table
    row: Row = {
        **dict.fromkeys(COMPARISON),
        "generator": generator.name,
        "location": generator.features.location,
        "reference": reference.location,
        "samples": len(table),
        "knob": knob,
        **_figures(sampled, level),
        "rarity_percentiles": _quantiles(table["rarity_percentile"]),
        "typicality_percentiles": _quantiles(table["typicality_percentile"]),
        "exact_copies": int(np.count_nonzero(table["verdict"] == "copy")),
        **_repeats(generator),
    }
    if isinstance(generator.apart, TwoSamplePart):
        row |= {"auc": generator.apart.auc, "auc_p": generator.apart.p}
    return {**row, "sentence": generator_sentence(row, level)}


def failed_row(name: str, location: str, reason: str, knob: float | None = None) -> Row:
    """A generator that could not be judged, and why."""
    row = {
        **dict.fromkeys(COMPARISON), "generator": name, "location": location, "samples": 0,
        "knob": knob, "reason": reason,
    }  # fmt: skip
    return {**row, "sentence": generator_sentence(row, 0.0)}


def _figures(sampled: Sampled, level: float) -> Row:
    row: Row = {}
    for number, figure in enumerate(FIGURES):
        share = estimate_or_none(sampled.share(number, level))
        excess = estimate_or_none(sampled.excess(number, level))
        for end, one, other in zip(("", "_low", "_high"), share, excess, strict=True):
            row[f"{figure}{end}"], row[f"{figure}_excess{end}"] = one, other
        row[f"{figure}_real"] = float(sampled.real[number])
        row[f"{figure}_excess_p"] = sampled.excess_p(number)
    return row


def _repeats(generator: Generator) -> Row:
    """The share of samples that repeat others, and the share of pairs that show one picture."""
    part, sizes = generator.table.provenance.repeats, generator.table["repeats"]
    count = len(sizes)
    pairs = None if count < 2 else float((sizes - 1).sum() / (count * (count - 1)))
    if part is None or part.samples is None:
        return {"pair_repeats": pairs}
    return {
        "repeats": part.samples.repeating / count,
        "repeats_real": part.reference.repeating / max(1, part.reference.images),
        "pair_repeats": pairs,
    }


def _quantiles(values: NDArray[np.float64]) -> list[float] | None:
    there = values[~np.isnan(values)]
    if not len(there):
        return None
    return [float(value) for value in np.percentile(there, PERCENTILES)]


def arrow_of(rows: Sequence[Row]) -> pa.Table:
    """Rows as an Arrow table, with the types of the register."""
    import pyarrow as pa

    types = {
        "string": pa.string(), "int64": pa.int64(), "double": pa.float64(),
        "list<item: double>": pa.list_(pa.float64()),
    }  # fmt: skip
    schema = pa.schema([(name, types[column.type]) for name, column in COMPARISON.items()])
    return pa.Table.from_pylist(list(rows), schema)
