"""The routes of the service: what each can be asked, and how it is answered.

Serving --operations--> Operation for each --routes--> what `application` takes
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from rara.columns.score_tables import COLUMNS
from rara.image_search.match import TOP, By, QueryMatches
from rara.provenance.json_format import Json, JsonObject, encoded
from rara.service import metrics
from rara.service.judging import NearImage
from rara.service.openapi import document
from rara.service.operations import Answer, Operation, Parameter, Values
from rara.service.problems import Problem
from rara.service.schemas import extended, record_schema, schema_of
from rara.service.serving import (
    IMAGE,
    AboutReference,
    Health,
    Neighbours,
    RowMatch,
    Serving,
    Start,
)
from rara.service.thumbnails import MEDIA_TYPE
from rara.service.uploads import UploadedImages, uploads_of
from rara.service.work import Crew
from rara.text import json_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

JUDGED: Final = Parameter(
    name="judged", words=("together", "alone"), usual="together",
    says="`together`: the images are one set, as a folder is for `rara score`. `alone`: each is a "
    "set of its own, and its record does not depend on the others.",
)  # fmt: skip
SHEETS: Final = Parameter(
    name="sheets", words=("whole", "split"), usual="whole",
    says="Whether the panels of a contact sheet stand in its place, as images of their own.",
)  # fmt: skip
BY: Final = Parameter(
    name="by", words=("copy", "look", "meaning"), usual="copy",
    says="What matches are ranked by: evidence of copying, pixels and vectors, or vectors alone.",
)  # fmt: skip
MATCHES: Final = Parameter(
    name="top", kind="whole", low=1, high=50, usual=TOP, says="Matches for each image."
)
EDGE: Final = Parameter(
    name="edge", kind="whole", low=16, high=640, usual=160, says="Longest side, in pixels."
)
_NAMED: Final = "A reference image: its row, or the sha256 of its content in hex."

_DAY: Final = "private, max-age=86400"


def routes(serving: Serving, operations: Sequence[Operation] | None = None) -> list[Route]:
    """All routes of the service, or those of some operations."""
    return [one.route() for one in operations or operations_of(serving)]


def operations_of(serving: Serving) -> list[Operation]:
    """What the service can be asked; the last one gives the document of all."""
    operations = [
        _index(serving), _judge(serving), _search(serving), _neighbours(serving),
        _thumbnail(serving), _about(serving), _health(serving), _metrics(serving),
    ]  # fmt: skip
    return [*operations, _openapi(serving, operations)]


def _json(value: object, status: int = 200) -> Response:
    """The value as JSON that steers no terminal."""
    from starlette.responses import Response

    return Response(json_of(value) + "\n", status, media_type="application/json")


# -- what takes images ------------------------------------------------------------------


async def _images(serving: Serving, request: Request, crew: Crew) -> UploadedImages:
    """What was sent, within the limits; a full queue is said before a body is read."""
    crew.check()
    return await uploads_of(request, serving.limits)


def _judge(serving: Serving) -> Operation:
    async def handle(request: Request, values: Values) -> Response:
        images = await _images(serving, request, serving.crew)
        together, split = values["judged"] == "together", values["sheets"] == "split"
        records = await serving.crew.do(
            lambda: serving.judge.judge(images, together=together, split=split)
        )
        return _json(records)

    return Operation(
        name="judge", method="POST", path="/v1/judge", handle=handle, takes_images=True,
        summary="Judge images",
        says="How rare each image is, how faithful, and whether it is a copy: what `rara score` "
        "gives for the same images. An image that cannot be used is listed with its error.",
        parameters=(JUDGED, SHEETS),
        answer=Answer(
            says="One record for each image, in their order.",
            schema=_each(_record(serving), _failed()),
        ),
    )  # fmt: skip


def _search(serving: Serving) -> Operation:
    async def handle(request: Request, values: Values) -> Response:
        images = await _images(serving, request, serving.searchers)
        by, top, split = cast(By, values["by"]), int(values["top"]), values["sheets"] == "split"
        found = await serving.searchers.do(lambda: serving.search(images, by, top, split=split))
        return _json(found)

    return Operation(
        name="search", method="POST", path="/v1/search", handle=handle, takes_images=True,
        summary="Search for sources",
        says="The reference images that each image comes from, or is most like: what "
        "`rara search` gives for the same images.",
        parameters=(BY, MATCHES, SHEETS),
        answer=Answer(
            says="The matches of each image, in their order.", schema=_each(_found(), _failed())
        ),
    )  # fmt: skip


def _each(*kinds: JsonObject) -> JsonObject:
    return {"type": "array", "items": {"oneOf": list[Json](kinds)}}


def _record(serving: Serving) -> JsonObject:
    """The columns of this reference's score tables, and `neighbours`."""
    gaps = {name: COLUMNS[name].gap for name in serving.columns}
    present = [name for name, gap in gaps.items() if gap is None or gap.stands != "no column"]
    near = schema_of(tuple[NearImage, ...])
    return record_schema(COLUMNS.values(), {"neighbours": near}, present)


def _failed() -> JsonObject:
    text: JsonObject = {"type": "string"}
    return {
        "type": "object",
        "description": "An image that cannot be used, and why.",
        "properties": {"id": text, "error": text},
        "required": ["id", "error"],
        "additionalProperties": False,
    }


def _found() -> JsonObject:
    matches: JsonObject = {"type": "array", "items": schema_of(RowMatch)}
    source: JsonObject = {"type": ["string", "null"]}
    return extended(schema_of(QueryMatches), {"source": source, "matches": matches})


# -- what the reference has ---------------------------------------------------------------


def _neighbours(serving: Serving) -> Operation:
    most = serving.most_neighbours

    async def handle(request: Request, values: Values) -> Response:
        row = serving.row_of(str(values["image"]))
        return _json(encoded(serving.neighbours(row, int(values["count"]))))

    return Operation(
        name="neighbours", method="GET", path="/v1/neighbours", handle=handle,
        summary="Neighbours of a reference image", codes=("not-found",),
        says="The nearest other reference images, and the radius of each one's ball.",
        parameters=(
            Parameter(name="image", pattern=IMAGE, says=_NAMED),
            Parameter(name="count", kind="whole", low=1, high=most, usual=min(5, most),
                      says="How many."),
        ),
        answer=Answer(says="The nearest first.", schema=schema_of(Neighbours)),
    )  # fmt: skip


def _thumbnail(serving: Serving) -> Operation:
    async def handle(request: Request, values: Values) -> Response:
        from starlette.responses import Response

        row, edge = serving.row_of(str(values["image"])), int(values["edge"])
        tag = f'"{serving.digests[row][:32]}-{edge}"'
        headers = {"etag": tag, "cache-control": _DAY}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        picture = await serving.readers.do(lambda: serving.thumbnails.get(row, edge))
        if picture is None:
            raise Problem("not-found", "This picture cannot be read any more, or has changed.")
        return Response(picture, headers=headers, media_type=MEDIA_TYPE)

    return Operation(
        name="thumbnail", method="GET", path="/v1/thumbnails/{image}", handle=handle,
        summary="A small picture of a reference image", codes=("not-found", "too-busy"),
        says="Encoded anew, with its proportions. `edge` bounds its longer side.",
        parameters=(Parameter(name="image", place="path", pattern=IMAGE, says=_NAMED), EDGE),
        answer=Answer(says="The picture.", media_type=MEDIA_TYPE),
    )  # fmt: skip


def _about(serving: Serving) -> Operation:
    async def handle(request: Request, values: Values) -> Response:
        return _json(encoded(serving.about))

    return Operation(
        name="reference", method="GET", path="/v1/reference", handle=handle,
        summary="What judgements are relative to",
        says="The reference, its extractor, k, and the limits of the service.",
        answer=Answer(says="The reference.", schema=schema_of(AboutReference)),
    )  # fmt: skip


# -- how the service is -------------------------------------------------------------------


def _index(serving: Serving) -> Operation:
    async def handle(request: Request, values: Values) -> Response:
        return _json(encoded(serving.start))

    return Operation(
        name="start", method="GET", path="/", handle=handle, summary="Where to begin",
        says="What answers here, and where it is described.",
        answer=Answer(says="Paths.", schema=schema_of(Start)),
    )  # fmt: skip


def _health(serving: Serving) -> Operation:
    async def handle(request: Request, values: Values) -> Response:
        return _json(encoded(serving.health), 503 if serving.stopping else 200)

    return Operation(
        name="health", method="GET", path="/v1/health", handle=handle,
        summary="Whether the service takes work",
        says="Needs no token. 503 once the service was asked to stop.", stops=True,
        answer=Answer(says="It does.", schema=schema_of(Health)),
    )  # fmt: skip


def _metrics(serving: Serving) -> Operation:
    async def handle(request: Request, values: Values) -> Response:
        from starlette.responses import Response

        return Response(serving.metrics.text(), headers={"content-type": metrics.MEDIA_TYPE})

    return Operation(
        name="metrics", method="GET", path="/metrics", handle=handle,
        summary="Counts and times", says="In the text format of Prometheus.",
        answer=Answer(says="Metrics.", media_type="text/plain", schema={"type": "string"}),
    )  # fmt: skip


def _openapi(serving: Serving, others: Sequence[Operation]) -> Operation:
    described: JsonObject = {}

    async def handle(request: Request, values: Values) -> Response:
        return _json(described)

    own = Operation(
        name="openapi", method="GET", path="/openapi.json", handle=handle,
        summary="This document", says="OpenAPI 3.1.",
        answer=Answer(says="The document.", schema={"type": "object"}),
    )  # fmt: skip
    described |= document([*others, own], serving.limits, token=serving.token)
    return own
