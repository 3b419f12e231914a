"""How a scan is cut under a memory budget, and what every tile needs.

vectors --encode--> codes --multiply--> product of a tile (sifting it is the scan's part)
                                         pairs that stay --verify--> float64 distances
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.geometry.codes import Arithmetic, Codes, Floats, Frame
from rara.geometry.distances import squared_distances
from rara.geometry.executors import Crew
from rara.geometry.products import Multiply

Progress = Callable[[int], None]
"""Called with the number of pairs that were dealt with since the last call."""

TILE_ROWS = 1024
TILE_COLUMNS = 2048
_PAIR_BYTES = 20
_SMALLEST = 16


@dataclass(slots=True)
class Statistics:
    """What a scan did."""

    filter: Arithmetic = "float32"
    """The product that the filter ended with."""
    pairs: int = 0
    verified: int = 0
    """Pairs whose float64 distance was taken."""

    @property
    def overwhelmed(self) -> bool:
        """Whether so many pairs pass the filter that a tighter one would cost less."""
        return self.verified > 0.02 * self.pairs


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a scan is cut; any cut gives the same answers."""

    block: int
    """Rows whose codes are held at once."""
    rows: int = TILE_ROWS
    columns: int = TILE_COLUMNS
    pending: int = 2**20
    """Pairs that each thread may hold before it verifies them."""

    @classmethod
    def within(
        cls, memory: int, *, rows: int, dimensions: int, threads: int, bounds: int = 0
    ) -> Tiling:
        """The largest tiles and the largest block that stay within `memory` bytes.

        `bounds` of them are taken already.
        """
        memory -= bounds
        tall, wide = min(TILE_ROWS, -(-rows // threads)), TILE_COLUMNS
        while max(tall, wide) > _SMALLEST and cls._working(tall, wide, dimensions, threads) > (
            memory / 2
        ):
            tall, wide = max(tall // 2, _SMALLEST), max(wide // 2, _SMALLEST)
        left = memory - cls._working(tall, wide, dimensions, threads)
        pending = min(2**20, max(left, 0) // (4 * threads * _PAIR_BYTES))
        left -= pending * threads * _PAIR_BYTES
        return cls(max(left // (4 * dimensions + 8), tall), tall, wide, pending)

    @staticmethod
    def _working(tall: int, wide: int, dimensions: int, threads: int) -> int:
        per_thread = 4 * tall * wide + _PAIR_BYTES * _capacity(wide)
        return threads * per_thread + 4 * dimensions * wide


def spans(count: int, size: int, start: int = 0) -> Iterator[slice]:
    """Consecutive slices of at most `size` that cover range(start, count)."""
    for first in range(start, count, size):
        yield slice(first, min(first + size, count))


def _capacity(columns: int) -> int:
    """Pairs that a buffer holds: several rows, for it is emptied when less than one fits."""
    return 4 * columns


@dataclass(slots=True)
class Workspace:
    """Buffers of one thread."""

    product: NDArray[np.int32]
    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    lows: Floats

    @classmethod
    def of(cls, tiling: Tiling, pending: int = 0) -> Workspace:
        """Room for one tile, and for `pending` pairs or a few rows of them."""
        # Tiles within a block are square, and sift takes whole rows.
        widest = max(tiling.rows, tiling.columns)
        capacity = max(pending, _capacity(widest))
        return cls(
            np.empty(tiling.rows * widest, np.int32),
            np.empty(capacity, np.int32),
            np.empty(capacity, np.int32),
            np.empty(capacity, np.float32),
        )

    def multiply(self, rows: Codes, by: Multiply) -> NDArray[Any]:
        """Product of a block of codes with the columns of a multiplier, in this memory."""
        product = self.product[: len(rows) * by.width].reshape(len(rows), by.width)
        if rows.vectors.dtype == np.float32:
            product = product.view(np.float32)
        by(rows, product)
        return product


@dataclass(slots=True)
class Ledger:
    """Counts from many threads."""

    statistics: Statistics
    progress: Progress | None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, pairs: int, verified: int) -> None:
        """Add to the counts; from any thread."""
        with self.lock:
            self.statistics.pairs += pairs
            self.statistics.verified += verified
            if self.progress:
                self.progress(pairs)


def encode(frame: Frame, vectors: Floats, span: slice, crew: Crew, arithmetic: Arithmetic) -> Codes:
    """Codes of a span of vectors, made by the whole crew."""
    count = span.stop - span.start
    codes = Codes.empty(count, frame.dimensions, arithmetic)

    def work(part: slice, _: int) -> None:
        frame.encode(vectors[span.start + part.start : span.start + part.stop], into=codes[part])

    crew.each(work, spans(count, 256))
    return codes


def verify(
    left: Floats, right: Floats, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Exact squared distances of pairs of rows."""
    d2 = np.empty(len(rows))
    squared_distances(left, right, rows, columns, d2)
    return d2
