"""The images behind the ids of a result, fetched again for the report.

Scores are made of vectors; only what is shown is decoded a second time. Whatever is
no longer where it was is left out, and the report shows its id alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rara.errors import RaraError
from rara.images import decode
from rara.sources import Source, open_source
from rara.store import AND

if TYPE_CHECKING:
    from PIL import Image

LARGEST = 640
"""Longest side that is kept; the report shows less."""


@dataclass(frozen=True, slots=True)
class SourcePictures:
    """Pictures of both sides, each from a source or from the place where one was."""

    samples: Source | str
    reference: Source | str

    def __call__(
        self, side: Literal["samples", "reference"], ids: Collection[str]
    ) -> Mapping[str, Image.Image]:
        """The images of these ids, as far as they can still be had."""
        place = self.samples if side == "samples" else self.reference
        found: dict[str, Image.Image] = {}
        for part in place.split(AND) if isinstance(place, str) else (place,):
            with suppress(RaraError, OSError):
                _fetch(part, ids, found)
        return found


def _fetch(place: Source | str, ids: Collection[str], found: dict[str, Image.Image]) -> None:
    source = open_source(place) if isinstance(place, str) else place
    for item in source.select(ids):
        image = decode(item.load())
        image.thumbnail((LARGEST, LARGEST))
        found[item.id] = image
