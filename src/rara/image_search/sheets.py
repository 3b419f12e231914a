"""Contact sheets among the samples, split into their panels before anything is searched for.

    samples --sheets_in--> what is a sheet --SplitSource--> each panel an image of its own

A sheet as a whole resembles no reference image. Every other image stays what it was, to the byte.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rara.errors import ImageError, RaraError
from rara.features.image_lookup import LARGEST, SourcePictures
from rara.features.opening import is_features
from rara.features.work_ahead import crew_of, work_ahead
from rara.images.contact_sheet import panels
from rara.images.decode import content_digest, decode
from rara.images.memory_budget import MemoryBudget
from rara.machine import cores
from rara.provenance.parts import SplitSheet
from rara.report.formatting import counted
from rara.report.thumbnails import Side
from rara.run import DEFAULT_MAX_PIXELS, Run, watching
from rara.sources import Source, open_source
from rara.sources.base import Item, items_within, remarks_of
from rara.sources.names import first_few

if TYPE_CHECKING:
    from PIL import Image

NAMED: Final = 3
"""Sheets that a remark names."""

KEPT: Final = 256 << 20
"""Bytes of decoded sheets that are kept; one is, whatever it takes."""

_READING: Final = Lock()
"""One sheet is decoded at a time, by whichever thread asks first for one of its panels."""


class _Decoded:
    """The sheets that were decoded last: their panels are asked for one after the other."""

    def __init__(self) -> None:
        self._images: OrderedDict[str, Image.Image] = OrderedDict()

    def get(self, name: str, read: Callable[[], Image.Image]) -> Image.Image:
        """The image of this name, read where it is not at hand."""
        if name not in self._images:
            self._images[name] = read()
        self._images.move_to_end(name)
        while len(self._images) > 1 and sum(map(_bytes, self._images.values())) > KEPT:
            self._images.popitem(last=False)
        return self._images[name]


def _bytes(image: Image.Image) -> int:
    return 3 * image.width * image.height


@dataclass(frozen=True, slots=True)
class SplitSource:
    """A source whose contact sheets are replaced by their panels, each an item of its own."""

    source: Source
    sheets: Mapping[str, SplitSheet]
    """By id."""
    digests: Mapping[str, str]
    """Of the sheets."""
    max_pixels: int = DEFAULT_MAX_PIXELS
    _decoded: _Decoded = field(default_factory=_Decoded, compare=False, repr=False)

    @property
    def location(self) -> str:
        """Where the images are."""
        return self.source.location

    @property
    def remarks(self) -> list[str]:
        """What was split, and what there is to say of the source."""
        return [*split_remarks(list(self.sheets.values())), *remarks_of(self.source)]

    def count(self) -> int | None:
        """Number of items, panels counted one by one."""
        count = self.source.count()
        if count is None:
            return None
        return count + sum(len(sheet.panels) - 1 for sheet in self.sheets.values())

    def __iter__(self) -> Iterator[Item]:
        return self._split(self.source)

    def within(self, max_pixels: int) -> Iterator[Item]:
        """All items; a source that can do so reads no pixels of larger images."""
        return self._split(items_within(self.source, max_pixels))

    def select(self, ids: Collection[str]) -> Iterator[Item]:
        """The items of these ids; each sheet is asked for once."""
        whole = {name: sheet.id for sheet in self.sheets.values() for name in sheet.panels}
        wanted = set(ids)
        inner = {whole.get(name, name) for name in wanted}
        return (part for part in self._split(self.source.select(inner)) if part.id in wanted)

    def whole(self, ids: Collection[str]) -> dict[str, Image.Image]:
        """The sheets of these ids themselves, reduced, where they are what they were."""
        found = {}
        for item in self.source.select([name for name in ids if name in self.sheets]):
            with suppress(RaraError, OSError):
                found[item.id] = self._read(item)
                found[item.id].thumbnail((LARGEST, LARGEST))
        return found

    def _split(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            sheet = self.sheets.get(item.id)
            if sheet is None:
                yield item
                continue
            for name, box in zip(sheet.panels, sheet.boxes, strict=True):
                load = partial(self._panel, item, sheet, box)
                yield replace(item, id=name, load=load, size=None)

    def _panel(self, item: Item, sheet: SplitSheet, box: tuple[int, ...]) -> Image.Image:
        left, top, right, bottom = box
        with _READING:
            whole = self._decoded.get(sheet.id, lambda: self._read(item))
            return whole.crop((left, top, right, bottom))

    def _read(self, item: Item) -> Image.Image:
        payload = item.load()
        if content_digest(payload) != self.digests[item.id]:
            raise ImageError("changed while it was read")
        return decode(payload, max_pixels=self.max_pixels)


def split_remarks(sheets: list[SplitSheet]) -> list[str]:
    """That sheets were split, in one sentence; none where none was."""
    if not sheets:
        return []
    count = sum(len(sheet.panels) for sheet in sheets)
    names = first_few([sheet.id for sheet in sheets], most=NAMED)
    verb = "was" if len(sheets) == 1 else "were"
    return [f"{names} {verb} split into {counted(count, 'panel')}."]


def split_sheets(images: Any, run: Run) -> Any:
    """The same images, contact sheets replaced by their panels; vectors are taken as they are."""
    if is_features(images):
        return images
    source = open_source(images, metadata=run.metadata)
    found, names = sheets_in(source, run)
    if not found:
        return source
    taken, sheets = set(names), {}
    for sheet, _ in found:
        numbered = [f"{sheet.id}#{number}" for number in range(1, len(sheet.boxes) + 1)]
        sheets[sheet.id] = replace(sheet, panels=tuple(_free(name, taken) for name in numbered))
    digests = {sheet.id: digest for sheet, digest in found}
    return SplitSource(source, sheets, digests, run.max_pixels)


def _free(name: str, taken: set[str]) -> str:
    """The name, or with a number where an image has it."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}~{number}"
    taken.add(free)
    return free


def sheets_in(source: Source, run: Run) -> tuple[list[tuple[SplitSheet, str]], list[str]]:
    """The contact sheets of a source with their digests, and the ids of all images.

    Images that cannot be read are none; what is wrong with them is for the search to say.
    """
    budget, threads = MemoryBudget(run.memory), run.threads or cores()
    look = partial(_looked, budget=budget, max_pixels=run.max_pixels)
    found, names = [], []
    with (
        crew_of(threads) as crew,
        watching(run.progress, source.count(), "Contact sheets among the samples") as advance,
    ):
        for name, sheet in work_ahead(
            crew, look, items_within(source, run.max_pixels),
            window=lambda _: 2 * threads, weight=lambda item: item.size or 0, room=budget.ahead,
        ):  # fmt: skip
            names.append(name)
            if sheet is not None:
                found.append(sheet)
            if advance:
                advance(1)
    return found, names


def _looked(
    item: Item, *, budget: MemoryBudget, max_pixels: int
) -> tuple[str, tuple[SplitSheet, str] | None]:
    with suppress(RaraError, OSError), budget.share() as share:
        payload = item.load()
        # Decoded once, and once more as an array.
        image = decode(payload, max_pixels=max_pixels, admit=lambda size: share.take(2 * size))
        sheet = panels(np.asarray(image, np.uint8))
        if sheet is not None:
            split = SplitSheet(
                id=item.id, width=image.width, height=image.height, rows=sheet.rows,
                columns=sheet.columns, panels=(), boxes=tuple(map(tuple, sheet.boxes)),
            )  # fmt: skip
            return item.id, (split, content_digest(payload, admit=share.take))
    return item.id, None


@dataclass(frozen=True, slots=True)
class SheetPictures:
    """Pictures for the page: those of a search, and the sheets as a whole."""

    pictures: SourcePictures
    source: SplitSource

    def __call__(self, side: Side, ids: Collection[str]) -> Mapping[str, Image.Image]:
        """The images of these ids that can still be read."""
        sheets = {name for name in ids if side == "samples" and name in self.source.sheets}
        found = dict(self.pictures(side, [name for name in ids if name not in sheets]))
        return found | (self.source.whole(sheets) if sheets else {})

    def contents(self, side: Side, ids: Collection[str]) -> Mapping[str, str]:
        """The sha256 of these images, of panels as of any other."""
        return self.pictures.contents(side, ids)
