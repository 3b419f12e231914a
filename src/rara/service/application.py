"""Routes, guard and limits put together: from a request's head to the last byte of its answer.

    Watched (request id, time, unexpected errors) > Guarded > Bounded > routes

Every refusal is a Problem, whatever raised it. The outer three know nothing of routes.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from rara.service.asgi import Asgi, Message, Receive, Scope, Send, with_headers
from rara.service.bodies import Bounded
from rara.service.limits import Limits
from rara.service.metrics import Metrics
from rara.service.problems import Problem, answer
from rara.service.security import Guard, Guarded, request_id
from rara.text import plain

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

Log = Callable[[str], None]

_LEFT: Final = 499
"""The status that is counted where the client left before its answer."""


def application(
    routes: Sequence[BaseRoute],
    guard: Guard,
    *,
    limits: Limits | None = None,
    metrics: Metrics | None = None,
    log: Log | None = None,
) -> Starlette:
    """The routes behind a guard and limits, as an ASGI application.

    A route raises `Problem` to refuse a request. `log` is called for each request that met an
    unexpected error, with its id and the traceback, in several lines. `metrics` counts all.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware

    limits, metrics = limits or Limits(), metrics or Metrics()
    app = Starlette(
        routes=list(routes),
        middleware=[
            Middleware(Watched, metrics=metrics, log=log),
            Middleware(Guarded, guard=guard),
            Middleware(Bounded, limits=limits),
        ],
        exception_handlers={404: _not_found, 405: _other_method},
    )
    app.router.redirect_slashes = False
    app.state.limits, app.state.metrics = limits, metrics
    return app


class Watched:
    """An application whose requests have ids, are counted and timed, and end without a fault."""

    def __init__(self, app: Asgi, metrics: Metrics, log: Log | None) -> None:
        self._app, self._metrics, self._log = app, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; what is none, such as a web socket, is refused by the server already."""
        if scope["type"] != "http":
            return
        name, since, status = request_id(scope), time.monotonic(), _LEFT
        scope.setdefault("state", {})["request_id"] = name
        started = False

        async def sent(message: Message) -> None:
            nonlocal started, status
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                message = with_headers(message, [(b"x-request-id", name.encode())])
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as error:  # noqa: BLE001 (whatever it is, the client gets an answer)
            self._tell(name, scope, error)
            if not started:
                detail = f"An unexpected error. The service's log has it as {name}."
                await answer(Problem("internal", detail), scope, sent)
        finally:
            self._count(scope, status, time.monotonic() - since)

    def _tell(self, name: str, scope: Scope, error: Exception) -> None:
        if self._log is not None:
            trace = "".join(traceback.format_exception(error)).rstrip()
            what = plain(f"{scope['method']} {scope['path'][:200]}")
            self._log(f"Request {name} ({what}) met an unexpected error:\n{trace}")

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope["state"].get("route") or getattr(scope.get("route"), "path", "none")
        self._metrics.count(
            "rara_requests_total", "Requests, by route and status.",
            route=route, status=str(status),
        )  # fmt: skip
        self._metrics.time(
            "rara_request_seconds", "Time from a request's head to the end of its answer.", seconds,
            route=route,
        )  # fmt: skip


async def _not_found(request: Request, _: Exception) -> Response:
    raise Problem("not-found", f"Nothing is at '{plain(request.scope['path'][:200])}'.")


async def _other_method(request: Request, error: Exception) -> Response:
    allowed = str((getattr(error, "headers", None) or {}).get("Allow", ""))
    raise Problem(
        "method-not-allowed", f"This path takes {allowed}.", [(b"allow", allowed.encode())]
    )
