"""Which images belong together: those with the same value of one key of their metadata.

features, key --> Groups --> judged within their group, or against their siblings
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from rara.arguments import short
from rara.errors import ParameterError
from rara.features.features import Features
from rara.features.item_table import record_of
from rara.features.made_once import made_once
from rara.sources import Source
from rara.sources.base import remarks_of

_REMARKS = 3
"""So many remarks on a place are repeated where it lacks a key: they may tell why."""

Part = TypeVar("Part")
Rows = NDArray[np.int64]

LISTING_SECONDS = 1.0
"""How long the images of a place are asked for a key before the work; after it all are known."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The group of every image, and the rows of every group."""

    names: list[str | None]
    """Row for row; None where the image has no such key."""
    rows: Mapping[str, Rows]
    """In the order in which the groups first occur."""

    @property
    def ungrouped(self) -> int:
        """How many images belong to no group."""
        return self.names.count(None)

    def size(self, group: str) -> int:
        """How many images a group has; 0 where there is no such group."""
        return len(self.rows.get(group, ()))


@dataclass(frozen=True, slots=True)
class AddedColumns(Generic[Part]):
    """What grouping adds to a score table: columns, and their part of the provenance."""

    columns: Mapping[str, object]
    part: Part


NOTHING = AddedColumns({}, None)


def groups_of(key: str, features: Features) -> Groups:
    """The images by the value of a key, as text: 1 and 1.0 are the same group."""
    return named([_name(record.get(key)) for record in features.records])


def named(names: list[str | None]) -> Groups:
    """The images by the name of the group of each."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        if name is not None:
            rows.setdefault(name, []).append(row)
    return Groups(names, {name: np.array(indices) for name, indices in rows.items()})


def by_content(features: Features) -> Rows:
    """Rows in the order of their content, then of their ids, whatever their own order is."""
    return made_once(features, "order by content", lambda: _by_content(features))


def _by_content(features: Features) -> Rows:
    digests, ids = features.done["digest"].to_pylist(), features.ids
    return np.array(sorted(range(len(ids)), key=lambda row: (digests[row], ids[row])), np.int64)


def first_by_content(features: Features, group: Rows) -> Rows:
    """(n,) the image of each one's group that is the first by content; groups have numbers."""
    order = by_content(features)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    lowest = np.full(len(order), len(order))
    np.minimum.at(lowest, group, rank)
    first: Rows = order[lowest[group]]
    return first


def check_key(key: str, **sides: Features | Source) -> None:
    """Raise ParameterError, with the keys that there are, unless each side knows this one.

    Images are asked without reading their pixels. Of a place that takes long to list, only what
    the first second shows counts: a key that is not found by then passes.
    """
    if not isinstance(key, str):
        raise ParameterError(f"{short(key)} is no key of metadata: give text, such as 'label'.")
    missing = [side for side, images in sides.items() if _lacks(images, key)]
    if missing:
        lacking = sides[missing[0]]
        message = f"No image of the {missing[0]} '{lacking.location}' has the key '{key}'."
        listed = [
            f"Keys of the {side}: {_listed(_keys(images)[0])}." for side, images in sides.items()
        ]
        remarks = lacking.remarks if isinstance(lacking, Features) else remarks_of(lacking)
        raise ParameterError(" ".join([message, *listed, *remarks[:_REMARKS]]))


def _lacks(images: Features | Source, key: str) -> bool:
    """Whether it is sure that no image has the key."""
    keys, complete = _keys(images, key)
    return complete and key not in keys


def _keys(images: Features | Source, wanted: str | None = None) -> tuple[list[str], bool]:
    """The keys of the images, up to one that is wanted, and whether all images were asked."""
    records = _records(images) if isinstance(images, Features) else _metadata(images)
    names: dict[str, None] = {}
    for record in records:
        if record is None:
            return list(names), False
        names.update(dict.fromkeys(record))
        if wanted in names:
            break
    return list(names), True


def _records(features: Features) -> Iterator[Mapping[str, object]]:
    """What is known of each image, parsed no further than it is asked for."""
    return map(record_of, features.done["metadata"].to_pylist())


def _metadata(source: Source) -> Iterator[Mapping[str, object] | None]:
    """What is known of each image before it is read; None once that takes too long."""
    end = time.monotonic() + LISTING_SECONDS
    for item in source:
        yield item.metadata if time.monotonic() < end else None


def _listed(keys: list[str]) -> str:
    return ", ".join(keys) if keys else "none"


def _name(value: Any) -> str | None:
    """A CSV column is of floats on one side as soon as one value there has a fraction."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None else str(value)
