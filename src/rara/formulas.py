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

Formulas: TypeAlias = Literal["keep", "escape"]
"""What happens to text like formulas: nothing, or an apostrophe before it."""

_SIGNS = "=+\\-@\t\r\n＝＋－＠"
_BEGINS = f"^'*[{_SIGNS}]"
"""Behind apostrophes too, so that one apostrophe less always gives the text as it was."""
_NUMBER = r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$"


def check_formulas(formulas: str) -> None:
    """Raise ParameterError for anything but `keep` and `escape`."""
    if formulas not in get_args(Formulas):
        raise ParameterError(f"formulas = {formulas!r}: give 'keep' or 'escape'.")


def like_formulas(table: pa.Table) -> int:
    """How many cells and names of columns a spreadsheet would take for formulas."""
    names = sum(map(_is_formula, table.column_names))
    return names + sum(pc.sum(_mask(table[i])).as_py() or 0 for i in _texts(table))


def escaped(table: pa.Table) -> pa.Table:
    """The table with an apostrophe before each of them; reversible, and numbers stay numbers."""
    for i in _texts(table):
        column = table[i]
        marked = pc.binary_join_element_wise("'", column, "")
        table = table.set_column(i, table.field(i), pc.if_else(_mask(column), marked, column))
    return table.rename_columns([f"'{n}" if _is_formula(n) else n for n in table.column_names])


def _texts(table: pa.Table) -> list[int]:
    return [i for i, field in enumerate(table.schema) if pa.types.is_string(field.type)]


def _mask(column: pa.ChunkedArray) -> Any:
    begins, number = (pc.match_substring_regex(column, pattern) for pattern in (_BEGINS, _NUMBER))
    return pc.and_not(begins, number)


def _is_formula(text: str) -> bool:
    return bool(re.match(_BEGINS, text)) and not re.match(_NUMBER, text)
