"""A single image as a place with images; one item, or a few, of a source as a source of their own.

PIL image, array or bytes --listed_images--> what `open_source` takes
Item --OneItem--> Source; Source, ids --ChosenItems--> Source
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from rara.sources.base import Item, Source, pick


@dataclass(frozen=True, slots=True)
class OneItem:
    """One image of a source, by itself."""

    item: Item
    location: str
    """Of the source that it is from."""

    def count(self) -> int:
        """One."""
        return 1

    def __iter__(self) -> Iterator[Item]:
        yield self.item

    def select(self, ids: Collection[str]) -> Iterator[Item]:
        """The item, if it is asked for."""
        return pick(self, ids)


@dataclass(frozen=True, slots=True)
class ChosenItems:
    """Some images of a source, by their ids; ids that are not there are left out."""

    source: Source
    ids: tuple[str, ...]

    @property
    def location(self) -> str:
        """Of the whole source."""
        return self.source.location

    def count(self) -> int:
        """How many ids there are."""
        return len(set(self.ids))

    def __iter__(self) -> Iterator[Item]:
        return self.source.select(self.ids)

    def select(self, ids: Collection[str]) -> Iterator[Item]:
        """The items of these ids, among its own."""
        return self.source.select(set(ids) & set(self.ids))


def listed_images(images: Any) -> Any:
    """A single image as a list; what can be read only once as well."""
    single = isinstance(images, (Image.Image, bytes, bytearray, memoryview)) or (
        isinstance(images, np.ndarray)
        and (images.ndim == 2 or (images.ndim == 3 and images.shape[2] in (1, 3, 4)))
    )
    if single:
        return [images]
    return list(images) if isinstance(images, Iterator) else images
