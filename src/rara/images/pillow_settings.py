"""Pillow's settings, which belong to the whole process, while images are decoded on many threads.

Used where an image is decoded (`decode.py`).
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from PIL import Image


@contextmanager
def governed(max_pixels: int) -> Iterator[None]:
    """Lift Pillow's own limit to so many pixels, and mute its warnings on this thread."""
    with _PILLOW.governed(max_pixels):
        yield


class _Pillow:
    """Lifts Pillow's own size limit and mutes its warnings while images are decoded.

    `Image.MAX_IMAGE_PIXELS` belongs to the whole process, and so do the filters that
    `warnings.catch_warnings` swaps: saving and restoring them on several threads at
    once would leave them changed. Here the first decoder in raises the limit and the
    last one out restores it. The size limit is never switched off: some plugins
    allocate a canvas while they read the header.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limits: list[int] = []
        self._before: int | None = None

    @contextmanager
    def governed(self, max_pixels: int) -> Iterator[None]:
        self._enter(max_pixels)
        _DECODING.depth = getattr(_DECODING, "depth", 0) + 1
        try:
            yield
        finally:
            _DECODING.depth -= 1
            self._leave(max_pixels)

    def _enter(self, max_pixels: int) -> None:
        with self._lock:
            if not self._limits:
                self._before = Image.MAX_IMAGE_PIXELS
            self._limits.append(max_pixels)
            Image.MAX_IMAGE_PIXELS = max(self._limits)
            if _MUTE not in warnings.filters[:1]:
                _filters().insert(0, _MUTE)

    def _leave(self, max_pixels: int) -> None:
        with self._lock:
            self._limits.remove(max_pixels)
            Image.MAX_IMAGE_PIXELS = max(self._limits, default=self._before)
            if not self._limits and _MUTE in warnings.filters:
                _filters().remove(_MUTE)


class _WhileDecoding:
    """Stands where a warning filter has its module pattern; matches on decoding threads only."""

    def match(self, _module: str) -> bool:
        return getattr(_DECODING, "depth", 0) > 0


def _filters() -> list[Any]:
    return cast("list[Any]", warnings.filters)


_DECODING = threading.local()
_MUTE: Any = ("ignore", None, Warning, _WhileDecoding(), 0)
_PILLOW = _Pillow()
