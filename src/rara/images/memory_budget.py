"""A number of bytes that threads share: each waits for its turn until its part is free.

Used where images are read: `features/embed.py`, `features/image_lookup.py`. An image asks once its
header says how much memory its pixels take, and gives everything back when it is done. Turns come
in the order of asking, and nobody waits with a part in hand, so no two can wait for each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

from rara.errors import OversizeError
from rara.machine import quarter_of_memory, whole_memory


class MemoryBudget:
    """At most `total` bytes for all threads together, by default a quarter of the machine's memory.

    A quarter of them is for encoded images that wait (`ahead`), the rest for those at work. What
    needs more than that by itself gets its turn alone, as long as the machine has so much memory
    (`most`).
    """

    def __init__(self, total: int | None = None, *, most: int | None = None) -> None:
        total = total or quarter_of_memory()
        self.ahead = total // 4
        self._total = total - self.ahead
        self._most = max(total, most or whole_memory())
        self._taken = 0
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def share(self) -> Iterator[Share]:
        """The part of one image, given back at the end of the block."""
        share = Share(self)
        try:
            yield share
        finally:
            self._give_back(share.taken)

    def _take(self, wanted: int) -> None:
        if wanted > self._most:
            raise OversizeError(
                f"takes {wanted / 1e9:.3g} GB of memory to decode, over the limit of "
                f"{self._most / 1e9:.3g} GB; raise it with --memory"
            )
        turn = object()
        with self._changed:
            self._waiting.append(turn)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is turn and self._fits(wanted))
                self._taken += wanted
            finally:
                self._waiting.remove(turn)
                self._changed.notify_all()

    def _fits(self, wanted: int) -> bool:
        return not self._taken or self._taken + wanted <= self._total

    def _give_back(self, taken: int) -> None:
        if taken:
            with self._changed:
                self._taken -= taken
                self._changed.notify_all()


@dataclass(slots=True)
class Share:
    """What one image takes of a budget."""

    _budget: MemoryBudget
    taken: int = 0

    def take(self, wanted: int) -> None:
        """Wait until so many bytes are free and take them; later calls change nothing.

        Raises OversizeError where there will never be so many.
        """
        if not self.taken:
            self._budget._take(wanted)
            self.taken = wanted
