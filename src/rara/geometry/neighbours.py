"""The nearest others within one set: each pair is scanned once, and serves both its vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from rara.geometry.quantization import Floats, Frame
from rara.geometry.quantized_reference import QuantizedReference
from rara.geometry.query import query
from rara.geometry.reducers import Doubles, Nearest
from rara.geometry.scan import Demand, Integers, Job, scanned
from rara.geometry.tiles import EngineOptions, Observer, WorkDone
from rara.storage.compiled import compiled


def neighbours(
    vectors: Floats,
    k: int,
    *,
    earlier: Nearest | None = None,
    quantized: QuantizedReference | None = None,
    rows: slice | None = None,
    columns: slice | None = None,
    observers: Sequence[Observer] = (),
    **engine: Unpack[EngineOptions],
) -> tuple[Nearest, WorkDone]:
    """The k nearest others of every vector.

    `earlier`: the neighbours of the first vectors among themselves. Then only pairs with a later
    vector are scanned; the answer is the same. `rows` and `columns` limit the scan to pairs i < j
    with i in `rows` and j in `columns`: answers of such parts merge. Raises ValueError where parts
    are given together with `earlier`, which every part would contain. `observers` see the product
    of every tile.
    """
    if earlier is not None and (rows or columns):
        raise ValueError("Give either earlier neighbours, or rows and columns to scan.")
    count = len(vectors)
    answer = Nearest(count, k)
    frame = quantized.frame if quantized else Frame.of(vectors)
    near = np.full((count, k), np.inf, np.float32)
    if earlier is not None:
        before = earlier.samples
        answer.d2[:before], answer.index[:before] = earlier.d2, earlier.index
        near[:before] = frame.distance_to_code(earlier.d2)
        columns = slice(before, count)

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
        observers=observers,
    )
    return answer, scanned(job, **engine)


@compiled
def kth_left(
    d2: Doubles, index: Integers, weight: Integers, k: int, start: Integers, out: Doubles
) -> None:
    """Squared distance of the k-th neighbour, where each counts as often as its weight.

    `start`: (n,) how many are at distance 0 besides, or nothing. Where a list has fewer than k,
    its last distance is taken.
    """
    for i in range(d2.shape[0]):
        reached = start[i] if start.size else 0
        place = 0
        if start.size and reached >= k:
            out[i] = 0
            continue
        while place < d2.shape[1]:
            reached += weight[index[i, place]]
            if reached >= k:
                break
            place += 1
        out[i] = d2[i, min(place, d2.shape[1] - 1)]


def neighbours_left(
    vectors: Floats, earlier: Nearest, kept: NDArray[np.bool_], **engine: Unpack[EngineOptions]
) -> Nearest:
    """The nearest others of the vectors that are kept, from those of all vectors.

    `vectors`: those kept. `earlier`: the neighbours of all. `kept`: for each of all, whether it is
    kept. Only vectors that lost a neighbour are scanned again.
    """
    place = np.cumsum(kept, dtype=np.int32) - np.int32(1)
    answer = Nearest(len(vectors), min(earlier.k, len(vectors) - 1))
    index = earlier.index[kept, : answer.k]
    answer.d2[:] = earlier.d2[kept, : answer.k]
    answer.index[:] = place[index]
    incomplete = np.flatnonzero(~kept[index].all(axis=1)).astype(np.int32)
    again = Nearest(len(incomplete), answer.k)
    if len(incomplete):
        queries = np.ascontiguousarray(vectors[incomplete])
        query(queries, vectors, [again], own=incomplete, **engine)
    answer.d2[incomplete], answer.index[incomplete] = again.d2, again.index
    return answer
