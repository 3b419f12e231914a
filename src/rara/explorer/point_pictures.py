"""The pictures behind points: read again from where they were scored, checked, and made small.

    point --SourcePictures--> image --> WebP of at most so many pixels

A picture whose content is another than was scored is not shown. Original bytes never leave.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from threading import Lock
from typing import Final

from PIL import Image

from rara.errors import RaraError
from rara.explorer.explored import REFERENCE, Explored
from rara.features.image_lookup import Side, SourcePictures
from rara.features.origin import places_in
from rara.sources import Source, open_source

EDGES: Final = (64, 2048)
"""The longest side of a picture that may be asked for."""
PIXEL_ART: Final = 64
"""Pictures up to this longest side are sent without loss."""
_KEPT: Final = 64 << 20
"""Bytes of encoded pictures that are kept at hand."""


class PointPictures:
    """Pictures by side and row. May be used from any thread."""

    def __init__(self, explored: Explored) -> None:
        self._explored = explored
        self._pictures = _opened(explored.pictures)
        self._kept: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()
        self._lock = Lock()

    def can(self, side: int) -> bool:
        """Whether the place of a side's pictures is at hand."""
        place = None if self._pictures is None else self._of(self._pictures, side)
        return place is not None

    def encoded(self, side: int, row: int, edge: int) -> bytes | None:
        """A picture as WebP, at most `edge` pixels wide and high; None where it is gone."""
        key = side, row, edge
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = self.image(side, row)
        if found is None:
            return None
        data = webp(found, edge)
        with self._lock:
            self._kept[key] = data
            while sum(map(len, self._kept.values())) > _KEPT:
                self._kept.popitem(last=False)
        return data

    def image(self, side: int, row: int) -> Image.Image | None:
        """A picture of at most 2048 pixels; None where it is gone."""
        return next((image for _, image in self.each(side, [row])), None)

    def each(self, side: int, rows: Sequence[int]) -> Iterator[tuple[int, Image.Image]]:
        """Those pictures of some rows that can be read, one after the other."""
        if self._pictures is None or not self.can(side):
            return
        ids = {self._explored.id_of(side, row): row for row in rows}
        with suppress(RaraError, OSError):
            for name, image in self._pictures.each(_name(side), ids.keys()):
                yield ids[name], image

    @staticmethod
    def _of(pictures: SourcePictures, side: int) -> Source | str | None:
        return pictures.reference if side == REFERENCE else pictures.samples


def webp(image: Image.Image, edge: int) -> bytes:
    """A picture shrunk to fit, encoded anew."""
    small = image.convert("RGB")
    exact = max(small.size) <= PIXEL_ART
    if max(small.size) > edge:
        small.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=85, lossless=exact, method=4)
    return buffer.getvalue()


def _name(side: int) -> Side:
    return "reference" if side == REFERENCE else "samples"


def _opened(pictures: SourcePictures | None) -> SourcePictures | None:
    """With places opened once; a place of several, or one that is gone, stays as it is or goes."""
    if pictures is None:
        return None
    samples, reference = _source(pictures.samples), _source(pictures.reference)
    if samples is None and reference is None:
        return None
    return replace(pictures, samples=samples, reference=reference, largest=EDGES[1])


def _source(place: Source | str | None) -> Source | str | None:
    if not isinstance(place, str):
        return place
    if len(places_in(place)) > 1:
        return place
    with suppress(RaraError, OSError):
        return open_source(places_in(place)[0], metadata="ignore")
    return None
