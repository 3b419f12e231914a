"""The geometry of a reference: its images, the distances between them, and how it is cleaned.

    features, neighbour lists --ReferenceGeometry--> Setting, calibration, description

The squared distances of each image to its K + 1 nearest others are all the geometry there is;
they are found once, for every k up to K.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rara.calibration.real_images import Reals, calibrated
from rara.features.code_cache import Codebook
from rara.features.features import Features
from rara.features.neighbours import checked_k
from rara.features.pixel_cache import Gallery
from rara.geometry import Boundary, Coded
from rara.provenance.parts import ReferencePart
from rara.reference.cleaning import Treatment
from rara.run import Run
from rara.scores import Setting, without_itself
from rara.table.provenance import about_reference, own_fares

Found = TypeVar("Found")


@dataclass(slots=True)
class Once:
    """What follows from a reference alone is found once, whichever thread asks first."""

    _known: dict[Hashable, Any] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def __call__(self, what: Hashable, make: Callable[[], Found]) -> Found:
        """What `make` gave the first time."""
        with self._lock:
            if what not in self._known:
                self._known[what] = make()
            return self._known[what]  # type: ignore[no-any-return]


class ReferenceGeometry:
    """What samples are judged by. May be used from any thread."""

    def __init__(
        self,
        features: Features,
        d2: NDArray[np.float64],
        index: NDArray[np.int32],
        *,
        k: int,
        coded: Coded | None = None,
        others: NDArray[np.int32] | None = None,
        treatment: Treatment | None = None,
    ) -> None:
        self.features, self.d2, self.index = features, d2, index
        self.k = checked_k(k, len(features), d2.shape[1])
        self.treatment = treatment or Treatment()
        self.codebook, self.gallery = Codebook(features.vectors, coded), Gallery(features, others)
        self.once = Once()

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

    def setting(
        self, k: int | None = None, boundary: Boundary = "open", *, own: bool = False
    ) -> Setting:
        """The balls that samples are judged by, or its `own` images, leave-one-out."""
        self.treatment.check(boundary)
        clip = self.treatment.clip_radii
        names = self.once("names", self.features.done["id"].combine_chunks)
        k = self.checked_k(k)
        setting = Setting(self.d2, self.index, k, names, boundary, clip=clip)
        return without_itself(setting) if own else setting

    def for_query(self, setting: Setting, samples: int, run: Run) -> Setting:
        """The same with codes for so many samples, where they pay."""
        return replace(setting, coded=self.codebook.for_query(samples, run))

    def calibration(self, reals: Features | None, setting: Setting, run: Run) -> Reals:
        """The calibration by real images given, or by the reference's own."""
        if reals is not None:
            reals = self.treatment.one_a_unit(reals, 0, run, side="calibration")
            return calibrated(reals, self.features, self.gallery, setting, run)
        return self.once(
            ("calibration", setting.k, setting.boundary, setting.own is None),
            lambda: calibrated(None, self.features, self.gallery, setting, run),
        )

    def describe(self, k: int | None = None) -> ReferencePart:
        """What results say of the reference that they are relative to."""
        setting = self.setting(k)
        own = self.once(("own", setting.k), lambda: own_fares(setting))
        how = self.treatment.describe(self.features, setting)
        return about_reference(self.features, self.fingerprint, how, own)
