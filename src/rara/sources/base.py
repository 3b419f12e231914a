"""What a source of images is: stable ids, something to decode, and metadata.

First step of the flow: sources -> images -> extractors -> features. A source knows
where images are and what they are called; it never decodes them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

from rara.images.decode import Payload
from rara.text import encodable

Scalar: TypeAlias = str | int | float | bool
"""What a value of an item's metadata may be."""


@dataclass(frozen=True, slots=True)
class Item:
    """One image before decoding.

    `id` is stable from run to run and unique within its source. `load` gives the
    encoded bytes (or the array or PIL image itself) and may be called from any
    thread; it raises `ImageError` where this one image cannot be read.
    `metadata` is flat and JSON-able; the keys `label` and `prompt` have a meaning
    and are always text. `size` is the number of encoded bytes, where it is known before
    they are read.
    """

    id: str
    load: Callable[[], Payload]
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    size: int | None = None

    def __post_init__(self) -> None:
        """All text becomes such that every format of tables takes it."""
        object.__setattr__(self, "id", encodable(self.id))
        if self.metadata:
            metadata = {encodable(key): _encodable(value) for key, value in self.metadata.items()}
            object.__setattr__(self, "metadata", metadata)


def _encodable(value: Scalar) -> Scalar:
    return encodable(value) if isinstance(value, str) else value


@runtime_checkable
class Source(Protocol):
    """A place with images, read in a stable order, as often as wanted."""

    @property
    def location(self) -> str:
        """Where the images are, as a person would name it; `open_source` reopens it if it can."""

    def count(self) -> int | None:
        """Number of items, or None where only reading to the end would tell."""

    def __iter__(self) -> Iterator[Item]: ...

    def select(self, ids: Collection[str]) -> Iterator[Item]:
        """The items of these ids, in any order; ids that are not there are left out."""


def remarks_of(source: Source) -> list[str]:
    """How a place was read, where that may surprise: one sentence each, with counts.

    Such as files that were passed over. A source has them in an attribute `remarks`, complete
    once all items were iterated; one without it has none.
    """
    return list(getattr(source, "remarks", ()))


def items_within(source: Source, max_pixels: int) -> Iterator[Item]:
    """All items of a source, which may spare itself reading pixels of images above the limit.

    Such a source has a method `within`; what it does not read fails with `OversizeError`.
    """
    within: Callable[[int], Iterator[Item]] | None = getattr(source, "within", None)
    return iter(source) if within is None else within(max_pixels)


def pick(items: Iterable[Item], ids: Collection[str]) -> Iterator[Item]:
    """`Source.select` where there is no way but to read through, no further than needed."""
    wanted = set(ids)
    for item in items if wanted else ():
        if item.id in wanted:
            yield item
            wanted.discard(item.id)
            if not wanted:
                return
