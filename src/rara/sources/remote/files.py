"""Images among remote files, read ahead by threads within a bound of bytes.

Listing --RemoteFiles--> Files, as a folder is
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import partial
from threading import Lock

from rara.sources.first_bytes import HEAD
from rara.sources.limits import Limit
from rara.sources.names import printable
from rara.sources.remote.filesystem import AccessError, Remote
from rara.sources.remote.listing import Listing

THREADS = 16
AHEAD = 32
"""Files that are read before they are asked for, at most."""
AHEAD_BYTES = 64 << 20
"""Of all files that are read ahead together; one larger file is read alone."""
_UNKNOWN_BYTES = 4 << 20


class RemoteFiles:
    """Files below a place, or some of them."""

    wrapper = ""

    def __init__(self, remote: Remote, listing: Listing, *, location: str | None = None) -> None:
        self._remote = remote
        self._entries = list(listing.visible.values())
        self.names = [printable(name) for name in listing.visible]
        self.hidden = [printable(name) for name in listing.hidden]
        self.remarks = listing.remarks
        self.location = location or remote.place

    @property
    def parts(self) -> list[range]:
        """All of it is one."""
        return [range(len(self.names))]

    def size(self, index: int) -> int | None:
        """What the listing says, if it does."""
        return self._entries[index].size

    def read(self, index: int, limit: Limit) -> bytes:
        """All bytes of one file; `ImageError` where they are not those that were listed."""
        return self._remote.read(self._entries[index], limit)

    def head(self, index: int) -> bytes:
        """The first bytes of one file; nothing where it is gone. Raises SourceError otherwise."""
        try:
            return self._remote.head(self._entries[index], HEAD)
        except AccessError as error:
            if error.lost:
                return b""
            raise self._remote.error(error) from None

    def walk(
        self, indices: Sequence[int], limit: Limit
    ) -> Iterator[tuple[int, Callable[[], bytes]]]:
        """The files in this order; once the first is read, those behind it are read ahead."""
        read = partial(self.read, limit=limit)
        ahead = _ReadAhead(read, indices, [self.size(i) for i in indices])
        try:
            for at, index in enumerate(indices):
                yield index, partial(ahead.load, at)
        except GeneratorExit:
            ahead.cancel()
            raise


class _ReadAhead:
    """Bytes of the files behind the last one that was asked for. Safe on any thread."""

    def __init__(
        self,
        read: Callable[[int], bytes],
        indices: Sequence[int],
        sizes: Sequence[int | None],
    ) -> None:
        self._read, self._indices = read, indices
        self._bytes = [_UNKNOWN_BYTES if size is None else size for size in sizes]
        self._waiting: dict[int, Future[bytes]] = {}
        self._next = 0
        self._lock = Lock()
        self._crew: ThreadPoolExecutor | None = None
        self._ended = False

    def load(self, at: int) -> bytes:
        """The bytes of one file; raises as reading it does."""
        with self._lock:
            future = self._waiting.pop(at, None)
            self._next = max(self._next, at + 1)
            for passed in [one for one in self._waiting if one < at - AHEAD]:
                self._waiting.pop(passed).cancel()  # passed over: what it holds would stay
            if not self._ended:
                self._fill(at)
        if future is not None:
            try:
                return future.result()
            except CancelledError:
                pass
        return self._read(self._indices[at])

    def cancel(self) -> None:
        """Read nothing ahead any more."""
        with self._lock:
            self._ended = True
            if self._crew is not None:
                self._crew.shutdown(wait=False, cancel_futures=True)

    def _fill(self, at: int) -> None:
        held = sum(self._bytes[one] for one in self._waiting)
        while self._next < min(len(self._indices), at + 1 + AHEAD):
            held += self._bytes[self._next]
            if held > AHEAD_BYTES:
                return
            if self._crew is None:
                self._crew = ThreadPoolExecutor(THREADS, "rara-remote")
            index = self._indices[self._next]
            self._waiting[self._next] = self._crew.submit(self._read, index)
            self._next += 1
