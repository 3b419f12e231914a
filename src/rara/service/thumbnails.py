"""Small pictures of reference images, encoded anew; the original bytes never leave.

row, edge --Thumbnails.get--> WebP, or None where the picture is gone or has changed
"""

from __future__ import annotations

from collections import OrderedDict
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


class Thumbnails:
    """The pictures of a reference, by row; may be used from any thread."""

    def __init__(self, reference: Reference) -> None:
        own = reference.features
        self._ids = reference.ids
        self._pictures = SourcePictures.of(own, None, own, reference.source)
        self._made: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._bytes, self._lock = 0, Lock()

    def get(self, row: int, edge: int) -> bytes | None:
        """The picture of a row, at most `edge` pixels wide and high; None where it is gone."""
        with self._lock:
            if (row, edge) in self._made:
                self._made.move_to_end((row, edge))
                return self._made[row, edge]
        name = self._ids[row]
        image = self._pictures("reference", [name]).get(name)
        if image is None:
            return None
        encoded = _encoded(image, edge)
        with self._lock:
            self._keep((row, edge), encoded)
        return encoded

    def _keep(self, key: tuple[int, int], encoded: bytes) -> None:
        if key not in self._made:
            self._made[key] = encoded
            self._bytes += len(encoded)
        while self._bytes > KEPT:
            _, oldest = self._made.popitem(last=False)
            self._bytes -= len(oldest)


def _encoded(image: Image.Image, edge: int) -> bytes:
    small = image.convert("RGB")
    small.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    if MEDIA_TYPE == "image/webp":
        small.save(buffer, "WEBP", lossless=max(image.size) <= PIXEL_ART, quality=80, method=4)
    else:
        small.save(buffer, "PNG")
    return buffer.getvalue()
