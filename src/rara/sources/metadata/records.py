"""Metadata of one image as a flat record: what is stored, and what had to be changed.

Metadata comes from anywhere. Keys and texts are made such that JSON, Parquet and a page
take them, and are kept to a size at which a table of many images can be held. A `Tidier`
counts what it changes, for nothing is changed in silence.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from rara.sources.base import Scalar
from rara.sources.names import printable

Record: TypeAlias = dict[str, Scalar]

MAX_VALUE_BYTES = 64 << 10
MAX_KEYS = 1000
MAX_RECORD_BYTES = 1 << 20
"""Values of one image beyond this in all are left out."""
_MAX_KEY = 100
_MAX_DEPTH = 16

_PROMPTS = ("prompt", "text", "caption")
_TEXTS = ("label", "prompt")
_EMBEDDED = "imageData"
"""LabelMe's whole image, in base64."""
_SURROGATES = re.compile("[\ud800-\udfff]")

_CUT = "longer than 64 KiB: cut there"
_BROKEN = "with halves of surrogate pairs: replaced by '\ufffd'"
_IMAGE = f"called '{_EMBEDDED}', the image once more: left out"
_BYTES = "of bytes, which no text can hold: left out"
_MANY = f"beyond the first {MAX_KEYS:,} keys or 1 MiB of an image: left out"
_DEEP = "nested too deep to be written as text: left out"
_NAMED = f"whose key is longer than {_MAX_KEY} characters or not printable: the key is changed"


class Tidier:
    """Makes records, and counts the values that it changes or leaves out."""

    def __init__(self) -> None:
        self._changed: dict[str, set[tuple[str, int]]] = {}

    @property
    def remarks(self) -> list[str]:
        """One sentence for each kind of change, with its count."""
        return [
            f"{len(values):,} metadata {'value' if len(values) == 1 else 'values'} {kind}."
            for kind, values in self._changed.items()
        ]

    def tidy(self, raw: Mapping[str, object], image: str = "") -> Record:
        """Flat and JSON-able: dotted keys for nested ones, missing values left out.

        `image` is whose metadata it is: seen once more, a change is not counted once more.
        """
        values = self._values(raw, image)
        alias = next((key for key in _PROMPTS if key in values), "prompt")
        record = {"prompt" if key == alias else key: value for key, value in values.items()}
        return {key: str(value) if key in _TEXTS else value for key, value in record.items()}

    def joined(self, records: Sequence[Record], image: str = "") -> Record:
        """Several records of one image: values that differ become a JSON list."""
        if len(records) == 1:
            return records[0]
        by_key: dict[str, dict[Scalar, None]] = {}
        for record in records:
            for key, value in record.items():
                by_key.setdefault(key, {})[value] = None
        lists = {
            key: next(iter(values)) if len(values) == 1 else _as_text(list(values))
            for key, values in by_key.items()
        }
        return {key: self._value(value, key, image) for key, value in lists.items()}

    def _values(self, raw: Mapping[str, object], image: str) -> Record:
        record: Record = {}
        total = 0
        for key, entry in _flat(raw, "", 0):
            full = len(record) == MAX_KEYS or total > MAX_RECORD_BYTES
            if (kind := _MANY if full else _unwanted(key, entry)) is not None:
                self._note(kind, image, key)
                continue
            value = self._value(entry, key, image)
            total += len(value) if isinstance(value, str) else 8
            record[self._key(key, record, image)] = value
        return record

    def _key(self, key: str, taken: Record, image: str) -> str:
        short = printable(key[:_MAX_KEY])
        if short != key:
            self._note(_NAMED, image, key)
        if short not in taken:
            return short
        candidates = (f"{short}~{at}" for at in range(2, MAX_KEYS + 2))
        return next(name for name in candidates if name not in taken)

    def _value(self, value: Scalar, key: str, image: str) -> Scalar:
        if not isinstance(value, str):
            return value
        whole = value if value.isascii() else _SURROGATES.sub("\ufffd", value)
        if whole != value:
            self._note(_BROKEN, image, key)
        if 4 * len(whole) <= MAX_VALUE_BYTES or len(data := whole.encode()) <= MAX_VALUE_BYTES:
            return whole
        self._note(_CUT, image, key)
        return data[:MAX_VALUE_BYTES].decode(errors="ignore")

    def _note(self, kind: str, image: str, key: str) -> None:
        self._changed.setdefault(kind, set()).add((image, hash(key)))


def tidy(raw: Mapping[str, object]) -> Record:
    """One record by itself, its changes not counted.

    >>> tidy({"caption": "a cat", "size": {"w": 3}, "label": 7, "score": None})
    {'prompt': 'a cat', 'size.w': 3, 'label': '7'}
    """
    return Tidier().tidy(raw)


class _TooDeep:
    """Stands for what cannot be written as text."""


def _flat(value: Any, key: str, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and depth < _MAX_DEPTH:
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name), depth + 1)
    elif isinstance(value, (list, tuple, Mapping)):
        yield key, _as_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        return
    elif isinstance(value, (str, int, float, bool, bytes)):
        yield key, value
    elif value is not None:
        yield key, str(value)


def _as_text(value: Any) -> Any:
    try:
        return json.dumps(value, default=str, ensure_ascii=False)
    except RecursionError:
        return _TooDeep()


def _unwanted(key: str, value: Any) -> str | None:
    """Why a value is left out, if it is."""
    if isinstance(value, _TooDeep):
        return _DEEP
    if isinstance(value, bytes):
        return _BYTES
    whole_image = key.rpartition(".")[2] == _EMBEDDED and isinstance(value, str) and len(value) > 99
    return _IMAGE if whole_image else None
