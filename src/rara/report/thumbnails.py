"""Pictures as data URIs: each small, in its smallest encoding, embedded once.

    ids --pictures(side, ids)--> images --shrink, encode--> {key: thumbnail}

Cards refer to thumbnails by key, so a reference image on many cards costs its bytes only
once, and so do two images of the same pixels.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Literal

from PIL import Image, features

from rara.errors import RaraError

Side = Literal["samples", "reference"]
Pictures = Callable[[Side, Collection[str]], Mapping[str, Image.Image]]

PIXEL_ART = 64
"""Longer side up to which an image is shown pixel by pixel, enlarged without smoothing."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture as the page embeds it."""

    uri: str
    """A data URI."""
    width: int
    height: int
    pixelated: bool
    """Whether it is enlarged without smoothing."""


@dataclass(frozen=True, slots=True)
class PictureKeys:
    """The keys of pictures in an album, by the ids of their images."""

    samples: Mapping[str, str] = field(default_factory=dict)
    reference: Mapping[str, str] = field(default_factory=dict)

    def of(self, side: Side, name: str | None) -> str | None:
        """The key of an image's picture; None where there is no picture."""
        keys = self.samples if side == "samples" else self.reference
        return None if name is None else keys.get(name)


class Album:
    """The thumbnails of a report, under one key for each distinct picture."""

    def __init__(self) -> None:
        self.thumbnails: dict[str, Thumbnail] = {}
        self._keys: dict[str, str] = {}

    def add(self, image: Image.Image, *, edge: int) -> str:
        """Key of the picture, shrunk to fit a square of `edge` pixels."""
        made = thumbnail(image, edge=edge)
        key = self._keys.setdefault(made.uri, f"picture-{len(self._keys) + 1}")
        self.thumbnails.setdefault(key, made)
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
        return [("image/webp", _saved(image, "WEBP", quality=80, method=4))]
    return [("image/jpeg", _saved(image, "JPEG", quality=82, optimize=True))]


def _saved(image: Image.Image, kind: str, **options: bool | int) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
