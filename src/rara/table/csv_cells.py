"""Text that a spreadsheet would take for a formula, in tables that are written as CSV.

A prompt or a file name is whatever somebody wrote, and a spreadsheet runs a cell that begins with
`=`. CSV is exact unless `escape` is asked for: an apostrophe before such a cell makes it text.
"""

from __future__ import annotations

import re
from typing import Any, Literal, TypeAlias, get_args

import pyarrow as pa
import pyarrow.compute as pc

from rara.errors import ParameterError
from rara.text import FORMULA, begins_formula

Formulas: TypeAlias = Literal["keep", "escape"]
"""What happens to text like formulas: nothing, or an apostrophe before it."""

_TEXT = {"string", "large_string", "string_view", "binary", "large_binary", "binary_view"}
_NUMBER = r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$"


def check_formulas(formulas: str) -> None:
    """Raise ParameterError for anything but `keep` and `escape`."""
    if formulas not in get_args(Formulas):
        raise ParameterError(f"formulas = {formulas!r}: give 'keep' or 'escape'.")


def like_formulas(table: pa.Table) -> int:
    """How many cells and names of columns a spreadsheet would take for formulas."""
    names = sum(map(_is_formula, table.column_names))
    return names + sum(pc.sum(_mask(column)).as_py() or 0 for column in _texts(table).values())


def escaped(table: pa.Table) -> pa.Table:
    """The table with an apostrophe before each of them; reversible, and numbers stay numbers."""
    for i, column in _texts(table).items():
        marked = pc.binary_join_element_wise("'", column, "")
        cells = pc.if_else(_mask(column), marked, column)
        table = table.set_column(i, table.column_names[i], cells)
    return table.rename_columns([f"'{n}" if _is_formula(n) else n for n in table.column_names])


def _texts(table: pa.Table) -> dict[int, pa.ChunkedArray]:
    """Columns of text by place, as plain strings: other programs keep text in several ways."""
    plain = pc.CastOptions(pa.string(), allow_invalid_utf8=True)
    kinds = enumerate(table.schema.types)
    return {i: pc.cast(table[i], options=plain) for i, kind in kinds if _is_text(kind)}


def _is_text(kind: pa.DataType) -> bool:
    """Whether a CSV file shows such values as text."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return str(kind) in _TEXT


def _mask(column: pa.ChunkedArray) -> Any:
    begins, number = (pc.match_substring_regex(column, pattern) for pattern in (FORMULA, _NUMBER))
    return pc.and_not(begins, number)


def _is_formula(text: str) -> bool:
    return begins_formula(text) and not re.match(_NUMBER, text)
