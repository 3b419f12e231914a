"""The nearest others within one set: half the tiles, for each serves both of its sides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from rara.geometry import filter as bounds
from rara.geometry.codes import Arithmetic, Codes, Floats, Frame
from rara.geometry.executors import Crew
from rara.geometry.products import Multiply, arithmetic_for, multiplier
from rara.geometry.reducers import Nearest
from rara.geometry.tiles import (
    Ledger,
    Progress,
    Statistics,
    Tiling,
    Workspace,
    encode,
    spans,
    verify,
)
from rara.machine import quarter_of_memory


def neighbours(
    vectors: Floats,
    k: int,
    *,
    memory: int | None = None,
    threads: int | None = None,
    tiling: Tiling | None = None,
    arithmetic: Arithmetic | None = None,
    progress: Progress | None = None,
) -> tuple[Nearest, Statistics]:
    """The k nearest others of every vector."""
    with Crew(threads) as crew:
        tiling = tiling or Tiling.within(
            memory or quarter_of_memory(),
            rows=len(vectors),
            dimensions=vectors.shape[1],
            threads=crew.threads,
            bounds=3 * 4 * k * crew.threads * len(vectors),
        )
        one = _Mutual(vectors, k, tiling, crew, progress, arithmetic)
        for block in spans(len(vectors), tiling.block):
            one.run(block)
        return one.answer, one.statistics


MANY = 8e6
"""Pairs after which the filter can be judged by how many it lets pass."""


class _Mutual:
    """`neighbours`, block by block.

    Pairs are kept until a block ends, for by then the bounds have overtaken most of
    them; every thread has bounds and pairs of its own.
    """

    def __init__(
        self,
        vectors: Floats,
        k: int,
        tiling: Tiling,
        crew: Crew,
        progress: Progress | None,
        arithmetic: Arithmetic | None,
    ) -> None:
        self.vectors, self.k, self.tiling, self.crew = vectors, k, tiling, crew
        self.arithmetic = arithmetic or arithmetic_for(len(vectors) ** 2 // 2, vectors.shape[1])
        self.statistics = Statistics(self.arithmetic)
        self.ledger = Ledger(self.statistics, progress)
        self.frame = Frame.of(vectors)
        self.answer = Nearest(len(vectors), k)
        self.spaces = [Workspace.of(tiling, tiling.pending) for _ in range(crew.threads)]
        self.waiting = [0] * crew.threads
        self.bounds = [np.full((len(vectors), k), np.inf, np.float32) for _ in range(crew.threads)]

    def run(self, block: slice) -> None:
        """All pairs with one side in the block and the other in it or beyond."""
        codes = encode(self.frame, self.vectors, block, self.crew, self.arithmetic)
        chunks = list(spans(block.stop, self.tiling.rows, block.start))
        for last, columns in enumerate(chunks):
            codes = self._reconsidered(codes, block)
            right = codes[columns.start - block.start : columns.stop - block.start]
            self._meet(_Pairing(block.start, codes, columns, right), chunks[: last + 1])
        for columns in spans(len(self.vectors), self.tiling.columns, block.stop):
            right = encode(self.frame, self.vectors, columns, self.crew, self.arithmetic)
            self._meet(_Pairing(block.start, codes, columns, right), chunks)
        self._settle()

    def _reconsidered(self, codes: Codes, block: slice) -> Codes:
        """The same codes, or tighter ones where too many pairs have passed the filter."""
        passed, pairs = self.statistics.verified + sum(self.waiting), self.statistics.pairs
        # Among the first few thousand vectors many pairs are near, whatever the filter.
        if self.arithmetic == "float32" or pairs < MANY or passed < 0.1 * pairs:
            return codes
        self.arithmetic = self.statistics.filter = "float32"
        return encode(self.frame, self.vectors, block, self.crew, self.arithmetic)

    def _meet(self, pairing: _Pairing, chunks: list[slice]) -> None:
        """All rows of the block with some columns."""
        by = multiplier(pairing.right)
        self.crew.each(partial(self._tile, pairing, by), chunks)

    def _tile(self, pairing: _Pairing, by: Multiply, rows: slice, worker: int) -> None:
        columns = pairing.columns
        space, nearest = self.spaces[worker], self.bounds[worker]
        left, right = pairing.left(rows), pairing.right
        product = space.multiply(left, by)
        row_bound, column_bound = self._bound(rows), self._bound(columns)
        triangle = rows.start == columns.start
        if triangle:
            column_bound = row_bound
        row = 0
        while row < len(product):
            done = self.waiting[worker]
            count, row = bounds.sift_mutual(
                product, row, triangle,
                left.scale, left.low, left.high, left.error,
                right.scale, right.low, right.high, right.error,
                nearest[rows], nearest[columns], row_bound, column_bound,
                space.rows[done:], space.columns[done:], space.lows[done:],
            )  # fmt: skip
            space.rows[done : done + count] += np.int32(rows.start)
            space.columns[done : done + count] += np.int32(columns.start)
            self.waiting[worker] += count
            if row < len(product):
                self._make_room(worker)
        pairs = len(product) * (len(product) - 1) // 2 if triangle else product.size
        self.ledger.enter(pairs, 0)

    def _bound(self, span: slice) -> Floats:
        """The tightest bound that any thread has; it may tighten while we read, never loosen."""
        tightest = self.bounds[0][span, -1].copy()
        for nearest in self.bounds[1:]:
            np.minimum(tightest, nearest[span, -1], out=tightest)
        return tightest

    def _make_room(self, worker: int) -> None:
        """Drop waiting pairs that were overtaken; where few were, verify them all."""
        self._drop(worker, self._bound(slice(None)))
        if self.waiting[worker] > len(self.spaces[worker].rows) // 2:
            self._verify(worker)

    def _settle(self) -> None:
        """Verify what still waits, now that the bounds have seen the whole block."""
        union = np.concatenate(self.bounds, axis=1)
        bound = np.partition(union, self.k - 1, axis=1)[:, self.k - 1]

        def work(worker: int, _: int) -> None:
            self._drop(worker, bound)
            self._verify(worker)

        self.crew.each(work, range(self.crew.threads))

    def _drop(self, worker: int, bound: Floats) -> None:
        space = self.spaces[worker]
        waiting = self.waiting[worker]
        self.waiting[worker] = bounds.keep_mutual(
            waiting, space.rows, space.columns, space.lows, bound
        )

    def _verify(self, worker: int) -> None:
        count, space = self.waiting[worker], self.spaces[worker]
        i, j = space.rows[:count], space.columns[:count]
        d2 = verify(self.vectors, self.vectors, i, j)
        with self.ledger.lock:
            self.answer.update(i, j, d2)
            self.answer.update(j, i, d2)
        self.ledger.enter(0, count)
        self.waiting[worker] = 0


@dataclass(frozen=True, slots=True)
class _Pairing:
    """Codes of a block, and of the columns that it meets."""

    offset: int
    rows: Codes
    columns: slice
    right: Codes

    def left(self, rows: slice) -> Codes:
        return self.rows[rows.start - self.offset : rows.stop - self.offset]
