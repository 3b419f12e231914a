"""The document of the service: whole, and true of what is answered."""

import json
import re

import pytest

from rara.columns.score_tables import COLUMNS
from rara.service.problems import CODES
from rara.service.routes import operations_of
from rara.service.security import Guard
from uploading import Client, app_of, parts


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def fits(value, schema, document, where="$"):
    """Raise AssertionError where a value is not what a schema says: what the service's schemas use
    of JSON Schema, and nothing else."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices:
        return sum(_is(value, one, document, where) for one in choices) >= 1 or _fail(value, where)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    assert any(KINDS[kind](value) for kind in kinds), f"{where}: {value!r} is none of {kinds}"
    assert value in schema.get("enum", [value]), f"{where}: {value!r}"
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", ())) <= set(value), where
        for key, one in value.items():
            assert key in schema["properties"], f"{where}.{key}"
            fits(one, schema["properties"][key], document, f"{where}.{key}")
    if isinstance(value, list):
        for one in value:
            fits(one, schema["items"], document, f"{where}[]")
    if isinstance(value, float | int) and not isinstance(value, bool):
        assert schema.get("minimum", value) <= value <= schema.get("maximum", value), where
    return True


KINDS = {
    "null": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _is(value, schema, document, where):
    try:
        return fits(value, schema, document, where)
    except AssertionError:
        return False


def _fail(value, where):
    raise AssertionError(f"{where}: {str(value)[:300]} fits none")


def answered(document, method, path, status="200"):
    content = document["paths"][path][method]["responses"][status]["content"]
    ((_, body),) = content.items()
    return body["schema"]


def test_the_helper_can_fail(document):
    schema = answered(document, "get", "/v1/health")
    right = {"status": "ok", "rara": "1"}
    fits(right, schema, document)
    wrongs = [right | {"status": "fine"}, right | {"more": 1}, right | {"rara": 1}]
    for wrong in ({}, {"status": "ok"}, [], None, *wrongs):
        with pytest.raises(AssertionError):
            fits(wrong, schema, document)


def test_every_operation_is_described(document, serving):
    assert document["openapi"] == "3.1.0"
    for one in operations_of(serving):
        described = document["paths"][one.path][one.method.lower()]
        assert described["operationId"] == one.name
        assert described["responses"]["200"]["content"]
    names = [one.name for one in operations_of(serving)]
    assert len(set(names)) == len(names)


def test_every_reference_within_it_leads_somewhere(document):
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)):
        assert name in document["components"]["schemas"]


@pytest.mark.parametrize(("path", "template"), [
    ("/", "/"), ("/v1/reference", "/v1/reference"), ("/v1/health", "/v1/health"),
    ("/v1/neighbours?image=3", "/v1/neighbours"), ("/openapi.json", "/openapi.json"),
])  # fmt: skip
def test_answers_are_what_it_says(client, document, path, template):
    fits(client.get(path).json(), answered(document, "get", template), document)


@pytest.mark.parametrize("path", ["/v1/judge", "/v1/search"])
def test_records_are_what_it_says(client, document, pictures, path):
    images = [*parts(pictures / "samples"), *parts(pictures / "train")[:4], ("image", ("x", b"no"))]
    records = client.post(path, files=images).json()
    assert len(records) == 11
    fits(records, answered(document, "post", path), document)


def test_columns_are_described_as_in_the_register(document):
    record, failed = answered(document, "post", "/v1/judge")["items"]["oneOf"]
    assert set(record["properties"]) == {*COLUMNS, "neighbours"}
    assert COLUMNS["rarity"].meaning in record["properties"]["rarity"]["description"]
    assert record["properties"]["rarity"]["type"] == ["number", "null"]
    assert record["properties"]["id"]["type"] == "string"
    assert {"id", "verdict", "rarity", "neighbours"} <= set(record["required"])
    assert set(failed["required"]) == {"id", "error"}


def test_refusals_are_what_it_says(client, document, pictures):
    for method, path, template in (
        ("GET", "/v1/neighbours?image=x", "/v1/neighbours"),
        ("GET", "/v1/thumbnails/99", "/v1/thumbnails/{image}"),
        ("POST", "/v1/judge", "/v1/judge"),
    ):
        answer = client.request(method, path)
        responses = document["paths"][template][method.lower()]["responses"]
        schema = responses[str(answer.status_code)]["content"]["application/problem+json"]["schema"]
        fits(answer.json(), schema, document)
    codes = document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    assert codes == list(CODES)


def test_limits_are_stated(limited):
    client = Client(app_of(limited(images=7)))
    body = client.get("/openapi.json").json()["paths"]["/v1/judge"]["post"]["requestBody"]
    image = body["content"]["multipart/form-data"]["schema"]["properties"]["image"]
    assert image["maxItems"] == 7
    assert "7 images" in body["description"]


def test_a_token_is_stated(judge):
    from rara.service.serving import Serving

    token = "x" * 40
    client = Client(
        app_of(Serving(judge, "train", token=True), Guard(token=token)),
        authorization=f"Bearer {token}",
    )
    document = client.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for path, methods in document["paths"].items():
        for described in methods.values():
            assert ("security" in described) == (path != "/v1/health")
            assert ("401" in described["responses"]) == (path != "/v1/health")
    assert token not in json.dumps(document)


def test_it_tells_no_path_of_the_machine(client, pictures):
    for path in ("/", "/v1/reference", "/openapi.json", "/v1/neighbours?image=0", "/metrics"):
        assert str(pictures) not in client.get(path).text
    answer = client.post("/v1/search", files=parts(pictures / "samples"))
    assert str(pictures) not in answer.text
