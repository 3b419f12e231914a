"""Locks between processes: files that are only locked, beside what they guard.

Locking opens and empties a file, so nothing is locked but a plain file that no other name leads to.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from rara.errors import LockedStoreError, UnwritableError


@contextmanager
def locked(path: Path, *, wait: float, otherwise: str) -> Iterator[None]:
    """Hold the lock file at a path, which is made where need be.

    Waits so many seconds for another process. Raises LockedStoreError with the sentence `otherwise`
    after them, UnwritableError for a link or anything but a plain file, and OSError as the system
    does.
    """
    _check_lock(path)
    lock = filelock.FileLock(path, timeout=wait)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise LockedStoreError(otherwise) from None
    try:
        yield
    finally:
        lock.release()


def _check_lock(path: Path) -> None:
    """Refuse what is no lock file of rara's: locking empties the file that it opens."""
    if not os.path.lexists(path):
        return
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise UnwritableError(
            f"'{path}' is a link or no plain file, and rara writes through none: delete it, or "
            "give another folder."
        )
