"""Several sources read as one, such as the shards of a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from rara.sources.base import Item, Source, items_within, remarks_of


@dataclass(frozen=True, slots=True)
class JoinedSource:
    """Sources one after the other, each with its name before its items' ids."""

    location: str
    parts: Mapping[str, Source]
    """By the name of the part, such as `shards/000.tar`."""

    @property
    def remarks(self) -> list[str]:
        """Those of the parts; a remark that several share comes once, with their number."""
        named = [(name, remark) for name, part in self.parts.items() for remark in remarks_of(part)]
        times = Counter(remark for _, remark in named)
        first = {remark: name for name, remark in reversed(named)}
        return [
            f"{first[remark]}{'' if count == 1 else f' and {count - 1:,} more'}: {remark}"
            for remark, count in times.items()
        ]

    def count(self) -> int | None:
        """Sum over the parts, or None if one of them does not know."""
        total = 0
        for part in self.parts.values():
            if (count := part.count()) is None:
                return None
            total += count
        return total

    def __iter__(self) -> Iterator[Item]:
        for name, part in self.parts.items():
            yield from _renamed(part, name)

    def within(self, max_pixels: int) -> Iterator[Item]:
        """All items; parts that can do so read no pixels of larger images."""
        for name, part in self.parts.items():
            yield from _renamed(items_within(part, max_pixels), name)

    def select(self, ids: Collection[str]) -> Iterator[Item]:
        """The items of these ids, asked only of the parts that can have them."""
        for name, part in self.parts.items():
            prefix = f"{name}/"
            inner = {id_.removeprefix(prefix) for id_ in ids if id_.startswith(prefix)}
            yield from _renamed(part.select(inner), name) if inner else ()


@dataclass(frozen=True, slots=True)
class RemarkedSource:
    """A source as it is, with more to say of how it was read."""

    source: Source
    notes: tuple[str, ...]

    @property
    def location(self) -> str:
        """Where the images are."""
        return self.source.location

    @property
    def remarks(self) -> list[str]:
        """These, and the source's own."""
        return [*self.notes, *remarks_of(self.source)]

    def count(self) -> int | None:
        """Number of items."""
        return self.source.count()

    def __iter__(self) -> Iterator[Item]:
        return iter(self.source)

    def within(self, max_pixels: int) -> Iterator[Item]:
        """All items, no pixels of larger images read if the source can do so."""
        return items_within(self.source, max_pixels)

    def select(self, ids: Collection[str]) -> Iterator[Item]:
        """The items of these ids."""
        return self.source.select(ids)


def _renamed(items: Iterable[Item], name: str) -> Iterator[Item]:
    return (replace(item, id=f"{name}/{item.id}") for item in items)
