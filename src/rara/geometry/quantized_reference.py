"""The quantized vectors of a whole reference, kept so that queries need not make them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rara.geometry.matmul import FEW, Multiply, arithmetic_for, best, multiplier
from rara.geometry.quantization import Arithmetic, Codes, Floats, Frame, Terms
from rara.geometry.threads import Crew

VERSION = "bytes of rotated vectors, 127 levels, 1"
"""Version of codes and terms; codes saved under another version are made again."""
_BLOCK = 256


@dataclass(slots=True, eq=False)
class PackedProducts:
    """The products with a reference's tiles, packed once and kept: for many small queries.

    To pack a tile takes longer than to multiply a hundred rows by it. Kept, the tiles take twice
    the memory of the codes.
    """

    _made: dict[tuple[int, int], Multiply] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def by(self, span: slice, codes: Codes) -> Multiply:
        """The product with the tile of these columns; made by the first that asks."""
        place = span.start, span.stop
        with self._lock:
            if place not in self._made:
                self._made[place] = multiplier(codes, FEW + 1, "int8")
            return self._made[place]

    @staticmethod
    def pays() -> bool:
        """Whether this machine has a product that packs."""
        return best("int8") is not None


@dataclass(frozen=True, slots=True)
class QuantizedReference:
    """The codes of a reference, and the frame in which samples are quantized too."""

    frame: Frame
    codes: Codes
    packed: PackedProducts | None = None
    """Products that are kept between queries; None packs them in each."""

    @classmethod
    def of(cls, vectors: Floats, *, threads: int | None = None) -> QuantizedReference:
        """Quantize vectors to bytes."""
        frame = Frame.of(vectors)
        codes = Codes.empty(len(vectors), vectors.shape[1], "int8")
        with Crew(threads) as crew:
            encode(frame, vectors, "int8", crew, into=codes)
        return cls(frame, codes)

    @staticmethod
    def pays(samples: int, vectors: Floats) -> bool:
        """Whether a query of so many samples would make these codes anyway."""
        return arithmetic_for(samples, *vectors.shape, ready=False) == "int8"

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as plain arrays, for a file."""
        center = np.append(self.frame.center, float(self.frame.exponent))
        return {"codes": self.codes.vectors, "terms": np.stack(self.codes.terms), "frame": center}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> QuantizedReference:
        """From the result of `arrays`, possibly memory-mapped."""
        center = np.asarray(arrays["frame"], np.float64)
        terms = Terms(*np.array(arrays["terms"], np.float32))
        return cls(Frame(center[:-1].copy(), int(center[-1])), Codes(arrays["codes"], terms))


def encode(
    frame: Frame, vectors: Floats, arithmetic: Arithmetic, crew: Crew, *, into: Codes
) -> None:
    """`Frame.encode` by all threads."""

    def work(start: int, _: int) -> None:
        part = slice(start, start + _BLOCK)
        frame.encode(vectors[part], arithmetic, into=into[part])

    crew.each(work, range(0, len(vectors), _BLOCK))
