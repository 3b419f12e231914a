"""The OpenAPI document: what can be asked, and every answer, from the operations themselves.

operations, limits, guard --document--> GET /openapi.json
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rara import __version__
from rara.provenance.json_format import JsonObject
from rara.service.limits import Limits, binary_amount
from rara.service.operations import Operation
from rara.service.problems import CODES, MEDIA_TYPE
from rara.service.uploads import FIELD
from rara.service.uploads import MEDIA_TYPE as MULTIPART

ALWAYS: Final = (
    "bad-request", "foreign-origin", "wrong-host", "headers-too-large", "internal",
    "too-many-connections",
)  # fmt: skip
"""Of the problems that any operation can answer with."""
_UPLOADING: Final = ("too-slow", "too-large", "unsupported-media-type", "too-busy")

_IMAGE_TYPES: Final = "image/png, image/jpeg, image/webp, image/gif, image/bmp, image/tiff"


def document(operations: Sequence[Operation], limits: Limits, *, token: bool) -> JsonObject:
    """The document. `token`: whether requests need one."""
    paths: dict[str, JsonObject] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, limits, token)
    components: JsonObject = {"schemas": {"Problem": _problem()}}
    if token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "rara", "version": __version__,
            "description": "How original images are, judged against one reference.",
        },
        "paths": dict(paths),
        "components": components,
    }  # fmt: skip


def _operation(one: Operation, limits: Limits, token: bool) -> JsonObject:
    responses: JsonObject = {"200": _success(one), **_refusals(one, token)}
    if one.stops:
        responses["503"] = _stopping(one)
    described: JsonObject = {
        "operationId": one.name,
        "summary": one.summary,
        "description": one.says,
        "parameters": [parameter.describe() for parameter in one.parameters],
        "responses": responses,
    }
    if one.takes_images:
        described["requestBody"] = _images(limits)
    if token and one.path != "/v1/health":
        described["security"] = [{"token": []}]
    return described


def _success(one: Operation) -> JsonObject:
    return {"description": one.answer.says, "content": _content(one)}


def _content(one: Operation) -> JsonObject:
    schema = one.answer.schema
    body: JsonObject = {} if schema is None else {"schema": schema}
    return {one.answer.media_type: body}


def _stopping(one: Operation) -> JsonObject:
    """The same document as for a success; or the refusal that any operation can answer with."""
    _, says = CODES["too-many-connections"]
    content: JsonObject = {**_content(one), **_content_of_refusals()}
    return {"description": f"The service stops. {says}", "content": content}


def _refusals(one: Operation, token: bool) -> JsonObject:
    codes = [*ALWAYS, *one.codes, *(_UPLOADING if one.takes_images else ())]
    if token and one.path != "/v1/health":
        codes.append("no-token")
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(CODES[code][0], []).append(CODES[code][1])
    return {str(status): _refusal(status, says) for status, says in sorted(by_status.items())}


def _refusal(status: int, says: list[str]) -> JsonObject:
    refusal: JsonObject = {"description": " ".join(says), "content": _content_of_refusals()}
    if status == CODES["too-busy"][0]:
        seconds: JsonObject = {"type": "integer", "minimum": 1}
        refusal["headers"] = {"Retry-After": {"schema": seconds, "description": "Seconds."}}
    return refusal


def _content_of_refusals() -> JsonObject:
    schema: JsonObject = {"$ref": "#/components/schemas/Problem"}
    return {MEDIA_TYPE: {"schema": schema}}


def _images(limits: Limits) -> JsonObject:
    """The body of a request with images."""
    image: JsonObject = {"type": "string", "format": "binary"}
    several: JsonObject = {
        "type": "array", "items": image, "minItems": 1, "maxItems": limits.images
    }  # fmt: skip
    return {
        "required": True,
        "description": f"One image or several, each in a part named `{FIELD}` with its file name. "
        f"At most {limits.images} images, {binary_amount(limits.body_bytes)} together, and "
        f"{limits.pixels / 1e6:g} megapixels each, {limits.pixels_at_once / 1e6:g} together.",
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object", "properties": {FIELD: several}, "required": [FIELD],
                    "additionalProperties": False,
                },
                "encoding": {FIELD: {"contentType": _IMAGE_TYPES}},
            }
        },
    }  # fmt: skip


def _problem() -> JsonObject:
    text: JsonObject = {"type": "string"}
    return {
        "type": "object",
        "description": "Why a request was refused: RFC 9457.",
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": list(CODES)},
            "detail": text,
            "request_id": text,
        },
        "required": ["type", "title", "status", "code", "detail", "request_id"],
        "additionalProperties": False,
    }
