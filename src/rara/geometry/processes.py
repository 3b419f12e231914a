"""Shards of a query, each in a process of its own; their reducers are merged.

    samples x reference --cut--> shards --query in a process each--> reducers --merge--> reducers

A shard is some samples against some of the reference. The same cut serves machines that
share nothing: `query(rows=…, columns=…)` on each, `merge` at the end, in any order.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from typing import Any, TypeGuard, Unpack

import numpy as np
from numpy.typing import NDArray

from rara.geometry.quantization import Floats
from rara.geometry.query import query
from rara.geometry.reducers import Reducer
from rara.geometry.tiles import EngineOptions, WorkDone, spans
from rara.machine import cores


@dataclass(frozen=True, slots=True)
class Shared:
    """An array that other processes can open without a copy: a mapped file, or shared memory."""

    name: str
    offset: int
    shape: tuple[int, ...]
    mapped: bool

    @contextmanager
    def opened(self) -> Iterator[Floats]:
        """The array, as long as it is needed."""
        if self.mapped:
            yield np.memmap(self.name, np.float32, "r", self.offset, self.shape)
            return
        memory = SharedMemory(self.name)
        try:
            yield np.ndarray(self.shape, np.float32, memory.buf)
        finally:
            memory.close()


@contextmanager
def shared(array: Floats) -> Iterator[Shared]:
    """Make an array available to other processes; it is copied unless it is a mapped file."""
    if _is_its_file(array):
        start = array.ctypes.data - _root(array).ctypes.data
        offset = _root(array).offset + start
        yield Shared(str(array.filename), offset, array.shape, mapped=True)
        return
    memory = SharedMemory(create=True, size=max(array.nbytes, 1))
    try:
        np.ndarray(array.shape, np.float32, memory.buf)[:] = array
        yield Shared(memory.name, 0, array.shape, mapped=False)
    finally:
        memory.close()
        memory.unlink()


def _is_its_file(array: Floats) -> TypeGuard[np.memmap[Any, Any]]:
    """Whether a file holds the values of the array; a copy-on-write map may differ."""
    if not isinstance(array, np.memmap) or array.mode == "c":
        return False
    return bool(array.filename) and array.flags.c_contiguous


def _root(array: np.memmap[Any, Any]) -> np.memmap[Any, Any]:
    """The mapping that an array is a view of: its `offset` is that of its first byte."""
    while isinstance(array.base, np.memmap):
        array = array.base
    return array


def query_in_processes(
    samples: Floats,
    reference: Floats,
    reducers: Sequence[Reducer],
    *,
    processes: int | None = None,
    own: NDArray[np.int32] | None = None,
    shards: Sequence[tuple[slice, slice]] | None = None,
    **engine: Unpack[EngineOptions],
) -> WorkDone:
    """`query`, each shard in a process; by default the samples are cut evenly among the cores.

    `shards` are pairs of rows and columns that together make up all pairs once.
    """
    count = processes or cores()
    if shards is None:
        size = max(1, -(-len(samples) // count))
        shards = [(rows, slice(0, len(reference))) for rows in spans(0, len(samples), size)]
    engine = {"threads": 1, **engine}
    blank = deepcopy(reducers)  # what is submitted is sent later, when ours have begun to fill
    total = WorkDone()
    # Spawned, not forked: a fork would inherit locks that our threads hold.
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        left, right = (stack.enter_context(shared(side)) for side in (samples, reference))
        pool = stack.enter_context(ProcessPoolExecutor(count, mp_context=context))
        work = [pool.submit(_scan, left, right, blank, own, part, engine) for part in shards]
        for done in as_completed(work):
            parts, statistics = done.result()
            total.filter, total.note = statistics.filter, statistics.note
            total.pairs += statistics.pairs
            total.verified += statistics.verified
            for reducer, part in zip(reducers, parts, strict=True):
                reducer.merge(part)
    return total


def _scan(
    samples: Shared,
    reference: Shared,
    reducers: Sequence[Reducer],
    own: NDArray[np.int32] | None,
    part: tuple[slice, slice],
    engine: EngineOptions,
) -> tuple[Sequence[Reducer], WorkDone]:
    with samples.opened() as left, reference.opened() as right:
        rows, columns = part
        statistics = query(left, right, reducers, own=own, rows=rows, columns=columns, **engine)
    return reducers, statistics
