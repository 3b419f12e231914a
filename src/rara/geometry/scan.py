"""The scan: multiply, filter, verify, deliver; one pass over the pairs of two sets of vectors.

    rows -----encode--+
                      +--> product of a tile --> filter --> wait --> verify --> deliver
    columns --encode--+    bytes or float32             |          float64
                                       most pairs end here

Threads take tiles in turn. Each has its own bounds on the distances still needed, and reads those
of the others. Pairs wait until a block of rows has met all columns: by then, the bounds exclude
most of them. No answer depends on which product was used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from rara.geometry.distances import squared_distances
from rara.geometry.filter import Certainty, Edge, Limits, Ratios, filter_tile, keep, split
from rara.geometry.matmul import TileProduct, arithmetic_for, note
from rara.geometry.quantization import Arithmetic, Codes, Floats, Frame
from rara.geometry.quantized_reference import QuantizedReference, encode
from rara.geometry.threads import Crew
from rara.geometry.tiles import (
    Columns,
    EngineOptions,
    Ledger,
    Observer,
    Progress,
    Tiling,
    WorkDone,
    Workspace,
    spans,
)
from rara.machine import quarter_of_memory

Integers = NDArray[np.int32]
Deliver = Callable[[Integers, Integers, NDArray[np.float64]], None]
"""Takes verified pairs: rows, columns, squared distances; one call at a time."""

START = 2**14
"""Pairs that pass any filter before the bounds begin to tighten."""
Certain = Callable[[Integers, Integers, NDArray[np.bool_], NDArray[np.bool_]], None]
"""Takes pairs without a distance: rows, columns, whether they are surely within what the
row's side counts, and the column's; one call at a time."""

TOO_MANY = 0.02
"""Share of pairs that pass the bytes' bound above which float32 costs less than float64."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Which pairs are needed, as distances in the units of the codes."""

    row_nearest: int
    row_floor: Floats
    column_nearest: int
    column_floor: Floats
    weight: Floats
    assured: Floats
    rows: Certainty | None = None
    """Given together with `columns` where some pairs need no distance. `exact` is for the pairs
    needed besides the nearest."""
    columns: Certainty | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Which pairs to scan, and where to deliver them."""

    left: Floats
    right: Floats
    frame: Frame
    demand: Demand
    deliver: Deliver
    rows: slice
    columns: slice
    own: Integers
    """(rows,) the column that is left out for each row, or -1."""
    certain: Certain | None = None
    """Takes pairs that need no distance."""
    quantized: QuantizedReference | None = None
    """Codes of all columns, if they were kept."""
    observers: Sequence[Observer] = ()
    """See the product of every tile."""
    near: Floats | None = None
    """(n, k) for the neighbours within one set, whose pairs i < j are scanned: upper bounds on
    the distances found earlier."""

    @property
    def mutual(self) -> bool:
        """Whether both sides are the same set, so that a pair serves both of its vectors."""
        return self.near is not None

    def cut(self, memory: int | None, crew: Crew) -> Tiling:
        """Tiles that stay within a memory budget, beside the bounds of both sides."""
        nearest = 0 if self.mutual else self.demand.row_nearest  # one set keeps one list
        return Tiling.within(
            memory or quarter_of_memory(),
            rows=len(self.left),
            dimensions=self.left.shape[1],
            threads=crew.threads,
            row_bytes=4 * crew.threads * (nearest + 1),
            fixed=4 * len(self.right) * (6 + crew.threads * self.demand.column_nearest),
        )


class Side:
    """The distances that the vectors of one side still need, by the pairs of each thread."""

    def __init__(self, floor: Floats, near: Floats, threads: int) -> None:
        self.floor = floor
        self.near = [near] + [np.full_like(near, np.inf) for _ in range(threads - 1)]

    def limits(self, worker: int, span: slice) -> Limits:
        """The limits that a thread tightens; no other thread writes to its `near`."""
        return Limits(self.near[worker][span], self.floor[span], self.bound(span))

    def bound(self, span: slice) -> Floats:
        """The tightest bound of any thread; it may tighten during the call, never loosen."""
        bound = self.floor[span].copy()
        if self.near[0].shape[1]:
            least = self.near[0][span, -1].copy()
            for near in self.near[1:]:
                np.minimum(least, near[span, -1], out=least)
            np.maximum(bound, least, out=bound)
        return bound

    def nearest(self) -> Floats:
        """Bounds on the k-th smallest distances, by the pairs of all threads together."""
        k = self.near[0].shape[1]
        if not k:
            return np.full_like(self.floor, -np.inf)
        union = np.concatenate(self.near, axis=1)
        kth: Floats = np.partition(union, k - 1, axis=1)[:, k - 1]
        return kth


@dataclass(frozen=True, slots=True)
class _Block:
    """Rows in work, and the distances that they need; sides are indexed from `shift` on."""

    span: slice
    codes: Codes | None
    rows: Side
    shift: int
    gain: Floats
    """(threads, rows of the side)."""


@dataclass(slots=True)
class Scan:
    """One job, block by block."""

    job: Job
    tiling: Tiling
    crew: Crew
    progress: Progress | None = None
    arithmetic: Arithmetic | None = None
    statistics: WorkDone = field(default_factory=WorkDone)
    _ledger: Ledger = field(init=False)
    _columns: Side = field(init=False)
    _spaces: list[Workspace] = field(init=False)

    def run(self) -> WorkDone:
        """Scan the job's pairs."""
        job, threads = self.job, self.crew.threads
        for observer in job.observers:
            observer.start(job.frame)
        self._ledger = Ledger(self.statistics, self.progress)
        self._spaces = [Workspace.of(self.tiling, job.frame.dimensions) for _ in range(threads)]
        near = job.near
        if near is None:
            near = np.full((len(job.right), job.demand.column_nearest), np.inf, np.float32)
        self._columns = Side(job.demand.column_floor, near, threads)
        self._choose()
        for span in spans(job.rows.start, job.rows.stop, self.tiling.block):
            block = self._block(span)
            self.crew.each(partial(self._work, block), self._tasks(span))
            self._settle(block)
        return self.statistics

    def _choose(self) -> None:
        rows, columns = _count(self.job.rows), _count(self.job.columns)
        if self.arithmetic is None:
            ready = self.job.quantized is not None
            self.arithmetic = arithmetic_for(rows, columns, self.job.frame.dimensions, ready=ready)
        self._use(self.arithmetic)

    def _use(self, arithmetic: Arithmetic) -> None:
        self.arithmetic = self.statistics.filter = arithmetic
        self.statistics.note = note(arithmetic)

    # -- cutting --

    def _block(self, span: slice) -> _Block:
        job, threads = self.job, self.crew.threads
        if job.mutual:
            rows, shift = self._columns, 0
        else:
            near = np.full((_count(span), job.demand.row_nearest), np.inf, np.float32)
            rows, shift = Side(job.demand.row_floor[span], near, threads), span.start
        gain = np.full((threads, len(rows.floor)), np.inf, np.float32)
        return _Block(span, self._row_codes(span), rows, shift, gain)

    def _row_codes(self, span: slice) -> Codes | None:
        arithmetic = self.arithmetic
        if arithmetic is None or arithmetic == "float32":
            return None
        if self.job.mutual and self.job.quantized is not None and arithmetic == "int8":
            return self.job.quantized.codes[span]
        codes = Codes.empty(_count(span), self.job.frame.dimensions, arithmetic)
        encode(self.job.frame, self.job.left[span], arithmetic, self.crew, into=codes)
        return codes

    def _tasks(self, block: slice) -> Iterator[tuple[Columns, slice | None]]:
        """Tiles in turn; the product of the next one is prepared while one is in work."""
        columns = self.job.columns
        first = max(columns.start, block.start) if self.job.mutual else columns.start
        coming: Columns | None = None
        for span in spans(first, columns.stop, self.tiling.columns):
            now = coming or self._tile(span, block)
            coming = None
            last = min(block.stop, span.stop) if self.job.mutual else block.stop
            for rows in spans(block.start, last, self.tiling.rows):
                yield now, rows
                following = slice(span.stop, min(span.stop + self.tiling.columns, columns.stop))
                if coming is None and _count(following) > 0:
                    coming = self._tile(following, block)
                    yield coming, None

    def _tile(self, span: slice, block: slice) -> Columns:
        job = self.job
        kept = packed = None
        if job.quantized is not None and self.arithmetic == "int8":
            kept, packed = job.quantized.codes[span], job.quantized.packed
        return Columns(span, _count(block), job.right[span], job.frame, kept, packed)

    # -- working --

    def _work(self, block: _Block, task: tuple[Columns, slice | None], worker: int) -> None:
        tile, rows = task
        arithmetic = self._arithmetic()
        right, by = tile.by(arithmetic)
        if rows is None:
            return
        space = self._spaces[worker]
        left = self._left(block, rows, arithmetic, space)
        product = space.multiply(left, by)
        for observer in self.job.observers:
            observer.tile(TileProduct(rows, tile.span, left, right, product, arithmetic))
        before = self._filter(block, rows, tile.span, left, right, product, worker)
        self._ledger.enter(product.size - before, 0)
        if space.waiting > 2 * space.kept + 4096:
            self._drop(block, worker)

    def _arithmetic(self) -> Arithmetic:
        """Bytes as long as they exclude most pairs, then float32."""
        if self.arithmetic != "float32":
            demand, counts = self.job.demand, self.statistics
            needed = demand.column_nearest * _count(self.job.columns)
            if not self.job.mutual:
                needed += demand.row_nearest * _count(self.job.rows)
            passed = counts.verified + sum(space.waiting for space in self._spaces)
            if passed > TOO_MANY * counts.pairs + 4 * needed + START:
                self._use("float32")
        return self.arithmetic or "float32"

    def _left(self, block: _Block, rows: slice, arithmetic: Arithmetic, space: Workspace) -> Codes:
        """Codes of rows: those of the block, or float32 ones, made here: a block has none."""
        if arithmetic != "float32" and block.codes is not None:
            return block.codes[_moved(rows, -block.span.start)]
        count = _count(rows)
        terms = Codes.empty(count, 0, arithmetic).terms
        codes = Codes(space.floats[:count], terms)
        self.job.frame.encode(self.job.left[rows], arithmetic, into=codes)
        return codes

    def _filter(
        self,
        block: _Block,
        rows: slice,
        columns: slice,
        left: Codes,
        right: Codes,
        product: NDArray[Any],
        worker: int,
    ) -> int:
        """Keep the pairs of a tile that may matter; the number of its pairs up to the diagonal."""
        space, demand = self._spaces[worker], self.job.demand
        local = _moved(rows, -block.shift)
        gain = block.gain[:, local].min(axis=0)
        rows_wanted = Edge(left.terms, block.rows.limits(worker, local))
        columns_wanted = Edge(right.terms, self._columns.limits(worker, columns))
        ratios = Ratios(gain, demand.weight[columns], demand.assured[columns])
        own = self.job.own[rows] - np.int32(columns.start)
        diagonal = rows.start - columns.start if self.job.mutual else -len(self.job.left)
        row = 0
        while row < len(product):
            new = space.pairs.part(slice(space.waiting, None))
            count, row = filter_tile(
                product, row, diagonal, own, rows_wanted, columns_wanted, ratios, new
            )
            new.rows[:count] += np.int32(local.start)
            new.columns[:count] += np.int32(columns.start)
            space.waiting += count
            if row < len(product):
                self._make_room(block, worker)
        block.gain[worker, local] = gain
        return int(np.clip(np.arange(len(product)) + diagonal + 1, 0, product.shape[1]).sum())

    def _make_room(self, block: _Block, worker: int) -> None:
        """Drop the waiting pairs that bounds now exclude; if most remain, verify them."""
        self._drop(block, worker)
        space = self._spaces[worker]
        if space.waiting > len(space.pairs.rows) // 2:
            self._verify(block, worker)

    def _settle(self, block: _Block) -> None:
        """Verify the pairs that still wait, once the block has met all columns."""
        column_nearest = self._columns.nearest()
        row_nearest = column_nearest if self.job.mutual else block.rows.nearest()
        rows = np.maximum(block.rows.floor, row_nearest)
        columns = np.maximum(self._columns.floor, column_nearest)

        def work(worker: int, _: int) -> None:
            self._keep(block, worker, rows, columns)
            self._count_certain(block, worker, row_nearest, column_nearest)
            self._verify(block, worker)

        self.crew.each(work, range(self.crew.threads))

    def _drop(self, block: _Block, worker: int) -> None:
        columns = self._columns.bound(slice(None))
        rows = columns if self.job.mutual else block.rows.bound(slice(None))
        self._keep(block, worker, rows, columns)

    def _keep(self, block: _Block, worker: int, rows: Floats, columns: Floats) -> None:
        space, weight = self._spaces[worker], self.job.demand.weight
        gain = block.gain.min(axis=0)
        space.waiting = keep(space.waiting, space.pairs, rows, columns, gain, weight)
        space.kept = space.waiting

    def _count_certain(
        self, block: _Block, worker: int, row_nearest: Floats, column_nearest: Floats
    ) -> None:
        """Deliver the waiting pairs that need no distance, and keep the others waiting."""
        job, space = self.job, self._spaces[worker]
        rows, columns = job.demand.rows, job.demand.columns
        if job.certain is None or rows is None or columns is None:
            return
        rows = Certainty(*(part[block.span] for part in rows))
        exact = split(
            space.waiting,
            space.pairs,
            rows._replace(exact=np.maximum(rows.exact, row_nearest)),
            columns._replace(exact=np.maximum(columns.exact, column_nearest)),
            block.gain.min(axis=0),
            job.demand.weight,
        )
        certain = space.pairs.part(slice(exact, space.waiting))
        sides = certain.lows.astype(np.int32)
        with self._ledger.lock:
            i, j = certain.rows + np.int32(block.shift), certain.columns
            job.certain(i, j, (sides & 1) > 0, (sides & 2) > 0)
        space.waiting = exact

    def _verify(self, block: _Block, worker: int) -> None:
        space, job = self._spaces[worker], self.job
        rows = space.pairs.rows[: space.waiting] + np.int32(block.shift)
        columns = space.pairs.columns[: space.waiting]
        d2 = np.empty(len(rows))
        squared_distances(job.left, job.right, rows, columns, d2)
        with self._ledger.lock:
            job.deliver(rows, columns, d2)
        self._ledger.enter(0, len(rows))
        space.waiting = space.kept = 0


def _count(span: slice) -> int:
    return max(int(span.stop - span.start), 0)


def _moved(span: slice, by: int) -> slice:
    return slice(span.start + by, span.stop + by)


def scanned(job: Job, **engine: Unpack[EngineOptions]) -> WorkDone:
    """Scan the pairs of a job, with the engine's options."""
    with Crew(engine.get("threads")) as crew:
        tiling = engine.get("tiling") or job.cut(engine.get("memory"), crew)
        scan = Scan(job, tiling, crew, engine.get("progress"), engine.get("arithmetic"))
        return scan.run()
