"""Guard: which requests are answered at all, and the headers of every answer.

    scope --Guard.admit--> scope | Problem        before anything of the body is read

Four questions, in this order. Does `Host` name this service? Else a page of another site, whose
name was turned to this address, would be of the same origin. Does the request come from a page of
another origin? Is there a token, where one is needed? Then the routes have it.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from rara.errors import ParameterError
from rara.service.asgi import Asgi, RawHeaders, Receive, Scope, Send, adding, header_values
from rara.service.limits import binary_amount
from rara.service.problems import Problem, answer

LOOPBACK: Final = "127.0.0.1"
PORT: Final = 8765
SHORTEST_TOKEN: Final = 32
"""Characters; fewer could be guessed."""

OPEN_PATHS: Final = frozenset({"/v1/health"})
"""Answered without a token, for whatever watches the process: it says nothing of the reference."""

POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of answers that are no page: nothing may be loaded or run."""

MOST_HEADERS: Final = 100
MOST_HEADER_BYTES: Final = 16 << 10
"""Of one request."""

_IN_PATHS: Final = "/%:@!$&'()*+,;=~"
"""Characters of a path that stay as they came, beside letters, digits and `-._`."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_HOST: Final = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may ask, and where. Raises ParameterError for a service that all could reach."""

    host: str = LOOPBACK
    """The address of the socket: a loopback one unless there is a token."""
    port: int = PORT
    """0 takes a free one."""
    token: str | None = field(default=None, repr=False)
    names: tuple[str, ...] = ()
    """Further names that `Host` may have, such as that of a proxy."""
    policy: str = POLICY
    """The Content-Security-Policy of every answer that has none of its own."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ParameterError(f"--port {self.port}: give 0 to 65535.")
        if self.token is None and not self.local:
            raise ParameterError(
                f"--host {self.host} can be reached by other machines, so it takes a token: "
                "--token-file FILE."
            )
        if self.token is not None and not _is_token(self.token):
            raise ParameterError(
                f"The token has {len(self.token)} characters, or others than letters, digits and "
                f"'-._~+/=': give at least {SHORTEST_TOKEN} of these."
            )
        for name in self.names:
            if not _NAME.fullmatch(name):
                raise ParameterError(f"--allow-host {name}: give a name without a port.")

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return _is_loopback(self.host)

    @property
    def cookie(self) -> str:
        """The name of the cookie that a browser holds instead of the token.

        Cookies are of a name of a machine, whatever the port: each service has one of its own.
        """
        name = hmac.digest((self.token or "").encode(), b"rara cookie name", "sha256")
        return f"rara-{name.hex()[:12]}"

    @property
    def pass_of_browsers(self) -> str:
        """What the cookie holds: it opens this service, and does not give the token away."""
        return hmac.digest((self.token or "").encode(), b"rara cookie", "sha256").hex()

    def admit(self, scope: Scope) -> RawHeaders | None:
        """Raise Problem for a request that must not reach the routes.

        Gives headers for a browser that brings the token in the address: it is sent on.
        """
        _check_head(scope)
        host = self._checked_host(scope)
        self._check_origin(scope, host)
        if self.token is None or scope["path"] in OPEN_PATHS:
            return None
        entry = self._entry(scope, self.token)
        if entry is None:
            self._check_token(scope, self.token)
        return entry

    def _checked_host(self, scope: Scope) -> str:
        values = header_values(scope, b"host")
        match = _HOST.fullmatch(values[0]) if len(values) == 1 else None
        if match is None:
            raise Problem("bad-request", "Give one Host header, with a name and a port.")
        name = match["name"].lower().strip("[]").rstrip(".")
        if not self._is_name(name):
            raise Problem(
                "wrong-host",
                f"Host '{name[:100]}' is not this service. Start it with --allow-host to use it "
                "under another name.",
            )
        return values[0].lower()

    def _is_name(self, name: str) -> bool:
        """A name that an attacker could have turned to this address is none of them."""
        if name in {one.lower() for one in self.names}:
            return True
        if self.local:
            return name == "localhost" or _is_loopback(name)
        return name == "localhost" or name == self.host.lower() or _is_address(name)

    def _check_origin(self, scope: Scope, host: str) -> None:
        """Refuse what a page of another origin sends; programs send no Origin at all."""
        if scope["path"] in OPEN_PATHS and scope["method"] in _SAFE:
            return
        for origin in header_values(scope, b"origin"):
            if origin.lower() not in {f"http://{host}", f"https://{host}"}:
                raise Problem("foreign-origin", "A page of another origin may not ask here.")
        site = header_values(scope, b"sec-fetch-site")
        if site and site != ["same-origin"] and site != ["none"] and not _is_visit(scope):
            raise Problem("foreign-origin", "A page of another site may not ask here.")

    def _check_token(self, scope: Scope, token: str) -> None:
        bearers = header_values(scope, b"authorization")
        given = [one[7:].strip() for one in bearers if one[:7].lower() == "bearer "]
        right = [_same(one, token) for one in given]
        right += [_same(one, self.pass_of_browsers) for one in _cookies(scope, self.cookie)]
        if not any(right):
            raise Problem(
                "no-token", "Send the token as `Authorization: Bearer TOKEN`.",
                [(b"www-authenticate", b'Bearer realm="rara"')],
            )  # fmt: skip

    def _entry(self, scope: Scope, token: str) -> RawHeaders | None:
        """The headers of a redirection for a browser that brings the right `?token=`; else None.

        It gets a cookie, and an address without the token.
        """
        if scope["method"] != "GET" or b"token=" not in scope["query_string"]:
            return None
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        # A token has no spaces: one here is a '+' that was typed as it is.
        given = [value.replace(" ", "+") for key, value in pairs if key == "token"]
        if len(given) != 1 or not _same(given[0], token):
            return None
        rest = urlencode([(key, value) for key, value in pairs if key != "token"])
        # Browsers read `\` as `/`, and two of them at the front as another machine.
        path = "/" + quote(scope["raw_path"].lstrip(b"/\\"), safe=_IN_PATHS)
        cookie = f"{self.cookie}={self.pass_of_browsers}; HttpOnly; SameSite=Strict; Path=/"
        return [
            (b"location", (f"{path}?{rest}" if rest else path).encode("ascii")),
            (b"set-cookie", cookie.encode()),
            (b"content-length", b"0"),
        ]

    @property
    def headers(self) -> RawHeaders:
        """Of every answer, unless its route says otherwise."""
        return [
            (b"content-security-policy", self.policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
            (b"cache-control", b"no-store"),
        ]


class Guarded:
    """An application that only admitted requests reach; every answer has the guard's headers."""

    def __init__(self, app: Asgi, guard: Guard) -> None:
        self._app, self.guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        sent = adding(send, self.guard.headers)
        try:
            entry = self.guard.admit(scope)
        except Problem as problem:
            await answer(problem, scope, sent, close=True)
            return
        if entry is None:
            await self._app(scope, receive, sent)
            return
        await sent({"type": "http.response.start", "status": 303, "headers": entry})
        await sent({"type": "http.response.body", "body": b""})


def _check_head(scope: Scope) -> None:
    """Refuse too much of it, and two lengths of a body: a proxy may believe the other one."""
    sizes = [len(key) + len(value) for key, value in scope["headers"]]
    if len(sizes) > MOST_HEADERS or sum(sizes, len(scope["query_string"])) > MOST_HEADER_BYTES:
        raise Problem(
            "headers-too-large",
            f"At most {MOST_HEADERS} headers, and {binary_amount(MOST_HEADER_BYTES)} with the "
            "address.",
        )
    if all(header_values(scope, name) for name in (b"content-length", b"transfer-encoding")):
        raise Problem("bad-request", "Give Content-Length or Transfer-Encoding, not both.")


def request_id(scope: Scope) -> str:
    """The id that the client gave its request, if it is a plain one; else a new one."""
    given = header_values(scope, b"x-request-id")
    if len(given) == 1 and _ID.fullmatch(given[0]):
        return given[0]
    return secrets.token_hex(8)


def _is_visit(scope: Scope) -> bool:
    """Whether somebody followed a link to here: the page is shown, and no other page reads it."""
    mode, target = (header_values(scope, name) for name in (b"sec-fetch-mode", b"sec-fetch-dest"))
    return scope["method"] == "GET" and mode == ["navigate"] and target == ["document"]


def _same(given: str, right: str) -> bool:
    """In a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode())


def _cookies(scope: Scope, name: str) -> list[str]:
    pairs = (
        one.partition("=") for all_ in header_values(scope, b"cookie") for one in all_.split(";")
    )
    return [value.strip() for key, _, value in pairs if key.strip() == name]


def _is_token(text: str) -> bool:
    return re.fullmatch(rf"[A-Za-z0-9._~+/=-]{{{SHORTEST_TOKEN},4096}}", text) is not None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
