"""Errors as documents that a program can read: RFC 9457, `application/problem+json`.

    Problem --answer--> status, headers, body

Every answer of the service that is no success is one of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from rara.service.asgi import RawHeaders, Scope, Send
from rara.text import json_of

MEDIA_TYPE = "application/problem+json"

CODES: Mapping[str, tuple[int, str]] = {
    "bad-request": (400, "The request is not what this path takes."),
    "no-token": (401, "A token is needed, and this one is missing or wrong."),
    "foreign-origin": (403, "A page of another origin sent the request."),
    "not-found": (404, "Nothing is there."),
    "method-not-allowed": (405, "The path takes another method."),
    "too-slow": (408, "The body did not arrive in time."),
    "too-large": (413, "The body has too many bytes, or its images have too many pixels together."),
    "unsupported-media-type": (415, "The body is of another type."),
    "wrong-host": (421, "The Host header names another machine."),
    "too-busy": (429, "Too many requests wait: try again after `Retry-After` seconds."),
    "headers-too-large": (431, "The headers have too many bytes, or there are too many."),
    "internal": (500, "A fault of the service; its log has the same request id."),
    "too-many-connections": (503, "Too many connections are open: try again in a moment."),
    "not-ready": (503, "It is being made: ask again after `Retry-After` seconds."),
    "stopping": (503, "The service stops, and takes no new work."),
}
"""The status of each code, and what it means; the OpenAPI document lists them."""


@dataclass(eq=False)  # not frozen: Python itself sets the traceback of what is raised
class Problem(Exception):  # noqa: N818 (the name of RFC 9457)
    """Why a request is refused; raised anywhere below the application."""

    code: str
    """One of `CODES`."""
    detail: str
    """In a sentence: what was wrong, and what is allowed."""
    headers: RawHeaders = field(default_factory=list)

    @property
    def status(self) -> int:
        """The status of the answer."""
        return CODES[self.code][0]

    def body(self, request_id: str) -> bytes:
        """The document."""
        document = {
            "type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status,
            "code": self.code, "detail": self.detail, "request_id": request_id,
        }  # fmt: skip
        return json_of(document).encode()


def too_busy(detail: str, seconds: float) -> Problem:
    """A refusal that says when to come again."""
    return later("too-busy", detail, max(1, round(seconds + 0.5)))


def later(code: str, detail: str, seconds: int) -> Problem:
    """A refusal for now: after so many seconds it may be asked again."""
    return Problem(code, detail, [(b"retry-after", str(seconds).encode())])


def request_id_of(scope: Scope) -> str:
    """The id under which this request is logged."""
    return str(scope.get("state", {}).get("request_id", ""))


def written(problem: Problem, request_id: str, *, close: bool) -> tuple[RawHeaders, bytes]:
    """The headers and the body of a refusal."""
    body = problem.body(request_id)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        *problem.headers,
        *([(b"connection", b"close")] if close else []),
    ]
    return headers, body


async def answer(problem: Problem, scope: Scope, send: Send, *, close: bool = False) -> None:
    """Send a refusal. `close`: the connection ends with it, for its body is not read."""
    headers, body = written(problem, request_id_of(scope), close=close)
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
