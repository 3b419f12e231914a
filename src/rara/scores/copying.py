"""Copying: which reference images a sample stands next to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rara.geometry import Nearest, Reducer
from rara.scores.base import Columns, Setting


@dataclass(frozen=True, slots=True)
class Copying:
    """The nearest reference images of each sample, with their distances.

    `nearest` and `nearest_distance`: the nearest one; 0 is an exact copy as far as the
    extractor can tell. `neighbors`: the `shown` nearest, a list of (id, distance).
    Ties are in the order of the reference.
    """

    shown: int = 5

    def questions(self, setting: Setting, samples: int) -> tuple[Reducer, ...]:
        """The nearest few, as many as there are."""
        there = len(setting.names) - (setting.own is not None)
        return (Nearest(samples, min(self.shown, there)),)

    def columns(self, setting: Setting, answers: tuple[Nearest]) -> Columns:
        """`nearest`, `nearest_distance`, `neighbors`."""
        import pyarrow as pa

        (nearest,) = answers
        distances = np.sqrt(nearest.d2)
        samples, shown = distances.shape
        records = pa.StructArray.from_arrays(
            [setting.name(nearest.index.ravel()), pa.array(distances.ravel())],
            names=["id", "distance"],
        )
        offsets = pa.array(np.arange(samples + 1, dtype=np.int32) * shown)
        return {
            "nearest": setting.name(nearest.index[:, 0]),
            "nearest_distance": distances[:, 0],
            "neighbors": pa.ListArray.from_arrays(offsets, records),
        }
