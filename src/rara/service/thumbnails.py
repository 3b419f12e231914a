"""Small pictures, encoded anew; the original bytes never leave.

row, edge --Thumbnails.get--> WebP of a reference image, or None where it is gone or has changed

`small_picture` and `KeptPictures` are for every page that shows pictures over HTTP.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from io import BytesIO
from threading import Lock
from typing import Final

from PIL import Image, features

from rara.features.image_lookup import SourcePictures
from rara.reference.reference import Reference
from rara.report.thumbnails import PIXEL_ART

KEPT: Final = 64 << 20
"""Bytes of encoded pictures that are kept."""

MEDIA_TYPE: Final = "image/webp" if features.check("webp") else "image/png"


class KeptPictures:
    """Encoded pictures, those that were asked for last; may be used from any thread."""

    def __init__(self, most: int = KEPT) -> None:
        self._made: OrderedDict[Hashable, bytes] = OrderedDict()
        self._most, self._bytes, self._lock = most, 0, Lock()

    def get(self, key: Hashable, make: Callable[[], bytes | None]) -> bytes | None:
        """What `make` gives for a key, which is not asked again while it is kept; None is not."""
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        encoded = make()
        if encoded is not None:
            with self._lock:
                self._keep(key, encoded)
        return encoded

    def _keep(self, key: Hashable, encoded: bytes) -> None:
        if key not in self._made:
            self._made[key] = encoded
            self._bytes += len(encoded)
        while self._bytes > self._most:
            _, oldest = self._made.popitem(last=False)
            self._bytes -= len(oldest)


class Thumbnails:
    """The pictures of a reference, by row; may be used from any thread."""

    def __init__(self, reference: Reference) -> None:
        own = reference.features
        self._ids = reference.ids
        self._pictures = SourcePictures.of(own, None, own, reference.source)
        self._kept = KeptPictures()

    def get(self, row: int, edge: int) -> bytes | None:
        """The picture of a row, at most `edge` pixels wide and high; None where it is gone."""
        return self._kept.get((row, edge), lambda: self._made(row, edge))

    def _made(self, row: int, edge: int) -> bytes | None:
        name = self._ids[row]
        image = self._pictures("reference", [name]).get(name)
        return None if image is None else small_picture(image, edge)


def small_picture(image: Image.Image, edge: int, *, quality: int = 80) -> bytes:
    """A picture that fits a square of `edge` pixels; a tiny one without loss."""
    small = image.convert("RGB")
    small.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    if MEDIA_TYPE == "image/webp":
        exact = max(image.size) <= PIXEL_ART
        small.save(buffer, "WEBP", lossless=exact, quality=quality, method=4)
    else:
        small.save(buffer, "PNG")
    return buffer.getvalue()
