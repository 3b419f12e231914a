"""What commands that write tables say of cells that begin like formulas."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

from cyclopts import Parameter

from rara.cli.options import OUTPUT
from rara.cli.printing import tell
from rara.errors import ParameterError
from rara.report.formatting import counted
from rara.table.csv_cells import Formulas, like_formulas


class _Table(Protocol):
    def save(self, path: Path, *, formulas: Formulas) -> None: ...


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True)
class Cells:
    """How text is written into a CSV file."""

    escape_formulas: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="In a .csv file, put an apostrophe before text that a spreadsheet takes for a "
            "formula, such as a prompt that begins with =.",
        ),
    ] = False

    def check(self, output: Path | None) -> None:
        """Raise ParameterError where there is no CSV file to write."""
        if self.escape_formulas and (output is None or output.suffix.lower() != ".csv"):
            raise ParameterError(
                f"--escape-formulas with {output or 'no output'}: it is for a .csv file, as other "
                "formats keep text apart from formulas. Give -o TABLE.csv, or remove it."
            )

    def save(self, table: _Table, arrow: Any, output: Path) -> None:
        """Write the table, and say what a spreadsheet would run in its Arrow table."""
        table.save(output, formulas="escape" if self.escape_formulas else "keep")
        if output.suffix.lower() != ".csv" or not (count := like_formulas(arrow)):
            return
        what = f"'{output}': a spreadsheet takes {counted(count, 'cell')} of text for a formula"
        end = "each got an apostrophe" if self.escape_formulas else "--escape-formulas prevents it"
        tell(f"{what}; {end}.")
