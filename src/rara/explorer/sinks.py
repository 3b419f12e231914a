"""A file that is sent while it is written: what a zip, a table or a compressor writes to.

writer --Sink--> pieces to send
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Sink(io.RawIOBase):
    """What is written to a file that is sent as it grows: it cannot be sought in."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        """It takes bytes."""
        return True

    def tell(self) -> int:
        """How many bytes came so far."""
        return self._size

    def write(self, data: ReadableBuffer) -> int:
        """Keep bytes until they are taken."""
        self._pieces.append(bytes(data))
        self._size += len(self._pieces[-1])
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        """What was written since the last call."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data
