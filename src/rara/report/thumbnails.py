"""Pictures as data URIs: each small, in its smallest encoding, embedded once.

    ids --pictures(side, ids)--> images --shrink, encode--> {key: thumbnail}

Cards refer to thumbnails by key, so a reference image on many cards costs its bytes only
once, and so do two images of the same pixels.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from math import inf
from typing import Literal, Protocol, runtime_checkable

from PIL import Image, features

from rara.errors import RaraError

Side = Literal["samples", "reference"]
Pictures = Callable[[Side, Collection[str]], Mapping[str, Image.Image]]


@runtime_checkable
class OneByOne(Protocol):
    """Pictures that can be read without holding more than one in memory."""

    def each(self, side: Side, ids: Collection[str]) -> Iterator[tuple[str, Image.Image]]:
        """The images of these ids that can be read, in any order."""


QUALITY = 74
"""Of WebP, where a picture is not kept without loss."""
PIXEL_ART = 64
"""Longer side up to which an image is shown pixel by pixel, enlarged without smoothing."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture as the page embeds it."""

    uri: str
    """A data URI, or the address of a file beside the page."""
    width: int
    height: int
    pixelated: bool
    """Whether it is enlarged without smoothing."""

    @property
    def beside(self) -> bool:
        """Whether it is in a file beside the page."""
        return not self.uri.startswith("data:")


@dataclass(frozen=True, slots=True)
class PictureKeys:
    """The keys of pictures in an album, by the ids of their images."""

    samples: Mapping[str, str] = field(default_factory=dict)
    reference: Mapping[str, str] = field(default_factory=dict)

    def of(self, side: Side, name: str | None) -> str | None:
        """The key of an image's picture; None where there is no picture."""
        keys = self.samples if side == "samples" else self.reference
        return None if name is None else keys.get(name)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture that a page would show."""

    side: Side
    id: str
    edge: int
    """Its longest side there, in pixels."""
    least: int | None = None
    """A smaller side that would do; None where there is none."""


class Album:
    """The thumbnails of a report, under one key for each distinct picture.

    `limit`: bytes after which it is full; None for as many as are added. `keep`: gives a picture
    an address beside the page, where it costs the page nothing.
    """

    def __init__(self, limit: int | None = None, keep: Callable[[str], str] | None = None) -> None:
        self.thumbnails: dict[str, Thumbnail] = {}
        self.size = 0
        self._limit, self._keep = limit, keep
        self._keys: dict[str, str] = {}

    @property
    def beside(self) -> bool:
        """Whether its pictures are files beside the page."""
        return self._keep is not None

    @property
    def left(self) -> float:
        """Bytes below the limit."""
        return inf if self._limit is None else self._limit - self.size

    @property
    def full(self) -> bool:
        """Whether its bytes have reached the limit."""
        return self.left <= 0

    def spend(self, size: int) -> None:
        """Count bytes that a page needs beside the pictures."""
        self.size += size

    def add(self, image: Image.Image, *, edge: int) -> str:
        """Key of the picture, shrunk to fit a square of `edge` pixels."""
        return self.put(thumbnail(image, edge=edge))

    def put(self, made: Thumbnail) -> str:
        """Key of a thumbnail."""
        key = self._keys.setdefault(made.uri, f"picture-{len(self._keys) + 1}")
        if key not in self.thumbnails:
            if self._keep is not None:
                made = replace(made, uri=self._keep(made.uri))
            self.thumbnails[key] = made
            self.size += len(made.uri)
        return key

    def add_all(
        self, side: Side, edges: Mapping[str, int], pictures: Pictures | None
    ) -> dict[str, str]:
        """Keys by id, of those images that can be read; one image in memory at a time."""
        if pictures is None or not edges:
            return {}
        return {
            name: self.add(image, edge=edges[name])
            for name, image in _available(pictures(side, edges.keys()), edges)
        }


class Filling:
    """Fills an album in any order from pictures that are read in theirs, one at a time.

    An image that is wanted in several sizes is added once, in the largest. One with a `least` side
    is made in that size too: `shrink` takes it, where the large one has no room.
    """

    def __init__(self, wanted: Iterable[Wanted], pictures: Pictures | None, album: Album) -> None:
        self.album = album
        edges: dict[Side, dict[str, int]] = {"samples": {}, "reference": {}}
        least: dict[Side, dict[str, int]] = {"samples": {}, "reference": {}}
        for one in wanted:
            edges[one.side][one.id] = max(one.edge, edges[one.side].get(one.id, 0))
            floor = one.least or one.edge
            least[one.side][one.id] = max(floor, least[one.side].get(one.id, 0))
        self._made: dict[Side, dict[str, Thumbnail]] = {"samples": {}, "reference": {}}
        self._small: dict[Side, dict[str, Thumbnail]] = {"samples": {}, "reference": {}}
        for side, sizes in edges.items():
            for name, image in _each(side, sizes, pictures):
                self._made[side][name] = thumbnail(image, edge=sizes[name])
                if least[side][name] < sizes[name]:
                    self._small[side][name] = thumbnail(image, edge=least[side][name])
        self._keys: dict[Side, dict[str, str]] = {"samples": {}, "reference": {}}

    def add(self, side: Side, name: str) -> None:
        """The picture of an image that was wanted, where it could be read."""
        made = self._made[side].get(name)
        if made is not None:
            self._keys[side][name] = self.album.put(made)

    def shrink(self, side: Side, name: str) -> None:
        """Take the smaller size of an image, where it was made and the large one is not added."""
        small = self._small[side].pop(name, None)
        if small is not None and name not in self._keys[side]:
            self._made[side][name] = small

    def bytes_of(self, side: Side, name: str) -> tuple[int, int]:
        """What a picture costs in its least size, and how much more in the other; 0 once added."""
        made = self._made[side].get(name)
        if made is None or name in self._keys[side]:
            return 0, 0
        small = self._small[side].get(name, made)
        return len(small.uri), len(made.uri) - len(small.uri)

    def keys(self) -> PictureKeys:
        """Of all pictures that were added."""
        return PictureKeys(samples=self._keys["samples"], reference=self._keys["reference"])


def thumbnail(image: Image.Image, *, edge: int) -> Thumbnail:
    """A picture that fits a square of `edge` pixels, in its smallest encoding."""
    pixelated = max(image.size) <= PIXEL_ART
    small = image.convert("RGB")
    if not pixelated:
        small.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    encodings = _lossless(small) if pixelated else [*_lossless(small), *_lossy(small)]
    mime, encoded = min(encodings, key=lambda encoding: len(encoding[1]))
    return Thumbnail(
        uri=f"data:{mime};base64,{base64.b64encode(encoded).decode('ascii')}",
        width=small.width,
        height=small.height,
        pixelated=pixelated,
    )


def fitted(image: Image.Image, edge: int, *, pixelated: bool) -> Image.Image:
    """A picture enlarged or shrunk so that its longer side is `edge` pixels."""
    scale = edge / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    how = Image.Resampling.NEAREST if pixelated else Image.Resampling.LANCZOS
    return image.convert("RGB").resize(size, how)


def _each(
    side: Side, ids: Mapping[str, int], pictures: Pictures | None
) -> Iterator[tuple[str, Image.Image]]:
    """The images that can be read, each with its id."""
    if pictures is None or not ids:
        return iter(())
    if isinstance(pictures, OneByOne):
        return pictures.each(side, ids.keys())
    return _available(pictures(side, ids.keys()), ids)


def _available(
    images: Mapping[str, Image.Image], ids: Collection[str]
) -> Iterator[tuple[str, Image.Image]]:
    for name in ids:
        try:
            yield name, images[name]
        except (KeyError, OSError, RaraError):
            continue  # the file may have moved since: its card shows its name instead


def _lossless(image: Image.Image) -> list[tuple[str, bytes]]:
    encodings = [("image/png", _saved(image, "PNG", optimize=True))]
    if features.check("webp"):
        encodings.append(("image/webp", _saved(image, "WEBP", lossless=True, method=4)))
    return encodings


def _lossy(image: Image.Image) -> list[tuple[str, bytes]]:
    if features.check("webp"):
        return [("image/webp", _saved(image, "WEBP", quality=QUALITY, method=4))]
    return [("image/jpeg", _saved(image, "JPEG", quality=82, optimize=True))]


def _saved(image: Image.Image, kind: str, **options: bool | int) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
