"""How a scan is cut into tiles under a memory budget, and its counts, codes and buffers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

from rara.geometry.filter import Pairs
from rara.geometry.matmul import Multiply, TileProduct, multiplier
from rara.geometry.quantization import Arithmetic, Codes, Floats, Frame
from rara.geometry.quantized_reference import PackedProducts

Progress = Callable[[int], None]
"""Called with the number of pairs scanned since the last call."""

TILE_ROWS = 1024
TILE_COLUMNS = 2048
_PAIR_BYTES = 16
_SMALLEST = 16


@dataclass(slots=True)
class WorkDone:
    """The counts of a scan."""

    filter: Arithmetic = "float32"
    """The product that the filter ended with."""
    pairs: int = 0
    verified: int = 0
    """Pairs whose float64 distance was computed; the bounds decided the others."""
    note: str | None = None
    """A note on the products, such as less accurate ones; None where there is none."""


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
        cls,
        memory: int,
        *,
        rows: int,
        dimensions: int,
        threads: int,
        row_bytes: int,
        fixed: int = 0,
    ) -> Tiling:
        """The largest tiles and the largest block that stay within `memory` bytes.

        `row_bytes` are needed for each row of a block besides its codes, `fixed` in any case.
        """
        memory -= fixed
        tall, wide = min(TILE_ROWS, rows), TILE_COLUMNS
        while max(tall, wide) > _SMALLEST and cls._working(tall, wide, dimensions, threads) > (
            memory / 2
        ):
            tall, wide = max(tall // 2, _SMALLEST), max(wide // 2, _SMALLEST)
        left = max(memory - cls._working(tall, wide, dimensions, threads), 0)
        pending = min(2**20, left // (4 * threads * _PAIR_BYTES))
        left -= pending * threads * _PAIR_BYTES
        return cls(max(left // (dimensions + row_bytes), tall), tall, wide, pending)

    @staticmethod
    def _working(tall: int, wide: int, dimensions: int, threads: int) -> int:
        """Bytes of the tiles in work: products, float32 codes of rows, and pairs. And of two
        columns of tiles, each as codes, transposed, and packed."""
        per_thread = 4 * tall * wide + 4 * tall * dimensions + _PAIR_BYTES * capacity(wide)
        return threads * per_thread + 2 * 3 * dimensions * wide


class EngineOptions(TypedDict, total=False):
    """How the engine works; no option changes an answer."""

    memory: int | None
    """Bytes beside the vectors; by default a quarter of the machine's."""
    threads: int | None
    """By default one for each core."""
    progress: Progress | None
    tiling: Tiling | None
    """By default the largest tiles that stay within the memory."""
    arithmetic: Arithmetic | None
    """The product to start with; by default the fastest that is exact here."""


def spans(start: int, stop: int, size: int) -> Iterator[slice]:
    """Consecutive slices of at most `size` that cover range(start, stop)."""
    for first in range(start, stop, size):
        yield slice(first, min(first + size, stop))


def capacity(columns: int) -> int:
    """Pairs that a buffer holds: several rows, because it is emptied when less than one fits."""
    return 4 * columns


@dataclass(slots=True)
class Ledger:
    """Counts from many threads."""

    statistics: WorkDone
    progress: Progress | None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, pairs: int, verified: int) -> None:
        """Add to the counts; from any thread."""
        with self.lock:
            self.statistics.pairs += pairs
            self.statistics.verified += verified
            if self.progress:
                self.progress(pairs)


class Observer(Protocol):
    """Sees the product of every tile of codes, from any thread."""

    def start(self, frame: Frame) -> None:
        """Take the coordinates in which the codes are."""

    def tile(self, tile: TileProduct) -> None:
        """Take in the product of some rows and columns; within one set only j > i counts."""


class Columns:
    """A tile's columns: their codes and the products with them, made when first needed."""

    def __init__(
        self,
        span: slice,
        rows: int,
        vectors: Floats,
        frame: Frame,
        kept: Codes | None,
        packed: PackedProducts | None = None,
    ) -> None:
        """`packed`: products with the kept codes, from earlier scans."""
        self.span, self.rows = span, rows
        self._vectors, self._frame, self._kept, self._packed = vectors, frame, kept, packed
        self._made: dict[Arithmetic, tuple[Codes, Multiply]] = {}
        self._lock = threading.Lock()

    def by(self, arithmetic: Arithmetic) -> tuple[Codes, Multiply]:
        """Codes and product of a kind, made by the first thread that asks."""
        with self._lock:
            if arithmetic not in self._made:
                codes = self._codes(arithmetic)
                if codes is self._kept and self._packed is not None:
                    multiply = self._packed.by(self.span, codes)
                else:
                    multiply = multiplier(codes, self.rows, arithmetic)
                self._made[arithmetic] = codes, multiply
            return self._made[arithmetic]

    def _codes(self, arithmetic: Arithmetic) -> Codes:
        if self._kept is not None and arithmetic != "float32":
            return self._kept
        codes = Codes.empty(len(self._vectors), self._frame.dimensions, arithmetic)
        self._frame.encode(self._vectors, arithmetic, into=codes)
        return codes


@dataclass(slots=True)
class Workspace:
    """Buffers of one thread, and the pairs in them that wait for their exact distance."""

    product: NDArray[np.int32]
    floats: Floats
    pairs: Pairs
    waiting: int = 0
    kept: int = 0
    """How many were waiting after the last time that some were dropped."""

    @classmethod
    def of(cls, tiling: Tiling, dimensions: int) -> Workspace:
        """Room for one tile, and for the pairs that may wait: at least a few rows of them."""
        room = max(tiling.pending, capacity(tiling.columns))
        indices, bounds = np.empty((2, room), np.int32), np.empty((2, room), np.float32)
        pairs = Pairs(*indices, *bounds)
        product = np.empty(tiling.rows * tiling.columns, np.int32)
        # With byte products the floats are never written, and so take no memory.
        return cls(product, np.empty((tiling.rows, dimensions), np.float32), pairs)

    def multiply(self, rows: Codes, by: Multiply) -> NDArray[Any]:
        """Product of a block of codes with the columns of a multiplier, in this memory."""
        product = self.product[: len(rows) * by.width].reshape(len(rows), by.width)
        if rows.vectors.dtype == np.float32:
            product = product.view(np.float32)
        by(rows, product)
        return product
