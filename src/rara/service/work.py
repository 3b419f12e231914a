"""Crews that work for all requests, and the queue before each, which has an end.

    work --Crew.do--> its result, in turn | Problem 429, with the seconds to wait
    a long part of that work --Crew.aside--> later, while others have their turn

The network and the geometry use every core for one request. Two at a time would only make both
slower, and a queue without an end would make all of them late. To compare pictures takes many times
as long as to judge by vectors. So a request steps aside for that: the next one is judged meanwhile,
and one at a time goes on beside it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from rara.service.problems import too_busy

Result = TypeVar("Result")

_SMOOTH: Final = 0.1
"""Weight of the latest request in the mean time of one."""


class Turn:
    """What one thread has at a time, in the order in which they asked."""

    def __init__(self) -> None:
        self._lock, self._taken = threading.Lock(), False
        self._queue: deque[threading.Event] = deque()

    def ask(self, *, first: bool = False) -> threading.Event:
        """Queue up; who asks waits for what comes back. `first`: before all others."""
        ticket = threading.Event()
        with self._lock:
            if not self._taken:
                self._taken = True
                ticket.set()
            elif first:
                self._queue.appendleft(ticket)
            else:
                self._queue.append(ticket)
        return ticket

    def give(self) -> None:
        """To the next one."""
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._taken = False


@dataclass(slots=True)
class _Job:
    """A request, as far as it is."""

    aside: bool = False
    """Whether it went aside: it is counted there until its end."""
    away: float = 0
    """Seconds that it spent there."""


class Crew:
    """Does one thing after another. `do` is used from the loop that serves, and from no other
    thread."""

    def __init__(self, waiting: int) -> None:
        """`waiting`: how many may wait for their turn, beside the one under way; and aside."""
        self._most, self._count = waiting + 1, threading.Lock()
        self._threads = ThreadPoolExecutor(2 * self._most, thread_name_prefix="rara service")
        self._turn, self._long = Turn(), Turn()
        self._mine = threading.local()
        self._seconds = self._long_seconds = 0.1
        self.here = 0
        """Under way or waiting, but not aside."""
        self.aside_now = 0
        """Stepped aside, and not answered yet."""

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return max(0, self.here - 1)

    def check(self) -> None:
        """Raise Problem where the queue is full; called before a body is read, too."""
        if self.here >= self._most:
            wait = self.here * self._seconds
            raise too_busy(f"{self.waiting} requests wait already, as many as may.", wait)

    async def do(self, work: Callable[[], Result]) -> Result:
        """What `work` gives, in turn. Raises Problem where too many wait.

        What has begun is done, also where nobody waits for it any more.
        """
        self.check()
        job, ticket = _Job(), self._turn.ask()
        with self._count:
            self.here += 1
        future = self._threads.submit(self._in_turn, work, job, ticket)
        future.add_done_callback(lambda _: self._leave(job))
        return await asyncio.shield(asyncio.wrap_future(future))

    def _in_turn(self, work: Callable[[], Result], job: _Job, ticket: threading.Event) -> Result:
        ticket.wait()
        since, self._mine.job = time.monotonic(), job
        try:
            return work()
        finally:
            self._mine.job = None
            self._seconds += _SMOOTH * (time.monotonic() - since - job.away - self._seconds)
            self._turn.give()

    def _leave(self, job: _Job) -> None:
        with self._count:
            if job.aside:
                self.aside_now -= 1
            else:
                self.here -= 1

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others have their turn, and do one long thing at a time beside them.

        In a thread that works for no request it means nothing. Raises Problem where as many are
        aside as may be.
        """
        job: _Job | None = getattr(self._mine, "job", None)
        if job is None:
            yield
            return
        self._step_aside(job)
        since = time.monotonic()
        self._turn.give()
        try:
            self._long.ask().wait()
            begun = time.monotonic()
            try:
                yield
            finally:
                self._long_seconds += _SMOOTH * (time.monotonic() - begun - self._long_seconds)
                self._long.give()
        finally:
            self._turn.ask(first=True).wait()
            job.away += time.monotonic() - since

    def _step_aside(self, job: _Job) -> None:
        with self._count:
            if job.aside:
                return
            if self.aside_now >= self._most:
                wait = self.aside_now * self._long_seconds
                raise too_busy(
                    f"{self.aside_now} requests compare pictures already, as many as may.", wait
                )
            job.aside = True
            self.aside_now += 1
            self.here -= 1

    def close(self) -> None:
        """Wait for what is under way."""
        self._threads.shutdown()
