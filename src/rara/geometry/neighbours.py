"""The nearest others within one set: half the pairs, for each serves both of its vectors."""

from __future__ import annotations

from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from rara.geometry.quantization import Floats, Frame
from rara.geometry.quantized_reference import QuantizedReference
from rara.geometry.query import query
from rara.geometry.reducers import Doubles, Nearest
from rara.geometry.scan import Demand, Integers, Job, scanned
from rara.geometry.tiles import EngineOptions, WorkDone


def neighbours(
    vectors: Floats,
    k: int,
    *,
    known: Nearest | None = None,
    quantized: QuantizedReference | None = None,
    rows: slice | None = None,
    columns: slice | None = None,
    **engine: Unpack[EngineOptions],
) -> tuple[Nearest, WorkDone]:
    """The k nearest others of every vector.

    `known` are those of the first vectors among themselves: only pairs with a later one are
    scanned then, and the answer is the same as without. `rows` and `columns` limit the scan to
    pairs i < j of the one and the other: answers of such parts merge. Not with `known`, which
    every part would bring along.
    """
    if known is not None and (rows or columns):
        raise ValueError("Parts cannot be scanned of neighbours that are known.")
    count = len(vectors)
    answer = Nearest(count, k)
    frame = quantized.frame if quantized else Frame.of(vectors)
    near = np.full((count, k), np.inf, np.float32)
    if known is not None:
        answer.d2[: known.samples], answer.index[: known.samples] = known.d2, known.index
        near[: known.samples] = frame.distance_to_code(known.d2)
        columns = slice(known.samples, count)

    def deliver(i: Integers, j: Integers, d2: Doubles) -> None:
        answer.update(i, j, d2)
        answer.update(j, i, d2)

    floor, none = (np.full(count, value, np.float32) for value in (-np.inf, -1))
    job = Job(
        vectors,
        vectors,
        frame,
        Demand(k, floor, k, floor, none, none),
        deliver,
        rows=rows or slice(0, count),
        columns=columns or slice(0, count),
        own=none.astype(np.int32),
        quantized=quantized,
        near=near,
    )
    return answer, scanned(job, **engine)


def neighbours_left(
    vectors: Floats, known: Nearest, kept: NDArray[np.bool_], **engine: Unpack[EngineOptions]
) -> Nearest:
    """The nearest others of the vectors that are left, from those of all of them.

    `vectors` are those left, `known` the neighbours of all before, `kept` tells which of them
    are left. Only vectors that lost a neighbour are scanned again.
    """
    place = np.cumsum(kept, dtype=np.int32) - np.int32(1)
    answer = Nearest(len(vectors), min(known.k, len(vectors) - 1))
    before = known.index[kept]
    answer.d2[:] = known.d2[kept, : answer.k]
    answer.index[:] = place[before[:, : answer.k]]
    bereft = np.flatnonzero(~kept[before[:, : answer.k]].all(axis=1)).astype(np.int32)
    again = Nearest(len(bereft), answer.k)
    if len(bereft):
        query(np.ascontiguousarray(vectors[bereft]), vectors, [again], own=bereft, **engine)
    answer.d2[bereft], answer.index[bereft] = again.d2, again.index
    return answer
