"""What the service can be asked, as data: routes, checks and the OpenAPI document come from it.

Operation --route--> a route that checks its parameters
          --openapi.document--> what it takes and answers
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from rara.provenance.json_format import JsonObject
from rara.service.problems import Problem

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

Value: TypeAlias = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value in the address of a request."""

    name: str
    says: str
    place: Literal["query", "path"] = "query"
    kind: Literal["word", "whole"] = "word"
    words: tuple[str, ...] = ()
    """All that a word can be, where they are few."""
    pattern: str = ""
    """What a word looks like, where it is one of many."""
    low: int = 0
    high: int = 0
    usual: Value | None = None
    """What stands for a value that is not given; without it there must be one."""

    def read(self, text: str) -> Value:
        """The value; raises Problem for another."""
        if self.kind == "whole":
            if re.fullmatch(r"\d{1,9}", text) and self.low <= int(text) <= self.high:
                return int(text)
            raise self._wrong(f"a whole number from {self.low} to {self.high}")
        if self.words and text not in self.words:
            raise self._wrong(" or ".join(map(repr, self.words)))
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise self._wrong("a row, or the 64 characters of a sha256")
        return text

    def _wrong(self, allowed: str) -> Problem:
        code = "bad-request" if self.place == "query" else "not-found"
        return Problem(code, f"{self.name}: give {allowed}.")

    def describe(self) -> JsonObject:
        """As the OpenAPI document has it."""
        schema: JsonObject = {"type": "string"}
        if self.kind == "whole":
            schema = {"type": "integer", "minimum": self.low, "maximum": self.high}
        elif self.words:
            schema["enum"] = list(self.words)
        elif self.pattern:
            schema["pattern"] = f"^(?:{self.pattern})$"
        if self.usual is not None:
            schema["default"] = self.usual
        return {
            "name": self.name, "in": self.place, "description": self.says, "schema": schema,
            "required": self.usual is None,
        }  # fmt: skip


Values: TypeAlias = Mapping[str, Value]
Handle: TypeAlias = "Callable[[Request, Values], Awaitable[Response]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a success looks like."""

    says: str
    media_type: str = "application/json"
    schema: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    name: str
    method: Literal["GET", "POST"]
    path: str
    summary: str
    says: str
    answer: Answer
    handle: Handle
    parameters: Sequence[Parameter] = ()
    takes_images: bool = False
    codes: tuple[str, ...] = ()
    """Of the problems that it can answer with, beside those that any can."""

    stops: bool = False
    """Whether it answers with 503, and the same document, once the service stops."""

    def route(self) -> Route:
        """The route, whose handler gets checked values."""
        from starlette.routing import Route

        async def endpoint(request: Request) -> Response:
            request.scope["state"]["route"] = self.path  # as the metrics have it
            return await self.handle(request, self.values(request))

        return Route(self.path, endpoint, methods=[self.method], name=self.name)

    def values(self, request: Request) -> Values:
        """The values of all parameters. Raises Problem for one that is wrong, unknown or twice."""
        query = request.query_params
        taken = {one.name: one for one in self.parameters if one.place == "query"}
        for name in query:
            if name not in taken:
                names = ", ".join(taken) or "none"
                raise Problem("bad-request", f"No parameter '{name[:60]}' here; there is: {names}.")
            if len(query.getlist(name)) > 1:
                raise Problem("bad-request", f"{name}: give it once.")
        return {one.name: self._value(one, request) for one in self.parameters}

    @staticmethod
    def _value(one: Parameter, request: Request) -> Value:
        given = request.path_params if one.place == "path" else request.query_params
        if one.name in given:
            return one.read(str(given[one.name]))
        if one.usual is None:
            raise Problem("bad-request", f"{one.name} is missing.")
        return one.usual
