"""JSON schemas of what the service answers, from the types and the register of columns.

    dataclass --schema_of--> schema        Column --record_schema--> the schema of a record

So the document of the service cannot say something else than the code gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import (
    Any,
    Final,
    Literal,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from rara.columns.column import Column
from rara.provenance.json_format import Json, JsonObject

_SCALARS: Final[Mapping[object, str]] = {
    str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null",
}  # fmt: skip

_ARROW: Final[Mapping[str, str]] = {
    "string": "string", "bool": "boolean", "double": "number", "int32": "integer",
    "int64": "integer",
}  # fmt: skip

_ITEM: Final = re.compile(r"list<item: (?P<inner>.+)>")
_FIELDS: Final = re.compile(r"struct<(?P<inner>.+)>")


def schema_of(kind: Any) -> JsonObject:
    """The schema of a type: a scalar, a literal, a sequence, a mapping, or a dataclass of these."""
    whole, inner = get_origin(kind), get_args(kind)
    if whole in (Union, UnionType):
        return {"anyOf": [schema_of(one) for one in inner]}
    if whole is Literal:
        return {"type": "string", "enum": list(inner)}
    if whole in (tuple, list, Sequence):
        return {"type": "array", "items": schema_of(inner[0])}
    if whole in (dict, Mapping):
        return {"type": "object", "additionalProperties": schema_of(inner[1])}
    if isinstance(kind, type) and is_dataclass(kind):
        return _record(kind)
    return {"type": _SCALARS[kind]}


def _record(kind: type[Any]) -> JsonObject:
    hints = get_type_hints(kind)
    needed = [one.name for one in fields(kind) if one.default is MISSING]
    return {
        "type": "object",
        "description": str(kind.__doc__).split("\n\n")[0].replace("\n    ", " "),
        "properties": {one.name: schema_of(hints[one.name]) for one in fields(kind)},
        "required": list[Json](needed),
        "additionalProperties": False,
    }


def extended(schema: JsonObject, extra: JsonObject) -> JsonObject:
    """The schema of an object that has further properties, all of them always."""
    properties = {**cast(JsonObject, schema["properties"]), **extra}
    return {**schema, "properties": properties, "required": list[Json](properties)}


def record_schema(
    columns: Iterable[Column], extra: JsonObject, present: Iterable[str]
) -> JsonObject:
    """The schema of a record with these columns; `present` are those of every record."""
    properties: JsonObject = {column.name: _column(column) for column in columns}
    return {
        "type": "object",
        "properties": properties | extra,
        "required": [*present, *extra],
        "additionalProperties": False,
    }


def _column(column: Column) -> JsonObject:
    """What JSON has of a column: NaN is null there, and so is what is infinite."""
    schema = dict(_arrow(column.type))
    if column.values:
        schema["enum"] = [*column.values, *([None] if column.gap else [])]
    bounds = {"minimum": column.low, "maximum": column.high}
    schema |= {key: bound for key, bound in bounds.items() if bound is not None}
    gaps = column.gap is not None and column.gap.stands != "no column"
    if gaps or column.type == "double":
        schema["type"] = [str(schema["type"]), "null"]
    unit = "" if column.unit == "text" else f" Unit: {column.unit}."
    gap = f" Null {column.gap.when}." if column.gap and gaps else ""
    return {**schema, "description": f"{column.meaning}{unit}{gap}"}


def _arrow(kind: str) -> JsonObject:
    """Of an Arrow type, as pyarrow prints it: a scalar, a list, or a struct of scalars."""
    if match := _ITEM.fullmatch(kind):
        inner = _arrow(match["inner"])
        if inner == {"type": "number"}:
            inner = {"type": ["number", "null"]}
        return {"type": "array", "items": inner}
    if match := _FIELDS.fullmatch(kind):
        named = dict(one.split(": ") for one in match["inner"].split(", "))
        properties: JsonObject = {name: _arrow(inner) for name, inner in named.items()}
        return {"type": "object", "properties": properties, "required": list[Json](named)}
    return {"type": _ARROW[kind]}
