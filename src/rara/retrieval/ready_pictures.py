"""Pictures of one side, read again and made ready to be compared, each once.

    rows --ids--> SourcePictures --> Ready, of which the last few hundred are kept

Local features take ten times as long as the comparison of two pictures. So they are made when they
are first asked for, and what was a candidate of one sample is at hand for the next.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
from PIL import Image

from rara.features.features import Features
from rara.features.image_lookup import Side, SourcePictures
from rara.features.work_ahead import crew_of, work_ahead
from rara.geometry.threads import one_core
from rara.machine import cores
from rara.retrieval.aligned_picture import AlignablePicture, alignable
from rara.retrieval.index_folder import StoredIndex
from rara.retrieval.local_features import (
    LocalFeatures,
    PreparedImage,
    prepare,
    without_features,
)
from rara.retrieval.whole_picture import WholePicture, whole_picture
from rara.run import Run

KEPT: Final = 400
"""Pictures that are kept ready; each takes less than two megabytes."""


class Ready:
    """One picture, ready to be compared. What a comparison needs is made once, when asked for."""

    def __init__(
        self, image: Image.Image, features: Callable[[], LocalFeatures] | None = None
    ) -> None:
        """`features`: local features that need not be computed again."""
        self._image, self._features = image, features

    @cached_property
    def whole(self) -> WholePicture:
        """As a whole, made small."""
        return whole_picture(self._image)

    @cached_property
    def alignable(self) -> AlignablePicture:
        """As a whole that can be laid over others."""
        return alignable(self._image)

    @cached_property
    def plain(self) -> PreparedImage:
        """At the working size, without local features."""
        return without_features(self._pixels)

    @cached_property
    def prepared(self) -> PreparedImage:
        """At the working size, with its local features."""
        if self._features is None:
            return prepare(self._pixels)
        return replace(self.plain, features=self._features())

    @property
    def _pixels(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return np.asarray(self._image.convert("RGB"), np.uint8)


class ReadyPictures:
    """The pictures of one side, by row."""

    def __init__(
        self,
        side: Side,
        features: Features,
        pictures: SourcePictures,
        run: Run,
    ) -> None:
        self.features, self.unavailable = features, set[int]()
        self._side, self._pictures, self._threads = side, pictures, run.threads
        self._ready: OrderedDict[int, Ready] = OrderedDict()
        self._index: StoredIndex | None = None

    def __len__(self) -> int:
        return len(self.features)

    def __call__(self, rows: Collection[int]) -> dict[int, Ready]:
        """Those of these rows that can be read again."""
        missing = [row for row in rows if row not in self._ready and row not in self.unavailable]
        for row, image in self.images(missing):
            self._ready[row] = Ready(image, self._stored(row))
        found = {row: self._ready[row] for row in rows if row in self._ready}
        for row in found:
            self._ready.move_to_end(row)
        while len(self._ready) > max(KEPT, len(found)):
            self._ready.popitem(last=False)
        return found

    def use(self, index: StoredIndex) -> None:
        """Take local features from an index of all of these, which has them rounded.

        What was made before is forgotten, so that it does not matter when the index was made.
        """
        self._index = index
        self._ready.clear()

    @property
    def index(self) -> StoredIndex | None:
        """The index that is in use."""
        return self._index

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """Pictures that cannot be read inside are not counted: the cache decides if any is read."""
        before = set(self.unavailable)
        try:
            yield
        finally:
            self.unavailable.intersection_update(before)

    def wholes(self, rows: Collection[int]) -> dict[int, WholePicture]:
        """Small pictures of these rows; large ones are in memory one at a time."""
        ready = {row: self._ready[row].whole for row in rows if row in self._ready}
        others = self.images([row for row in rows if row not in ready])
        return ready | {row: whole_picture(image) for row, image in others}

    def alignables(self, rows: Collection[int]) -> dict[int, AlignablePicture]:
        """The same, as they can be laid over others."""
        return {row: alignable(image) for row, image in self.images(rows)}

    def images(self, rows: Collection[int]) -> Iterator[tuple[int, Image.Image]]:
        """The pictures themselves, one by one; those that are not there count as unavailable."""
        if not len(rows):
            return
        names = self.features.done["id"].combine_chunks()
        wanted = sorted(rows)
        ids = names.take(pa.array(wanted, pa.int64())).to_pylist()
        places, read = dict(zip(ids, wanted, strict=True)), set[int]()
        for name, image in self._pictures.each(self._side, places):
            read.add(places[name])
            yield places[name], image
        self.unavailable.update(row for row in wanted if row not in read)

    def local_features(
        self, rows: range, advance: Callable[[int], None] | None = None
    ) -> dict[int, LocalFeatures]:
        """Those of these pictures that can be read again, in one pass over their source.

        `advance` hears of each.
        """
        threads, found = self._threads or cores(), dict[int, LocalFeatures]()
        with one_core(), crew_of(threads) as crew:
            ahead = work_ahead(crew, _made, self.images(rows), window=lambda _: 2 * threads)
            for row, features in ahead:
                found[row] = features
                if advance:
                    advance(1)
        return found

    def _stored(self, row: int) -> Callable[[], LocalFeatures] | None:
        index = self._index
        return None if index is None else lambda: index.features(row)


def _made(read: tuple[int, Image.Image]) -> tuple[int, LocalFeatures]:
    row, image = read
    return row, Ready(image).prepared.features
