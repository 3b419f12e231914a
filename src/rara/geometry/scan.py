"""Samples against a reference: multiply, sift, verify, reduce.

    samples ---encode--+
                       +--> product of a tile --> sift --> verify --> reducers
    reference -encode--+        float32            |       float64
                                          most pairs end here

Nothing outside this package knows which filter runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.geometry import filter as bounds
from rara.geometry.codes import Arithmetic, Codes, Floats, Frame
from rara.geometry.executors import Crew
from rara.geometry.products import Multiply, arithmetic_for, multiplier
from rara.geometry.reducers import Need, Reducer
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


def query(
    samples: Floats,
    reference: Floats,
    reducers: Sequence[Reducer],
    *,
    own: NDArray[np.int32] | None = None,
    memory: int | None = None,
    threads: int | None = None,
    tiling: Tiling | None = None,
    arithmetic: Arithmetic | None = None,
    progress: Progress | None = None,
) -> Statistics:
    """Feed the reducers every pair of samples and reference that can matter to them.

    `own` names for each sample a reference image that it must not see, or -1.
    """
    with Crew(threads) as crew:
        tiling = tiling or Tiling.within(
            memory or quarter_of_memory(),
            rows=len(samples),
            dimensions=samples.shape[1],
            threads=crew.threads,
        )
        one = _Query(samples, reference, reducers, own, tiling, crew, progress, arithmetic)
        for block in spans(len(samples), tiling.block):
            one.run(block)
        return one.statistics


class _Query:
    """`query`, block by block."""

    def __init__(
        self,
        samples: Floats,
        reference: Floats,
        reducers: Sequence[Reducer],
        own: NDArray[np.int32] | None,
        tiling: Tiling,
        crew: Crew,
        progress: Progress | None,
        arithmetic: Arithmetic | None,
    ) -> None:
        self.samples, self.reference, self.reducers = samples, reference, reducers
        self.own = np.full(len(samples), -1, np.int32) if own is None else own
        self.tiling, self.crew = tiling, crew
        self.arithmetic = arithmetic or arithmetic_for(
            len(samples) * len(reference), samples.shape[1]
        )
        self.statistics = Statistics(self.arithmetic)
        self.ledger = Ledger(self.statistics, progress)
        self.frame = Frame.of(reference)
        self.demand = _Demand.of([r.need() for r in reducers], self.frame, len(reference))
        self.spaces = [Workspace.of(tiling) for _ in range(crew.threads)]

    def run(self, block: slice) -> None:
        """One block of samples against the whole reference."""
        count = block.stop - block.start
        codes = encode(self.frame, self.samples, block, self.crew, self.arithmetic)
        nearest = np.full((count, self.demand.nearest), np.inf, np.float32)
        gain = np.full(count, np.inf, np.float32)
        for tile in spans(len(self.reference), self.tiling.columns):
            if self.arithmetic == "int8" and self.statistics.overwhelmed:
                self.arithmetic = self.statistics.filter = "float32"
                codes = encode(self.frame, self.samples, block, self.crew, self.arithmetic)
            columns = encode(self.frame, self.reference, tile, self.crew, self.arithmetic)
            state = _State(block.start, codes, nearest, gain, tile, columns, multiplier(columns))
            self.crew.each(partial(self._tile, state), spans(count, self.tiling.rows))

    def _tile(self, state: _State, rows: slice, worker: int) -> None:
        space = self.spaces[worker]
        product = space.multiply(state.codes[rows], state.by)
        row = verified = 0
        while row < len(product):
            count, row = self._sift(state, rows, product, row, space)
            verified += self._take(state, rows, count, space)
        self.ledger.enter(product.size, verified)

    def _sift(
        self, state: _State, rows: slice, product: NDArray[Any], start: int, space: Workspace
    ) -> tuple[int, int]:
        """Pairs of the tile from row `start` on that the bounds could not rule out."""
        first = state.offset + rows.start
        own = self.own[first : state.offset + rows.stop] - np.int32(state.tile.start)
        codes, columns, demand = state.codes[rows], state.columns, self.demand[state.tile]
        nearest, gain = state.nearest[rows], state.gain[rows]
        count, row = bounds.sift(
            product, start, own,
            codes.scale, codes.low, codes.high, codes.error,
            columns.scale, columns.low, columns.high, columns.error,
            nearest, demand.reach, gain, demand.weight, demand.assured,
            space.rows, space.columns, space.lows,
        )  # fmt: skip
        bound = nearest[:, -1] if demand.nearest else np.full(len(gain), -np.inf, np.float32)
        count = bounds.keep(
            count, space.rows, space.columns, space.lows, bound, demand.reach, gain, demand.weight
        )
        return count, row

    def _take(self, state: _State, rows: slice, count: int, space: Workspace) -> int:
        """Verify the pairs in the workspace and feed the reducers."""
        i = space.rows[:count] + np.int32(state.offset + rows.start)
        j = space.columns[:count] + np.int32(state.tile.start)
        d2 = verify(self.samples, self.reference, i, j)
        for reducer in self.reducers:
            reducer.update(i, j, d2)
        return count


@dataclass(frozen=True, slots=True)
class _State:
    """A block of samples, and the tile of the reference that it meets."""

    offset: int
    codes: Codes
    nearest: Floats
    gain: Floats
    tile: slice
    columns: Codes
    by: Multiply


@dataclass(frozen=True, slots=True)
class _Demand:
    """What all reducers need together, in the units of the codes."""

    nearest: int
    reach: Floats
    weight: Floats
    assured: Floats

    @classmethod
    def of(cls, needs: Sequence[Need], frame: Frame, columns: int) -> _Demand:
        def largest(values: list[NDArray[np.float64] | None], floor: float) -> Floats:
            given = [value for value in values if value is not None]
            if not given:
                return np.full(columns, floor, np.float32)
            value = np.max(given, axis=0)
            return np.where(
                value < 0, np.float32(floor), frame.distance_to_code(np.maximum(value, 0))
            )

        weights = [need.weight for need in needs]
        assured = [need.weight if need.assured is None else need.assured for need in needs]
        if len([weight for weight in weights if weight is not None]) > 1:
            raise ValueError("One ratio a scan.")
        return cls(
            max(need.nearest for need in needs),
            largest([need.reach for need in needs], -np.inf),
            largest(weights, -1.0),
            largest(assured, -1.0),
        )

    def __getitem__(self, tile: slice) -> _Demand:
        return _Demand(self.nearest, self.reach[tile], self.weight[tile], self.assured[tile])
