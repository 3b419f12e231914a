"""Writes three pages of docs/reference from the code: python docs/generate.py.

columns.md comes from the register of columns, json.md from the facts' dataclasses, sets.md from
docs/sets_page.py.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import groupby
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from rara.cards.content import CardContent
from rara.cards.verification import CheckFacts
from rara.columns.column import Column
from rara.columns.register import REGISTER
from rara.image_search.match import SearchFacts
from rara.proxy_references.facts import ProxyFacts
from rara.report.audit_facts import AuditFacts
from rara.report.facts import Facts
from rara.report.siblings_page import SiblingFacts
from rara.selection.facts import SelectionFacts

PAGE = Path(__file__).parent / "reference" / "columns.md"

HEAD = """# Columns

Every column of every table that rara writes. This page is written by `python docs/generate.py`
from the register in `rara.columns`. What the numbers mean together, and which to trust for what:
[the axes](../explanation/axes.md).

Everything is relative to the reference, its number of images and the extractor; the table's
provenance names all three. A *ball* is the sphere around a reference image that reaches to its k-th
nearest *other* reference image. A *distance* is between vectors of one extractor: it compares only
between results with the same reference, k and extractor. A *p-value* is among real images:
p = (1 + at least as extreme) / (1 + n), ties included.

Columns that are not listed here are metadata: what the source says of the images. Metadata of a
name in this list is called `metadata_…`.
"""

TITLES = ("column", "type", "unit", "meaning", "a larger value means", "no value")


def page() -> str:
    """The whole page."""
    columns = [column for table in REGISTER for column in table.values()]
    sections = groupby(columns, lambda column: column.axis)
    return "\n".join([HEAD, *(_section(axis, list(columns)) for axis, columns in sections)])


def _section(axis: str, columns: list[Column]) -> str:
    asked = axis.startswith("--")
    title = f"With `{axis.replace(', ', '` or `')}`" if asked else axis[:1].upper() + axis[1:]
    head = f"| {' | '.join(TITLES)} |\n|{'---|' * len(TITLES)}"
    return "\n".join([f"## {title}\n", head, *map(_row, columns)]) + "\n"


def _row(column: Column) -> str:
    cells = [f"`{column.name}`", f"`{column.type}`", _unit(column), _meaning(column)]
    return f"| {' | '.join([*cells, column.higher, _gap(column)])} |"


def _unit(column: Column) -> str:
    if column.low is None:
        return column.unit
    high = f" to {column.high:g}" if column.high is not None else " or more"
    return f"{column.unit}, {column.low:g}{high}"


def _meaning(column: Column) -> str:
    values = f" One of: {', '.join(column.values)}." if column.values else ""
    source = f" ({column.source})" if column.source else ""
    return f"{column.meaning}{values}{source}"


def _gap(column: Column) -> str:
    return "" if column.gap is None else f"{column.gap.stands} {column.gap.when}"


JSON_PAGE = PAGE.with_name("json.md")

JSON_HEAD = """# JSON

Every key that `--json` prints. This page is written by `python docs/generate.py` from the
dataclasses in `rara.report`, `rara.image_search`, `rara.proxy_references`, `rara.cards` and
`rara.selection`. Numbers are finite: what has no value is `null`.

With `--group-by` or `--siblings-by`, `rara score --json` has the key `groups` or `siblings` too:
the same as in the table's provenance, with every group.

A card, of `rara card --json` or in its file, ends with one more key. `digest` is the sha256 of [all
before it](files.md).
"""

COMMANDS: Mapping[str, type] = {
    "rara score --json": Facts,
    "rara reference audit --json": AuditFacts,
    "rara siblings --json": SiblingFacts,
    "rara search --json": SearchFacts,
    "rara proxies --json": ProxyFacts,
    "rara card --json": CardContent,
    "rara verify --json": CheckFacts,
    "rara select --json": SelectionFacts,
}
"""What each command prints."""

WORDS = {
    str: "text", int: "whole number", float: "number", bool: "true or false", NoneType: "null",
    object: "any value",
}  # fmt: skip


def json_page() -> str:
    """The whole page of JSON keys; a record of two commands stands under the first."""
    sections, done = [JSON_HEAD], set[type]()
    for command, top in COMMANDS.items():
        sections.append(f"## `{command}`\n")
        for record in records_of(top):
            if record not in done:
                done.add(record)
                sections.append(_record_section(record, top))
    return "\n".join(sections)


def records_of(record: type) -> list[type]:
    """A record and those within it, each once, from the outside in."""
    order = [record]
    for one in order:
        for kind in get_type_hints(one).values():
            order += [inner for inner in dict.fromkeys(_records_in(kind)) if inner not in order]
    return order


def meanings(record: type) -> dict[str, str]:
    """What stands under each field of a record in its source, on one line."""
    [body] = ast.parse(textwrap.dedent(inspect.getsource(record))).body
    assert isinstance(body, ast.ClassDef)
    texts = {}
    for field, after in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            text = after.value if isinstance(after, ast.Expr) else None
            value = text.value if isinstance(text, ast.Constant) else ""
            texts[field.target.id] = " ".join(str(value).split())
    return texts


def _records_in(kind: Any) -> Iterator[type]:
    if isinstance(kind, type) and (is_dataclass(kind) or hasattr(kind, "_fields")):
        yield kind
    for inner in get_args(kind):
        yield from _records_in(inner)


def _record_section(record: type, top: type) -> str:
    """The table of a record, under a heading unless it is the whole."""
    doc = " ".join((record.__doc__ or "").partition("\n\n")[0].split()).partition("; see")[0]
    lead = "" if record is top else f"### {record.__name__}\n\n{doc.rstrip('.')}.\n\n"
    kinds, texts = get_type_hints(record), meanings(record)
    missing = {
        field.name
        for field in (fields(record) if is_dataclass(record) else ())
        if field.metadata.get("json") == "omitted"
    }
    rows = [
        f"| `{name}` | {_in_words(kind, name in missing)} | {texts[name]} |"
        for name, kind in kinds.items()
    ]
    return "\n".join([f"{lead}| key | value | meaning |", "|---|---|---|", *rows]) + "\n"


def _in_words(kind: Any, missing: bool = False) -> str:
    """A type as JSON has it: `list of [Record](#record) or null`."""
    whole, inner = get_origin(kind), get_args(kind)
    if whole in (Union, UnionType):
        some = [_in_words(one) for one in inner if not (missing and one is NoneType)]
        return f"{', '.join(some[:-1])} or {some[-1]}" if len(some) > 1 else f"{some[0]}, or no key"
    if whole in (tuple, list):
        return f"list of {_in_words(inner[0])}"
    if whole is Literal:
        return "text"
    if whole is Mapping:
        return f"{_in_words(inner[1])} by name"
    return WORDS.get(kind) or f"[{kind.__name__}](#{kind.__name__.lower()})"


if __name__ == "__main__":
    from sets_page import SETS_PAGE, sets_page

    SETS_PAGE.write_text(sets_page(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
    JSON_PAGE.write_text(json_page(), encoding="utf-8")
