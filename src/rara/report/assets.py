"""Files beside a page: pictures and rows that would make one file too large.

    AssetFolder(folder, page) --keep_picture--> an address that the page can hold
    table --keep_rows--> rows-0001.js …, which the script of the page loads when somebody asks

A page from the disk may not read other files as data, but it may show pictures and run scripts.
So rows come as scripts that hold only JSON. The Content-Security-Policy lets the scripts of the
page load them, and nothing else.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from rara.errors import UnwritableError
from rara.report.every import Filter, all_lines
from rara.storage.atomic import unwritable_explained

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 5_000
"""Rows in one file."""
OURS = re.compile(r"(picture-\d+\.(png|webp|jpeg)|rows-\d{4,}\.js)")
"""Names of files that a page has beside it."""


@dataclass(frozen=True, slots=True)
class Assets:
    """What a page says of the files beside it."""

    address: str
    """Of the folder, from the page, as links need it."""
    chunks: int
    """Files of rows."""


def check_folder(folder: Path) -> list[Path]:
    """The files of an earlier page in it; raises UnwritableError where there are others."""
    if folder.exists() and not folder.is_dir():
        raise UnwritableError(f"'{folder}' is a file: give a folder for --assets.")
    present = sorted(folder.iterdir()) if folder.is_dir() else []
    if others := [one.name for one in present if not OURS.fullmatch(one.name)]:
        raise UnwritableError(
            f"'{folder}' holds other files, such as '{others[0]}': give a folder of its own."
        )
    return present


class AssetFolder:
    """A folder of such files; those of an earlier page are replaced."""

    def __init__(self, folder: Path, page: Path) -> None:
        present = check_folder(folder)
        with unwritable_explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for one in present:
                one.unlink()
        self._folder, self._pictures = folder, 0
        try:
            relative = os.path.relpath(folder.absolute(), page.absolute().parent)
        except ValueError as error:  # on another drive
            raise UnwritableError(f"'{folder}' is on another drive than '{page}'.") from error
        self.address = quote(relative.replace(os.sep, "/").encode("utf-8", "surrogateescape"))

    def keep_picture(self, uri: str) -> str:
        """The address of a file with what a data URI holds."""
        kind, _, data = uri.removeprefix("data:image/").partition(";base64,")
        self._pictures += 1
        name = f"picture-{self._pictures}.{kind}"
        self._write(name, base64.b64decode(data))
        return f"{self.address}/{name}"

    def keep_rows(self, table: pa.Table, filters: Sequence[Filter]) -> Assets:
        """All rows of a table, in the order of the page."""
        chunks = 0
        for chunks, text in enumerate(_texts(table, filters), start=1):
            self._write(f"rows-{chunks:04d}.js", text.encode("ascii"))
        return Assets(self.address, chunks)

    def _write(self, name: str, data: bytes) -> None:
        with unwritable_explained(self._folder):
            (self._folder / name).write_bytes(data)


def _texts(table: pa.Table, filters: Sequence[Filter]) -> Iterator[str]:
    """One call of the page's script for each file; JSON in ASCII is harmless in a script."""
    lines = all_lines(table, filters)
    while part := list(islice(lines, ROWS)):
        rows = [[line.chosen, line.cells] for line in part]
        yield f"addRows({part[0].place}, {json.dumps(rows, separators=(',', ':'))});\n"
