"""Samples against a reference: the needs of all reducers become the demand of one scan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from rara.geometry.filter import Certainty
from rara.geometry.quantization import Floats, Frame
from rara.geometry.quantized_reference import QuantizedReference
from rara.geometry.reducers import Counter, Doubles, Need, Reducer
from rara.geometry.scan import Demand, Integers, Job, scanned
from rara.geometry.tiles import EngineOptions, Observer, WorkDone

Flags = NDArray[np.bool_]


def query(
    samples: Floats,
    reference: Floats,
    reducers: Sequence[Reducer],
    *,
    own: NDArray[np.int32] | None = None,
    quantized: QuantizedReference | None = None,
    rows: slice | None = None,
    columns: slice | None = None,
    observers: Sequence[Observer] = (),
    **engine: Unpack[EngineOptions],
) -> WorkDone:
    """Feed the reducers all pairs of sample and reference image that can matter to them.

    `own`: for each sample, a reference image that is left out for it, or -1. `quantized`: the
    reference's codes, if they were kept. `rows` and `columns` limit the scan to some of the samples
    and some of the reference: the reducers of such parts can be merged. `observers` see the product
    of every tile.
    """
    frame = quantized.frame if quantized else Frame.of(reference)
    needs = [one.need() for one in reducers]
    demand = demand_of(needs, frame, len(samples), len(reference))

    def deliver(i: Integers, j: Integers, d2: Doubles) -> None:
        for reducer in reducers:
            reducer.update(i, j, d2)

    def certain(i: Integers, j: Integers, row: Flags, column: Flags) -> None:
        for reducer, need in zip(reducers, needs, strict=True):
            if isinstance(reducer, Counter) and (need.enough or need.sample_enough):
                counted = column if need.enough else row
                reducer.certain(i[counted], j[counted])

    job = Job(
        samples,
        reference,
        frame,
        demand,
        deliver,
        rows=rows or slice(0, len(samples)),
        columns=columns or slice(0, len(reference)),
        own=np.full(len(samples), -1, np.int32) if own is None else own,
        certain=certain if demand.columns else None,
        quantized=quantized,
        observers=observers,
    )
    return scanned(job, **engine)


def demand_of(needs: Sequence[Need], frame: Frame, rows: int, columns: int) -> Demand:
    """The pairs that any reducer needs, in the units of the codes."""
    weights = [need.weight for need in needs]
    assured = [need.weight if need.assured is None else need.assured for need in needs]
    if len([weight for weight in weights if weight is not None]) > 1:
        raise ValueError("One ratio a scan.")
    certain = any(need.enough or need.sample_enough for need in needs)
    return Demand(
        row_nearest=max(need.nearest for need in needs),
        row_floor=_largest([need.sample_reach for need in needs], frame, rows, -np.inf),
        column_nearest=max(need.nearest_samples for need in needs),
        column_floor=_largest([need.reach for need in needs], frame, columns, -np.inf),
        weight=_largest(weights, frame, columns, -1.0),
        assured=_largest(assured, frame, columns, -1.0),
        rows=_certainty([(n.sample_reach, n.sample_enough) for n in needs], frame, rows)
        if certain
        else None,
        columns=_certainty([(n.reach, n.enough) for n in needs], frame, columns)
        if certain
        else None,
    )


def _largest(values: list[Doubles | None], frame: Frame, count: int, floor: float) -> Floats:
    """The largest of squared distances, as a distance in the units of the codes."""
    given = [value for value in values if value is not None]
    if not given:
        return np.full(count, floor, np.float32)
    value = np.fmax.reduce(given)  # a NaN needs no pair, and changes no other value
    code = frame.distance_to_code(np.maximum(value, 0))
    return np.where(value >= 0, code, np.float32(floor))


def _certainty(reaches: list[tuple[Doubles | None, bool]], frame: Frame, count: int) -> Certainty:
    """Which pairs certainly count for the reducers that only count, and which the others need."""
    counted = [reach for reach, enough in reaches if enough and reach is not None]
    exact = [reach for reach, enough in reaches if not enough]
    inside = np.full(count, -np.inf, np.float32)
    if counted:
        inside = frame.surely_within(np.maximum(np.min(counted, axis=0), 0))
    return Certainty(
        _largest(exact, frame, count, -np.inf), inside, _largest([*counted], frame, count, -np.inf)
    )
