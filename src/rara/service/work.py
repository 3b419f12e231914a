"""One crew that works for all requests, and a queue before it that has an end.

    work --Crew.do--> its result, in turn | Problem 429, with the seconds to wait

The network and the geometry use every core for one request. Two at a time would only make both
slower, and a queue without an end would make all of them late.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from rara.service.problems import too_busy

Result = TypeVar("Result")

_SMOOTH: Final = 0.1
"""Weight of the latest request in the mean time of one."""


class Crew:
    """Does one thing after another; used from the loop that serves, and from no other thread."""

    def __init__(self, waiting: int, *, at_once: int = 1) -> None:
        """`waiting`: how many may wait for their turn, beside those under way."""
        self._most, self._at_once = waiting + at_once, at_once
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="rara service")
        self._seconds = 0.1
        self.here = 0
        """Under way or waiting."""

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return max(0, self.here - self._at_once)

    def check(self) -> None:
        """Raise Problem where the queue is full; called before a body is read, too."""
        if self.here >= self._most:
            wait = self.here * self._seconds / self._at_once
            raise too_busy(f"{self.waiting} requests wait already, as many as may.", wait)

    async def do(self, work: Callable[[], Result]) -> Result:
        """What `work` gives, in turn. Raises Problem where too many wait."""
        self.check()
        self.here += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._timed, work
            )
        finally:
            self.here -= 1

    def _timed(self, work: Callable[[], Result]) -> Result:
        since = time.monotonic()
        try:
            return work()
        finally:
            self._seconds += _SMOOTH * (time.monotonic() - since - self._seconds)

    def close(self) -> None:
        """Wait for what is under way."""
        self._threads.shutdown()
