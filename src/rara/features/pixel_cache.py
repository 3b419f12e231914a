"""The pictures of a reference, and how near each has its nearest other one: found once and kept.

features --PixelCache--> hashes, others    in the reference's folder, or in the cache

They follow from the features, so a folder is whole without them.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property

import numpy as np

from rara.errors import DamagedStoreError
from rara.features.features import Features
from rara.features.neighbours import kept_place
from rara.features.pixel_hashes import SAME, PixelHashes, closest_others, pixel_hashes_of
from rara.geometry.hamming import NONE, Counts
from rara.images.phash import VERSION
from rara.run import Run, watching
from rara.storage.atomic import keep_arrays, kept_arrays
from rara.storage.folder import Parts, StoredFolder, array_part

_FILE = "pixels.npy"


class PixelCache:
    """What is known of a reference's pictures; looked at when samples are judged."""

    def __init__(self, features: Features, others: Counts | None = None) -> None:
        self._features, self._others = features, others

    @cached_property
    def _hashes(self) -> PixelHashes | None:
        return pixel_hashes_of(self._features)

    def with_nearest(self, run: Run) -> tuple[PixelHashes, Counts] | None:
        """The hashes, and how near each has its nearest other; None where nobody saw the pixels."""
        if self._hashes is None:
            return None
        if self._others is None:
            self._others = self._nearest_others(self._hashes, run)
        return self._hashes, self._others

    def parts(self, run: Run) -> Parts:
        """The files to write; none where nobody saw the pixels."""
        kept = self.with_nearest(run)
        if kept is None:
            return Parts("pixels", {}, {})
        files = {_FILE: array_part(kept[1].astype(np.int16))}
        return Parts("pixels", {}, files, frozenset(files))

    def _nearest_others(self, hashes: PixelHashes, run: Run) -> Counts:
        key = f"{self._features.fingerprint} pixels {VERSION}"
        place = kept_place(key, run)
        cached = kept_arrays(place)
        others = cached.get("others") if cached else None
        if others is not None and others.shape == (len(hashes),) and others.dtype == np.int16:
            return others.astype(np.int32)
        with watching(run.progress, len(hashes), "Pictures within the reference") as advance:
            others = closest_others(hashes, run.threads, advance).distance
        keep_arrays(place, others=others.astype(np.int16))
        return others


def others_in(stored: StoredFolder, features: Features) -> Counts | None:
    """What a reference folder says of its pictures, if it is whole and of this version."""
    if stored.facts.get("prints") != VERSION or _FILE not in stored:
        return None
    with suppress(DamagedStoreError):
        return _checked(stored.array(_FILE, np.int16, len(features)))
    return None


def _checked(others: Counts) -> Counts | None:
    """The same, where all of it are bits that differ."""
    sound = not len(others) or (others.min() >= SAME and others.max() <= NONE)
    return others.astype(np.int32) if sound else None
