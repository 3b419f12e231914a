"""Bodies of requests: so many bytes, in so many seconds, and so many at once.

    receive --Bounded--> the same, counted; Problem where it is too much or too slow

A body is counted while it arrives: what `Content-Length` says of it may be missing, or false.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from rara.service.asgi import Asgi, Message, Receive, Scope, Send, header_values, with_headers
from rara.service.limits import Limits, binary_amount
from rara.service.problems import Problem, answer, too_busy

_POLITE_BYTES: Final = 1 << 20
_POLITE_SECONDS: Final = 0.5
"""So much of a refused body is still read: a client that is sending may not see the answer else."""


@dataclass(slots=True)
class Room:
    """Bytes of bodies that are in memory now."""

    most: int
    taken: int = 0

    def take(self, size: int) -> None:
        """Raise Problem where there is no room for more."""
        if self.taken + size > self.most:
            raise too_busy("The bodies of other requests fill the memory that is set aside.", 1)
        self.taken += size


class Bounded:
    """An application whose requests have bodies within the limits."""

    def __init__(self, app: Asgi, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self.room = Room(limits.bytes_at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        body = _Body(receive, self._limits, self.room)
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.start" and not body.complete:
                message = with_headers(message, [(b"connection", b"close")])
            await send(message)

        try:
            body.check_length(scope)
            await self._app(scope, body.receive, sent)
        except Problem as problem:
            if started:
                raise
            problem.__traceback__ = None  # it holds what was read of the body
            body.release()
            if not header_values(scope, b"expect"):  # such a client waits for the answer
                await body.pass_over()
            await answer(problem, scope, sent)
        finally:
            body.release()


class _Body:
    """The body of one request, as far as it has arrived."""

    def __init__(self, receive: Receive, limits: Limits, room: Room) -> None:
        self._receive, self._limits, self._room = receive, limits, room
        self._size, self._until = 0, time.monotonic() + limits.body_seconds
        self.complete = False

    def check_length(self, scope: Scope) -> None:
        """Raise Problem for a body that says itself that it is too large."""
        lengths = header_values(scope, b"content-length")
        chunked = header_values(scope, b"transfer-encoding")
        self.complete = not chunked and (not lengths or lengths == ["0"])
        if any(one.isdecimal() and int(one) > self._limits.body_bytes for one in lengths):
            raise self._too_large()

    async def receive(self) -> Message:
        """The next piece. Raises Problem beyond a limit."""
        if self.complete:
            return await self._receive()
        try:
            async with asyncio.timeout(self._until - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            limit = f"{self._limits.body_seconds:g} seconds"
            raise Problem("too-slow", f"The body was not complete after {limit}.") from None
        if message["type"] == "http.request":
            self._count(len(message.get("body", b"")))
            self.complete = not message.get("more_body", False)
        return message

    def _count(self, size: int) -> None:
        if self._size + size > self._limits.body_bytes:
            raise self._too_large()
        self._room.take(size)
        self._size += size

    def _too_large(self) -> Problem:
        most = binary_amount(self._limits.body_bytes)
        return Problem("too-large", f"A body has at most {most} here: send fewer images at once.")

    async def pass_over(self) -> None:
        """Read a little of what is left, so that the client comes to read the answer."""
        size = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_POLITE_SECONDS):
                while not self.complete and size < _POLITE_BYTES:
                    message = await self._receive()
                    size += len(message.get("body", b""))
                    self.complete = not message.get("more_body", False)

    def release(self) -> None:
        """Give the room back."""
        self._room.taken -= self._size
        self._size = 0
