"""The images behind the ids of a result, fetched again for the report.

Scores are made of vectors; only what is shown is decoded a second time. Whatever is
no longer where it was, or no longer what it was, is left out: its id alone is shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self

from rara.errors import RaraError
from rara.features.features import Features
from rara.features.origin import places_in
from rara.images.decode import Payload, content_digest, decode
from rara.images.memory_budget import MemoryBudget
from rara.sources import Item, Source, open_source

if TYPE_CHECKING:
    from PIL import Image

LARGEST = 640
"""Longest side that is kept unless more is asked for; the report shows less."""

Side = Literal["samples", "reference"]


@dataclass(frozen=True, slots=True)
class SourcePictures:
    """Pictures of both sides, each from a source or from the place where one was."""

    samples: Source | str | None
    reference: Source | str | None
    scored: Mapping[Side, Features] = field(default_factory=dict)
    """What was scored, with its digests: an image of another content is not shown."""
    largest: int = LARGEST
    """Longest side that is kept."""
    _opened: dict[str, Source] = field(default_factory=dict, compare=False, repr=False)
    """Places that were opened: listing one again takes longer than reading an image."""

    @classmethod
    def of(
        cls, samples: Features, source: Source | None, reference: Features, own: Source | None
    ) -> Self:
        """Pictures behind features, from their sources where these are at hand."""
        return cls(
            source or samples.location,
            own or reference.location,
            {"samples": samples, "reference": reference},
        )

    def __call__(self, side: Side, ids: Collection[str]) -> Mapping[str, Image.Image]:
        """The images of these ids that can still be read."""
        return dict(self.each(side, ids))

    def each(self, side: Side, ids: Collection[str]) -> Iterator[tuple[str, Image.Image]]:
        """The same one by one, so that few of many images are in memory."""
        digests = self._digests(side, ids)
        for item in self._items(side, ids):
            image = _fetched(item, digests, self.largest)
            if image is not None:
                yield item.id, image

    def payloads(self, side: Side, ids: Collection[str]) -> Iterator[tuple[str, Payload]]:
        """What each of these images is made of, one by one: a file's bytes, an array or an image.

        What cannot be read any more, or has another content than was scored, is left out.
        """
        digests = self._digests(side, ids)
        for item in self._items(side, ids):
            with suppress(RaraError, OSError):
                payload = item.load()
                if digests is None or content_digest(payload) == digests.get(item.id):
                    yield item.id, payload

    def contents(self, side: Side, ids: Collection[str]) -> dict[str, str]:
        """The sha256 of these images: as scored, or as they are now where nobody recorded it.

        An image that cannot be read is left out.
        """
        if (recorded := self._digests(side, ids)) is not None:
            return recorded
        found = {}
        for item in self._items(side, ids):
            with suppress(RaraError, OSError):
                found[item.id] = content_digest(item.load())
        return found

    def _items(self, side: Side, ids: Collection[str]) -> Iterator[Item]:
        """What is there of these ids; places that cannot be read have nothing."""
        place = self.samples if side == "samples" else self.reference
        if place is None:
            return
        for part in places_in(place) if isinstance(place, str) else (place,):
            with suppress(RaraError, OSError):
                yield from self._source(part).select(ids)

    def _source(self, part: Source | str) -> Source:
        """The source at a place, opened when it is first asked for."""
        if not isinstance(part, str):
            return part
        if part not in self._opened:
            self._opened[part] = open_source(part, metadata="ignore")
        return self._opened[part]

    def _digests(self, side: Side, ids: Collection[str]) -> dict[str, str] | None:
        """The digest of each image that was scored; None where nobody recorded them."""
        if side not in self.scored:
            return None
        import pyarrow as pa
        import pyarrow.compute as pc

        items = self.scored[side].embedded
        rows = items.filter(pc.is_in(items["id"], pa.array(list(ids), items["id"].type)))
        return dict(zip(rows["id"].to_pylist(), rows["digest"].to_pylist(), strict=True))


def _fetched(item: Item, digests: Mapping[str, str] | None, largest: int) -> Image.Image | None:
    """One image; None where it cannot be read any more: the others are shown all the same."""
    with suppress(RaraError, OSError), MemoryBudget().share() as share:  # one at a time
        payload = item.load()
        digest = None if digests is None else content_digest(payload, admit=share.take)
        if digests is None or digest == digests.get(item.id):
            image = decode(payload, admit=share.take)
            image.thumbnail((largest, largest))
            return image
    return None
