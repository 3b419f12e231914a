"""The pictures behind points: read again from where they were scored, checked, and made small.

    point --SourcePictures--> image --> WebP of at most so many pixels

A picture whose content is another than was scored is not shown. Original bytes never leave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from PIL import Image

from rara.errors import RaraError
from rara.explorer.explored import REFERENCE, Explored
from rara.features.image_lookup import Side, SourcePictures
from rara.features.origin import places_in
from rara.service.thumbnails import KeptPictures, small_picture
from rara.sources import Source, open_source

EDGES: Final = (64, 2048)
"""The longest side of a picture that may be asked for."""
_QUALITY: Final = 85
"""Of pictures that may be as large as the window."""


class PointPictures:
    """Pictures by side and row. May be used from any thread."""

    def __init__(self, explored: Explored) -> None:
        self._explored = explored
        self._pictures = _opened(explored.pictures)
        self._kept = KeptPictures()

    def can(self, side: int) -> bool:
        """Whether the place of a side's pictures is at hand."""
        place = None if self._pictures is None else self._of(self._pictures, side)
        return place is not None

    def encoded(self, side: int, row: int, edge: int) -> bytes | None:
        """A picture as WebP, at most `edge` pixels wide and high; None where it is gone."""
        return self._kept.get((side, row, edge), lambda: self._made(side, row, edge))

    def _made(self, side: int, row: int, edge: int) -> bytes | None:
        image = self.image(side, row)
        return None if image is None else small_picture(image, edge, quality=_QUALITY)

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
