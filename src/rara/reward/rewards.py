"""The reward of vectors against one reference, and the neighbours that it rests on.

vectors --Rewards.neighbours--> lists, nearest others in the batch --RewardScale--> Terms
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Lock

import numpy as np

from rara.features.code_cache import CodeCache
from rara.geometry import Nearest, PackedProducts, QuantizedReference, neighbours, query
from rara.geometry.quantization import Floats
from rara.machine import quarter_of_memory
from rara.reward.scale import Doubles, RewardScale, Terms
from rara.run import Run


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Which vectors a batch is compared with."""

    nearest: Nearest
    """The K nearest reference images of each."""
    others: Nearest | None
    """The nearest other one of the batch; None for a single one."""


@dataclass(slots=True, eq=False)
class Rewards:
    """Rewards by the images of one reference. May be used from any thread."""

    vectors: Floats
    """(n, d) of the reference."""
    codes: CodeCache
    scale: RewardScale
    run: Run
    _packed: QuantizedReference | None = None
    _lock: Lock = field(default_factory=Lock)

    def neighbours(self, vectors: Floats) -> Batch:
        """The neighbours of finite vectors, exact whatever filters them."""
        engine = self.run.engine()
        nearest, others = Nearest(len(vectors), self.scale.depth), None
        query(vectors, self.vectors, [nearest], quantized=self._kept(len(vectors)), **engine)
        if len(vectors) > 1:
            others, _ = neighbours(vectors, 1, **engine)
        return Batch(nearest, others)

    def _kept(self, samples: int) -> QuantizedReference | None:
        """The reference's codes, with products that are packed once where there is room.

        Batches of a training are small and many: packing would cost ten times the product.
        """
        with self._lock:
            if self._packed is not None:
                return self._packed
            quantized = self.codes.for_query(samples, self.run)
            room = (self.run.memory or quarter_of_memory()) // 8
            if quantized is not None and self.vectors.size <= room and PackedProducts.pays():
                self._packed = replace(quantized, packed=PackedProducts())
            return self._packed or quantized

    def terms(self, vectors: Floats) -> Terms:
        """The terms of the reward, NaN where a vector has a number that is not finite.

        The others are rewarded as if such a vector were not in the batch.
        """
        finite = np.isfinite(vectors).all(axis=1)
        found = np.full((len(Terms._fields), len(vectors)), np.nan)
        if finite.any():
            some = np.ascontiguousarray(vectors[finite])
            batch = self.neighbours(some)
            near = batch.nearest
            measured = self.scale.measure(near.d2, near.index, np.asarray)
            nearest2 = None if batch.others is None else batch.others.d2[:, 0]
            found[:, finite] = np.stack(self.scale.terms(measured, nearest2))
        return Terms(*found)


def columns(terms: Terms) -> dict[str, Doubles]:
    """Each term by its name, and the reward that they make up."""
    return {**terms._asdict(), "reward": terms.reward}
