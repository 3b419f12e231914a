"""One small file that several processes and people change: read whole, replaced under a lock.

    path --read_shared--> bytes
    path --changing--> the bytes of now, and what replaces them

The lock lies beside the file, so that no change is lost. The file is replaced by renaming: a
reader needs no lock, and a run that is killed leaves the old file or the new one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rara.storage.atomic import unwritable_explained, write_file
from rara.storage.locks import locked
from rara.storage.plain_files import read_plain

WAIT = 30.0
"""Seconds to wait for other processes, each of which takes milliseconds."""


def read_shared(path: Path, *, most: int) -> bytes | None:
    """What the file holds; None where there is none.

    Raises DamagedStoreError for a link, a folder, a pipe or a device, and for more than `most`
    bytes.
    """
    try:
        return read_plain(path, most=most)
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextmanager
def changing(
    path: Path, *, most: int, remedy: str
) -> Iterator[tuple[bytes | None, Callable[[bytes], None]]]:
    """What the file holds, and what replaces it; nobody else changes it meanwhile.

    Raises as `read_shared` does, LockedStoreError where another process does not end, and
    UnwritableError with the `remedy` where the system refuses.
    """
    busy = f"Another run has been changing '{path}' for {WAIT:g} seconds: wait until it ends."
    with unwritable_explained(path.parent, remedy=remedy):
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_name(f".{path.name}.lock"), wait=WAIT, otherwise=busy):
            _sweep(path)

            def replace(content: bytes) -> None:
                name = f".{path.name}-"
                write_file(path, lambda file: file.write(content), remedy=remedy, name=name)

            yield read_shared(path, most=most), replace


def _sweep(path: Path) -> None:
    """Remove what runs that were killed have left; all others are kept out by the lock."""
    ours = re.compile(re.escape(f".{path.name}-") + "[0-9a-f]{32}")
    for other in path.parent.glob(".*"):
        if ours.fullmatch(other.name):
            with suppress(OSError):
                other.unlink()
