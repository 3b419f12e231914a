"""What passes between a server and an application, with types; no package is imported for it.

    scope, receive, send: a request's head, its body piece by piece, and the answer

Ground of everything that stands between the socket and the routes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Asgi: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]


def header_values(scope: Scope, name: bytes) -> list[str]:
    """All values of a request's header; the name in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def with_headers(message: Message, headers: Iterable[tuple[bytes, bytes]]) -> Message:
    """The start of an answer with further headers; those that it has already stay."""
    present = list(message.get("headers", []))
    named = {key.lower() for key, _ in present}
    added = [(key, value) for key, value in headers if key not in named]
    return {**message, "headers": [*present, *added]}


def adding(send: Send, headers: Iterable[tuple[bytes, bytes]]) -> Send:
    """The same, with these headers on the start of each answer that has none of their names."""
    added = list(headers)

    async def sent(message: Message) -> None:
        start = message["type"] == "http.response.start"
        await send(with_headers(message, added) if start else message)

    return sent
