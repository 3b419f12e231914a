"""Records to JSON and back: the fields of a dataclass or named tuple are the keys.

    record --encoded--> what `json.dumps` takes --decoded--> record, or the first thing wrong

A field without a default is needed; one with a default may be missing, as in what an earlier
version wrote. A value of another kind than its field, and a key without a field, are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar, Union, get_args, get_origin
from typing import get_type_hints as hints_of

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""What `json.loads` gives."""
JsonObject: TypeAlias = "dict[str, Json]"
"""A JSON object as Python has it."""
Record = TypeVar("Record")

OMITTED = {"json": "omitted"}
"""Metadata of a field whose None has no key."""
INLINE = {"json": "inline"}
"""Metadata of a field whose record has its keys among those of the record around it, or is None."""
_MOST = 1e300
"""What no number comes near to."""


class LacksKeyError(ValueError):
    """A needed key is missing; the argument is its path."""


class WrongKindError(ValueError):
    """A value is of another kind than its field; the argument says where, in a few words."""


class _Field(NamedTuple):
    name: str
    kind: Any
    needed: bool
    default: Any
    json: str


def encoded(value: Any) -> Any:
    """What `json.dumps` takes, record by record."""
    kind: Any = type(value)
    if _is_record(kind):
        entries: JsonObject = {}
        for field in _fields(kind):
            entries |= _entry(field, getattr(value, field.name))
        return entries
    if isinstance(value, Mapping):
        return {key: encoded(one) for key, one in value.items()}
    return [encoded(one) for one in value] if isinstance(value, (list, tuple)) else value


def _entry(field: _Field, value: Any) -> JsonObject:
    if value is None and field.json:
        return {}
    inner = encoded(value)
    return inner if field.json == "inline" else {field.name: inner}


def decoded(record: type[Record], value: Any, place: str) -> Record:
    """The record; raises LacksKeyError or WrongKindError for the first thing wrong.

    `place`: what the value is called in an error.
    """
    made: Record = _record(record, value, place)
    return made


def _record(record: Any, value: Any, place: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(value, place)
    own_fields = _fields(record)
    for name in value:
        if name not in _names(record):
            raise WrongKindError(f"the key '{str(name)[:80]}' in {place}")
    return record(**{field.name: _value(field, value, place) for field in own_fields})


def _value(field: _Field, record: Mapping[str, object], place: str) -> Any:
    if field.json == "inline":
        [inner] = _records_in(field.kind)
        own = {name: record[name] for name in _names(inner) if name in record}
        return _record(inner, own, place) if own else None
    if field.name in record:
        return _decoded(field.kind, record[field.name], f"{place}.{field.name}")
    if field.needed:
        raise LacksKeyError(f"{place}.{field.name}")
    return field.default


def _decoded(kind: Any, value: Any, place: str) -> Any:
    """The value as a field of that kind has it."""
    whole, inner = get_origin(kind), get_args(kind)
    if whole in (Union, UnionType):
        return _one_of(inner, value, place)
    if _is_record(kind):
        return _record(kind, value, place)
    if whole in (tuple, list) and isinstance(value, list):
        return whole(_decoded(inner[0], one, place) for one in value)
    if whole is Mapping and isinstance(value, Mapping):
        return {key: _decoded(inner[1], one, f"{place}.{key}") for key, one in value.items()}
    if kind is Any or (whole is Literal and value in inner) or (not whole and _is(value, kind)):
        return value
    raise _wrong(value, place)


def _one_of(kinds: tuple[Any, ...], value: Any, place: str) -> Any:
    """None, the first record with all keys of the value, or the first that fits; else the last."""
    if value is None and NoneType in kinds:
        return None
    some = [kind for kind in kinds if kind is not NoneType]
    if isinstance(value, Mapping):
        for kind in some:
            if _is_record(kind) and value.keys() <= set(_names(kind)):
                return _record(kind, value, place)
    if any(kind in (int, float, str) and _is(value, kind) for kind in some):
        return value
    return _decoded(some[-1], value, place)


def _is(value: Any, kind: type) -> bool:
    if kind in (int, float):
        return type(value) in {int, kind} and abs(value) <= _MOST
    return isinstance(value, kind)


def _wrong(value: Any, place: str) -> WrongKindError:
    return WrongKindError(f"{type(value).__name__} as {place}")


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and (is_dataclass(kind) or hasattr(kind, "_fields"))


@cache
def _fields(record: Any) -> tuple[_Field, ...]:
    kinds = hints_of(record)
    if not is_dataclass(record):
        return tuple(_Field(name, kinds[name], True, None, "") for name in kinds)
    described = []
    for one in fields(record):
        made = None if one.default_factory is MISSING else one.default_factory()
        default = made if one.default is MISSING else one.default
        needed = one.default is MISSING and one.default_factory is MISSING
        how = one.metadata.get("json", "")
        described.append(_Field(one.name, kinds[one.name], needed, default, how))
    return tuple(described)


@cache
def _names(record: Any) -> tuple[str, ...]:
    """The keys that a record may have."""
    names: list[str] = []
    for field in _fields(record):
        inline = field.json == "inline"
        names += _names(_records_in(field.kind)[0]) if inline else [field.name]
    return tuple(names)


def _records_in(kind: Any) -> list[Any]:
    return [one for one in get_args(kind) if _is_record(one)]
