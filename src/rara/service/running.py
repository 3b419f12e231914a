"""The application behind a socket, until it is asked to stop; no accepted request is lost.

    bind --> ready(address) --> requests --SIGINT, SIGTERM--> drain --> the last answers --> end

On the signal, new requests are served for a moment longer, and told that their connection closes.
So a client that was about to send on an open connection is answered too. Then the socket closes,
and what is under way is finished. A second signal ends at once.

Where too many connections are open, those without a request are closed first, the longest idle one
before all others.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from rara.errors import ParameterError
from rara.service.asgi import Asgi, Message, RawHeaders, Receive, Scope, Send, adding
from rara.service.limits import Limits
from rara.service.problems import Problem, answer, later, written
from rara.service.security import Guard, request_id

if TYPE_CHECKING:
    import h11
    from uvicorn import Config, Server
    from uvicorn.protocols.http.h11_impl import H11Protocol

_HEAD_BYTES: Final = 32 << 10
"""Of a request's line and headers."""
_BACKLOG: Final = 1024
"""Connections that the system makes before they are accepted."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

Stop = Callable[[], None]


def serve(
    app: Asgi,
    guard: Guard,
    *,
    ready: Callable[[str, Stop], None],
    limits: Limits | None = None,
    draining: Callable[[], None] = lambda: None,
    listening: socket.socket | None = None,
) -> bool:
    """Serve until SIGINT or SIGTERM, or until somebody calls `stop`; whether the end was orderly.

    `ready(address, stop)` is called once the socket accepts; `stop` may be called from any thread.
    `draining` is called when the end begins. `listening`: what `bound` gave, if it was called.
    Raises ParameterError where the port is taken by another.
    """
    limits = limits or Limits()
    for name in ("uvicorn", "python_multipart"):  # else each damaged request writes to stderr
        logging.getLogger(name).addHandler(logging.NullHandler())
    with nullcontext(listening) if listening is not None else bound(guard) as own:
        port = own.getsockname()[1]
        host = f"[{guard.host}]" if ":" in guard.host else guard.host
        server = _server(
            app, guard, limits, draining, lambda stop: ready(f"http://{host}:{port}/", stop)
        )
        with suppress(KeyboardInterrupt):
            server.run(sockets=[own])
        return not server.force_exit


@contextmanager
def bound(guard: Guard) -> Iterator[socket.socket]:
    """A socket that listens already, and accepts nothing until `serve` is called with it.

    Who connects meanwhile waits. A port can be bound twice until somebody listens, so a second
    service would find out only after its work.
    Raises ParameterError where the address is none of this machine, or the port is taken.
    """
    try:
        found = socket.getaddrinfo(guard.host, guard.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ParameterError(f"--host {guard.host}: {error.strerror or error}.") from error
    with listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(address)
            listening.listen(_BACKLOG)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ParameterError(
                f"--host {guard.host} --port {guard.port}: {reason}. Give another port, or 0 for a "
                "free one."
            ) from error
        yield listening


class _Closing:
    """An application that says, once the end has begun, that connections close.

    It refuses requests while too many connections are open: the server's own refusal would have
    none of the guard's headers.
    """

    def __init__(self, app: Asgi, guard: Guard) -> None:
        self._app, self._guard, self.ending = app, guard, False
        self.full: Callable[[], bool] = lambda: False

    async def _refuse(self, scope: Scope, send: Send) -> None:
        name = request_id(scope)
        scope.setdefault("state", {})["request_id"] = name
        sent = adding(send, _headers(self._guard, name))
        detail = "Too many connections are open: close some, or try again in a moment."
        await answer(later("too-many-connections", detail, 1), scope, sent, close=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.full():
            await self._refuse(scope, send)
            return

        async def sent(message: Message) -> None:
            if self.ending and message["type"] == "http.response.start":
                others = [one for one in message["headers"] if one[0].lower() != b"connection"]
                message = {**message, "headers": [*others, (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive, sent)


def _headers(guard: Guard, name: str) -> RawHeaders:
    """Of an answer that does not come from the application."""
    return [*guard.headers, (b"x-request-id", name.encode())]


def _server(
    app: Asgi,
    guard: Guard,
    limits: Limits,
    draining: Callable[[], None],
    ready: Callable[[Stop], None],
) -> Server:
    from uvicorn import Config, Server

    closing = _Closing(app, guard)

    class GracefulServer(Server):
        """Drains before it closes, and leaves signals to whoever had them before."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            from starlette.concurrency import run_in_threadpool

            await run_in_threadpool(lambda: None)  # loads what the first request would wait for
            await super().startup(sockets)
            ready(self.stop)

        def stop(self) -> None:
            if not closing.ending:
                closing.ending = True
                draining()
                threading.Thread(target=self._end, name="rara drain", daemon=True).start()

        def _end(self) -> None:
            time.sleep(limits.drain_seconds)
            self.should_exit = True

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            last = [one for listening in sockets or [] for one in _accepted(listening)]
            for one in self.servers:
                one.close()
            for connection in last:
                await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
            await super().shutdown(sockets)

        def _protocol(self) -> asyncio.Protocol:
            make: Any = self.config.http_protocol_class
            protocol: asyncio.Protocol = make(
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return protocol

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if closing.ending:
                self.should_exit = self.force_exit = True
            self.stop()

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            if threading.current_thread() is not threading.main_thread():
                yield
                return
            before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    server = GracefulServer(_config(Config, closing, guard, limits))
    state = server.server_state
    closing.full = lambda: max(len(state.connections), len(state.tasks)) > limits.connections
    return server


def _accepted(listening: socket.socket) -> list[socket.socket]:
    """The connections that the system has made already, and that would be lost with the socket."""
    found = []
    with suppress(OSError):  # until there is none
        while True:
            connection, _ = listening.accept()
            connection.setblocking(False)
            found.append(connection)
    return found


def _config(config: type[Config], app: Any, guard: Guard, limits: Limits) -> Config:
    protocol = _patient(guard, limits)
    return config(
        app, http=protocol, ws="none", loop="asyncio",
        lifespan="off", log_config=None, access_log=False, proxy_headers=False, server_header=False,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        timeout_keep_alive=30, backlog=_BACKLOG,
    )  # fmt: skip


class _Idle:
    """The connections without a request under way, the longest idle first."""

    def __init__(self, most: int) -> None:
        """`most`: connections, with a request or without."""
        self._all: dict[H11Protocol, None] = {}
        self._most = most

    def arrive(self, one: H11Protocol) -> None:
        """A new connection; beside too many it takes the place of an idle one."""
        self.begin(one)
        if len(one.connections) > self._most:
            self._close_one(one)

    def begin(self, one: H11Protocol) -> None:
        self._all[one] = None

    def end(self, one: H11Protocol) -> None:
        self._all.pop(one, None)

    def _close_one(self, but: H11Protocol) -> None:
        """The longest idle but this one, if its last answer has left; its client connects anew."""
        for one in self._all:
            unsent = one.transport.get_write_buffer_size()
            if one is not but and not unsent and not one.transport.is_closing():
                one.transport.close()
                return


def _patient(guard: Guard, limits: Limits) -> type[H11Protocol]:
    """The protocol of a connection that closes where a request's headers take too long.

    Beside too many others it also closes while it is idle. At the end a connection without a
    request is open for `drain_seconds`: one may be on its way.
    """
    from uvicorn.protocols.http.h11_impl import H11Protocol

    idle = _Idle(limits.connections)

    class PatientProtocol(H11Protocol):
        _waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait()
            idle.arrive(self)

        def data_received(self, data: bytes) -> None:
            before = self.cycle
            super().data_received(data)
            if self.cycle is not before:
                self._stop_waiting()
                idle.end(self)
            elif self._waiting is None and (before is None or before.response_complete):
                self._wait()  # a further request on this connection has begun

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.cycle is not None and self.cycle.response_complete:
                idle.begin(self)

        def send_400_response(self, msg: str) -> None:
            """Refuse what is no HTTP as everything else is refused: with the guard's headers."""
            self.transport.write(_refusal(self.conn, guard))
            self.transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            idle.end(self)
            super().connection_lost(exc)

        def shutdown(self) -> None:
            if self.cycle is None or self.cycle.response_complete:
                self.loop.call_later(limits.drain_seconds, self._end)
            else:
                super().shutdown()

        def _end(self) -> None:
            if not self.transport.is_closing():
                super().shutdown()

        def _wait(self) -> None:
            self._waiting = self.loop.call_later(limits.header_seconds, self._give_up)

        def _stop_waiting(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None

        def _give_up(self) -> None:
            self._waiting = None
            self.transport.close()

    return PatientProtocol


def _refusal(connection: h11.Connection, guard: Guard) -> bytes:
    """The answer to what is no HTTP; nothing where an answer has begun."""
    import h11

    if connection.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
        return b""
    name = secrets.token_hex(8)
    problem = Problem("bad-request", "The request is no valid HTTP.")
    headers, body = written(problem, name, close=True)
    headers += _headers(guard, name)
    events = (
        h11.Response(status_code=problem.status, headers=headers, reason=b"Bad Request"),
        h11.Data(data=body),
        h11.EndOfMessage(),
    )
    return b"".join(connection.send(event) or b"" for event in events)
