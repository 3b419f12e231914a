"""Where a command listens, and who may ask: --host, --port, --token-file, --allow-host.

    options --Listening.guard--> Guard, checked before a reference is read

For every command that serves; nothing of its optional packages is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from rara.cli.options import whole
from rara.errors import ParameterError
from rara.service.security import LOOPBACK, POLICY, PORT, SHORTEST_TOKEN, Guard

SERVING = Group("Serving", sort_key=1)

_MAKE = 'python -c "import secrets; print(secrets.token_urlsafe(32))" > token'
_MOST = 8192
"""Bytes that are read of a file with a token."""


@Parameter(name="*", group=SERVING)
@dataclass(frozen=True)
class Listening:
    """Where a service listens; by default this machine alone reaches it."""

    port: Annotated[
        int,
        Parameter(converter=whole, metavar="N", help="The port; 0 takes a free one."),
    ] = PORT
    host: Annotated[
        str,
        Parameter(metavar="ADDRESS", help="Another address, such as 0.0.0.0, takes a token."),
    ] = LOOPBACK
    token_file: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="A file with the token that every request must bring."),
    ] = None
    allow_host: Annotated[
        list[str] | None,
        Parameter(
            metavar="NAME",
            negative=(),
            help="A further name under which it is reached, such as that of a proxy.",
        ),
    ] = None

    def guard(self, policy: str = POLICY) -> Guard:
        """The same, checked; raises ParameterError for what all could reach."""
        return Guard(
            host=self.host, port=self.port, token=self._token(),
            names=tuple(self.allow_host or ()), policy=policy,
        )  # fmt: skip

    def _token(self) -> str | None:
        if self.token_file is None:
            return None
        try:
            with self.token_file.open("rb") as file:
                token = file.read(_MOST).decode("ascii", "replace").strip()
        except OSError as error:
            raise ParameterError(
                f"--token-file {self.token_file}: {error.strerror}. This makes one: {_MAKE}"
            ) from error
        if len(token) < SHORTEST_TOKEN:
            raise ParameterError(
                f"--token-file {self.token_file} holds {len(token)} characters, and a token has at "
                f"least {SHORTEST_TOKEN}. This makes one: {_MAKE}"
            )
        return token
