"""The geometry of a reference: its images, the distances between them, and how it is cleaned.

    features, neighbour lists --ReferenceGeometry--> BallGeometry, calibration, description

The squared distances of each image to its K + 1 nearest others are all the geometry there is;
they are computed once, for every k up to K.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from rara.calibration.real_images import CalibrationSet, calibration_set
from rara.features.code_cache import CodeCache
from rara.features.features import Features
from rara.features.metadata_groups import Rows
from rara.features.neighbours import checked_k, find
from rara.features.pixel_cache import PixelCache
from rara.geometry import Boundary, Nearest, QuantizedReference
from rara.provenance.parts import ReferencePart
from rara.reference.cleaning import Cleaning
from rara.run import Run
from rara.scores import BallGeometry, without_itself
from rara.table.provenance import about_reference, leave_one_out_summary

Made = TypeVar("Made")


@dataclass(slots=True)
class Once:
    """What follows from a reference alone is made once, by the thread that needs it first."""

    _made: dict[Hashable, object] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def __call__(self, what: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` gave the first time."""
        with self._lock:
            if what not in self._made:
                self._made[what] = make()
            return cast(Made, self._made[what])


class ReferenceGeometry:
    """What samples are judged by. May be used from any thread."""

    def __init__(
        self,
        features: Features,
        d2: NDArray[np.float64],
        index: NDArray[np.int32],
        *,
        k: int,
        quantized: QuantizedReference | None = None,
        others: NDArray[np.int32] | None = None,
        cleaning: Cleaning | None = None,
        deep: Nearest | None = None,
    ) -> None:
        """`deep`: the same lists, and longer, where they were asked for."""
        self.features, self.d2, self.index, self.deep = features, d2, index, deep
        self.k = checked_k(k, len(features), d2.shape[1])
        self.cleaning = cleaning or Cleaning()
        self.code_cache, self.pixel_cache = (
            CodeCache(features.vectors, quantized),
            PixelCache(features, others),
        )
        self.once = Once()

    @classmethod
    def of_cleaned(cls, features: Features, k: int, cleaning: Cleaning, run: Run) -> Self:
        """That of images that were cleaned in this way already: none of them is left out."""
        nearest = find(features, checked_k(k, len(features), k), run)
        return cls(features, nearest.d2, nearest.index, k=k, cleaning=cleaning)

    @property
    def largest_k(self) -> int:
        """The largest k that samples can be scored with; one neighbour more is kept, to leave one
        out, unless there are no more."""
        return max(int(self.d2.shape[1]) - 1, self.k)

    @property
    def fingerprint(self) -> str:
        """sha256 over the extractor and the content of every image, in order."""
        return self.once("fingerprint", lambda: self.features.fingerprint)

    def checked_k(self, k: int | None) -> int:
        """The k that is asked for, or the reference's own. Raises ParameterError."""
        return self.k if k is None else checked_k(k, len(self.features), self.largest_k)

    def ball_geometry(
        self, k: int | None = None, boundary: Boundary = "open", *, own: bool = False
    ) -> BallGeometry:
        """The balls that samples are judged by, or its `own` images, leave-one-out."""
        self.cleaning.check(boundary)
        clip = self.cleaning.clip_radii
        names = self.once("names", self.features.done["id"].combine_chunks)
        k = self.checked_k(k)
        geometry = BallGeometry(self.d2, self.index, k, names, boundary, clip=clip)
        return without_itself(geometry) if own else geometry

    def for_query(self, geometry: BallGeometry, samples: int, run: Run) -> BallGeometry:
        """The same with codes for so many samples, where they pay."""
        return replace(geometry, quantized=self.code_cache.for_query(samples, run))

    def calibration(
        self, images: Features | None, geometry: BallGeometry, run: Run
    ) -> CalibrationSet:
        """The calibration by other real images, or by the reference's own."""
        if images is not None:
            images = self.cleaning.one_a_unit(images, 0, run, side="calibration")
            return calibration_set(images, self.features, self.pixel_cache, geometry, run)
        return self.once(
            ("calibration", geometry.k, geometry.boundary, geometry.own is None),
            lambda: calibration_set(None, self.features, self.pixel_cache, geometry, run),
        )

    def part(self, rows: Rows, k: int, run: Run) -> ReferenceGeometry:
        """That of some of the images, as if there were no others; cleaned as all of them were."""
        features = self.features.take(rows, self.features.location)
        return ReferenceGeometry.of_cleaned(features, k, self.cleaning, run)

    def describe(self, k: int | None = None) -> ReferencePart:
        """What results say of the reference that they are relative to."""
        return self.once(("description", self.checked_k(k)), lambda: self._described(k))

    def _described(self, k: int | None) -> ReferencePart:
        geometry = self.ball_geometry(k)
        own = self.once(("own", geometry.k), lambda: leave_one_out_summary(geometry))
        how = self.cleaning.describe(self.features, geometry)
        return about_reference(self.features, self.fingerprint, how, own)
