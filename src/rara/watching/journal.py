"""The file of the log: one JSON object a line, only ever added to.

    folder --Journal.open--> the lines of earlier runs; one watcher at a time
    record --append--> one more line, on the disk before anything else is done

A run that is killed while it writes leaves half a line at the end: the next run cuts it off, so
that any reader of JSON lines can read the file. Lines before the last one are never changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from rara.errors import DamagedStoreError
from rara.provenance.json_format import JsonObject
from rara.storage.atomic import unwritable_explained
from rara.storage.locks import locked
from rara.storage.plain_files import open_plain
from rara.text import json_of

NAME = "watch.jsonl"
LONGEST = 1 << 24
"""Bytes of a line; rara writes some thousands."""
_BEGIN = b'{"event"'
_FLAGS = (
    os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)  # fmt: skip


class Journal:
    """The lines of a log. Held by one watcher at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / NAME
        self.records: list[JsonObject] = []
        """Those of earlier runs."""
        self.damaged = 0
        """Lines of earlier runs that are no JSON objects."""
        self.cut = False
        """Whether half a line at the end was cut off."""
        self._held = ExitStack()

    def open(self) -> None:
        """Hold the log, and read it.

        Raises LockedStoreError where another watcher writes there, UnwritableError where the
        system refuses, and DamagedStoreError for a file that no watcher wrote.
        """
        busy = f"Another watcher writes to '{self.path}': end it, or give another folder."
        with unwritable_explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = locked(self.path.with_name(f".{NAME}.lock"), wait=0, otherwise=busy)
            self._held.enter_context(lock)
            try:
                self._read()
                with self._opened() as file:
                    os.fsync(file)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let another watcher write there."""
        self._held.close()

    def append(self, event: str, record: JsonObject) -> None:
        """Add a line. Raises UnwritableError, and leaves the file as it was, where it cannot."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        line = (json_of({"event": event, "time": now, **record}) + "\n").encode()
        with unwritable_explained(self.folder), self._opened() as file:
            before = os.fstat(file).st_size
            try:
                _write(file, line)
                os.fsync(file)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(file, before)
                raise

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        file = os.open(self.path, _FLAGS, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise DamagedStoreError(f"'{self.path}' is no plain file: give another folder.")
            yield file
        finally:
            os.close(file)

    def _read(self) -> None:
        """The lines that are whole; half a line at the end is cut off."""
        with contextlib.suppress(FileNotFoundError), open_plain(self.path) as file:
            self._refuse_foreign(file.peek(len(_BEGIN))[: len(_BEGIN)])
            end = 0
            while line := file.readline(LONGEST):
                if not line.endswith(b"\n"):
                    self.cut = True
                    os.truncate(self.path, end)
                    break
                end += len(line)
                record = _object(line)
                if record is None:
                    self.damaged += 1
                else:
                    self.records.append(record)

    def _refuse_foreign(self, begin: bytes) -> None:
        """Nothing is cut from, or added to, a file that a watcher did not begin."""
        if begin != _BEGIN[: len(begin)]:
            raise DamagedStoreError(
                f"'{self.path}' was not written by a watcher: move it elsewhere, or give another "
                "folder."
            )


def _object(line: bytes) -> JsonObject | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _write(file: int, line: bytes) -> None:
    """All of it: a full disk may take a part first."""
    while line:
        line = line[os.write(file, line) :]
