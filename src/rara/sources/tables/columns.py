"""Which column of a table holds the images, how they are kept in it, and what else is read.

Knows schemas of Arrow and values of one row; `table_source.py` reads the files.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from rara.errors import ImageError, UnknownSourceError
from rara.sources.first_bytes import starts_like_image
from rara.sources.limits import IMAGE
from rara.sources.names import first_few, shown

USUAL = ("image", "img", "images", "jpg", "jpeg", "png", "webp")
"""What columns of images are usually called; the first one of them counts."""

MOST_COLUMNS = 1_000
"""So many other columns are read as metadata."""

_DATA_URI = "data:image/"
_TEXT_START = 64
"""Characters of base64 that are looked at to tell it from a path; a multiple of 4."""

Kind = Literal["bytes", "struct", "base64"]


@dataclass(frozen=True, slots=True)
class Column:
    """The column with the images."""

    name: str
    kind: Kind
    """Encoded bytes, a struct of `bytes` and perhaps `path`, or text in base64."""
    listed: bool
    """Whether each row holds a list of images."""
    has_path: bool
    remarks: tuple[str, ...] = ()

    def images(self, value: pa.Scalar[Any]) -> Iterator[pa.Scalar[Any]]:
        """The images of one row."""
        if not self.listed:
            yield value
        elif value.is_valid:
            yield from value.values

    def path(self, image: pa.Scalar[Any]) -> str:
        """The path that comes with an image, or nothing."""
        return str(image["path"].as_py() or "") if self.has_path and image.is_valid else ""

    def size(self, image: pa.Scalar[Any]) -> int | None:
        """Bytes of one image as the table has it; None where there are none."""
        data = self._data(image)
        return int(data.as_buffer().size) if data.is_valid else None

    def encoded(self, image: pa.Scalar[Any]) -> bytes:
        """The bytes of one image; `ImageError` where there are none."""
        data = self._data(image)
        if not data.is_valid:
            path = self.path(image)
            raise ImageError(
                f"no bytes in the table, only the path {path!r}" if path else "null in the table"
            )
        buffer = data.as_buffer()
        IMAGE.check(buffer.size)
        return _decoded(buffer.to_pybytes()) if self.kind == "base64" else buffer.to_pybytes()

    def _data(self, image: pa.Scalar[Any]) -> Any:
        return image["bytes"] if self.kind == "struct" and image.is_valid else image


def image_column(
    schema: pa.Schema, path: Path, chosen: str | None, first_text: Callable[[str], str]
) -> Column:
    """The column of images; UnknownSourceError where none is, or it is open which.

    `first_text` gives the first value of a column of text.
    """
    _check_chosen(schema, path, chosen)
    holding = [field.name for field in schema if _kind(field.type) is not None]
    usual = [name for name in USUAL if name in holding]
    if chosen is not None:
        name = chosen
    elif usual or len(holding) == 1:
        name = (usual or holding)[0]
    elif holding:
        raise UnknownSourceError(_several(holding, schema, path))
    else:
        return _text_column(schema, path, first_text)
    others = [other for other in holding if other != name]
    remark = f"Column {name!r} was read; --image-column chooses another of {first_few(others)}."
    return _column(schema, path, name, first_text, (remark,) if others and not chosen else ())


def _check_chosen(schema: pa.Schema, path: Path, chosen: str | None) -> None:
    if chosen is not None and schema.names.count(chosen) != 1:
        number = schema.names.count(chosen) or "no"
        raise UnknownSourceError(
            f"{shown(path)} has {number} column{'s' if number != 'no' else ''} {chosen!r}: it has "
            f"{_listed(schema)}. Give one of these with --image-column."
        )


def _column(
    schema: pa.Schema,
    path: Path,
    name: str,
    first_text: Callable[[str], str],
    remarks: tuple[str, ...],
) -> Column:
    whole = schema.field(name).type
    kind = _kind(whole)
    if kind is None and _is_text(whole):
        return _base64(schema, path, name, first_text(name))
    if kind is None:
        raise UnknownSourceError(
            f"Column {name!r} of {shown(path)} is {_short(whole)}: no images. rara reads bytes, a "
            "struct of bytes and path, lists of these, or base64."
        )
    element = whole.value_type if _is_list(whole) else whole
    has_path = kind == "struct" and element.get_field_index("path") >= 0
    return Column(name, kind, _is_list(whole), has_path, remarks)


def _text_column(schema: pa.Schema, path: Path, first_text: Callable[[str], str]) -> Column:
    """A column of base64, where a column of a usual name or the only one of text holds it."""
    texts = [field.name for field in schema if _is_text(field.type)]
    named = [name for name in (*USUAL, "url", "image_url", "path") if name in texts]
    candidates = named or texts[:1]
    if not candidates:
        raise UnknownSourceError(
            f"{shown(path)} has no column with images among {_listed(schema)}. rara reads a column "
            "of bytes, a struct of bytes and path, lists of these, or base64."
        )
    return _base64(schema, path, candidates[0], first_text(candidates[0]))


def _base64(schema: pa.Schema, path: Path, name: str, text: str) -> Column:
    if not _is_base64(text):
        raise UnknownSourceError(
            f"{shown(path)} has no column with images among {_listed(schema)}: {name!r} holds text "
            f"such as {text[:60]!r}. rara follows no addresses or paths in tables: give a folder "
            "with the images, or a table with their bytes."
        )
    return Column(name, "base64", False, False, (f"Column {name!r} was read as base64.",))


def scalar_columns(schema: pa.Schema, image: str) -> tuple[list[str], list[str]]:
    """The columns that are metadata, and what to say of those that are not read."""
    names = [
        field.name
        for field in schema
        if field.name != image and _is_scalar(field.type) and schema.names.count(field.name) == 1
    ]
    remarks = []
    if len(names) > MOST_COLUMNS:
        remarks.append(
            f"{len(names):,} columns are metadata; the first {MOST_COLUMNS:,} were read."
        )
    return names[:MOST_COLUMNS], remarks


def class_names(schema: pa.Schema, beside: Mapping[str, object]) -> tuple[str, ...]:
    """Names of the values of `label`: from the schema, or from `dataset_info.json` beside it."""
    try:
        card = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = card["info"]["features"]
    except (ValueError, LookupError, TypeError):
        features = beside.get("features")
    try:
        return tuple(map(str, features["label"]["names"]))
    except (LookupError, TypeError):
        return ()


# -- types and texts --------------------------------------------------------------------


def _kind(kind: pa.DataType) -> Kind | None:
    """How images are kept in a column of this type, lists of them included."""
    if _is_list(kind):
        kind = kind.value_type
    if pa.types.is_struct(kind):
        at = kind.get_field_index("bytes")
        return "struct" if at >= 0 and _is_binary(kind.field(at).type) else None
    return "bytes" if _is_binary(kind) else None


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_scalar(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_scalar(kind.value_type)
    return not (pa.types.is_nested(kind) or _is_binary(kind))


def _is_base64(text: str) -> bool:
    """Whether a text is an image in base64, as its beginning tells."""
    body = text.partition(",")[2] if text.startswith(_DATA_URI) else text
    try:
        start = base64.b64decode("".join(body[: 2 * _TEXT_START].split())[:_TEXT_START])
    except (ValueError, binascii.Error):
        return False
    return len(body) > _TEXT_START and starts_like_image(start)


def _decoded(text: bytes) -> bytes:
    body = text.partition(b",")[2] if text.startswith(_DATA_URI.encode()) else text
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as error:
        raise ImageError(f"damaged base64: {error}") from None


def _several(holding: list[str], schema: pa.Schema, path: Path) -> str:
    columns = ", ".join(f"{name} ({_short(schema.field(name).type)})" for name in holding[:10])
    return (
        f"{shown(path)} has {len(holding)} columns that could hold images: {columns}. Choose one "
        f"with --image-column {holding[0]}, or write {shown(f'{path}#{holding[0]}')}."
    )


def _listed(schema: pa.Schema) -> str:
    return first_few([f"{field.name} ({_short(field.type)})" for field in schema])


def _short(kind: pa.DataType) -> str:
    text = str(kind)
    return text if len(text) <= 80 else f"{text[:77]}..."
