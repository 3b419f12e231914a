"""A reference's codes: made once it is worth it, kept in its folder, mapped by every later run.

They follow from the vectors, so a folder is whole without them; codes that are damaged, or
of a version that coded otherwise, are left alone and made again in memory.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rara.errors import DamagedStoreError
from rara.features.features import Features
from rara.geometry import QuantizedReference
from rara.geometry.quantized_reference import VERSION
from rara.machine import quarter_of_memory
from rara.run import Run
from rara.storage.folder import Parts, StoredFolder, array_part

_NAMES = ("codes", "terms", "frame")
_MOST_EXPONENT = 1_100
"""Of a power of two; no number has a larger one."""


@dataclass(slots=True)
class CodeCache:
    """The codes of a reference's vectors, if there are any yet."""

    vectors: NDArray[np.float32]
    quantized: QuantizedReference | None = None
    _queried: bool = False

    def for_query(self, samples: int, run: Run) -> QuantizedReference | None:
        """Codes for a query: those at hand, or made now where it or a later one gains."""
        room = self.vectors.size <= (run.memory or quarter_of_memory()) / 2
        if (
            self.quantized is None
            and room
            and (self._queried or QuantizedReference.pays(samples, self.vectors))
        ):
            self.quantized = QuantizedReference.of(self.vectors, threads=run.threads)
        self._queried = True
        return self.quantized

    def parts(self, run: Run) -> Parts:
        """The files to write."""
        self.quantized = self.quantized or QuantizedReference.of(self.vectors, threads=run.threads)
        files = {
            f"{name}.npy": array_part(array) for name, array in self.quantized.arrays().items()
        }
        return Parts("codes", {"codes": VERSION}, files, frozenset(files))


def quantized_in(stored: StoredFolder, features: Features) -> QuantizedReference | None:
    """The codes in a folder, memory-mapped, if they are whole and of this version."""
    names = {name: f"{name}.npy" for name in _NAMES}
    if stored.facts.get("codes") != VERSION or not all(n in stored for n in names.values()):
        return None
    count, dim = features.vectors.shape
    with suppress(DamagedStoreError):
        codes = stored.array(names["codes"], np.uint8, count, dim)
        terms = stored.array(names["terms"], np.float32, 4, count)
        frame = stored.array(names["frame"], np.float64, dim + 1)
        if np.isfinite(frame).all() and abs(frame[-1]) <= _MOST_EXPONENT:
            return QuantizedReference.from_arrays({"codes": codes, "terms": terms, "frame": frame})
    return None
