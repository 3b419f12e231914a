"""How many bytes of one file are read: a little of text, more of an image, never all of a bomb.

A header may lie about a size. So a file is read in pieces, and reading stops where the
limit is passed, whatever was claimed.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from rara.errors import ImageError
from rara.run import DEFAULT_MAX_PIXELS

PIECE = 1 << 20
"""So many bytes are read or decompressed at a time."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The most bytes that are read of one file, and what such a file is called."""

    size: int
    what: str

    def check(self, size: int) -> None:
        """Raise `ImageError` for a file that is larger."""
        if size > self.size:
            raise ImageError(
                f"{amount(size)}, more than the {amount(self.size)} that are read of {self.what}"
            )


# The largest image that Pillow decodes has 8 bytes a pixel (16-bit RGBA), beside its metadata.
IMAGE = Limit(8 * DEFAULT_MAX_PIXELS + (64 << 20), "an image file")
SIDECAR = Limit(16 << 20, "a sidecar")
# A million rows of 250 characters.
TABLE = Limit(256 << 20, "a metadata table")

MOST_LINES = 4_000_000
MOST_MARKS = 40_000_000
MOST_COLUMNS = 10_000
"""Of a table. A cell takes some 100 bytes once it is read, a row as many again: without these
a table of nothing but commas would take a hundred times its size."""

_SEPARATORS = (b",", b";", b"\t")


def amount(size: int) -> str:
    """A number of bytes for people, of three digits.

    >>> amount(3 * 10**9), amount(16 << 20), amount(700)
    ('3 GB', '16.8 MB', '700 bytes')
    """
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}" if size < 1000 * unit else f"{size // unit:,} {name}"
    return f"{size} bytes"


def check_table(data: bytes) -> None:
    """Raise `ImageError` for a table with so many rows or columns that it would fill the memory."""
    # A line of JSON has no columns.
    header = 0 if data.startswith(b"{") else data.find(b"\n") if b"\n" in data else len(data)
    _check_counts(
        (data.count(b"\n"), MOST_LINES, "lines"),
        (sum(data.count(mark) for mark in _SEPARATORS), MOST_MARKS, "separators"),
        (max(data.count(mark, 0, header) for mark in _SEPARATORS), MOST_COLUMNS, "columns"),
    )


def check_cells(rows: int, columns: int) -> None:
    """The same for a table whose rows and columns are known before they are read."""
    _check_counts(
        (rows, MOST_LINES, "rows"),
        (columns, MOST_COLUMNS, "columns"),
        (rows * columns, MOST_MARKS, "cells"),
    )


def _check_counts(*counts: tuple[int, int, str]) -> None:
    for count, most, what in counts:
        if count > most:
            raise ImageError(f"{count:,} {what}, more than the {most:,} that are read of a table")


def read_whole(read: Callable[[int], bytes], limit: Limit) -> bytes:
    """All that `read` gives, in pieces; `ImageError` as soon as it is more than the limit."""
    data = io.BytesIO()  # gives its bytes away without a copy
    while piece := read(PIECE):
        limit.check(data.tell() + len(piece))
        data.write(piece)
    return data.getvalue()
