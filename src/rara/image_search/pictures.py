"""Pictures of one side, read again and made ready to be compared, each once.

    rows --ids--> SourcePictures --prepare--> Ready, of which the last few hundred are kept

To make a picture ready takes ten times as long as to compare two. So what was a candidate of one
sample is at hand for the next.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
from PIL import Image

from rara.errors import ReferenceMismatchError
from rara.features.features import Features
from rara.features.image_lookup import Side, SourcePictures
from rara.machine import cores
from rara.retrieval.index_folder import StoredIndex
from rara.retrieval.local_features import (
    LocalFeatures,
    PreparedImage,
    no_features,
    prepare,
    without_features,
)
from rara.retrieval.whole_picture import WholePicture, whole_picture
from rara.run import Run

KEPT: Final = 400
"""Pictures that are kept ready; each takes less than a megabyte."""

_AHEAD: Final = 32
"""Pictures that are read together where all of them are needed in turn."""


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """One picture, ready to be compared."""

    prepared: PreparedImage
    whole: WholePicture


class ReadyPictures:
    """The pictures of one side, by row."""

    def __init__(
        self,
        side: Side,
        features: Features,
        pictures: SourcePictures,
        run: Run,
        *,
        stored: StoredIndex | None = None,
    ) -> None:
        """`stored`: local features that need not be computed again."""
        self.features, self.unavailable, self.stored = features, set[int](), stored
        self._side, self._pictures = side, pictures
        self._threads = run.threads or cores()
        self._ready: OrderedDict[int, Ready] = OrderedDict()

    def __len__(self) -> int:
        return len(self.features)

    def __call__(self, rows: Collection[int]) -> dict[int, Ready]:
        """Those of these rows that can be read again."""
        missing = [row for row in rows if row not in self._ready and row not in self.unavailable]
        with ThreadPoolExecutor(self._threads) as crew:
            made = dict(crew.map(self._made, self.images(missing)))
        self.unavailable.update(row for row in missing if row not in made)
        self._ready.update(made)
        found = {row: self._ready[row] for row in rows if row in self._ready}
        for row in found:
            self._ready.move_to_end(row)
        while len(self._ready) > max(KEPT, len(found)):
            self._ready.popitem(last=False)
        return found

    def wholes(self, rows: Collection[int]) -> dict[int, WholePicture]:
        """Small pictures of these rows; large ones are in memory one at a time."""
        ready = {row: self._ready[row].whole for row in rows if row in self._ready}
        others = self.images([row for row in rows if row not in ready])
        return ready | {row: whole_picture(image) for row, image in others}

    def images(self, rows: Collection[int]) -> Iterator[tuple[int, Image.Image]]:
        """The pictures themselves, one by one."""
        if not len(rows):
            return
        names = self.features.done["id"].combine_chunks()
        wanted = sorted(rows)
        ids = names.take(pa.array(wanted, pa.int64())).to_pylist()
        places = dict(zip(ids, wanted, strict=True))
        for name, image in self._pictures.each(self._side, places):
            yield places[name], image

    def all_features(self) -> Iterator[LocalFeatures]:
        """The local features of each picture; none of those that cannot be read again."""
        for start in range(0, len(self), _AHEAD):
            rows = range(start, min(start + _AHEAD, len(self)))
            ready = self(rows)
            for row in rows:
                yield ready[row].prepared.features if row in ready else no_features()

    def local_features(self, row: int) -> LocalFeatures:
        """Those of a picture that must be there, as an index needs it.

        Raises ReferenceMismatchError where it is missing or has changed.
        """
        if row not in self._ready:
            self(range(row, min(row + _AHEAD, len(self))))
        if row not in self._ready:
            name = self.features.done["id"][row].as_py()
            raise ReferenceMismatchError(
                f"An index needs every reference image, and '{name}' at "
                f"'{self.features.location}' is missing or has changed."
            )
        return self._ready[row].prepared.features

    def _made(self, read: tuple[int, Image.Image]) -> tuple[int, Ready]:
        row, image = read
        pixels = np.asarray(image.convert("RGB"), np.uint8)
        if self.stored is None:
            prepared = prepare(pixels)
        else:
            prepared = replace(without_features(pixels), features=self.stored.features(row))
        return row, Ready(prepared, whole_picture(image))
