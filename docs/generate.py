"""Writes docs/reference/columns.md from the register of columns: python docs/generate.py."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from rara.columns import COLUMNS, Column
from rara.comparison.columns import COMPARISON

PAGE = Path(__file__).parent / "reference" / "columns.md"

HEAD = """# Columns

Every column of every table that rara writes. This page is written by `python docs/generate.py`
from the registers in `rara.columns` and `rara.comparison.columns`. What the numbers mean together,
and which to trust for what: [the axes](../explanation/axes.md).

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
    sections = groupby([*COLUMNS.values(), *COMPARISON.values()], lambda column: column.axis)
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


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
